//! Weights as integers of 8, 4 or 2 bits.

use std::collections::BTreeMap;

use graph::{Graph, Groups, IntegerWeights, Node, Weight, WeightValues};

use super::smallest_scales;
use crate::{CompressError, Granularity, is_prunable};

/// Weights of a group.
const GROUP: usize = 32;
/// Largest multiplier of a group: four bits.
const LARGEST_MULTIPLIER: f32 = 15.0;

/// Rounds all weights to the nearest level, symmetrically: `scale = max|w| / (2^(bits-1) - 1)`.
///
/// - Zeros stay zeros, so sparsity is preserved. What is integer or clustered already stays as it is.
/// - `bits`, `layers`: as in [`crate::Step::QuantizeWeights`]; layers that are not [`is_prunable`] have 8 bits.
/// - A channel of zeros without a bias gets scale 1. Where a channel's weights are so small that its bias would not fit
///   int32 at scale `s_x * s_w`, the scale is widened until it does.
///
/// Source: Krishnamoorthi 2018 (arXiv 1806.08342), section 3; groups: Lin et al. 2024 (arXiv 2405.04532), section 4.1.
///
/// # Errors
/// [`CompressError::NotFinite`] for weights that are not finite, [`CompressError::UnknownLayer`] for a name in `layers`
/// that no layer bears.
pub fn quantize_weights(
    graph: &Graph,
    bits: u8,
    granularity: Granularity,
    layers: &BTreeMap<String, u8>,
) -> Result<Graph, CompressError> {
    check_layers(graph, layers)?;
    let mut graph = graph.clone();
    let Graph { nodes, values, .. } = &mut graph;
    for node in nodes {
        let smallest = smallest_scales(&node.op, values[node.inputs[0].0].quantization);
        let Some(bits) = bits_of(node, bits, layers) else { continue };
        let Some(weight) = node.op.weight_mut() else { continue };
        let rounded = round_weight(weight, bits, granularity, &smallest);
        *weight = rounded.ok_or_else(|| CompressError::NotFinite(node.name.clone()))?;
    }
    graph.validate()?;
    Ok(graph)
}

/// Bits that stand for a layer that stays as it is.
pub(crate) const AS_IT_IS: u8 = 32;

/// The bits of a node's weights under [`crate::Step::QuantizeWeights`]; `None` where it stays as it is.
pub fn bits_of(node: &Node, bits: u8, layers: &BTreeMap<String, u8>) -> Option<u8> {
    match layers.get(&node.name) {
        Some(&AS_IT_IS) => None,
        Some(bits) => Some(*bits),
        None if is_prunable(&node.op) => Some(bits),
        None => Some(8),
    }
}

fn check_layers(graph: &Graph, layers: &BTreeMap<String, u8>) -> Result<(), CompressError> {
    let known =
        |name: &String| graph.nodes.iter().any(|node| node.name == *name && node.op.weight().is_some());
    match layers.keys().find(|name| !known(name)) {
        Some(name) => Err(CompressError::UnknownLayer(name.clone())),
        None => Ok(()),
    }
}

/// Rounds one layer's weights to the nearest level; `smallest` holds the smallest scale for each output channel.
/// `None` when a weight or a scale is not finite.
pub fn round_weight(weight: &Weight, bits: u8, granularity: Granularity, smallest: &[f32]) -> Option<Weight> {
    match weight.values {
        WeightValues::Integer(_) | WeightValues::Clustered(_) => return Some(weight.clone()),
        WeightValues::F32(_) | WeightValues::F16(_) | WeightValues::Bf16(_) => {}
    }
    let real = weight.to_f32();
    if real.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let channel_len = weight.channel_len().max(1);
    let largest = |values: &[f32]| values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let steps = f32::from(IntegerWeights::level_range(bits).1);
    let allowed = |scale: f32, smallest: f32| {
        let scale = scale.max(smallest);
        if scale < f32::MIN_POSITIVE { 1.0 } else { scale }
    };
    let channels = || real.chunks(channel_len).zip(smallest);
    let integer = match granularity {
        Granularity::PerTensor => {
            let scale = allowed(largest(&real) / steps, smallest.iter().fold(0.0, |a, b| a.max(*b)));
            let levels = real.iter().map(|value| nearest(*value, scale, bits)).collect();
            IntegerWeights { bits, levels, scales: vec![scale], groups: None }
        }
        Granularity::Groups32 if bits < 8 => {
            let mut integer = IntegerWeights { bits, levels: Vec::new(), scales: Vec::new(), groups: None };
            let mut multipliers = Vec::new();
            for (channel, smallest) in channels() {
                let scale = allowed(largest(channel) / steps / LARGEST_MULTIPLIER, *smallest);
                integer.scales.push(scale);
                for group in channel.chunks(GROUP) {
                    // Rounded up, so that the largest weight of the group is within its levels.
                    let multiplier = (largest(group) / steps / scale * (1.0 - 1e-6)).ceil();
                    let multiplier = multiplier.clamp(1.0, LARGEST_MULTIPLIER);
                    multipliers.push(multiplier as u8);
                    integer.levels.extend(group.iter().map(|w| nearest(*w, scale * multiplier, bits)));
                }
            }
            IntegerWeights { groups: Some(Groups { len: GROUP, multipliers }), ..integer }
        }
        Granularity::PerChannel | Granularity::Groups32 => {
            let scales: Vec<f32> =
                channels().map(|(channel, smallest)| allowed(largest(channel) / steps, *smallest)).collect();
            let channels = real.chunks(channel_len).zip(&scales);
            let levels =
                channels.flat_map(|(channel, scale)| channel.iter().map(|w| nearest(*w, *scale, bits)));
            IntegerWeights { bits, levels: levels.collect(), scales: scales.clone(), groups: None }
        }
    };
    integer
        .scales
        .iter()
        .all(|scale| scale.is_finite())
        .then(|| Weight { shape: weight.shape.clone(), values: WeightValues::Integer(integer) })
}

/// The nearest level within the symmetric range.
fn nearest(value: f32, scale: f32, bits: u8) -> i8 {
    let steps = f32::from(IntegerWeights::level_range(bits).1);
    (value / scale).round_ties_even().clamp(-steps, steps) as i8
}

/// Widens scales to at least `smallest` for each output channel.
pub(super) fn widen(integer: &mut IntegerWeights, channel_len: usize, smallest: &[f32]) {
    let IntegerWeights { levels, scales, .. } = integer;
    let shared = scales.len() == 1;
    let largest = smallest.iter().fold(0.0_f32, |a, b| a.max(*b));
    let run = if shared { levels.len() } else { channel_len };
    let channels = levels.chunks_mut(run.max(1)).zip(scales).enumerate();
    for (channel, (levels, scale)) in channels {
        let needed = if shared { largest } else { smallest.get(channel).copied().unwrap_or(0.0) };
        if needed > *scale {
            rescale(levels, *scale, needed);
            *scale = needed;
        }
    }
}

fn rescale(levels: &mut [i8], from: f32, to: f32) {
    for level in levels {
        *level = (f32::from(*level) * (from / to)).round_ties_even() as i8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(n: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * 37 % 101) as f32 - 50.0) / 64.0 * (1.0 + (i / 32 % 5) as f32)).collect()
    }

    #[test]
    fn every_granularity_rounds_within_half_a_step() {
        let weight = Weight::f32(vec![3, 70], ramp(210));
        for bits in [8, 4, 2] {
            for granularity in [Granularity::PerTensor, Granularity::PerChannel, Granularity::Groups32] {
                let rounded = round_weight(&weight, bits, granularity, &[0.0; 3]).unwrap();
                let WeightValues::Integer(integer) = &rounded.values else { panic!("{rounded:?}") };
                let multiplier = |i: usize| match &integer.groups {
                    None => 1.0,
                    Some(groups) => f32::from(groups.multipliers[i / 70 * 3 + i % 70 / 32]),
                };
                let (before, after) = (weight.to_f32(), rounded.to_f32());
                for (i, (before, after)) in before.iter().zip(after.iter()).enumerate() {
                    let step = integer.scale(i / 70) * multiplier(i);
                    assert!((before - after).abs() <= 0.5001 * step, "{bits} {granularity:?} {i}");
                }
            }
        }
    }

    /// What finer sharing is for.
    #[test]
    fn finer_granularity_errs_less() {
        let weight = Weight::f32(vec![3, 160], ramp(480));
        let error = |granularity| {
            let rounded = round_weight(&weight, 4, granularity, &[0.0; 3]).unwrap();
            let pairs = weight.to_f32().into_owned().into_iter().zip(rounded.to_f32().into_owned());
            pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>()
        };
        let (tensor, group) = (error(Granularity::PerTensor), error(Granularity::Groups32));
        assert!(group < 0.7 * tensor, "{group} {tensor}");
    }

    #[test]
    fn a_scale_that_a_bias_needs_is_kept() {
        let weight = Weight::f32(vec![2, 4], vec![1e-9, 0.0, 0.0, 0.0, 1.0, 0.5, 0.0, -1.0]);
        let rounded = round_weight(&weight, 8, Granularity::PerChannel, &[0.1, 1e-6]).unwrap();
        let WeightValues::Integer(integer) = rounded.values else { panic!() };
        assert_eq!(integer.scales[0], 0.1);
        let mut widened = integer.clone();
        widen(&mut widened, 4, &[0.1, 0.5]);
        assert_eq!((widened.scales[1], &widened.levels[4..]), (0.5, &[2, 1, 0, -2][..]));
    }
}
