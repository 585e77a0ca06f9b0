//! Arithmetic over slices: the kernels that run a MobileNet in float32 and in int8.
//!
//! Activations are `nhwc` with a batch of one, channels contiguous. The crate knows shapes and numbers; it does not
//! know graphs, files, clocks or threads, and no kernel allocates. Every kernel checks sizes at its top and then runs
//! without failing.
//!
//! Each fast kernel has a plain twin in [`mod@reference`] that stays for good. The fast ones are written once over
//! the lanes types, which have a SIMD128 implementation and an array fallback. Start with [`gemm_f32`], which also
//! runs inside the convolutions, then [`gemm_i8`] and [`Requantization`] for integers.

mod conv;
mod depthwise;
mod elementwise;
mod error;
mod gemm;
mod integer;
mod lanes;
mod pool;
pub mod reference;
mod resample;
mod shape;
#[cfg(test)]
mod tests;

pub use conv::{conv2d_f32, conv2d_i8, conv2d_i8_scratch_len, conv2d_scratch_len};
pub use depthwise::{depthwise_f32, depthwise_i8};
pub use elementwise::{Clamp, add_f32, clamp_f32, softmax_f32};
pub use error::KernelError;
pub use gemm::{PackedWeightsF32, gemm_f32};
pub use integer::{
    AddRequantization, PackedWeightsI8, Requantization, add_i8, dequantize_i8, fold_zero_point, gemm_i8,
    gemm_i8_f32, gemm_i8_scratch_len, quantize_i8,
};
pub use lanes::FLAVOUR;
pub use pool::{global_average_pool_f32, global_average_pool_i8};
pub use resample::{ChannelMix, RESAMPLE_ONE, blend_rows_u8, filter_columns_i16, split_pairs_i16};
pub use shape::{ImageShape, Padding, Window};
