//! compress.
pub mod recipe;
pub use recipe::{MAX_SPARSITY, NumberFormat, Recipe, RECIPE_VERSION, Step, Storage};
