use crate::Shape;

/// Why a graph is refused.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum GraphError {
    /// Operator and input do not fit.
    #[error("{op} `{node}`: {detail}")]
    Node {
        /// The operator's name.
        op: &'static str,
        /// The node's name.
        node: String,
        /// What does not fit, with both numbers.
        detail: String,
    },
    /// A node reads a shape that its operator cannot.
    #[error("{op} `{node}`: input {position} is {actual}, expected {expected}")]
    InputShape {
        /// The operator's name.
        op: &'static str,
        /// The node's name.
        node: String,
        /// Position among the node's inputs.
        position: usize,
        /// What would be accepted.
        expected: String,
        /// What is there.
        actual: Shape,
    },
    /// A value or node name stands twice.
    #[error("name `{0}` is used twice")]
    DuplicateName(String),
    /// A node reads a value before it is written, or a value that is not there.
    #[error("node `{node}` reads value {value}, which is not written before it")]
    Order {
        /// The node's name.
        node: String,
        /// The value's position.
        value: usize,
    },
    /// A value's quantization is not usable.
    #[error("value `{value}`: scale {scale} is not finite and positive")]
    Scale {
        /// The value's name.
        value: String,
        /// The scale.
        scale: f32,
    },
    /// The model's preparation of pictures is not usable.
    #[error("preprocessing: {0}")]
    Preprocessing(String),
}
