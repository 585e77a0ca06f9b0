//! Arrays in place of vectors: what compilers vectorise for other targets, and the contract in plain code.

#[path = "portable/floats.rs"]
mod floats;
#[path = "portable/integers.rs"]
mod integers;

/// The instruction set that the lanes compile to.
pub const FLAVOUR: &str = "portable";

/// Four floats.
#[derive(Clone, Copy, Debug)]
pub(crate) struct F32x4([f32; 4]);

/// Four int32; arithmetic wraps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct I32x4([i32; 4]);

/// Eight int16.
#[derive(Clone, Copy, Debug)]
pub(crate) struct I16x8([i16; 8]);

/// Sixteen unsigned bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct U8x16([u8; 16]);

/// Sixteen int8.
#[derive(Clone, Copy, Debug)]
pub(crate) struct I8x16([i8; 16]);

/// Whether [`I32x4::add_dot_quads`] is exact for levels beyond 127.
pub(crate) fn dot_quads_is_exact() -> bool {
    true
}

/// Whether [`I32x4::add_dot_signed_quads`] is exact for levels below 0.
pub(crate) fn dot_signed_quads_is_exact() -> bool {
    true
}
