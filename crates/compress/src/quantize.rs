//! int8: weights per output channel, activations per tensor.

use graph::{ActivationQuantization, Evidence, Graph, Op, Range, Shape, ValueId, Weight, WeightValues};
use ndarray::{ArrayView2, Axis};

use crate::CompressError;

/// Quantizes weights and activations to int8, so that the engine runs the graph on integers.
///
/// - Weights: symmetric per output channel, `scale = max|w| / 127`, `level = round_ties_even(w / scale)`. Zeros stay
///   zeros, so sparsity is preserved. A channel of zeros without a bias gets scale 1. Where a channel's weights are so small that
///   its bias would not fit int32 at scale `s_x * s_w`, the scale is widened until it does.
/// - Activations: per tensor, asymmetric, [`activation_quantization`] of the range in `evidence`. The values that an
///   integer layer reads and the ones `evidence` saw between layers are quantized; what comes after the last linear
///   layer stays float32.
/// - Biases stay real numbers in the graph; a plan rounds them to int32 with scale `s_x * s_w`. Each is corrected by
///   what rounding the weights takes from its channel's mean.
///
/// `graph` must have its batch norms folded, and `evidence` must come from the same graph, so that value ids agree.
///
/// Source: Jacob et al. 2018, section 2; Krishnamoorthi 2018 (arXiv 1806.08342), section 3 for the granularity.
///
/// # Errors
/// [`CompressError::NoEvidence`] when a value that a layer reads was never observed, [`CompressError::NotFinite`] for
/// weights or ranges that are not finite.
pub fn quantize_int8(graph: &Graph, evidence: &Evidence) -> Result<Graph, CompressError> {
    let mut graph = graph.clone();
    let after_last_layer = values_after_last_linear(&graph);
    for (idx, value) in graph.values.iter_mut().enumerate() {
        let Some(range) = evidence.range(ValueId(idx)).filter(|_| !after_last_layer[idx]) else { continue };
        let quantization =
            activation_quantization(range).ok_or_else(|| CompressError::NotFinite(value.name.clone()))?;
        value.quantization = Some(quantization);
    }
    for node in &mut graph.nodes {
        let input = &graph.values[node.inputs[0].0];
        let bias = node.op.bias().map(<[f32]>::to_vec);
        let Some(weight) = node.op.weight_mut() else { continue };
        let not_observed = || CompressError::NoEvidence(input.name.clone());
        let input_scale = input.quantization.ok_or_else(not_observed)?.scale;
        let smallest_scale = |channel: usize| {
            let bias = bias.as_ref().map_or(0.0, |bias| bias[channel].abs());
            bias / input_scale / LARGEST_BIAS
        };
        let quantized = quantize_weight(weight, smallest_scale)
            .ok_or_else(|| CompressError::NotFinite(node.name.clone()))?;
        let means = evidence.channel_means(node.inputs[0]).ok_or_else(not_observed)?;
        let shifts = output_shifts(weight, &quantized, &means);
        *weight = quantized;
        if let Some(bias) = node.op.bias_mut() {
            let before = bias.take().unwrap_or_else(|| vec![0.0; shifts.len()]);
            *bias = Some(before.iter().zip(shifts).map(|(bias, shift)| bias + shift as f32).collect());
        }
    }
    graph.validate()?;
    Ok(graph)
}

/// Largest magnitude of an int32 bias, `2^29`: half of the accumulator's range stays for the products.
const LARGEST_BIAS: f32 = 536_870_912.0;

/// The int8 grid that covers `range` and holds 0.0 exactly: `scale = (max - min) / 255` over the range widened to
/// contain 0, `zero_point = round(-128 - min / scale)`. A range of zeros gets scale 1. `None` when it is not finite.
pub fn activation_quantization(range: Range) -> Option<ActivationQuantization> {
    let (min, max) = (f64::from(range.min.min(0.0)), f64::from(range.max.max(0.0)));
    if !(min.is_finite() && max.is_finite()) {
        return None;
    }
    let scale = ((max - min) / 255.0) as f32;
    if scale < f32::MIN_POSITIVE {
        return Some(ActivationQuantization { scale: 1.0, zero_point: -128 });
    }
    let zero_point = (-128.0 - min / f64::from(scale)).round().clamp(-128.0, 127.0) as i8;
    Some(ActivationQuantization { scale, zero_point })
}

/// How much the mean of each output channel falls by rounding its weights: `sum((w - w_rounded) * mean(x))`.
///
/// Exact for inputs without a border; taps over the padding are counted as if they saw the mean.
///
/// Source: Nagel et al. 2019 (arXiv 1906.04721), section 4.2, with means from calibration frames.
fn output_shifts(weight: &Weight, rounded: &Weight, input_means: &[f64]) -> Vec<f64> {
    let channel_len = weight.channel_len();
    let (before, after) = (weight.to_f32(), rounded.to_f32());
    let inputs = weight.shape.get(1).copied().unwrap_or(1);
    let taps = channel_len / inputs.max(1);
    // A depthwise filter sees the one channel that it belongs to; others see all from the first.
    let first = |channel: usize| if inputs < input_means.len() { channel } else { 0 };
    before
        .chunks_exact(channel_len)
        .zip(after.chunks_exact(channel_len))
        .enumerate()
        .map(|(channel, (before, after))| {
            let error = |i: usize| f64::from(before[i]) - f64::from(after[i]);
            (0..channel_len).map(|i| error(i) * input_means[first(channel) + i / taps]).sum()
        })
        .collect()
}

/// Scales are at least `smallest_scale(channel)`. `None` when a weight or a scale is not finite.
fn quantize_weight(weight: &Weight, smallest_scale: impl Fn(usize) -> f32) -> Option<Weight> {
    if let WeightValues::Integer(_) = weight.values {
        return Some(weight.clone());
    }
    let real = weight.to_f32();
    if real.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let channels = ArrayView2::from_shape((weight.out_channels(), weight.channel_len()), &real).ok()?;
    let scales: Vec<f32> = channels
        .axis_iter(Axis(0))
        .enumerate()
        .map(|(idx, channel)| {
            let scale = channel.fold(0.0_f32, |largest, value| largest.max(value.abs())) / 127.0;
            let scale = scale.max(smallest_scale(idx));
            if scale < f32::MIN_POSITIVE { 1.0 } else { scale }
        })
        .collect();
    if scales.iter().any(|scale| !scale.is_finite()) {
        return None;
    }
    let levels = channels
        .axis_iter(Axis(0))
        .zip(&scales)
        .flat_map(|(channel, scale)| {
            channel.into_iter().map(move |value| (value / scale).round_ties_even().clamp(-127.0, 127.0) as i8)
        })
        .collect();
    Some(Weight::int8(weight.shape.clone(), levels, scales))
}

/// For every value, whether it comes out of the last linear layer or after it.
fn values_after_last_linear(graph: &Graph) -> Vec<bool> {
    let mut after = vec![false; graph.values.len()];
    for node in &graph.nodes {
        let vector = matches!(graph.value(node.output).shape, Shape::Vector { .. });
        let logits = matches!(node.op, Op::Linear(_)) && vector && leads_to_no_layer(graph, node.output);
        after[node.output.0] = logits || node.inputs.iter().any(|input| after[input.0]);
    }
    after
}

fn leads_to_no_layer(graph: &Graph, start: ValueId) -> bool {
    let mut reached = vec![false; graph.values.len()];
    reached[start.0] = true;
    for node in &graph.nodes {
        if node.inputs.iter().any(|input| reached[input.0]) {
            if node.op.weight().is_some() {
                return false;
            }
            reached[node.output.0] = true;
        }
    }
    true
}
