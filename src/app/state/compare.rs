//! Which two models are compared, and how the picture shows them: the left side (the original, or what a recipe of the
//! history makes of it), the divider, and the maps of where answers come from.

use std::rc::Rc;

use pipeline::Recipe;

use super::fixed::cancel_fixed;
use super::reduce::other_models;
use super::{Effect, FixedState, Progress, State};
use crate::bridge::{CompressedFacts, Request, RequestId};

/// What the view *Live* compares and how.
#[derive(Clone, Debug, PartialEq)]
pub struct CompareState {
    /// How both sides share the picture.
    pub mode: CompareMode,
    /// Per cent of the picture's width that belong to the left side.
    pub divider: f64,
    /// Maps of where both first answers come from lie over the picture.
    pub heat: bool,
    /// The left side.
    pub left: LeftSide,
}

impl Default for CompareState {
    fn default() -> Self {
        Self { mode: CompareMode::default(), divider: 50.0, heat: false, left: LeftSide::default() }
    }
}

/// How both sides share the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CompareMode {
    /// One picture with a line that is moved.
    #[default]
    Divider,
    /// The picture twice.
    SideBySide,
}

impl CompareMode {
    /// Both, in the order in which they are offered.
    pub const ALL: [Self; 2] = [Self::Divider, Self::SideBySide];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Divider => "divider",
            Self::SideBySide => "side-by-side",
        }
    }
}

/// The model on the left side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeftSide {
    /// The recipe that is asked for; `None` for the original.
    pub wanted: Option<Recipe>,
    /// The request that makes it, and how far it is.
    pub running: Option<(RequestId, Progress)>,
    /// What runs; `None` for the original.
    pub facts: Option<Rc<CompressedFacts>>,
}

impl LeftSide {
    /// The original runs on the left side and stays there.
    pub fn is_original(&self) -> bool {
        self.facts.is_none() && self.wanted.is_none() && self.running.is_none()
    }
}

/// What can happen.
#[derive(Clone, Debug, PartialEq)]
pub enum CompareAction {
    /// This way of sharing the picture, by its name.
    Show(&'static str),
    /// The other way.
    Turn,
    /// The divider stands here, per cent.
    Divide(f64),
    /// Maps on or off.
    Heat,
    /// An experiment on the left side, by its id; `None` for the original.
    Left(Option<u32>),
    /// Ends the making of the left side.
    CancelLeft,
}

/// The state after `action`.
pub(super) fn act(state: &mut State, action: CompareAction, effects: &mut Vec<Effect>) {
    match action {
        CompareAction::Show(name) => {
            if let Some(mode) = CompareMode::ALL.into_iter().find(|mode| mode.name() == name) {
                state.compare.mode = mode;
            }
        }
        CompareAction::Turn => {
            state.compare.mode = match state.compare.mode {
                CompareMode::Divider => CompareMode::SideBySide,
                CompareMode::SideBySide => CompareMode::Divider,
            };
        }
        CompareAction::Divide(percent) => {
            if percent.is_finite() {
                state.compare.divider = percent.clamp(0.0, 100.0);
            }
        }
        CompareAction::Heat => state.compare.heat = !state.compare.heat,
        CompareAction::Left(None) => set_left(state, None, effects),
        CompareAction::Left(Some(id)) => {
            let found = state.experiments.nodes.iter().find(|node| node.id == id);
            if let Some(recipe) = found.map(|node| node.recipe.clone()) {
                set_left(state, Some(recipe), effects);
            }
        }
        CompareAction::CancelLeft => {
            let wanted = state.compare.left.facts.as_ref().map(|facts| facts.recipe.clone());
            cancel(state, effects);
            state.compare.left.wanted = wanted;
        }
    }
}

/// Asks for another model on the left side; an unedited recipe of no steps is the original itself.
pub(super) fn set_left(state: &mut State, recipe: Option<Recipe>, effects: &mut Vec<Effect>) {
    if state.compare.left.wanted == recipe || state.model.current.is_none() || !state.worker_ready() {
        return;
    }
    cancel(state, effects);
    let id = state.request_id();
    state.compare.left.wanted.clone_from(&recipe);
    state.compare.left.running = Some((id, Progress::default()));
    effects.push(Effect::Post(Request::SetLeft { id, recipe }));
}

fn cancel(state: &mut State, effects: &mut Vec<Effect>) {
    if let Some((id, _)) = state.compare.left.running.take() {
        effects.push(Effect::Post(Request::Cancel { id }));
    }
}

/// The worker put another model on the left side.
pub(super) fn left_set(
    state: &mut State,
    id: RequestId,
    facts: Option<CompressedFacts>,
    effects: &mut Vec<Effect>,
) {
    let expected = state.compare.left.running.take_if(|(wanted, _)| *wanted == id).is_some();
    state.compare.left.facts = facts.map(Rc::new);
    cancel_fixed(state, effects);
    state.fixed = FixedState::default();
    other_models(state);
    let has = state.compare.left.facts.as_ref().map(|facts| facts.recipe.clone());
    if !expected && state.compare.left.running.is_none() && has != state.compare.left.wanted {
        // Its cancellation came too late: what is wanted is asked for again.
        let wanted = std::mem::replace(&mut state.compare.left.wanted, has);
        set_left(state, wanted, effects);
    }
}

/// Notes how far the left side is. Says whether the report was about it.
pub(super) fn progressed(state: &mut State, id: RequestId, progress: Progress) -> bool {
    match &mut state.compare.left.running {
        Some((wanted, known)) if *wanted == id => {
            *known = progress;
            true
        }
        _ => false,
    }
}

/// The left side came to nothing: the former one goes on. Says whether the request was about it.
pub(super) fn failed(state: &mut State, id: RequestId) -> bool {
    let ended = state.compare.left.running.take_if(|(wanted, _)| *wanted == id).is_some();
    if ended {
        state.compare.left.wanted = state.compare.left.facts.as_ref().map(|facts| facts.recipe.clone());
    }
    ended
}

#[cfg(test)]
mod tests {
    use super::super::tests::Page;
    use super::super::*;
    use crate::bridge::{Answer, Failure, Request};

    /// Both models are there, and the first experiment is asked for on the left side.
    fn asked() -> (Page, RequestId) {
        let mut page = Page::ready();
        let id = page.state.experiments.nodes[0].id;
        page.act(Action::Compare(CompareAction::Left(Some(id))));
        let Some(Request::SetLeft { id, recipe: Some(_) }) = page.posted().first().copied().cloned() else {
            panic!("{:?}", page.effects);
        };
        (page, id)
    }

    fn facts(page: &Page) -> crate::bridge::CompressedFacts {
        page.state.recipe.current().map(|facts| (**facts).clone()).unwrap()
    }

    #[test]
    fn any_experiment_can_stand_on_the_left_and_the_original_comes_back() {
        let (mut page, id) = asked();
        assert_eq!(page.state.numbers.bytes_original, Cell::Missing(Reason::RecipeRuns(None)));
        let pair = page.state.pair;
        let left = facts(&page);
        page.hear(Answer::LeftSet { id, facts: Some(left.clone()) });
        assert_eq!(page.state.numbers.bytes_original, Cell::Known(left.sizes.shipped));
        assert_ne!(page.state.pair, pair, "answers before and after are not counted together");
        assert!(!page.state.compare.left.is_original());
        page.act(Action::Compare(CompareAction::Left(None)));
        let Some(Request::SetLeft { id, recipe: None }) = page.posted().first().copied().cloned() else {
            panic!("{:?}", page.effects);
        };
        page.hear(Answer::LeftSet { id, facts: None });
        assert!(page.state.compare.left.is_original());
        assert_eq!(page.state.numbers.bytes_original, Cell::Known(4_000_000));
    }

    #[test]
    fn a_failed_left_side_leaves_the_former_one() {
        let (mut page, id) = asked();
        page.hear(Answer::Failed { id, failure: Failure::NoPictures });
        assert!(page.state.compare.left.is_original());
        assert_eq!(page.state.numbers.bytes_original, Cell::Known(4_000_000));
    }

    #[test]
    fn another_choice_cancels_the_one_before_and_a_late_one_is_put_right() {
        let (mut page, late) = asked();
        page.act(Action::Compare(CompareAction::Left(None)));
        assert!(page.posted().iter().any(|it| matches!(it, Request::Cancel { id } if *id == late)));
        let left = facts(&page);
        page.hear(Answer::LeftSet { id: late, facts: Some(left) });
        assert!(page.state.compare.left.running.is_some(), "the original is on its way");
    }

    #[test]
    fn what_is_compared_with_another_recipe_is_no_figure_of_an_experiment() {
        let (mut page, id) = asked();
        let left = facts(&page);
        page.hear(Answer::LeftSet { id, facts: Some(left) });
        let before = page.state.experiments.clone();
        page.frames(200, 1, 1);
        assert!(matches!(page.state.numbers.agreement, Cell::Known(_)));
        assert_eq!(page.state.experiments, before);
    }

    #[test]
    fn another_model_brings_its_original() {
        let (mut page, id) = asked();
        let left = facts(&page);
        page.hear(Answer::LeftSet { id, facts: Some(left) });
        page.act(Action::ChooseModel("everyday-60".into()));
        let id = page.state.model.loading.as_ref().unwrap().id;
        page.hear(Answer::ModelLoaded { id, model: super::super::tests::model(5_000_000) });
        assert!(page.state.compare.left.is_original());
    }

    #[test]
    fn the_divider_stays_on_the_picture() {
        let mut page = Page::ready();
        for (asked, stands) in [(30.0, 30.0), (-4.0, 0.0), (f64::NAN, 0.0), (140.0, 100.0)] {
            page.act(Action::Compare(CompareAction::Divide(asked)));
            assert_eq!(page.state.compare.divider, stands);
        }
        page.act(Action::Compare(CompareAction::Turn));
        assert_eq!(page.state.compare.mode, CompareMode::SideBySide);
        page.act(Action::Compare(CompareAction::Show("divider")));
        assert_eq!(page.state.compare.mode, CompareMode::Divider);
    }
}
