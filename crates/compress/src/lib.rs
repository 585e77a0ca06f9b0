//! Compression passes over a graph, and the recipe that orders them.
//!
//! A pass takes a graph and gives a new one; it runs no network and reads no clock. What it must know of activations
//! comes in as [`graph::Evidence`] or [`InputSums`]. Start with [`Recipe`], then [`quantize_weights`].

mod batch_norm;
mod bias;
mod bias_absorption;
mod channel_removal;
mod dead_channels;
mod equalize;
mod error;
mod float16;
mod layer;
mod layers;
mod prune;
mod quantize;
mod recipe;
pub mod reconstruct;
mod window;

pub use batch_norm::{RepairedStatistics, reestimate_batch_norm, repair_statistics};
pub use bias::{InputSums, correct_bias, shorten_bias};
pub use bias_absorption::{AbsorbedBias, absorb_high_biases};
pub use channel_removal::{ChannelRemoval, RemovedChannels, choose_channels, remove_channels};
pub use dead_channels::{DeadChannels, remove_dead_channels};
pub use equalize::{Equalization, EqualizedPair, equalize};
pub use error::CompressError;
pub use float16::{to_bfloat16, to_float16};
pub use layer::{LayerMethod, LayerWork, NearestClusters};
pub use prune::{cubic_sparsity, is_prunable, layer_sparsities, prune_magnitude};
pub use quantize::{
    activation_quantization, bits_of, quantize_activations, quantize_weights, round_weight, widen_for_bias,
};
pub use recipe::{
    ClusterGranularity, Distribution, Granularity, MAX_SPARSITY, NumberFormat, PRESETS, RECIPE_VERSION,
    RangeMethod, Recipe, Repair, Schedule, Step, Storage, Structure, Warning,
};

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
