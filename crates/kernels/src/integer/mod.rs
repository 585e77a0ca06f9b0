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
mod gemm;
mod requantize;

pub use conv::{
    IntegerScratch, IntegerScratchLen, conv2d_i8, conv2d_i8_scratch_len, linear_i8, linear_i8_f32,
    linear_i8_scratch_len,
};
pub use depthwise::{
    DepthwiseWeightsI8, Expansion, depthwise_i8, depthwise_i8_scratch_len, expand_depthwise_i8,
    expand_depthwise_i8_scratch_len,
};
pub use elementwise::{add_i8, dequantize_i8, global_average_pool_i8, quantize_i8};
pub use gemm::{PackedWeightsI8, Products};
pub use requantize::{AddRequantization, Requantization};

/// Products `level * w`, at most `255 * 127` each, that fit an int32 accumulator beside a bias of up to 2^30:
/// `2^30 / (255 * 127) = 33155`.
pub(crate) const MAX_DEPTH: usize = 33_155;
