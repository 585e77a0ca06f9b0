//! Tells files apart by their content. The name of a file decides nothing.

use graph::{Graph, Shape};

use crate::gzip::without_gzip;
use crate::onnx::looks_like_onnx;
use crate::tensors::{Tensors, looks_like_safetensors};
use crate::{FormatError, container, layered, onnx};

const WHAT: &str = "model file";

/// What [`read_model`] accepts, for messages.
const ACCEPTED: &str = "accepted are ONNX files (float32 MobileNetV1 or V2) and Tinylens' own safetensors files, \
                        also inside gzip";

/// Reads a model of any accepted kind: [`container`], [`layered`] or [`onnx`], each also inside gzip. `name`, the
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
        } else if tensors.metadata(layered::ARCHITECTURE).is_some() {
            layered::read_tensors(tensors)?
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

#[cfg(test)]
mod tests {
    use graph::{GraphBuilder, LabelSet, Metadata, Op, Preprocessing};

    use super::*;
    use crate::container::{Coding, gzip, write};

    fn container_with_crop(crop: usize) -> Vec<u8> {
        let metadata = Metadata {
            name: "test".to_owned(),
            origin: String::new(),
            licence: String::new(),
            labels: LabelSet::Numbers,
            background_class: false,
            preprocessing: Preprocessing::usual(crop, Preprocessing::IMAGENET),
        };
        let (mut builder, input) = GraphBuilder::new(metadata, 8, 8).unwrap();
        let x = builder.add("pool", Op::GlobalAveragePool, &[input]).unwrap();
        write(&builder.finish(x).unwrap(), Coding::Dense)
    }

    #[test]
    fn the_content_decides() {
        let bytes = container_with_crop(8);
        let graph = read_model(&bytes, "model.onnx").unwrap();
        assert_eq!(read_model(&gzip(&bytes), "picture.png").unwrap(), graph);
        let message = |bytes: &[u8]| read_model(bytes, "model.onnx").unwrap_err().to_string();
        assert!(message(&gzip(&gzip(&bytes))).contains("gzip inside gzip"));
        for (bytes, expected) in [
            (&b""[..], "the file is empty"),
            (b"<!doctype html>", "a web page, not a model"),
            (b"\x1c\0\0\0TFL3", "a TensorFlow Lite file"),
            (b"PK\x03\x04", "a zip archive"),
            (b"\x80\x02\x8a", "a Python pickle"),
            (b"\x89HDF\r\n", "an HDF5 file"),
            (b"hello", "a file of unknown kind; accepted are ONNX files"),
            (b"\x02\0\0\0\0\0\0\0{}", "weights but no network"),
        ] {
            assert!(message(bytes).contains(expected), "{}", message(bytes));
        }
        assert!(matches!(read_model(&bytes[..100], ""), Err(FormatError::CutOff { .. })));
        assert!(matches!(read_model(b"\x08\x08\x3a\x7f", ""), Err(FormatError::CutOff { .. })));
    }

    #[test]
    fn picture_and_preparation_must_agree() {
        let message = read_model(&container_with_crop(9), "").unwrap_err().to_string();
        assert!(message.contains("cut to 9x9, the network takes image 8x8x3"), "{message}");
    }
}
