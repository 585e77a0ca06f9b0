//! Biases that keep the mean output.

use graph::Moments;

use super::curvature::check_rows;
use crate::CompressError;

/// The biases with which compressed weights give the float layer's mean output: `b + W mean(x_f) - W' mean(x_c)`.
///
/// - `float`: `W`, `compressed`: `W'` as they will ship, both `[n_out, k]`; `biases`: `b`, `[n_out]`.
///
/// # Errors
/// [`CompressError::Reconstruct`] for lengths that do not fit, [`CompressError::NotFinite`] for weights or results that
/// are not finite.
///
/// Source: Nagel et al. 2019 (arXiv 1906.04721), section 4.2, with measured means of both streams.
pub fn corrected_biases(
    float: &[f32],
    compressed: &[f32],
    biases: &[f32],
    moments: &Moments,
) -> Result<Vec<f32>, CompressError> {
    let k = moments.k;
    let n_out = check_rows(float, k)?;
    check_rows(compressed, k)?;
    if compressed.len() != float.len() || biases.len() != n_out {
        return Err(CompressError::Reconstruct(format!(
            "{} compressed weights and {} biases, expected {} and {n_out}",
            compressed.len(),
            biases.len(),
            float.len()
        )));
    }
    let (float_means, compressed_means) = (moments.float_means(), moments.compressed_means());
    let dot = |row: &[f32], means: &[f64]| row.iter().zip(means).map(|(w, m)| f64::from(*w) * m).sum::<f64>();
    let corrected: Vec<f32> = float
        .chunks_exact(k)
        .zip(compressed.chunks_exact(k))
        .zip(biases)
        .map(|((float, compressed), bias)| {
            (f64::from(*bias) + dot(float, &float_means) - dot(compressed, &compressed_means)) as f32
        })
        .collect();
    match corrected.iter().all(|bias| bias.is_finite()) {
        true => Ok(corrected),
        false => Err(CompressError::NotFinite("biases of a layer".to_owned())),
    }
}
