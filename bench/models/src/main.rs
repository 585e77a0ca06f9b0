//! Writes every model of the benchmark in every format that an engine reads, with one input and our own outputs.
//!
//! `bench-models FOLDER` fills the folder, unless this same program has filled it already; `index.json` there lists the models with the shapes of their
//! pictures. Files are `NAME-f32.*` and `NAME-int8.*`, see [`write_model`]. Weights without a licence to be committed
//! are drawn from a seed: speed does not depend on their values, and agreement is judged on the same ones. Batch norms
//! are folded before anything is written, so that no engine pays for what another one folds.

mod layers;

use std::env;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result, bail};
use engine::{Executor, Fusion, Plan};
use formats::container::{self, Coding};
use graph::{Graph, Shape, WeightValues, fold_batch_norms};
use pipeline::{NumberFormat, Recipe, RecipeRun, zoo};
use serde_json::json;

const EVERYDAY60: &[u8] = include_bytes!("../../../static/models/everyday-60.safetensors");

const SEED: u64 = 1;
const N_CALIBRATION: u64 = 4;
const WIDTH: f32 = 1.0;
const RESOLUTION: usize = 224;

type Make = fn() -> Result<Graph>;

/// Names and how each model is made.
const MODELS: [(&str, Make); 5] = [
    ("mobilenet_v1", || Ok(zoo::mobilenet_v1(WIDTH, RESOLUTION, SEED))),
    ("mobilenet_v2", || Ok(zoo::mobilenet_v2(WIDTH, RESOLUTION, SEED))),
    ("efficientnet_lite0", || Ok(zoo::efficientnet_lite0_seeded(SEED))),
    ("squeezenet", || Ok(zoo::squeezenet(RESOLUTION, SEED))),
    ("everyday60", everyday60),
];

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [folder] = arguments.as_slice() else { bail!("usage: bench-models FOLDER") };
    let folder = Path::new(folder);
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let (stamp, wanted) = (folder.join("stamp"), this_program()?);
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    eprintln!("bench-models: writing {} models", MODELS.len());
    let mut index = serde_json::Map::new();
    for (name, make) in MODELS {
        let graph = float32(&make()?).with_context(|| format!("{name} cannot be made"))?;
        let Shape::Image { height, width, channels } = graph.value(graph.input).shape else {
            bail!("{name} does not take a picture");
        };
        write_model(folder, name, &graph)?;
        index.insert(name.to_owned(), json!({"shape": [height, width, channels]}));
    }
    write(&folder.join("index.json"), serde_json::to_vec_pretty(&index)?)?;
    write(&stamp, wanted.into_bytes())
}

/// Writes one model, f32 and int8:
///
/// - `NAME-DTYPE.safetensors`, `.onnx`, `.tflite`;
/// - `NAME-f32.layers.json` and `.layers.bin`, see [`layers`];
/// - `NAME-input.bin`: one picture, f32, nhwc, little-endian;
/// - `NAME-DTYPE.reference.bin`: this engine's output for it, f32.
fn write_model(folder: &Path, name: &str, float: &Graph) -> Result<()> {
    let n_inputs = float.value(float.input).shape.len();
    let input = picture(n_inputs, SEED);
    write(&folder.join(format!("{name}-input.bin")), bytes_of(&input))?;
    for (dtype, graph) in [("f32", float), ("int8", &int8(float, n_inputs)?)] {
        let file = |extension: &str| folder.join(format!("{name}-{dtype}.{extension}"));
        write(&file("safetensors"), container::write(graph, Coding::Dense))?;
        write(&file("onnx"), formats::onnx::write(graph)?)?;
        write(&file("tflite"), formats::tflite::write(graph)?)?;
        let mut executor = Executor::new(Plan::new(graph, Fusion::Full)?);
        write(&file("reference.bin"), bytes_of(executor.run(&input)?))?;
    }
    let weights_file = format!("{name}-f32.layers.bin");
    let (layers, weights) = layers::from_graph(float, &weights_file)?;
    write(&folder.join(format!("{name}-f32.layers.json")), serde_json::to_vec(&layers)?)?;
    write(&folder.join(weights_file), bytes_of(&weights))
}

/// The bundled model.
fn everyday60() -> Result<Graph> {
    Ok(pipeline::read_model(EVERYDAY60, "everyday-60.safetensors")?)
}

/// Changes whenever this program or the bundled model in it does.
fn this_program() -> Result<String> {
    let metadata =
        env::current_exe().and_then(fs::metadata).context("this program's file cannot be found")?;
    let built = metadata.modified()?.duration_since(UNIX_EPOCH)?;
    Ok(format!("{} {}", metadata.len(), built.as_nanos()))
}

/// Without batch norms and with every weight in single precision.
fn float32(graph: &Graph) -> Result<Graph> {
    let mut graph = fold_batch_norms(graph)?;
    for weight in graph.weights_mut() {
        weight.values = WeightValues::F32(weight.to_f32().into_owned());
    }
    Ok(graph)
}

/// As the page quantizes: weights per channel, activations by calibration.
fn int8(float: &Graph, n_inputs: usize) -> Result<Graph> {
    let calibration: Arc<[Vec<f32>]> = (1..=N_CALIBRATION).map(|n| picture(n_inputs, SEED + n)).collect();
    let recipe = Recipe::from_controls(NumberFormat::Int8, 0.0);
    Ok(RecipeRun::new(Arc::new(float.clone()), recipe, calibration)?.finish()?.graph)
}

/// `len` values uniform in `-1.0..1.0`, by SplitMix64 (Steele, Lea & Flood 2014).
fn picture(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    };
    (0..len).map(|_| (next() >> 40) as f32 / (1_u64 << 23) as f32 - 1.0).collect()
}

fn bytes_of(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn write(path: &Path, bytes: Vec<u8>) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("{} cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use super::picture;

    #[test]
    fn pictures_repeat_differ_by_seed_and_fill_their_range() {
        let values = picture(10_000, 7);
        assert_eq!(values, picture(10_000, 7));
        assert_ne!(values, picture(10_000, 8));
        assert!(values.iter().all(|value| (-1.0..1.0).contains(value)));
        assert!(values.iter().any(|value| *value < -0.99) && values.iter().any(|value| *value > 0.99));
    }
}
