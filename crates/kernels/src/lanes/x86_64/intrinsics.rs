//! The intrinsics that need no more than the processor's instructions, as safe functions.

#![allow(unsafe_code, reason = "intrinsics are unsafe where a processor may lack their instructions")]

use core::arch::x86_64 as arch;
use core::arch::x86_64::{__m128, __m128i};

macro_rules! sse2 {
    ($($name:ident $(<$count:ident>)? ($($x:ident: $from:ty),*) -> $to:ty;)*) => {
        $(#[inline(always)]
        pub(super) fn $name $(<const $count: i32>)? ($($x: $from),*) -> $to {
            // SAFETY: every x86-64 processor has SSE2, and the build says where there is FMA.
            unsafe { arch::$name $(::<$count>)? ($($x),*) }
        })*
    };
}

sse2! {
    _mm_set1_ps(x: f32) -> __m128;
    _mm_set1_epi16(x: i16) -> __m128i;
    _mm_set1_epi32(x: i32) -> __m128i;
    _mm_cvtsi32_si128(x: i32) -> __m128i;
    _mm_setzero_si128() -> __m128i;
    _mm_castps_si128(x: __m128) -> __m128i;
    _mm_castsi128_ps(x: __m128i) -> __m128;
    _mm_cvtps_epi32(x: __m128) -> __m128i;
    _mm_cvtepi32_ps(x: __m128i) -> __m128;
    _mm_srai_epi16 <N>(x: __m128i) -> __m128i;
    _mm_srai_epi32 <N>(x: __m128i) -> __m128i;
    _mm_slli_epi32 <N>(x: __m128i) -> __m128i;
    _mm_srli_epi64 <N>(x: __m128i) -> __m128i;
    _mm_shuffle_ps <N>(a: __m128, b: __m128) -> __m128;
    _mm_add_ps(a: __m128, b: __m128) -> __m128;
    _mm_cmpge_ps(a: __m128, b: __m128) -> __m128;
    _mm_cmpunord_ps(a: __m128, b: __m128) -> __m128;
    _mm_div_ps(a: __m128, b: __m128) -> __m128;
    _mm_max_ps(a: __m128, b: __m128) -> __m128;
    _mm_min_ps(a: __m128, b: __m128) -> __m128;
    _mm_movehl_ps(a: __m128, b: __m128) -> __m128;
    _mm_movelh_ps(a: __m128, b: __m128) -> __m128;
    _mm_mul_ps(a: __m128, b: __m128) -> __m128;
    _mm_or_ps(a: __m128, b: __m128) -> __m128;
    _mm_unpackhi_ps(a: __m128, b: __m128) -> __m128;
    _mm_unpacklo_ps(a: __m128, b: __m128) -> __m128;
    _mm_sub_ps(a: __m128, b: __m128) -> __m128;
    _mm_add_epi32(a: __m128i, b: __m128i) -> __m128i;
    _mm_adds_epi16(a: __m128i, b: __m128i) -> __m128i;
    _mm_and_si128(a: __m128i, b: __m128i) -> __m128i;
    _mm_andnot_si128(a: __m128i, b: __m128i) -> __m128i;
    _mm_cmpgt_epi32(a: __m128i, b: __m128i) -> __m128i;
    _mm_madd_epi16(a: __m128i, b: __m128i) -> __m128i;
    _mm_max_epi16(a: __m128i, b: __m128i) -> __m128i;
    _mm_min_epi16(a: __m128i, b: __m128i) -> __m128i;
    _mm_mul_epu32(a: __m128i, b: __m128i) -> __m128i;
    _mm_mullo_epi16(a: __m128i, b: __m128i) -> __m128i;
    _mm_or_si128(a: __m128i, b: __m128i) -> __m128i;
    _mm_packs_epi16(a: __m128i, b: __m128i) -> __m128i;
    _mm_packs_epi32(a: __m128i, b: __m128i) -> __m128i;
    _mm_packus_epi16(a: __m128i, b: __m128i) -> __m128i;
    _mm_sll_epi16(a: __m128i, b: __m128i) -> __m128i;
    _mm_sll_epi32(a: __m128i, b: __m128i) -> __m128i;
    _mm_sra_epi16(a: __m128i, b: __m128i) -> __m128i;
    _mm_sra_epi32(a: __m128i, b: __m128i) -> __m128i;
    _mm_sub_epi16(a: __m128i, b: __m128i) -> __m128i;
    _mm_sub_epi32(a: __m128i, b: __m128i) -> __m128i;
    _mm_unpackhi_epi16(a: __m128i, b: __m128i) -> __m128i;
    _mm_unpackhi_epi8(a: __m128i, b: __m128i) -> __m128i;
    _mm_unpacklo_epi16(a: __m128i, b: __m128i) -> __m128i;
    _mm_unpacklo_epi32(a: __m128i, b: __m128i) -> __m128i;
    _mm_unpacklo_epi64(a: __m128i, b: __m128i) -> __m128i;
    _mm_unpacklo_epi8(a: __m128i, b: __m128i) -> __m128i;
    _mm_xor_si128(a: __m128i, b: __m128i) -> __m128i;
}

#[cfg(target_feature = "fma")]
sse2! {
    _mm_fmadd_ps(a: __m128, b: __m128, c: __m128) -> __m128;
}
