//! Vectors of floats.

#![allow(unsafe_code, reason = "loads and stores through references that guarantee their validity")]

use core::arch::wasm32::*;

use super::{F32x4, I32x4};

impl F32x4 {
    #[inline(always)]
    pub(crate) fn splat(x: f32) -> Self {
        Self(f32x4_splat(x))
    }

    #[inline(always)]
    pub(crate) fn load(src: &[f32; 4]) -> Self {
        // SAFETY: `src` is 16 readable bytes, and `v128.load` needs no alignment.
        Self(unsafe { v128_load(src.as_ptr().cast()) })
    }

    #[inline(always)]
    pub(crate) fn store(self, dst: &mut [f32; 4]) {
        // SAFETY: `dst` is 16 writable bytes, and `v128.store` needs no alignment.
        unsafe { v128_store(dst.as_mut_ptr().cast(), self.0) }
    }

    #[inline(always)]
    pub(crate) unsafe fn load_at(src: *const f32) -> Self {
        // SAFETY: the caller's; `v128.load` needs no alignment.
        Self(unsafe { v128_load(src.cast()) })
    }

    #[inline(always)]
    pub(crate) unsafe fn splat_at(src: *const f32) -> Self {
        // SAFETY: the caller's; `v128.load32_splat` needs no alignment.
        Self(unsafe { v128_load32_splat(src.cast()) })
    }

    #[inline(always)]
    pub(crate) unsafe fn store_at(self, dst: *mut f32) {
        // SAFETY: the caller's; `v128.store` needs no alignment.
        unsafe { v128_store(dst.cast(), self.0) }
    }

    #[inline(always)]
    pub(crate) fn from_f16(src: &[u16; 8]) -> [Self; 2] {
        // SAFETY: `src` is 16 readable bytes, and `v128.load` needs no alignment.
        let halves = unsafe { v128_load(src.as_ptr().cast()) };
        [u32x4_extend_low_u16x8(halves), u32x4_extend_high_u16x8(halves)].map(|half| {
            let smallest_normal = i32x4_splat(113 << 23);
            let sign = i32x4_shl(v128_and(half, i32x4_splat(0x8000)), 16);
            let magnitude = i32x4_shl(v128_and(half, i32x4_splat(0x7fff)), 13);
            let rebiased = i32x4_add(magnitude, i32x4_splat(112 << 23));
            let small = f32x4_sub(i32x4_add(magnitude, smallest_normal), smallest_normal);
            let is_small = i32x4_lt(magnitude, i32x4_splat(1 << 23));
            let finite = v128_bitselect(small, rebiased, is_small);
            let is_infinite = i32x4_gt(magnitude, i32x4_splat((31 << 23) - 1));
            let infinite = v128_and(is_infinite, i32x4_splat(0xff << 23));
            Self(v128_or(v128_or(finite, infinite), sign))
        })
    }

    #[inline(always)]
    pub(crate) fn from_normal_f16(src: &[u16; 8]) -> [Self; 2] {
        // SAFETY: `src` is 16 readable bytes, and `v128.load` needs no alignment.
        let halves = unsafe { v128_load(src.as_ptr().cast()) };
        [i32x4_extend_low_i16x8(halves), i32x4_extend_high_i16x8(halves)].map(|half| {
            let shifted = v128_and(i32x4_shl(half, 13), u32x4_splat(0x8fff_e000));
            Self(f32x4_mul(shifted, u32x4_splat((127 + 112) << 23)))
        })
    }

    #[inline(always)]
    pub(crate) fn from_bf16(src: &[u16; 8]) -> [Self; 2] {
        // SAFETY: `src` is 16 readable bytes, and `v128.load` needs no alignment.
        let halves = unsafe { v128_load(src.as_ptr().cast()) };
        let zeros = i16x8_splat(0);
        [
            Self(i16x8_shuffle::<0, 8, 1, 9, 2, 10, 3, 11>(zeros, halves)),
            Self(i16x8_shuffle::<4, 12, 5, 13, 6, 14, 7, 15>(zeros, halves)),
        ]
    }

    #[cfg(target_feature = "relaxed-simd")]
    #[inline(always)]
    pub(crate) fn mul_add(self, b: Self, acc: Self) -> Self {
        Self(f32x4_relaxed_madd(self.0, b.0, acc.0))
    }

    #[cfg(not(target_feature = "relaxed-simd"))]
    #[inline(always)]
    pub(crate) fn mul_add(self, b: Self, acc: Self) -> Self {
        Self(f32x4_add(f32x4_mul(self.0, b.0), acc.0))
    }

    #[inline(always)]
    pub(crate) fn add(self, b: Self) -> Self {
        Self(f32x4_add(self.0, b.0))
    }

    #[inline(always)]
    pub(crate) fn mul(self, b: Self) -> Self {
        Self(f32x4_mul(self.0, b.0))
    }

    #[cfg(target_feature = "relaxed-simd")]
    #[inline(always)]
    pub(crate) fn max(self, b: Self) -> Self {
        Self(f32x4_relaxed_max(self.0, b.0))
    }

    #[cfg(not(target_feature = "relaxed-simd"))]
    #[inline(always)]
    pub(crate) fn max(self, b: Self) -> Self {
        Self(f32x4_max(self.0, b.0))
    }

    // `pmax(a, b)` is `a < b ? b : a` and `pmin(a, b)` is `b < a ? b : a`: NaN in the first operand stays.
    #[inline(always)]
    pub(crate) fn clamp(self, min: Self, max: Self) -> Self {
        Self(f32x4_pmin(f32x4_pmax(self.0, min.0), max.0))
    }

    #[inline(always)]
    pub(crate) fn divided_to_i32(self, b: Self) -> I32x4 {
        I32x4(i32x4_trunc_sat_f32x4(f32x4_nearest(f32x4_div(self.0, b.0))))
    }

    #[inline(always)]
    pub(crate) fn store_triples(x: Self, y: Self, z: Self, dst: &mut [f32; 12]) {
        // Each lane to its place within a store, then blends: what processors do in one step each.
        let x = i32x4_shuffle::<0, 3, 2, 1>(x.0, x.0);
        let y = i32x4_shuffle::<1, 0, 3, 2>(y.0, y.0);
        let z = i32x4_shuffle::<2, 1, 0, 3>(z.0, z.0);
        let (parts, _) = dst.as_chunks_mut::<4>();
        let [first, second, third] = parts else { return };
        Self(i32x4_shuffle::<0, 1, 6, 3>(i32x4_shuffle::<0, 5, 2, 3>(x, y), z)).store(first);
        Self(i32x4_shuffle::<0, 1, 6, 3>(i32x4_shuffle::<0, 5, 2, 3>(y, z), x)).store(second);
        Self(i32x4_shuffle::<0, 1, 6, 3>(i32x4_shuffle::<0, 5, 2, 3>(z, x), y)).store(third);
    }

    #[inline(always)]
    pub(crate) fn transpose([a, b, c, d]: [Self; 4]) -> [Self; 4] {
        let (low, high) = (i32x4_shuffle::<0, 4, 1, 5>(a.0, b.0), i32x4_shuffle::<2, 6, 3, 7>(a.0, b.0));
        let (low2, high2) = (i32x4_shuffle::<0, 4, 1, 5>(c.0, d.0), i32x4_shuffle::<2, 6, 3, 7>(c.0, d.0));
        [
            Self(i64x2_shuffle::<0, 2>(low, low2)),
            Self(i64x2_shuffle::<1, 3>(low, low2)),
            Self(i64x2_shuffle::<0, 2>(high, high2)),
            Self(i64x2_shuffle::<1, 3>(high, high2)),
        ]
    }
}
