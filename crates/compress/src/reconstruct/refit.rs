//! The best values for the weights that pruning has left.

use std::ops::ControlFlow;
use std::sync::Arc;

use ndarray::{Array2, ArrayView2};

use super::curvature::check_rows;
use super::pieces::rows_per_piece;
use super::{Curvature, Pieces};
use crate::CompressError;

/// Minimises `(w - t)ᵀ H (w - t)` over the weights that are not zero, each output channel for itself, by conjugate
/// gradients on the normal equations of those weights, preconditioned by their diagonal and started from the weights as they
/// are.
///
/// With a target from [`super::TargetWork`] this is least squares against the float layer's output with the curvature's
/// ridge. A channel's error never grows; `n_steps` steps bring it near the minimum, as many as it has weights exactly
/// there but for rounding.
///
/// Source: Hestenes & Stiefel 1952; Saad 2003, algorithm 9.1.
#[derive(Clone, Debug)]
pub struct RefitWork {
    weights: Vec<f32>,
    target: Vec<f32>,
    curvature: Arc<Curvature>,
    n_steps: usize,
    /// Output channels that are done.
    n_done: usize,
    rows: Option<Rows>,
}

/// Output channels under way, `[rows, k]` each.
#[derive(Clone, Debug)]
struct Rows {
    mask: Array2<f32>,
    residuals: Array2<f32>,
    directions: Array2<f32>,
    /// `residual · preconditioned residual` of each row.
    products: Vec<f64>,
    n_steps: usize,
}

impl RefitWork {
    /// Prepares to refit `weights`, pruned, towards `target`; both `[n_out, k]`. Zeros stay zeros.
    ///
    /// # Errors
    /// [`CompressError::Reconstruct`] for lengths that do not fit, [`CompressError::NotFinite`] for weights that are not
    /// finite.
    pub fn new(
        weights: Vec<f32>,
        target: Vec<f32>,
        curvature: Arc<Curvature>,
        n_steps: usize,
    ) -> Result<Self, CompressError> {
        let n_out = check_rows(&weights, curvature.k())?;
        if check_rows(&target, curvature.k())? != n_out {
            return Err(CompressError::Reconstruct(format!(
                "{} weights for a target of {}",
                weights.len(),
                target.len()
            )));
        }
        Ok(Self { weights, target, curvature, n_steps, n_done: 0, rows: None })
    }

    fn start_rows(&self, end: usize) -> Rows {
        let k = self.curvature.k();
        let shape = (end - self.n_done, k);
        let rows = |values| ArrayView2::from_shape(shape, values).expect("whole rows");
        let weights = rows(&self.weights[self.n_done * k..end * k]);
        let target = rows(&self.target[self.n_done * k..end * k]);
        let mask = weights.mapv(|weight| if weight == 0.0 { 0.0 } else { 1.0 });
        let residuals = (&target - &weights).dot(&self.curvature.hessian) * &mask;
        let directions = &residuals / &self.curvature.hessian.diag();
        let products = row_products(&residuals, &directions);
        Rows { mask, residuals, directions, products, n_steps: 0 }
    }

    fn step(&mut self, rows: &mut Rows) {
        let k = self.curvature.k();
        let images = rows.directions.dot(&self.curvature.hessian) * &rows.mask;
        let curvatures = row_products(&rows.directions, &images);
        let diagonal = self.curvature.hessian.diag();
        let weights = self.weights[self.n_done * k..].chunks_exact_mut(k);
        for (idx, weights) in weights.take(rows.mask.nrows()).enumerate() {
            // Nothing left to gain, or lost in rounding.
            if curvatures[idx] <= 0.0 || rows.products[idx] <= 0.0 {
                continue;
            }
            let length = (rows.products[idx] / curvatures[idx]) as f32;
            let mut directions = rows.directions.row_mut(idx);
            let mut residuals = rows.residuals.row_mut(idx);
            for (weight, direction) in weights.iter_mut().zip(&directions) {
                *weight += length * direction;
            }
            let mut product = 0.0;
            for ((residual, image), diagonal) in residuals.iter_mut().zip(images.row(idx)).zip(&diagonal) {
                *residual -= length * image;
                product += f64::from(*residual) * f64::from(*residual / diagonal);
            }
            let share = (product / rows.products[idx]) as f32;
            for ((direction, residual), diagonal) in directions.iter_mut().zip(&residuals).zip(&diagonal) {
                *direction = residual / diagonal + share * *direction;
            }
            rows.products[idx] = product;
        }
        rows.n_steps += 1;
    }
}

impl Pieces for RefitWork {
    type Output = Vec<f32>;

    fn advance(mut self) -> Result<ControlFlow<Vec<f32>, Self>, CompressError> {
        let k = self.curvature.k();
        let n_out = self.weights.len() / k;
        if self.n_done == n_out || self.n_steps == 0 {
            check_rows(&self.weights, k)?;
            return Ok(ControlFlow::Break(self.weights));
        }
        match self.rows.take() {
            None => {
                let end = (self.n_done + rows_per_piece(k * k, n_out)).min(n_out);
                self.rows = Some(self.start_rows(end));
            }
            Some(rows) if rows.n_steps == self.n_steps => self.n_done += rows.mask.nrows(),
            Some(mut rows) => {
                self.step(&mut rows);
                self.rows = Some(rows);
            }
        }
        Ok(ControlFlow::Continue(self))
    }

    fn progress(&self) -> f64 {
        let under_way = self
            .rows
            .as_ref()
            .map_or(0.0, |rows| rows.mask.nrows() as f64 * rows.n_steps as f64 / self.n_steps.max(1) as f64);
        (self.n_done as f64 + under_way) / (self.weights.len() / self.curvature.k()) as f64
    }
}

/// The inner product of each row with its counterpart.
fn row_products(a: &Array2<f32>, b: &Array2<f32>) -> Vec<f64> {
    let product = |(a, b): (ndarray::ArrayView1<'_, f32>, ndarray::ArrayView1<'_, f32>)| {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    a.rows().into_iter().zip(b.rows()).map(product).collect()
}
