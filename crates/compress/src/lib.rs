//! Compression passes over a graph, and the recipe that orders them.
//!
//! A pass takes a graph and gives a new one; it runs no network and reads no clock. What it must know of activations
//! comes in as [`graph::Evidence`]. Start with [`Recipe`], then [`quantize_int8`].

mod batch_norm;
mod bias_absorption;
mod channel_removal;
mod dead_channels;
mod equalize;
mod error;
mod float16;
mod layers;
mod prune;
mod quantize;
mod recipe;

pub use batch_norm::{RepairedStatistics, reestimate_batch_norms, repair_statistics};
pub use bias_absorption::{AbsorbedBias, absorb_high_biases};
pub use channel_removal::{Projection, Refit, RemovedChannels, remove_channels};
pub use dead_channels::{DeadChannels, remove_dead_channels};
pub use equalize::{Equalization, EqualizedPair, equalize};
pub use error::CompressError;
pub use float16::to_float16;
pub use prune::{is_prunable, prune_magnitude};
pub use quantize::{activation_quantization, quantize_int8};
pub use recipe::{MAX_SPARSITY, NumberFormat, RECIPE_VERSION, Recipe, Step, Storage};

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
