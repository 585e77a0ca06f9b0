//! Integer-only arithmetic after Jacob et al. 2018 (arXiv 1712.05877), section 2.
//!
//! Activations are asymmetric, `real = scale * (level - zero_point)`, with levels of one unsigned byte; weights are
//! symmetric int8 per output channel in `-127..=127`; products sum up in int32. The input's zero point is folded into
//! the bias when weights are packed: `sum((q - z) * w) = sum(q * w) - z * sum(w)`.
//!
//! A graph's int8 level `q` is the level `q + 128` here. Unsigned bytes are what the widest dot products of common
//! processors take beside signed weights.

mod conv;
mod depthwise;
mod elementwise;
mod expand;
mod finish;
mod gemm;
mod packed;
mod requantize;

pub use conv::{
    IntegerScratch, IntegerScratchLen, conv2d_i8, conv2d_i8_scratch_len, linear_i8, linear_i8_f32,
    linear_i8_scratch_len,
};
pub use depthwise::{DepthwiseWeightsI8, depthwise_i8, depthwise_i8_scratch_len};
pub use elementwise::{add_i8, dequantize_i8, global_average_pool_i8, quantize_i8};
pub use expand::{Expansion, expand_depthwise_i8, expand_depthwise_i8_scratch_len};
pub use packed::{PackedWeightsI8, Products};
pub use requantize::{AddRequantization, Requantization};

use crate::KernelError;

/// Products `level * w`, at most `255 * 127` each, that fit an int32 accumulator beside a bias of up to [`MAX_BIAS`]:
/// `2^30 / (255 * 127) = 33155`.
pub(crate) const MAX_DEPTH: usize = 33_155;

/// The largest magnitude of a bias: half of what an int32 holds.
pub(crate) const MAX_BIAS: u32 = 1 << 30;

/// Refuses what would let an accumulator of `k` products leave int32. The sums of the kernels begin with the zero point
/// folded in and may wrap on the way; what they end with is `sum((q - z) * w) + bias`, which then fits.
pub(crate) fn check_accumulators(k: usize, bias: &[i32]) -> Result<(), KernelError> {
    if k > MAX_DEPTH {
        return Err(KernelError::Depth { k, max: MAX_DEPTH });
    }
    match bias.iter().find(|bias| bias.unsigned_abs() > MAX_BIAS) {
        None => Ok(()),
        Some(bias) => {
            let value = f64::from(*bias);
            Err(KernelError::Number { what: "bias", value, bounds: "-2^30..=2^30" })
        }
    }
}

/// Refuses -128, which symmetric weights do not have: [`MAX_DEPTH`] and the sums of two products in int16 of some
/// processors count on it.
pub(crate) fn check_weights(weights: &[i8]) -> Result<(), KernelError> {
    match weights.contains(&i8::MIN) {
        false => Ok(()),
        true => Err(KernelError::Number { what: "weight", value: -128.0, bounds: "-127..=127" }),
    }
}
