//! Steps beyond the presets: what moves biases, removes channels, brings statistics back, and prunes in increments.

mod small;

use std::sync::Arc;

use graph::{
    BatchNorm, Clip, Conv2d, GraphBuilder, LabelSet, Linear, Metadata, Op, Padding, Preprocessing, Weight,
};
use pipeline::{CompressError, Graph, PipelineError, Recipe, RecipeRun, cost, zoo};
use small::{network, pictures, relative_error, run};

fn recipe(steps: &str) -> Recipe {
    Recipe::from_json(&format!(r#"{{"version":2,"steps":[{steps}],"storage":"plain"}}"#)).unwrap()
}

/// With residual additions.
fn bottlenecks() -> Arc<Graph> {
    Arc::new(zoo::mobilenet_v2(0.35, 64, 5))
}

#[test]
fn removed_channels_make_the_network_smaller_and_a_refit_makes_up_for_some() {
    let graph = bottlenecks();
    let remove = |refit: bool| {
        run(&graph, recipe(&format!(r#"{{"pass":"remove-channels","share":0.3,"refit":{refit}}}"#)))
    };
    let (plain, refitted) = (remove(false), remove(true));
    for compressed in [&plain, &refitted] {
        let [before, after] = [&graph, &compressed.graph].map(|graph| cost(graph).multiply_adds);
        assert!(after < before * 85 / 100, "{after} of {before} multiply-adds");
        assert!(compressed.sizes.dense < pipeline::dense_sizes(&graph).0);
        let report = compressed.steps[0];
        assert_eq!((report.pass, report.multiply_adds), ("remove-channels", after));
        assert_eq!(report.bytes, compressed.sizes.dense);
        let file = pipeline::model_file(&compressed.graph, pipeline::Storage::Plain);
        assert_eq!(pipeline::read_model(&file, "file").unwrap(), compressed.graph);
    }
    let [without, with] = [&plain, &refitted].map(|it| relative_error(&graph, &it.graph));
    assert!(with < 0.9 * without, "{without} without, {with} with a refit");
    assert!(with > 0.0 && without < 1.0, "{without} {with}");
}

#[test]
fn later_steps_repair_towards_the_smaller_network() {
    let graph = bottlenecks();
    let removal = r#"{"pass":"remove-channels","share":0.1,"refit":true}"#;
    let small = run(&graph, recipe(removal));
    let int4 = r#"{"pass":"quantize-activations"},{"pass":"quantize-weights","bits":4,"repair":"#;
    let both = |repair: &str| run(&graph, recipe(&format!(r#"{removal},{int4}"{repair}"}}"#)));
    let (off, on) = (both("off"), both("reconstruct"));
    assert_eq!(cost(&on.graph).multiply_adds, cost(&small.graph).multiply_adds);
    let passes: Vec<_> = on.steps.iter().map(|step| step.pass).collect();
    assert_eq!(passes, ["remove-channels", "quantize-activations", "quantize-weights"]);
    assert!(on.steps[2].bytes < on.steps[1].bytes / 3, "{:?}", on.steps);
    let error = |graph: &Graph| relative_error(&small.graph, graph);
    assert!(error(&on.graph) < 0.6 * error(&off.graph), "{} {}", error(&on.graph), error(&off.graph));
}

/// Two convolutions, the first with biases that lift most of its outputs far above zero.
fn high_biases() -> Arc<Graph> {
    let (mut builder, mut x) = builder();
    for (name, inputs, bias) in [("first", 3_usize, 0.8), ("second", 8, 0.0)] {
        let values = (0..8 * inputs).map(|i| ((i * 37 % 101) as f32 - 50.0) / 128.0).collect();
        let weight = Weight::f32(vec![8, inputs, 1, 1], values);
        let padding = Padding::default();
        let conv = Conv2d { weight, bias: Some(vec![bias; 8]), stride: [2, 2], padding, groups: 1 };
        x = builder.add(name, Op::Conv2d(conv), &[x]).unwrap();
        x = builder.add(&format!("{name}/relu"), Op::Clip(Clip::RELU), &[x]).unwrap();
    }
    let x = builder.add("pool", Op::GlobalAveragePool, &[x]).unwrap();
    Arc::new(builder.finish(x).unwrap())
}

#[test]
fn absorbed_biases_are_repaired_towards_what_they_became() {
    let graph = high_biases();
    let absorbed = run(&graph, recipe(r#"{"pass":"absorb-biases"}"#));
    let error = relative_error(&graph, &absorbed.graph);
    assert!(error < 0.2, "{error}");
    assert_ne!(absorbed.graph, *graph, "something was absorbed");
    // Nothing is left to correct.
    let corrected = run(&graph, recipe(r#"{"pass":"absorb-biases"},{"pass":"correct-biases"}"#));
    let error = relative_error(&absorbed.graph, &corrected.graph);
    assert!(error < 1e-6, "{error}");
}

#[test]
fn repaired_statistics_lower_the_error_of_pruning() {
    let graph = network();
    let prune = r#"{"pass":"prune","sparsity":0.5,"distribution":"uniform"}"#;
    let pruned = run(&graph, recipe(prune)).graph;
    let repaired = run(&graph, recipe(&format!(r#"{prune},{{"pass":"repair-statistics"}}"#)));
    let [before, after] = [&pruned, &repaired.graph].map(|it| relative_error(&graph, it));
    assert!(after < 0.8 * before, "{before} to {after}");
    assert_eq!(repaired.steps[0].zeros, repaired.steps[1].zeros);
    // Without a loss there is nothing to repair.
    let same = run(&graph, recipe(r#"{"pass":"repair-statistics"}"#)).graph;
    assert!(relative_error(&graph, &same) < 1e-6);
}

/// An empty network for small pictures, and its input.
fn builder() -> (GraphBuilder, graph::ValueId) {
    let metadata = Metadata {
        name: "test".to_owned(),
        origin: String::new(),
        licence: String::new(),
        labels: LabelSet::Numbers,
        background_class: false,
        preprocessing: Preprocessing::usual(64, Preprocessing::MINUS_ONE_TO_ONE),
    };
    GraphBuilder::new(metadata, 64, 64).unwrap()
}

/// Two linear layers with so many activations in between.
fn linear(hidden: usize) -> Arc<Graph> {
    let (mut builder, x) = builder();
    let mut x = builder.add("pool", Op::GlobalAveragePool, &[x]).unwrap();
    for (name, [n_out, k]) in [("wide", [hidden, 3]), ("narrow", [2, hidden])] {
        let values = (0..n_out * k).map(|i| ((i * 37 % 101) as f32 - 50.0) / 64.0).collect();
        let layer = Linear { weight: Weight::f32(vec![n_out, k], values), bias: Some(vec![0.0; n_out]) };
        x = builder.add(name, Op::Linear(layer), &[x]).unwrap();
    }
    Arc::new(builder.finish(x).unwrap())
}

#[test]
fn layers_with_too_many_inputs_for_a_reconstruction_are_named() {
    let int4 = |hidden: usize, repair: &str| {
        let graph = linear(hidden);
        let step = format!(r#"{{"pass":"quantize-weights","bits":4,"repair":"{repair}"}}"#);
        let calibration = pictures(&graph, 0..2).into();
        RecipeRun::new(graph, recipe(&step), calibration).unwrap().finish()
    };
    assert!(int4(40, "reconstruct").is_ok());
    assert!(int4(5000, "biases").is_ok());
    let error = int4(5000, "reconstruct").unwrap_err().to_string();
    assert!(error.contains("layer `narrow` has 5000 inputs") && error.contains("`biases`"), "{error}");
}

#[test]
fn errors_name_step_and_layer() {
    let graph = linear(8);
    let mut calibration = pictures(&graph, 0..2);
    calibration[1][5] = f32::NAN;
    let prune =
        r#"{"pass":"prune","sparsity":0.1},{"pass":"quantize-weights","bits":4,"repair":"reconstruct"}"#;
    let run = RecipeRun::new(graph, recipe(prune), calibration.into()).unwrap();
    assert_eq!(
        run.finish().unwrap_err().to_string(),
        "step 2 (quantize-weights): layer `wide`: `inputs of a layer` holds values that are not finite"
    );
}

/// Two convolutions with batch norms that fit other pictures.
fn normed() -> Arc<Graph> {
    let (mut builder, mut x) = builder();
    for (name, inputs) in [("first", 3_usize), ("second", 8)] {
        let values = (0..8 * inputs).map(|i| ((i * 37 % 101) as f32 - 50.0) / 64.0).collect();
        let weight = Weight::f32(vec![8, inputs, 1, 1], values);
        let padding = Padding::default();
        let conv = Conv2d { weight, bias: None, stride: [4, 4], padding, groups: 1 };
        x = builder.add(name, Op::Conv2d(conv), &[x]).unwrap();
        let norm = BatchNorm {
            gamma: vec![1.0; 8],
            beta: vec![0.5; 8],
            mean: vec![0.3; 8],
            variance: vec![2.0; 8],
            epsilon: 1e-9,
        };
        x = builder.add(&format!("{name}/norm"), Op::BatchNorm(norm), &[x]).unwrap();
        x = builder.add(&format!("{name}/relu"), Op::Clip(Clip::RELU), &[x]).unwrap();
    }
    let x = builder.add("pool", Op::GlobalAveragePool, &[x]).unwrap();
    Arc::new(builder.finish(x).unwrap())
}

#[test]
fn batch_norms_fit_the_calibration_pictures_again() {
    let graph = normed();
    let step = r#"{"pass":"reestimate-batch-norms"}"#;
    let once = run(&graph, recipe(step)).graph;
    let norm = |graph: &Graph, name: &str| {
        let node = graph.nodes.iter().find(|node| node.name == name).unwrap();
        let Op::BatchNorm(norm) = &node.op else { panic!("{name} is folded") };
        norm.clone()
    };
    for name in ["first/norm", "second/norm"] {
        let [before, after] = [&graph, &once].map(|graph| norm(graph, name));
        assert_ne!((&before.mean, &before.variance), (&after.mean, &after.variance));
        assert_eq!(before.gamma, after.gamma);
    }
    // What fits already stays: each was estimated behind those before it.
    let twice = run(&Arc::new(once.clone()), recipe(step)).graph;
    for name in ["first/norm", "second/norm"] {
        let [before, after] = [&once, &twice].map(|graph| norm(graph, name));
        for (a, b) in before.mean.iter().zip(&after.mean).chain(before.variance.iter().zip(&after.variance)) {
            assert!((a - b).abs() < 1e-4 * a.abs().max(1.0), "{name}: {a} {b}");
        }
    }
    // Steps that fold batch norms go on from there, on both sides.
    let corrected = run(&graph, recipe(&format!(r#"{step},{{"pass":"correct-biases"}}"#))).graph;
    assert!(corrected.nodes.iter().all(|node| !matches!(node.op, Op::BatchNorm(_))));

    let calibration: Arc<[Vec<f32>]> = pictures(&network(), 0..2).into();
    let mut folded = RecipeRun::new(network(), recipe(step), calibration).unwrap();
    let error = folded.advance().unwrap_err();
    let PipelineError::InStep { step: 1, cause, .. } = error else { panic!("{error}") };
    assert!(matches!(*cause, PipelineError::Compress(CompressError::NoBatchNorms)), "{cause}");
}

#[test]
fn pruning_in_increments_reaches_the_same_sparsity() {
    let graph = network();
    let prune = |schedule: &str| {
        let step = format!(
            r#"{{"pass":"prune","sparsity":0.7,"distribution":"uniform","repair":"reconstruct"{schedule}}}"#
        );
        run(&graph, recipe(&step))
    };
    let (at_once, gradual) = (prune(""), prune(r#","schedule":{"steps":4}"#));
    let [zeros, expected] = [gradual.steps[0].zeros, at_once.steps[0].zeros];
    assert!(zeros.abs_diff(expected) * 100 < expected, "{zeros} zeros, {expected} at once");
    assert_ne!(gradual.graph, at_once.graph);
    let [gradual, at_once] = [gradual, at_once].map(|it| relative_error(&graph, &it.graph));
    assert!(gradual < 1.2 * at_once, "{gradual} in increments, {at_once} at once");
}

#[test]
fn single_layers_have_shares_of_their_own_and_n_of_m_holds() {
    let graph = network();
    let prunable: Vec<usize> =
        (0..graph.nodes.len()).filter(|node| pipeline::is_prunable(&graph.nodes[*node].op)).collect();
    let name = &graph.nodes[prunable[3]].name;
    for repair in ["off", "reconstruct"] {
        let step = format!(
            r#"{{"pass":"prune","sparsity":0.5,"distribution":"global","repair":"{repair}","layers":{{"{name}":0.1}}}}"#
        );
        let pruned = run(&graph, recipe(&step)).graph;
        let counts = |node: &usize| {
            let weight = pruned.nodes[*node].op.weight().unwrap();
            (weight.count_zeros() as f64, weight.len() as f64)
        };
        let (zeros, len) = counts(&prunable[3]);
        assert!((zeros / len - 0.1).abs() < 0.01, "{repair}: {zeros} of {len}");
        let others = prunable.iter().filter(|node| **node != prunable[3]).map(counts);
        let (zeros, len) = others.fold((0.0, 0.0), |(a, b), (zeros, len)| (a + zeros, b + len));
        assert!((zeros / len - 0.5).abs() < 0.01, "{repair}: {zeros} of {len}");

        let step = format!(r#"{{"pass":"prune","sparsity":0.75,"structure":"1:4","repair":"{repair}"}}"#);
        let pruned = run(&graph, recipe(&step)).graph;
        for node in &prunable {
            let weight = pruned.nodes[*node].op.weight().unwrap();
            for channel in weight.to_f32().chunks(weight.channel_len()) {
                for group in channel.chunks_exact(4) {
                    assert!(
                        group.iter().filter(|weight| **weight != 0.0).count() <= 1,
                        "{repair}: {group:?}"
                    );
                }
            }
        }
    }
    let step = r#"{"pass":"prune","sparsity":0.5,"layers":{"nowhere":0.1}}"#;
    let error = RecipeRun::new(graph, recipe(step), Vec::new().into()).unwrap().finish().unwrap_err();
    assert!(error.to_string().contains("`nowhere`"), "{error}");
}

#[test]
fn even_few_zeros_stay_through_later_steps() {
    let graph = network();
    let prune = r#"{"pass":"prune","sparsity":0.02,"distribution":"uniform"}"#;
    let pruned = run(&graph, recipe(prune)).graph;
    for later in [
        r#"{"pass":"quantize-weights","bits":4,"repair":"reconstruct"}"#,
        r#"{"pass":"cluster","clusters":16,"repair":"reconstruct"}"#,
        r#"{"pass":"cluster","clusters":16,"repair":"off"}"#,
        r#"{"pass":"quantize-for-size","noise":0.01}"#,
    ] {
        let formed = run(&graph, recipe(&format!("{prune},{later}"))).graph;
        for (before, after) in pruned.weights().zip(formed.weights()) {
            let (before, after) = (before.to_f32(), after.to_f32());
            let lost = before.iter().zip(&*after).filter(|(before, after)| **before == 0.0 && **after != 0.0);
            assert_eq!(lost.count(), 0, "{later}");
        }
    }
}
