//! Scales of symmetric integer grids, searched by mean squared error.

/// Multipliers of groups are `1..=MAX_MULTIPLIER`: four bits, and with 4-bit levels no product is beyond 127.
pub(super) const MAX_MULTIPLIER: u8 = 15;
/// Smallest share of the full range that a scale may span.
const NARROWEST: f32 = 0.3;
/// Scales tried.
const N_CANDIDATES: u8 = 36;

/// A symmetric integer grid: `real = scales[out] * level`, in groups `scales[out] * multiplier * level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntegerGrid {
    /// Bits of a level: 8, 4 or 2. Levels are `-128..=127` without `-128`, `-8..=7` and `-2..=1`.
    pub bits: u8,
    /// Neighbouring inputs that share a whole-numbered multiplier `1..=15`; only for 4 and 2 bits.
    pub group_len: Option<usize>,
}

impl IntegerGrid {
    /// Smallest and largest level, or `None` for other bits.
    pub(super) fn levels(self) -> Option<Levels> {
        match self.bits {
            8 => Some(Levels { min: -127.0, max: 127.0 }),
            4 => Some(Levels { min: -8.0, max: 7.0 }),
            2 => Some(Levels { min: -2.0, max: 1.0 }),
            _ => None,
        }
    }
}

/// Smallest and largest level of a grid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Levels {
    pub(super) min: f32,
    pub(super) max: f32,
}

impl Levels {
    /// The level nearest to `x`.
    pub(super) fn nearest(self, x: f32) -> f32 {
        nearest(x.clamp(self.min, self.max))
    }

    /// Sum of `importance * (w - nearest)²` on a grid of step `scale`.
    fn error(self, weights: &[f32], importance: &[f32], scale: f32) -> f32 {
        let inverse = 1.0 / scale;
        let error = |(w, importance): (&f32, &f32)| {
            let error = w - scale * self.nearest(w * inverse);
            importance * error * error
        };
        weights.iter().zip(importance).map(error).sum()
    }

    /// The scale of least error for `weights`; zero where no weight of an important input differs from zero.
    pub(super) fn best_scale(self, weights: &[f32], importance: &[f32]) -> f32 {
        let widest = weights
            .iter()
            .zip(importance)
            .filter(|(_, importance)| **importance > 0.0)
            .fold(0.0_f32, |widest, (w, _)| widest.max(w / self.max).max(w / self.min));
        let candidates = (0..N_CANDIDATES).map(|idx| {
            let scale = widest * (1.0 - (1.0 - NARROWEST) * f32::from(idx) / f32::from(N_CANDIDATES - 1));
            (self.error(weights, importance, scale), scale)
        });
        if widest < f32::MIN_POSITIVE * 1e3 {
            return 0.0;
        }
        candidates.min_by(|a, b| a.0.total_cmp(&b.0)).map_or(widest, |(_, scale)| scale)
    }

    /// The multiplier of least error for a group under a channel's `scale`, and the error.
    pub(super) fn best_multiplier(self, weights: &[f32], importance: &[f32], scale: f32) -> (u8, f32) {
        (1..=MAX_MULTIPLIER)
            .map(|multiplier| (multiplier, self.error(weights, importance, scale * f32::from(multiplier))))
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .unwrap_or((1, 0.0))
    }

    /// The scale of a channel whose groups of `len` have multipliers.
    pub(super) fn best_group_scale(self, weights: &[f32], importance: &[f32], len: usize) -> f32 {
        let groups = || weights.chunks(len).zip(importance.chunks(len));
        let widest = groups().map(|(w, importance)| self.best_scale(w, importance)).fold(0.0, f32::max);
        let error = |scale: f32| -> f32 {
            groups().map(|(w, importance)| self.best_multiplier(w, importance, scale).1).sum()
        };
        [15.0, 12.0, 9.0]
            .map(|largest| widest / largest)
            .into_iter()
            .map(|scale| (error(scale.max(f32::MIN_POSITIVE)), scale))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map_or(widest, |(_, scale)| scale)
    }
}

/// `x` rounded to the nearest integer, ties to even, for `|x| <= 2^22`; vectorises where the machine has no such
/// instruction.
fn nearest(x: f32) -> f32 {
    const MAGIC: f32 = 12_582_912.0; // 1.5 * 2^23: its unit in the last place is 1.
    (x + MAGIC) - MAGIC
}
