//! Vectors of integers.

#![allow(unsafe_code, reason = "loads and stores through references that guarantee their validity")]

use core::arch::x86_64 as arch;
use core::arch::x86_64::__m128i;

use super::intrinsics::*;
use super::{
    EVEN, F32x4, I8x16, I16x8, I32x4, ODD, U8x16, extend_i8, extend_u8, load_8, load_16, select, shuffle,
};

impl I32x4 {
    #[inline(always)]
    pub(crate) fn splat(x: i32) -> Self {
        Self(_mm_set1_epi32(x))
    }

    #[inline(always)]
    pub(crate) fn load(src: &[i32; 4]) -> Self {
        // SAFETY: `src` is 16 readable bytes.
        Self(unsafe { load_16(src.as_ptr()) })
    }

    #[inline(always)]
    pub(crate) unsafe fn load_anew_at(src: *const i32) -> Self {
        // SAFETY: the caller's.
        Self(unsafe { load_16(src) })
    }

    #[inline(always)]
    pub(crate) unsafe fn load_at(src: *const i32) -> Self {
        // SAFETY: the caller's.
        Self(unsafe { load_16(src) })
    }

    #[inline(always)]
    pub(crate) fn to_array(self) -> [i32; 4] {
        let mut lanes = [0; 4];
        self.store(&mut lanes);
        lanes
    }

    #[inline(always)]
    pub(crate) fn add(self, b: Self) -> Self {
        Self(_mm_add_epi32(self.0, b.0))
    }

    /// The lower halves of unsigned products are those of signed ones.
    #[inline(always)]
    pub(crate) fn mul(self, b: Self) -> Self {
        let [even, odd] = self.products(b);
        let (even, odd) = (shuffle::<EVEN>(even, even), shuffle::<EVEN>(odd, odd));
        Self(_mm_unpacklo_epi32(even, odd))
    }

    #[inline(always)]
    pub(crate) fn shift_right(self, shift: u32) -> Self {
        Self(_mm_sra_epi32(self.0, _mm_cvtsi32_si128(shift as i32)))
    }

    #[inline(always)]
    pub(crate) fn clamp(self, min: Self, max: Self) -> Self {
        let raised = select(_mm_cmpgt_epi32(self.0, min.0), self.0, min.0);
        Self(select(_mm_cmpgt_epi32(max.0, raised), raised, max.0))
    }

    /// `high(a b) = high_unsigned(a b) - (a < 0 ? b : 0) - (b < 0 ? a : 0)`: SSE2 multiplies unsigned only.
    #[inline(always)]
    pub(crate) fn multiply_high(self, b: Self) -> Self {
        let [even, odd] = self.products(b);
        let (even, odd) = (shuffle::<ODD>(even, even), shuffle::<ODD>(odd, odd));
        let unsigned = _mm_unpacklo_epi32(even, odd);
        let if_self_negative = _mm_and_si128(_mm_srai_epi32::<31>(self.0), b.0);
        let if_b_negative = _mm_and_si128(_mm_srai_epi32::<31>(b.0), self.0);
        Self(_mm_sub_epi32(unsigned, _mm_add_epi32(if_self_negative, if_b_negative)))
    }

    /// 64-bit unsigned products of lanes 0 and 2, and of lanes 1 and 3.
    #[inline(always)]
    fn products(self, b: Self) -> [__m128i; 2] {
        let odd = |x: __m128i| _mm_srli_epi64::<32>(x);
        [_mm_mul_epu32(self.0, b.0), _mm_mul_epu32(odd(self.0), odd(b.0))]
    }

    #[inline(always)]
    pub(crate) fn to_f32(self) -> F32x4 {
        F32x4(_mm_cvtepi32_ps(self.0))
    }

    #[inline(always)]
    pub(crate) fn add_dot_quads(self, w: I8x16, x: U8x16) -> Self {
        let ([w_low, w_high], [x_low, x_high]) = (extend_i8(w.0), extend_u8(x.0));
        let pairs = I32x4(_mm_madd_epi16(w_low, x_low)).sum_pairs(I32x4(_mm_madd_epi16(w_high, x_high)));
        self.add(pairs)
    }

    #[inline(always)]
    pub(crate) fn add_dot_signed_quads(self, w: I8x16, x: I8x16) -> Self {
        let ([w_low, w_high], [x_low, x_high]) = (extend_i8(w.0), extend_i8(x.0));
        let pairs = I32x4(_mm_madd_epi16(w_low, x_low)).sum_pairs(I32x4(_mm_madd_epi16(w_high, x_high)));
        self.add(pairs)
    }

    #[inline(always)]
    pub(crate) fn store(self, dst: &mut [i32; 4]) {
        // SAFETY: `dst` is 16 writable bytes, and `storeu` needs no alignment.
        unsafe { arch::_mm_storeu_si128(dst.as_mut_ptr().cast(), self.0) }
    }

    #[inline(always)]
    pub(crate) fn sum_pairs(self, b: Self) -> Self {
        Self(_mm_add_epi32(shuffle::<EVEN>(self.0, b.0), shuffle::<ODD>(self.0, b.0)))
    }
}

impl I16x8 {
    #[inline(always)]
    pub(crate) fn splat(x: i16) -> Self {
        Self(_mm_set1_epi16(x))
    }

    #[inline(always)]
    pub(crate) fn splat_pair(pair: &[i16; 2]) -> Self {
        // SAFETY: `pair` is two int16.
        unsafe { Self::splat_pair_at(pair.as_ptr()) }
    }

    #[inline(always)]
    pub(crate) unsafe fn splat_pair_at(src: *const i16) -> Self {
        // SAFETY: the caller's.
        Self(_mm_set1_epi32(unsafe { src.cast::<i32>().read_unaligned() }))
    }

    #[inline(always)]
    pub(crate) unsafe fn load_at(src: *const i16) -> Self {
        // SAFETY: the caller's.
        Self(unsafe { load_16(src) })
    }

    #[inline(always)]
    pub(crate) unsafe fn load_i8_at(src: *const i8) -> Self {
        // SAFETY: the caller's.
        Self(extend_i8(unsafe { load_8(src) })[0])
    }

    #[inline(always)]
    pub(crate) unsafe fn load_u8_at(src: *const u8) -> Self {
        // SAFETY: the caller's.
        Self(extend_u8(unsafe { load_8(src) })[0])
    }

    #[inline(always)]
    pub(crate) fn load_u8(src: &[u8; 8]) -> Self {
        // SAFETY: `src` is eight bytes.
        unsafe { Self::load_u8_at(src.as_ptr()) }
    }

    #[inline(always)]
    pub(crate) fn store(self, dst: &mut [i16; 8]) {
        // SAFETY: `dst` is 16 writable bytes, and `storeu` needs no alignment.
        unsafe { arch::_mm_storeu_si128(dst.as_mut_ptr().cast(), self.0) }
    }

    #[inline(always)]
    pub(crate) fn shift_left(self, shift: u32) -> Self {
        Self(_mm_sll_epi16(self.0, _mm_cvtsi32_si128(shift as i32)))
    }

    #[inline(always)]
    pub(crate) fn shift_right(self, shift: u32) -> Self {
        Self(_mm_sra_epi16(self.0, _mm_cvtsi32_si128(shift as i32)))
    }

    #[inline(always)]
    pub(crate) fn mul(self, b: Self) -> Self {
        Self(_mm_mullo_epi16(self.0, b.0))
    }

    #[inline(always)]
    pub(crate) fn sub(self, b: Self) -> Self {
        Self(_mm_sub_epi16(self.0, b.0))
    }

    #[inline(always)]
    pub(crate) fn clamp(self, min: Self, max: Self) -> Self {
        Self(_mm_min_epi16(_mm_max_epi16(self.0, min.0), max.0))
    }

    #[inline(always)]
    pub(crate) fn add_saturating(self, b: Self) -> Self {
        Self(_mm_adds_epi16(self.0, b.0))
    }

    #[inline(always)]
    pub(crate) fn dot(self, b: Self) -> I32x4 {
        I32x4(_mm_madd_epi16(self.0, b.0))
    }

    #[inline(always)]
    pub(crate) fn interleave(self, b: Self) -> [Self; 2] {
        [Self(_mm_unpacklo_epi16(self.0, b.0)), Self(_mm_unpackhi_epi16(self.0, b.0))]
    }

    #[inline(always)]
    pub(crate) fn widen(self) -> [I32x4; 2] {
        [_mm_unpacklo_epi16(self.0, self.0), _mm_unpackhi_epi16(self.0, self.0)]
            .map(|twice| I32x4(_mm_srai_epi32::<16>(twice)))
    }

    #[inline(always)]
    pub(crate) fn narrow(low: I32x4, high: I32x4) -> Self {
        Self(_mm_packs_epi32(low.0, high.0))
    }

    #[inline(always)]
    pub(crate) fn load(src: &[i16; 8]) -> Self {
        // SAFETY: `src` is 16 readable bytes.
        Self(unsafe { load_16(src.as_ptr()) })
    }

    #[inline(always)]
    pub(crate) fn load_halves(low: &[i16; 4], high: &[i16; 4]) -> Self {
        // SAFETY: `low` and `high` are 8 readable bytes each.
        let [low, high] = unsafe { [load_8(low.as_ptr()), load_8(high.as_ptr())] };
        Self(_mm_unpacklo_epi64(low, high))
    }

    #[inline(always)]
    pub(crate) fn interleave_u8(a: &[u8; 16], b: &[u8; 16]) -> [Self; 4] {
        // SAFETY: `a` and `b` are 16 readable bytes each.
        let [a, b] = unsafe { [load_16(a.as_ptr()), load_16(b.as_ptr())] };
        let [first, second] = extend_u8(_mm_unpacklo_epi8(a, b));
        let [third, fourth] = extend_u8(_mm_unpackhi_epi8(a, b));
        [first, second, third, fourth].map(Self)
    }

    /// Lanes become int32, which packing then finds to fit.
    #[inline(always)]
    pub(crate) fn split(self, b: Self) -> [Self; 2] {
        let even = |x: __m128i| _mm_srai_epi32::<16>(_mm_slli_epi32::<16>(x));
        let odd = |x: __m128i| _mm_srai_epi32::<16>(x);
        [Self(_mm_packs_epi32(even(self.0), even(b.0))), Self(_mm_packs_epi32(odd(self.0), odd(b.0)))]
    }

    #[inline(always)]
    pub(crate) fn transpose_pairs(rows: [Self; 4]) -> [Self; 4] {
        F32x4::transpose(rows.map(|row| F32x4(_mm_castsi128_ps(row.0))))
            .map(|column| Self(_mm_castps_si128(column.0)))
    }
}

impl U8x16 {
    #[inline(always)]
    pub(crate) fn interleave(a: &[u8; 8], b: &[u8; 8]) -> Self {
        // SAFETY: both are eight readable bytes.
        let [a, b] = [a, b].map(|half| unsafe { load_8(half.as_ptr()) });
        Self(_mm_unpacklo_epi8(a, b))
    }

    #[inline(always)]
    pub(crate) fn store(self, dst: &mut [u8; 16]) {
        // SAFETY: `dst` is 16 writable bytes.
        unsafe { self.store_at(dst.as_mut_ptr()) }
    }

    #[inline(always)]
    pub(crate) unsafe fn splat_quad_at(src: *const u8) -> Self {
        // SAFETY: the caller's.
        Self(_mm_set1_epi32(unsafe { src.cast::<i32>().read_unaligned() }))
    }

    #[inline(always)]
    pub(crate) unsafe fn store_at(self, dst: *mut u8) {
        // SAFETY: the caller's; `storeu` needs no alignment.
        unsafe { arch::_mm_storeu_si128(dst.cast(), self.0) }
    }

    #[inline(always)]
    pub(crate) unsafe fn store_half_at(self, dst: *mut u8) {
        // SAFETY: the caller's; `storel` needs no alignment.
        unsafe { arch::_mm_storel_epi64(dst.cast(), self.0) }
    }

    #[inline(always)]
    pub(crate) fn store_half(self, dst: &mut [u8; 8]) {
        // SAFETY: `dst` is 8 writable bytes.
        unsafe { self.store_half_at(dst.as_mut_ptr()) }
    }

    #[inline(always)]
    pub(crate) fn from_low_bytes(low: I16x8, high: I16x8) -> Self {
        let byte = _mm_set1_epi16(0xff);
        Self(_mm_packus_epi16(_mm_and_si128(low.0, byte), _mm_and_si128(high.0, byte)))
    }

    #[inline(always)]
    pub(crate) fn narrow(low: I16x8, high: I16x8) -> Self {
        Self(_mm_packus_epi16(low.0, high.0))
    }
}

impl I8x16 {
    #[inline(always)]
    pub(crate) unsafe fn splat_quad_at(src: *const i8) -> Self {
        // SAFETY: the caller's.
        Self(_mm_set1_epi32(unsafe { src.cast::<i32>().read_unaligned() }))
    }

    #[inline(always)]
    pub(crate) fn narrow(low: I16x8, high: I16x8) -> Self {
        Self(_mm_packs_epi16(low.0, high.0))
    }

    #[inline(always)]
    pub(crate) fn store(self, dst: &mut [i8; 16]) {
        // SAFETY: `dst` is 16 writable bytes, and `storeu` needs no alignment.
        unsafe { arch::_mm_storeu_si128(dst.as_mut_ptr().cast(), self.0) }
    }

    #[inline(always)]
    pub(crate) unsafe fn load_at(src: *const i8) -> Self {
        // SAFETY: the caller's.
        Self(unsafe { load_16(src) })
    }
}
