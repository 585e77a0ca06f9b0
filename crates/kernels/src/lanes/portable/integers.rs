//! Arrays of integers.

#![allow(unsafe_code, reason = "loads and stores whose validity is the caller's")]

use std::array::from_fn;

use super::{F32x4, I8x16, I16x8, I32x4, U8x16};

impl I32x4 {
    #[inline(always)]
    pub(crate) fn splat(x: i32) -> Self {
        Self([x; 4])
    }

    #[inline(always)]
    pub(crate) fn load(src: &[i32; 4]) -> Self {
        Self(*src)
    }

    /// Four int32 from `src` on, read anew at each call: what the compiler knows to be the same in every turn of a loop, it
    /// takes apart before the loop, and 64-bit products with it.
    ///
    /// # Safety
    /// `src` must be valid for reading four int32 and lie on a multiple of 16 bytes.
    #[inline(always)]
    pub(crate) unsafe fn load_anew_at(src: *const i32) -> Self {
        // SAFETY: the caller's.
        Self(unsafe { src.cast::<[i32; 4]>().read_unaligned() })
    }

    /// Four int32 from `src` on.
    ///
    /// # Safety
    /// `src` must be valid for reading four int32.
    #[inline(always)]
    pub(crate) unsafe fn load_at(src: *const i32) -> Self {
        // SAFETY: the caller's.
        Self(unsafe { src.cast::<[i32; 4]>().read_unaligned() })
    }

    #[inline(always)]
    pub(crate) fn to_array(self) -> [i32; 4] {
        self.0
    }

    #[inline(always)]
    pub(crate) fn add(self, b: Self) -> Self {
        Self(from_fn(|i| self.0[i].wrapping_add(b.0[i])))
    }

    #[inline(always)]
    pub(crate) fn mul(self, b: Self) -> Self {
        Self(from_fn(|i| self.0[i].wrapping_mul(b.0[i])))
    }

    /// Arithmetic shift.
    #[inline(always)]
    pub(crate) fn shift_right(self, shift: u32) -> Self {
        Self(self.0.map(|x| x >> shift))
    }

    #[inline(always)]
    pub(crate) fn clamp(self, min: Self, max: Self) -> Self {
        Self(from_fn(|i| self.0[i].max(min.0[i]).min(max.0[i])))
    }

    /// The upper halves of the 64-bit products.
    #[inline(always)]
    pub(crate) fn multiply_high(self, b: Self) -> Self {
        Self(from_fn(|i| ((i64::from(self.0[i]) * i64::from(b.0[i])) >> 32) as i32))
    }

    /// As float32, rounded.
    #[inline(always)]
    pub(crate) fn to_f32(self) -> F32x4 {
        F32x4(self.0.map(|x| x as f32))
    }

    /// Adds sums of products of four neighbours: lane `i` gains `sum(w[4i + j] * x[4i + j])` for `j` in `0..4`.
    ///
    /// Exact where [`dot_quads_is_exact`]; elsewhere for levels up to 127.
    #[inline(always)]
    pub(crate) fn add_dot_quads(self, w: I8x16, x: U8x16) -> Self {
        let product = |i: usize| i32::from(w.0[i]) * i32::from(x.0[i]);
        Self(from_fn(|i| self.0[i].wrapping_add((4 * i..4 * i + 4).map(product).sum())))
    }

    /// The same for signed levels; exact where [`dot_signed_quads_is_exact`], elsewhere for levels from 0 on.
    #[inline(always)]
    pub(crate) fn add_dot_signed_quads(self, w: I8x16, x: I8x16) -> Self {
        let product = |i: usize| i32::from(w.0[i]) * i32::from(x.0[i]);
        Self(from_fn(|i| self.0[i].wrapping_add((4 * i..4 * i + 4).map(product).sum())))
    }

    #[inline(always)]
    pub(crate) fn store(self, dst: &mut [i32; 4]) {
        *dst = self.0;
    }

    /// Sums of neighbours: `a0 + a1, a2 + a3, b0 + b1, b2 + b3`.
    #[inline(always)]
    pub(crate) fn sum_pairs(self, b: Self) -> Self {
        let all = [self.0, b.0];
        Self(from_fn(|i| all[i / 2][i % 2 * 2].wrapping_add(all[i / 2][i % 2 * 2 + 1])))
    }
}

impl I16x8 {
    #[inline(always)]
    pub(crate) fn splat(x: i16) -> Self {
        Self([x; 8])
    }

    /// Two int16, four times.
    #[inline(always)]
    pub(crate) fn splat_pair(pair: &[i16; 2]) -> Self {
        Self(from_fn(|i| pair[i % 2]))
    }

    /// Two int16 from `src` on, four times.
    ///
    /// # Safety
    /// `src` must be valid for reading two int16.
    #[inline(always)]
    pub(crate) unsafe fn splat_pair_at(src: *const i16) -> Self {
        // SAFETY: the caller's.
        let pair = unsafe { src.cast::<[i16; 2]>().read_unaligned() };
        Self(from_fn(|i| pair[i % 2]))
    }

    /// Eight int16 from `src` on.
    ///
    /// # Safety
    /// `src` must be valid for reading eight int16.
    #[inline(always)]
    pub(crate) unsafe fn load_at(src: *const i16) -> Self {
        // SAFETY: the caller's.
        Self(unsafe { src.cast::<[i16; 8]>().read_unaligned() })
    }

    /// Eight int8 from `src` on, widened.
    ///
    /// # Safety
    /// `src` must be valid for reading eight int8.
    #[inline(always)]
    pub(crate) unsafe fn load_i8_at(src: *const i8) -> Self {
        // SAFETY: the caller's.
        Self(unsafe { src.cast::<[i8; 8]>().read_unaligned() }.map(i16::from))
    }

    /// Eight unsigned bytes from `src` on, widened.
    ///
    /// # Safety
    /// `src` must be valid for reading eight bytes.
    #[inline(always)]
    pub(crate) unsafe fn load_u8_at(src: *const u8) -> Self {
        // SAFETY: the caller's.
        Self(unsafe { src.cast::<[u8; 8]>().read_unaligned() }.map(i16::from))
    }

    /// Eight unsigned bytes, widened.
    #[inline(always)]
    pub(crate) fn load_u8(src: &[u8; 8]) -> Self {
        Self(src.map(i16::from))
    }

    #[inline(always)]
    pub(crate) fn store(self, dst: &mut [i16; 8]) {
        *dst = self.0;
    }

    #[inline(always)]
    pub(crate) fn shift_left(self, shift: u32) -> Self {
        Self(self.0.map(|x| x << shift))
    }

    /// Arithmetic shift.
    #[inline(always)]
    pub(crate) fn shift_right(self, shift: u32) -> Self {
        Self(self.0.map(|x| x >> shift))
    }

    /// Wraps.
    #[inline(always)]
    pub(crate) fn mul(self, b: Self) -> Self {
        Self(from_fn(|i| self.0[i].wrapping_mul(b.0[i])))
    }

    /// Wraps.
    #[inline(always)]
    pub(crate) fn sub(self, b: Self) -> Self {
        Self(from_fn(|i| self.0[i].wrapping_sub(b.0[i])))
    }

    #[inline(always)]
    pub(crate) fn clamp(self, min: Self, max: Self) -> Self {
        Self(from_fn(|i| self.0[i].max(min.0[i]).min(max.0[i])))
    }

    #[inline(always)]
    pub(crate) fn add_saturating(self, b: Self) -> Self {
        Self(from_fn(|i| self.0[i].saturating_add(b.0[i])))
    }

    /// Sums of products of neighbours: lane `i` is `a[2i] * b[2i] + a[2i + 1] * b[2i + 1]`.
    #[inline(always)]
    pub(crate) fn dot(self, b: Self) -> I32x4 {
        let product = |i: usize| i32::from(self.0[i]) * i32::from(b.0[i]);
        I32x4(from_fn(|i| product(2 * i).wrapping_add(product(2 * i + 1))))
    }

    /// Lanes of both in turn: `a0 b0 a1 b1 a2 b2 a3 b3`, and the same of the last four.
    #[inline(always)]
    pub(crate) fn interleave(self, b: Self) -> [Self; 2] {
        let lane = |i: usize| if i.is_multiple_of(2) { self.0[i / 2] } else { b.0[i / 2] };
        [Self(from_fn(lane)), Self(from_fn(|i| lane(i + 8)))]
    }

    /// The first four lanes and the last four as int32.
    #[inline(always)]
    pub(crate) fn widen(self) -> [I32x4; 2] {
        [I32x4(from_fn(|i| i32::from(self.0[i]))), I32x4(from_fn(|i| i32::from(self.0[i + 4])))]
    }

    #[inline(always)]
    pub(crate) fn load(src: &[i16; 8]) -> Self {
        Self(*src)
    }

    /// The first four lanes from one place and the last four from another.
    #[inline(always)]
    pub(crate) fn load_halves(low: &[i16; 4], high: &[i16; 4]) -> Self {
        Self(from_fn(|i| if i < 4 { low[i] } else { high[i - 4] }))
    }

    /// Bytes of both in turn, widened: `a0 b0 a1 b1 a2 b2 a3 b3`, then the same of the next four, and so on.
    #[inline(always)]
    pub(crate) fn interleave_u8(a: &[u8; 16], b: &[u8; 16]) -> [Self; 4] {
        let lane = |i: usize| i16::from(if i.is_multiple_of(2) { a[i / 2] } else { b[i / 2] });
        from_fn(|part| Self(from_fn(|i| lane(8 * part + i))))
    }

    /// Eight int32, saturated.
    #[inline(always)]
    pub(crate) fn narrow(low: I32x4, high: I32x4) -> Self {
        let lane = |i: usize| if i < 4 { low.0[i] } else { high.0[i - 4] };
        Self(from_fn(|i| lane(i).clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16))
    }

    /// The even lanes of both, then the odd lanes: undoes [`I16x8::interleave`].
    #[inline(always)]
    pub(crate) fn split(self, b: Self) -> [Self; 2] {
        let lane = |i: usize| if i < 8 { self.0[i] } else { b.0[i - 8] };
        [Self(from_fn(|i| lane(2 * i))), Self(from_fn(|i| lane(2 * i + 1)))]
    }

    /// Rows of a square of pairs to its columns.
    #[inline(always)]
    pub(crate) fn transpose_pairs(rows: [Self; 4]) -> [Self; 4] {
        from_fn(|column| Self(from_fn(|i| rows[i / 2].0[2 * column + i % 2])))
    }
}

impl U8x16 {
    /// Bytes of `a` and `b` in turns, that of `a` first.
    #[inline(always)]
    pub(crate) fn interleave(a: &[u8; 8], b: &[u8; 8]) -> Self {
        Self(from_fn(|i| if i % 2 == 0 { a[i / 2] } else { b[i / 2] }))
    }

    /// Writes all bytes.
    #[inline(always)]
    pub(crate) fn store(self, dst: &mut [u8; 16]) {
        *dst = self.0;
    }

    /// Four bytes from `src` on, four times.
    ///
    /// # Safety
    /// `src` must be valid for reading four bytes.
    #[inline(always)]
    pub(crate) unsafe fn splat_quad_at(src: *const u8) -> Self {
        // SAFETY: the caller's.
        let quad = unsafe { src.cast::<[u8; 4]>().read_unaligned() };
        Self(from_fn(|i| quad[i % 4]))
    }

    /// Writes sixteen bytes from `dst` on.
    ///
    /// # Safety
    /// `dst` must be valid for writing sixteen bytes.
    #[inline(always)]
    pub(crate) unsafe fn store_at(self, dst: *mut u8) {
        // SAFETY: the caller's.
        unsafe { dst.cast::<[u8; 16]>().write_unaligned(self.0) }
    }

    /// Writes the first eight bytes from `dst` on.
    ///
    /// # Safety
    /// `dst` must be valid for writing eight bytes.
    #[inline(always)]
    pub(crate) unsafe fn store_half_at(self, dst: *mut u8) {
        // SAFETY: the caller's.
        unsafe { dst.cast::<[u8; 8]>().write_unaligned(from_fn(|i| self.0[i])) }
    }

    /// The first eight bytes.
    #[inline(always)]
    pub(crate) fn store_half(self, dst: &mut [u8; 8]) {
        *dst = from_fn(|i| self.0[i]);
    }

    /// Sixteen int16 that are known to be bytes.
    #[inline(always)]
    pub(crate) fn from_low_bytes(low: I16x8, high: I16x8) -> Self {
        Self(from_fn(|i| if i < 8 { low.0[i] as u8 } else { high.0[i - 8] as u8 }))
    }

    /// Sixteen int16, saturated.
    #[inline(always)]
    pub(crate) fn narrow(low: I16x8, high: I16x8) -> Self {
        let lane = |i: usize| if i < 8 { low.0[i] } else { high.0[i - 8] };
        Self(from_fn(|i| lane(i).clamp(0, 255) as u8))
    }
}

impl I8x16 {
    /// The four int8 at `src`, four times.
    ///
    /// # Safety
    /// `src` must be valid for reading four int8.
    #[inline(always)]
    pub(crate) unsafe fn splat_quad_at(src: *const i8) -> Self {
        // SAFETY: the caller's.
        let quad = unsafe { src.cast::<[i8; 4]>().read_unaligned() };
        Self(from_fn(|i| quad[i % 4]))
    }

    /// Sixteen int8 from `src` on.
    ///
    /// # Safety
    /// `src` must be valid for reading sixteen int8.
    #[inline(always)]
    pub(crate) unsafe fn load_at(src: *const i8) -> Self {
        // SAFETY: the caller's.
        Self(unsafe { src.cast::<[i8; 16]>().read_unaligned() })
    }

    /// Sixteen int16, saturated.
    #[inline(always)]
    pub(crate) fn narrow(low: I16x8, high: I16x8) -> Self {
        let lane = |i: usize| if i < 8 { low.0[i] } else { high.0[i - 8] };
        Self(from_fn(|i| lane(i).clamp(-128, 127) as i8))
    }

    #[inline(always)]
    pub(crate) fn store(self, dst: &mut [i8; 16]) {
        *dst = self.0;
    }
}
