//! Compresses the loaded model by a recipe, a piece of work at a time.

use pipeline::{Classifier, Compressed, Graph, Recipe, RecipeRun, Status};
use vision::calibration_views;

use super::browser::{next_turn, now_millis};
use super::session::{CALIBRATION_FRAMES, Session};
use super::{Shared, pictures, post};
use crate::bridge::{
    Answer, CalibrationSource, CompressedFacts, Failure, RequestId, Sizes, Stage, StepFacts,
};

/// Fewer frames than this do not calibrate; views of the built-in pictures do.
const ENOUGH_FRAMES: usize = CALIBRATION_FRAMES / 2;

/// Work on a recipe goes on this long, milliseconds, before a frame may be answered.
const TURN_MILLIS: f64 = 80.0;

/// Runs `recipe` and makes the result the compressed model. Until then, and on failure, the former one stays.
pub(super) async fn compress(session: &Shared, id: RequestId, recipe: Recipe) -> Result<Answer, Failure> {
    let (graph, classifier, facts) = make(session, id, recipe).await?;
    session.borrow_mut().replace_compressed(graph, classifier);
    Ok(Answer::Compressed { id, facts })
}

/// What `recipe` makes of the original, a piece of work at a time.
pub(super) async fn make(
    session: &Shared,
    id: RequestId,
    recipe: Recipe,
) -> Result<(Graph, Classifier, CompressedFacts), Failure> {
    let start = now_millis();
    let generation = session.borrow().generation();
    let (frames, calibration) = match recipe.steps.iter().any(pipeline::Step::needs_calibration) {
        true => calibration(session).await?,
        false => (Vec::new(), CalibrationSource::None),
    };
    let graph = session.borrow().original.as_ref().ok_or(Failure::NoModel)?.graph.clone();
    let mut run = RecipeRun::new(graph, recipe.clone(), frames.into()).map_err(refused)?;
    let mut turn_ends = 0.0;
    let Compressed { graph, sizes, layers, n_calibration, steps } = loop {
        if now_millis() >= turn_ends {
            next_turn().await;
            session.borrow_mut().check_cancelled(id)?;
            session.borrow().check_generation(generation)?;
            turn_ends = now_millis() + TURN_MILLIS;
        }
        match run.advance().map_err(refused)? {
            Status::Done(compressed) => break *compressed,
            Status::Working(pipeline::Progress { stage, done, total }) => {
                let stage = match stage {
                    pipeline::Stage::Weights => Stage::Weights,
                    pipeline::Stage::Calibrate => Stage::Calibrate,
                    pipeline::Stage::Repair => Stage::Repair,
                    pipeline::Stage::Sizes => Stage::Sizes,
                };
                post(&Answer::Progress { id, stage, done, total: Some(total) });
            }
        }
    };
    let mut classifier = Classifier::new(&graph).map_err(refused)?;
    classifier.try_out().map_err(refused)?;
    let (sparsity, entropy_bits) = (graph.sparsity(), pipeline::entropy_bits(&graph));
    next_turn().await;
    session.borrow_mut().check_cancelled(id)?;
    session.borrow().check_generation(generation)?;
    let facts = CompressedFacts {
        sizes: Sizes {
            dense: sizes.dense,
            gzip: sizes.gzip,
            sparse: sizes.sparse,
            coded: sizes.coded,
            shipped: sizes.of(recipe.storage),
        },
        format: recipe.number_format(),
        recipe,
        sparsity,
        entropy_bits,
        millis: now_millis() - start,
        n_calibration: n_calibration as u32,
        calibration,
        layers,
        steps: steps
            .into_iter()
            .map(|pipeline::StepReport { pass: _, bytes, zeros, multiply_adds }| StepFacts {
                bytes,
                zeros,
                multiply_adds,
            })
            .collect(),
    };
    Ok((graph, classifier, facts))
}

/// The frames seen last where there are enough, else views of the built-in pictures, else the few frames there are.
async fn calibration(session: &Shared) -> Result<(Vec<Vec<f32>>, CalibrationSource), Failure> {
    if session.borrow().frames.len() >= ENOUGH_FRAMES {
        return Ok((session.borrow().frames.tensors(), CalibrationSource::Frames));
    }
    match pictures::ensure_built_in(session).await {
        Ok(()) => Ok((built_in_views(&mut session.borrow_mut())?, CalibrationSource::BuiltIn)),
        Err(_) if session.borrow().frames.len() > 0 => {
            Ok((session.borrow().frames.tensors(), CalibrationSource::Frames))
        }
        Err(failure) => Err(failure),
    }
}

pub(super) fn built_in_views(session: &mut Session) -> Result<Vec<Vec<f32>>, Failure> {
    let Session { original: Some(original), built_in: Some(pictures), .. } = session else {
        return Err(Failure::NoModel);
    };
    let defect = |error: vision::VisionError| Failure::Internal { detail: error.to_string() };
    let views = calibration_views(pictures.len(), CALIBRATION_FRAMES);
    if views.is_empty() {
        return Err(Failure::NoPictures);
    }
    views
        .into_iter()
        .map(|(picture, view)| original.prepare(&pictures[picture], &view).map_err(defect))
        .collect()
}

pub(super) fn refused(error: pipeline::PipelineError) -> Failure {
    Failure::Compression { detail: error.to_string() }
}
