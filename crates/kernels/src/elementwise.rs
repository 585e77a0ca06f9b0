//! Element by element and in place: clamp, sum, softmax.

use crate::KernelError;
use crate::blocks::{BLOCK, blocks};
use crate::error::{check_fits, check_len};
use crate::lanes::F32x4;

/// Bounds of an activation function: `min` where a value is below it, else `max` where it is above, else the value.
///
/// NaN is neither and stays NaN, so that a network that has gone wrong shows it. Only the relaxed flavour may replace it by
/// a bound, because its minimum and maximum leave NaN to the processor. A bound of NaN is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clamp<'a> {
    /// Smallest output.
    pub min: f32,
    /// Largest output.
    pub max: UpperBound<'a>,
}

/// The largest output of an activation function.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum UpperBound<'a> {
    /// One for all channels.
    Uniform(f32),
    /// One for each channel, filled up to whole blocks with anything but -infinity, which would become the filling of
    /// the output.
    PerChannel(&'a [f32]),
}

impl Clamp<'_> {
    /// No bounds.
    pub const NONE: Self = Self { min: f32::NEG_INFINITY, max: UpperBound::Uniform(f32::INFINITY) };
    /// `max(x, 0)`.
    pub const RELU: Self = Self { min: 0.0, max: UpperBound::Uniform(f32::INFINITY) };
    /// `min(max(x, 0), 6)`.
    pub const RELU6: Self = Self { min: 0.0, max: UpperBound::Uniform(6.0) };

    pub(crate) fn check_channels(&self, channels: usize) -> Result<(), KernelError> {
        match self.max {
            UpperBound::Uniform(_) => Ok(()),
            UpperBound::PerChannel(max) => check_len("upper bounds", max.len(), blocks(channels) * BLOCK),
        }
    }

    /// The lower bound, and the upper ones of a block of channels.
    #[inline(always)]
    pub(crate) fn of_block(&self, block: usize) -> (F32x4, [F32x4; 2]) {
        let max = match self.max {
            UpperBound::Uniform(max) => [F32x4::splat(max); 2],
            UpperBound::PerChannel(max) => {
                let max = &max.as_chunks::<BLOCK>().0[block];
                let ([low, high], []) = max.as_chunks::<4>() else { unreachable!("eight is two fours") };
                [F32x4::load(low), F32x4::load(high)]
            }
        };
        (F32x4::splat(self.min), max)
    }

    /// The upper bound of a channel.
    pub(crate) fn max_of(&self, channel: usize) -> f32 {
        match self.max {
            UpperBound::Uniform(max) => max,
            UpperBound::PerChannel(max) => max[channel],
        }
    }

    /// `x`, which is of `channel`, within the bounds; NaN stays NaN.
    pub(crate) fn apply(&self, x: f32, channel: usize) -> f32 {
        let max = self.max_of(channel);
        let raised = if x < self.min { self.min } else { x };
        if max < raised { max } else { raised }
    }

    /// Elements of `len` that share a block's bounds: those of one block of channels, or all.
    fn plane(&self, len: usize) -> Result<usize, KernelError> {
        match self.max {
            UpperBound::Uniform(_) => Ok(len),
            UpperBound::PerChannel(max) => {
                check_len("upper bounds", max.len(), max.len().next_multiple_of(BLOCK))?;
                let pixels = len / max.len().max(1);
                check_fits("elements of whole pixels", len, pixels * max.len())?;
                Ok(pixels * BLOCK)
            }
        }
    }
}

/// `sum = clamp(sum + b)`, of one length; blocked, where bounds are per channel.
///
/// # Errors
/// [`KernelError::Length`] when lengths differ, [`KernelError::Shape`] when there are not bounds for each channel.
pub fn add_f32(sum: &mut [f32], b: &[f32], clamp: Clamp<'_>) -> Result<(), KernelError> {
    check_len("b", b.len(), sum.len())?;
    let plane = clamp.plane(sum.len())?.max(1);
    for (block, (sum, b)) in sum.chunks_mut(plane).zip(b.chunks(plane)).enumerate() {
        let (min, [low, high]) = clamp.of_block(block);
        let ((sum, sum_rest), (b, b_rest)) = (sum.as_chunks_mut::<BLOCK>(), b.as_chunks::<BLOCK>());
        for (sum, b) in sum.iter_mut().zip(b) {
            let halves = sum.as_chunks_mut().0.iter_mut().zip(b.as_chunks().0);
            for ((sum, b), max) in halves.zip([low, high]) {
                F32x4::load(sum).add(F32x4::load(b)).clamp(min, max).store(sum);
            }
        }
        for (sum, b) in sum_rest.iter_mut().zip(b_rest) {
            *sum = clamp.apply(*sum + b, 0);
        }
    }
    Ok(())
}

/// `x = clamp(x)`; blocked, where bounds are per channel.
///
/// # Errors
/// [`KernelError::Shape`] when there are not bounds for each channel.
pub fn clamp_f32(x: &mut [f32], clamp: Clamp<'_>) -> Result<(), KernelError> {
    let plane = clamp.plane(x.len())?.max(1);
    for (block, x) in x.chunks_mut(plane).enumerate() {
        let (min, max) = clamp.of_block(block);
        let (x, x_rest) = x.as_chunks_mut::<BLOCK>();
        for (x, max) in x.iter_mut().flat_map(|x| x.as_chunks_mut().0.iter_mut().zip(max)) {
            F32x4::load(x).clamp(min, max).store(x);
        }
        x_rest.iter_mut().for_each(|x| *x = clamp.apply(*x, 0));
    }
    Ok(())
}

/// `x[i] = exp(x[i] - max) / sum`. Sums to 1 within rounding; any NaN makes all NaN.
pub fn softmax_f32(x: &mut [f32]) {
    let largest = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0_f64;
    for x in &mut *x {
        *x = (*x - largest).exp();
        sum += f64::from(*x);
    }
    let scale = (1.0 / sum) as f32;
    x.iter_mut().for_each(|x| *x *= scale);
}
