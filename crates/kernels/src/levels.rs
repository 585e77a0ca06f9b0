//! Levels of a few bits in panels, unpacked a panel at a time.
//!
//! Eight levels are a vector; which ones, the product says whose panel it is. Four vectors are a unit, four steps of the
//! reduction for eight output channels in any order, so that a unit lies within one group:
//!
//! ```text
//! 8 bits:  v0 v1 v2 v3                                            32 bytes
//! 4 bits:  v0 | v1 << 4    v2 | v3 << 4                           16 bytes
//! 2 bits:  v0 | v1 << 2 | v2 << 4 | v3 << 6                        8 bytes
//! ```

use crate::KernelError;
use crate::blocks::{Aligned, BLOCK, blocks, zeros};
use crate::error::{check_fits, check_len, checked_len};
use crate::lanes::I16x8;

/// Levels of weights as a model stores them: `[n, k]`, row-major.
#[derive(Clone, Copy, Debug)]
pub struct StoredLevels<'a> {
    /// `-2^(bits-1) ..= 2^(bits-1)-1`, for 8 bits `-127..=127`.
    pub levels: &'a [i8],
    /// 8, 4 or 2.
    pub bits: u8,
    /// What runs of weights are multiplied with.
    pub groups: Option<LevelGroups<'a>>,
}

/// Whole-numbered scales within a row: QServe (Lin et al. 2024, arXiv 2405.04532), section 4.1.
#[derive(Clone, Copy, Debug)]
pub struct LevelGroups<'a> {
    /// Weights of a group. The last group of a row may be shorter.
    pub len: usize,
    /// `[n, ceil(k / len)]`; `|multiplier * level| <= 127`.
    pub multipliers: &'a [u8],
}

impl LevelGroups<'_> {
    /// Whether panels can hold the groups: each begins with a unit.
    pub fn fit(&self) -> bool {
        self.len > 0 && self.len.is_multiple_of(UNIT_STEPS)
    }
}

/// Vectors of a unit, and steps of the reduction.
pub(crate) const UNIT_STEPS: usize = 4;
/// Levels of a unit.
pub(crate) const UNIT: usize = UNIT_STEPS * BLOCK;

/// Packed levels of all panels.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LevelPanels {
    bits: u8,
    words: Aligned<u8>,
    units: usize,
    /// For each panel and group.
    multipliers: Vec<[u8; BLOCK]>,
    units_per_group: usize,
}

impl LevelPanels {
    /// Packs the levels of `n` rows; `at(vector, lane)` says which step and column of a panel a level is, `None` for
    /// filling. A panel has `steps` of them, a row of the weights `k`.
    pub(crate) fn pack(
        weights: &StoredLevels<'_>,
        n: usize,
        k: usize,
        steps: usize,
        at: impl Fn(usize, usize) -> (Option<usize>, usize),
    ) -> Result<Self, KernelError> {
        let StoredLevels { levels, bits, groups } = *weights;
        check_len("levels", levels.len(), n.saturating_mul(k))?;
        let limits = match bits {
            8 => -127..=127,
            4 => -8..=7,
            2 => -2..=1,
            _ => return Err(number("bits of a level", bits.into(), "8, 4 and 2")),
        };
        if let Some(level) = levels.iter().find(|level| !limits.contains(*level)) {
            return Err(number("level of a weight", (*level).into(), "what its bits hold"));
        }
        let (units, bits_wide) = (steps.div_ceil(UNIT_STEPS), usize::from(bits));
        let mut words = zeros(checked_len::<u8>("packed levels", &[blocks(n), units, UNIT * bits_wide / 8])?);
        for (index, unit) in words.chunks_exact_mut(UNIT * bits_wide / 8).enumerate() {
            let (panel, first) = (index / units, index % units * UNIT_STEPS);
            for vector in 0..UNIT_STEPS {
                for lane in 0..BLOCK {
                    let (step, column) = at(first + vector, lane);
                    let row = panel * BLOCK + column;
                    let level = match step {
                        Some(step) if row < n && step < k => levels[row * k + step],
                        _ => 0,
                    };
                    let bit = vector * bits_wide;
                    let mask = u8::MAX >> (8 - bits);
                    unit[bit / 8 * BLOCK + lane] |= (level.cast_unsigned() & mask) << (bit % 8);
                }
            }
        }
        let (mut multipliers, mut units_per_group) = (Vec::new(), units);
        if let Some(groups) = groups {
            check_fits("group of weights", usize::from(groups.fit()), 1)?;
            let per_row = k.div_ceil(groups.len);
            check_len("multipliers", groups.multipliers.len(), n * per_row)?;
            let beyond = |(row, level): (usize, &i8)| {
                let multiplier = groups.multipliers[row / k * per_row + row % k / groups.len];
                u16::from(multiplier) * u16::from(level.unsigned_abs()) > 127
            };
            if levels.iter().enumerate().any(beyond) {
                return Err(number("multiplier times level", 128.0, "-127..=127"));
            }
            units_per_group = groups.len / UNIT_STEPS;
            for panel in 0..blocks(n) {
                let row = |column: usize| (panel * BLOCK + column) * per_row;
                multipliers.extend((0..units.div_ceil(units_per_group)).map(|group| {
                    std::array::from_fn(|column| match panel * BLOCK + column < n && group < per_row {
                        true => groups.multipliers[row(column) + group],
                        false => 0,
                    })
                }));
            }
        }
        Ok(Self { bits, words, units, multipliers, units_per_group })
    }

    /// Levels of a panel once it is unpacked.
    pub(crate) fn panel_len(&self) -> usize {
        self.units * UNIT
    }

    pub(crate) fn bytes(&self) -> usize {
        self.words.len() + size_of_val(self.multipliers.as_slice())
    }

    /// Shows each unit of a panel to `write`, with its group's multipliers by column where there are any.
    #[inline(always)]
    pub(crate) fn for_each_unit(&self, panel: usize, write: impl FnMut(usize, [I16x8; 4], Option<I16x8>)) {
        match self.bits {
            2 => self.walk::<{ UNIT / 4 }>(panel, write),
            4 => self.walk::<{ UNIT / 2 }>(panel, write),
            _ => self.walk::<UNIT>(panel, write),
        }
    }

    #[inline(always)]
    fn walk<const BYTES: usize>(
        &self,
        panel: usize,
        mut write: impl FnMut(usize, [I16x8; 4], Option<I16x8>),
    ) {
        let words = &self.words[panel * self.units * BYTES..][..self.units * BYTES];
        let per_panel = self.units.div_ceil(self.units_per_group.max(1));
        let groups = self.multipliers.get(panel * per_panel..).unwrap_or_default();
        let mut groups = groups.iter();
        for (group, words) in words.chunks(self.units_per_group.max(1) * BYTES).enumerate() {
            let multipliers = groups.next().map(I16x8::load_u8);
            let first = group * self.units_per_group;
            for (unit, words) in words.as_chunks::<BYTES>().0.iter().enumerate() {
                write(first + unit, unpack(words), multipliers);
            }
        }
    }
}

/// The four vectors of a unit.
#[inline(always)]
fn unpack<const BYTES: usize>(words: &[u8; BYTES]) -> [I16x8; 4] {
    let bits = BYTES * 8 / UNIT;
    let words = words.as_chunks::<BLOCK>().0;
    std::array::from_fn(|vector| {
        let bit = vector * bits;
        let word = I16x8::load_u8(&words[bit / 8]);
        word.shift_left((16 - bits - bit % 8) as u32).shift_right((16 - bits) as u32)
    })
}

pub(crate) fn number(what: &'static str, value: f64, bounds: &'static str) -> KernelError {
    KernelError::Number { what, value, bounds }
}
