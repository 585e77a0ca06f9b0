//! The triangular factor of an inverse, block column by block column.

use std::ops::ControlFlow;

use ndarray::{Array2, ArrayViewMut2, Axis, linalg::general_mat_mul, s};

use super::Pieces;
use crate::CompressError;

/// Columns of a block.
const BLOCK: usize = 64;

/// For a symmetric positive definite `H`, the upper triangular `U` with `H⁻¹ = Uᵀ U`.
///
/// ```text
/// H = R Rᵀ with R upper triangular: the Cholesky factorization from the last column to the first
/// U = R⁻¹
/// ```
/// This is the factor that GPTQ finds in three steps, a factorization, an inverse and another factorization: `H⁻¹ = R⁻ᵀ R⁻¹`,
/// and such a factor with a positive diagonal is unique. The real one works in place on blocks of 64 columns, whose bulk are
/// matrix products; only the upper triangle of `H` is read.
#[derive(Clone, Debug)]
pub(super) struct FactorWork {
    matrix: Array2<f64>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Columns from here on are those of `R`.
    Factorize { end: usize },
    /// Columns up to here are those of `U`.
    Invert { start: usize },
}

impl FactorWork {
    /// `matrix` is square.
    pub(super) fn new(matrix: Array2<f64>) -> Self {
        let end = matrix.nrows();
        Self { matrix, stage: Stage::Factorize { end } }
    }
}

impl Pieces for FactorWork {
    type Output = Array2<f64>;

    fn advance(mut self) -> Result<ControlFlow<Array2<f64>, Self>, CompressError> {
        let k = self.matrix.nrows();
        match self.stage {
            Stage::Factorize { end: 0 } => self.stage = Stage::Invert { start: 0 },
            Stage::Factorize { end } => {
                let start = (end - 1) / BLOCK * BLOCK;
                factorize_columns(&mut self.matrix, start, end)?;
                self.stage = Stage::Factorize { end: start };
            }
            Stage::Invert { start } if start >= k => return Ok(ControlFlow::Break(self.matrix)),
            Stage::Invert { start } => {
                let end = (start + BLOCK).min(k);
                invert_columns(&mut self.matrix, start, end);
                self.stage = Stage::Invert { start: end };
            }
        }
        Ok(ControlFlow::Continue(self))
    }

    fn progress(&self) -> f64 {
        let k = self.matrix.nrows().max(1) as f64;
        match self.stage {
            Stage::Factorize { end } => 0.5 * (1.0 - end as f64 / k),
            Stage::Invert { start } => 0.5 + 0.5 * start as f64 / k,
        }
    }
}

/// Makes columns `start..end` those of `R`; the ones from `end` on are so already.
fn factorize_columns(matrix: &mut Array2<f64>, start: usize, end: usize) -> Result<(), CompressError> {
    let (left, right) = matrix.view_mut().split_at(Axis(1), end);
    let mut panel = left.slice_move(s![..end, start..]);
    let right = right.slice_move(s![..end, ..]);
    general_mat_mul(-1.0, &right, &right.slice(s![start.., ..]).t(), 1.0, &mut panel);
    let width = end - start;
    let (mut above, mut corner) = panel.split_at(Axis(0), start);
    for column in (0..width).rev() {
        for row in (0..=column).rev() {
            let known: f64 =
                (column + 1..width).map(|later| corner[[row, later]] * corner[[column, later]]).sum();
            let rest = corner[[row, column]] - known;
            corner[[row, column]] = if row < column {
                rest / corner[[column, column]]
            } else if rest > 0.0 && rest.is_finite() {
                rest.sqrt()
            } else {
                return Err(CompressError::Reconstruct(format!(
                    "moments of input {} are not those of real inputs; raise the ridge",
                    start + column
                )));
            };
        }
        for row in column + 1..width {
            corner[[row, column]] = 0.0;
        }
    }
    let corner: Vec<f64> = corner.iter().copied().collect();
    for mut row in above.rows_mut() {
        let row = row.as_slice_mut().expect("rows are contiguous");
        for column in (0..width).rev() {
            let factors = &corner[column * width..(column + 1) * width];
            let known: f64 =
                row[column + 1..].iter().zip(&factors[column + 1..]).map(|(x, factor)| x * factor).sum();
            row[column] = (row[column] - known) / factors[column];
        }
    }
    Ok(())
}

/// Makes columns `start..end` those of `U`; the ones before are so already.
fn invert_columns(matrix: &mut Array2<f64>, start: usize, end: usize) {
    matrix.slice_mut(s![end.., start..end]).fill(0.0);
    invert_corner(&mut matrix.slice_mut(s![start..end, start..end]));
    let (left, right) = matrix.view_mut().split_at(Axis(1), start);
    let (mut above, below) = right.slice_move(s![.., ..end - start]).split_at(Axis(0), start);
    let corner = below.slice_move(s![..end - start, ..]);
    // Row blocks in order: each reads only the rows of `R` from its own first one on.
    for first in (0..start).step_by(BLOCK) {
        let rows = first..(first + BLOCK).min(start);
        let product = left.slice(s![rows.clone(), first..]).dot(&above.slice(s![first.., ..]));
        general_mat_mul(-1.0, &product, &corner, 0.0, &mut above.slice_mut(s![rows, ..]));
    }
}

/// Inverts an upper triangular matrix in place.
fn invert_corner(corner: &mut ArrayViewMut2<'_, f64>) {
    for column in 0..corner.ncols() {
        let inverse = 1.0 / corner[[column, column]];
        for row in 0..column {
            let sum: f64 = (row..column).map(|mid| corner[[row, mid]] * corner[[mid, column]]).sum();
            corner[[row, column]] = -sum * inverse;
        }
        corner[[column, column]] = inverse;
    }
}
