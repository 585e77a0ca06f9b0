//! The recipes that lessons name: presets of the page, and what only the course needs. Both are real recipes.

use std::collections::BTreeMap;

use compress::{
    ClusterGranularity, Distribution, Granularity, RECIPE_VERSION, RangeMethod, Recipe, Repair, Step,
    Storage, Structure,
};

use crate::Kind;
use crate::names::named;

named! {
    /// A recipe as lessons name it.
    CourseRecipe, "a recipe of the course", {
        /// The model as it is.
        Original = "original",
        /// Preset.
        Fp16 = "fp16",
        /// Preset.
        Bf16 = "bf16",
        /// Preset.
        Int8 = "int8",
        /// Preset.
        Int8PerTensor = "int8-per-tensor",
        /// Preset: equalization and bias correction.
        Int8PerTensorCle = "int8-per-tensor-cle",
        /// Equalization without bias correction.
        Int8PerTensorOnlyCle = "int8-per-tensor/cle",
        /// The first convolution stays in float32.
        KeepFirst = "int8-per-tensor/keep-first",
        /// Depthwise layers stay in float32.
        KeepDepthwise = "int8-per-tensor/keep-depthwise",
        /// Pointwise layers stay in float32.
        KeepPointwise = "int8-per-tensor/keep-pointwise",
        /// The classifier stays in float32.
        KeepClassifier = "int8-per-tensor/keep-classifier",
        /// Preset: half of the weights pruned, with repair.
        Prune50 = "prune50",
        /// Half of the weights pruned by magnitude, nothing repaired.
        Prune50Plain = "prune/50",
        /// Preset.
        Prune70Obs = "prune70-obs",
        /// Pruned by magnitude as far as the slider says.
        Prune = "prune",
        /// Whole channels removed, as many as the slider says.
        PruneChannels = "prune-channels",
        /// Preset.
        Cluster32 = "cluster32",
        /// As many groups for each layer as the slider says.
        Cluster = "cluster",
        /// Pruned, then clustered, then entropy-coded.
        PruneClusterCode = "prune-cluster-code",
        /// Trained to recover.
        Recover = "recover",
        /// Preset.
        Smallest = "smallest-1pt",
        /// Preset.
        Fastest = "fastest-1pt",
    }
}

/// What the learner's sliders set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Zeros of [`CourseRecipe::Prune`], and share of the multiply-adds that [`CourseRecipe::PruneChannels`] takes,
    /// `0.0..=0.95`.
    pub sparsity: f64,
    /// Groups of [`CourseRecipe::Cluster`], `2..=256`.
    pub clusters: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { sparsity: 0.5, clusters: 32 }
    }
}

impl CourseRecipe {
    /// The kind of layer that it keeps in float32, where it does.
    pub fn kept(self) -> Option<Kind> {
        match self {
            Self::KeepFirst => Some(Kind::First),
            Self::KeepDepthwise => Some(Kind::Depthwise),
            Self::KeepPointwise => Some(Kind::Pointwise),
            Self::KeepClassifier => Some(Kind::Classifier),
            _ => None,
        }
    }

    /// The recipe on a model whose layers have these names and kinds, or `None` where no pass makes it yet: training, and
    /// a kind to keep that the model lacks.
    pub fn recipe_for<'a>(
        self,
        settings: Settings,
        layers: impl IntoIterator<Item = (Kind, &'a str)>,
    ) -> Option<Recipe> {
        let Some(kept) = self.kept() else { return self.recipe(settings) };
        let names = layers.into_iter().filter(|(kind, _)| *kind == kept);
        let as_it_is: BTreeMap<String, u8> = names.map(|(_, name)| (name.to_owned(), 32)).collect();
        let mut recipe = Self::Int8PerTensor.recipe(settings).filter(|_| !as_it_is.is_empty())?;
        for step in &mut recipe.steps {
            if let Step::QuantizeWeights { layers, .. } = step {
                layers.clone_from(&as_it_is);
            }
        }
        Some(recipe)
    }

    /// The recipe, or `None` where it depends on the model's layers or where no pass makes it yet.
    pub fn recipe(self, settings: Settings) -> Option<Recipe> {
        let recipe = |steps, storage| Recipe { version: RECIPE_VERSION, steps, storage };
        match self {
            Self::Original => Some(Recipe::identity()),
            Self::Fp16
            | Self::Bf16
            | Self::Int8
            | Self::Int8PerTensor
            | Self::Int8PerTensorCle
            | Self::Prune50
            | Self::Prune70Obs
            | Self::Cluster32
            | Self::Smallest
            | Self::Fastest => Recipe::preset(self.name()),
            Self::Int8PerTensorOnlyCle => Some(recipe(
                vec![
                    Step::RemoveDeadChannels {},
                    Step::Equalize {},
                    Step::QuantizeActivations { ranges: RangeMethod::MinMax },
                    Step::QuantizeWeights {
                        bits: 8,
                        granularity: Granularity::PerTensor,
                        repair: Repair::Off,
                        layers: BTreeMap::new(),
                    },
                ],
                Storage::Plain,
            )),
            Self::Prune50Plain => Some(recipe(vec![Step::prune(0.5)], Storage::SparseCoded)),
            Self::PruneChannels => Some(recipe(
                vec![Step::RemoveChannels { share: settings.sparsity, refit: true }],
                Storage::Plain,
            )),
            Self::Prune => Some(recipe(vec![Step::prune(settings.sparsity)], Storage::SparseCoded)),
            Self::Cluster => Some(recipe(
                vec![Step::Cluster {
                    clusters: settings.clusters,
                    granularity: ClusterGranularity::PerTensor,
                    repair: Repair::Biases,
                }],
                Storage::EntropyCoded,
            )),
            Self::PruneClusterCode => Some(recipe(
                vec![
                    Step::Prune {
                        sparsity: 0.5,
                        structure: Structure::Unstructured,
                        distribution: Distribution::Weighted,
                        repair: Repair::Reconstruct,
                        schedule: None,
                        layers: BTreeMap::new(),
                    },
                    Step::Cluster {
                        clusters: 32,
                        granularity: ClusterGranularity::PerChannel,
                        repair: Repair::Reconstruct,
                    },
                ],
                Storage::EntropyCoded,
            )),
            Self::KeepFirst
            | Self::KeepDepthwise
            | Self::KeepPointwise
            | Self::KeepClassifier
            | Self::Recover => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_is_one_that_runs_or_is_known_to_be_missing() {
        let missing = [
            CourseRecipe::KeepFirst,
            CourseRecipe::KeepDepthwise,
            CourseRecipe::KeepPointwise,
            CourseRecipe::KeepClassifier,
            CourseRecipe::Recover,
        ];
        for &name in CourseRecipe::ALL {
            match name.recipe(Settings::default()) {
                Some(recipe) => recipe.validate().unwrap_or_else(|error| panic!("{}: {error}", name.name())),
                None => assert!(missing.contains(&name), "{} has no recipe", name.name()),
            }
        }
    }

    #[test]
    fn a_kept_kind_stays_as_it_is_layer_by_layer() {
        let layers = [(Kind::First, "stem"), (Kind::Depthwise, "a"), (Kind::Depthwise, "b")];
        let of = |name: CourseRecipe| name.recipe_for(Settings::default(), layers);
        let recipe = of(CourseRecipe::KeepDepthwise).unwrap();
        recipe.validate().unwrap();
        let kept = recipe.steps.iter().find_map(|step| match step {
            Step::QuantizeWeights { layers, .. } => Some(layers.clone()),
            _ => None,
        });
        assert_eq!(kept.unwrap(), BTreeMap::from([("a".to_owned(), 32), ("b".to_owned(), 32)]));
        assert_eq!(of(CourseRecipe::KeepClassifier), None, "the model has none");
        assert_eq!(of(CourseRecipe::Int8), CourseRecipe::Int8.recipe(Settings::default()));
    }

    #[test]
    fn recipes_differ_and_sliders_set_them() {
        let all: Vec<Recipe> = CourseRecipe::ALL
            .iter()
            .filter_map(|name| name.recipe(Settings { sparsity: 0.7, clusters: 8 }))
            .collect();
        for (idx, recipe) in all.iter().enumerate() {
            assert!(!all[..idx].contains(recipe), "{recipe:?} is there twice");
        }
    }
}
