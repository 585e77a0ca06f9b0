//! Where a file's bytes go.

use std::collections::HashMap;

use super::coded::{CODEBOOKS, MASKS, MULTIPLIERS, SCALES, VECTORS, WEIGHTS};
use super::dto::{FormDto, GroupsDto};
use super::{VERSION_3, WHAT, plain_json};
use crate::FormatError;
use crate::tensors::Tensors;

/// Bytes of a file by what they are for. Together they are the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Breakdown {
    /// Weights, levels and codes. Where there is a mask, only those that are not zero.
    pub weights: u64,
    /// Which weights are zero.
    pub masks: u64,
    /// Scales of levels, and multipliers of groups.
    pub scales: u64,
    /// Codebooks. The entropy coder needs no tables.
    pub tables: u64,
    /// Biases and batch norms.
    pub vectors: u64,
    /// Operators, shapes, names, labels, preprocessing, activations' scales, positions of everything else.
    pub metadata: u64,
}

impl Breakdown {
    /// The file's length.
    pub fn total(&self) -> u64 {
        let Self { weights, masks, scales, tables, vectors, metadata } = self;
        weights + masks + scales + tables + vectors + metadata
    }
}

/// Counts the bytes of a file that [`write()`](super::write()) wrote, without gzip around it.
///
/// # Errors
/// Those of [`read`](super::read), as far as they concern the file's header.
pub fn breakdown(bytes: &[u8]) -> Result<Breakdown, FormatError> {
    let tensors = Tensors::parse(bytes, WHAT)?;
    let roles = if tensors.required_metadata("version")? == VERSION_3 {
        [WEIGHTS, MASKS, SCALES, MULTIPLIERS, CODEBOOKS, VECTORS]
            .map(str::to_owned)
            .into_iter()
            .zip([Role::Weights, Role::Masks, Role::Scales, Role::Scales, Role::Tables, Role::Vectors])
            .collect()
    } else {
        plain_roles(&tensors)?
    };
    let mut counted = Breakdown::default();
    for (name, n_bytes) in tensors.sizes() {
        let part = match roles.get(name) {
            Some(Role::Weights) => &mut counted.weights,
            Some(Role::Masks) => &mut counted.masks,
            Some(Role::Scales) => &mut counted.scales,
            Some(Role::Tables) => &mut counted.tables,
            Some(Role::Vectors) => &mut counted.vectors,
            None => &mut counted.metadata,
        };
        *part += n_bytes as u64;
    }
    counted.metadata += bytes.len() as u64 - counted.total();
    Ok(counted)
}

#[derive(Clone, Copy)]
enum Role {
    Weights,
    Masks,
    Scales,
    Tables,
    Vectors,
}

fn plain_roles(tensors: &Tensors<'_>) -> Result<HashMap<String, Role>, FormatError> {
    let json = plain_json(tensors)?;
    let mut roles: HashMap<String, Role> =
        tensors.sizes().map(|(name, _)| (name.to_owned(), Role::Vectors)).collect();
    for weight in json.nodes.iter().filter_map(|node| node.op.weight()) {
        roles.insert(weight.name.clone(), Role::Weights);
        roles.insert(format!("{}.values", weight.name), Role::Weights);
        roles.insert(format!("{}.mask", weight.name), Role::Masks);
        roles.extend(weight.scales.iter().map(|name| (name.clone(), Role::Scales)));
        match &weight.form {
            Some(FormDto::Integer { groups: Some(GroupsDto { multipliers, .. }), .. }) => {
                roles.insert(multipliers.clone(), Role::Scales);
            }
            Some(FormDto::Clusters { codebooks, .. }) => {
                roles.insert(codebooks.clone(), Role::Tables);
            }
            Some(FormDto::Bf16 | FormDto::Integer { groups: None, .. }) | None => {}
        }
    }
    Ok(roles)
}
