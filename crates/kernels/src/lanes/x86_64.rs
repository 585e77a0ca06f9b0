//! The 128-bit vectors of x86-64: SSE2, which every such processor has, and FMA where the build asks for it
//! (`-C target-cpu=native`). The contract stands in `portable.rs`.

#![allow(unsafe_code, reason = "loads whose validity is the caller's")]

use core::arch::x86_64 as arch;
use core::arch::x86_64::{__m128, __m128i};

use intrinsics::*;

#[path = "x86_64/floats.rs"]
mod floats;
#[path = "x86_64/integers.rs"]
mod integers;
#[path = "x86_64/intrinsics.rs"]
mod intrinsics;

/// The instruction set that the lanes compile to.
pub const FLAVOUR: &str = if cfg!(target_feature = "fma") { "fma" } else { "sse2" };

#[derive(Clone, Copy, Debug)]
pub(crate) struct F32x4(__m128);

#[derive(Clone, Copy, Debug)]
pub(crate) struct I32x4(__m128i);

#[derive(Clone, Copy, Debug)]
pub(crate) struct I16x8(__m128i);

#[derive(Clone, Copy, Debug)]
pub(crate) struct U8x16(__m128i);

#[derive(Clone, Copy, Debug)]
pub(crate) struct I8x16(__m128i);

/// Quads are made of exact pairs here.
pub(crate) fn dot_quads_is_exact() -> bool {
    true
}

pub(crate) fn dot_signed_quads_is_exact() -> bool {
    true
}

/// Lanes 0 and 2 of both: what `shuffle_ps` takes.
const EVEN: i32 = 0b10_00_10_00;
/// Lanes 1 and 3 of both.
const ODD: i32 = 0b11_01_11_01;

/// Four lanes of 32 bits chosen from two vectors, the first two from `a`.
#[inline(always)]
fn shuffle<const LANES: i32>(a: __m128i, b: __m128i) -> __m128i {
    _mm_castps_si128(_mm_shuffle_ps::<LANES>(_mm_castsi128_ps(a), _mm_castsi128_ps(b)))
}

/// `yes` where the mask's bits are set, else `no`.
#[inline(always)]
fn select(mask: __m128i, yes: __m128i, no: __m128i) -> __m128i {
    _mm_or_si128(_mm_and_si128(mask, yes), _mm_andnot_si128(mask, no))
}

/// Low and high eight bytes, sign-extended to int16.
#[inline(always)]
fn extend_i8(x: __m128i) -> [__m128i; 2] {
    [_mm_srai_epi16::<8>(_mm_unpacklo_epi8(x, x)), _mm_srai_epi16::<8>(_mm_unpackhi_epi8(x, x))]
}

/// Low and high eight bytes, widened to int16 with zeros.
#[inline(always)]
fn extend_u8(x: __m128i) -> [__m128i; 2] {
    let zero = _mm_setzero_si128();
    [_mm_unpacklo_epi8(x, zero), _mm_unpackhi_epi8(x, zero)]
}

/// Sixteen bytes of any type.
///
/// # Safety
/// `src` must be valid for reading 16 bytes.
#[inline(always)]
unsafe fn load_16<T>(src: *const T) -> __m128i {
    // SAFETY: the caller's; `loadu` needs no alignment.
    unsafe { arch::_mm_loadu_si128(src.cast()) }
}

/// Eight bytes of any type, then zeros.
///
/// # Safety
/// `src` must be valid for reading 8 bytes.
#[inline(always)]
unsafe fn load_8<T>(src: *const T) -> __m128i {
    // SAFETY: the caller's; `loadl` needs no alignment.
    unsafe { arch::_mm_loadl_epi64(src.cast()) }
}
