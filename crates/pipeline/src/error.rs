use compress::CompressError;
use engine::EngineError;
use formats::FormatError;
use graph::GraphError;

use crate::Budget;

/// Why a model or recipe does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineError {
    /// The engine refused the graph or a picture.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A pass refused the graph or its parameters.
    #[error(transparent)]
    Compress(#[from] CompressError),
    /// A file is not one that Tinylens wrote.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// A graph does not hold together.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A step of a recipe failed.
    #[error("step {step} ({pass}): {cause}")]
    InStep {
        /// Position, from 1.
        step: usize,
        /// The step's pass.
        pass: &'static str,
        /// Why.
        cause: Box<PipelineError>,
    },
    /// A layer could not be repaired.
    #[error("layer `{node}`: {cause}")]
    InLayer {
        /// The layer's node.
        node: String,
        /// Why.
        cause: Box<PipelineError>,
    },
    /// The recipe needs calibration frames and got none.
    #[error("the recipe needs calibration frames, expected at least 1")]
    NoCalibration,
    /// A checkpoint lacks a tensor.
    #[error("checkpoint: tensor `{name}` of shape {shape:?} is missing or has another shape")]
    Tensor {
        /// Its name.
        name: String,
        /// The shape it should have.
        shape: Vec<usize>,
    },
    /// Two models that are compared have different numbers of classes.
    #[error("the model has {actual} classes, the reference {expected}; they must have the same")]
    Classes {
        /// Those of the reference.
        expected: usize,
        /// Those of the model.
        actual: usize,
    },
    /// There is nothing to measure on.
    #[error("no pictures, expected at least 1")]
    NoPictures,
    /// No choice of the layers' forms keeps a budget.
    #[error("the budget {budget:?} cannot be kept: all layers at their cheapest reach {reached}")]
    Budget {
        /// The budget.
        budget: Budget,
        /// What is reached, in the budget's unit.
        reached: f64,
    },
    /// Bytes were counted in a file of another network.
    #[error("the file has {actual} layers with weights, expected {expected}")]
    LayerCount {
        /// Those of the model.
        expected: usize,
        /// Those of the file.
        actual: usize,
    },
    /// A compressed model has lost a layer of the original, or has it in another shape.
    #[error("layer `{node}` of the original has no layer of its name and shape in the compressed model")]
    Layer {
        /// The layer's node.
        node: String,
    },
}
