//! Weights of an int8 product, packed in panels, and which products there are.

use std::sync::OnceLock;

use super::gemm::Level;
use super::{check_accumulators, check_weights};
use crate::KernelError;
use crate::blocks::Aligned;
use crate::error::{check_at_least, check_fits, check_len, checked_len};
use crate::lanes::{I8x16, dot_quads_is_exact, dot_signed_quads_is_exact};
use crate::levels::{LevelPanels, StoredLevels, UNIT_STEPS};
use crate::packed::NR;
use crate::parts::{Lanes, scratch_of_all};

/// How many neighbours of the reduction one instruction multiplies and adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Products {
    /// Two, widened to int16. Every processor is exact.
    Pairs,
    /// Four, as bytes. Exact where the processor takes unsigned levels; elsewhere for levels up to 127.
    Quads,
    /// Four, as bytes less 128. Exact where the processor takes signed levels; elsewhere for levels from 128 on.
    SignedQuads,
}

impl Products {
    /// The faster of those that are exact here. Asks the processor once.
    pub fn best() -> Self {
        static BEST: OnceLock<Products> = OnceLock::new();
        let quads = [Self::Quads, Self::SignedQuads];
        *BEST.get_or_init(|| match cfg!(target_feature = "relaxed-simd") {
            true => quads.into_iter().find(|products| products.is_exact()).unwrap_or(Self::Pairs),
            false => Self::Pairs,
        })
    }

    /// Whether it is exact here for all levels.
    pub(crate) fn is_exact(self) -> bool {
        match self {
            Self::Pairs => true,
            Self::Quads => dot_quads_is_exact(),
            Self::SignedQuads => dot_signed_quads_is_exact(),
        }
    }

    /// What is taken off a level before it is multiplied.
    fn centre(self) -> i32 {
        match self {
            Self::Pairs | Self::Quads => 0,
            Self::SignedQuads => 128,
        }
    }

    /// Neighbours.
    pub(super) fn len(self) -> usize {
        match self {
            Self::Pairs => 2,
            Self::Quads | Self::SignedQuads => 4,
        }
    }
}

/// Weights `[n, k]` and biases `[n]` packed in panels of eight output channels, neighbours in `k` together.
///
/// ```text
/// panel 0:  w[0][0] w[0][1]  w[1][0] w[1][1]  …  w[7][0] w[7][1]    w[0][2] w[0][3]  …        (pairs)
/// panel 0:  w[0][0] … w[0][3]  w[1][0] … w[1][3]  …  w[7][3]    w[0][4] …                     (quads)
/// ```
/// Each run of the reduction and the last panel are filled up with zeros. Levels of 4 and 2 bits keep to their bits and
/// look like this only while they are multiplied.
#[derive(Clone, Debug, PartialEq)]
pub struct PackedWeightsI8 {
    storage: Storage,
    bias: Vec<[i32; NR]>,
    n: usize,
    k: usize,
    run: usize,
    products: Products,
}

#[derive(Clone, Debug, PartialEq)]
enum Storage {
    Plain(Aligned<i8>),
    Stored(LevelPanels),
}

impl PackedWeightsI8 {
    /// Packs `weights`, `[n, k]` row-major, and `bias`, `[n]`, which takes in the input's zero point.
    ///
    /// - `run`: how many elements of the reduction lie side by side in the input; divides `k`.
    ///
    /// # Errors
    /// [`KernelError::Length`] and [`KernelError::Shape`] for sizes that do not fit, [`KernelError::Depth`] when `k`
    /// products do not fit an int32 accumulator, [`KernelError::Number`] for a weight of -128 and a bias beyond ±2^30.
    pub fn pack(
        weights: &[i8],
        n: usize,
        k: usize,
        run: usize,
        bias: &[i32],
        zero_point: u8,
        products: Products,
    ) -> Result<Self, KernelError> {
        check_len("weights", weights.len(), n.saturating_mul(k))?;
        check_reduction(k, run)?;
        check_accumulators(k, bias)?;
        check_weights(weights)?;
        let bias = folded_bias(bias, i32::from(zero_point) - products.centre(), n, |row| {
            weights[row * k..(row + 1) * k].iter().map(|w| i32::from(*w)).sum()
        })?;
        let step = products.len();
        let sizes = [n.div_ceil(NR), NR, k / run, run.next_multiple_of(step)];
        let mut panels = Vec::with_capacity(checked_len::<i8>("packed weights", &sizes)?);
        for panel in 0..n.div_ceil(NR) {
            let row = |column: usize| weights.get((panel * NR + column) * k..(panel * NR + column + 1) * k);
            for first in (0..k).step_by(run) {
                for group in (0..run).step_by(step) {
                    for column in 0..NR {
                        let value =
                            |i: usize| if i < run { row(column).map_or(0, |row| row[first + i]) } else { 0 };
                        panels.extend((group..group + step).map(value));
                    }
                }
            }
        }
        let storage = Storage::Plain(Aligned::from_slice(64, &panels));
        Ok(Self { storage, bias, n, k, run, products })
    }

    /// Packs levels that keep to their bits, `[n, stored]` row-major with `stored <= k`. What rows lack of the reduction
    /// is zero. The rest as in [`Self::pack`]; the product's scratch grows by [`Self::unpacked_len`].
    ///
    /// # Errors
    /// As [`Self::pack`]; [`KernelError::Number`] for levels and multipliers out of their range, [`KernelError::Shape`]
    /// for groups that do not [fit](crate::LevelGroups::fit) and for a run that is shorter than the reduction and not a
    /// multiple of four.
    pub fn pack_stored(
        weights: &StoredLevels<'_>,
        n: usize,
        k: usize,
        run: usize,
        bias: &[i32],
        zero_point: u8,
        products: Products,
    ) -> Result<Self, KernelError> {
        check_reduction(k, run)?;
        check_accumulators(k, bias)?;
        if run != k {
            check_fits("run of the reduction", run.next_multiple_of(UNIT_STEPS), run)?;
        }
        let stored = (weights.levels.len() / n.max(1)).min(k);
        let step = products.len();
        // A vector holds all neighbours of some columns; `step` vectors all columns.
        let at = |vector: usize, lane: usize| {
            (Some(vector / step * step + lane % step), vector % step * (NR / step) + lane / step)
        };
        let panels = LevelPanels::pack(weights, n, stored, k.next_multiple_of(step), at)?;
        let zero = i32::from(zero_point) - products.centre();
        let bias = folded_bias(bias, zero, n, |row| match weights.groups {
            None => weights.levels[row * stored..(row + 1) * stored].iter().map(|w| i32::from(*w)).sum(),
            Some(groups) => weights.levels[row * stored..(row + 1) * stored]
                .chunks(groups.len)
                .zip(&groups.multipliers[row * stored.div_ceil(groups.len)..])
                .map(|(levels, m)| i32::from(*m) * levels.iter().map(|w| i32::from(*w)).sum::<i32>())
                .sum(),
        })?;
        Ok(Self { storage: Storage::Stored(panels), bias, n, k, run, products })
    }

    /// Levels of scratch for the panel that each thread unpacks: 0 for plain weights.
    pub fn unpacked_len(&self) -> usize {
        scratch_of_all(self.unpacked_lane_len())
    }

    /// Scratch of [`Self::unpacked_len`] by threads.
    pub(super) fn unpacking<'s>(&self, scratch: &'s mut [i8]) -> Result<Lanes<'s, i8>, KernelError> {
        check_at_least("scratch for weights", scratch.len(), self.unpacked_lane_len())?;
        Ok(Lanes::new(scratch, self.unpacked_lane_len()))
    }

    fn unpacked_lane_len(&self) -> usize {
        match &self.storage {
            Storage::Plain(_) => 0,
            Storage::Stored(panels) => panels.panel_len(),
        }
    }

    /// Output channels.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Length of the reduction.
    pub fn k(&self) -> usize {
        self.k
    }

    /// How the product runs.
    pub fn products(&self) -> Products {
        self.products
    }

    /// Bytes of the packed weights and biases.
    pub fn bytes(&self) -> usize {
        let panels = match &self.storage {
            Storage::Plain(panels) => panels.len(),
            Storage::Stored(panels) => panels.bytes(),
        };
        panels + size_of_val(self.bias.as_slice())
    }

    /// Refuses rows in other runs than the weights were packed for. Runs of whole steps follow one another without filling,
    /// however many they are.
    pub(super) fn check_run(&self, run: usize) -> Result<(), KernelError> {
        let is_whole = |run: usize| run.is_multiple_of(self.products.len());
        if is_whole(run) && is_whole(self.run) {
            return Ok(());
        }
        check_fits("run of the weights", self.run, run)
    }

    /// The panel's biases.
    pub(super) fn bias(&self, panel: usize) -> &[i32; NR] {
        &self.bias[panel]
    }

    /// Where a panel lies as int8, in the order of products of `T`: in the weights, or in `unpacked`.
    pub(super) fn panel_at<T: Level>(&self, panel: usize, unpacked: &mut [i8]) -> *const i8 {
        match &self.storage {
            Storage::Plain(panels) => {
                let size = self.panel();
                panels[panel * size..][..size].as_ptr()
            }
            Storage::Stored(panels) => {
                unpack_panel::<T>(panels, panel, unpacked);
                unpacked.as_ptr()
            }
        }
    }

    pub(super) fn n_panels(&self) -> usize {
        self.n.div_ceil(NR)
    }

    /// Elements of a panel.
    fn panel(&self) -> usize {
        self.k / self.run * self.run.next_multiple_of(self.products.len()) * NR
    }
}

fn check_reduction(k: usize, run: usize) -> Result<(), KernelError> {
    check_fits("reduction", k.min(1), 1)?;
    check_fits("run of the reduction", run * (k / run.max(1)), k)
}

/// Biases by panels, less what the input's zero, as the products take it, adds to the sums; `sum` is that of a row's
/// weights.
fn folded_bias(
    bias: &[i32],
    zero: i32,
    n: usize,
    sum: impl Fn(usize) -> i32,
) -> Result<Vec<[i32; NR]>, KernelError> {
    check_len("bias", bias.len(), n)?;
    let folded = |row: usize| bias[row].wrapping_sub(zero.wrapping_mul(sum(row)));
    let panel = |panel: usize| {
        std::array::from_fn(|column| {
            let row = panel * NR + column;
            if row < n { folded(row) } else { 0 }
        })
    };
    Ok((0..n.div_ceil(NR)).map(panel).collect())
}

/// Writes a panel's levels, times their multipliers, in the order of the products of `T`.
fn unpack_panel<T: Level>(panels: &LevelPanels, panel: usize, unpacked: &mut [i8]) {
    let halves = unpacked.as_chunks_mut::<16>().0.as_chunks_mut::<2>().0;
    panels.for_each_unit(panel, |unit, mut levels, multipliers| {
        if let Some(by_column) = multipliers {
            let [low, high] = by_column.interleave(by_column);
            let by_lane = match T::STEP {
                2 => [low, high, low, high],
                _ => {
                    let ([a, b], [c, d]) = (low.interleave(low), high.interleave(high));
                    [a, b, c, d]
                }
            };
            levels = std::array::from_fn(|vector| levels[vector].mul(by_lane[vector]));
        }
        let [a, b, c, d] = levels;
        let [first, last] = &mut halves[unit];
        I8x16::narrow(a, b).store(first);
        I8x16::narrow(c, d).store(last);
    });
}
