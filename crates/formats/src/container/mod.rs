//! Tinylens' own file: everything that a [`Graph`] holds, read back equal. Knows nothing of other formats.
//!
//! # The format, versions 1 and 2
//!
//! A [safetensors](https://github.com/huggingface/safetensors) file, optionally inside gzip. `__metadata__` has
//! exactly these entries:
//!
//! | key | value |
//! | --- | --- |
//! | `format` | `tinylens` |
//! | `version` | `1`, or `2` where the graph has an operator that version 1 lacks: `channel_clip` |
//! | `graph` | JSON text, see below |
//!
//! ```json
//! {
//!   "metadata": {"name": "...", "origin": "...", "licence": "...", "labels": "everyday-60" | "imagenet" | "numbers",
//!                "background_class": false,
//!                "preprocessing": {"resize_shorter": 256, "crop": 224, "mean": [r, g, b], "std": [r, g, b],
//!                                  "assumed": false}},
//!   "input": 0,
//!   "output": 9,
//!   "values": [{"name": "...", "shape": {"image": {"height": 224, "width": 224, "channels": 3}},
//!               "quantization": {"scale": 0.02, "zero_point": -3}},
//!              {"name": "...", "shape": {"vector": {"length": 1000}}}],
//!   "nodes": [{"name": "...", "op": OPERATOR, "inputs": [0], "output": 1}]
//! }
//! ```
//!
//! `input`, `output`, a node's `inputs` and `output` are positions in `values`. `quantization` is absent where the
//! activation stays float32. `input` is an image of three channels. Unknown keys are refused everywhere. `OPERATOR`
//! is one of
//!
//! ```json
//! {"conv2d": {"weight": WEIGHT, "bias": "TENSOR" | null, "stride": [vertical, horizontal],
//!             "padding": {"top": 0, "left": 0, "bottom": 1, "right": 1}, "groups": 1}}
//! {"batch_norm": {"gamma": "TENSOR", "beta": "TENSOR", "mean": "TENSOR", "variance": "TENSOR", "epsilon": 0.001}}
//! {"clip": {"min": 0.0, "max": 6.0}}
//! {"channel_clip": {"min": 0.0, "max": "TENSOR"}}
//! {"linear": {"weight": WEIGHT, "bias": "TENSOR" | null}}
//! "add"
//! "global_average_pool"
//! "softmax"
//! ```
//!
//! with `"-inf"` and `"inf"` for bounds that do not bind. Every `TENSOR` is the name of an `F32` vector. `WEIGHT` is
//! `{"name": "TENSOR", "shape": [...], "coding": "dense" | "sparse", "scales": "TENSOR" | null}`; the shape is `oihw`
//! for `conv2d`, `[out, in]` for `linear`.
//!
//! * **Dense**: the tensor `name`, row-major, in `F32`, `F16` or `I8`. `I8` weights have `scales`, one for each output
//!   channel or a single one, and levels in `-127..=127`: `real = scale * level`. The others have none.
//! * **Sparse**: for `n` weights, `name.mask`, `U8` of `ceil(n / 8)` bytes: weight `i` is bit `i % 8` (from the least
//!   significant) of byte `i / 8`, set where the weight is not zero, unused bits 0; and `name.values`, a vector of
//!   the weights that are not zero, in order, in `F32`, `F16` or `I8`. All other weights are (positive) zero.
//!
//! Each tensor of the file is named exactly once. Names mean nothing; [`write()`] uses `NODE.weight`,
//! `NODE.weight.scales`, `NODE.bias`, `NODE.gamma`, `NODE.beta`, `NODE.mean`, `NODE.variance`, `NODE.max`.

mod dto;
mod sparse;

use std::collections::HashSet;

use graph::{
    BatchNorm, Clip, Conv2d, Graph, Linear, Node, Op, Shape, UpperBound, Value, ValueId, Weight, WeightValues,
};
use safetensors::Dtype;

pub use crate::gzip::{GZIP_LEVEL, gzip};

use self::dto::{Bound, GraphDto, NodeDto, OpDto, QuantizationDto, ValueDto, WeightCoding, WeightDto};
use crate::FormatError;
use crate::gzip::without_gzip;
use crate::limits::{ParameterBudget, check_activations, element_count};
use crate::tensors::{Tensor, Tensors, Writer, bytes_of_f16s, bytes_of_f32s, bytes_of_i8s};

/// The kind of file in messages.
const WHAT: &str = "tinylens file";

/// The version of graphs that it can hold.
const VERSION_1: &str = "1";

/// The version with clips whose upper bound differs by channel.
const VERSION_2: &str = "2";

/// Value of the metadata entry `format`.
pub(crate) const FORMAT: &str = "tinylens";

/// How weights are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// Every weight at its data type's width.
    Dense,
    /// A mask and the weights that are not zero, for each weight tensor where that is smaller; the others are dense.
    /// Negative zeros become zeros.
    Sparse,
}

/// Writes a valid graph as described in [the module](self). The same graph gives the same bytes.
///
/// [`read`] gives an equal graph back, whether or not the file goes through [`gzip`] in between.
pub fn write(graph: &Graph, storage: Coding) -> Vec<u8> {
    let mut writer = Writer::default();
    let mut names = HashSet::new();
    let nodes = graph
        .nodes
        .iter()
        .map(|node| {
            let mut prefix = node.name.clone();
            while !names.insert(prefix.clone()) {
                prefix.push('\'');
            }
            NodeDto {
                name: node.name.clone(),
                op: write_op(&node.op, &prefix, storage, &mut writer),
                inputs: node.inputs.iter().map(|id| id.0).collect(),
                output: node.output.0,
            }
        })
        .collect();
    let values = graph
        .values
        .iter()
        .map(|value| ValueDto {
            name: value.name.clone(),
            shape: value.shape,
            quantization: value.quantization.map(QuantizationDto::from),
        })
        .collect();
    let metadata = graph.metadata.clone();
    let json = GraphDto { metadata, input: graph.input.0, output: graph.output.0, values, nodes };
    let json = serde_json::to_string(&json).expect("strings and numbers are always written");
    writer.finish(&[("format", FORMAT), ("version", version(graph)), ("graph", &json)])
}

/// The oldest version that holds the graph.
fn version(graph: &Graph) -> &'static str {
    let per_channel = |op: &Op| matches!(op, Op::Clip(Clip { max: UpperBound::PerChannel(_), .. }));
    if graph.nodes.iter().any(|node| per_channel(&node.op)) { VERSION_2 } else { VERSION_1 }
}

/// Reads what [`write()`] wrote, also inside gzip.
///
/// # Errors
/// [`FormatError::CutOff`], [`FormatError::Malformed`], [`FormatError::TooLarge`] for more than 512 MiB, 2^27
/// parameters or 2^28 elements in one activation, [`FormatError::UnsupportedModel`] for another version, and
/// [`FormatError::Graph`] for what [`Graph::validate`] refuses.
pub fn read(bytes: &[u8]) -> Result<Graph, FormatError> {
    let bytes = without_gzip(bytes)?;
    read_tensors(Tensors::parse(&bytes, WHAT)?)
}

/// Reads a file whose header is already parsed.
pub(crate) fn read_tensors(mut tensors: Tensors<'_>) -> Result<Graph, FormatError> {
    let malformed = |detail: String| FormatError::Malformed { what: WHAT, place: "graph".to_owned(), detail };
    match tensors.required_metadata("format")? {
        FORMAT => {}
        other => return Err(malformed(format!("format is {other:.40?}, expected {FORMAT:?}"))),
    }
    match tensors.required_metadata("version")? {
        VERSION_1 | VERSION_2 => {}
        other => {
            let feature = format!(
                "tinylens file of version {other:.40?}, accepted are {VERSION_1:?} and {VERSION_2:?}"
            );
            return Err(FormatError::UnsupportedModel { feature });
        }
    }
    let json: GraphDto = serde_json::from_str(tensors.required_metadata("graph")?)
        .map_err(|error| malformed(error.to_string()))?;
    let mut budget = ParameterBudget::default();
    let mut nodes = Vec::with_capacity(json.nodes.len());
    for NodeDto { name, op, inputs, output } in json.nodes {
        let op = read_op(op, &mut tensors, &mut budget)?;
        nodes.push(Node {
            name,
            op,
            inputs: inputs.into_iter().map(ValueId).collect(),
            output: ValueId(output),
        });
    }
    let values = json
        .values
        .into_iter()
        .map(|ValueDto { name, shape, quantization }| Value {
            name,
            shape,
            quantization: quantization.map(Into::into),
        })
        .collect();
    let graph = Graph {
        metadata: json.metadata,
        values,
        nodes,
        input: ValueId(json.input),
        output: ValueId(json.output),
    };
    tensors.finish()?;
    check_activations(&graph)?;
    graph.validate()?;
    match graph.value(graph.input).shape {
        Shape::Image { height: 1.., width: 1.., channels: 3 } => Ok(graph),
        other => Err(malformed(format!("input is {other}, expected an image of 3 channels"))),
    }
}

fn write_op(op: &Op, prefix: &str, storage: Coding, writer: &mut Writer) -> OpDto {
    match op {
        Op::Conv2d(conv) => OpDto::Conv2d {
            weight: write_weight(&conv.weight, prefix, storage, writer),
            bias: conv.bias.as_ref().map(|bias| write_vector(bias, prefix, "bias", writer)),
            stride: conv.stride,
            padding: conv.padding,
            groups: conv.groups,
        },
        Op::BatchNorm(BatchNorm { gamma, beta, mean, variance, epsilon }) => OpDto::BatchNorm {
            gamma: write_vector(gamma, prefix, "gamma", writer),
            beta: write_vector(beta, prefix, "beta", writer),
            mean: write_vector(mean, prefix, "mean", writer),
            variance: write_vector(variance, prefix, "variance", writer),
            epsilon: *epsilon,
        },
        Op::Clip(clip) => match &clip.max {
            UpperBound::Uniform(max) => OpDto::Clip { min: Bound(clip.min), max: Bound(*max) },
            UpperBound::PerChannel(max) => {
                OpDto::ChannelClip { min: Bound(clip.min), max: write_vector(max, prefix, "max", writer) }
            }
        },
        Op::Add => OpDto::Add,
        Op::GlobalAveragePool => OpDto::GlobalAveragePool,
        Op::Linear(linear) => OpDto::Linear {
            weight: write_weight(&linear.weight, prefix, storage, writer),
            bias: linear.bias.as_ref().map(|bias| write_vector(bias, prefix, "bias", writer)),
        },
        Op::Softmax => OpDto::Softmax,
    }
}

fn write_vector(values: &[f32], prefix: &str, suffix: &str, writer: &mut Writer) -> String {
    let name = format!("{prefix}.{suffix}");
    writer.add_f32s(&name, values);
    name
}

fn write_weight(weight: &Weight, prefix: &str, storage: Coding, writer: &mut Writer) -> WeightDto {
    let name = format!("{prefix}.weight");
    let scales = match &weight.values {
        WeightValues::F32(_) | WeightValues::F16(_) => None,
        WeightValues::I8 { scales, .. } => Some(write_vector(scales, &name, "scales", writer)),
    };
    let sparse = match storage {
        Coding::Dense => None,
        Coding::Sparse => sparse::encode(&weight.values),
    };
    let coding = if let Some(sparse::Sparse { mask, dtype, values }) = sparse {
        let n_values = values.len() * 8 / dtype.bitsize();
        writer.add(&format!("{name}.mask"), Dtype::U8, &[mask.len()], mask);
        writer.add(&format!("{name}.values"), dtype, &[n_values], values);
        WeightCoding::Sparse
    } else {
        let (dtype, data) = match &weight.values {
            WeightValues::F32(values) => (Dtype::F32, bytes_of_f32s(values)),
            WeightValues::F16(values) => (Dtype::F16, bytes_of_f16s(values)),
            WeightValues::I8 { levels, .. } => (Dtype::I8, bytes_of_i8s(levels)),
        };
        writer.add(&name, dtype, &weight.shape, data);
        WeightCoding::Dense
    };
    WeightDto { name, shape: weight.shape.clone(), coding, scales }
}

fn read_op(op: OpDto, tensors: &mut Tensors<'_>, budget: &mut ParameterBudget) -> Result<Op, FormatError> {
    let mut reader = Reader { tensors, budget };
    Ok(match op {
        OpDto::Conv2d { weight, bias, stride, padding, groups } => Op::Conv2d(Conv2d {
            weight: reader.weight(weight)?,
            bias: bias.map(|name| reader.vector(&name)).transpose()?,
            stride,
            padding,
            groups,
        }),
        OpDto::BatchNorm { gamma, beta, mean, variance, epsilon } => Op::BatchNorm(BatchNorm {
            gamma: reader.vector(&gamma)?,
            beta: reader.vector(&beta)?,
            mean: reader.vector(&mean)?,
            variance: reader.vector(&variance)?,
            epsilon,
        }),
        OpDto::Clip { min, max } => Op::Clip(Clip { min: min.0, max: UpperBound::Uniform(max.0) }),
        OpDto::ChannelClip { min, max } => {
            let max = UpperBound::PerChannel(reader.vector(&max)?);
            Op::Clip(Clip { min: min.0, max })
        }
        OpDto::Add => Op::Add,
        OpDto::GlobalAveragePool => Op::GlobalAveragePool,
        OpDto::Linear { weight, bias } => Op::Linear(Linear {
            weight: reader.weight(weight)?,
            bias: bias.map(|name| reader.vector(&name)).transpose()?,
        }),
        OpDto::Softmax => Op::Softmax,
    })
}

struct Reader<'a, 'data> {
    tensors: &'a mut Tensors<'data>,
    budget: &'a mut ParameterBudget,
}

impl Reader<'_, '_> {
    fn vector(&mut self, name: &str) -> Result<Vec<f32>, FormatError> {
        let tensor = self.tensors.take(name)?;
        if tensor.shape.len() != 1 {
            return Err(tensor.malformed(format!("has shape {:?}, expected a vector", tensor.shape)));
        }
        self.budget.take(tensor.shape[0])?;
        tensor.f32s()
    }

    fn weight(&mut self, weight: WeightDto) -> Result<Weight, FormatError> {
        let WeightDto { name, shape, coding, scales } = weight;
        let n = element_count(&shape).ok_or_else(|| FormatError::Malformed {
            what: WHAT,
            place: format!("weight `{name}`"),
            detail: format!("shape {shape:?} has too many elements"),
        })?;
        self.budget.take(n)?;
        let (values, tensor) = match coding {
            WeightCoding::Dense => {
                let tensor = self.tensors.take(&name)?;
                tensor.expect_shape(&shape)?;
                (weight_values(&tensor)?, tensor)
            }
            WeightCoding::Sparse => {
                let mask = self.tensors.take(&format!("{name}.mask"))?;
                mask.expect_shape(&[n.div_ceil(8)])?;
                let tensor = self.tensors.take(&format!("{name}.values"))?;
                (sparse::decode(&mask, &tensor, weight_values(&tensor)?, n)?, tensor)
            }
        };
        let values = match (values, scales) {
            (WeightValues::I8 { levels, .. }, Some(scales)) => {
                WeightValues::I8 { levels, scales: self.vector(&scales)? }
            }
            (WeightValues::I8 { .. }, None) => {
                return Err(tensor.malformed("is I8 without scales".to_owned()));
            }
            (WeightValues::F32(_) | WeightValues::F16(_), Some(_)) => {
                return Err(tensor.malformed(format!("is {:?} with scales, expected I8", tensor.dtype)));
            }
            (values, None) => values,
        };
        Ok(Weight { shape, values })
    }
}

/// The elements of a tensor; scales stay empty.
fn weight_values(tensor: &Tensor<'_>) -> Result<WeightValues, FormatError> {
    match tensor.dtype {
        Dtype::F32 => tensor.f32s().map(WeightValues::F32),
        Dtype::F16 => tensor.f16s().map(WeightValues::F16),
        Dtype::I8 => {
            let levels = tensor.i8s()?;
            if levels.contains(&i8::MIN) {
                return Err(tensor.malformed("has a level of -128, accepted are -127..=127".to_owned()));
            }
            Ok(WeightValues::I8 { levels, scales: Vec::new() })
        }
        _ => Err(tensor.wrong_dtype("F32, F16 or I8")),
    }
}

#[cfg(test)]
mod tests;
