//! Integers in place of real numbers: weights and activations.

mod activations;
mod ranges;
mod weights;

pub use activations::{activation_quantization, quantize_activations};
pub use weights::{bits_of, quantize_weights, round_weight};

use graph::{ActivationQuantization, Op, Weight, WeightValues};

/// Largest magnitude of an int32 bias, `2^29`: half of the accumulator's range stays for the products.
const LARGEST_BIAS: f32 = 536_870_912.0;

/// The smallest scale that each output channel of a node may have, so that its bias fits int32 at scale `s_x * s_w`; 0
/// where the node's input is no integer or the channel has no bias.
fn smallest_scales(op: &Op, input: Option<ActivationQuantization>) -> Vec<f32> {
    let channels = op.weight().map_or(0, Weight::out_channels);
    match (input, op.bias()) {
        (Some(input), Some(bias)) => {
            bias.iter().map(|bias| bias.abs() / input.scale / LARGEST_BIAS).collect()
        }
        _ => vec![0.0; channels],
    }
}

/// Widens the scales of integer weights where the bias would not fit int32 beside them and the input's grid; levels are
/// rounded anew there. Such channels' weights are next to nothing beside their bias.
pub fn widen_for_bias(op: &mut Op, input: Option<ActivationQuantization>) {
    let smallest = smallest_scales(op, input);
    let Some(weight) = op.weight_mut() else { return };
    let channel_len = weight.channel_len();
    if let WeightValues::Integer(integer) = &mut weight.values {
        weights::widen(integer, channel_len, &smallest);
    }
}
