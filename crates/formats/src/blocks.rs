//! What runs on integers: a graph as the writers of foreign formats see it.
//!
//! A graph says how values are quantized, not which layers compute on integers. That follows from it, by the rule
//! that stands here and that an engine follows as well, so that a written model computes what the graph computes.
//! Start with [`blocks`].

use std::collections::HashSet;

use graph::{ActivationQuantization, Clip, Graph, Node, Op, UpperBound, ValueId, WeightValues};

use crate::FormatError;

/// A node with the clip that follows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block<'g> {
    /// The node.
    pub(crate) node: &'g Node,
    /// The clip's node, where only that reads what `node` writes.
    pub(crate) clip: Option<&'g Node>,
    /// What the last of both writes.
    pub(crate) output: ValueId,
    /// Whether it reads int8. It then writes int8 where `output` has a quantization.
    pub(crate) is_integer: bool,
}

/// Groups the nodes of a validated graph, in execution order.
///
/// A clip joins the convolution, batch norm or addition before it: rounding to int8 comes after the clip. A block
/// runs on integers when
/// - a convolution has int8 weights, and its input and the block's output are quantized;
/// - a linear layer has int8 weights and a quantized input;
/// - all inputs and the output of an addition or of an average are quantized;
/// - all inputs and the output of what only hands on elements have one grid.
pub(crate) fn blocks(graph: &Graph) -> Vec<Block<'_>> {
    let consumers = graph.consumer_counts();
    let is_quantized = |id: ValueId| graph.value(id).quantization.is_some();
    let mut joined: HashSet<ValueId> = HashSet::new();
    let mut blocks = Vec::with_capacity(graph.nodes.len());
    for (idx, node) in graph.nodes.iter().enumerate() {
        if joined.contains(&node.output) {
            continue;
        }
        let can_clip = match &node.op {
            Op::Conv2d(_) | Op::BatchNorm(_) | Op::Add => consumers[node.output.0] == 1,
            Op::Clip(_)
            | Op::Concat
            | Op::MaxPool(_)
            | Op::GlobalAveragePool
            | Op::Linear(_)
            | Op::Softmax => false,
        };
        let reader = || graph.nodes[idx + 1..].iter().find(|reader| reader.inputs.contains(&node.output));
        let clip = if can_clip { reader().filter(|reader| matches!(reader.op, Op::Clip(_))) } else { None };
        let output = clip.map_or(node.output, |clip| clip.output);
        joined.insert(output);
        let reads_int8 = node.inputs.iter().all(|&input| is_quantized(input));
        let is_integer = match &node.op {
            Op::Conv2d(conv) => {
                matches!(conv.weight.values, WeightValues::Integer(_)) && reads_int8 && is_quantized(output)
            }
            Op::Linear(linear) => matches!(linear.weight.values, WeightValues::Integer(_)) && reads_int8,
            Op::Add | Op::GlobalAveragePool => reads_int8 && is_quantized(output),
            Op::Concat | Op::MaxPool(_) => {
                let grid = |id: ValueId| graph.value(id).quantization;
                is_quantized(output) && node.inputs.iter().all(|&input| grid(input) == grid(output))
            }
            Op::BatchNorm(_) | Op::Clip(_) | Op::Softmax => false,
        };
        blocks.push(Block { node, clip, output, is_integer });
    }
    blocks
}

impl<'g> Block<'g> {
    /// The clip's bounds.
    pub(crate) fn clip_bounds(&self) -> Option<&'g Clip> {
        match &self.clip?.op {
            Op::Clip(clip) => Some(clip),
            Op::Conv2d(_)
            | Op::BatchNorm(_)
            | Op::Add
            | Op::Concat
            | Op::MaxPool(_)
            | Op::GlobalAveragePool
            | Op::Linear(_)
            | Op::Softmax => None,
        }
    }
}

/// A clip's bound as a level of `quantization`: `clamp(round_ties_even(x / scale) + zero_point, -128, 127)`.
pub(crate) fn bound_level(real: f32, quantization: ActivationQuantization) -> i8 {
    let level = (f64::from(real) / f64::from(quantization.scale)).round_ties_even();
    (level + f64::from(quantization.zero_point)).clamp(-128.0, 127.0) as i8
}

/// Whether rounding to int8 clips by itself: it is monotonic and saturates.
pub(crate) fn rounding_clips(clip: &Clip, quantization: ActivationQuantization) -> bool {
    bound_level(clip.min, quantization) == i8::MIN
        && upper_bounds(clip).iter().all(|max| bound_level(*max, quantization) == i8::MAX)
}

/// The upper bounds of a clip: one for each channel, or one for all.
pub(crate) fn upper_bounds(clip: &Clip) -> &[f32] {
    match &clip.max {
        UpperBound::Uniform(max) => std::slice::from_ref(max),
        UpperBound::PerChannel(max) => max,
    }
}

/// One scale for each of `n` output channels, where `scales` may be one for all.
pub(crate) fn channel_scales(scales: &[f32], n: usize) -> Vec<f32> {
    match scales {
        &[scale] => vec![scale; n],
        scales => scales.to_vec(),
    }
}

/// A bias as int32, `round_ties_even(b / (s_x * s_w))`, with the scales `s_x * s_w`.
///
/// # Errors
/// [`FormatError::Unsupported`] for a bias beyond half of what int32 holds.
pub(crate) fn integer_bias(
    node: &Node,
    bias: &[f32],
    input: ActivationQuantization,
    weight_scales: &[f32],
) -> Result<(Vec<i32>, Vec<f32>), FormatError> {
    let scales = weight_scales.iter().map(|&scale| f64::from(input.scale) * f64::from(scale));
    let levels = bias.iter().zip(scales.clone()).map(|(&bias, scale)| {
        let level = (f64::from(bias) / scale).round_ties_even();
        let limit = i32::MAX / 2;
        if level.abs() <= f64::from(limit) {
            return Ok(level as i32);
        }
        Err(FormatError::Unsupported {
            node: format!("{:?}", node.name),
            feature: format!("bias {bias} is {level} steps of {scale}, accepted are at most {limit}"),
        })
    });
    Ok((levels.collect::<Result<_, _>>()?, scales.map(|scale| scale as f32).collect()))
}

/// Names that are not given twice.
#[derive(Debug, Default)]
pub(crate) struct Names(HashSet<String>);

impl Names {
    /// `wanted`, or with the first free number behind it.
    pub(crate) fn unique(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        let mut number = 1;
        while !self.0.insert(name.clone()) {
            name = format!("{wanted}#{number}");
            number += 1;
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clip_at_the_ends_of_the_grid_needs_no_step() {
        let grid = ActivationQuantization { scale: 6.0 / 255.0, zero_point: -128 };
        assert!(rounding_clips(&Clip::RELU6, grid));
        assert!(rounding_clips(&Clip::RELU, grid));
        let per_channel = |max: &[f32]| Clip { min: 0.0, max: UpperBound::PerChannel(max.to_vec()) };
        assert!(rounding_clips(&per_channel(&[6.0, 7.0]), grid));
        assert!(!rounding_clips(&per_channel(&[6.0, 5.0]), grid));
        assert_eq!([1.0, 2.0].map(|bound| bound_level(bound, grid)), [-86, -43]);
        let signed = ActivationQuantization { scale: 0.1, zero_point: 0 };
        assert_eq!([0.0, 6.0].map(|bound| bound_level(bound, signed)), [0, 60]);
        assert!(!rounding_clips(&Clip::RELU6, signed));
    }

    #[test]
    fn names_get_numbers() {
        let mut names = Names::default();
        assert_eq!(["a", "a", "a", "a#1"].map(|name| names.unique(name)), ["a", "a#1", "a#2", "a#1#1"]);
    }
}
