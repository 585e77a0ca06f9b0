//! Reader of what the training of the bundled model writes: safetensors with a list of layers.
//!
//! # The format
//!
//! `__metadata__` has these entries; others are ignored, so that training can leave figures there:
//!
//! | key | value |
//! | --- | --- |
//! | `architecture` | JSON text, see below |
//! | `preprocessing` | JSON text: `{"mean": [r, g, b], "std": [r, g, b], "resize_shorter": 112, "crop": 96}` |
//! | `labels` | `everyday-60`, `imagenet` or `numbers` |
//! | `licence` | one line |
//! | `origin` | one line, may be absent |
//!
//! ```json
//! {"name": "...", "input": {"height": 96, "width": 96, "channels": 3}, "layers": [
//!   {"op": "conv", "name": "stem", "weights": "PREFIX", "batch_norm": "PREFIX" | null, "batch_norm_epsilon": 0.001,
//!    "stride": 2, "padding": [top, left, bottom, right], "groups": 1, "activation": "relu6" | "relu" | "none",
//!    "residual_from": null | "LAYER"},
//!   {"op": "global_average_pool", "name": "pool"},
//!   {"op": "linear", "name": "classifier", "weights": "PREFIX"}]}
//! ```
//!
//! Each layer reads the one before it. A `conv` is convolution, batch norm, activation, then the addition of the
//! output of the layer `residual_from`; there is no activation next to an addition. Unknown keys are refused.
//!
//! Tensors are `F16` or `F32`: `PREFIX.weight` (`oihw` or `[out, in]`) and, where it is there, `PREFIX.bias`; for a
//! batch norm `PREFIX.weight` (scale), `PREFIX.bias` (shift), `PREFIX.running_mean`, `PREFIX.running_var`. Each is
//! used once.
//!
//! The graph's weights are `float32` and its batch norms unfolded. Its nodes are called `LAYER`,
//! `LAYER/batch_norm`, `LAYER/activation` and `LAYER/add`.

use std::collections::HashMap;

use graph::{
    BatchNorm, Clip, Conv2d, Graph, GraphBuilder, LabelSet, Linear, Metadata, Op, Padding, Preprocessing,
    ValueId, Weight,
};
use safetensors::Dtype;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::FormatError;
use crate::limits::ParameterBudget;
use crate::tensors::{Tensor, Tensors};

const WHAT: &str = "file of layers";

/// The metadata entry that such a file is known by.
pub(crate) const ARCHITECTURE: &str = "architecture";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Architecture {
    name: String,
    input: Input,
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    height: usize,
    width: usize,
    channels: usize,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
enum Layer {
    Conv {
        name: String,
        weights: String,
        batch_norm: Option<String>,
        batch_norm_epsilon: f32,
        stride: usize,
        padding: [usize; 4],
        groups: usize,
        activation: Activation,
        residual_from: Option<String>,
    },
    GlobalAveragePool {
        name: String,
    },
    Linear {
        name: String,
        weights: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Activation {
    Relu6,
    Relu,
    None,
}

/// Reads such a file.
///
/// # Errors
/// [`FormatError::CutOff`], [`FormatError::Malformed`], [`FormatError::TooLarge`], and [`FormatError::Graph`] for
/// layers and tensors that do not fit.
pub fn read(bytes: &[u8]) -> Result<Graph, FormatError> {
    read_tensors(Tensors::parse(bytes, WHAT)?)
}

/// Reads a file whose header is already parsed.
pub(crate) fn read_tensors(tensors: Tensors<'_>) -> Result<Graph, FormatError> {
    let Architecture { name, input, layers } = json(&tensors, ARCHITECTURE)?;
    if input.channels != 3 {
        return Err(malformed(ARCHITECTURE, format!("input has {} channels, expected 3", input.channels)));
    }
    let labels = tensors.required_metadata("labels")?;
    let metadata = Metadata {
        name,
        origin: tensors.metadata("origin").unwrap_or("trained by this project").to_owned(),
        licence: tensors.required_metadata("licence")?.to_owned(),
        labels: LabelSet::deserialize(serde_json::Value::from(labels))
            .map_err(|error| malformed("labels", error.to_string()))?,
        background_class: false,
        preprocessing: json::<Preprocessing>(&tensors, "preprocessing")?,
    };
    let (builder, mut x) = GraphBuilder::new(metadata, input.height, input.width)?;
    let mut network =
        Network { tensors, builder, outputs: HashMap::new(), budget: ParameterBudget::default() };
    for layer in layers {
        x = network.layer(layer, x)?;
    }
    network.tensors.finish()?;
    Ok(network.builder.finish(x)?)
}

fn json<T: DeserializeOwned>(tensors: &Tensors<'_>, key: &str) -> Result<T, FormatError> {
    serde_json::from_str(tensors.required_metadata(key)?).map_err(|error| malformed(key, error.to_string()))
}

fn malformed(place: &str, detail: String) -> FormatError {
    FormatError::Malformed { what: WHAT, place: place.to_owned(), detail }
}

struct Network<'data> {
    tensors: Tensors<'data>,
    builder: GraphBuilder,
    outputs: HashMap<String, ValueId>,
    budget: ParameterBudget,
}

impl Network<'_> {
    fn layer(&mut self, layer: Layer, input: ValueId) -> Result<ValueId, FormatError> {
        let (name, output) = match layer {
            Layer::Conv {
                name,
                weights,
                batch_norm,
                batch_norm_epsilon,
                stride,
                padding: [top, left, bottom, right],
                groups,
                activation,
                residual_from,
            } => {
                let (weight, bias) = self.weights(&weights)?;
                let padding = Padding { top, left, bottom, right };
                let conv = Conv2d { weight, bias, stride: [stride; 2], padding, groups };
                let mut x = self.builder.add(&name, Op::Conv2d(conv), &[input])?;
                if let Some(prefix) = batch_norm {
                    let norm = self.batch_norm(&prefix, batch_norm_epsilon)?;
                    x = self.builder.add(&format!("{name}/batch_norm"), Op::BatchNorm(norm), &[x])?;
                }
                let clip = match activation {
                    Activation::Relu6 => Some(Clip::RELU6),
                    Activation::Relu => Some(Clip::RELU),
                    Activation::None => None,
                };
                let residual = residual_from.map(|from| self.output_of(&name, &from)).transpose()?;
                match (clip, residual) {
                    (Some(_), Some(_)) => {
                        let detail = "has an activation and an addition, expected one of them at most";
                        return Err(malformed(&format!("layer `{name}`"), detail.to_owned()));
                    }
                    (Some(clip), None) => {
                        x = self.builder.add(&format!("{name}/activation"), Op::Clip(clip), &[x])?;
                    }
                    (None, Some(residual)) => {
                        x = self.builder.add(&format!("{name}/add"), Op::Add, &[x, residual])?;
                    }
                    (None, None) => {}
                }
                (name, x)
            }
            Layer::GlobalAveragePool { name } => {
                let x = self.builder.add(&name, Op::GlobalAveragePool, &[input])?;
                (name, x)
            }
            Layer::Linear { name, weights } => {
                let (weight, bias) = self.weights(&weights)?;
                let x = self.builder.add(&name, Op::Linear(Linear { weight, bias }), &[input])?;
                (name, x)
            }
        };
        self.outputs.insert(name, output);
        Ok(output)
    }

    fn output_of(&self, name: &str, from: &str) -> Result<ValueId, FormatError> {
        let missing =
            || malformed(&format!("layer `{name}`"), format!("adds layer `{from}`, which is not before it"));
        self.outputs.get(from).copied().ok_or_else(missing)
    }

    fn weights(&mut self, prefix: &str) -> Result<(Weight, Option<Vec<f32>>), FormatError> {
        let tensor = self.tensors.take(&format!("{prefix}.weight"))?;
        let weight = Weight::f32(tensor.shape.clone(), self.values(&tensor)?);
        let bias = self.tensors.take_optional(&format!("{prefix}.bias"))?;
        Ok((weight, bias.map(|bias| self.vector(&bias)).transpose()?))
    }

    fn batch_norm(&mut self, prefix: &str, epsilon: f32) -> Result<BatchNorm, FormatError> {
        let mut vector = |suffix: &str| {
            let tensor = self.tensors.take(&format!("{prefix}.{suffix}"))?;
            self.vector(&tensor)
        };
        Ok(BatchNorm {
            gamma: vector("weight")?,
            beta: vector("bias")?,
            mean: vector("running_mean")?,
            variance: vector("running_var")?,
            epsilon,
        })
    }

    fn vector(&mut self, tensor: &Tensor<'_>) -> Result<Vec<f32>, FormatError> {
        if tensor.shape.len() != 1 {
            return Err(tensor.malformed(format!("has shape {:?}, expected a vector", tensor.shape)));
        }
        self.values(tensor)
    }

    fn values(&mut self, tensor: &Tensor<'_>) -> Result<Vec<f32>, FormatError> {
        // Halves are the narrowest accepted type, so this is at least the number of elements.
        self.budget.take(tensor.data.len() / 2)?;
        match tensor.dtype {
            Dtype::F32 => tensor.f32s(),
            Dtype::F16 => Ok(tensor.f16s()?.iter().map(|value| value.to_f32()).collect()),
            _ => Err(tensor.wrong_dtype("F16 or F32")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::tensors::{Writer, bytes_of_f16s, bytes_of_f32s};

    fn architecture() -> Json {
        let conv = |name: &str, groups: usize, activation: &str, residual: Json| {
            json!({"op": "conv", "name": name, "weights": format!("{name}.conv"), "batch_norm": format!("{name}.bn"),
                   "batch_norm_epsilon": 0.001, "stride": 1, "padding": [1, 1, 1, 1], "groups": groups,
                   "activation": activation, "residual_from": residual})
        };
        let mut plain = conv("plain", 1, "relu", Json::Null);
        plain["batch_norm"] = Json::Null;
        plain["stride"] = json!(2);
        plain["padding"] = json!([0, 0, 1, 1]);
        json!({"name": "tiny", "input": {"height": 8, "width": 8, "channels": 3}, "layers": [
            conv("stem", 1, "relu6", Json::Null),
            conv("depthwise", 4, "none", json!("stem")),
            plain,
            {"op": "global_average_pool", "name": "pool"},
            {"op": "linear", "name": "classifier", "weights": "classifier"},
        ]})
    }

    fn file(architecture: &Json, without: &str) -> Vec<u8> {
        let mut writer = Writer::default();
        let mut add = |name: &str, shape: &[usize]| {
            let values: Vec<f32> = (1..=shape.iter().product()).map(|x: usize| x as f32).collect();
            let halves: Vec<_> = values.iter().map(|&x| half::f16::from_f32(x)).collect();
            if name == without {
            } else if name.contains("stem") {
                writer.add(name, Dtype::F16, shape, bytes_of_f16s(&halves).into_owned());
            } else {
                writer.add(name, Dtype::F32, shape, bytes_of_f32s(&values).into_owned());
            }
        };
        for (layer, in_channels) in [("stem", 3), ("depthwise", 1)] {
            add(&format!("{layer}.conv.weight"), &[4, in_channels, 3, 3]);
            for suffix in ["weight", "bias", "running_mean", "running_var"] {
                add(&format!("{layer}.bn.{suffix}"), &[4]);
            }
        }
        add("plain.conv.weight", &[2, 4, 3, 3]);
        add("plain.conv.bias", &[2]);
        add("classifier.weight", &[60, 2]);
        add("classifier.bias", &[60]);
        writer.finish(&[
            (ARCHITECTURE, &architecture.to_string()),
            ("labels", "everyday-60"),
            ("licence", "free"),
            (
                "preprocessing",
                r#"{"mean": [127.5, 127, 1], "std": [1, 2, 3], "resize_shorter": 9, "crop": 8}"#,
            ),
            ("top1", "0.5"),
        ])
    }

    #[test]
    fn layers_become_nodes() {
        let graph = read(&file(&architecture(), "")).unwrap();
        let names: Vec<(&str, &str)> =
            graph.nodes.iter().map(|node| (node.name.as_str(), node.op.name())).collect();
        let expected = [
            ("stem", "conv2d"),
            ("stem/batch_norm", "batch_norm"),
            ("stem/activation", "clip"),
            ("depthwise", "conv2d"),
            ("depthwise/batch_norm", "batch_norm"),
            ("depthwise/add", "add"),
            ("plain", "conv2d"),
            ("plain/activation", "clip"),
            ("pool", "global_average_pool"),
            ("classifier", "linear"),
        ];
        assert_eq!(names, expected);
        assert_eq!(graph.nodes[5].inputs, [graph.nodes[4].output, graph.nodes[2].output]);
        assert_eq!(graph.nodes[7].op, Op::Clip(Clip::RELU));
        let Op::Conv2d(conv) = &graph.nodes[6].op else { panic!("{:?}", graph.nodes[6]) };
        assert_eq!((conv.stride, conv.bias.as_deref()), ([2, 2], Some([1.0, 2.0].as_slice())));
        assert_eq!(conv.padding, Padding { top: 0, left: 0, bottom: 1, right: 1 });
        let Op::BatchNorm(norm) = &graph.nodes[1].op else { panic!("{:?}", graph.nodes[1]) };
        assert_eq!((norm.variance[3], norm.epsilon), (4.0, 0.001));
        let metadata = &graph.metadata;
        assert_eq!((metadata.name.as_str(), metadata.licence.as_str()), ("tiny", "free"));
        assert_eq!(metadata.labels, LabelSet::Everyday60);
        assert_eq!((metadata.preprocessing.crop, metadata.preprocessing.mean), (8, [127.5, 127.0, 1.0]));
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        type Edit = fn(&mut Json);
        let cases: [(&str, Edit); 8] = [
            ("unknown field `dilation`", |json| json["layers"][0]["dilation"] = json!(2)),
            ("unknown variant `swish`", |json| json["layers"][0]["activation"] = json!("swish")),
            ("unknown variant `pool`", |json| json["layers"][3]["op"] = json!("pool")),
            ("adds layer `later`", |json| json["layers"][1]["residual_from"] = json!("later")),
            ("an activation and an addition", |json| json["layers"][1]["activation"] = json!("relu")),
            ("tensor `no.weight`: is missing", |json| json["layers"][4]["weights"] = json!("no")),
            ("is used by no node", |json| json["layers"][1]["batch_norm"] = Json::Null),
            ("input has 1 channels", |json| json["input"]["channels"] = json!(1)),
        ];
        for (expected, edit) in cases {
            let mut architecture = architecture();
            edit(&mut architecture);
            let message = read(&file(&architecture, "")).unwrap_err().to_string();
            assert!(message.contains(expected), "`{message}` lacks `{expected}`");
        }
        assert!(read(&file(&architecture(), "stem.bn.bias")).is_err());
        let bytes = file(&architecture(), "");
        for len in (0..bytes.len()).step_by(97) {
            assert!(matches!(read(&bytes[..len]), Err(FormatError::CutOff { .. })), "{len}");
        }
    }

    #[test]
    fn the_bundled_model_is_read() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../static/models/everyday-60.safetensors");
        let Ok(bytes) = std::fs::read(path) else {
            eprintln!("skipped: {path} is not there");
            return;
        };
        let graph = crate::read_model(&bytes, "everyday-60.safetensors").unwrap();
        assert_eq!(graph.value(graph.output).shape.len(), 60);
        assert_eq!(graph.metadata.labels, LabelSet::Everyday60);
        assert!(graph.nodes.iter().any(|node| node.op.name() == "batch_norm"));
    }
}
