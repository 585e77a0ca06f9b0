use compress::CompressError;
use engine::EngineError;
use graph::GraphError;

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
    /// A graph does not hold together.
    #[error(transparent)]
    Graph(#[from] GraphError),
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
}
