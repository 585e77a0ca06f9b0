//! Tinylens' own file: everything that a [`Graph`] holds, read back equal. Knows nothing of other formats.
//!
//! # The format, versions 1 to 3
//!
//! A [safetensors](https://github.com/huggingface/safetensors) file, optionally inside gzip. `__metadata__` has
//! exactly these entries:
//!
//! | key | value |
//! | --- | --- |
//! | `format` | `tinylens` |
//! | `version` | `1`, or `2` where a weight has a `form` or an operator is `channel_clip` |
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
//! Version 2 adds a key to `WEIGHT`, `form`, for weights that the data type alone does not describe:
//!
//! ```json
//! "bf16"
//! {"integer": {"bits": 8 | 4 | 2, "groups": {"len": 32, "multipliers": "BYTES"} | null}}
//! {"clusters": {"n": 16, "codebooks": "TENSOR"}}
//! ```
//!
//! * `bf16`: the elements are `BF16`.
//! * `integer`: levels of so many bits, in two's complement, with scales as above. Levels of 8 bits are `I8`. Others lie
//!   side by side in a `U8` vector, the first in the least significant bits, unused bits 0. `BYTES` is the name of a
//!   `U8` vector, `[out, ceil(channel_len / len)]`: `real = scale * multiplier * level` for runs of `len` weights of an
//!   output channel, the last of which may be shorter; `|multiplier * level| <= 127`.
//! * `clusters`: positions in a codebook of `n` values, 2 to 256, in `ceil(log2(n))` bits each, side by side as above.
//!   There is one codebook or one for each output channel. Codes are always dense.
//!
//! Version 3 is entropy-coded; the `coded` module describes it. Its `graph` is not in `__metadata__`.
//!
//! Each tensor of the file is named exactly once. Names mean nothing; [`write()`] uses `NODE.weight`,
//! `NODE.weight.scales`, `NODE.bias`, `NODE.gamma`, `NODE.beta`, `NODE.mean`, `NODE.variance`, `NODE.max`.

mod breakdown;
mod coded;
mod dto;
mod forms;
mod network;
mod sparse;
mod weight_bytes;

use graph::{Clip, Graph, Op, UpperBound, Weight, WeightValues};
use safetensors::Dtype;

pub use crate::gzip::{GZIP_LEVEL, gzip};

pub use self::breakdown::{Breakdown, breakdown};
pub use self::coded::EntropyWriter;
pub use self::weight_bytes::{WeightBytes, weight_bytes};

use self::dto::{GraphDto, NodeDto, WeightCoding, WeightDto};
use self::network::{TensorReader, TensorWriter};
use crate::FormatError;
use crate::gzip::without_gzip;
use crate::limits::{ParameterBudget, element_count};
use crate::tensors::{Tensors, Writer};

/// The kind of file in messages.
const WHAT: &str = "tinylens file";

/// The version of files without a [`dto::FormDto`] and without clips whose upper bound differs by channel.
const VERSION_1: &str = "1";

/// The version of files with them.
const VERSION_2: &str = "2";

/// The version of entropy-coded files.
const VERSION_3: &str = "3";

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
    /// The least bytes: each weight by its probability, the graph's text through gzip.
    Entropy,
}

/// Writes a valid graph as described in [the module](self). The same graph gives the same bytes.
///
/// [`read`] gives an equal graph back, whether or not the file goes through [`gzip`] in between.
pub fn write(graph: &Graph, coding: Coding) -> Vec<u8> {
    let is_sparse = match coding {
        Coding::Entropy => return EntropyWriter::new(graph).file(),
        Coding::Dense => false,
        Coding::Sparse => true,
    };
    let PlainFile { tensors, version, json, .. } = PlainFile::new(graph, is_sparse);
    tensors.finish(&metadata(version, &json))
}

/// Bytes of the file that [`write()`] makes of a graph in [`Coding::Dense`], and what [`weight_bytes`] counts in it, without
/// making it.
pub fn dense_sizes(graph: &Graph) -> (u64, Vec<WeightBytes>) {
    let PlainFile { mut tensors, version, dto, json } = PlainFile::new(graph, false);
    let len_of =
        |name: &str| Ok(tensors.data_len(name).expect("a weight names the tensors written for it") as u64);
    let weights = dto.nodes.iter().filter_map(|node| node.op.weight());
    let weights = weights.map(|weight| weight_bytes::plain(len_of, weight));
    let weights: Result<_, FormatError> = weights.collect();
    let weights = weights.expect("every tensor was found");
    (tensors.file_len(&metadata(version, &json)) as u64, weights)
}

/// The entries of `__metadata__` of version 1 and 2.
fn metadata<'a>(version: &'a str, json: &'a str) -> [(&'a str, &'a str); 3] {
    [("format", FORMAT), ("version", version), ("graph", json)]
}

/// A file of version 1 or 2, in parts.
struct PlainFile<'g> {
    tensors: Writer<'g>,
    version: &'static str,
    dto: GraphDto,
    /// The same as text.
    json: String,
}

impl<'g> PlainFile<'g> {
    fn new(graph: &'g Graph, is_sparse: bool) -> Self {
        let mut writer = PlainWriter { is_sparse, tensors: Writer::default() };
        let dto = network::write(graph, &mut writer);
        let is_new = dto.nodes.iter().any(has_form) || graph.nodes.iter().any(|node| is_new(&node.op));
        let version = if is_new { VERSION_2 } else { VERSION_1 };
        let json = serde_json::to_string(&dto).expect("strings and numbers are always written");
        Self { tensors: writer.tensors, version, dto, json }
    }
}

/// Whether version 1 lacks the operator.
fn is_new(op: &Op) -> bool {
    matches!(op, Op::Clip(Clip { max: UpperBound::PerChannel(_), .. }))
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
    match tensors.required_metadata("format")? {
        FORMAT => {}
        other => return Err(malformed(format!("format is {other:.40?}, expected {FORMAT:?}"))),
    }
    let may_have_forms = match tensors.required_metadata("version")? {
        VERSION_1 => false,
        VERSION_2 => true,
        VERSION_3 => return coded::read(tensors),
        other => {
            let accepted = format!("{VERSION_1:?}, {VERSION_2:?} and {VERSION_3:?}");
            let feature = format!("tinylens file of version {other:.40?}, accepted are {accepted}");
            return Err(FormatError::UnsupportedModel { feature });
        }
    };
    let json = plain_json(&tensors)?;
    if let Some(node) = json.nodes.iter().find(|node| has_form(node) && !may_have_forms) {
        let detail = format!("node {:?} has a form, which version {VERSION_1:?} does not know", node.name);
        return Err(malformed(detail));
    }
    let mut budget = ParameterBudget::default();
    let graph = network::read(json, &mut Reader { tensors: &mut tensors, budget: &mut budget })?;
    tensors.finish()?;
    Ok(graph)
}

fn malformed(detail: String) -> FormatError {
    FormatError::Malformed { what: WHAT, place: "graph".to_owned(), detail }
}

fn plain_json(tensors: &Tensors<'_>) -> Result<GraphDto, FormatError> {
    serde_json::from_str(tensors.required_metadata("graph")?).map_err(|error| malformed(error.to_string()))
}

fn has_form(node: &NodeDto) -> bool {
    node.op.weight().is_some_and(|weight| weight.form.is_some())
}

/// Writes tensors by name.
struct PlainWriter<'g> {
    is_sparse: bool,
    tensors: Writer<'g>,
}

impl<'g> TensorWriter<'g> for PlainWriter<'g> {
    type Weight = WeightDto;
    type Vector = String;

    fn vector(&mut self, values: &[f32], prefix: &str, suffix: &str) -> String {
        let name = format!("{prefix}.{suffix}");
        self.tensors.add_f32s(&name, values);
        name
    }

    fn weight(&mut self, weight: &'g Weight, prefix: &str) -> WeightDto {
        let name = format!("{prefix}.weight");
        let scales = match &weight.values {
            WeightValues::Integer(weights) => Some(self.vector(&weights.scales, &name, "scales")),
            _ => None,
        };
        let writer = &mut self.tensors;
        let form = forms::write_form(&weight.values, &name, writer);
        let sparse = if self.is_sparse { sparse::encode(&weight.values) } else { None };
        let coding = if let Some(sparse::Sparse { mask, dtype, values }) = sparse {
            let n_values = values.len() * 8 / dtype.bitsize();
            writer.add(&format!("{name}.mask"), Dtype::U8, &[mask.len()], mask);
            writer.add(&format!("{name}.values"), dtype, &[n_values], values);
            WeightCoding::Sparse
        } else {
            let (dtype, data) = forms::dense(&weight.values);
            let packed_shape = [data.len()];
            let shape = if dtype == Dtype::U8 { &packed_shape[..] } else { &weight.shape };
            writer.add(&name, dtype, shape, data);
            WeightCoding::Dense
        };
        WeightDto { name, shape: weight.shape.clone(), coding, scales, form }
    }
}

struct Reader<'a, 'data> {
    tensors: &'a mut Tensors<'data>,
    budget: &'a mut ParameterBudget,
}

impl Reader<'_, '_> {
    fn bytes(&mut self, name: &str) -> Result<Vec<u8>, FormatError> {
        let tensor = self.tensors.take(name)?;
        if tensor.shape.len() != 1 {
            return Err(tensor.malformed(format!("has shape {:?}, expected a vector", tensor.shape)));
        }
        self.budget.take(tensor.shape[0])?;
        tensor.u8s().map(<[u8]>::to_vec)
    }
}

impl TensorReader for Reader<'_, '_> {
    type Weight = WeightDto;
    type Vector = String;

    fn vector(&mut self, name: String) -> Result<Vec<f32>, FormatError> {
        let tensor = self.tensors.take(&name)?;
        if tensor.shape.len() != 1 {
            return Err(tensor.malformed(format!("has shape {:?}, expected a vector", tensor.shape)));
        }
        self.budget.take(tensor.shape[0])?;
        tensor.f32s()
    }

    fn weight(&mut self, weight: WeightDto) -> Result<Weight, FormatError> {
        let WeightDto { name, shape, coding, scales, form } = weight;
        let n = element_count(&shape).ok_or_else(|| FormatError::Malformed {
            what: WHAT,
            place: format!("weight `{name}`"),
            detail: format!("shape {shape:?} has too many elements"),
        })?;
        self.budget.take(n)?;
        let (values, tensor) = match coding {
            WeightCoding::Dense => {
                let tensor = self.tensors.take(&name)?;
                if tensor.dtype != Dtype::U8 {
                    tensor.expect_shape(&shape)?;
                }
                (forms::elements(&tensor, form.as_ref(), n)?, tensor)
            }
            WeightCoding::Sparse => {
                let mask = self.tensors.take(&format!("{name}.mask"))?;
                mask.expect_shape(&[n.div_ceil(8)])?;
                let tensor = self.tensors.take(&format!("{name}.values"))?;
                let values = forms::elements(&tensor, form.as_ref(), sparse::n_set(&mask)?)?;
                (sparse::decode(&mask, &tensor, values, n)?, tensor)
            }
        };
        let values = forms::complete(values, scales, form, &tensor, self)?;
        Ok(Weight { shape, values })
    }
}

#[cfg(test)]
mod tests;
