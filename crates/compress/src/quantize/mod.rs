//! Integers in place of real numbers: weights and activations.

mod activations;
mod ranges;
mod weights;

pub use activations::{activation_quantization, quantize_activations};
pub use weights::{bits_of, quantize_weights, round_weight};

use graph::Graph;

/// Largest magnitude of an int32 bias, `2^29`: half of the accumulator's range stays for the products.
const LARGEST_BIAS: f32 = 536_870_912.0;

/// For each node, the smallest scale that each of its output channels may have, so that its bias fits int32 at scale
/// `s_x * s_w`; 0 where the node's input is no integer or the channel has no bias.
fn smallest_scales(graph: &Graph) -> Vec<Vec<f32>> {
    graph
        .nodes
        .iter()
        .map(|node| {
            let Some(weight) = node.op.weight() else { return Vec::new() };
            let input = node.inputs.first().and_then(|input| graph.value(*input).quantization);
            let bias = node.op.bias();
            (0..weight.out_channels())
                .map(|channel| match (input, bias) {
                    (Some(input), Some(bias)) => bias[channel].abs() / input.scale / LARGEST_BIAS,
                    _ => 0.0,
                })
                .collect()
        })
        .collect()
}
