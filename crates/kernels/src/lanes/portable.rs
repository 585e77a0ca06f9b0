//! Arrays in place of vectors: what compilers vectorise for other targets, and the contract in plain code.

#![allow(unsafe_code, reason = "loads and stores whose validity is the caller's")]

use std::array::from_fn;

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
}

impl I16x8 {
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
