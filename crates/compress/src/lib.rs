//! Compression passes over a graph, and the recipe that orders them.
//!
//! A pass takes a graph and gives a new one; it runs no network and reads no clock. What it must know of activations
//! comes in as [`graph::Evidence`] or [`InputSums`]. Start with [`Recipe`], then [`quantize_weights`].

mod bias;
mod error;
mod float16;
mod layer;
mod prune;
mod quantize;
mod recipe;
pub mod reconstruct;

pub use bias::{InputSums, correct_bias};
pub use error::CompressError;
pub use float16::{to_bfloat16, to_float16};
pub use layer::{LayerMethod, LayerWork, cluster_weights};
pub use prune::{is_prunable, layer_sparsities, prune_magnitude};
pub use quantize::{
    activation_quantization, bits_of, quantize_activations, quantize_weights, round_weight, widen_for_bias,
};
pub use recipe::{
    ClusterGranularity, Distribution, Granularity, MAX_SPARSITY, NumberFormat, PRESETS, RECIPE_VERSION,
    RangeMethod, Recipe, Repair, Step, Storage, Structure, Warning,
};

#[cfg(test)]
mod tests;
