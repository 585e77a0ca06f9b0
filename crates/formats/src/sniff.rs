//! Tells files apart by their content. The name of a file decides nothing.

use graph::{Graph, Shape};

use crate::gzip::without_gzip;
use crate::onnx::looks_like_onnx;
use crate::tensors::{Tensors, looks_like_safetensors};
use crate::{FormatError, container, onnx};

const WHAT: &str = "model file";

/// What [`read_model`] accepts, for messages.
const ACCEPTED: &str = "accepted are ONNX files (float32 MobileNetV1 or V2) and Tinylens' own safetensors files, \
                        also inside gzip";

/// Reads a model of any accepted kind: [`container`], [`onnx`], each also inside gzip. `name`, the
/// file's name, is only what an ONNX model is called after.
///
/// # Errors
/// What the kind's reader refuses; [`FormatError::Malformed`] for a file of no accepted kind and for a picture whose
/// size differs from the preparation's.
pub fn read_model(bytes: &[u8], name: &str) -> Result<Graph, FormatError> {
    let bytes = without_gzip(bytes)?;
    let malformed = |detail: String| FormatError::Malformed { what: WHAT, place: "start".to_owned(), detail };
    let graph = if looks_like_safetensors(&bytes) {
        let tensors = Tensors::parse(&bytes, "safetensors file")?;
        if tensors.metadata("format") == Some(container::FORMAT) {
            container::read_tensors(tensors)?
        } else {
            let detail = format!("a safetensors file with weights but no network; {ACCEPTED}");
            return Err(malformed(detail));
        }
    } else if looks_like_onnx(&bytes) {
        onnx::read(&bytes, name)?
    } else {
        return Err(malformed(format!("{}; {ACCEPTED}", other_kind(&bytes))));
    };
    let crop = graph.metadata.preprocessing.crop;
    match graph.value(graph.input).shape {
        Shape::Image { height, width, .. } if (height, width) == (crop, crop) => Ok(graph),
        shape => Err(malformed(format!(
            "pictures are cut to {crop}x{crop}, the network takes {shape}; they must agree"
        ))),
    }
}

/// What else the file may be.
fn other_kind(bytes: &[u8]) -> &'static str {
    match bytes {
        [] => "the file is empty",
        [0x1f, 0x8b, ..] => "gzip inside gzip",
        [_, _, _, _, b'T', b'F', b'L', b'3', ..] => "a TensorFlow Lite file; convert it to ONNX",
        [b'P', b'K', 3, 4, ..] => "a zip archive, as PyTorch saves checkpoints in; export the model to ONNX",
        [0x80, 2..=5, ..] => "a Python pickle, as PyTorch saves checkpoints in; export the model to ONNX",
        [0x89, b'H', b'D', b'F', ..] => "an HDF5 file, as Keras saves models in; convert it to ONNX",
        [b'<', ..] => "a web page, not a model",
        _ => "a file of unknown kind",
    }
}
