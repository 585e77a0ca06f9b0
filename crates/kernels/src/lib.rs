//! Arithmetic over slices: the kernels that run a MobileNet in float32 and in int8.
//!
//! Activations have a batch of one and lie in blocks of eight channels ([`mod@blocks`]); pictures come as `nhwc`. The crate
//! knows shapes and numbers; it does not know graphs, files or clocks, and no kernel allocates. Threads share a kernel's
//! work where there are any ([`threads`]). Every kernel checks sizes at its top and then runs without failing.
//!
//! Each fast kernel has a plain twin in [`mod@reference`] that stays for good. The fast ones are written once over
//! the lanes types, with files for SIMD128, for x86-64 and for arrays. Start with [`conv2d_f32`], whose inside is the
//! matrix product of `gemm.rs`, then [`conv2d_i8`] and [`Requantization`] for integers, and [`StoredWeights`] for weights
//! in fewer bits.

mod bands;
pub mod blocks;
pub mod ceiling;
mod concat;
mod conv;
mod depthwise;
mod elementwise;
mod error;
mod gemm;
mod integer;
mod lanes;
mod levels;
mod packed;
mod parts;
mod pool;
pub mod reference;
mod resample;
mod rows;
mod shape;
mod sparse;
mod storage;
#[cfg(test)]
mod tests;
mod threads;

pub use blocks::{Aligned, BLOCK, blocked_len, from_blocks, to_blocks, zeros};
pub use concat::concat;
pub use conv::{Layout, conv2d_f32, conv2d_scratch_len, linear_f32};
pub use depthwise::{
    DepthwiseWeightsF32, depthwise_f32, depthwise_scratch_len, expand_depthwise_f32,
    expand_depthwise_scratch_len,
};
pub use elementwise::{Clamp, UpperBound, add_f32, clamp_f32, softmax_f32};
pub use error::KernelError;
pub use integer::{
    AddRequantization, DepthwiseWeightsI8, Expansion, IntegerScratch, IntegerScratchLen, PackedWeightsI8,
    Products, Requantization, add_i8, conv2d_i8, conv2d_i8_scratch_len, depthwise_i8,
    depthwise_i8_scratch_len, dequantize_i8, expand_depthwise_i8, expand_depthwise_i8_scratch_len,
    global_average_pool_i8, linear_i8, linear_i8_f32, linear_i8_scratch_len, quantize_i8,
};
pub use lanes::FLAVOUR;
pub use levels::{LevelGroups, StoredLevels};
pub use packed::PackedWeightsF32;
pub use pool::{global_average_pool_f32, max_pool_f32, max_pool_i8};
pub use resample::{ChannelMix, RESAMPLE_ONE, blend_rows_u8, filter_columns_i16, split_pairs_i16};
pub use shape::{ImageShape, Padding, Window};
pub use sparse::{Pattern, SparseWeightsF32, pointwise_sparse_f32, pointwise_sparse_scratch_len};
pub use storage::StoredWeights;
pub use threads::{help, report_lost_helper, start_threads, threads, with_threads};
