//! Both sides on a fixed set of pictures: a number that can be repeated.

use vision::{View, fixed_views};

use super::browser::next_turn;
use super::frames::top;
use super::session::Session;
use super::{Shared, pictures, post};
use crate::bridge::{Answer, Failure, FixedSet, Flip, Prediction, RequestId, Stage};

/// Runs both sides on every picture or view of `set`, giving control back after each.
pub(super) async fn run(session: &Shared, id: RequestId, set: FixedSet) -> Result<Answer, Failure> {
    let views: Vec<(usize, View)> = match set {
        FixedSet::BuiltIn => {
            pictures::ensure_built_in(session).await?;
            fixed_views(session.borrow().built_in.as_ref().map_or(0, Vec::len))
        }
        FixedSet::Own => (0..session.borrow().own.len()).map(|idx| (idx, View::WHOLE)).collect(),
    };
    if views.is_empty() {
        return Err(Failure::NoPictures);
    }
    let revision = session.borrow().revision();
    let total = views.len() as u64;
    let mut flips = Vec::new();
    for (position, (picture, view)) in views.into_iter().enumerate() {
        post(&Answer::Progress { id, stage: Stage::FixedSet, done: position as u64, total: Some(total) });
        next_turn().await;
        let mut session = session.borrow_mut();
        session.check_cancelled(id)?;
        session.check_revision(revision)?;
        let (left, right) = answers(&mut session, set, picture, &view)?;
        if left.first().map(|it| it.class) != right.first().map(|it| it.class) {
            flips.push(Flip { position: position as u32, left, right });
        }
    }
    Ok(Answer::FixedSetResult { id, set, n: total as u32, same: total as u32 - flips.len() as u32, flips })
}

/// The first answers of both sides.
fn answers(
    session: &mut Session,
    set: FixedSet,
    picture: usize,
    view: &View,
) -> Result<(Vec<Prediction>, Vec<Prediction>), Failure> {
    let Session { original: Some(original), compressed: Some(right), left, built_in, own, .. } = session
    else {
        return Err(Failure::NoModel);
    };
    let pictures = match set {
        FixedSet::BuiltIn => built_in.as_deref().unwrap_or_default(),
        FixedSet::Own => own.as_slice(),
    };
    let pixels = pictures.get(picture).ok_or(Failure::NoPictures)?;
    let defect = |detail: String| Failure::Internal { detail };
    let tensor = original.prepare(pixels, view).map_err(|error| defect(error.to_string()))?;
    let left = left.as_mut().map_or(&mut original.classifier, |left| &mut left.classifier);
    for classifier in [&mut *left, &mut *right] {
        classifier.probabilities(&tensor).map_err(|error| defect(error.to_string()))?;
    }
    Ok((top(left, Some(right)), top(right, Some(left))))
}
