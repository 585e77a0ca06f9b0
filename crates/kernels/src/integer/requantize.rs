//! From int32 accumulators to levels.

#![allow(unsafe_code, reason = "multipliers are loaded in a way that the compiler keeps")]

use crate::KernelError;
use crate::blocks::{BLOCK, blocks};
use crate::error::{check_at_least, check_fits, check_len};
use crate::lanes::{I16x8, I32x4, U8x16};

/// From int32 accumulators to levels:
/// `q = clamp(((acc * multiplier[channel] + 2^32) >> 33) + zero_point, min, max[channel])`,
/// computed in 64 bits and rounded once, halves upwards.
///
/// A multiplier has 33 binary places, which leaves a level off by at most `|acc| * 2^-34` from the rounded real product:
/// 0.002 for the largest sums of a MobileNet. One fixed shift, by one after the upper half of the product is taken, keeps
/// the inner loops short. A layer with a multiplier of 1/4 or more doubles its accumulators until its multipliers are
/// smaller; what that would overflow saturates first, at `±2^(31 - doublings)`, which the layer's largest multiplier
/// takes far beyond every level.
#[derive(Clone, Debug, PartialEq)]
pub struct Requantization {
    /// Filled up with zeros to whole blocks.
    multipliers: Vec<Multipliers>,
    channels: usize,
    /// Doublings of the accumulator.
    doublings: u32,
    zero_point: u8,
    min: u8,
    /// One for each channel, in whole blocks.
    max: Vec<[u8; BLOCK]>,
}

/// Multipliers of a block of channels, as vectors are aligned.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(16))]
struct Multipliers([i32; BLOCK]);

/// Binary places of a multiplier.
const PLACES: u32 = 33;

impl Requantization {
    /// - `real_multipliers`: `s_x * s_w[channel] / s_y` for each output channel, finite, `0.0..=65536.0`.
    /// - `zero_point`: of the output. `min`, `max`: the activation's bounds as levels.
    ///
    /// # Errors
    /// [`KernelError::Number`] for a multiplier out of bounds.
    pub fn new(real_multipliers: &[f64], zero_point: u8, min: u8, max: u8) -> Result<Self, KernelError> {
        for &value in real_multipliers {
            if !(0.0..=65536.0).contains(&value) {
                return Err(KernelError::Number { what: "multiplier", value, bounds: "0..=65536" });
            }
        }
        let largest = real_multipliers.iter().copied().fold(0.0, f64::max);
        let scaled = |real: f64, doublings: u32| (real * f64::from(PLACES - doublings).exp2()).round();
        let fits = |doublings: &u32| scaled(largest, *doublings) <= f64::from(i32::MAX);
        let doublings = (0..PLACES).find(fits).unwrap_or(PLACES - 1);
        let multiplier = |i: Option<&f64>| i.map_or(0, |real| scaled(*real, doublings) as i32);
        let multipliers = real_multipliers
            .chunks(BLOCK)
            .map(|block| Multipliers(std::array::from_fn(|i| multiplier(block.get(i)))))
            .collect();
        let channels = real_multipliers.len();
        let max = vec![[max; BLOCK]; blocks(channels)];
        Ok(Self { multipliers, channels, doublings, zero_point, min, max })
    }

    /// The same with an upper bound for each channel.
    ///
    /// # Errors
    /// [`KernelError::Length`] when there is not one for each channel.
    pub fn with_upper_bounds(mut self, max: &[u8]) -> Result<Self, KernelError> {
        check_len("upper bounds", max.len(), self.channels)?;
        self.max = in_blocks(max);
        Ok(self)
    }

    /// One accumulator of one channel, by the formula. Channels of the filling have the multiplier 0.
    pub fn apply_one(&self, acc: i32, channel: usize) -> u8 {
        let multiplier = self.multipliers[channel / BLOCK].0[channel % BLOCK];
        let limit = i32::MAX >> self.doublings;
        let product = i64::from(acc.clamp(-limit, limit) << self.doublings) * i64::from(multiplier);
        let rounded = (product + (1_i64 << (PLACES - 1))) >> PLACES;
        let max = self.max[channel / BLOCK][channel % BLOCK];
        (rounded + i64::from(self.zero_point)).max(i64::from(self.min)).min(i64::from(max)) as u8
    }

    /// Whether accumulators are doubled.
    pub(crate) fn doubles(&self) -> bool {
        self.doublings > 0
    }

    /// What one block of channels needs, ready for the inner loops. `DOUBLES` is [`Requantization::doubles`].
    #[inline(always)]
    pub(crate) fn block<const DOUBLES: bool>(&self, block: usize) -> BlockRequantization<'_, DOUBLES> {
        debug_assert_eq!(DOUBLES, self.doubles());
        BlockRequantization {
            multipliers: &self.multipliers[block],
            half: I32x4::splat(1),
            doublings: self.doublings,
            limits: [I32x4::splat(-(i32::MAX >> self.doublings)), I32x4::splat(i32::MAX >> self.doublings)],
            zero_point: I16x8::splat(i16::from(self.zero_point)),
            bounds: [I16x8::splat(i16::from(self.min)), I16x8::load_u8(&self.max[block])],
        }
    }

    pub(crate) fn check_channels(&self, channels: usize) -> Result<(), KernelError> {
        check_fits("requantized channels", self.channels, channels)
    }
}

/// A [`Requantization`] of one block of channels in registers.
#[derive(Clone, Copy)]
pub(crate) struct BlockRequantization<'a, const DOUBLES: bool> {
    multipliers: &'a Multipliers,
    /// Of the last step, in the upper half of a product.
    half: I32x4,
    doublings: u32,
    limits: [I32x4; 2],
    zero_point: I16x8,
    bounds: [I16x8; 2],
}

impl<const DOUBLES: bool> BlockRequantization<'_, DOUBLES> {
    /// Levels of two pixels, eight channels each.
    #[inline(always)]
    pub(crate) fn two(&self, pixels: [[I32x4; 2]; 2]) -> U8x16 {
        // SAFETY: a block's multipliers are two vectors, aligned as such.
        let [low, high] =
            [0, 4].map(|half| unsafe { I32x4::load_anew_at(self.multipliers.0.as_ptr().add(half)) });
        let [first, second] = pixels.map(|acc| {
            let steps = I16x8::narrow(self.steps(acc[0], low), self.steps(acc[1], high));
            steps.add_saturating(self.zero_point).clamp(self.bounds[0], self.bounds[1])
        });
        U8x16::from_low_bytes(first, second)
    }

    /// Levels from the zero point on.
    #[inline(always)]
    fn steps(&self, acc: I32x4, multipliers: I32x4) -> I32x4 {
        let acc = match DOUBLES {
            true => acc.clamp(self.limits[0], self.limits[1]).shift_left(self.doublings),
            false => acc,
        };
        // The formula's 2^32 is 1 in the upper half of the product.
        acc.multiply_high(multipliers).add(self.half).shift_right(1)
    }
}

/// The sum of two activations on their own grids, on a third grid:
/// `q = clamp(((a - za) * ma + (b - zb) * mb + 2^(shift - 1)) >> shift) + z, min, max[channel])` with
/// `m = round(s / s_out * 2^shift)`.
///
/// The shift is the largest (up to 20) at which both products fit 30 bits.
#[derive(Clone, Debug, PartialEq)]
pub struct AddRequantization {
    pub(crate) multipliers: [i32; 2],
    pub(crate) zero_points: [u8; 2],
    pub(crate) shift: u32,
    pub(crate) zero_point: u8,
    pub(crate) min: u8,
    /// One for each channel, in whole blocks, or one block for all.
    pub(crate) max: Vec<[u8; BLOCK]>,
}

/// Bounds in whole blocks.
fn in_blocks(max: &[u8]) -> Vec<[u8; BLOCK]> {
    let block = |max: &[u8]| std::array::from_fn(|i| max.get(i).copied().unwrap_or(u8::MAX));
    max.chunks(BLOCK).map(block).collect()
}

impl AddRequantization {
    /// Each pair is a scale (finite, `> 0`) and a zero point; `min`, `max` are the activation's bounds as levels.
    ///
    /// # Errors
    /// [`KernelError::Number`] for an unusable scale, or a summand over 2^20 times coarser than the output.
    pub fn new(a: (f64, u8), b: (f64, u8), output: (f64, u8), min: u8, max: u8) -> Result<Self, KernelError> {
        for (value, _) in [a, b, output] {
            if !(value.is_finite() && value > 0.0) {
                return Err(KernelError::Number { what: "scale", value, bounds: "0 (excluded) to infinity" });
            }
        }
        // 255 * 2^21 < 2^29, twice that and the rounding stay below 2^31.
        let largest = (a.0 / output.0).max(b.0 / output.0);
        let fits = |shift: &i32| (largest * f64::from(*shift).exp2()).round() <= f64::from(1 << 21);
        let shift = (1..=20).rev().find(fits).ok_or(KernelError::Number {
            what: "ratio of scales",
            value: largest,
            bounds: "0..=1048576",
        })?;
        let multiplier = |scale: f64| (scale / output.0 * f64::from(shift).exp2()).round() as i32;
        Ok(Self {
            multipliers: [multiplier(a.0), multiplier(b.0)],
            zero_points: [a.1, b.1],
            shift: shift as u32,
            zero_point: output.1,
            min,
            max: vec![[max; BLOCK]],
        })
    }

    /// The same with an upper bound for each channel of blocked activations.
    ///
    /// # Errors
    /// [`KernelError::Length`] when there is none.
    pub fn with_upper_bounds(mut self, max: &[u8]) -> Result<Self, KernelError> {
        check_at_least("upper bounds", max.len(), 1)?;
        self.max = in_blocks(max);
        Ok(self)
    }

    /// One pair of levels of a channel, by the formula.
    pub fn apply_one(&self, a: u8, b: u8, channel: usize) -> u8 {
        let summand = |q: u8, i: usize| (i32::from(q) - i32::from(self.zero_points[i])) * self.multipliers[i];
        let sum = summand(a, 0) + summand(b, 1) + (1 << (self.shift - 1));
        let max = self.max[channel / BLOCK % self.max.len()][channel % BLOCK];
        ((sum >> self.shift) + i32::from(self.zero_point)).max(i32::from(self.min)).min(i32::from(max)) as u8
    }
}
