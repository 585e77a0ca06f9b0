//! Arrays in place of vectors: what compilers vectorise for other targets, and the contract in plain code.

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

    /// `self * b + acc`, rounded once where the flavour has a fused instruction, else twice.
    #[inline(always)]
    pub(crate) fn mul_add(self, b: Self, acc: Self) -> Self {
        Self(from_fn(|i| self.0[i] * b.0[i] + acc.0[i]))
    }

    #[inline(always)]
    pub(crate) fn add(self, b: Self) -> Self {
        Self(from_fn(|i| self.0[i] + b.0[i]))
    }

    /// `min` where the lane is below it, else `max` where it is above, else the lane; NaN stays NaN.
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

    /// `(self * multiplier + rounding) >> (32 + shift)` in 64 bits. Vectors have no arithmetic shift of 64-bit lanes on
    /// common processors; of the upper halves they have.
    #[inline(always)]
    pub(crate) fn multiply_shift(self, multiplier: Self, rounding: i64, shift: u32) -> Self {
        let product = |i: usize| i64::from(self.0[i]) * i64::from(multiplier.0[i]);
        Self(from_fn(|i| ((product(i) + rounding) >> 32) as i32 >> shift))
    }

    /// Eight lanes that are known to fit int8, stored as such.
    #[inline(always)]
    pub(crate) fn store_i8(low: Self, high: Self, dst: &mut [i8; 8]) {
        *dst = from_fn(|i| if i < 4 { low.0[i] as i8 } else { high.0[i - 4] as i8 });
    }

    #[inline(always)]
    pub(crate) fn store(self, dst: &mut [i32; 4]) {
        *dst = self.0;
    }

    /// To the nearest float.
    #[inline(always)]
    pub(crate) fn to_f32(self) -> F32x4 {
        F32x4(self.0.map(|x| x as f32))
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

    /// Eight int8, widened.
    #[inline(always)]
    pub(crate) fn load_i8(src: &[i8; 8]) -> Self {
        Self(src.map(i16::from))
    }

    #[inline(always)]
    pub(crate) fn store(self, dst: &mut [i16; 8]) {
        *dst = self.0;
    }

    /// Wraps.
    #[inline(always)]
    pub(crate) fn sub(self, b: Self) -> Self {
        Self(from_fn(|i| self.0[i].wrapping_sub(b.0[i])))
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
        Self(from_fn(|i| lane(i).clamp(i16::MIN.into(), i16::MAX.into()) as i16))
    }

    /// The even lanes of both, then the odd lanes: undoes [`I16x8::interleave`].
    #[inline(always)]
    pub(crate) fn split(self, b: Self) -> [Self; 2] {
        let lane = |i: usize| if i < 8 { self.0[i] } else { b.0[i - 8] };
        [Self(from_fn(|i| lane(2 * i))), Self(from_fn(|i| lane(2 * i + 1)))]
    }
}
