//! The recipe: what is done to a model, in which order, and in which form the result ships.
//!
//! A recipe is data. It is written as JSON with a version, and a key that this version does not know is refused
//! rather than ignored, so that nobody believes a step has run that has not.

use serde::{Deserialize, Serialize};

use crate::CompressError;

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
    /// Sets the weights of smallest magnitude to zero, over all 1x1 convolutions and linear layers together.
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
    /// Every weight by its probability: the smallest file.
    EntropyCoded,
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

impl Step {
    /// The pass's name as the JSON spells it.
    pub fn pass(&self) -> &'static str {
        match self {
            Self::PruneMagnitude { .. } => "prune-magnitude",
            Self::Float16 => "float16",
            Self::QuantizeInt8 => "quantize-int8",
        }
    }

    /// True where the step needs ranges of activations.
    pub fn needs_calibration(&self) -> bool {
        match self {
            Self::QuantizeInt8 => true,
            Self::PruneMagnitude { .. } | Self::Float16 => false,
        }
    }
}

impl Recipe {
    /// Checks version, parameters and order.
    ///
    /// # Errors
    /// [`CompressError::Version`], [`CompressError::Sparsity`], and [`CompressError::Order`] where a step follows
    /// one that it would undo: any step after a change of number format.
    pub fn validate(&self) -> Result<(), CompressError> {
        if self.version != RECIPE_VERSION {
            return Err(CompressError::Version(self.version));
        }
        let mut formatted = None;
        for (idx, step) in self.steps.iter().enumerate() {
            if let Some(earlier) = formatted {
                return Err(CompressError::Order { step: idx + 1, pass: step.pass(), earlier });
            }
            match step {
                Step::PruneMagnitude { sparsity } if !(0.0..=MAX_SPARSITY).contains(sparsity) => {
                    return Err(CompressError::Sparsity(*sparsity));
                }
                Step::PruneMagnitude { .. } => {}
                Step::Float16 | Step::QuantizeInt8 => formatted = Some(step.pass()),
            }
        }
        Ok(())
    }

    /// The number format of the result.
    pub fn number_format(&self) -> NumberFormat {
        self.steps.iter().fold(NumberFormat::Float32, |format, step| match step {
            Step::PruneMagnitude { .. } => format,
            Step::Float16 => NumberFormat::Float16,
            Step::QuantizeInt8 => NumberFormat::Int8,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_stable_names_and_refuses_unknown_keys() {
        let recipe = Recipe::from_controls(NumberFormat::Int8, 0.5);
        let json = serde_json::to_string(&recipe).unwrap();
        let expected = r#"{"version":1,"steps":[{"pass":"prune-magnitude","sparsity":0.5},{"pass":"quantize-int8"}],"storage":"sparse-coded"}"#;
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_str::<Recipe>(&json).unwrap(), recipe);
        let coded = Recipe { storage: Storage::EntropyCoded, ..recipe.clone() };
        let json_of_coded = json.replace("sparse-coded", "entropy-coded");
        assert_eq!(serde_json::from_str::<Recipe>(&json_of_coded).unwrap(), coded);
        for wrong in [
            json.replace("sparsity", "sparsitty"),
            json.replace("\"storage\"", "\"stroage\""),
            json.replace("quantize-int8", "quantize-int9"),
        ] {
            assert!(serde_json::from_str::<Recipe>(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn wrong_versions_orders_and_sparsities_are_refused() {
        let recipe = |steps| Recipe { version: RECIPE_VERSION, steps, storage: Storage::Plain };
        assert_eq!(Recipe { version: 2, ..recipe(vec![]) }.validate(), Err(CompressError::Version(2)));
        for sparsity in [-0.1, 0.96, f64::NAN] {
            let error = recipe(vec![Step::PruneMagnitude { sparsity }]).validate().unwrap_err();
            assert!(matches!(error, CompressError::Sparsity(_)));
        }
        let late = recipe(vec![Step::QuantizeInt8, Step::PruneMagnitude { sparsity: 0.5 }]);
        assert_eq!(
            late.validate().unwrap_err().to_string(),
            "step 2 (prune-magnitude) comes after quantize-int8, whose gain it would destroy; move it before"
        );
        for format in [NumberFormat::Float32, NumberFormat::Float16, NumberFormat::Int8] {
            for sparsity in [0.0, 0.3, MAX_SPARSITY] {
                let recipe = Recipe::from_controls(format, sparsity);
                recipe.validate().unwrap();
                assert_eq!(recipe.number_format(), format);
            }
        }
    }
}
