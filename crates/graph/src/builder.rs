//! Builds a graph node by node, inferring shapes and refusing what does not fit.

use std::collections::HashSet;

use crate::{Graph, GraphError, Metadata, Node, Op, Shape, Value, ValueId};

/// Collects nodes; every shape is inferred as it comes.
#[derive(Debug)]
pub struct GraphBuilder {
    metadata: Metadata,
    values: Vec<Value>,
    nodes: Vec<Node>,
    names: HashSet<String>,
}

/// A graph over more elements than this in one activation is refused: a phone could not hold it.
const MAX_ELEMENTS: usize = 1 << 28;

impl GraphBuilder {
    /// A graph whose input is a picture of `height` by `width` with three channels.
    ///
    /// # Errors
    /// [`GraphError::Node`] when the picture is empty or too large.
    pub fn new(metadata: Metadata, height: usize, width: usize) -> Result<(Self, ValueId), GraphError> {
        let mut builder = Self { metadata, values: Vec::new(), nodes: Vec::new(), names: HashSet::new() };
        let input = builder.value("input", Shape::Image { height, width, channels: 3 })?;
        Ok((builder, input))
    }

    /// Adds an operator and gives the value it writes, which bears the node's name.
    ///
    /// # Errors
    /// What [`Op::output_shape`] refuses, [`GraphError::Order`] for a value that is not there, and
    /// [`GraphError::DuplicateName`].
    pub fn add(&mut self, name: &str, op: Op, inputs: &[ValueId]) -> Result<ValueId, GraphError> {
        let shapes = inputs
            .iter()
            .map(|id| self.values.get(id.0).map(|value| value.shape))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| GraphError::Order {
                node: name.to_owned(),
                value: inputs.iter().map(|id| id.0).max().unwrap_or(0),
            })?;
        let shape = op.output_shape(name, &shapes)?;
        let output = self.value(name, shape)?;
        self.nodes.push(Node { name: name.to_owned(), op, inputs: inputs.to_vec(), output });
        Ok(output)
    }

    /// The shape of a value added before.
    pub fn shape(&self, id: ValueId) -> Shape {
        self.values[id.0].shape
    }

    /// Ends the graph with `output`.
    ///
    /// # Errors
    /// What [`Graph::validate`] refuses.
    pub fn finish(self, output: ValueId) -> Result<Graph, GraphError> {
        let Self { metadata, values, nodes, names: _ } = self;
        let graph = Graph { metadata, values, nodes, input: ValueId(0), output };
        graph.validate()?;
        Ok(graph)
    }

    fn value(&mut self, name: &str, shape: Shape) -> Result<ValueId, GraphError> {
        if !shape.checked_len().is_some_and(|len| (1..=MAX_ELEMENTS).contains(&len)) {
            let detail = format!("its {shape} has no or more than {MAX_ELEMENTS} elements");
            return Err(GraphError::Node { op: "value", node: name.to_owned(), detail });
        }
        if !self.names.insert(name.to_owned()) {
            return Err(GraphError::DuplicateName(name.to_owned()));
        }
        self.values.push(Value { name: name.to_owned(), shape, quantization: None });
        Ok(ValueId(self.values.len() - 1))
    }
}
