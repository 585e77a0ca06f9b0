//! What each weight takes of a file.

use super::coded::graph_json;
use super::dto::{CodedFormDto, CodedWeightDto, FormDto, WeightCoding, WeightDto};
use super::{VERSION_3, WHAT, plain_json};
use crate::FormatError;
use crate::tensors::Tensors;

/// Bytes of a file that belong to one weight tensor alone.
///
/// An entropy-coded file keeps the scales of all layers in one message, and their codebooks in another: those belong
/// to no layer, and [`Self::scales`] counts the multipliers of groups only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WeightBytes {
    /// Weights, levels and codes. Where there is a mask, only those that are not zero.
    pub weights: u64,
    /// Which weights are zero.
    pub masks: u64,
    /// Scales of levels, and multipliers of groups.
    pub scales: u64,
    /// Codebooks.
    pub tables: u64,
}

impl WeightBytes {
    /// All of them.
    pub fn total(&self) -> u64 {
        let Self { weights, masks, scales, tables } = self;
        weights + masks + scales + tables
    }
}

/// Counts the bytes of each weight of a file that [`write()`](super::write()) wrote, without gzip around it; weights come
/// in the order of the nodes.
///
/// # Errors
/// Those of [`read`](super::read), as far as they concern the file's header and its graph.
pub fn weight_bytes(bytes: &[u8]) -> Result<Vec<WeightBytes>, FormatError> {
    let mut tensors = Tensors::parse(bytes, WHAT)?;
    if tensors.required_metadata("version")? == VERSION_3 {
        let json = graph_json(&mut tensors)?;
        return Ok(json.nodes.iter().filter_map(|node| node.op.weight()).map(coded).collect());
    }
    let json = plain_json(&tensors)?;
    let weights = json.nodes.iter().filter_map(|node| node.op.weight());
    weights
        .map(|weight| plain(|name| tensors.take(name).map(|tensor| tensor.data.len() as u64), weight))
        .collect()
}

fn coded(weight: &CodedWeightDto) -> WeightBytes {
    let multipliers = match &weight.form {
        CodedFormDto::Integer { groups: Some(groups), .. } => groups.bytes,
        CodedFormDto::Integer { groups: None, .. }
        | CodedFormDto::F32
        | CodedFormDto::F16
        | CodedFormDto::Bf16
        | CodedFormDto::Clusters { .. } => 0,
    };
    WeightBytes {
        weights: weight.bytes as u64,
        masks: weight.mask_bytes.unwrap_or(0) as u64,
        scales: multipliers as u64,
        tables: 0,
    }
}

/// A weight's bytes in a file of version 1 or 2, by the bytes of each tensor.
pub(super) fn plain(
    mut bytes_of: impl FnMut(&str) -> Result<u64, FormatError>,
    weight: &WeightDto,
) -> Result<WeightBytes, FormatError> {
    let name = &weight.name;
    let mut counted = match weight.coding {
        WeightCoding::Dense => WeightBytes { weights: bytes_of(name)?, ..WeightBytes::default() },
        WeightCoding::Sparse => WeightBytes {
            weights: bytes_of(&format!("{name}.values"))?,
            masks: bytes_of(&format!("{name}.mask"))?,
            ..WeightBytes::default()
        },
    };
    if let Some(scales) = &weight.scales {
        counted.scales += bytes_of(scales)?;
    }
    match &weight.form {
        Some(FormDto::Integer { groups: Some(groups), .. }) => {
            counted.scales += bytes_of(&groups.multipliers)?
        }
        Some(FormDto::Clusters { codebooks, .. }) => counted.tables += bytes_of(codebooks)?,
        Some(FormDto::Bf16 | FormDto::Integer { groups: None, .. }) | None => {}
    }
    Ok(counted)
}
