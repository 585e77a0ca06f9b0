//! Runs models and recipes: the one place that sees formats, engine, compression and vision together.
//!
//! [`Classifier`] answers pictures, [`RecipeRun`] compresses in small pieces of work so that a caller can report
//! progress, cancel, and do other things in between. Neither reads a clock nor knows a browser. [`zoo`] turns
//! published checkpoints into graphs.

mod classifier;
mod error;
mod recipe_run;
mod sizes;
pub mod zoo;

pub use classifier::{Classifier, LayerProfile};
pub use compress::{CompressError, MAX_SPARSITY, NumberFormat, RECIPE_VERSION, Recipe, Step, Storage};
pub use engine::EngineError;
pub use error::PipelineError;
pub use formats::container::Breakdown;
pub use formats::{FormatError, read_model};
pub use graph::{Cost, Graph, LabelSet, Metadata, Preprocessing, cost};
pub use recipe_run::{Compressed, Progress, RecipeRun, Stage, Status};
pub use sizes::{Sizes, SizesRun, dense_bytes, model_file};
