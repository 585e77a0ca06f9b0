//! pipeline.
pub use compress::{MAX_SPARSITY, NumberFormat, RECIPE_VERSION, Recipe, Step, Storage};
