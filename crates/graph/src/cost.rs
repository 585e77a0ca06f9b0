//! How much a graph stores and computes.

use crate::{Graph, Op, Shape};

/// Counts of one graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Weights, biases and batch-norm scales and shifts.
    pub parameters: u64,
    /// Multiply-adds of convolutions and linear layers for one picture.
    pub multiply_adds: u64,
}

/// Counts parameters and multiply-adds of a validated graph.
pub fn cost(graph: &Graph) -> Cost {
    graph.nodes.iter().fold(Cost::default(), |total, node| {
        let (parameters, multiply_adds) = match &node.op {
            Op::Conv2d(conv) => {
                let pixels = match graph.value(node.output).shape {
                    Shape::Image { height, width, .. } => height * width,
                    Shape::Vector { .. } => 1,
                };
                (
                    conv.weight.len() + conv.bias.as_ref().map_or(0, Vec::len),
                    pixels as u64 * conv.weight.len() as u64,
                )
            }
            Op::Linear(linear) => {
                (linear.weight.len() + linear.bias.as_ref().map_or(0, Vec::len), linear.weight.len() as u64)
            }
            Op::BatchNorm(norm) => (norm.gamma.len() + norm.beta.len(), 0),
            Op::Clip(_) | Op::Add | Op::Concat | Op::MaxPool(_) | Op::GlobalAveragePool | Op::Softmax => {
                (0, 0)
            }
        };
        Cost {
            parameters: total.parameters + parameters as u64,
            multiply_adds: total.multiply_adds + multiply_adds,
        }
    })
}
