//! What least squares needs to know of a layer's input.

/// Second moments of a layer's input, seen in two streams: in the model whose earlier layers are already compressed, and
/// in the float model, at the same places of the same pictures.
///
/// From these alone follow the output error of any weights `T` against the float layer's `W`:
/// `Σ |T x_c - W x_f|²`, its minimum over `T`, and the biases that keep the mean output.
///
/// Source: Hassibi & Stork 1993 for the role of the Gram matrix; two streams as in Nagel et al. 2020
/// (arXiv 2004.10568), section 4.2, "asymmetric reconstruction".
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    /// Inputs of the layer: the length of its reduction.
    pub k: usize,
    /// Pixels seen, in all pictures together.
    pub n_samples: u64,
    /// `Σ x_c x_cᵀ`, `[k, k]`, both triangles.
    pub gram: Vec<f64>,
    /// `Σ x_c x_fᵀ`, `[k, k]`: rows are the compressed model's inputs, columns the float model's.
    pub cross: Vec<f64>,
    /// `Σ x_c`, `[k]`.
    pub compressed_sums: Vec<f64>,
    /// `Σ x_f`, `[k]`.
    pub float_sums: Vec<f64>,
    /// Where the layer's output is added to another activation `s`: `Σ (s_f - s_c) x_cᵀ`, `[n_out, k]`, what the other one lacks
    /// in the compressed model. Empty where nothing is added.
    pub lacking: Vec<f64>,
    /// `Σ (s_f - s_c)`, `[n_out]`, or empty.
    pub lacking_sums: Vec<f64>,
}

impl Moments {
    /// Nothing seen yet of `k` inputs.
    pub fn new(k: usize) -> Self {
        Self {
            k,
            n_samples: 0,
            gram: vec![0.0; k * k],
            cross: vec![0.0; k * k],
            compressed_sums: vec![0.0; k],
            float_sums: vec![0.0; k],
            lacking: Vec::new(),
            lacking_sums: Vec::new(),
        }
    }

    /// The mean of each input in the compressed model; zeros where nothing was seen.
    pub fn compressed_means(&self) -> Vec<f64> {
        self.means(&self.compressed_sums)
    }

    /// The mean of each input in the float model; zeros where nothing was seen.
    pub fn float_means(&self) -> Vec<f64> {
        self.means(&self.float_sums)
    }

    fn means(&self, sums: &[f64]) -> Vec<f64> {
        sums.iter().map(|sum| sum / self.n_samples.max(1) as f64).collect()
    }
}
