//! Vectors of integers.

#![allow(unsafe_code, reason = "loads and stores through references that guarantee their validity")]

use core::arch::wasm32::*;

use super::{F32x4, I8x16, I16x8, I32x4, U8x16};

impl I32x4 {
    #[inline(always)]
    pub(crate) fn splat(x: i32) -> Self {
        Self(i32x4_splat(x))
    }

    #[inline(always)]
    pub(crate) fn load(src: &[i32; 4]) -> Self {
        // SAFETY: `src` is 16 readable bytes, and `v128.load` needs no alignment.
        Self(unsafe { v128_load(src.as_ptr().cast()) })
    }

    #[inline(always)]
    pub(crate) unsafe fn load_anew_at(src: *const i32) -> Self {
        // SAFETY: the caller's, alignment included.
        Self(unsafe { src.cast::<v128>().read_volatile() })
    }

    #[inline(always)]
    pub(crate) unsafe fn load_at(src: *const i32) -> Self {
        // SAFETY: the caller's; `v128.load` needs no alignment.
        Self(unsafe { v128_load(src.cast()) })
    }

    #[inline(always)]
    pub(crate) fn to_array(self) -> [i32; 4] {
        [
            i32x4_extract_lane::<0>(self.0),
            i32x4_extract_lane::<1>(self.0),
            i32x4_extract_lane::<2>(self.0),
            i32x4_extract_lane::<3>(self.0),
        ]
    }

    #[inline(always)]
    pub(crate) fn add(self, b: Self) -> Self {
        Self(i32x4_add(self.0, b.0))
    }

    #[inline(always)]
    pub(crate) fn mul(self, b: Self) -> Self {
        Self(i32x4_mul(self.0, b.0))
    }

    #[inline(always)]
    pub(crate) fn shift_right(self, shift: u32) -> Self {
        Self(i32x4_shr(self.0, shift))
    }

    #[inline(always)]
    pub(crate) fn clamp(self, min: Self, max: Self) -> Self {
        Self(i32x4_min(i32x4_max(self.0, min.0), max.0))
    }

    #[inline(always)]
    pub(crate) fn multiply_high(self, b: Self) -> Self {
        let low = i64x2_extmul_low_i32x4(self.0, b.0);
        let high = i64x2_extmul_high_i32x4(self.0, b.0);
        Self(i32x4_shuffle::<1, 3, 5, 7>(low, high))
    }

    #[inline(always)]
    pub(crate) fn to_f32(self) -> F32x4 {
        F32x4(f32x4_convert_i32x4(self.0))
    }

    #[cfg(target_feature = "relaxed-simd")]
    #[inline(always)]
    pub(crate) fn add_dot_quads(self, w: I8x16, x: U8x16) -> Self {
        Self(i32x4_relaxed_dot_i8x16_i7x16_add(w.0, x.0, self.0))
    }

    /// Exact, but slower than products of pairs: there for comparison.
    #[cfg(not(target_feature = "relaxed-simd"))]
    #[inline(always)]
    pub(crate) fn add_dot_quads(self, w: I8x16, x: U8x16) -> Self {
        let low = i32x4_dot_i16x8(i16x8_extend_low_i8x16(w.0), i16x8_extend_low_u8x16(x.0));
        let high = i32x4_dot_i16x8(i16x8_extend_high_i8x16(w.0), i16x8_extend_high_u8x16(x.0));
        self.add(Self(low).sum_pairs(Self(high)))
    }

    #[cfg(target_feature = "relaxed-simd")]
    #[inline(always)]
    pub(crate) fn add_dot_signed_quads(self, w: I8x16, x: I8x16) -> Self {
        Self(i32x4_relaxed_dot_i8x16_i7x16_add(w.0, x.0, self.0))
    }

    /// As [`Self::add_dot_quads`].
    #[cfg(not(target_feature = "relaxed-simd"))]
    #[inline(always)]
    pub(crate) fn add_dot_signed_quads(self, w: I8x16, x: I8x16) -> Self {
        let low = i32x4_dot_i16x8(i16x8_extend_low_i8x16(w.0), i16x8_extend_low_i8x16(x.0));
        let high = i32x4_dot_i16x8(i16x8_extend_high_i8x16(w.0), i16x8_extend_high_i8x16(x.0));
        self.add(Self(low).sum_pairs(Self(high)))
    }

    #[inline(always)]
    pub(crate) fn store(self, dst: &mut [i32; 4]) {
        // SAFETY: `dst` is 16 writable bytes, and `v128.store` needs no alignment.
        unsafe { v128_store(dst.as_mut_ptr().cast(), self.0) }
    }

    #[inline(always)]
    pub(crate) fn sum_pairs(self, b: Self) -> Self {
        let even = i32x4_shuffle::<0, 2, 4, 6>(self.0, b.0);
        Self(i32x4_add(even, i32x4_shuffle::<1, 3, 5, 7>(self.0, b.0)))
    }
}

impl I16x8 {
    #[inline(always)]
    pub(crate) fn splat(x: i16) -> Self {
        Self(i16x8_splat(x))
    }

    #[inline(always)]
    pub(crate) fn splat_pair(pair: &[i16; 2]) -> Self {
        // SAFETY: `pair` is 4 readable bytes, and `v128.load32_splat` needs no alignment.
        Self(unsafe { v128_load32_splat(pair.as_ptr().cast()) })
    }

    #[inline(always)]
    pub(crate) unsafe fn splat_pair_at(src: *const i16) -> Self {
        // SAFETY: the caller's; `v128.load32_splat` needs no alignment.
        Self(unsafe { v128_load32_splat(src.cast()) })
    }

    #[inline(always)]
    pub(crate) unsafe fn load_at(src: *const i16) -> Self {
        // SAFETY: the caller's; `v128.load` needs no alignment.
        Self(unsafe { v128_load(src.cast()) })
    }

    #[inline(always)]
    pub(crate) unsafe fn load_i8_at(src: *const i8) -> Self {
        // SAFETY: the caller's; `v128.load8x8_s` needs no alignment.
        Self(unsafe { i16x8_load_extend_i8x8(src) })
    }

    #[inline(always)]
    pub(crate) unsafe fn load_u8_at(src: *const u8) -> Self {
        // SAFETY: the caller's; `v128.load8x8_u` needs no alignment.
        Self(unsafe { i16x8_load_extend_u8x8(src) })
    }

    #[inline(always)]
    pub(crate) fn load_u8(src: &[u8; 8]) -> Self {
        // SAFETY: `src` is 8 readable bytes, and `v128.load8x8_u` needs no alignment.
        Self(unsafe { i16x8_load_extend_u8x8(src.as_ptr()) })
    }

    #[inline(always)]
    pub(crate) fn store(self, dst: &mut [i16; 8]) {
        // SAFETY: `dst` is 16 writable bytes, and `v128.store` needs no alignment.
        unsafe { v128_store(dst.as_mut_ptr().cast(), self.0) }
    }

    #[inline(always)]
    pub(crate) fn shift_left(self, shift: u32) -> Self {
        Self(i16x8_shl(self.0, shift))
    }

    #[inline(always)]
    pub(crate) fn shift_right(self, shift: u32) -> Self {
        Self(i16x8_shr(self.0, shift))
    }

    #[inline(always)]
    pub(crate) fn mul(self, b: Self) -> Self {
        Self(i16x8_mul(self.0, b.0))
    }

    #[inline(always)]
    pub(crate) fn sub(self, b: Self) -> Self {
        Self(i16x8_sub(self.0, b.0))
    }

    #[inline(always)]
    pub(crate) fn clamp(self, min: Self, max: Self) -> Self {
        Self(i16x8_min(i16x8_max(self.0, min.0), max.0))
    }

    #[inline(always)]
    pub(crate) fn add_saturating(self, b: Self) -> Self {
        Self(i16x8_add_sat(self.0, b.0))
    }

    #[inline(always)]
    pub(crate) fn dot(self, b: Self) -> I32x4 {
        I32x4(i32x4_dot_i16x8(self.0, b.0))
    }

    #[inline(always)]
    pub(crate) fn interleave(self, b: Self) -> [Self; 2] {
        [
            Self(i16x8_shuffle::<0, 8, 1, 9, 2, 10, 3, 11>(self.0, b.0)),
            Self(i16x8_shuffle::<4, 12, 5, 13, 6, 14, 7, 15>(self.0, b.0)),
        ]
    }

    #[inline(always)]
    pub(crate) fn widen(self) -> [I32x4; 2] {
        [I32x4(i32x4_extend_low_i16x8(self.0)), I32x4(i32x4_extend_high_i16x8(self.0))]
    }

    #[inline(always)]
    pub(crate) fn narrow(low: I32x4, high: I32x4) -> Self {
        Self(i16x8_narrow_i32x4(low.0, high.0))
    }

    #[inline(always)]
    pub(crate) fn load(src: &[i16; 8]) -> Self {
        // SAFETY: `src` is 16 readable bytes, and `v128.load` needs no alignment.
        Self(unsafe { v128_load(src.as_ptr().cast()) })
    }

    #[inline(always)]
    pub(crate) fn load_halves(low: &[i16; 4], high: &[i16; 4]) -> Self {
        // SAFETY: `low` is 8 readable bytes, and `v128.load64_zero` needs no alignment.
        let halves = unsafe { v128_load64_zero(low.as_ptr().cast()) };
        // SAFETY: `high` is 8 readable bytes, and `v128.load64_lane` needs no alignment.
        Self(unsafe { v128_load64_lane::<1>(halves, high.as_ptr().cast()) })
    }

    #[inline(always)]
    pub(crate) fn interleave_u8(a: &[u8; 16], b: &[u8; 16]) -> [Self; 4] {
        // SAFETY: `a` is 16 readable bytes, and `v128.load` needs no alignment.
        let a = unsafe { v128_load(a.as_ptr().cast()) };
        // SAFETY: `b` is 16 readable bytes, and `v128.load` needs no alignment.
        let b = unsafe { v128_load(b.as_ptr().cast()) };
        let low = i8x16_shuffle::<0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23>(a, b);
        let high = i8x16_shuffle::<8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31>(a, b);
        [
            Self(u16x8_extend_low_u8x16(low)),
            Self(u16x8_extend_high_u8x16(low)),
            Self(u16x8_extend_low_u8x16(high)),
            Self(u16x8_extend_high_u8x16(high)),
        ]
    }

    #[inline(always)]
    pub(crate) fn split(self, b: Self) -> [Self; 2] {
        [
            Self(i16x8_shuffle::<0, 2, 4, 6, 8, 10, 12, 14>(self.0, b.0)),
            Self(i16x8_shuffle::<1, 3, 5, 7, 9, 11, 13, 15>(self.0, b.0)),
        ]
    }

    #[inline(always)]
    pub(crate) fn transpose_pairs([a, b, c, d]: [Self; 4]) -> [Self; 4] {
        F32x4::transpose([F32x4(a.0), F32x4(b.0), F32x4(c.0), F32x4(d.0)]).map(|column| Self(column.0))
    }
}

impl U8x16 {
    #[inline(always)]
    pub(crate) fn interleave(a: &[u8; 8], b: &[u8; 8]) -> Self {
        // SAFETY: both are eight readable bytes, and `v128.load64_zero` needs no alignment.
        let [a, b] = [a, b].map(|half| unsafe { v128_load64_zero(half.as_ptr().cast()) });
        Self(i8x16_shuffle::<0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23>(a, b))
    }

    #[inline(always)]
    pub(crate) fn store(self, dst: &mut [u8; 16]) {
        // SAFETY: `dst` is 16 writable bytes, and `v128.store` needs no alignment.
        unsafe { v128_store(dst.as_mut_ptr().cast(), self.0) }
    }

    #[inline(always)]
    pub(crate) unsafe fn splat_quad_at(src: *const u8) -> Self {
        // SAFETY: the caller's; `v128.load32_splat` needs no alignment.
        Self(unsafe { v128_load32_splat(src.cast()) })
    }

    #[inline(always)]
    pub(crate) unsafe fn store_at(self, dst: *mut u8) {
        // SAFETY: the caller's; `v128.store` needs no alignment.
        unsafe { v128_store(dst.cast(), self.0) }
    }

    #[inline(always)]
    pub(crate) unsafe fn store_half_at(self, dst: *mut u8) {
        // SAFETY: the caller's; `v128.store64_lane` needs no alignment.
        unsafe { v128_store64_lane::<0>(self.0, dst.cast()) }
    }

    #[inline(always)]
    pub(crate) fn store_half(self, dst: &mut [u8; 8]) {
        // SAFETY: `dst` is 8 writable bytes, and `v128.store64_lane` needs no alignment.
        unsafe { v128_store64_lane::<0>(self.0, dst.as_mut_ptr().cast()) }
    }

    #[inline(always)]
    pub(crate) fn from_low_bytes(low: I16x8, high: I16x8) -> Self {
        Self(i8x16_shuffle::<0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30>(low.0, high.0))
    }

    #[inline(always)]
    pub(crate) fn narrow(low: I16x8, high: I16x8) -> Self {
        Self(u8x16_narrow_i16x8(low.0, high.0))
    }
}

impl I8x16 {
    #[inline(always)]
    pub(crate) unsafe fn splat_quad_at(src: *const i8) -> Self {
        // SAFETY: the caller's; `v128.load32_splat` needs no alignment.
        Self(unsafe { v128_load32_splat(src.cast()) })
    }

    #[inline(always)]
    pub(crate) unsafe fn load_at(src: *const i8) -> Self {
        // SAFETY: the caller's; `v128.load` needs no alignment.
        Self(unsafe { v128_load(src.cast()) })
    }

    #[inline(always)]
    pub(crate) fn narrow(low: I16x8, high: I16x8) -> Self {
        Self(i8x16_narrow_i16x8(low.0, high.0))
    }

    #[inline(always)]
    pub(crate) fn store(self, dst: &mut [i8; 16]) {
        // SAFETY: `dst` is 16 writable bytes, and `v128.store` needs no alignment.
        unsafe { v128_store(dst.as_mut_ptr().cast(), self.0) }
    }
}
