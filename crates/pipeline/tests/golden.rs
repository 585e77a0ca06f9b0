//! Whole models against outputs of ONNX Runtime (`tests/golden/make_golden.py`), and through files and back.

mod common;

use common::{efficientnet_lite0, formula, golden, model, root, shared_model};
use formats::container::{Coding, read, write};
use graph::Op;
use pipeline::{Classifier, Graph, zoo};
use serde_json::Value;

/// The bar: largest difference of any output.
const TOLERANCE: f64 = 1e-3;

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|x| x.as_f64().expect("a number")).collect()
}

fn largest_difference(actual: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(actual.len(), expected.len());
    let differences = actual.iter().zip(expected).map(|(a, e)| (f64::from(*a) - e).abs());
    differences.fold(
        0.0,
        |largest, difference| if difference > largest || difference.is_nan() { difference } else { largest },
    )
}

#[test]
fn largest_difference_sees_one_wrong_output_and_nan() {
    assert!(largest_difference(&[1.0, 2.0, 3.0], &[1.0, 2.5, 3.0]) > 0.4);
    assert!(largest_difference(&[1.0, f32::NAN], &[1.0, 2.0]).is_nan());
}

/// Probabilities hide differences of logits, so a final softmax is taken off.
fn without_softmax(graph: &Graph) -> Graph {
    let mut graph = graph.clone();
    if let Some(last) = graph.nodes.pop_if(|node| matches!(node.op, Op::Softmax)) {
        graph.output = last.inputs[0];
        graph.values.pop();
    }
    graph.validate().unwrap();
    graph
}

fn check(graph: &Graph, name: &str) {
    let graph = &without_softmax(graph);
    let golden = golden(name);
    let size = golden["input_size"].as_u64().expect("a size") as usize;
    let mut classifier = Classifier::new(graph).unwrap();
    let output = classifier.output(&formula(size)).unwrap();
    let difference = largest_difference(output, &floats(&golden["output"]));
    println!("{name}: largest difference {difference:.2e}, arena {} bytes", classifier.arena_bytes());
    assert!(difference <= TOLERANCE, "{name}: {difference}");
}

#[test]
fn efficientnet_lite0_agrees_with_onnx_runtime() {
    if let Some(graph) = efficientnet_lite0() {
        check(&graph, "efficientnet-lite0");
    }
}

#[test]
fn shared_models_agree_with_onnx_runtime() {
    for name in ["mobilenet_v2_1.0_224_float", "mobilenet_v1_0.25_128"] {
        if let Some(graph) = shared_model(name) {
            check(&graph, name);
        }
    }
}

/// Random weights: what is compared is the arithmetic of joined and pooled images.
#[test]
fn squeezenet_agrees_with_onnx_runtime() {
    check(&zoo::squeezenet(224, 1), "squeezenet");
}

#[test]
fn the_bundled_model_agrees_with_onnx_runtime() {
    let graph = model(&root().join("static/models/everyday-60.safetensors"))
        .expect("the bundled model is in the repository");
    let golden = golden("everyday-60");
    let mut classifier = Classifier::new(&graph).unwrap();
    let output = classifier.output(&formula(96)).unwrap().to_vec();
    let first = floats(&golden["first8"]);
    assert!(largest_difference(&output[..8], &first) <= TOLERANCE, "{:?} {first:?}", &output[..8]);
    for pair in golden["top5"].as_array().expect("a list") {
        let (class, expected) =
            (pair[0].as_u64().expect("a class") as usize, pair[1].as_f64().expect("a value"));
        assert!((f64::from(output[class]) - expected).abs() <= TOLERANCE, "class {class}");
    }
    let sum: f64 = output.iter().map(|x| f64::from(*x)).sum();
    assert!((sum - golden["sum"].as_f64().expect("a sum")).abs() <= 60.0 * TOLERANCE, "{sum}");
}

#[test]
fn a_model_is_the_same_after_a_file_and_back() {
    let bundled = model(&root().join("static/models/everyday-60.safetensors"));
    assert!(bundled.is_some(), "the bundled model is in the repository");
    for graph in [bundled, efficientnet_lite0(), shared_model("mobilenet_v1_0.25_128")].into_iter().flatten()
    {
        assert_eq!(read(&write(&graph, Coding::Dense)).unwrap(), graph);
    }
}
