//! Recipes by name.

use std::collections::BTreeMap;

use super::{
    ClusterGranularity, Distribution, Granularity, RECIPE_VERSION, RangeMethod, Recipe, Repair, Step,
    Storage, Structure,
};

/// Names of the presets, in the order in which they are offered.
pub const PRESETS: [&str; 14] = [
    "fp16",
    "bf16",
    "int8",
    "int8-per-tensor",
    "int8-per-tensor-cle",
    "int4",
    "int4-groups",
    "prune30",
    "prune50",
    "prune70-obs",
    "cluster32",
    "cluster16",
    "smallest-1pt",
    "fastest-1pt",
];

/// With it MobileNetV2 1.0 lost nothing on two hundred photos and agreed on 98.0 % of them, in 1.83 MB (docs/compression.md);
/// other networks may lose more or less.
const SMALLEST_NOISE: f64 = 4.5e-4;

impl Recipe {
    /// The preset of this name, `None` where [`PRESETS`] lacks it.
    pub fn preset(name: &str) -> Option<Self> {
        use Storage::{EntropyCoded, Plain};
        let activations = Step::QuantizeActivations { ranges: RangeMethod::MinMax };
        let weights = |bits, granularity, repair| Step::QuantizeWeights {
            bits,
            granularity,
            repair,
            layers: BTreeMap::new(),
        };
        let prune = |sparsity| Step::Prune {
            sparsity,
            structure: Structure::Unstructured,
            distribution: Distribution::Measured,
            repair: Repair::Reconstruct,
            schedule: None,
            layers: BTreeMap::new(),
        };
        let cluster = |clusters| Step::Cluster {
            clusters,
            granularity: ClusterGranularity::PerChannel,
            repair: Repair::Reconstruct,
        };
        let (steps, storage) = match name {
            "fp16" => (vec![Step::Float16 {}], Plain),
            "bf16" => (vec![Step::Bfloat16 {}], Plain),
            "int8-per-tensor" => (vec![activations, weights(8, Granularity::PerTensor, Repair::Off)], Plain),
            "int8-per-tensor-cle" => (
                vec![
                    Step::RemoveDeadChannels {},
                    Step::Equalize {},
                    activations,
                    weights(8, Granularity::PerTensor, Repair::Biases),
                ],
                Plain,
            ),
            "int8" => (vec![activations, weights(8, Granularity::PerChannel, Repair::Biases)], Plain),
            "int4" => (vec![activations, weights(4, Granularity::PerChannel, Repair::Reconstruct)], Plain),
            "int4-groups" => {
                (vec![activations, weights(4, Granularity::Groups32, Repair::Reconstruct)], Plain)
            }
            "prune30" => (vec![prune(0.3)], EntropyCoded),
            "prune50" => (vec![prune(0.5)], EntropyCoded),
            "prune70-obs" => (vec![prune(0.7)], EntropyCoded),
            "cluster32" => (vec![cluster(32)], EntropyCoded),
            "cluster16" => (vec![cluster(16)], EntropyCoded),
            "smallest-1pt" => (vec![Step::QuantizeForSize { noise: SMALLEST_NOISE }], EntropyCoded),
            // Nothing measured is faster within a point: five per cent fewer multiply-adds by removed channels cost
            // MobileNetV2 1.0 six points (docs/compression.md), and fewer bits run on the kernels of eight.
            "fastest-1pt" => (
                vec![
                    Step::RemoveDeadChannels {},
                    activations,
                    weights(8, Granularity::PerChannel, Repair::Biases),
                ],
                Plain,
            ),
            _ => return None,
        };
        Some(Self { version: RECIPE_VERSION, steps, storage })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_a_valid_recipe_and_survives_json() {
        for name in PRESETS {
            let recipe = Recipe::preset(name).unwrap_or_else(|| panic!("{name} is missing"));
            recipe.validate().unwrap_or_else(|error| panic!("{name}: {error}"));
            let json = serde_json::to_string(&recipe).unwrap();
            assert_eq!(Recipe::from_json(&json).unwrap(), recipe, "{name}");
        }
        assert_eq!(Recipe::preset("int7"), None);
    }
}
