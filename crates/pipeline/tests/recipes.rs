//! Every preset on a small network, judged on pictures that it was not calibrated on.

mod small;

use std::sync::Arc;

use pipeline::{
    Classifier, Graph, PRESETS, Recipe, RecipeRun, Repair, Status, Step, Storage, WeightValues, zoo,
};
use small::{network, pictures, relative_error, run};

/// The recipe with this repair in every step that has one.
fn with_repair(mut recipe: Recipe, wanted: Repair) -> Recipe {
    for step in &mut recipe.steps {
        if let Step::Prune { repair, .. }
        | Step::Cluster { repair, .. }
        | Step::QuantizeWeights { repair, .. } = step
        {
            *repair = wanted;
        }
    }
    recipe
}

#[test]
fn every_preset_gives_a_smaller_model_that_runs() {
    let graph = network();
    let original = Graph::clone(&graph);
    let dense = run(&graph, Recipe::identity()).sizes.dense;
    for name in PRESETS {
        let recipe = Recipe::preset(name).unwrap();
        let storage = recipe.storage;
        let compressed = run(&graph, recipe);
        assert!(
            compressed.sizes.of(storage) < dense * 9 / 10,
            "{name}: {} bytes",
            compressed.sizes.of(storage)
        );
        let file = pipeline::model_file(&compressed.graph, storage);
        assert_eq!(file.len() as u64, compressed.sizes.of(storage), "{name}");
        let layers = &compressed.layers;
        assert_eq!(layers.len(), 28, "{name}");
        let bytes: u64 = layers.iter().map(|layer| layer.bytes).sum();
        assert!(bytes > 0 && (storage == Storage::Gzip || bytes < file.len() as u64), "{name}");
        let read = pipeline::read_model(&file, name).unwrap();
        assert_eq!(read, compressed.graph, "{name} is not read back as it was written");
        assert!(relative_error(&graph, &compressed.graph).is_finite(), "{name}");
    }
    assert_eq!(*graph, original, "a recipe changed the original");
}

#[test]
fn presets_keep_their_promises_of_form() {
    let graph = network();
    let compressed = |name: &str| run(&graph, Recipe::preset(name).unwrap()).graph;
    for (name, bits) in [("int8", 8), ("int8-per-tensor-cle", 8), ("int4", 4), ("int4-groups", 4)] {
        let graph = compressed(name);
        assert!(graph.weights().any(|weight| weight.stored_bits() == bits), "{name}");
        let (integer, all) = Classifier::new(&graph).unwrap().integer_steps();
        assert!(integer + 2 >= all, "{name}: {integer} of {all} steps run on integers");
    }
    for (name, share) in [("prune30", 0.3), ("prune50", 0.5), ("prune70-obs", 0.7)] {
        let graph = compressed(name);
        let prunable = graph.nodes.iter().filter(|node| pipeline::is_prunable(&node.op));
        let (zeros, all) = prunable
            .filter_map(|node| node.op.weight())
            .fold((0, 0), |(zeros, all), weight| (zeros + weight.count_zeros(), all + weight.len()));
        assert!((zeros as f64 / all as f64 - share).abs() < 0.01, "{name}: {zeros} of {all}");
    }
    let clustered = compressed("cluster16");
    let books: Vec<usize> = clustered
        .weights()
        .filter_map(|weight| match &weight.values {
            WeightValues::Clustered(weights) => Some(weights.n_clusters),
            _ => None,
        })
        .collect();
    assert!(books.len() > 10 && books.iter().all(|n| *n == 16));
}

#[test]
fn repairs_lower_the_error_on_other_pictures() {
    // The second one has residual additions and channels without an activation.
    let graphs = [network(), Arc::new(zoo::mobilenet_v2(0.35, 64, 5))];
    let cases = [(0, "int4-groups"), (0, "prune50"), (0, "cluster16"), (1, "int4")];
    for (graph, name) in cases.map(|(graph, name)| (&graphs[graph], name)) {
        let error = |repair| {
            let recipe = with_repair(Recipe::preset(name).unwrap(), repair);
            relative_error(graph, &run(graph, recipe).graph)
        };
        let (off, reconstructed) = (error(Repair::Off), error(Repair::Reconstruct));
        assert!(reconstructed < 0.6 * off, "{name}: {off} without, {reconstructed} with repair");
    }
}

#[test]
fn zeros_stay_zeros_through_what_follows() {
    let graph = network();
    let prune = Recipe::preset("prune50").unwrap();
    let pruned = run(&graph, prune.clone()).graph;
    let zeros = |graph: &Graph| graph.weights().map(pipeline::Weight::count_zeros).collect::<Vec<_>>();
    for second in ["int8", "int4", "int4-groups", "cluster16"] {
        let mut recipe = Recipe::preset(second).unwrap();
        recipe.steps.insert(0, prune.steps[0].clone());
        recipe.storage = Storage::EntropyCoded;
        let both = run(&graph, recipe).graph;
        for (before, after) in zeros(&pruned).into_iter().zip(zeros(&both)) {
            assert!(after >= before, "{second}: {before} zeros became {after}");
        }
    }
}

#[test]
fn a_run_is_done_in_pieces_with_progress_and_dropped_without_a_trace() {
    let graph = network();
    let calibration: Arc<[Vec<f32>]> = pictures(&graph, 0..4).into();
    let mut run = RecipeRun::new(graph.clone(), Recipe::preset("int4").unwrap(), calibration).unwrap();
    let mut stages = Vec::new();
    let mut pieces = 0;
    while let Status::Working(progress) = run.advance().unwrap() {
        assert!(progress.done <= progress.total, "{progress:?}");
        if stages.last() != Some(&progress.stage) {
            stages.push(progress.stage);
        }
        pieces += 1;
    }
    assert!(stages.contains(&pipeline::Stage::Repair) && pieces > 300, "{pieces} pieces, {stages:?}");
    let mut dropped =
        RecipeRun::new(graph.clone(), Recipe::preset("int4").unwrap(), pictures(&graph, 0..4).into())
            .unwrap();
    assert!(Arc::strong_count(&graph) > 1, "the run holds the original");
    for _ in 0..pieces / 2 {
        dropped.advance().unwrap();
    }
    drop(dropped);
    assert_eq!(Arc::strong_count(&graph), 1, "nothing of a dropped run stays");
}
