use graph::GraphError;
use kernels::KernelError;

/// Why a graph cannot be planned or a plan cannot run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The graph does not hold together.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// An operator is valid but has no kernel.
    #[error("{op} `{node}`: {feature} is not supported")]
    Unsupported {
        /// The operator's name.
        op: &'static str,
        /// The node's name.
        node: String,
        /// What is missing.
        feature: String,
    },
    /// A kernel refused its arguments.
    #[error("`{node}`: {source}")]
    Kernel {
        /// The node's name.
        node: String,
        /// What it said.
        source: KernelError,
    },
    /// A quantized bias does not fit int32.
    #[error("`{node}`: bias {bias} over scale {scale:e} does not fit int32; widen the weight's scale")]
    BiasRange {
        /// The node's name.
        node: String,
        /// The real bias.
        bias: f32,
        /// Its scale.
        scale: f64,
    },
    /// The input has the wrong length.
    #[error("input has {actual} elements, the network takes {expected}")]
    Input {
        /// Height * width * 3.
        expected: usize,
        /// Elements given.
        actual: usize,
    },
}
