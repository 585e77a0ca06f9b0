//! From int32 accumulators to levels.

#![allow(unsafe_code, reason = "multipliers are loaded in a way that the compiler keeps")]

use crate::KernelError;
use crate::blocks::{BLOCK, blocks};
use crate::error::{check_at_least, check_fits, check_len};
use crate::lanes::{I16x8, I32x4, U8x16};

/// From int32 accumulators to levels:
/// `q = clamp(((saturate(acc) * 2^d * multiplier[channel] + 2^32) >> 33) + zero_point, min, max[channel])`,
/// computed in 64 bits and rounded once, halves upwards.
///
/// A multiplier has 33 binary places. One fixed shift, by one after the upper half of the product is taken, keeps the inner
/// loops short, and a multiplier below 1/4 fits 31 bits. A channel with a larger one is doubled `d` times before, and its
/// multiplier halved as often, so that it lies in `2^30..2^31`; other channels of the layer stay as they are, `d = 0`.
/// `saturate` keeps what doubling would overflow within `-2^(31-d)..2^(31-d)`. That is exact: what saturates is 2^28 steps
/// and more away from the zero point, beyond every level.
///
/// For every accumulator, a level is off by at most `min(|acc|, 2^(31-d)) * 2^(d-34)` from the rounded real product: 1/8
/// at the ends of int32, 0.002 for the largest sums of a MobileNet, and `2^-23` with `d > 0` where the level is not a bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Requantization {
    /// Filled up with zeros to whole blocks.
    multipliers: Vec<Multipliers>,
    channels: usize,
    /// Of each block; empty where no channel is doubled.
    doublings: Vec<Doublings>,
    zero_point: u8,
    min: u8,
    /// One for each channel, in whole blocks.
    max: Vec<[u8; BLOCK]>,
}

/// Multipliers of a block of channels, as vectors are aligned.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(16))]
struct Multipliers([i32; BLOCK]);

/// How the accumulators of a block of channels are doubled.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Doublings {
    /// Bounds of an accumulator, the smallest and the largest one that `factor` does not overflow.
    min: [i32; BLOCK],
    max: [i32; BLOCK],
    /// `2^d`.
    factor: [i32; BLOCK],
}

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
        let scaled = |real: f64, doublings: u32| (real * f64::from(PLACES - doublings).exp2()).round();
        let doublings = |real: f64| {
            (0..PLACES)
                .find(|doublings| scaled(real, *doublings) <= f64::from(i32::MAX))
                .unwrap_or(PLACES - 1)
        };
        let in_blocks = |value: &dyn Fn(f64) -> i32| -> Vec<[i32; BLOCK]> {
            let block = |block: &[f64]| std::array::from_fn(|i| value(block.get(i).copied().unwrap_or(0.0)));
            real_multipliers.chunks(BLOCK).map(block).collect()
        };
        let multipliers = in_blocks(&|real| scaled(real, doublings(real)) as i32);
        let doublings = match real_multipliers.iter().any(|real| doublings(*real) > 0) {
            false => Vec::new(),
            true => in_blocks(&|real| doublings(real) as i32)
                .into_iter()
                .map(|doublings| Doublings {
                    min: doublings.map(|doublings| i32::MIN >> doublings),
                    max: doublings.map(|doublings| i32::MAX >> doublings),
                    factor: doublings.map(|doublings| 1 << doublings),
                })
                .collect(),
        };
        let channels = real_multipliers.len();
        let max = vec![[max; BLOCK]; blocks(channels)];
        let multipliers = multipliers.into_iter().map(Multipliers).collect();
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
        let (block, lane) = (channel / BLOCK, channel % BLOCK);
        let acc = self.doublings.get(block).map_or(acc, |doublings| {
            acc.max(doublings.min[lane]).min(doublings.max[lane]) * doublings.factor[lane]
        });
        let product = i64::from(acc) * i64::from(self.multipliers[block].0[lane]);
        let rounded = (product + (1_i64 << (PLACES - 1))) >> PLACES;
        let max = self.max[block][lane];
        (rounded + i64::from(self.zero_point)).max(i64::from(self.min)).min(i64::from(max)) as u8
    }

    /// Whether accumulators of some channel are doubled.
    pub(crate) fn doubles(&self) -> bool {
        !self.doublings.is_empty()
    }

    /// What one block of channels needs, ready for the inner loops. `DOUBLES` is [`Requantization::doubles`].
    #[inline(always)]
    pub(crate) fn block<const DOUBLES: bool>(&self, block: usize) -> BlockRequantization<'_, DOUBLES> {
        debug_assert_eq!(DOUBLES, self.doubles());
        BlockRequantization {
            multipliers: &self.multipliers[block],
            half: I32x4::splat(1),
            doublings: if DOUBLES { Some(&self.doublings[block]) } else { None },
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
    doublings: Option<&'a Doublings>,
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
            let [acc_low, acc_high] = self.doubled(acc);
            let steps = I16x8::narrow(self.steps(acc_low, low), self.steps(acc_high, high));
            steps.add_saturating(self.zero_point).clamp(self.bounds[0], self.bounds[1])
        });
        U8x16::from_low_bytes(first, second)
    }

    /// Accumulators that fit their multipliers.
    #[inline(always)]
    fn doubled(&self, acc: [I32x4; 2]) -> [I32x4; 2] {
        let Some(doublings) = self.doublings.filter(|_| DOUBLES) else { return acc };
        let halves = |values: &[i32; BLOCK]| {
            let ([low, high], []) = values.as_chunks::<4>() else { unreachable!("eight is two fours") };
            [I32x4::load(low), I32x4::load(high)]
        };
        let [min, max, factor] = [&doublings.min, &doublings.max, &doublings.factor].map(halves);
        std::array::from_fn(|half| acc[half].clamp(min[half], max[half]).mul(factor[half]))
    }

    /// Levels from the zero point on.
    #[inline(always)]
    fn steps(&self, acc: I32x4, multipliers: I32x4) -> I32x4 {
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

    /// Lets the summands change places.
    pub fn swap(&mut self) {
        self.multipliers.reverse();
        self.zero_points.reverse();
    }

    /// One pair of levels of a channel, by the formula.
    pub fn apply_one(&self, a: u8, b: u8, channel: usize) -> u8 {
        let summand = |q: u8, i: usize| (i32::from(q) - i32::from(self.zero_points[i])) * self.multipliers[i];
        let sum = summand(a, 0) + summand(b, 1) + (1 << (self.shift - 1));
        let max = self.max[channel / BLOCK % self.max.len()][channel % BLOCK];
        ((sum >> self.shift) + i32::from(self.zero_point)).max(i32::from(self.min)).min(i32::from(max)) as u8
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The level without bounds, and how many steps of the output the accumulator is.
    fn exact(acc: i32, real: f64, zero_point: u8) -> (i64, f64) {
        let steps = f64::from(acc) * real;
        ((steps + 0.5).floor() as i64 + i64::from(zero_point), steps)
    }

    /// Levels of one block by the vectors.
    fn levels(requantization: &Requantization, block: usize, acc: [i32; BLOCK]) -> [u8; BLOCK] {
        let halves = [0, 4].map(|first| I32x4::load(acc[first..].first_chunk().expect("a half")));
        let two = match requantization.doubles() {
            true => requantization.block::<true>(block).two([halves; 2]),
            false => requantization.block::<false>(block).two([halves; 2]),
        };
        let mut levels = [0; BLOCK];
        two.store_half(&mut levels);
        levels
    }

    fn multipliers() -> impl Strategy<Value = f64> {
        // Any size, and around the powers of two at which a channel is doubled once more.
        let near_powers = (-5..=16_i32, prop_oneof![Just(-1.0), Just(0.0), Just(1.0)])
            .prop_map(|(power, off)| (f64::from(power).exp2() * (1.0 + off * 1e-10)).min(65536.0));
        prop_oneof![Just(0.0), (-40.0..16.0_f64).prop_map(f64::exp2), near_powers]
    }

    fn accumulators() -> impl Strategy<Value = i32> {
        let near_powers = (0..=31_u32, -2..=2_i32, any::<bool>()).prop_map(|(power, off, is_negative)| {
            let magnitude = 1_i32.wrapping_shl(power).wrapping_add(off);
            if is_negative { magnitude.wrapping_neg() } else { magnitude }
        });
        let ends = prop_oneof![Just(i32::MIN), Just(i32::MAX), Just(0)];
        prop_oneof![any::<i32>(), -70_000..70_000_i32, near_powers, ends]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever other channels of the layer have: within the bound that the documentation states.
        #[test]
        fn every_channel_rounds_its_real_product(
            real in prop::collection::vec(multipliers(), 1..20), acc in prop::collection::vec(accumulators(), 24),
            zero_point: u8, min in 0..100_u8, max in 100..=255_u8,
        ) {
            let requantization = Requantization::new(&real, zero_point, min, max).unwrap();
            for (channel, (real, acc)) in real.iter().zip(&acc).enumerate() {
                let level = i64::from(requantization.apply_one(*acc, channel));
                let (exact, steps) = exact(*acc, *real, zero_point);
                let exact = exact.clamp(i64::from(min), i64::from(max));
                let off = f64::from(*acc).abs() * f64::from(-34).exp2() + f64::from(-23).exp2();
                let is_near_half = (steps + 0.5 - (steps + 0.5).round()).abs() <= off;
                prop_assert!(
                    level == exact || is_near_half && (level - exact).abs() <= 1,
                    "{acc} times {real}: {level} instead of {exact}",
                );
            }
            let lone: Vec<u8> = real
                .iter()
                .zip(&acc)
                .map(|(real, acc)| Requantization::new(&[*real], zero_point, min, max).unwrap().apply_one(*acc, 0))
                .collect();
            for (block, acc) in acc.as_chunks::<BLOCK>().0.iter().enumerate().take(blocks(real.len())) {
                let levels = levels(&requantization, block, *acc);
                for (lane, level) in levels.into_iter().enumerate().filter(|(lane, _)| block * BLOCK + lane < real.len()) {
                    let channel = block * BLOCK + lane;
                    prop_assert_eq!(level, requantization.apply_one(acc[lane], channel), "channel {}", channel);
                    prop_assert_eq!(level, lone[channel], "channel {} alone", channel);
                }
            }
        }
    }

    #[test]
    fn a_large_multiplier_leaves_small_ones_alone() {
        let requantization = Requantization::new(&[3.0, 1e-6, 0.0, 65536.0], 0, 0, 255).unwrap();
        assert_eq!(requantization.apply_one(200_000_000, 1), 200);
        let levels = levels(&requantization, 0, [80, 200_000_000, i32::MIN, i32::MIN, 9, 9, 9, 9]);
        assert_eq!(levels, [240, 200, 0, 0, 0, 0, 0, 0]);
    }
}
