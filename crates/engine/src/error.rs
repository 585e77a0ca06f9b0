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
    /// The network's activations need more memory than a browser tab should be asked for.
    #[error("activations take {bytes} bytes, at most {limit} are accepted")]
    TooLarge {
        /// Bytes of all buffers.
        bytes: u64,
        /// The most that is accepted.
        limit: u64,
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
