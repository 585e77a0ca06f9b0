//! Arrays of floats.

#![allow(unsafe_code, reason = "loads and stores whose validity is the caller's")]

use std::array::from_fn;

use super::{F32x4, I32x4};

impl F32x4 {
    #[inline(always)]
    pub(crate) fn splat(x: f32) -> Self {
        Self([x; 4])
    }

    #[inline(always)]
    pub(crate) fn load(src: &[f32; 4]) -> Self {
        Self(*src)
    }

    #[inline(always)]
    pub(crate) fn store(self, dst: &mut [f32; 4]) {
        *dst = self.0;
    }

    /// Four floats from `src` on.
    ///
    /// # Safety
    /// `src` must be valid for reading four floats.
    #[inline(always)]
    pub(crate) unsafe fn load_at(src: *const f32) -> Self {
        // SAFETY: the caller's.
        Self(unsafe { src.cast::<[f32; 4]>().read_unaligned() })
    }

    /// The float at `src`, four times.
    ///
    /// # Safety
    /// `src` must be valid for reading a float.
    #[inline(always)]
    pub(crate) unsafe fn splat_at(src: *const f32) -> Self {
        // SAFETY: the caller's.
        Self([unsafe { src.read_unaligned() }; 4])
    }

    /// Writes four floats from `dst` on.
    ///
    /// # Safety
    /// `dst` must be valid for writing four floats.
    #[inline(always)]
    pub(crate) unsafe fn store_at(self, dst: *mut f32) {
        // SAFETY: the caller's.
        unsafe { dst.cast::<[f32; 4]>().write_unaligned(self.0) }
    }

    /// Eight halves (IEEE 754 binary16) as floats, exactly; subnormal ones without subnormal floats on the way.
    ///
    /// Source: Giesen 2012, "Half to float done quic", the variant for subnormals.
    #[inline(always)]
    pub(crate) fn from_f16(src: &[u16; 8]) -> [Self; 2] {
        const SMALLEST_NORMAL: u32 = 113 << 23;
        let float = |half: u16| {
            let (sign, magnitude) = (u32::from(half & 0x8000) << 16, u32::from(half & 0x7fff) << 13);
            let rebiased = magnitude + (112 << 23);
            // A fraction without its leading one is a normal number less that one.
            let small = f32::from_bits(magnitude + SMALLEST_NORMAL) - f32::from_bits(SMALLEST_NORMAL);
            let finite = if magnitude < 1 << 23 { small.to_bits() } else { rebiased };
            let infinite = if magnitude >= 31 << 23 { 0xff << 23 } else { 0 };
            f32::from_bits(finite | infinite | sign)
        };
        [Self(from_fn(|i| float(src[i]))), Self(from_fn(|i| float(src[i + 4])))]
    }

    /// The same for finite halves in fewer instructions. Subnormal halves are subnormal floats on the way, for which some
    /// processors take a hundred times as long.
    #[inline(always)]
    pub(crate) fn from_normal_f16(src: &[u16; 8]) -> [Self; 2] {
        let float = |half: u16| {
            let shifted = (i32::from(half.cast_signed()) << 13) as u32 & 0x8fff_e000;
            f32::from_bits(shifted) * f32::from_bits((127 + 112) << 23)
        };
        [Self(from_fn(|i| float(src[i]))), Self(from_fn(|i| float(src[i + 4])))]
    }

    /// Eight upper halves of floats.
    #[inline(always)]
    pub(crate) fn from_bf16(src: &[u16; 8]) -> [Self; 2] {
        let float = |half: u16| f32::from_bits(u32::from(half) << 16);
        [Self(from_fn(|i| float(src[i]))), Self(from_fn(|i| float(src[i + 4])))]
    }

    /// `self * b + acc`, rounded once where the flavour has a fused instruction, else twice.
    #[inline(always)]
    pub(crate) fn mul_add(self, b: Self, acc: Self) -> Self {
        Self(from_fn(|i| self.0[i] * b.0[i] + acc.0[i]))
    }

    #[inline(always)]
    pub(crate) fn add(self, b: Self) -> Self {
        Self(from_fn(|i| self.0[i] + b.0[i]))
    }

    #[inline(always)]
    pub(crate) fn mul(self, b: Self) -> Self {
        Self(from_fn(|i| self.0[i] * b.0[i]))
    }

    /// The larger of both; NaN where either is, but for the relaxed flavour, which leaves NaN to the processor.
    #[inline(always)]
    pub(crate) fn max(self, b: Self) -> Self {
        Self(from_fn(|i| if self.0[i] >= b.0[i] || self.0[i].is_nan() { self.0[i] } else { b.0[i] }))
    }

    /// `min` where the lane is below it, else `max` where it is above, else the lane; NaN stays NaN, but for the relaxed
    /// flavour, where the compiler may use instructions that leave NaN to the processor.
    #[inline(always)]
    pub(crate) fn clamp(self, min: Self, max: Self) -> Self {
        Self(from_fn(|i| {
            let raised = if self.0[i] < min.0[i] { min.0[i] } else { self.0[i] };
            if max.0[i] < raised { max.0[i] } else { raised }
        }))
    }

    /// `round_ties_even(self / b)` as int32, saturated; NaN becomes 0.
    #[inline(always)]
    pub(crate) fn divided_to_i32(self, b: Self) -> I32x4 {
        I32x4(from_fn(|i| (self.0[i] / b.0[i]).round_ties_even() as i32))
    }

    /// `x0 y0 z0 x1 y1 z1 ...`.
    #[inline(always)]
    pub(crate) fn store_triples(x: Self, y: Self, z: Self, dst: &mut [f32; 12]) {
        *dst = from_fn(|i| [x, y, z][i % 3].0[i / 3]);
    }

    /// Rows of a square to its columns.
    #[inline(always)]
    pub(crate) fn transpose(rows: [Self; 4]) -> [Self; 4] {
        from_fn(|column| Self(rows.map(|row| row.0[column])))
    }
}
