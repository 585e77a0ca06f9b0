//! What the page is told of both models.

use pipeline::{LayerFacts, NumberFormat, Recipe};
use serde::{Deserialize, Serialize};

use super::{Normalization, as_json};

/// The loaded model, as the page shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelFacts {
    /// Its name, e.g. `EfficientNet-Lite0`.
    pub name: String,
    /// Where it comes from, one line.
    pub origin: String,
    /// Its licence, one line; empty for an own file.
    pub licence: String,
    /// Bytes of the file it was read from.
    pub file_bytes: u64,
    /// Side of the square input, pixels.
    pub input_size: u32,
    /// Number of outputs that are classes (a background output is not counted).
    pub n_classes: u32,
    /// Weights and biases.
    pub n_parameters: u64,
    /// Multiply-adds per picture.
    pub n_multiply_adds: u64,
    /// Which labels name its classes.
    pub labels: Labels,
    /// True where the file did not say how pictures are prepared.
    pub normalization_assumed: bool,
    /// The preparation in use.
    pub normalization: Normalization,
    /// Bytes of the original written as a plain file with the weights it runs with (float32, unless the user's own
    /// file holds others). The bundled model's own file is half of that: it is kept in half precision.
    pub shipped_bytes: u64,
    /// Its layers, with their bytes in that plain file.
    pub layers: Vec<LayerFacts>,
}

/// A set of class names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Labels {
    /// `labels/everyday-60.json`.
    Everyday60,
    /// `labels/imagenet.json`.
    ImageNet,
    /// None known: classes are shown by number.
    Numbers,
}

/// Bytes of one model in four forms, each counted from the file that would be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    /// Every weight at full width.
    pub dense: u64,
    /// The dense file through gzip.
    pub gzip: u64,
    /// Masks and non-zero weights.
    pub sparse: u64,
    /// Entropy-coded.
    pub coded: u64,
    /// The form that ships: one of the four above.
    pub shipped: u64,
}

/// The compressed model, as the page shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompressedFacts {
    /// The recipe that made it.
    #[serde(with = "as_json")]
    pub recipe: Recipe,
    /// Its sizes.
    pub sizes: Sizes,
    /// How its weights are stored and executed.
    pub format: NumberFormat,
    /// Share of zeros among the weights of convolutions and classifier, 0..1, counted after the recipe.
    pub sparsity: f64,
    /// Mean bits of each weight by the entropy of its layer's levels or codes, where it has such.
    pub entropy_bits: Option<f64>,
    /// Time the recipe took, milliseconds.
    pub millis: f64,
    /// Frames that calibrated it, 0 where the recipe needs none.
    pub n_calibration: u32,
    /// Where they came from.
    pub calibration: CalibrationSource,
    /// Its layers, with their bytes in the file that ships; in the plain file inside where that is a gzip file.
    pub layers: Vec<LayerFacts>,
    /// What each step left, in the recipe's order.
    pub steps: Vec<StepFacts>,
}

/// The model behind a step of the recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepFacts {
    /// Length of the plain file.
    pub bytes: u64,
    /// Weights that are zero.
    pub zeros: u64,
    /// Multiply-adds for a picture.
    pub multiply_adds: u64,
}

/// Where calibration frames came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CalibrationSource {
    /// The recipe needed none.
    None,
    /// The frames seen last.
    Frames,
    /// Views of the built-in pictures.
    BuiltIn,
}
