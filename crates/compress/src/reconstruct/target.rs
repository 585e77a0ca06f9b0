//! The weights that reproduce the float layer's output from the compressed model's input.

use std::ops::ControlFlow;
use std::sync::Arc;

use graph::Moments;
use ndarray::{Array2, ArrayView2};

use super::curvature::{check_rows, per_sample};
use super::pieces::rows_per_piece;
use super::{Curvature, Pieces};
use crate::CompressError;

/// Solves for the weights `T` that minimise `Σ |T x_c - W x_f|² / n + ridge |T - W|²`: with the float inputs' and the
/// compressed inputs' moments `C = E[x_f x_cᵀ]`, `G = E[x_c x_cᵀ]`,
///
/// ```text
/// T = W + W (C - G) (G + ridge)⁻¹
/// ```
/// Where the means are removed from the curvature, they are here, too. Weights of inputs that never varied stay as they are.
#[derive(Clone, Debug)]
pub struct TargetWork {
    weights: Vec<f32>,
    curvature: Arc<Curvature>,
    /// `C - G`, rows as inputs lie, columns in the curvature's order.
    shift: Array2<f32>,
    n_done: usize,
}

impl TargetWork {
    /// `weights`: `W`, `[n_out, k]`; `moments`: those that `curvature` was made from.
    ///
    /// # Errors
    /// [`CompressError::Reconstruct`] for lengths that do not fit, [`CompressError::NotFinite`] for weights or moments
    /// that are not finite.
    pub fn new(
        weights: Vec<f32>,
        moments: &Moments,
        curvature: Arc<Curvature>,
    ) -> Result<Self, CompressError> {
        let k = curvature.k();
        check_rows(&weights, k)?;
        if moments.k != k {
            return Err(CompressError::Reconstruct(format!("moments of {} inputs, expected {k}", moments.k)));
        }
        let means = curvature.means();
        let gram = per_sample(moments, &moments.gram, means, &moments.compressed_sums)?;
        let cross = per_sample(moments, &moments.cross, means, &moments.float_sums)?;
        let shift = Array2::from_shape_fn((k, k), |(row, position)| {
            let column = curvature.order[position];
            if curvature.dead[column] { 0.0 } else { (cross[[column, row]] - gram[[column, row]]) as f32 }
        });
        Ok(Self { weights, curvature, shift, n_done: 0 })
    }
}

impl Pieces for TargetWork {
    type Output = Vec<f32>;

    fn advance(mut self) -> Result<ControlFlow<Vec<f32>, Self>, CompressError> {
        let k = self.curvature.k();
        let n_out = self.weights.len() / k;
        if self.n_done == n_out {
            check_rows(&self.weights, k)?;
            return Ok(ControlFlow::Break(self.weights));
        }
        let end = (self.n_done + rows_per_piece(3 * k * k, n_out)).min(n_out);
        let rows = &mut self.weights[self.n_done * k..end * k];
        let factor = &self.curvature.factor;
        let view = ArrayView2::from_shape((end - self.n_done, k), &*rows).expect("whole rows");
        let change = view.dot(&self.shift).dot(&factor.t()).dot(factor);
        for (row, change) in rows.chunks_exact_mut(k).zip(change.rows()) {
            for (&input, change) in self.curvature.order.iter().zip(change) {
                row[input] += change;
            }
        }
        self.n_done = end;
        Ok(ControlFlow::Continue(self))
    }

    fn progress(&self) -> f64 {
        self.n_done as f64 / (self.weights.len() / self.curvature.k()) as f64
    }
}
