//! WebAssembly's 128-bit vectors. The contract stands in `portable.rs`.

#[path = "simd128/floats.rs"]
mod floats;
#[path = "simd128/integers.rs"]
mod integers;

use core::arch::wasm32::{i8x16_splat, u8x16_splat, v128};

/// The instruction set that the lanes compile to.
pub const FLAVOUR: &str = if cfg!(target_feature = "relaxed-simd") { "relaxed" } else { "simd128" };

#[derive(Clone, Copy, Debug)]
pub(crate) struct F32x4(v128);

#[derive(Clone, Copy, Debug)]
pub(crate) struct I32x4(v128);

#[derive(Clone, Copy, Debug)]
pub(crate) struct I16x8(v128);

#[derive(Clone, Copy, Debug)]
pub(crate) struct U8x16(v128);

#[derive(Clone, Copy, Debug)]
pub(crate) struct I8x16(v128);

/// Asks the instruction: the standard defines it for a second operand from 0 to 127, and processors differ beyond that.
/// Those with a dot product of signed and unsigned bytes (VNNI) take it as unsigned, those with one of signed bytes (the
/// dot products of ARM) as signed; others saturate sums of two.
pub(crate) fn dot_quads_is_exact() -> bool {
    let w = I8x16(i8x16_splat(std::hint::black_box(-127)));
    let x = U8x16(u8x16_splat(std::hint::black_box(255)));
    I32x4::splat(0).add_dot_quads(w, x).to_array() == [4 * -127 * 255; 4]
}

/// The same for signed levels.
pub(crate) fn dot_signed_quads_is_exact() -> bool {
    let w = I8x16(i8x16_splat(std::hint::black_box(-127)));
    let x = I8x16(i8x16_splat(std::hint::black_box(-128)));
    I32x4::splat(0).add_dot_signed_quads(w, x).to_array() == [4 * -127 * -128; 4]
}
