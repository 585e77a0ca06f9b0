//! From real scales, biases and clips to what integer kernels take.

use graph::{ActivationQuantization, Clip, UpperBound};
use kernels::{KernelError, Requantization};

use crate::EngineError;
use crate::fuse::Block;

/// A graph's int8 level as the kernels store it.
pub(crate) fn level(graph: i8) -> u8 {
    (i16::from(graph) + 128) as u8
}

/// `s_x * s_w` for each output channel: what one step of its accumulator is worth.
pub(super) fn accumulator_scales(
    input: ActivationQuantization,
    scales: &[f32],
    out_channels: usize,
) -> Vec<f64> {
    (0..out_channels).map(|o| f64::from(input.scale) * f64::from(scales[o % scales.len()])).collect()
}

pub(super) fn quantized_bias(
    block: &Block<'_>,
    bias: Option<&[f32]>,
    scales: &[f64],
) -> Result<Vec<i32>, EngineError> {
    let Some(bias) = bias else { return Ok(vec![0; scales.len()]) };
    bias.iter()
        .zip(scales)
        .map(|(&bias, &scale)| {
            let level = (f64::from(bias) / scale).round_ties_even();
            let fits = level.abs() <= f64::from(i32::MAX / 2);
            fits.then_some(level as i32).ok_or_else(|| EngineError::BiasRange {
                node: block.node.name.clone(),
                bias,
                scale,
            })
        })
        .collect()
}

pub(super) fn requantization(
    accumulator_scales: &[f64],
    output: ActivationQuantization,
    clip: &Clip,
) -> Result<Requantization, KernelError> {
    let multipliers: Vec<f64> =
        accumulator_scales.iter().map(|scale| scale / f64::from(output.scale)).collect();
    let bounds = LevelBounds::new(clip, output);
    let requantization = Requantization::new(&multipliers, level(output.zero_point), bounds.min, bounds.max)?;
    match &bounds.per_channel {
        Some(max) => requantization.with_upper_bounds(max),
        None => Ok(requantization),
    }
}

/// A clip's bounds as levels.
pub(super) struct LevelBounds {
    pub(super) min: u8,
    /// Of all channels.
    pub(super) max: u8,
    /// Upper bounds that differ by channel.
    pub(super) per_channel: Option<Vec<u8>>,
}

impl LevelBounds {
    pub(super) fn new(clip: &Clip, output: ActivationQuantization) -> Self {
        let bound = |real: f32| {
            let steps = (f64::from(real) / f64::from(output.scale)).round_ties_even();
            (steps + f64::from(level(output.zero_point))).clamp(0.0, 255.0) as u8
        };
        let (max, per_channel) = match &clip.max {
            UpperBound::Uniform(max) => (bound(*max), None),
            UpperBound::PerChannel(max) => (u8::MAX, Some(max.iter().map(|max| bound(*max)).collect())),
        };
        Self { min: bound(clip.min), max, per_channel }
    }
}
