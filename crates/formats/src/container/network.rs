//! Operators, values and metadata: what all versions of the file write alike, as JSON. Weights and vectors go where a
//! [`TensorWriter`] puts them.

use std::collections::HashSet;

use graph::{
    BatchNorm, Clip, Conv2d, Graph, Linear, MaxPool, Node, Op, Shape, UpperBound, Value, ValueId, Weight,
};

use super::dto::{Bound, GraphDto, NodeDto, OpDto, QuantizationDto, ValueDto};
use super::malformed;
use crate::FormatError;
use crate::limits::check_activations;

/// Puts tensors somewhere and says in JSON where they are.
pub(super) trait TensorWriter<'g> {
    type Weight;
    type Vector;

    fn weight(&mut self, weight: &'g Weight, prefix: &str) -> Self::Weight;
    fn vector(&mut self, values: &[f32], prefix: &str, suffix: &str) -> Self::Vector;
}

/// Finds tensors, in the order in which they were written.
pub(super) trait TensorReader {
    type Weight;
    type Vector;

    fn weight(&mut self, weight: Self::Weight) -> Result<Weight, FormatError>;
    fn vector(&mut self, vector: Self::Vector) -> Result<Vec<f32>, FormatError>;
}

/// The graph as JSON's types, its tensors written.
pub(super) fn write<'g, T: TensorWriter<'g>>(
    graph: &'g Graph,
    tensors: &mut T,
) -> GraphDto<T::Weight, T::Vector> {
    let mut names = HashSet::new();
    let nodes = graph
        .nodes
        .iter()
        .map(|node| {
            let mut prefix = node.name.clone();
            while !names.insert(prefix.clone()) {
                prefix.push('\'');
            }
            NodeDto {
                name: node.name.clone(),
                op: write_op(&node.op, &prefix, tensors),
                inputs: node.inputs.iter().map(|id| id.0).collect(),
                output: node.output.0,
            }
        })
        .collect();
    let values = graph
        .values
        .iter()
        .map(|value| ValueDto {
            name: value.name.clone(),
            shape: value.shape,
            quantization: value.quantization.map(QuantizationDto::from),
        })
        .collect();
    let metadata = graph.metadata.clone();
    GraphDto { metadata, input: graph.input.0, output: graph.output.0, values, nodes }
}

/// The graph that the JSON describes, validated, with its tensors.
pub(super) fn read<T: TensorReader>(
    json: GraphDto<T::Weight, T::Vector>,
    tensors: &mut T,
) -> Result<Graph, FormatError> {
    let mut nodes = Vec::with_capacity(json.nodes.len());
    for NodeDto { name, op, inputs, output } in json.nodes {
        let op = read_op(op, tensors)?;
        nodes.push(Node {
            name,
            op,
            inputs: inputs.into_iter().map(ValueId).collect(),
            output: ValueId(output),
        });
    }
    let values = json
        .values
        .into_iter()
        .map(|ValueDto { name, shape, quantization }| Value {
            name,
            shape,
            quantization: quantization.map(Into::into),
        })
        .collect();
    let graph = Graph {
        metadata: json.metadata,
        values,
        nodes,
        input: ValueId(json.input),
        output: ValueId(json.output),
    };
    check_activations(&graph)?;
    graph.validate()?;
    match graph.value(graph.input).shape {
        Shape::Image { height: 1.., width: 1.., channels: 3 } => Ok(graph),
        other => Err(malformed(format!("input is {other}, expected an image of 3 channels"))),
    }
}

fn write_op<'g, T: TensorWriter<'g>>(
    op: &'g Op,
    prefix: &str,
    tensors: &mut T,
) -> OpDto<T::Weight, T::Vector> {
    match op {
        Op::Conv2d(conv) => OpDto::Conv2d {
            weight: tensors.weight(&conv.weight, prefix),
            bias: conv.bias.as_ref().map(|bias| tensors.vector(bias, prefix, "bias")),
            stride: conv.stride,
            padding: conv.padding,
            groups: conv.groups,
        },
        Op::BatchNorm(BatchNorm { gamma, beta, mean, variance, epsilon }) => OpDto::BatchNorm {
            gamma: tensors.vector(gamma, prefix, "gamma"),
            beta: tensors.vector(beta, prefix, "beta"),
            mean: tensors.vector(mean, prefix, "mean"),
            variance: tensors.vector(variance, prefix, "variance"),
            epsilon: *epsilon,
        },
        Op::Clip(Clip { min, max }) => match max {
            UpperBound::Uniform(max) => OpDto::Clip { min: Bound(*min), max: Bound(*max) },
            UpperBound::PerChannel(max) => {
                OpDto::ChannelClip { min: Bound(*min), max: tensors.vector(max, prefix, "max") }
            }
        },
        Op::Add => OpDto::Add,
        Op::Concat => OpDto::Concat,
        Op::MaxPool(MaxPool { kernel, stride, padding }) => {
            OpDto::MaxPool { kernel: *kernel, stride: *stride, padding: *padding }
        }
        Op::GlobalAveragePool => OpDto::GlobalAveragePool,
        Op::Linear(linear) => OpDto::Linear {
            weight: tensors.weight(&linear.weight, prefix),
            bias: linear.bias.as_ref().map(|bias| tensors.vector(bias, prefix, "bias")),
        },
        Op::Softmax => OpDto::Softmax,
    }
}

fn read_op<T: TensorReader>(op: OpDto<T::Weight, T::Vector>, tensors: &mut T) -> Result<Op, FormatError> {
    Ok(match op {
        OpDto::Conv2d { weight, bias, stride, padding, groups } => Op::Conv2d(Conv2d {
            weight: tensors.weight(weight)?,
            bias: bias.map(|bias| tensors.vector(bias)).transpose()?,
            stride,
            padding,
            groups,
        }),
        OpDto::BatchNorm { gamma, beta, mean, variance, epsilon } => Op::BatchNorm(BatchNorm {
            gamma: tensors.vector(gamma)?,
            beta: tensors.vector(beta)?,
            mean: tensors.vector(mean)?,
            variance: tensors.vector(variance)?,
            epsilon,
        }),
        OpDto::Clip { min, max } => Op::Clip(Clip { min: min.0, max: UpperBound::Uniform(max.0) }),
        OpDto::ChannelClip { min, max } => {
            Op::Clip(Clip { min: min.0, max: UpperBound::PerChannel(tensors.vector(max)?) })
        }
        OpDto::Add => Op::Add,
        OpDto::Concat => Op::Concat,
        OpDto::MaxPool { kernel, stride, padding } => Op::MaxPool(MaxPool { kernel, stride, padding }),
        OpDto::GlobalAveragePool => Op::GlobalAveragePool,
        OpDto::Linear { weight, bias } => Op::Linear(Linear {
            weight: tensors.weight(weight)?,
            bias: bias.map(|bias| tensors.vector(bias)).transpose()?,
        }),
        OpDto::Softmax => Op::Softmax,
    })
}
