//! The steps of a recipe and their parameters.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One pass with its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "pass", rename_all = "kebab-case", deny_unknown_fields)]
// Variants without parameters have braces: serde looks for unknown keys only there.
pub enum Step {
    /// Clears the weights of channels that are constant on all calibration frames. Exact on those frames.
    RemoveDeadChannels {},
    /// Scales channels of neighbouring layers until their weights have like ranges. Exact.
    Equalize {},
    /// Moves what activations hardly ever fall below from a layer's biases into the next layer's. Inexact: activations that
    /// fall below it all the same, and borders of padded convolutions, come out differently.
    AbsorbBiases {},
    /// Gives batch norms that are not folded the means and variances of the calibration frames, from the first to the last.
    /// Must come before any step that folds them.
    ReestimateBatchNorms {},
    /// Takes whole channels out of bottlenecks: the graph becomes smaller. Lossy; later repairs aim at the smaller network.
    RemoveChannels {
        /// Share of the bottlenecks' multiply-adds that goes, `0.0..=0.95`.
        share: f64,
        /// Whether the layers that read the channels get new weights by least squares, layer by layer.
        #[serde(default)]
        refit: bool,
    },
    /// Sets weights of 1x1 convolutions and linear layers to zero.
    Prune {
        /// Share of the weights that becomes zero, `0.0..=0.95`. Without `layers`, of all of them; else of those of the layers that
        /// are not named there.
        sparsity: f64,
        /// Which zeros may stand where.
        #[serde(default)]
        structure: Structure,
        /// How the share is spread over layers.
        #[serde(default)]
        distribution: Distribution,
        /// What is done for the weights that remain.
        #[serde(default)]
        repair: Repair,
        /// Goes to the sparsity in increments, with a fit of the remaining weights after each; only with
        /// [`Repair::Reconstruct`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        schedule: Option<Schedule>,
        /// Shares of single layers by name, instead of `sparsity`.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        layers: BTreeMap<String, f64>,
    },
    /// Every 1x1 convolution and linear layer gets few distinct weights.
    Cluster {
        /// Distinct weights of a layer or channel, `2..=256`.
        clusters: usize,
        /// Who shares a set of them.
        #[serde(default)]
        granularity: ClusterGranularity,
        /// What is done about the error.
        #[serde(default)]
        repair: Repair,
    },
    /// Rounds weights to integers.
    QuantizeWeights {
        /// Bits of 1x1 convolutions and linear layers: 8, 4 or 2. Other layers, which hold few weights, have 8.
        bits: u8,
        /// Who shares a scale.
        #[serde(default)]
        granularity: Granularity,
        /// What is done about the error.
        #[serde(default)]
        repair: Repair,
        /// Bits of single layers by name, instead of `bits`: 8, 4, 2, or 32 for a layer that stays as it is.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        layers: BTreeMap<String, u8>,
    },
    /// Rounds the weights of 1x1 convolutions and linear layers to few different levels, chosen by what they cost an entropy
    /// coder and made up for as in [`Repair::Reconstruct`]; other layers to 8 bits. Small only as an entropy-coded file.
    QuantizeForSize {
        /// How much noise 100 000 bits are worth, as a share of the power of a layer's output: `1e-6..=10`. Larger is smaller
        /// and coarser.
        noise: f64,
    },
    /// Activations become 8-bit integers, one scale and zero point per tensor. Layers whose weights are integers too run
    /// on integers.
    QuantizeActivations {
        /// How a tensor's range is found.
        #[serde(default)]
        ranges: RangeMethod,
    },
    /// Brings the mean of each output channel back to the float model's.
    CorrectBiases {},
    /// Brings the mean and the deviation of each output channel back to the float model's, layer by layer. Before weights
    /// get their form.
    RepairStatistics {},
    /// Rounds every weight to half precision.
    Float16 {},
    /// Rounds every weight to bfloat16: single precision's range with 8 bits of significand.
    Bfloat16 {},
}

/// Increments of a pruning step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// How many, `2..=16`.
    pub steps: usize,
}

/// Where zeros may stand; in JSON `unstructured`, `blocks-4x1`, or `N:M` as in `2:4`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Structure {
    /// Anywhere.
    #[default]
    Unstructured,
    /// Four neighbouring output channels share their zeros.
    Blocks4x1,
    /// Of each so many neighbours in the reduction only some are not zero.
    NOfM {
        /// Those that stay, `1..of`.
        kept: u8,
        /// All of them, `2..=32`.
        of: u8,
    },
}

impl Structure {
    /// Half of the weights, in the pattern that graphics processors run.
    pub const TWO_OF_FOUR: Self = Self::NOfM { kept: 2, of: 4 };

    /// The share of zeros that the structure itself demands.
    pub fn sparsity(self) -> Option<f64> {
        match self {
            Self::Unstructured | Self::Blocks4x1 => None,
            Self::NOfM { kept, of } => Some(1.0 - f64::from(kept) / f64::from(of)),
        }
    }
}

impl From<Structure> for String {
    fn from(structure: Structure) -> Self {
        match structure {
            Structure::Unstructured => "unstructured".to_owned(),
            Structure::Blocks4x1 => "blocks-4x1".to_owned(),
            Structure::NOfM { kept, of } => format!("{kept}:{of}"),
        }
    }
}

impl TryFrom<String> for Structure {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let n_of_m = || {
            let (kept, of) = text.split_once(':')?;
            let (kept, of) = (kept.parse().ok()?, of.parse().ok()?);
            (kept >= 1 && kept < of && of <= 32).then_some(Self::NOfM { kept, of })
        };
        match text.as_str() {
            "unstructured" => Ok(Self::Unstructured),
            "blocks-4x1" => Ok(Self::Blocks4x1),
            _ => n_of_m().ok_or_else(|| {
                format!(
                    "structure `{text}`, expected `unstructured`, `blocks-4x1` or N:M with 1 <= N < M <= 32"
                )
            }),
        }
    }
}

/// How a share of zeros is spread over layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distribution {
    /// One threshold of magnitude for the whole network.
    #[default]
    Global,
    /// The same share in every layer.
    Uniform,
    /// Larger shares in larger layers.
    Weighted,
    /// Where zeros cost a layer's output least on the calibration frames.
    Measured,
}

/// What is done about the error of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Repair {
    /// Nothing.
    #[default]
    Off,
    /// The mean of each output channel is brought back, layer by layer.
    Biases,
    /// Each weight's error is made up for by the weights after it, towards the float layer's outputs, and biases are
    /// corrected; layer by layer.
    Reconstruct,
}

/// Who shares a scale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Granularity {
    /// A whole layer.
    PerTensor,
    /// An output channel.
    #[default]
    PerChannel,
    /// A run of 32 weights of an output channel. Eight bits are per channel.
    #[serde(rename = "groups-32")]
    Groups32,
}

/// Who shares a set of weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClusterGranularity {
    /// A whole layer.
    PerTensor,
    /// An output channel.
    #[default]
    PerChannel,
}

/// How the range of an activation is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RangeMethod {
    /// Smallest and largest value seen.
    #[default]
    MinMax,
    /// The range without the 0.005 % of values at either end.
    Percentile,
    /// The range of least squared error.
    Mse,
    /// The range whose rounded distribution is closest to the one seen (Kullback-Leibler).
    Entropy,
}

impl Step {
    /// Magnitude pruning over the whole model, its zeros anywhere, nothing made up for. `sparsity` as in [`Step::Prune`].
    pub fn prune(sparsity: f64) -> Self {
        Self::Prune {
            sparsity,
            structure: Structure::Unstructured,
            distribution: Distribution::Global,
            repair: Repair::Off,
            schedule: None,
            layers: BTreeMap::new(),
        }
    }

    /// The pass's name as the JSON spells it.
    pub fn pass(&self) -> &'static str {
        match self {
            Self::RemoveDeadChannels {} => "remove-dead-channels",
            Self::Equalize {} => "equalize",
            Self::AbsorbBiases {} => "absorb-biases",
            Self::ReestimateBatchNorms {} => "reestimate-batch-norms",
            Self::RemoveChannels { .. } => "remove-channels",
            Self::Prune { .. } => "prune",
            Self::Cluster { .. } => "cluster",
            Self::QuantizeWeights { .. } => "quantize-weights",
            Self::QuantizeForSize { .. } => "quantize-for-size",
            Self::QuantizeActivations { .. } => "quantize-activations",
            Self::CorrectBiases {} => "correct-biases",
            Self::RepairStatistics {} => "repair-statistics",
            Self::Float16 {} => "float16",
            Self::Bfloat16 {} => "bfloat16",
        }
    }

    /// True where the step must see calibration frames.
    pub fn needs_calibration(&self) -> bool {
        match self {
            Self::RemoveDeadChannels {}
            | Self::Equalize {}
            | Self::AbsorbBiases {}
            | Self::ReestimateBatchNorms {}
            | Self::RemoveChannels { .. }
            | Self::QuantizeForSize { .. }
            | Self::QuantizeActivations { .. }
            | Self::CorrectBiases {}
            | Self::RepairStatistics {} => true,
            Self::Prune { repair, distribution, .. } => {
                *repair != Repair::Off || *distribution == Distribution::Measured
            }
            Self::Cluster { repair, .. } | Self::QuantizeWeights { repair, .. } => *repair != Repair::Off,
            Self::Float16 {} | Self::Bfloat16 {} => false,
        }
    }

    /// True where batch norms are folded for the step.
    pub fn folds_batch_norms(&self) -> bool {
        self.needs_calibration() && !matches!(self, Self::ReestimateBatchNorms {})
    }

    /// True where channels' scales or constants move to other layers, so that a layer's weights no longer compare with the
    /// original's.
    pub fn moves_channels(&self) -> bool {
        matches!(self, Self::RemoveDeadChannels {} | Self::Equalize {} | Self::AbsorbBiases {})
    }

    /// True where the step changes what the network computes and a later one may make up for it.
    pub fn loses(&self) -> bool {
        matches!(self, Self::AbsorbBiases {} | Self::RemoveChannels { .. } | Self::Prune { .. })
            || self.forms_weights()
    }

    /// True where the step gives weights the form in which they stay: a later change would undo it.
    pub fn forms_weights(&self) -> bool {
        match self {
            Self::Cluster { .. }
            | Self::QuantizeWeights { .. }
            | Self::QuantizeForSize { .. }
            | Self::Float16 {}
            | Self::Bfloat16 {} => true,
            Self::RemoveDeadChannels {}
            | Self::Equalize {}
            | Self::AbsorbBiases {}
            | Self::ReestimateBatchNorms {}
            | Self::RemoveChannels { .. }
            | Self::Prune { .. }
            | Self::QuantizeActivations { .. }
            | Self::CorrectBiases {}
            | Self::RepairStatistics {} => false,
        }
    }
}
