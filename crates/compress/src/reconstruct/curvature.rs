//! The curvature of a layer's output error, and the factor of its inverse.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use graph::Moments;
use ndarray::Array2;

use super::Pieces;
use super::factor::FactorWork;
use super::pieces::rows_per_piece;
use crate::CompressError;

/// An input is constant when its variance is below this share of the mean variance of all inputs,
const DEAD: f64 = 1e-9;
/// or below this share of its own mean square, which single-precision products do not tell from zero.
const DEAD_OF_SQUARE: f64 = 1e-5;

/// How [`Curvature`] is made of moments.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvatureOptions {
    /// Added to the diagonal, as a share of its mean; `1e-6..=100`. Pulls solutions towards the weights they start from, and
    /// makes up for few calibration pixels.
    pub ridge: f64,
    /// What becomes of the inputs' means.
    pub means: Means,
}

/// What becomes of the inputs' means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// They count like everything else: for layers without a bias to correct.
    Kept,
    /// They are taken out, because [`crate::correct_bias`] follows and makes up for any error of the mean.
    Removed,
}

/// The output error of one layer as a function of its weights: `(w - t)ᵀ H (w - t)` for each output channel, with
/// `H = Σ x xᵀ / n + ridge`.
#[derive(Clone, Debug)]
pub struct Curvature {
    /// `[k, k]`.
    pub(super) hessian: Array2<f32>,
    /// `U` with `H⁻¹ = Uᵀ U`, `[k, k]`, upper triangular.
    pub(super) factor: Array2<f32>,
    /// For each input, whether it never varied.
    pub(super) dead: Vec<bool>,
    means: Means,
}

impl Curvature {
    /// Inputs of the layer.
    pub fn k(&self) -> usize {
        self.dead.len()
    }

    /// What became of the inputs' means.
    pub fn means(&self) -> Means {
        self.means
    }

    /// How much a weight of each input matters when all later ones make up for it: `1 / U_jj²`, zero for inputs that never
    /// varied. `[k]`.
    pub fn importance(&self) -> Vec<f32> {
        self.importance_of(0..self.k())
    }

    /// [`Self::importance`] of some inputs.
    pub(super) fn importance_of(&self, inputs: Range<usize>) -> Vec<f32> {
        inputs.map(|at| if self.dead[at] { 0.0 } else { self.factor[[at, at]].powi(-2) }).collect()
    }

    /// Mean squared error of each output channel per pixel, ridge included, when its weights are `weights` instead of
    /// `target`; both `[n_out, k]`.
    pub fn errors(&self, weights: &[f32], target: &[f32]) -> Vec<f64> {
        let k = self.k().max(1);
        let difference: Vec<f32> = weights.iter().zip(target).map(|(w, t)| w - t).collect();
        let difference =
            ndarray::ArrayView2::from_shape((difference.len() / k, k), &difference[..]).expect("whole rows");
        let products = difference.dot(&self.hessian);
        let dot = |(a, b): (ndarray::ArrayView1<'_, f32>, ndarray::ArrayView1<'_, f32>)| {
            a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        difference.rows().into_iter().zip(products.rows()).map(dot).collect()
    }
}

/// Sums the mean square of a layer's output per pixel over all output channels, ridge included: [`Curvature::errors`] against
/// zeros, some rows at a time.
#[derive(Clone, Debug)]
pub struct PowerWork {
    weights: Vec<f32>,
    curvature: Arc<Curvature>,
    n_done: usize,
    power: f64,
}

impl PowerWork {
    /// Prepares to sum over `weights`, `[n_out, k]`.
    ///
    /// # Errors
    /// [`CompressError::Reconstruct`] for lengths that do not fit, [`CompressError::NotFinite`] for weights that are not
    /// finite.
    pub fn new(weights: Vec<f32>, curvature: Arc<Curvature>) -> Result<Self, CompressError> {
        check_rows(&weights, curvature.k())?;
        Ok(Self { weights, curvature, n_done: 0, power: 0.0 })
    }
}

impl Pieces for PowerWork {
    /// The weights, and the sum.
    type Output = (Vec<f32>, f64);

    fn advance(mut self) -> Result<ControlFlow<Self::Output, Self>, CompressError> {
        let k = self.curvature.k();
        let n_out = self.weights.len() / k;
        let end = (self.n_done + rows_per_piece(k * k, n_out)).min(n_out);
        let rows = &self.weights[self.n_done * k..end * k];
        self.power += self.curvature.errors(rows, &vec![0.0; rows.len()]).iter().sum::<f64>();
        self.n_done = end;
        Ok(match end == n_out {
            true => ControlFlow::Break((self.weights, self.power)),
            false => ControlFlow::Continue(self),
        })
    }

    fn progress(&self) -> f64 {
        self.n_done as f64 / (self.weights.len() / self.curvature.k()) as f64
    }
}

/// Makes a [`Curvature`].
#[derive(Clone, Debug)]
pub struct CurvatureWork {
    factor: FactorWork,
    hessian: Array2<f32>,
    dead: Vec<bool>,
    means: Means,
}

impl CurvatureWork {
    /// Prepares to factor the curvature of `moments`.
    ///
    /// # Errors
    /// [`CompressError::Reconstruct`] for a ridge out of range or moments without a sample, [`CompressError::NotFinite`]
    /// for moments that are not finite.
    pub fn new(moments: &Moments, options: CurvatureOptions) -> Result<Self, CompressError> {
        let CurvatureOptions { ridge, means } = options;
        if !(1e-6..=100.0).contains(&ridge) {
            return Err(CompressError::Reconstruct(format!("ridge {ridge}, accepted are 1e-6..=100")));
        }
        let k = moments.k;
        if moments.n_samples == 0 || k == 0 {
            return Err(CompressError::Reconstruct("moments without a pixel".to_owned()));
        }
        let mut hessian = per_sample(moments, &moments.gram, means, &moments.compressed_sums)?;
        let variances: Vec<f64> = hessian.diag().iter().map(|variance| variance.max(0.0)).collect();
        let mean = variances.iter().sum::<f64>() / k as f64;
        let mut dead = vec![false; k];
        for (input, dead) in dead.iter_mut().enumerate() {
            let square = moments.gram[input * k + input] / moments.n_samples as f64;
            if square < 0.0 {
                return Err(CompressError::Reconstruct(format!(
                    "input {input} has a negative sum of squares"
                )));
            }
            *dead = variances[input] <= (DEAD * mean).max(DEAD_OF_SQUARE * square);
            if *dead {
                hessian.row_mut(input).fill(0.0);
                hessian.column_mut(input).fill(0.0);
            }
        }
        let added = if mean > 0.0 { ridge * mean } else { 1.0 };
        hessian.diag_mut().mapv_inplace(|variance| variance + added);
        let rounded = hessian.mapv(|value| value as f32);
        Ok(Self { factor: FactorWork::new(hessian), hessian: rounded, dead, means })
    }
}

impl Pieces for CurvatureWork {
    type Output = Curvature;

    fn advance(mut self) -> Result<ControlFlow<Curvature, Self>, CompressError> {
        match self.factor.advance()? {
            ControlFlow::Continue(factor) => {
                self.factor = factor;
                Ok(ControlFlow::Continue(self))
            }
            ControlFlow::Break(factor) => {
                let factor = factor.mapv(|value| value as f32);
                let Self { hessian, dead, means, .. } = self;
                if factor.iter().chain(&hessian).any(|value| !value.is_finite())
                    || factor.diag().iter().any(|value| *value <= 0.0)
                {
                    return Err(CompressError::NotFinite("moments of a layer's input".to_owned()));
                }
                Ok(ControlFlow::Break(Curvature { hessian, factor, dead, means }))
            }
        }
    }

    fn progress(&self) -> f64 {
        self.factor.progress()
    }
}

/// `moment / n`, without the product of the means of the compressed inputs (rows) and of `column_sums` where they are
/// removed. `[k, k]`.
pub(super) fn per_sample(
    moments: &Moments,
    moment: &[f64],
    means: Means,
    column_sums: &[f64],
) -> Result<Array2<f64>, CompressError> {
    let k = moments.k;
    let sums = &moments.compressed_sums;
    if moment.len() != k * k || sums.len() != k || column_sums.len() != k {
        return Err(CompressError::Reconstruct(format!("moments that are not those of {k} inputs")));
    }
    if moment.iter().chain(sums).chain(column_sums).any(|value| !value.is_finite()) {
        return Err(CompressError::NotFinite("moments of a layer's input".to_owned()));
    }
    let n = moments.n_samples.max(1) as f64;
    Ok(Array2::from_shape_fn((k, k), |(row, column)| {
        let mean_product = match means {
            Means::Kept => 0.0,
            Means::Removed => sums[row] / n * (column_sums[column] / n),
        };
        moment[row * k + column] / n - mean_product
    }))
}

/// Checks that `weights` are finite and whole rows of `k`; gives the number of rows.
pub(super) fn check_rows(weights: &[f32], k: usize) -> Result<usize, CompressError> {
    if k == 0 || weights.is_empty() || !weights.len().is_multiple_of(k) {
        return Err(CompressError::Reconstruct(format!(
            "{} weights, expected whole rows of {k}",
            weights.len()
        )));
    }
    if weights.iter().any(|weight| !weight.is_finite()) {
        return Err(CompressError::NotFinite("weights of a layer".to_owned()));
    }
    Ok(weights.len() / k)
}
