//! One frame through both sides.
//!
//! A `VideoFrame` is copied in its own format and prepared from its planes; what cannot be had so, and every bitmap, is
//! drawn and read back. Both end in the original's own tensor.

use std::mem;

use pipeline::{ClassMap, Classifier, PipelineError};
use vision::{Frame, View, VisionError};
use web_sys::ImageBitmap;

use super::browser::{Drawable, now_millis, report};
use super::heat::{self, Heats};
use super::planes::OpenFrame;
use super::session::{Original, Session};
use super::{Shared, post};
use crate::bridge::{Answer, FramePixels, Prediction, RequestId, SideResult};

/// Answers shown for each side.
const TOP: usize = 5;

/// A drawn frame's longest side, pixels; the page draws smaller ones.
const LONGEST: u32 = 1024;

/// What is asked of a frame.
pub(super) struct Request {
    pub(super) id: RequestId,
    pub(super) calibrates: bool,
    pub(super) view: View,
    /// Each side also says where its first answer comes from.
    pub(super) heat: bool,
}

/// What both models gave, and what the frame was prepared from.
struct Results {
    original: Option<SideResult>,
    compressed: Option<SideResult>,
    prepare_millis: f64,
    pixels: FramePixels,
}

/// Runs both models on a drawn square and answers.
pub(super) fn run_bitmap(session: &Shared, request: &Request, bitmap: &ImageBitmap) {
    let start = now_millis();
    let results = both(&mut session.borrow_mut(), request, start, Source::Drawn(Drawable::Bitmap(bitmap)));
    bitmap.close();
    answer(request.id, results);
}

/// Runs both models on a video's frame and answers. The page waits with the next frame for the answer; should another
/// one come all the same while the browser copies, each has its own buffers.
pub(super) async fn run_video(session: Shared, request: Request, frame: OpenFrame) {
    let start = now_millis();
    // Out of the session, which is not borrowed while the browser copies.
    let mut planes = mem::take(&mut session.borrow_mut().planes);
    let source = match planes.read(&frame).await {
        Some((frame, pixels)) => Source::Planes(frame, pixels),
        None => Source::Drawn(Drawable::Video(frame.inner())),
    };
    let results = both(&mut session.borrow_mut(), &request, start, source);
    drop(frame);
    session.borrow_mut().planes = planes;
    answer(request.id, results);
}

/// A frame that cannot be read or run is answered empty, so that the page sends the next one.
pub(super) fn answer_empty(id: RequestId) {
    answer(id, Ok(None));
}

fn answer(id: RequestId, results: Result<Option<Results>, String>) {
    let results = results.unwrap_or_else(|error| {
        report(&error.into());
        None
    });
    post(&match results {
        Some(Results { original, compressed, prepare_millis, pixels }) => Answer::FrameResult {
            id,
            original,
            compressed,
            prepare_millis: Some(prepare_millis),
            pixels: Some(pixels),
        },
        None => {
            Answer::FrameResult { id, original: None, compressed: None, prepare_millis: None, pixels: None }
        }
    });
}

enum Source<'a> {
    Planes(Frame<'a>, FramePixels),
    Drawn(Drawable<'a>),
}

fn both(
    session: &mut Session,
    request: &Request,
    start: f64,
    source: Source<'_>,
) -> Result<Option<Results>, String> {
    if request.heat {
        Heats::ensure(session).map_err(|error| error.to_string())?;
    }
    let Session {
        original: Some(original),
        compressed,
        left,
        heats,
        frames,
        frames_seen,
        reader,
        compressed_first,
        ..
    } = session
    else {
        return Ok(None);
    };
    let defect = |error: VisionError| error.to_string();
    let pixels = match source {
        Source::Planes(frame, pixels) => {
            original.prepare_frame(&frame, &request.view).map_err(defect)?;
            pixels
        }
        Source::Drawn(drawable) => {
            let pixels = reader.read(drawable, LONGEST).map_err(|error| format!("frame: {error:?}"))?;
            let picture = pixels.picture().map_err(defect)?;
            original.prepare_frame(&picture.frame(), &request.view).map_err(defect)?;
            FramePixels::Canvas
        }
    };
    let prepare_millis = now_millis() - start;
    *frames_seen = true;
    let Original { classifier: original, tensor, .. } = original;
    match request.calibrates {
        true => frames.offer(tensor, now_millis()),
        false => frames.clear(),
    }

    let left = left.as_mut().map_or(original, |left| &mut left.classifier);
    let mut no_heats = (None, None);
    let (heat_left, heat_right) = match heats {
        Some(heats) if request.heat => (&mut heats.left, &mut heats.right),
        _ => (&mut no_heats.0, &mut no_heats.1),
    };
    let timed = |classifier: &mut Classifier, heat: &mut Option<ClassMap>| -> Result<f64, PipelineError> {
        let start = now_millis();
        match heat {
            Some(heat) => heat.run(classifier, tensor)?,
            None => drop(classifier.probabilities(tensor)?),
        }
        Ok(now_millis() - start)
    };
    let (mut left_millis, mut right_millis) = (None, None);
    *compressed_first = !*compressed_first;
    for right_turn in [*compressed_first, !*compressed_first] {
        if right_turn {
            let run = compressed.as_mut().map(|right| timed(right, heat_right));
            right_millis = run.transpose().map_err(|error| error.to_string())?;
        } else {
            left_millis = Some(timed(left, heat_left).map_err(|error| error.to_string())?);
        }
    }
    let side = |this: &Classifier, other: Option<&Classifier>, millis: f64, heat: &mut Option<ClassMap>| {
        let top = top(this, other);
        let heat = top.first().zip(heat.as_mut()).map(|(first, heat)| heat::of(heat, first.class));
        SideResult { top, millis, heat }
    };
    let right = compressed.as_ref();
    Ok(Some(Results {
        original: left_millis.map(|millis| side(left, right, millis, heat_left)),
        compressed: right
            .zip(right_millis)
            .map(|(model, millis)| side(model, Some(left), millis, heat_right)),
        prepare_millis,
        pixels,
    }))
}

/// The first answers of one side, with the other side's probability for each.
pub(super) fn top(this: &Classifier, other: Option<&Classifier>) -> Vec<Prediction> {
    let answers = this.answers(TOP).into_iter();
    answers
        .map(|answer| Prediction {
            class: answer.class as u32,
            probability: answer.probability,
            other: other.map(|other| other.probability(answer.class)),
        })
        .collect()
}
