//! Entropy-coded files: version 3 of the format.
//!
//! The file's tensors are seven sections, `U8` vectors; those without content are absent. A model's tensors follow one
//! another in them in the order of the nodes.
//!
//! | section | holds | coded by |
//! | --- | --- | --- |
//! | `graph` | the JSON text of [the module](super), with lengths in place of names | gzip |
//! | `weights` | one message for each weight | levels or floats |
//! | `masks` | one message for each weight with a mask: 1 where the weight is not zero | levels |
//! | `scales` | all scales of levels, in one message | floats |
//! | `multipliers` | one message for each weight in groups | levels |
//! | `codebooks` | all codebooks, in one message | floats |
//! | `vectors` | biases and batch norms, in one message | floats |
//!
//! In the JSON a vector is its length, and `WEIGHT` is
//!
//! ```json
//! {"shape": [...], "form": FORM, "bytes": 1234, "mask_bytes": 567}
//! ```
//!
//! with the lengths of its messages (`mask_bytes` is absent without a mask) and as `FORM` one of
//!
//! ```json
//! "f32"
//! "f16"
//! "bf16"
//! {"integer": {"bits": 8 | 4 | 2, "scales": 32, "groups": {"len": 32, "bytes": 89} | null}}
//! {"clusters": {"n": 16, "codebooks": 16, "center": "rank" | "zero"}}
//! ```
//!
//! Levels and floats are coded as [`crate::entropy`] describes, levels in rows of an output channel, multipliers in
//! rows of an output channel's groups, floats of weights in runs of [`FLOAT_RUN`] and others in runs of one tensor. A
//! clustered weight's level is the distance of its code from `n / 2`, or from the position of the codebook's value
//! nearest to zero, as its `center` says. With a mask, only weights that are not (positive) zero are in `weights`.

mod reader;
mod writer;

use graph::{ClusteredWeights, IntegerWeights, WeightValues};

use super::dto::Center;
use crate::entropy::{FloatLayout, Sizes};

pub(super) use self::reader::{graph_json, read};
pub use self::writer::EntropyWriter;

/// Names of the sections.
pub(super) const GRAPH: &str = "graph";
pub(super) const WEIGHTS: &str = "weights";
pub(super) const MASKS: &str = "masks";
pub(super) const SCALES: &str = "scales";
pub(super) const MULTIPLIERS: &str = "multipliers";
pub(super) const CODEBOOKS: &str = "codebooks";
pub(super) const VECTORS: &str = "vectors";

/// Floats of a weight that share the number of zeros at their end.
const FLOAT_RUN: usize = 1 << 17;

impl Center {
    /// The code that becomes 0.
    fn of(self, codebook: &[f32]) -> usize {
        match self {
            Self::Rank => codebook.len() / 2,
            Self::Zero => {
                let mut center = 0;
                for (idx, value) in codebook.iter().enumerate() {
                    if value.abs() < codebook[center].abs() {
                        center = idx;
                    }
                }
                center
            }
        }
    }
}

/// A codebook for each channel makes their codes alike.
fn sizes_of(values: &WeightValues) -> Sizes {
    match values {
        WeightValues::Clustered(weights) if weights.codebooks.len() > weights.n_clusters => Sizes::Alike,
        _ => Sizes::Vary,
    }
}

/// A weight's elements as they are coded.
enum Elements {
    Levels(Vec<i16>),
    Codes(Center, Vec<i16>),
    Floats(FloatLayout, Vec<u32>),
}

impl Elements {
    fn new(values: &WeightValues, channel_len: usize) -> Self {
        match values {
            WeightValues::F32(values) => {
                Self::Floats(FloatLayout::F32, values.iter().map(|value| value.to_bits()).collect())
            }
            WeightValues::F16(values) => {
                Self::Floats(FloatLayout::F16, values.iter().map(|value| value.to_bits().into()).collect())
            }
            WeightValues::Bf16(values) => {
                Self::Floats(FloatLayout::BF16, values.iter().map(|value| value.to_bits().into()).collect())
            }
            WeightValues::Integer(IntegerWeights { levels, .. }) => {
                Self::Levels(levels.iter().map(|&level| level.into()).collect())
            }
            WeightValues::Clustered(weights) => {
                let (center, distances) = distances(weights, channel_len);
                Self::Codes(center, distances)
            }
        }
    }
}

/// The codes' distances to the centre that makes fewer bits of them.
fn distances(weights: &ClusteredWeights, channel_len: usize) -> (Center, Vec<i16>) {
    let [rank, zero] = [Center::Rank, Center::Zero].map(|center| {
        let channels = weights.codes.chunks(channel_len.max(1)).enumerate();
        let distances: Vec<i16> = channels
            .flat_map(|(channel, codes)| {
                let center = center.of(weights.codebook(channel)) as i16;
                codes.iter().map(move |&code| i16::from(code) - center)
            })
            .collect();
        (center, distances)
    });
    if fixed_table_bits(&zero.1) < fixed_table_bits(&rank.1) { zero } else { rank }
}

/// Bits of an ideal code with a fixed table.
fn fixed_table_bits(levels: &[i16]) -> f64 {
    let mut counts = [0_u32; 512];
    for level in levels {
        counts[usize::from(level.wrapping_add(256).cast_unsigned()) % 512] += 1;
    }
    graph::order_0_bits(counts)
}
