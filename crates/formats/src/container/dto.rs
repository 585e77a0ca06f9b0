//! The JSON text of the file as types. They change only with the file's version, whatever the graph's types do.

use std::fmt;

use graph::{ActivationQuantization, Metadata, Padding, Shape};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GraphDto<W = WeightDto, V = String> {
    pub(super) metadata: Metadata,
    pub(super) input: usize,
    pub(super) output: usize,
    pub(super) values: Vec<ValueDto>,
    pub(super) nodes: Vec<NodeDto<W, V>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ValueDto {
    pub(super) name: String,
    pub(super) shape: Shape,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) quantization: Option<QuantizationDto>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QuantizationDto {
    scale: f32,
    zero_point: i8,
}

impl From<ActivationQuantization> for QuantizationDto {
    fn from(ActivationQuantization { scale, zero_point }: ActivationQuantization) -> Self {
        Self { scale, zero_point }
    }
}

impl From<QuantizationDto> for ActivationQuantization {
    fn from(QuantizationDto { scale, zero_point }: QuantizationDto) -> Self {
        Self { scale, zero_point }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NodeDto<W = WeightDto, V = String> {
    pub(super) name: String,
    pub(super) op: OpDto<W, V>,
    pub(super) inputs: Vec<usize>,
    pub(super) output: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum OpDto<W = WeightDto, V = String> {
    Conv2d { weight: W, bias: Option<V>, stride: [usize; 2], padding: Padding, groups: usize },
    BatchNorm { gamma: V, beta: V, mean: V, variance: V, epsilon: f32 },
    Clip { min: Bound, max: Bound },
    ChannelClip { min: Bound, max: V },
    Add,
    Concat,
    MaxPool { kernel: [usize; 2], stride: [usize; 2], padding: Padding },
    GlobalAveragePool,
    Linear { weight: W, bias: Option<V> },
    Softmax,
}

impl<W, V> OpDto<W, V> {
    pub(super) fn weight(&self) -> Option<&W> {
        match self {
            Self::Conv2d { weight, .. } | Self::Linear { weight, .. } => Some(weight),
            Self::BatchNorm { .. }
            | Self::Clip { .. }
            | Self::ChannelClip { .. }
            | Self::Add
            | Self::Concat
            | Self::MaxPool { .. }
            | Self::GlobalAveragePool
            | Self::Softmax => None,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WeightDto {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) coding: WeightCoding,
    pub(super) scales: Option<String>,
    /// Of version 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) form: Option<FormDto>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum FormDto {
    Bf16,
    Integer { bits: u8, groups: Option<GroupsDto> },
    Clusters { n: usize, codebooks: String },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupsDto {
    pub(super) len: usize,
    pub(super) multipliers: String,
}

/// Weights of version 3.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodedWeightDto {
    pub(super) shape: Vec<usize>,
    pub(super) form: CodedFormDto,
    pub(super) bytes: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mask_bytes: Option<usize>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum CodedFormDto {
    F32,
    F16,
    Bf16,
    Integer { bits: u8, scales: usize, groups: Option<CodedGroupsDto> },
    Clusters { n: usize, codebooks: usize, center: Center },
}

/// Which code counts as 0.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Center {
    /// The one in the middle of the codebook.
    Rank,
    /// The one of the value nearest to zero, the first of several.
    Zero,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodedGroupsDto {
    pub(super) len: usize,
    pub(super) bytes: usize,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WeightCoding {
    Dense,
    Sparse,
}

/// A number, or `"-inf"` or `"inf"`, which JSON has no numbers for.
#[derive(Clone, Copy)]
pub(super) struct Bound(pub(super) f32);

impl Serialize for Bound {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_infinite() {
            serializer.serialize_str(if self.0 > 0.0 { "inf" } else { "-inf" })
        } else {
            serializer.serialize_f64(f64::from(self.0))
        }
    }
}

impl<'de> Deserialize<'de> for Bound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BoundVisitor)
    }
}

struct BoundVisitor;

impl Visitor<'_> for BoundVisitor {
    type Value = Bound;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, \"-inf\" or \"inf\"")
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Bound, E> {
        let single = value as f32;
        if single.is_finite() {
            Ok(Bound(single))
        } else {
            Err(E::custom("bound is beyond single precision"))
        }
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Bound, E> {
        Ok(Bound(value as f32))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Bound, E> {
        Ok(Bound(value as f32))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Bound, E> {
        match value {
            "inf" => Ok(Bound(f32::INFINITY)),
            "-inf" => Ok(Bound(f32::NEG_INFINITY)),
            _ => Err(E::invalid_value(de::Unexpected::Str(value), &self)),
        }
    }
}
