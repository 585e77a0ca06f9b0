//! Runs a recipe in small pieces.

use std::sync::Arc;

use compress::{Recipe, Step, prune_magnitude, quantize_int8, to_float16};
use engine::{Executor, Fusion, Plan};
use graph::{Evidence, Graph, fold_batch_norms};

use crate::{PipelineError, Sizes, SizesRun};

/// A recipe under way. Each [`RecipeRun::advance`] does one bounded piece of work: one pass, one calibration frame or
/// one piece of a file. Dropping it is cancelling; the original is never touched.
#[derive(Debug)]
pub struct RecipeRun {
    recipe: Recipe,
    calibration: Arc<[Vec<f32>]>,
    graph: Arc<Graph>,
    next_step: usize,
    n_calibration: usize,
    work: Work,
}

#[derive(Debug)]
enum Work {
    Passes,
    Calibration { executor: Box<Executor>, evidence: Evidence },
    Sizes(Box<SizesRun>),
}

/// Where a run stands after a piece of work.
#[derive(Debug)]
pub enum Status {
    /// There is more to do.
    Working(Progress),
    /// The compressed model.
    Done(Box<Compressed>),
}

/// How far a stage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The stage.
    pub stage: Stage,
    /// Done so far: passes, frames or bytes.
    pub done: u64,
    /// All there are.
    pub total: u64,
}

/// What a run is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Changing weights.
    Weights,
    /// Observing activations on calibration frames.
    Calibrate,
    /// Writing the files that are counted.
    Sizes,
}

/// What a recipe made.
#[derive(Debug)]
pub struct Compressed {
    /// The model.
    pub graph: Graph,
    /// Its files' sizes.
    pub sizes: Sizes,
    /// Frames that calibrated it; 0 where no step needed any.
    pub n_calibration: usize,
}

impl RecipeRun {
    /// Prepares to run `recipe` on `original`, with prepared pictures (`nhwc`, normalised) for calibration.
    ///
    /// # Errors
    /// [`PipelineError::Compress`] for a recipe that is refused, [`PipelineError::NoCalibration`] when it needs frames
    /// and there are none.
    pub fn new(
        original: Arc<Graph>,
        recipe: Recipe,
        calibration: Arc<[Vec<f32>]>,
    ) -> Result<Self, PipelineError> {
        recipe.validate()?;
        if calibration.is_empty() && recipe.steps.iter().any(Step::needs_calibration) {
            return Err(PipelineError::NoCalibration);
        }
        Ok(Self { recipe, calibration, graph: original, next_step: 0, n_calibration: 0, work: Work::Passes })
    }

    /// Does the next piece of work.
    ///
    /// # Errors
    /// What passes and engine refuse; the run is then over.
    pub fn advance(&mut self) -> Result<Status, PipelineError> {
        match &mut self.work {
            Work::Passes => match self.recipe.steps.get(self.next_step) {
                None => {
                    self.work = Work::Sizes(Box::new(SizesRun::new(Arc::clone(&self.graph))));
                    Ok(self.progress())
                }
                Some(Step::QuantizeInt8) => {
                    let folded = fold_batch_norms(&self.graph)?;
                    let executor = Box::new(Executor::new(Plan::new(&folded, Fusion::Observable)?));
                    self.graph = Arc::new(folded);
                    self.work = Work::Calibration { executor, evidence: Evidence::default() };
                    Ok(self.progress())
                }
                Some(Step::PruneMagnitude { sparsity }) => {
                    let pruned = prune_magnitude(&self.graph, *sparsity)?;
                    Ok(self.pass_done(pruned))
                }
                Some(Step::Float16) => {
                    let halved = to_float16(&self.graph)?;
                    Ok(self.pass_done(halved))
                }
            },
            Work::Calibration { executor, evidence } => {
                if let Some(frame) = self.calibration.get(evidence.n_frames()) {
                    let graph = &self.graph;
                    executor.run_observed(frame, &mut |value, activations| {
                        evidence.observe(value, activations, graph.value(value).shape.channels());
                    })?;
                    evidence.end_frame();
                    return Ok(self.progress());
                }
                self.n_calibration = evidence.n_frames();
                let quantized = quantize_int8(&self.graph, evidence)?;
                Ok(self.pass_done(quantized))
            }
            Work::Sizes(run) => match run.advance() {
                None => Ok(self.progress()),
                Some(sizes) => Ok(Status::Done(Box::new(Compressed {
                    graph: Graph::clone(&self.graph),
                    sizes,
                    n_calibration: self.n_calibration,
                }))),
            },
        }
    }

    /// Runs to the end.
    ///
    /// # Errors
    /// As [`RecipeRun::advance`].
    pub fn finish(mut self) -> Result<Compressed, PipelineError> {
        loop {
            if let Status::Done(compressed) = self.advance()? {
                return Ok(*compressed);
            }
        }
    }

    fn pass_done(&mut self, graph: Graph) -> Status {
        self.graph = Arc::new(graph);
        self.next_step += 1;
        self.work = Work::Passes;
        self.progress()
    }

    fn progress(&self) -> Status {
        Status::Working(match &self.work {
            Work::Passes => {
                let (done, total) = (self.next_step as u64, self.recipe.steps.len() as u64);
                Progress { stage: Stage::Weights, done, total }
            }
            Work::Calibration { evidence, .. } => {
                let (done, total) = (evidence.n_frames() as u64, self.calibration.len() as u64);
                Progress { stage: Stage::Calibrate, done, total }
            }
            Work::Sizes(run) => {
                let (done, total) = run.progress();
                Progress { stage: Stage::Sizes, done, total }
            }
        })
    }
}
