//! Vectors of floats and integers: the only files that use intrinsics.
//!
//! All implementations have one contract, which the types of `portable` state; the tests of every kernel run on each.
//! A further flavour is a further file here (or a feature of `simd128`) and nothing else.

#[cfg(not(any(
    all(target_arch = "x86_64", not(feature = "portable")),
    all(target_arch = "wasm32", target_feature = "simd128")
)))]
#[path = "portable.rs"]
mod chosen;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[path = "simd128.rs"]
mod chosen;
#[cfg(all(target_arch = "x86_64", not(feature = "portable")))]
#[path = "x86_64.rs"]
mod chosen;

pub use chosen::FLAVOUR;
pub(crate) use chosen::{F32x4, I8x16, I16x8, I32x4, U8x16, dot_quads_is_exact, dot_signed_quads_is_exact};
