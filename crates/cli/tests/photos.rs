//! The shared photos and models: known accuracies come out, and labels are shifted for a background class.

mod common;

use common::{report, shared};

/// ONNX Runtime has 46.0 % and 75.0 % with the same weights; a photo is half a point.
#[test]
fn accuracy_is_that_of_onnx_runtime() {
    let Some(shared) = shared() else { return };
    let path = |name: &str| shared.join(name).display().to_string();
    let images = path("images/imagenet-200");
    let labels = path("images/imagenet-200/labels.csv");
    let model = path("models/mobilenet_v1_0.25_128.onnx");
    let eval = ["eval", &model, "--images", &images, "--labels", &labels, "--resize", "146", "--json"];
    let (json, notes) = report(&eval);
    assert_eq!((json["n"].as_u64(), json["background_class"].as_bool()), (Some(200), Some(true)));
    assert!(notes.contains("labels are shifted by one, class c is output c + 1"), "{notes}");
    let near = |field: &str, expected: f64| (json[field].as_f64().unwrap() - expected).abs() <= 0.0101;
    assert!(near("top1", 0.46) && near("top5", 0.75), "{json}");

    let (few, _) = report(&[&eval[..], &["--limit", "10"]].concat());
    assert_eq!(few["n"], 10);
    let (wrong, _) = report(&[&eval[..], &["--background", "no"]].concat());
    assert!(wrong["top1"].as_f64() < Some(0.05), "unshifted labels are wrong: {wrong}");
}
