//! The recipe: what is done to a model, in which order, and in which form the result ships.
//!
//! A recipe is data. It is written as JSON with a version, and a key that this version does not know is refused
//! rather than ignored, so that nobody believes a step has run that has not.

mod presets;
mod step;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use presets::PRESETS;
pub use step::{
    ClusterGranularity, Distribution, Granularity, RangeMethod, Repair, Schedule, Step, Structure,
};

use crate::CompressError;

/// The version of the recipe's JSON that this code reads and writes.
pub const RECIPE_VERSION: u32 = 2;

/// The largest share of zeros a recipe may ask for.
pub const MAX_SPARSITY: f64 = 0.95;

/// What a recipe may ask for.
const SPARSITIES: std::ops::RangeInclusive<f64> = 0.0..=MAX_SPARSITY;

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
    /// Channels are removed after weights were pruned: the pruning's work on those channels was for nothing, and later
    /// repairs aim at the pruned network.
    ChannelsAfterPruning {
        /// Position of the step that removes channels, from 1.
        step: usize,
    },
    /// Channels' scales or constants move after a step that lost something: later repairs aim at what is left by then.
    RewriteAfterLoss {
        /// Position of the step that moves them, from 1.
        step: usize,
        /// The pass that lost something.
        earlier: &'static str,
    },
    /// The step is inexact, and its loss is not made up for.
    Inexact {
        /// Position of the step, from 1.
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
            steps.push(Step::prune(sparsity));
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
    /// they got their form, or the scales of channels after activations got theirs. [`CompressError::Repeated`] for a second
    /// pruning, [`CompressError::Folded`] where batch norms are to be re-estimated after a step that folds them.
    pub fn validate(&self) -> Result<(), CompressError> {
        if self.version != RECIPE_VERSION {
            return Err(CompressError::Version(self.version));
        }
        let (mut formed, mut ranged, mut folded, mut pruned) = (None, None, None, None);
        for (number, step) in (1..).zip(&self.steps) {
            check_parameters(number, step)?;
            if let (Step::ReestimateBatchNorms {}, Some(earlier)) = (step, folded) {
                return Err(CompressError::Folded { step: number, pass: step.pass(), earlier });
            }
            if let (Step::Prune { .. }, Some(earlier)) = (step, pruned) {
                return Err(CompressError::Repeated { step: number, pass: step.pass(), earlier });
            }
            let undone = match step {
                Step::RemoveDeadChannels {}
                | Step::Equalize {}
                | Step::AbsorbBiases {}
                | Step::RemoveChannels { .. } => formed.or(ranged),
                Step::Prune { .. } | Step::RepairStatistics {} | Step::ReestimateBatchNorms {} => formed,
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
            if step.folds_batch_norms() {
                folded = folded.or(Some(step.pass()));
            }
            if matches!(step, Step::Prune { .. }) {
                pruned = Some(number);
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
        let (mut equalized, mut ranged, mut pruned, mut lossy) = (false, false, false, None);
        for (step, pass) in (1..).zip(&self.steps) {
            if let (true, Some(earlier)) = (pass.moves_channels(), lossy) {
                warnings.push(Warning::RewriteAfterLoss { step, earlier });
            }
            if pass.loses() {
                lossy = Some(pass.pass());
            }
            match pass {
                Step::RemoveDeadChannels {} if equalized => {
                    warnings.push(Warning::DeadChannelsAfterEqualization { step });
                }
                Step::Equalize {} => equalized = true,
                Step::AbsorbBiases {} => warnings.push(Warning::Inexact { step }),
                Step::RemoveChannels { .. } if pruned => {
                    warnings.push(Warning::ChannelsAfterPruning { step });
                }
                Step::RepairStatistics {} if ranged => {
                    warnings.push(Warning::RangesBeforeChange { step });
                }
                Step::QuantizeActivations { .. } => ranged = true,
                Step::Prune { .. } => {
                    pruned = true;
                    if ranged {
                        warnings.push(Warning::RangesBeforeChange { step });
                    }
                }
                Step::RemoveDeadChannels {}
                | Step::ReestimateBatchNorms {}
                | Step::RemoveChannels { .. }
                | Step::RepairStatistics {}
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

    /// The same steps without what they make up for their own losses: [`Repair::Off`] everywhere, and no schedule.
    pub fn without_repairs(&self) -> Self {
        let mut recipe = self.clone();
        for step in &mut recipe.steps {
            match step {
                Step::Prune { repair, schedule, .. } => (*repair, *schedule) = (Repair::Off, None),
                Step::Cluster { repair, .. } | Step::QuantizeWeights { repair, .. } => *repair = Repair::Off,
                Step::RemoveDeadChannels {}
                | Step::Equalize {}
                | Step::AbsorbBiases {}
                | Step::ReestimateBatchNorms {}
                | Step::RemoveChannels { .. }
                | Step::RepairStatistics {}
                | Step::QuantizeActivations { .. }
                | Step::QuantizeForSize { .. }
                | Step::CorrectBiases {}
                | Step::Float16 {}
                | Step::Bfloat16 {} => {}
            }
        }
        recipe
    }

    /// The number format of the result.
    pub fn number_format(&self) -> NumberFormat {
        self.steps.iter().fold(NumberFormat::Float32, |format, step| match step {
            Step::Float16 {} | Step::Bfloat16 {} => NumberFormat::Float16,
            Step::QuantizeWeights { .. } | Step::QuantizeForSize { .. } => NumberFormat::Int8,
            Step::RemoveDeadChannels {}
            | Step::Equalize {}
            | Step::AbsorbBiases {}
            | Step::ReestimateBatchNorms {}
            | Step::RemoveChannels { .. }
            | Step::Prune { .. }
            | Step::Cluster { .. }
            | Step::QuantizeActivations { .. }
            | Step::CorrectBiases {}
            | Step::RepairStatistics {} => format,
        })
    }
}

fn check_parameters(number: usize, step: &Step) -> Result<(), CompressError> {
    let refuse = |name, given: String, expected| {
        Err(CompressError::Parameter { step: number, pass: step.pass(), name, given, expected })
    };
    match step {
        Step::Prune { sparsity, structure, repair, schedule, layers, .. } => {
            let mut shares = layers.values().chain([sparsity]);
            if let Some(sparsity) = shares.find(|sparsity| !SPARSITIES.contains(*sparsity)) {
                return Err(CompressError::Sparsity(*sparsity));
            }
            if structure.sparsity().is_some_and(|demanded| (demanded - sparsity).abs() > 0.005) {
                return refuse("sparsity", sparsity.to_string(), "1 - N/M, which is what N:M means");
            }
            if structure.sparsity().is_some() && !layers.is_empty() {
                return refuse("layers", layers.len().to_string(), "none, since N:M is the same for all");
            }
            match schedule {
                Some(_) if *repair != Repair::Reconstruct => {
                    let expected = "one only with the repair `reconstruct`; the zeros would be the same";
                    refuse("schedule", "without a fit in between".to_owned(), expected)
                }
                Some(_) if structure.sparsity().is_some() => {
                    refuse("schedule", "with N:M".to_owned(), "one only where the share may grow")
                }
                Some(Schedule { steps }) if !(2..=16).contains(steps) => {
                    refuse("schedule.steps", steps.to_string(), "2..=16")
                }
                Some(_) | None => Ok(()),
            }
        }
        Step::RemoveChannels { share, .. } if !SPARSITIES.contains(share) => {
            refuse("share", share.to_string(), "0..=0.95")
        }
        Step::Cluster { clusters, .. } if !(2..=256).contains(clusters) => {
            refuse("clusters", clusters.to_string(), "2..=256")
        }
        Step::QuantizeWeights { bits, layers, .. } => {
            let single = layers.values().find(|bits| ![32, 8, 4, 2].contains(*bits));
            match (single, [8, 4, 2].contains(bits)) {
                (Some(bits), _) => {
                    refuse("bits of a layer", bits.to_string(), "8, 4, 2, or 32 to stay as it is")
                }
                (None, false) => refuse("bits", bits.to_string(), "8, 4 or 2"),
                (None, true) => Ok(()),
            }
        }
        Step::QuantizeForSize { noise } if !(1e-6..=10.0).contains(noise) => {
            refuse("noise", noise.to_string(), "1e-6..=10")
        }
        Step::RemoveDeadChannels {}
        | Step::Equalize {}
        | Step::AbsorbBiases {}
        | Step::ReestimateBatchNorms {}
        | Step::RemoveChannels { .. }
        | Step::Cluster { .. }
        | Step::QuantizeForSize { .. }
        | Step::QuantizeActivations { .. }
        | Step::CorrectBiases {}
        | Step::RepairStatistics {}
        | Step::Float16 {}
        | Step::Bfloat16 {} => Ok(()),
    }
}

#[cfg(test)]
mod tests;
