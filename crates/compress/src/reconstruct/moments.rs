//! Second moments of a layer's input, accumulated fast.

use graph::Moments;
use ndarray::{ArrayView2, ArrayViewMut2, linalg::general_mat_mul, s};

use crate::CompressError;

/// Pixels whose products are summed in single precision before they join the double-precision sums.
const CHUNK_PIXELS: usize = 512;
/// Columns of the Gram matrix that are computed together, from the diagonal down.
const TILE: usize = 192;

/// Inputs of a layer that is reconstructed, at most: its moments then take 320 MiB.
pub const MAX_INPUTS: usize = 4096;

/// Accumulates [`Moments`] from rows of inputs.
///
/// ```text
/// for each pixel: gram += x_c x_cᵀ; cross += x_c x_fᵀ; sums += x
/// ```
/// The real one multiplies 512 pixels at a time as matrices in single precision, of the Gram matrix one triangle, and adds the
/// products in double precision. The relative error of a sum of squares is below `512 * 2^-24 = 3e-5`.
#[derive(Clone, Debug)]
pub struct MomentsBuilder {
    moments: Moments,
    products: Vec<f32>,
}

impl MomentsBuilder {
    /// Nothing seen yet of `k` inputs, at most [`MAX_INPUTS`] where they come from outside: `20 k²` bytes.
    pub fn new(k: usize) -> Self {
        Self { moments: Moments::new(k), products: vec![0.0; k * k] }
    }

    /// Takes in the same pixels from both streams: `compressed` and `float` are `[pixels, k]`, `nhwc`.
    ///
    /// # Errors
    /// [`CompressError::Reconstruct`] when the lengths differ or are not whole pixels, [`CompressError::NotFinite`] for
    /// NaN or infinite inputs; the moments are then unchanged.
    pub fn observe(&mut self, compressed: &[f32], float: &[f32]) -> Result<(), CompressError> {
        let k = self.moments.k;
        if compressed.len() != float.len() || k == 0 || !compressed.len().is_multiple_of(k) {
            return Err(CompressError::Reconstruct(format!(
                "{} and {} inputs, expected the same whole number of pixels of {k}",
                compressed.len(),
                float.len()
            )));
        }
        if compressed.iter().chain(float).any(|x| !x.is_finite()) {
            return Err(CompressError::NotFinite("inputs of a layer".to_owned()));
        }
        let chunk = CHUNK_PIXELS * k;
        for (compressed, float) in compressed.chunks(chunk).zip(float.chunks(chunk)) {
            self.observe_chunk(compressed, float);
        }
        self.moments.n_samples += (compressed.len() / k) as u64;
        Ok(())
    }

    /// Takes in what another summand of the layer's output lacks in the compressed stream, at the pixels of the
    /// [`Self::observe`] before: `compressed` as there, `lacking` `[pixels, n_out]`, float minus compressed.
    ///
    /// # Errors
    /// As [`Self::observe`].
    pub fn observe_lacking(&mut self, compressed: &[f32], lacking: &[f32]) -> Result<(), CompressError> {
        let k = self.moments.k;
        let n_pixels = compressed.len() / k.max(1);
        let n_out = lacking.len() / n_pixels.max(1);
        let before = self.moments.lacking_sums.len();
        if lacking.len() != n_pixels * n_out || (before != n_out && before != 0) {
            return Err(CompressError::Reconstruct(format!(
                "{} values beside {n_pixels} pixels of {before} outputs",
                lacking.len()
            )));
        }
        if lacking.iter().any(|x| !x.is_finite()) {
            return Err(CompressError::NotFinite("outputs of a layer".to_owned()));
        }
        self.moments.lacking.resize(n_out * k, 0.0);
        self.moments.lacking_sums.resize(n_out, 0.0);
        let chunks = compressed.chunks(CHUNK_PIXELS * k).zip(lacking.chunks((CHUNK_PIXELS * n_out).max(1)));
        for (compressed, lacking) in chunks {
            let matrix = |rows, width| {
                ArrayView2::from_shape((compressed.len() / k, width), rows).expect("whole pixels")
            };
            let products = matrix(lacking, n_out).t().dot(&matrix(compressed, k));
            for (sum, product) in self.moments.lacking.iter_mut().zip(&products) {
                *sum += f64::from(*product);
            }
        }
        add_rows(&mut self.moments.lacking_sums, lacking);
        Ok(())
    }

    fn observe_chunk(&mut self, compressed: &[f32], float: &[f32]) {
        let Moments { k, gram, cross, compressed_sums, float_sums, .. } = &mut self.moments;
        let k = *k;
        let matrix = |rows| ArrayView2::from_shape((compressed.len() / k, k), rows).expect("whole pixels");
        let x = matrix(compressed);
        let mut products =
            ArrayViewMut2::from_shape((k, k), &mut self.products).expect("as many as the Gram matrix");
        for first in (0..k).step_by(TILE) {
            let tile = first..(first + TILE).min(k);
            let below = products.slice_mut(s![first.., tile.clone()]);
            multiply(x.slice(s![.., first..]), x.slice(s![.., tile]), below);
        }
        for (row, (sums, products)) in gram.chunks_exact_mut(k).zip(products.rows()).enumerate() {
            add(&mut sums[..=row], products.as_slice().expect("rows are contiguous"));
        }
        add_rows(compressed_sums, compressed);
        multiply(x, matrix(float), products.view_mut());
        add(cross, &self.products);
        add_rows(float_sums, float);
    }

    /// What was seen.
    pub fn finish(self) -> Moments {
        let mut moments = self.moments;
        let k = moments.k;
        for row in 0..k {
            for column in 0..row {
                moments.gram[column * k + row] = moments.gram[row * k + column];
            }
        }
        moments
    }
}

/// `product = aᵀ b`, summed over rows.
fn multiply(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>, mut product: ArrayViewMut2<'_, f32>) {
    general_mat_mul(1.0, &a.t(), &b, 0.0, &mut product);
}

/// Adds as many as there are sums.
fn add(sums: &mut [f64], terms: &[f32]) {
    for (sum, term) in sums.iter_mut().zip(terms) {
        *sum += f64::from(*term);
    }
}

fn add_rows(sums: &mut [f64], rows: &[f32]) {
    for row in rows.chunks_exact(sums.len()) {
        add(sums, row);
    }
}
