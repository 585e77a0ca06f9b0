//! Exact rewrites of a published network: what it answers stays the same.

mod common;

use std::fs;

use common::{shared, shared_model};
use compress::{equalize, remove_dead_channels};
use engine::{Executor, Fusion, Plan};
use graph::{Evidence, Graph, Op, fold_batch_norms};
use pipeline::Classifier;
use vision::{Picture, View};

/// Some of the shared photos as the network takes them, or `None` with a message.
fn photos(graph: &Graph, n: usize) -> Option<Vec<Vec<f32>>> {
    let folder = shared().join("images/imagenet-200");
    let Ok(labels) = fs::read_to_string(folder.join("labels.csv")) else {
        println!("skipped: {} is not there", folder.display());
        return None;
    };
    let preprocessing = graph.metadata.preprocessing;
    let view = View::centre_crop(preprocessing.crop, preprocessing.resize_shorter);
    let mut preparer = Classifier::preparer(graph);
    let mut prepare = |line: &str| {
        let file = line.split(',').next().expect("a file");
        let picture =
            image::open(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}")).to_rgba8();
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let mut tensor = vec![0.0; preparer.tensor_len()];
        preparer.prepare(&Picture::new(&picture, width, height).unwrap(), &view, &mut tensor).unwrap();
        tensor
    };
    Some(labels.lines().skip(1).step_by(7).take(n).map(&mut prepare).collect())
}

fn observe(graph: &Graph, photos: &[Vec<f32>]) -> Evidence {
    let mut executor = Executor::new(Plan::new(graph, Fusion::Observable).unwrap());
    let mut evidence = Evidence::default();
    for photo in photos {
        executor
            .run_observed(photo, &mut |value, activations| {
                evidence.observe(value, activations, graph.value(value).shape.channels());
            })
            .unwrap();
        evidence.end_frame();
    }
    evidence
}

/// The logits of each photo.
fn logits(graph: &Graph, photos: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let last = graph.nodes.iter().rev().find(|node| matches!(node.op, Op::Linear(_))).expect("a classifier");
    let mut executor = Executor::new(Plan::new(graph, Fusion::Full).unwrap());
    let mut of = |photo: &Vec<f32>| {
        let mut logits = Vec::new();
        executor
            .run_observed(photo, &mut |value, activations| {
                if value == last.output {
                    logits = activations.to_vec();
                }
            })
            .unwrap();
        logits
    };
    photos.iter().map(&mut of).collect()
}

fn first(logits: &[f32]) -> usize {
    (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b])).expect("classes")
}

/// The largest difference of a logit; answers must agree.
fn difference(actual: &[Vec<f32>], expected: &[Vec<f32>]) -> f32 {
    let mut worst = 0.0_f32;
    for (actual, expected) in actual.iter().zip(expected) {
        assert_eq!(first(actual), first(expected));
        worst = actual.iter().zip(expected).fold(worst, |worst, (a, e)| worst.max((a - e).abs()));
    }
    worst
}

#[test]
fn mobilenet_v2_answers_the_same_after_equalization() {
    let Some(graph) = shared_model("mobilenet_v2_1.0_224_float") else { return };
    let graph = fold_batch_norms(&graph).unwrap();
    let Some(photos) = photos(&graph, 12) else { return };
    let (calibration, others) = photos.split_at(8);
    let evidence = observe(&graph, calibration);
    let (alive, dead) = remove_dead_channels(&graph, &evidence).unwrap();
    let expected = logits(&graph, calibration);
    let removed = difference(&logits(&alive, calibration), &expected);
    let n_dead: usize = dead.iter().map(|dead| dead.removed + dead.held).sum();
    println!("{n_dead} dead channels in {} layers; logits differ by {removed}", dead.len());
    assert!(n_dead > 0);
    assert!(removed < 1e-3, "{removed}");

    let (equal, report) = equalize(&alive, &evidence).unwrap();
    assert!(report.pairs.len() > 30, "{}", report.pairs.len());
    for photos in [calibration, others] {
        let equalized = difference(&logits(&equal, photos), &logits(&alive, photos));
        println!("{} pairs, {} rounds; logits differ by {equalized}", report.pairs.len(), report.rounds);
        assert!(equalized < 1e-3, "{equalized}");
    }
}
