//! Compression passes over a graph, and the recipe that orders them.
//!
//! A pass takes a graph and gives a new one; it runs no network and reads no clock. What it must know of activations
//! comes in as [`graph::Evidence`]. Start with [`Recipe`], then [`quantize_int8`].

mod error;
mod float16;
mod prune;
mod quantize;
mod recipe;
pub mod reconstruct;

pub use error::CompressError;
pub use float16::to_float16;
pub use prune::{is_prunable, prune_magnitude};
pub use quantize::{activation_quantization, quantize_int8};
pub use recipe::{MAX_SPARSITY, NumberFormat, RECIPE_VERSION, Recipe, Step, Storage};

#[cfg(test)]
mod tests;
