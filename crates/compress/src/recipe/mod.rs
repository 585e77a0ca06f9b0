//! The recipe: what is done to a model, in which order, and in which form the result ships.
//!
//! A recipe is data. It is written as JSON with a version, and a key that this version does not know is refused
//! rather than ignored, so that nobody believes a step has run that has not.

mod presets;
mod step;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use presets::PRESETS;
pub use step::{ClusterGranularity, Distribution, Granularity, RangeMethod, Repair, Step, Structure};

use crate::CompressError;

/// The version of the recipe's JSON that this code reads and writes.
pub const RECIPE_VERSION: u32 = 2;

/// The largest share of zeros a recipe may ask for.
pub const MAX_SPARSITY: f64 = 0.95;

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
    /// Every tensor entropy-coded where this is smaller.
    EntropyCoded,
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

/// What a valid recipe gives away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// Zeros are stored like any other weight.
    ZerosStoredPlain,
    /// Dead channels are removed after equalization, which their weights have misled.
    DeadChannelsAfterEqualization {
        /// Position of the step, from 1.
        step: usize,
    },
    /// Activations get their ranges before a step that changes them.
    RangesBeforeChange {
        /// Position of the step that changes them, from 1.
        step: usize,
    },
}

impl Recipe {
    /// A recipe without steps: the model as it is.
    pub fn identity() -> Self {
        Self { version: RECIPE_VERSION, steps: Vec::new(), storage: Storage::Plain }
    }

    /// Reads a recipe and checks it.
    ///
    /// # Errors
    /// [`CompressError::Json`] with the place of what is not a recipe, and what [`Recipe::validate`] refuses.
    pub fn from_json(json: &str) -> Result<Self, CompressError> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let recipe: Self = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
            CompressError::Json { place: error.path().to_string(), detail: error.inner().to_string() }
        })?;
        deserializer.end().map_err(|error| CompressError::Json {
            place: "after the recipe".to_owned(),
            detail: error.to_string(),
        })?;
        recipe.validate()?;
        Ok(recipe)
    }

    /// The recipe of the page's two controls: a number format and a sparsity.
    ///
    /// Pruning comes first, so that the number format is chosen for the weights that remain. A pruned model ships
    /// sparse-coded, any other as a plain file.
    pub fn from_controls(format: NumberFormat, sparsity: f64) -> Self {
        let mut steps = Vec::new();
        if sparsity > 0.0 {
            steps.push(Step::Prune {
                sparsity,
                structure: Structure::Unstructured,
                distribution: Distribution::Global,
                repair: Repair::Off,
            });
        }
        match format {
            NumberFormat::Float32 => {}
            NumberFormat::Float16 => steps.push(Step::Float16 {}),
            NumberFormat::Int8 => steps.extend([
                Step::QuantizeActivations { ranges: RangeMethod::MinMax },
                Step::QuantizeWeights {
                    bits: 8,
                    granularity: Granularity::PerChannel,
                    repair: Repair::Biases,
                    layers: BTreeMap::new(),
                },
            ]),
        }
        let storage = if sparsity > 0.0 { Storage::SparseCoded } else { Storage::Plain };
        Self { version: RECIPE_VERSION, steps, storage }
    }

    /// Checks version, parameters and order.
    ///
    /// # Errors
    /// [`CompressError::Version`], [`CompressError::Sparsity`], [`CompressError::Parameter`] for other parameters out of
    /// their range, and [`CompressError::Order`] where a step would undo an earlier one: one that changes weights after
    /// they got their form, or the scales of channels after activations got theirs.
    pub fn validate(&self) -> Result<(), CompressError> {
        if self.version != RECIPE_VERSION {
            return Err(CompressError::Version(self.version));
        }
        let (mut formed, mut ranged) = (None, None);
        for (number, step) in (1..).zip(&self.steps) {
            check_parameters(number, step)?;
            let undone = match step {
                Step::RemoveDeadChannels {} | Step::Equalize {} => formed.or(ranged),
                Step::Prune { .. } => formed,
                Step::Cluster { .. }
                | Step::QuantizeWeights { .. }
                | Step::QuantizeForSize { .. }
                | Step::Float16 {}
                | Step::Bfloat16 {} => formed,
                Step::QuantizeActivations { .. } => ranged,
                Step::CorrectBiases {} => None,
            };
            if let Some(earlier) = undone {
                return Err(CompressError::Order { step: number, pass: step.pass(), earlier });
            }
            if step.forms_weights() {
                formed = Some(step.pass());
            }
            if matches!(step, Step::QuantizeActivations { .. }) {
                ranged = Some(step.pass());
            }
        }
        Ok(())
    }

    /// What it gives away although it is valid.
    pub fn warnings(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        let (mut equalized, mut ranged, mut pruned) = (false, false, false);
        for (step, pass) in (1..).zip(&self.steps) {
            match pass {
                Step::RemoveDeadChannels {} if equalized => {
                    warnings.push(Warning::DeadChannelsAfterEqualization { step });
                }
                Step::Equalize {} => equalized = true,
                Step::QuantizeActivations { .. } => ranged = true,
                Step::Prune { .. } => {
                    pruned = true;
                    if ranged {
                        warnings.push(Warning::RangesBeforeChange { step });
                    }
                }
                Step::RemoveDeadChannels {}
                | Step::Cluster { .. }
                | Step::QuantizeWeights { .. }
                | Step::QuantizeForSize { .. }
                | Step::CorrectBiases {}
                | Step::Float16 {}
                | Step::Bfloat16 {} => {}
            }
        }
        if pruned && self.storage == Storage::Plain {
            warnings.push(Warning::ZerosStoredPlain);
        }
        warnings
    }

    /// The number format of the result.
    pub fn number_format(&self) -> NumberFormat {
        self.steps.iter().fold(NumberFormat::Float32, |format, step| match step {
            Step::Float16 {} | Step::Bfloat16 {} => NumberFormat::Float16,
            Step::QuantizeWeights { .. } | Step::QuantizeForSize { .. } => NumberFormat::Int8,
            Step::RemoveDeadChannels {}
            | Step::Equalize {}
            | Step::Prune { .. }
            | Step::Cluster { .. }
            | Step::QuantizeActivations { .. }
            | Step::CorrectBiases {} => format,
        })
    }
}

fn check_parameters(number: usize, step: &Step) -> Result<(), CompressError> {
    let refuse = |name, given: String, expected| {
        Err(CompressError::Parameter { step: number, pass: step.pass(), name, given, expected })
    };
    match step {
        Step::Prune { sparsity, .. } if !(0.0..=MAX_SPARSITY).contains(sparsity) => {
            Err(CompressError::Sparsity(*sparsity))
        }
        Step::Prune { sparsity, structure: Structure::TwoOfFour, .. } if *sparsity != 0.5 => {
            refuse("sparsity", sparsity.to_string(), "0.5, which is what 2:4 means")
        }
        Step::Cluster { clusters, .. } if !(2..=256).contains(clusters) => {
            refuse("clusters", clusters.to_string(), "2..=256")
        }
        Step::QuantizeWeights { bits, layers, .. } => {
            match layers.values().chain([bits]).find(|bits| ![8, 4, 2].contains(*bits)) {
                Some(bits) => refuse("bits", bits.to_string(), "8, 4 or 2"),
                None => Ok(()),
            }
        }
        Step::QuantizeForSize { noise } if !(1e-6..=10.0).contains(noise) => {
            refuse("noise", noise.to_string(), "1e-6..=10")
        }
        Step::RemoveDeadChannels {}
        | Step::Equalize {}
        | Step::Prune { .. }
        | Step::Cluster { .. }
        | Step::QuantizeForSize { .. }
        | Step::QuantizeActivations { .. }
        | Step::CorrectBiases {}
        | Step::Float16 {}
        | Step::Bfloat16 {} => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_stable_names_and_refuses_unknown_keys_with_their_place() {
        let recipe = Recipe::from_controls(NumberFormat::Int8, 0.5);
        let json = serde_json::to_string(&recipe).unwrap();
        let expected = r#"{"version":2,"steps":[{"pass":"prune","sparsity":0.5,"structure":"unstructured","distribution":"global","repair":"off"},{"pass":"quantize-activations","ranges":"min-max"},{"pass":"quantize-weights","bits":8,"granularity":"per-channel","repair":"biases"}],"storage":"sparse-coded"}"#;
        assert_eq!(json, expected);
        assert_eq!(Recipe::from_json(&json).unwrap(), recipe);
        for (wrong, place) in [
            (json.replace("\"sparsity\"", "\"sparsitty\""), "steps[0]"),
            (json.replace("\"storage\"", "\"stroage\""), "stroage"),
            (json.replace("quantize-weights", "quantize-wheights"), "steps[2]"),
            (json.replace("\"ranges\":\"min-max\"", "\"ranges\":\"max-min\""), "steps[1]"),
        ] {
            let error = Recipe::from_json(&wrong).unwrap_err().to_string();
            assert!(error.contains(place), "{error} does not name {place}");
        }
        // Steps without parameters refuse keys as well.
        let extra = r#"{"version":2,"steps":[{"pass":"float16","bits":8}],"storage":"plain"}"#;
        assert!(Recipe::from_json(extra).unwrap_err().to_string().contains("bits"));
        assert!(Recipe::from_json(&format!("{json} {{}}")).is_err());
    }

    #[test]
    fn parameters_have_defaults() {
        let json = r#"{"version":2,"steps":[{"pass":"quantize-weights","bits":4}],"storage":"plain"}"#;
        let recipe = Recipe::from_json(json).unwrap();
        let Step::QuantizeWeights { granularity, repair, .. } = &recipe.steps[0] else {
            panic!("{recipe:?}")
        };
        assert_eq!((*granularity, *repair), (Granularity::PerChannel, Repair::Off));
    }

    fn recipe(steps: Vec<Step>) -> Recipe {
        Recipe { version: RECIPE_VERSION, steps, storage: Storage::Plain }
    }

    fn prune(sparsity: f64) -> Step {
        let Step::Prune { structure, distribution, repair, .. } =
            Recipe::from_controls(NumberFormat::Float32, 0.1).steps[0]
        else {
            panic!("the first step prunes")
        };
        Step::Prune { sparsity, structure, distribution, repair }
    }

    #[test]
    fn wrong_versions_parameters_and_orders_are_refused() {
        assert_eq!(Recipe { version: 1, ..recipe(vec![]) }.validate(), Err(CompressError::Version(1)));
        for sparsity in [-0.1, 0.96, f64::NAN] {
            let error = recipe(vec![prune(sparsity)]).validate().unwrap_err();
            assert!(matches!(error, CompressError::Sparsity(_)));
        }
        let bits = |bits| Step::QuantizeWeights {
            bits,
            granularity: Granularity::PerChannel,
            repair: Repair::Off,
            layers: BTreeMap::new(),
        };
        let clusters =
            Step::Cluster { clusters: 1, granularity: ClusterGranularity::PerTensor, repair: Repair::Off };
        for step in [bits(7), clusters] {
            assert!(matches!(recipe(vec![step]).validate(), Err(CompressError::Parameter { step: 1, .. })));
        }
        let late = recipe(vec![bits(8), prune(0.5)]);
        assert_eq!(
            late.validate().unwrap_err().to_string(),
            "step 2 (prune) comes after quantize-weights, whose gain it would destroy; move it before"
        );
        let activations = Step::QuantizeActivations { ranges: RangeMethod::MinMax };
        let late = recipe(vec![activations.clone(), Step::Equalize {}]);
        assert!(matches!(late.validate(), Err(CompressError::Order { step: 2, .. })));
        assert!(recipe(vec![Step::Float16 {}, Step::Bfloat16 {}]).validate().is_err());
        assert!(recipe(vec![activations, bits(8), Step::CorrectBiases {}]).validate().is_ok());
    }

    #[test]
    fn what_is_given_away_is_said() {
        assert_eq!(recipe(vec![prune(0.5)]).warnings(), [Warning::ZerosStoredPlain]);
        let order = recipe(vec![Step::Equalize {}, Step::RemoveDeadChannels {}]);
        assert_eq!(order.warnings(), [Warning::DeadChannelsAfterEqualization { step: 2 }]);
        for name in PRESETS {
            assert_eq!(Recipe::preset(name).unwrap().warnings(), [], "{name}");
        }
    }

    #[test]
    fn controls_give_the_format_they_show() {
        for format in [NumberFormat::Float32, NumberFormat::Float16, NumberFormat::Int8] {
            for sparsity in [0.0, 0.3, MAX_SPARSITY] {
                let recipe = Recipe::from_controls(format, sparsity);
                recipe.validate().unwrap();
                assert_eq!(recipe.number_format(), format);
            }
        }
    }
}
