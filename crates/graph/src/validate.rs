//! The invariants of a graph, checked after every pass and after every read.

use std::collections::HashSet;

use crate::{Graph, GraphError, Shape};

impl Graph {
    /// Checks every invariant of a classifier: those of [`Graph::validate_part`], and the output is a vector.
    ///
    /// # Errors
    /// The first invariant that does not hold.
    pub fn validate(&self) -> Result<(), GraphError> {
        self.validate_part()?;
        if !matches!(self.value(self.output).shape, Shape::Vector { .. }) {
            let detail = format!("is {}, expected a vector of classes", self.value(self.output).shape);
            let node = self.value(self.output).name.clone();
            return Err(GraphError::Node { op: "output", node, detail });
        }
        Ok(())
    }

    /// Checks every invariant that also holds for a part of a network: names are unique, nodes read only what is written
    /// before them, each value is written once, shapes are those that the operators give, scales are usable.
    ///
    /// # Errors
    /// The first invariant that does not hold.
    pub fn validate_part(&self) -> Result<(), GraphError> {
        let mut names = HashSet::new();
        for value in &self.values {
            if !names.insert(value.name.as_str()) {
                return Err(GraphError::DuplicateName(value.name.clone()));
            }
            if let Some(quantization) = value.quantization
                && !(quantization.scale.is_finite() && quantization.scale > 0.0)
            {
                return Err(GraphError::Scale { value: value.name.clone(), scale: quantization.scale });
            }
        }
        let mut written = vec![false; self.values.len()];
        let missing = |node: &str, value| GraphError::Order { node: node.to_owned(), value };
        *written.get_mut(self.input.0).ok_or_else(|| missing("input", self.input.0))? = true;
        for node in &self.nodes {
            let mut shapes = Vec::with_capacity(node.inputs.len());
            for input in &node.inputs {
                if !written.get(input.0).copied().unwrap_or(false) {
                    return Err(missing(&node.name, input.0));
                }
                shapes.push(self.values[input.0].shape);
            }
            let shape = node.op.output_shape(&node.name, &shapes)?;
            let Some(written) = written.get_mut(node.output.0).filter(|written| !**written) else {
                return Err(missing(&node.name, node.output.0));
            };
            *written = true;
            if self.values[node.output.0].shape != shape {
                let detail =
                    format!("its output is {}, recorded as {}", shape, self.values[node.output.0].shape);
                return Err(GraphError::Node { op: node.op.name(), node: node.name.clone(), detail });
            }
        }
        if !written.get(self.output.0).copied().unwrap_or(false) {
            return Err(missing("output", self.output.0));
        }
        self.metadata.preprocessing.validate()
    }
}
