//! One pass over a layer's inputs that makes up for each error with the weights that are still to come.

use std::sync::Arc;

use ndarray::{Array2, ArrayView2, linalg::general_mat_mul, s};

use super::Curvature;
use super::curvature::check_rows;
use crate::CompressError;

/// Inputs of a block, unless a grid needs whole groups.
pub(super) const BLOCK: usize = 64;

/// What a weight becomes.
pub(super) trait Decide {
    /// The new value of the weight of output channel `row` of input `position`. `rest` are the row's weights from
    /// this one on to the end of the block, as errors so far have left them.
    fn decide(&mut self, row: usize, position: usize, rest: &[f32]) -> f32;
}

/// Error compensation with the factor `U` of the inverse curvature:
///
/// ```text
/// for each input i in order, for each output channel:
///     v = decide(w[i]);  e = (w[i] - v) / U[i][i]
///     w[j] -= e * U[i][j] for all later inputs j;  w[i] = v;  loss += e²
/// ```
/// The real one goes block by block: inside a block row by row, so that a row stays in cache; what a block does to all
/// later ones is a matrix product.
///
/// Source: Frantar et al. 2023 (arXiv 2210.17323), section 3.3, algorithm 1.
#[derive(Clone, Debug)]
pub(super) struct Sweep {
    /// `[n_out, k]`.
    pub(super) weights: Array2<f32>,
    pub(super) curvature: Arc<Curvature>,
    pub(super) next: usize,
    /// `(w - t)ᵀ H (w - t)` of all output channels so far.
    pub(super) loss: f64,
}

impl Sweep {
    /// `target`: `[n_out, k]`.
    pub(super) fn new(target: &[f32], curvature: Arc<Curvature>) -> Result<Self, CompressError> {
        let k = curvature.k();
        let n_out = check_rows(target, k)?;
        let weights = ArrayView2::from_shape((n_out, k), target).expect("whole rows").to_owned();
        Ok(Self { weights, curvature, next: 0, loss: 0.0 })
    }

    pub(super) fn k(&self) -> usize {
        self.curvature.k()
    }

    pub(super) fn n_out(&self) -> usize {
        self.weights.nrows()
    }

    pub(super) fn is_done(&self) -> bool {
        self.next == self.k()
    }

    pub(super) fn progress(&self) -> f64 {
        self.next as f64 / self.k() as f64
    }

    /// Decides the next `width` inputs.
    pub(super) fn block(&mut self, width: usize, decide: &mut impl Decide) {
        let (start, end) = (self.next, (self.next + width).min(self.k()));
        let width = end - start;
        let factor = &self.curvature.factor;
        let corner: Vec<f32> = factor.slice(s![start..end, start..end]).iter().copied().collect();
        let mut errors = Array2::<f32>::zeros((self.n_out(), width));
        let (mut block, mut later) =
            self.weights.slice_mut(s![.., start..]).split_at(ndarray::Axis(1), width);
        for (row, (mut weights, mut errors)) in
            block.rows_mut().into_iter().zip(errors.rows_mut()).enumerate()
        {
            let weights = weights.as_slice_mut().expect("rows are contiguous");
            for (at, factors) in corner.chunks_exact(width).enumerate() {
                let value = decide.decide(row, start + at, &weights[at..]);
                let error = (weights[at] - value) / factors[at];
                weights[at] = value;
                errors[at] = error;
                if error != 0.0 {
                    for (weight, factor) in weights[at + 1..].iter_mut().zip(&factors[at + 1..]) {
                        *weight -= error * factor;
                    }
                }
            }
        }
        self.loss += errors.iter().map(|error| f64::from(*error).powi(2)).sum::<f64>();
        general_mat_mul(-1.0, &errors, &factor.slice(s![start..end, end..]), 1.0, &mut later);
        self.next = end;
    }

    /// The weights and the loss.
    pub(super) fn into_values(self) -> Result<(Vec<f32>, f64), CompressError> {
        let k = self.k();
        let values: Vec<f32> = self.weights.into_iter().collect();
        check_rows(&values, k)?;
        Ok((values, self.loss))
    }
}
