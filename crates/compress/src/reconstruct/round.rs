//! Rounding to a grid with error compensation.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::curvature::check_rows;
use super::descent::{Descent, Lattice};
use super::pieces::PIECE_PRODUCTS;
use super::scale::Levels;
use super::sweep::{BLOCK, Decide, Sweep};
use super::{Codebooks, Curvature, IntegerGrid, Pieces};
use crate::CompressError;

/// The values that weights may take.
#[derive(Clone, Debug, PartialEq)]
pub enum Grid {
    /// Multiples of a scale for each output channel.
    Integer(IntegerGrid),
    /// The entries of codebooks, made by [`super::ClusterWork`] for the same weights.
    Codebooks(Codebooks),
}

/// What becomes of weights that are exactly zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zeros {
    /// They are weights like any other.
    Free,
    /// They stay zero: a pruned layer stays pruned.
    Kept,
}

/// Weights on a grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Rounded {
    /// The real values, `[n_out, k]`.
    pub values: Vec<f32>,
    /// How they are stored.
    pub codes: Codes,
    /// `(w - t)ᵀ H (w - t)` over all output channels: mean squared output error per pixel, ridge included.
    pub error: f64,
}

/// How weights on a grid are stored.
#[derive(Clone, Debug, PartialEq)]
pub enum Codes {
    /// Symmetric integers.
    Integer {
        /// Bits of a level.
        bits: u8,
        /// `[n_out, k]`.
        levels: Vec<i8>,
        /// `[n_out]`, finite and `> 0`.
        scales: Vec<f32>,
        /// Length of a group and multipliers, `[n_out, ceil(k / len)]`.
        groups: Option<(usize, Vec<u8>)>,
    },
    /// Entries of codebooks.
    Clustered {
        /// `[n_out, k]`.
        codes: Vec<u8>,
        /// Those that were given.
        codebooks: Codebooks,
    },
}

/// Rounds a layer's weights one input after another; the later ones make up for the error of each. Then each weight is
/// looked at again with all others in place (`descent.rs`).
///
/// - Integer grids: scales are searched before the first input is rounded, by squared error that counts each input by
///   [`Curvature::importance`]; weights of inputs that never varied do not widen a scale. A group's
///   multiplier is chosen anew when its first input is reached.
/// - Source: GPTQ, Frantar et al. 2023 (arXiv 2210.17323); groups as in its section 3.3 ("grouping"), with multipliers of QServe,
///   Lin et al. 2024 (arXiv 2405.04532), section 4.1.
#[derive(Clone, Debug)]
pub struct RoundWork {
    stage: Stage,
    decide: Decider,
    /// Output channels whose scales are found.
    n_scaled: usize,
    target: Vec<f32>,
}

#[derive(Clone, Debug)]
enum Stage {
    Sweep(Sweep),
    Descent(Descent),
}

#[derive(Clone, Debug)]
struct Decider {
    grid: Grid,
    curvature: Arc<Curvature>,
    importance: Vec<f32>,
    /// Weights that stay zero, `[n_out, k]`; empty where all are free.
    zeros: Vec<bool>,
    scales: Vec<f32>,
    multipliers: Vec<u8>,
    /// Integer levels as bytes, or codes.
    codes: Vec<u8>,
}

impl RoundWork {
    /// Prepares to round `target`, `[n_out, k]`.
    ///
    /// # Errors
    /// [`CompressError::Reconstruct`] for lengths that do not fit, bits or groups that no grid has, or codebooks without a
    /// zero where zeros are kept; [`CompressError::NotFinite`] for weights that are not finite.
    pub fn new(
        target: Vec<f32>,
        curvature: Arc<Curvature>,
        grid: Grid,
        zeros: Zeros,
    ) -> Result<Self, CompressError> {
        let k = curvature.k();
        let n_out = check_rows(&target, k)?;
        let groups = match &grid {
            Grid::Integer(grid) => check_integer(*grid)?.map_or(0, |len| k.div_ceil(len)),
            Grid::Codebooks(codebooks) => {
                codebooks.check(n_out, zeros)?;
                0
            }
        };
        let zeros = match zeros {
            Zeros::Free => Vec::new(),
            Zeros::Kept => target.iter().map(|weight| *weight == 0.0).collect(),
        };
        let decide = Decider {
            importance: curvature.importance(),
            curvature: curvature.clone(),
            zeros,
            scales: Vec::with_capacity(n_out),
            multipliers: vec![1; n_out * groups],
            codes: vec![0; n_out * k],
            grid,
        };
        let n_scaled = if matches!(decide.grid, Grid::Integer(_)) { 0 } else { n_out };
        let stage = Stage::Sweep(Sweep::new(&target, curvature)?);
        Ok(Self { stage, decide, n_scaled, target })
    }

    fn n_out(&self) -> usize {
        self.target.len() / self.decide.curvature.k()
    }

    fn scale_rows(&mut self, grid: IntegerGrid, levels: Levels) {
        let (k, n_out) = (self.decide.curvature.k(), self.n_out());
        // A candidate costs some four operations for each weight, and there are about 36, with groups 80.
        let rows = (PIECE_PRODUCTS / 16 / (80 * k)).max(1);
        let end = (self.n_scaled + rows).min(n_out);
        for row in self.n_scaled..end {
            let weights = &self.target[row * k..(row + 1) * k];
            let importance = &self.decide.importance;
            let scale = match grid.group_len {
                None => levels.best_scale(weights, importance),
                Some(len) => levels.best_group_scale(weights, importance, len),
            };
            self.decide.scales.push(if scale < f32::MIN_POSITIVE * 1e3 { 1.0 } else { scale });
        }
        self.n_scaled = end;
    }
}

impl Pieces for RoundWork {
    type Output = Rounded;

    fn advance(mut self) -> Result<ControlFlow<Rounded, Self>, CompressError> {
        if self.n_scaled < self.n_out() {
            if let Grid::Integer(grid) = self.decide.grid
                && let Some(levels) = grid.levels()
            {
                self.scale_rows(grid, levels);
            }
            return Ok(ControlFlow::Continue(self));
        }
        self.stage = match self.stage {
            Stage::Sweep(sweep) if sweep.is_done() => {
                let curvature = sweep.curvature.clone();
                let (values, _) = sweep.into_values()?;
                Stage::Descent(Descent::new(values, std::mem::take(&mut self.target), curvature))
            }
            Stage::Sweep(mut sweep) => {
                let len = match &self.decide.grid {
                    Grid::Integer(IntegerGrid { group_len: Some(len), .. }) => *len,
                    _ => 1,
                };
                sweep.block(BLOCK.div_ceil(len) * len, &mut self.decide);
                Stage::Sweep(sweep)
            }
            Stage::Descent(descent) if descent.is_done() => {
                let (values, error) = descent.into_values();
                check_rows(&values, self.decide.curvature.k())?;
                return Ok(ControlFlow::Break(Rounded { values, codes: self.decide.into_codes(), error }));
            }
            Stage::Descent(mut descent) => {
                descent.rows(&mut self.decide);
                Stage::Descent(descent)
            }
        };
        Ok(ControlFlow::Continue(self))
    }

    fn progress(&self) -> f64 {
        let scaled = self.n_scaled as f64 / self.n_out().max(1) as f64;
        match &self.stage {
            Stage::Sweep(sweep) => 0.2 * scaled + 0.4 * sweep.progress(),
            Stage::Descent(descent) => 0.6 + 0.4 * descent.progress(),
        }
    }
}

impl Decide for Decider {
    fn decide(&mut self, row: usize, input: usize, rest: &[f32]) -> f32 {
        let k = self.curvature.k();
        if let Grid::Integer(grid @ IntegerGrid { group_len: Some(len), .. }) = self.grid
            && let Some(levels) = grid.levels()
            && input.is_multiple_of(len)
        {
            let end = len.min(k - input);
            let importance = &self.importance[input..input + end];
            let multiplier = levels.best_multiplier(&rest[..end], importance, self.scales[row]).0;
            self.multipliers[row * k.div_ceil(len) + input / len] = multiplier;
        }
        self.choose(row, input, rest[0])
    }
}

impl Lattice for Decider {
    fn choose(&mut self, row: usize, input: usize, x: f32) -> f32 {
        let at = row * self.curvature.k() + input;
        let x = if self.zeros.get(at).is_some_and(|zero| *zero) { 0.0 } else { x };
        match &self.grid {
            Grid::Integer(grid) => {
                let Some(levels) = grid.levels() else { return 0.0 };
                let scale = self.step(row, input, *grid);
                let level = levels.nearest(x / scale);
                self.codes[at] = (level as i8).cast_unsigned();
                scale * level
            }
            Grid::Codebooks(codebooks) => {
                let (code, value) = codebooks.nearest(row, x);
                self.codes[at] = code;
                value
            }
        }
    }

    fn value(&self, row: usize, input: usize) -> f32 {
        let code = self.codes[row * self.curvature.k() + input];
        match &self.grid {
            Grid::Integer(grid) => self.step(row, input, *grid) * f32::from(code.cast_signed()),
            Grid::Codebooks(codebooks) => codebooks.of(row)[usize::from(code)],
        }
    }

    fn stretch(&mut self, row: usize, factor: f32) -> bool {
        match &mut self.grid {
            Grid::Integer(_) => {
                self.scales[row] *= factor;
                true
            }
            Grid::Codebooks(codebooks) => codebooks.stretch(row, factor),
        }
    }
}

impl Decider {
    /// The distance of neighbouring levels.
    fn step(&self, row: usize, input: usize, grid: IntegerGrid) -> f32 {
        let multiplier = grid.group_len.map_or(1.0, |len| {
            f32::from(self.multipliers[row * self.curvature.k().div_ceil(len) + input / len])
        });
        self.scales[row] * multiplier
    }
}

impl Decider {
    fn into_codes(self) -> Codes {
        match self.grid {
            Grid::Integer(grid) => Codes::Integer {
                bits: grid.bits,
                levels: self.codes.into_iter().map(u8::cast_signed).collect(),
                scales: self.scales,
                groups: grid.group_len.map(|len| (len, self.multipliers)),
            },
            Grid::Codebooks(codebooks) => Codes::Clustered { codes: self.codes, codebooks },
        }
    }
}

/// The length of groups.
fn check_integer(grid: IntegerGrid) -> Result<Option<usize>, CompressError> {
    match grid {
        IntegerGrid { bits: 8, group_len: None } | IntegerGrid { bits: 2 | 4, group_len: None } => Ok(None),
        IntegerGrid { bits: 2 | 4, group_len: Some(len) } if (4..=1024).contains(&len) => Ok(Some(len)),
        IntegerGrid { bits, group_len } => Err(CompressError::Reconstruct(format!(
            "a grid of {bits} bits in groups of {group_len:?}, accepted are 8, 4 and 2 bits, and groups of 4..=1024 \
             with 4 and 2 bits"
        ))),
    }
}
