use graph::GraphError;

/// Why a file is refused. Messages say what would be accepted.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum FormatError {
    /// The file ends before its own sizes say, as after an interrupted download.
    #[error("{what} is cut off after {actual} bytes{}", expectation(*expected))]
    CutOff {
        /// The file or the part of it.
        what: String,
        /// Bytes that it should have, where the file says.
        expected: Option<u64>,
        /// Bytes that are there.
        actual: u64,
    },
    /// The file contradicts its format or itself.
    #[error("{what}, {place}: {detail}")]
    Malformed {
        /// Which kind of file.
        what: &'static str,
        /// Where: an offset, a tensor, a node.
        place: String,
        /// What is wrong, with both numbers, or what would be accepted.
        detail: String,
    },
    /// A node needs something that this project does not compute.
    #[error("node {node}: {feature}")]
    Unsupported {
        /// Position and name, such as `212, "Resize_3"`.
        node: String,
        /// What it needs, and what would be accepted.
        feature: String,
    },
    /// The model as a whole needs something that this project does not do.
    #[error("model: {feature}")]
    UnsupportedModel {
        /// What it needs, and what would be accepted.
        feature: String,
    },
    /// A size beyond what a browser tab should be asked to hold.
    #[error("{what}: {actual} is too large, accepted are at most {limit}")]
    TooLarge {
        /// What is counted, with its unit.
        what: String,
        /// The count, or the first one over the limit.
        actual: u64,
        /// The largest accepted.
        limit: u64,
    },
    /// A node's parameters do not fit its input.
    #[error("node {node}: {source}")]
    Node {
        /// Position and name, such as `212, "Resize_3"`.
        node: String,
        /// What does not fit.
        source: Box<GraphError>,
    },
    /// The graph in the file breaks an invariant.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

fn expectation(expected: Option<u64>) -> String {
    expected.map_or_else(String::new, |expected| format!(", expected {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_where_and_what() {
        let cut = FormatError::CutOff { what: "onnx file".to_owned(), expected: Some(90), actual: 7 };
        assert_eq!(cut.to_string(), "onnx file is cut off after 7 bytes, expected 90");
        let node = r#"212, "Resize_3""#.to_owned();
        let unsupported = FormatError::Unsupported { node, feature: "operator Resize".to_owned() };
        assert_eq!(unsupported.to_string(), r#"node 212, "Resize_3": operator Resize"#);
    }
}
