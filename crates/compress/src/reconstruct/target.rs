//! The weights that reproduce the float layer's output from the compressed model's input.

use std::ops::ControlFlow;
use std::sync::Arc;

use graph::Moments;
use ndarray::{Array2, ArrayView2, s};

use super::curvature::{check_rows, per_sample};
use super::pieces::rows_per_piece;
use super::{Curvature, Means, Pieces};
use crate::CompressError;

/// Solves for the weights `T` that minimise `Σ |T x_c - W x_f|² / n + ridge |T - W|²`: with the float inputs' and the
/// compressed inputs' moments `C = E[x_f x_cᵀ]`, `G = E[x_c x_cᵀ]`,
///
/// ```text
/// T = W + W (C - G) (G + ridge)⁻¹
/// ```
/// Where the output is added to another activation `s`, the sum is what must come out right: the target output is then
/// `W x_f + (s_f - s_c)`, and `W (C - G)` becomes `W (C - G) + E[(s_f - s_c) x_cᵀ]`. So a block takes back what blocks before
/// it have lost (He, Zhang & Sun 2017, arXiv 1707.06168, section 3.3).
///
/// Where the means are removed from the curvature, they are here, too. Weights of inputs that never varied stay as they are.
#[derive(Clone, Debug)]
pub struct TargetWork {
    weights: Vec<f32>,
    curvature: Arc<Curvature>,
    /// `C - G`.
    shift: Array2<f32>,
    /// `E[(s_f - s_c) x_cᵀ]`, `[n_out, k]`.
    lacking: Option<Array2<f32>>,
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
        let n_out = check_rows(&weights, k)?;
        if moments.k != k {
            return Err(CompressError::Reconstruct(format!("moments of {} inputs, expected {k}", moments.k)));
        }
        let means = curvature.means();
        let gram = per_sample(moments, &moments.gram, means, &moments.compressed_sums)?;
        let cross = per_sample(moments, &moments.cross, means, &moments.float_sums)?;
        let shift = Array2::from_shape_fn((k, k), |(row, column)| {
            if curvature.dead[column] { 0.0 } else { (cross[[column, row]] - gram[[column, row]]) as f32 }
        });
        let lacking = lacking(moments, &curvature, n_out)?;
        Ok(Self { weights, curvature, shift, lacking, n_done: 0 })
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
        let mut wanted = view.dot(&self.shift);
        if let Some(lacking) = &self.lacking {
            wanted += &lacking.slice(s![self.n_done..end, ..]);
        }
        let change = wanted.dot(&factor.t()).dot(factor);
        for (weight, change) in rows.iter_mut().zip(&change) {
            *weight += change;
        }
        self.n_done = end;
        Ok(ControlFlow::Continue(self))
    }

    fn progress(&self) -> f64 {
        self.n_done as f64 / (self.weights.len() / self.curvature.k()) as f64
    }
}

/// What another summand lacks, where there is one.
fn lacking(
    moments: &Moments,
    curvature: &Curvature,
    n_out: usize,
) -> Result<Option<Array2<f32>>, CompressError> {
    let Moments { k, lacking, lacking_sums, compressed_sums, .. } = moments;
    if lacking.is_empty() {
        return Ok(None);
    }
    if lacking.len() != n_out * k || lacking_sums.len() != n_out {
        return Err(CompressError::Reconstruct(format!(
            "a summand of {} values for {n_out} outputs",
            lacking.len() / k
        )));
    }
    let n = moments.n_samples.max(1) as f64;
    let rows = Array2::from_shape_fn((n_out, *k), |(row, column)| {
        let mean = match curvature.means() {
            Means::Kept => 0.0,
            Means::Removed => lacking_sums[row] / n * (compressed_sums[column] / n),
        };
        if curvature.dead[column] { 0.0 } else { (lacking[row * k + column] / n - mean) as f32 }
    });
    Ok(Some(rows))
}
