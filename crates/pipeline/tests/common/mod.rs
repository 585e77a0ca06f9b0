//! Where test models and photos are, and how a missing one is reported.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::path::{Path, PathBuf};
use std::{env, fs};

use pipeline::{Graph, read_model};
use serde_json::Value;

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The folder of shared test data: `$TINYLENS_SHARED`, else beside the repository.
pub fn shared() -> PathBuf {
    env::var_os("TINYLENS_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from)
}

/// Reads a model, or says why the test is skipped.
pub fn model(path: &Path) -> Option<Graph> {
    let name = path.file_stem().and_then(|stem| stem.to_str()).expect("test models have names");
    match fs::read(path) {
        Ok(bytes) => Some(read_model(&bytes, name).unwrap_or_else(|error| panic!("{name}: {error}"))),
        Err(_) => {
            println!("skipped: {} is not there", path.display());
            None
        }
    }
}

/// EfficientNet-Lite0 as the set-up converts it.
pub fn efficientnet_lite0() -> Option<Graph> {
    model(&root().join("target/assets/efficientnet-lite0.safetensors"))
}

/// One of the shared ONNX models.
pub fn shared_model(name: &str) -> Option<Graph> {
    model(&shared().join(format!("models/{name}.onnx")))
}

/// A file of `tests/golden`.
pub fn golden(name: &str) -> Value {
    let path = root().join(format!("tests/golden/{name}.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// `sin(0.05 * (c + 1) * x + 0.03 * y)`, `nhwc`.
pub fn formula(size: usize) -> Vec<f32> {
    let value =
        |c: usize, y: usize, x: usize| (0.05 * (c + 1) as f64 * x as f64 + 0.03 * y as f64).sin() as f32;
    (0..size).flat_map(|y| (0..size).flat_map(move |x| (0..3).map(move |c| value(c, y, x)))).collect()
}
