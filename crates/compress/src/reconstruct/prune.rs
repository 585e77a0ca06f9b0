//! Pruning with error compensation.

use std::ops::ControlFlow;
use std::sync::Arc;

use ndarray::s;

use super::curvature::check_rows;
use super::sweep::{BLOCK, Decide, Sweep};
use super::{Curvature, Pieces};
use crate::CompressError;

/// Which weights may become zero together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SparsityPattern {
    /// Any; `sparsity` is the share of all weights of the layer, `0.0..=1.0`.
    Unstructured {
        /// Share of zeros.
        sparsity: f64,
    },
    /// Of every `m` neighbouring inputs of an output channel at most `n` weights stay.
    NOfM {
        /// Weights that stay.
        n: usize,
        /// Of so many, `2..=64`.
        m: usize,
    },
    /// `channels` neighbouring output channels have zeros at the same inputs.
    Blocks {
        /// Output channels of a block, the last one perhaps fewer.
        channels: usize,
        /// Share of zeros.
        sparsity: f64,
    },
}

/// Sets weights to zero, those first whose loss can be made up for best, and lets the weights of later inputs make up
/// for it.
///
/// A weight's score is its loss `w² / U_jj²`, zero for inputs that never varied. Which weights of a block of 64 inputs go is decided
/// when the block is reached; how many, before, by the scores `w² / [H⁻¹]_jj` over the whole layer.
///
/// Source: SparseGPT, Frantar & Alistarh 2023 (arXiv 2301.00774), section 3, which takes the same share of every block; OBS,
/// Hassibi & Stork 1993, for the scores over the layer.
#[derive(Clone, Debug)]
pub struct PruneWork {
    sweep: Sweep,
    pattern: SparsityPattern,
    /// Weights (or blocks of channels) to prune in each block of inputs.
    quotas: Vec<usize>,
}

impl PruneWork {
    /// Prepares to prune `target`, `[n_out, k]`. The result is the new weights, zero where they are pruned.
    ///
    /// # Errors
    /// [`CompressError::Reconstruct`] for lengths or a pattern that do not fit, [`CompressError::NotFinite`] for weights that
    /// are not finite.
    pub fn new(
        target: &[f32],
        curvature: Arc<Curvature>,
        pattern: SparsityPattern,
    ) -> Result<Self, CompressError> {
        check_rows(target, curvature.k())?;
        let fits = match pattern {
            SparsityPattern::Unstructured { sparsity } => (0.0..=1.0).contains(&sparsity),
            SparsityPattern::Blocks { channels, sparsity } => channels > 0 && (0.0..=1.0).contains(&sparsity),
            SparsityPattern::NOfM { n, m } => (2..=64).contains(&m) && n <= m,
        };
        if !fits {
            return Err(CompressError::Reconstruct(format!(
                "sparsity pattern {pattern:?}, accepted are shares of 0..=1, blocks of at least one channel, and n of m \
                 inputs with m of 2..=64"
            )));
        }
        let sweep = Sweep::new(target, curvature)?;
        let quotas = quotas(&sweep, pattern);
        Ok(Self { sweep, pattern, quotas })
    }
}

impl Pieces for PruneWork {
    type Output = Vec<f32>;

    fn advance(mut self) -> Result<ControlFlow<Vec<f32>, Self>, CompressError> {
        if self.sweep.is_done() {
            return Ok(ControlFlow::Break(self.sweep.into_values()?.0));
        }
        let curvature = self.sweep.curvature.clone();
        match self.pattern {
            SparsityPattern::NOfM { n, m } => {
                let scores = curvature.importance();
                let mut decide = DecideGroups { scores, n, m, pruned: vec![false; m] };
                self.sweep.block(BLOCK.div_ceil(m) * m, &mut decide);
            }
            SparsityPattern::Unstructured { .. } => self.prune_block(&curvature, 1),
            SparsityPattern::Blocks { channels, .. } => self.prune_block(&curvature, channels),
        }
        Ok(ControlFlow::Continue(self))
    }

    fn progress(&self) -> f64 {
        self.sweep.progress()
    }
}

impl PruneWork {
    fn prune_block(&mut self, curvature: &Curvature, channels: usize) {
        let (start, end) = (self.sweep.next, (self.sweep.next + BLOCK).min(self.sweep.k()));
        let factors = curvature.importance_of(start..end);
        let mut scores = scores(&self.sweep, start..end, &factors, channels);
        let mut mask = vec![false; scores.len()];
        let quota = self.quotas[start / BLOCK].min(scores.len());
        if quota > 0 {
            let mut places: Vec<u32> = (0..scores.len() as u32).collect();
            places.select_nth_unstable_by(quota - 1, |a, b| {
                scores[*a as usize].total_cmp(&scores[*b as usize]).then(a.cmp(b))
            });
            for place in &places[..quota] {
                mask[*place as usize] = true;
            }
        }
        scores.clear();
        self.sweep.block(BLOCK, &mut DecideMask { mask, start, width: end - start, channels });
    }
}

/// Zeroes what a mask of `[ceil(n_out / channels), width]` says.
struct DecideMask {
    mask: Vec<bool>,
    start: usize,
    width: usize,
    channels: usize,
}

impl Decide for DecideMask {
    fn decide(&mut self, row: usize, position: usize, rest: &[f32]) -> f32 {
        let pruned = self.mask[row / self.channels * self.width + position - self.start];
        if pruned { 0.0 } else { rest[0] }
    }
}

/// Keeps `n` of every `m` inputs.
struct DecideGroups {
    scores: Vec<f32>,
    n: usize,
    m: usize,
    /// The current group of the current row.
    pruned: Vec<bool>,
}

impl Decide for DecideGroups {
    fn decide(&mut self, _row: usize, position: usize, rest: &[f32]) -> f32 {
        let at = position % self.m;
        if at == 0 {
            let len = self.m.min(rest.len());
            let score = |i: &usize| rest[*i].powi(2) * self.scores[position + i];
            let mut places: Vec<usize> = (0..len).collect();
            places.sort_by(|a, b| score(a).total_cmp(&score(b)));
            self.pruned.fill(false);
            for place in &places[..len.saturating_sub(self.n)] {
                self.pruned[*place] = true;
            }
        }
        if self.pruned[at] { 0.0 } else { rest[0] }
    }
}

/// `w² * factor`, summed over blocks of `channels`: `[ceil(n_out / channels), positions]`.
fn scores(sweep: &Sweep, positions: std::ops::Range<usize>, factors: &[f32], channels: usize) -> Vec<f32> {
    let width = positions.len();
    let mut scores = vec![0.0; sweep.n_out().div_ceil(channels) * width];
    for (row, weights) in sweep.weights.slice(s![.., positions]).rows().into_iter().enumerate() {
        let block = row / channels;
        for ((score, weight), factor) in
            scores[block * width..(block + 1) * width].iter_mut().zip(weights).zip(factors)
        {
            *score += weight * weight * factor;
        }
    }
    scores
}

/// How many of each block of inputs belong to the lowest scores of the whole layer.
fn quotas(sweep: &Sweep, pattern: SparsityPattern) -> Vec<usize> {
    let (channels, sparsity) = match pattern {
        SparsityPattern::Unstructured { sparsity } => (1, sparsity),
        SparsityPattern::Blocks { channels, sparsity } => (channels, sparsity),
        SparsityPattern::NOfM { .. } => return Vec::new(),
    };
    let (k, curvature) = (sweep.k(), &sweep.curvature);
    let factors: Vec<f32> = (0..k)
        .map(|at| match curvature.dead[at] {
            true => 0.0,
            false => 1.0 / curvature.factor.slice(s![..=at, at]).iter().map(|u| u * u).sum::<f32>(),
        })
        .collect();
    let scores = scores(sweep, 0..k, &factors, channels);
    let n_pruned = (sparsity * scores.len() as f64).round() as usize;
    let mut quotas = vec![0; k.div_ceil(BLOCK)];
    if n_pruned > 0 {
        let mut places: Vec<u32> = (0..scores.len() as u32).collect();
        places.select_nth_unstable_by(n_pruned - 1, |a, b| {
            scores[*a as usize].total_cmp(&scores[*b as usize]).then(a.cmp(b))
        });
        for place in &places[..n_pruned] {
            quotas[*place as usize % k / BLOCK] += 1;
        }
    }
    quotas
}
