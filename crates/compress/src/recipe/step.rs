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
    /// Sets weights of 1x1 convolutions and linear layers to zero.
    Prune {
        /// Share of the weights that becomes zero, `0.0..=0.95`.
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
        /// Bits of single layers by name, instead of `bits`.
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
    /// Rounds every weight to half precision.
    Float16 {},
    /// Rounds every weight to bfloat16: single precision's range with 8 bits of significand.
    Bfloat16 {},
}

/// Where zeros may stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Structure {
    /// Anywhere.
    #[default]
    Unstructured,
    /// Four neighbouring output channels share their zeros.
    #[serde(rename = "blocks-4x1")]
    Blocks4x1,
    /// Two of each four neighbours in the reduction are zero.
    #[serde(rename = "2:4")]
    TwoOfFour,
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
    /// The pass's name as the JSON spells it.
    pub fn pass(&self) -> &'static str {
        match self {
            Self::RemoveDeadChannels {} => "remove-dead-channels",
            Self::Equalize {} => "equalize",
            Self::Prune { .. } => "prune",
            Self::Cluster { .. } => "cluster",
            Self::QuantizeWeights { .. } => "quantize-weights",
            Self::QuantizeForSize { .. } => "quantize-for-size",
            Self::QuantizeActivations { .. } => "quantize-activations",
            Self::CorrectBiases {} => "correct-biases",
            Self::Float16 {} => "float16",
            Self::Bfloat16 {} => "bfloat16",
        }
    }

    /// True where the step must see calibration frames.
    pub fn needs_calibration(&self) -> bool {
        match self {
            Self::RemoveDeadChannels {}
            | Self::Equalize {}
            | Self::QuantizeForSize { .. }
            | Self::QuantizeActivations { .. }
            | Self::CorrectBiases {} => true,
            Self::Prune { repair, distribution, .. } => {
                *repair != Repair::Off || *distribution == Distribution::Measured
            }
            Self::Cluster { repair, .. } | Self::QuantizeWeights { repair, .. } => *repair != Repair::Off,
            Self::Float16 {} | Self::Bfloat16 {} => false,
        }
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
            | Self::Prune { .. }
            | Self::QuantizeActivations { .. }
            | Self::CorrectBiases {} => false,
        }
    }
}
