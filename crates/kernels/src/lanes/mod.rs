//! Vectors of floats and integers: the only files that use intrinsics.
//!
//! Both implementations have one contract, which the types of `portable` state; the tests of every kernel run on both.
//! A further flavour is a further file here (or a feature of `simd128`) and nothing else.

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod portable;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128;

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
pub use portable::FLAVOUR;
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
pub(crate) use portable::{F32x4, I8x16, I16x8, I32x4, U8x16, dot_quads_is_exact};
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub use simd128::FLAVOUR;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub(crate) use simd128::{F32x4, I8x16, I16x8, I32x4, U8x16, dot_quads_is_exact};
