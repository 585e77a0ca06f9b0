//! Vectors of floats.

#![allow(unsafe_code, reason = "loads and stores through references that guarantee their validity")]

use core::arch::x86_64 as arch;

use super::intrinsics::*;
use super::{F32x4, I32x4, load_16, select};

impl F32x4 {
    #[inline(always)]
    pub(crate) fn from_f16(src: &[u16; 8]) -> [Self; 2] {
        // SAFETY: `src` is 16 readable bytes.
        let halves = unsafe { load_16(src.as_ptr()) };
        let zero = _mm_setzero_si128();
        [_mm_unpacklo_epi16(halves, zero), _mm_unpackhi_epi16(halves, zero)].map(|half| {
            let smallest_normal = _mm_set1_epi32(113 << 23);
            let sign = _mm_slli_epi32::<16>(_mm_and_si128(half, _mm_set1_epi32(0x8000)));
            let magnitude = _mm_slli_epi32::<13>(_mm_and_si128(half, _mm_set1_epi32(0x7fff)));
            let rebiased = _mm_add_epi32(magnitude, _mm_set1_epi32(112 << 23));
            let small = _mm_castsi128_ps(_mm_add_epi32(magnitude, smallest_normal));
            let small = _mm_castps_si128(_mm_sub_ps(small, _mm_castsi128_ps(smallest_normal)));
            let is_small = _mm_cmpgt_epi32(_mm_set1_epi32(1 << 23), magnitude);
            let is_infinite = _mm_cmpgt_epi32(magnitude, _mm_set1_epi32((31 << 23) - 1));
            let infinite = _mm_and_si128(is_infinite, _mm_set1_epi32(0xff << 23));
            let finite = select(is_small, small, rebiased);
            Self(_mm_castsi128_ps(_mm_or_si128(_mm_or_si128(finite, infinite), sign)))
        })
    }

    #[inline(always)]
    pub(crate) fn from_normal_f16(src: &[u16; 8]) -> [Self; 2] {
        // SAFETY: `src` is 16 readable bytes.
        let halves = unsafe { load_16(src.as_ptr()) };
        let scale = _mm_castsi128_ps(_mm_set1_epi32((127 + 112) << 23));
        // Each half twice in 32 bits, from where an arithmetic shift copies its sign.
        [_mm_unpacklo_epi16(halves, halves), _mm_unpackhi_epi16(halves, halves)].map(|half| {
            let shifted = _mm_srai_epi32::<3>(half);
            let bits = _mm_and_si128(shifted, _mm_set1_epi32(0x8fff_e000_u32.cast_signed()));
            Self(_mm_mul_ps(_mm_castsi128_ps(bits), scale))
        })
    }

    #[inline(always)]
    pub(crate) fn from_bf16(src: &[u16; 8]) -> [Self; 2] {
        // SAFETY: `src` is 16 readable bytes.
        let halves = unsafe { load_16(src.as_ptr()) };
        let zero = _mm_setzero_si128();
        [_mm_unpacklo_epi16(zero, halves), _mm_unpackhi_epi16(zero, halves)]
            .map(|wide| Self(_mm_castsi128_ps(wide)))
    }

    #[inline(always)]
    pub(crate) fn splat(x: f32) -> Self {
        Self(_mm_set1_ps(x))
    }

    #[inline(always)]
    pub(crate) fn load(src: &[f32; 4]) -> Self {
        // SAFETY: `src` is 16 readable bytes, and `loadu` needs no alignment.
        Self(unsafe { arch::_mm_loadu_ps(src.as_ptr()) })
    }

    #[inline(always)]
    pub(crate) fn store(self, dst: &mut [f32; 4]) {
        // SAFETY: `dst` is 16 writable bytes, and `storeu` needs no alignment.
        unsafe { arch::_mm_storeu_ps(dst.as_mut_ptr(), self.0) }
    }

    #[inline(always)]
    pub(crate) unsafe fn load_at(src: *const f32) -> Self {
        // SAFETY: the caller's; `loadu` needs no alignment.
        Self(unsafe { arch::_mm_loadu_ps(src) })
    }

    #[inline(always)]
    pub(crate) unsafe fn splat_at(src: *const f32) -> Self {
        // SAFETY: the caller's.
        Self(_mm_set1_ps(unsafe { src.read_unaligned() }))
    }

    #[inline(always)]
    pub(crate) unsafe fn store_at(self, dst: *mut f32) {
        // SAFETY: the caller's; `storeu` needs no alignment.
        unsafe { arch::_mm_storeu_ps(dst, self.0) }
    }

    #[cfg(target_feature = "fma")]
    #[inline(always)]
    pub(crate) fn mul_add(self, b: Self, acc: Self) -> Self {
        Self(_mm_fmadd_ps(self.0, b.0, acc.0))
    }

    #[cfg(not(target_feature = "fma"))]
    #[inline(always)]
    pub(crate) fn mul_add(self, b: Self, acc: Self) -> Self {
        Self(_mm_add_ps(_mm_mul_ps(self.0, b.0), acc.0))
    }

    #[inline(always)]
    pub(crate) fn add(self, b: Self) -> Self {
        Self(_mm_add_ps(self.0, b.0))
    }

    #[inline(always)]
    pub(crate) fn mul(self, b: Self) -> Self {
        Self(_mm_mul_ps(self.0, b.0))
    }

    // `max(a, b)` is `b` where either is NaN.
    #[inline(always)]
    pub(crate) fn max(self, b: Self) -> Self {
        Self(_mm_or_ps(_mm_max_ps(self.0, b.0), _mm_cmpunord_ps(self.0, self.0)))
    }

    // `max(a, b)` is `a > b ? a : b` and `min(a, b)` is `a < b ? a : b`: NaN in the second operand stays.
    #[inline(always)]
    pub(crate) fn clamp(self, min: Self, max: Self) -> Self {
        Self(_mm_min_ps(max.0, _mm_max_ps(min.0, self.0)))
    }

    #[inline(always)]
    pub(crate) fn divided_to_i32(self, b: Self) -> I32x4 {
        let quotient = _mm_div_ps(self.0, b.0);
        // What does not fit becomes i32::MIN: right below, one bit pattern away above, and wrong for NaN.
        let rounded = _mm_cvtps_epi32(quotient);
        let above = _mm_castps_si128(_mm_cmpge_ps(quotient, _mm_set1_ps(2_147_483_648.0)));
        let not_a_number = _mm_castps_si128(_mm_cmpunord_ps(quotient, quotient));
        I32x4(_mm_andnot_si128(not_a_number, _mm_xor_si128(rounded, above)))
    }

    #[inline(always)]
    pub(crate) fn store_triples(x: Self, y: Self, z: Self, dst: &mut [f32; 12]) {
        let (parts, _) = dst.as_chunks_mut::<4>();
        let [first, second, third] = parts else { return };
        let (xy, xy_high) = (_mm_unpacklo_ps(x.0, y.0), _mm_unpackhi_ps(x.0, y.0));
        let (zx, zx_high) = (_mm_unpacklo_ps(z.0, x.0), _mm_unpackhi_ps(z.0, x.0));
        let (yz, yz_high) = (_mm_unpacklo_ps(y.0, z.0), _mm_unpackhi_ps(y.0, z.0));
        Self(_mm_shuffle_ps::<0b11_00_01_00>(xy, zx)).store(first);
        Self(_mm_shuffle_ps::<0b01_00_11_10>(yz, xy_high)).store(second);
        Self(_mm_shuffle_ps::<0b11_10_11_00>(zx_high, yz_high)).store(third);
    }

    #[inline(always)]
    pub(crate) fn transpose([a, b, c, d]: [Self; 4]) -> [Self; 4] {
        let (low, high) = (_mm_unpacklo_ps(a.0, b.0), _mm_unpackhi_ps(a.0, b.0));
        let (low2, high2) = (_mm_unpacklo_ps(c.0, d.0), _mm_unpackhi_ps(c.0, d.0));
        [
            Self(_mm_movelh_ps(low, low2)),
            Self(_mm_movehl_ps(low2, low)),
            Self(_mm_movelh_ps(high, high2)),
            Self(_mm_movehl_ps(high2, high)),
        ]
    }
}
