//! The recipe: what is done to a model, in which order, and in which form the result ships.
//!
//! A recipe is data. It is written as JSON with a version, and a key that this version does not know is refused
//! rather than ignored, so that nobody believes a step has run that has not.

use serde::{Deserialize, Serialize};

/// The version of the recipe's JSON that this code reads and writes.
pub const RECIPE_VERSION: u32 = 1;

/// An ordered list of steps and the form in which the result is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// [`RECIPE_VERSION`].
    pub version: u32,
    /// Steps in the order in which they run.
    pub steps: Vec<Step>,
    /// The form that ships.
    pub storage: Storage,
}

/// One pass with its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "pass", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Step {
    /// Sets the weights of smallest magnitude to zero, over all convolutions and the classifier together.
    PruneMagnitude {
        /// Share of the weights that becomes zero, `0.0..=0.95`.
        sparsity: f64,
    },
    /// Rounds every weight to half precision.
    Float16,
    /// Weights to int8 with one scale per output channel, activations to int8 with one scale and zero point per
    /// tensor from calibration frames; the result runs on integers.
    QuantizeInt8,
}

/// The form in which a model is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Storage {
    /// Every weight at its data type's width, zeros included.
    #[default]
    Plain,
    /// The plain file through gzip.
    Gzip,
    /// A bit mask and the weights that are not zero, for each tensor where this is smaller.
    SparseCoded,
}

/// The largest share of zeros a recipe may ask for.
pub const MAX_SPARSITY: f64 = 0.95;

impl Recipe {
    /// A recipe without steps: the model as it is.
    pub fn identity() -> Self {
        Self { version: RECIPE_VERSION, steps: Vec::new(), storage: Storage::Plain }
    }

    /// The recipe of the page's two controls: a number format and a sparsity.
    ///
    /// Pruning comes first, so that the number format is chosen for the weights that remain. A pruned model ships
    /// sparse-coded, any other as a plain file.
    pub fn from_controls(format: NumberFormat, sparsity: f64) -> Self {
        let mut steps = Vec::new();
        if sparsity > 0.0 {
            steps.push(Step::PruneMagnitude { sparsity });
        }
        match format {
            NumberFormat::Float32 => {}
            NumberFormat::Float16 => steps.push(Step::Float16),
            NumberFormat::Int8 => steps.push(Step::QuantizeInt8),
        }
        let storage = if sparsity > 0.0 { Storage::SparseCoded } else { Storage::Plain };
        Self { version: RECIPE_VERSION, steps, storage }
    }
}

/// The number format of a compressed model's weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NumberFormat {
    /// IEEE 754 single precision.
    Float32,
    /// IEEE 754 half precision.
    Float16,
    /// 8-bit integers.
    Int8,
}
