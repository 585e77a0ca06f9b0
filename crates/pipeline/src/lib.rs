//! Runs models and recipes: the one place that sees formats, engine, compression and vision together.
//!
//! [`Classifier`] answers pictures, [`RecipeRun`] compresses in small pieces of work so that a caller can report
//! progress, cancel, and do other things in between. Neither reads a clock nor knows a browser. [`zoo`] turns
//! published checkpoints into graphs, [`quality`] judges answers.

mod activations;
mod budget;
mod ceilings;
mod classifier;
mod error;
mod layer_errors;
mod layer_facts;
mod layer_view;
mod noise;
pub mod quality;
mod recipe_run;
mod sensitivity;
mod sizes;
mod stages;
mod statistics;
mod streams;
mod sweep;
mod symbols;
pub mod zoo;

pub use activations::{ChannelMap, ClassMap, LayerMaps, LayerOutputs, OutputScan, Shift};
pub use budget::{Budget, Choice, LayerChoices, LayerForm, Plan, Rest, plan_to_budget};
pub use ceilings::Ceilings;
pub use classifier::{Classifier, LayerProfile, layer_millis};
pub use compress::{
    ClusterGranularity, CompressError, Distribution, Granularity, MAX_SPARSITY, NumberFormat, PRESETS,
    RECIPE_VERSION, RangeMethod, Recipe, Repair, Schedule, Step, Storage, Structure, Warning, is_prunable,
};
pub use engine::{EngineError, MultiplyAdds};
pub use error::PipelineError;
pub use formats::container::{Breakdown, WeightBytes, dense_sizes, weight_bytes};
pub use formats::{FormatError, container, onnx, read_model, tflite};
pub use graph::{
    Cost, Graph, LabelSet, Metadata, Preprocessing, Shape, Weight, WeightValues, cost, fold_batch_norms,
    with_folded_batch_norms,
};
pub use kernels::{FLAVOUR, start_threads};
pub use layer_errors::{LayerError, LayerErrorRun};
pub use layer_facts::{Affine, LayerFacts, LayerKind, WeightFormat, layer_facts, layer_kind};
pub use layer_view::{BINS, LayerView, Spread, StoredWeight, WeightStep, layer_view, most_uneven, reach};
pub use noise::Noise;
pub use recipe_run::{Compressed, Progress, RecipeRun, Stage, Status, StepReport};
pub use sensitivity::{LayerSensitivity, SensitivityScan};
pub use sizes::{Sizes, SizesRun, model_file};
pub use symbols::{entropy, entropy_bits, symbols};
pub use vision::{Normalization, Picture, Preparer, View, VisionError, further_views};
