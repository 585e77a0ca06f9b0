//! One frame through both models.

use pipeline::{Classifier, PipelineError};
use vision::View;
use web_sys::ImageBitmap;

use super::browser::{now_millis, report};
use super::session::Session;
use super::{Shared, post};
use crate::bridge::{Answer, Prediction, RequestId, SideResult};

/// Answers shown for each side.
const TOP: usize = 5;

/// A frame's longest side, pixels; the page draws smaller ones.
const LONGEST: u32 = 1024;

/// Runs both models on `bitmap` and answers. A frame that cannot be read or run is answered empty, so that the page
/// sends the next one.
pub(super) fn run(session: &Shared, id: RequestId, bitmap: &ImageBitmap, calibrates: bool) {
    let (original, compressed) = match both(&mut session.borrow_mut(), bitmap, calibrates) {
        Ok(results) => results,
        Err(error) => {
            report(&error.into());
            (None, None)
        }
    };
    bitmap.close();
    post(&Answer::FrameResult { id, original, compressed });
}

type Results = (Option<SideResult>, Option<SideResult>);

fn both(session: &mut Session, bitmap: &ImageBitmap, calibrates: bool) -> Result<Results, String> {
    let Session { original: Some(original), compressed, frames, reader, compressed_first, .. } = session
    else {
        return Ok((None, None));
    };
    let pixels = reader.read(bitmap, LONGEST).map_err(|error| format!("frame: {error:?}"))?;
    let tensor = original.prepare(&pixels, &View::WHOLE).map_err(|error| error.to_string())?;
    match calibrates {
        true => frames.offer(&tensor, now_millis()),
        false => frames.clear(),
    }

    let timed = |classifier: &mut Classifier| -> Result<f64, PipelineError> {
        let start = now_millis();
        classifier.probabilities(&tensor)?;
        Ok(now_millis() - start)
    };
    let (mut original_millis, mut compressed_millis) = (None, None);
    *compressed_first = !*compressed_first;
    for compressed_turn in [*compressed_first, !*compressed_first] {
        if compressed_turn {
            compressed_millis =
                compressed.as_mut().map(timed).transpose().map_err(|error| error.to_string())?;
        } else {
            original_millis = Some(timed(&mut original.classifier).map_err(|error| error.to_string())?);
        }
    }
    let side = |this: &Classifier, other: Option<&Classifier>, millis: f64| SideResult {
        top: this
            .answers(TOP)
            .into_iter()
            .map(|answer| Prediction {
                class: answer.class as u32,
                probability: answer.probability,
                other: other.map(|other| other.probability(answer.class)),
            })
            .collect(),
        millis,
    };
    let compressed = compressed.as_ref();
    Ok((
        original_millis.map(|millis| side(&original.classifier, compressed, millis)),
        compressed
            .zip(compressed_millis)
            .map(|(model, millis)| side(model, Some(&original.classifier), millis)),
    ))
}
