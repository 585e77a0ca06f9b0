//! Rounded weights improved one by one.

use std::sync::Arc;

use ndarray::ArrayView2;

use super::Curvature;
use super::pieces::rows_per_piece;

/// The values that single weights may take.
pub(super) trait Lattice {
    /// Chooses the value nearest to `x` for a weight, and gives it.
    fn choose(&mut self, row: usize, input: usize, x: f32) -> f32;

    /// The value that is chosen.
    fn value(&self, row: usize, input: usize) -> f32;

    /// Multiplies all values of an output channel by `factor`; false where they are not its own.
    fn stretch(&mut self, row: usize, factor: f32) -> bool;
}

/// Times that each weight is looked at.
const PASSES: usize = 3;

/// Coordinate descent on `(w - t)ᵀ H (w - t)` over a grid, each output channel for itself.
///
/// ```text
/// g = H (w - t)
/// three times:
///     for each input j: v = nearest(w[j] - g[j] / H[j][j]);  g += (v - w[j]) H[j];  w[j] = v
///     stretch the channel's grid by  (wᵀ H t) / (wᵀ H w)
/// ```
/// [`super::sweep::Sweep`] makes up for an error with later weights only, this with all of them, and the grid follows
/// the weights. No step raises the error but for rounding in single precision.
///
/// Source: QuantEase, Behdin et al. 2023 (arXiv 2309.01885), section 3.1, started from GPTQ; the stretch is least squares.
#[derive(Clone, Debug)]
pub(super) struct Descent {
    /// `[n_out, k]`.
    weights: Vec<f32>,
    target: Vec<f32>,
    curvature: Arc<Curvature>,
    n_done: usize,
    error: f64,
}

impl Descent {
    /// `weights` are on the grid; both `[n_out, k]`.
    pub(super) fn new(weights: Vec<f32>, target: Vec<f32>, curvature: Arc<Curvature>) -> Self {
        Self { weights, target, curvature, n_done: 0, error: 0.0 }
    }

    fn n_out(&self) -> usize {
        self.weights.len() / self.curvature.k()
    }

    pub(super) fn is_done(&self) -> bool {
        self.n_done == self.n_out()
    }

    pub(super) fn progress(&self) -> f64 {
        self.n_done as f64 / self.n_out() as f64
    }

    /// Goes through the next output channels.
    pub(super) fn rows(&mut self, lattice: &mut impl Lattice) {
        let k = self.curvature.k();
        let end = (self.n_done + rows_per_piece(4 * k * k, self.n_out())).min(self.n_out());
        let range = self.n_done * k..end * k;
        let shape = (end - self.n_done, k);
        let hessian = &self.curvature.hessian;
        let image = |rows| ArrayView2::from_shape(shape, rows).expect("whole rows").dot(hessian);
        let wanted = image(&self.target[range.clone()]);
        let mut images = image(&self.weights[range.clone()]);
        let weights = self.weights[range.clone()].chunks_exact_mut(k);
        for (at, (weights, mut images)) in weights.zip(images.rows_mut()).enumerate() {
            let row = self.n_done + at;
            let images = images.as_slice_mut().expect("rows are contiguous");
            let wanted = wanted.row(at);
            let wanted = wanted.as_slice().expect("rows are contiguous");
            for _ in 0..PASSES {
                for input in 0..k {
                    let line = hessian.row(input);
                    let line = line.as_slice().expect("rows are contiguous");
                    let before = weights[input];
                    let best = before - (images[input] - wanted[input]) / line[input];
                    let value = lattice.choose(row, input, best);
                    let change = value - before;
                    if change != 0.0 {
                        weights[input] = value;
                        for (image, factor) in images.iter_mut().zip(line) {
                            *image += change * factor;
                        }
                    }
                }
                let factor = (dot(weights, wanted) / dot(weights, images)) as f32;
                if (0.5..2.0).contains(&factor) && lattice.stretch(row, factor) {
                    for (input, weight) in weights.iter_mut().enumerate() {
                        *weight = lattice.value(row, input);
                    }
                    for image in images.iter_mut() {
                        *image *= factor;
                    }
                }
            }
            let target = &self.target[row * k..(row + 1) * k];
            let off = weights.iter().zip(target).zip(images.iter().zip(wanted));
            self.error += off
                .map(|((w, t), (image, wanted))| f64::from(w - t) * f64::from(image - wanted))
                .sum::<f64>();
        }
        self.n_done = end;
    }

    /// The weights and their error.
    pub(super) fn into_values(self) -> (Vec<f32>, f64) {
        (self.weights, self.error)
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}
