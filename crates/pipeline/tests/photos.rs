//! The 200 labelled photos: first answers against ONNX Runtime's, accuracy of float and of int8 on integer kernels.

mod common;

use std::path::PathBuf;
use std::sync::Arc;
use std::{fs, thread};

use common::{efficientnet_lite0, golden, shared, shared_model};
use pipeline::{Classifier, Graph, NumberFormat, Recipe, RecipeRun};
use vision::{Picture, View};

struct Photo {
    file: String,
    class: usize,
    rgba: Vec<u8>,
    width: usize,
    height: usize,
}

/// The photos with their classes, or `None` with a message.
fn photos() -> Option<Vec<Photo>> {
    let folder = shared().join("images/imagenet-200");
    let Ok(labels) = fs::read_to_string(folder.join("labels.csv")) else {
        println!("skipped: {} is not there", folder.display());
        return None;
    };
    let photo = |line: &str| {
        let mut fields = line.split(',');
        let file = fields.next().expect("a file").to_owned();
        let class = fields.next().and_then(|class| class.parse().ok()).expect("a class");
        let picture =
            image::open(folder.join(&file)).unwrap_or_else(|error| panic!("{file}: {error}")).to_rgba8();
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        Photo { file, class, rgba: picture.into_raw(), width, height }
    };
    Some(labels.lines().skip(1).map(photo).collect())
}

/// Prepared as the model asks: the centre of the photo, which the folder holds at 256x256.
fn tensors(graph: &Graph, photos: &[Photo]) -> Vec<Vec<f32>> {
    let preprocessing = graph.metadata.preprocessing;
    let view = View::centre_crop(preprocessing.crop, preprocessing.resize_shorter);
    let mut preparer = Classifier::preparer(graph);
    photos
        .iter()
        .map(|photo| {
            let picture = Picture::new(&photo.rgba, photo.width, photo.height).unwrap();
            let mut tensor = vec![0.0; preparer.tensor_len()];
            preparer.prepare(&picture, &view, &mut tensor).unwrap();
            tensor
        })
        .collect()
}

/// First answers, on two threads.
fn first_answers(graph: &Graph, tensors: &[Vec<f32>]) -> Vec<usize> {
    let half = tensors.len().div_ceil(2);
    let answers = |tensors: &[Vec<f32>]| -> Vec<usize> {
        let mut classifier = Classifier::new(graph).unwrap();
        let mut first = |tensor: &Vec<f32>| {
            classifier.probabilities(tensor).unwrap();
            classifier.answers(1)[0].class
        };
        tensors.iter().map(&mut first).collect()
    };
    thread::scope(|scope| {
        let parts: Vec<_> = tensors.chunks(half).map(|part| scope.spawn(move || answers(part))).collect();
        parts.into_iter().flat_map(|part| part.join().expect("no panic")).collect()
    })
}

fn count(pairs: impl Iterator<Item = (usize, usize)>) -> usize {
    pairs.filter(|(a, b)| a == b).count()
}

/// Checks one model; `expected` are ONNX Runtime's first answers by file.
fn check(name: &str, graph: Graph, expected: &dyn Fn(&str) -> usize) {
    let Some(photos) = photos() else { return };
    let tensors = tensors(&graph, &photos);
    let answers = first_answers(&graph, &tensors);
    let same = count(answers.iter().copied().zip(photos.iter().map(|photo| expected(&photo.file))));

    // Every sixth photo calibrates, 34 of 200; int8 is judged on the others.
    let calibrates = |idx: usize| idx.is_multiple_of(6);
    let calibration: Vec<Vec<f32>> = tensors.iter().step_by(6).cloned().collect();
    let recipe = Recipe::from_controls(NumberFormat::Int8, 0.0);
    let compressed = RecipeRun::new(Arc::new(graph), recipe, calibration.into()).unwrap().finish().unwrap();
    let (integer, all) = Classifier::new(&compressed.graph).unwrap().integer_steps();
    let int8_answers = first_answers(&compressed.graph, &tensors);
    let judged = |answers: &[usize], reference: &dyn Fn(usize) -> usize| {
        let judged = answers.iter().enumerate().filter(|(idx, _)| !calibrates(*idx));
        count(judged.map(|(idx, answer)| (*answer, reference(idx))))
    };
    let n = (0..photos.len()).filter(|idx| !calibrates(*idx)).count();
    let right = |answers: &[usize]| judged(answers, &|idx| photos[idx].class);
    let agreement = judged(&int8_answers, &|idx| answers[idx]);
    println!(
        "{name}: {same} of {} as ONNX Runtime; of {n} others than calibration float {} right, int8 {} right, \
         {agreement} the same; {integer} of {all} steps on integers",
        photos.len(),
        right(&answers),
        right(&int8_answers),
    );
    assert!(
        photos.len() - same <= 1,
        "{name}: {} first answers differ from ONNX Runtime's",
        photos.len() - same
    );
    assert!(integer + 2 >= all, "{name}: only {integer} of {all} steps run on integers");
    let points = (right(&answers) as f64 - right(&int8_answers) as f64) / n as f64 * 100.0;
    assert!(points <= 2.0, "{name}: int8 loses {points} points");
}

#[test]
fn mobilenet_v2_answers_as_onnx_runtime_and_int8_keeps_its_accuracy() {
    let Some(graph) = shared_model("mobilenet_v2_1.0_224_float") else { return };
    let path: PathBuf = shared().join("images/imagenet-200/expected_mobilenet_v2_1.0_224_float.csv");
    let text = fs::read_to_string(path).unwrap();
    let expected = |file: &str| {
        let line = text.lines().find(|line| line.starts_with(file)).expect("every photo is listed");
        line.split(',').nth(1).and_then(|class| class.parse().ok()).expect("a class")
    };
    check("mobilenet_v2_1.0_224_float", graph, &expected);
}

#[test]
fn efficientnet_lite0_answers_as_onnx_runtime_and_int8_keeps_its_accuracy() {
    let Some(graph) = efficientnet_lite0() else { return };
    let golden = golden("efficientnet-lite0-photos");
    let expected = |file: &str| golden["top1"][file].as_u64().expect("every photo is listed") as usize;
    check("efficientnet-lite0", graph, &expected);
}
