//! float32 matrix product with packed weights: 1x1 convolutions, classifiers, and the inside of other convolutions.
//!
//! The tile is 4 rows by 8 columns: 8 accumulators, 2 weight vectors and 4 splatted activations fill a browser's 16
//! vector registers, and larger tiles spill.

use crate::KernelError;
use crate::elementwise::Clamp;
use crate::error::{check_fits, check_len};
use crate::lanes::F32x4;

/// Rows of the tile.
const MR: usize = 4;
/// Columns of the tile: output channels of a panel.
pub(crate) const NR: usize = 8;
/// Activations (in floats) whose rows are multiplied with one panel before the next panel: 128 kB, a part of L2.
const ROWS_FLOATS: usize = 1 << 15;

/// Weights `[n, k]` packed for [`gemm_f32`] in panels of eight output channels.
///
/// ```text
/// panel 0:  w[0][0] w[1][0] … w[7][0]   w[0][1] … w[7][1]   …   w[0][k-1] … w[7][k-1]
/// panel 1:  w[8][0] …
/// ```
/// The last panel is filled up with zeros.
#[derive(Clone, Debug, PartialEq)]
pub struct PackedWeightsF32 {
    panels: Vec<[f32; NR]>,
    n: usize,
    k: usize,
}

impl PackedWeightsF32 {
    /// Packs `weights`, `[n, k]` row-major.
    ///
    /// # Errors
    /// [`KernelError::Length`] when `weights` does not hold `n * k` values.
    pub fn pack(weights: &[f32], n: usize, k: usize) -> Result<Self, KernelError> {
        check_len("weights", weights.len(), n * k)?;
        let value = |o: usize, kk: usize| if o < n { weights[o * k + kk] } else { 0.0 };
        let panels = (0..n.div_ceil(NR))
            .flat_map(|panel| {
                (0..k).map(move |kk| std::array::from_fn(|column| value(panel * NR + column, kk)))
            })
            .collect();
        Ok(Self { panels, n, k })
    }

    /// Output channels.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Length of the reduction.
    pub fn k(&self) -> usize {
        self.k
    }

    /// Bytes of the packed weights.
    pub fn bytes(&self) -> usize {
        size_of_val(self.panels.as_slice())
    }
}

/// `c = clamp(a * weightsᵀ + bias + residual)`.
///
/// - `a`: `[m, k]`; `weights`: `[n, k]`, packed; `bias`: `[n]`; `residual`: `[m, n]` or none; `c`: `[m, n]`,
///   overwritten.
/// - Sums run over `k` in order, starting from the bias, in one accumulator for each output.
///
/// # Errors
/// [`KernelError::Length`] for a slice of the wrong length.
pub fn gemm_f32(
    m: usize,
    a: &[f32],
    weights: &PackedWeightsF32,
    bias: &[f32],
    residual: Option<&[f32]>,
    clamp: Clamp,
    c: &mut [f32],
) -> Result<(), KernelError> {
    let PackedWeightsF32 { n, k, .. } = *weights;
    check_len("a", a.len(), m * k)?;
    check_len("bias", bias.len(), n)?;
    check_len("c", c.len(), m * n)?;
    if let Some(residual) = residual {
        check_len("residual", residual.len(), m * n)?;
    }
    if n == 0 || m == 0 {
        return Ok(());
    }
    check_fits("reduction", k.min(1), 1)?;

    let block = (ROWS_FLOATS / k / MR).max(1) * MR;
    let blocks = a.chunks(block * k).zip(c.chunks_mut(block * n));
    for (idx, (a, c)) in blocks.enumerate() {
        let residual = residual.map(|residual| &residual[idx * block * n..][..c.len()]);
        for (panel, b) in weights.panels.chunks_exact(k).enumerate() {
            let epilogue = Epilogue::new(bias, panel * NR, n, clamp);
            let (full, rest) = a.split_at(a.len() / (MR * k) * MR * k);
            for (row, a) in full.chunks_exact(MR * k).enumerate() {
                epilogue.finish(tile::<MR>(a, b, &epilogue), row * MR, residual, c);
            }
            let row = full.len() / k;
            match rest.len() / k {
                1 => epilogue.finish(tile::<1>(rest, b, &epilogue), row, residual, c),
                2 => epilogue.finish(tile::<2>(rest, b, &epilogue), row, residual, c),
                3 => epilogue.finish(tile::<3>(rest, b, &epilogue), row, residual, c),
                _ => {}
            }
        }
    }
    Ok(())
}

/// `R` rows of `a` times one panel.
#[inline(always)]
fn tile<const R: usize>(a: &[f32], b: &[[f32; NR]], epilogue: &Epilogue) -> [[F32x4; 2]; R] {
    let k = b.len();
    let rows: [&[f32]; R] = std::array::from_fn(|row| &a[row * k..][..k]);
    let mut acc = [epilogue.bias; R];
    for (kk, b) in b.iter().enumerate() {
        let [b0, b1] = halves(b);
        for row in 0..R {
            let x = F32x4::splat(rows[row][kk]);
            acc[row] = [x.mul_add(b0, acc[row][0]), x.mul_add(b1, acc[row][1])];
        }
    }
    acc
}

#[inline(always)]
fn halves(vector: &[f32; NR]) -> [F32x4; 2] {
    let [low, high] = vector.as_chunks::<4>().0 else { unreachable!("eight is two fours") };
    [F32x4::load(low), F32x4::load(high)]
}

/// What happens to a tile's accumulators, for one panel.
struct Epilogue {
    bias: [F32x4; 2],
    min: F32x4,
    max: F32x4,
    first_column: usize,
    columns: usize,
    n: usize,
}

impl Epilogue {
    fn new(bias: &[f32], first_column: usize, n: usize, clamp: Clamp) -> Self {
        let columns = (n - first_column).min(NR);
        let mut padded = [0.0; NR];
        padded[..columns].copy_from_slice(&bias[first_column..][..columns]);
        let (min, max) = (F32x4::splat(clamp.min), F32x4::splat(clamp.max));
        Self { bias: halves(&padded), min, max, first_column, columns, n }
    }

    #[inline(always)]
    fn finish<const R: usize>(
        &self,
        acc: [[F32x4; 2]; R],
        first_row: usize,
        residual: Option<&[f32]>,
        c: &mut [f32],
    ) {
        for (row, mut acc) in acc.into_iter().enumerate() {
            let start = (first_row + row) * self.n + self.first_column;
            let mut out = [0.0; NR];
            if let Some(residual) = residual {
                let mut summand = [0.0; NR];
                summand[..self.columns].copy_from_slice(&residual[start..][..self.columns]);
                let [low, high] = halves(&summand);
                acc = [acc[0].add(low), acc[1].add(high)];
            }
            let ([low, high], []) = out.as_chunks_mut::<4>() else { unreachable!("eight is two fours") };
            acc[0].clamp(self.min, self.max).store(low);
            acc[1].clamp(self.min, self.max).store(high);
            if self.columns == NR {
                c[start..][..NR].copy_from_slice(&out);
            } else {
                c[start..][..self.columns].copy_from_slice(&out[..self.columns]);
            }
        }
    }
}
