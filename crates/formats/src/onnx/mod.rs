//! Reader and writer of ONNX files: image classifiers in the manner of MobileNetV1 and V2.
//!
//! [`read`] takes fp32 models, [`write()`] gives those of every number format; what follows is about reading.
//!
//! Only the ONNX format is known here; what an operator means is said in the graph's terms in `operators`, whose
//! table [`SUPPORTED_OPERATORS`] is also the one that nodes are looked up in. Anything that the table does not say is
//! refused by node and name: an unknown operator, attribute or shape is never passed over. Start with [`read`].
//!
//! What is accepted:
//!
//! * Operator sets 7 to 28 of the default domain; the files before the weights at most 8 MiB, one graph with one
//!   picture as input, `float32` `[batch, 3, side, side]` (a symbolic or missing side is 224; the batch is ignored),
//!   and one output, a vector of classes.
//! * Weights inside the file, as `float32`, `float16`, `bfloat16` or `float64`; they become `float32`.
//! * After the global pooling, dimensions of one element do not matter: `[batch, C, 1, 1]` and `[batch, C]` are both
//!   the graph's vector, and `Flatten`, `Reshape` and `Squeeze` only change how the next axis is counted. A `Reshape`
//!   of a pooled vector whose target is computed from the batch size (`Shape`, `Gather`, `Unsqueeze`, `Concat`) is
//!   taken as a flattening; nothing else may read what those compute.
//!
//! What the file does not say is guessed, and the guess is marked ([`graph::Preprocessing::assumed`]): 1001 classes
//! are ImageNet's with a background class and pictures from -1 to 1 (TensorFlow's habit), 1000 are ImageNet's, and
//! pictures are prepared with ImageNet's mean and deviation.
//!
//! Source: `onnx.proto` and `Operators.md` of github.com/onnx/onnx.

mod node;
mod operators;
mod proto;
mod scan;
mod tensor;
mod write;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use graph::{Graph, GraphBuilder, LabelSet, Metadata, Op, Preprocessing, Shape, UpperBound, ValueId};
use prost::Message;

pub use self::operators::{Operator, SUPPORTED_OPERATORS, support_table};
pub(crate) use self::scan::looks_like_onnx;
pub use self::write::write;

use self::node::Node;
use self::proto::{GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, data_type};
use crate::FormatError;
use crate::limits::ParameterBudget;

/// The kind of file in messages.
const WHAT: &str = "onnx file";

/// Operator sets whose meaning has been compared with the table: up to 28 the supported operators gained number
/// formats only.
const OPSETS: std::ops::RangeInclusive<i64> = 7..=28;

/// The input's side where the file leaves it open, as nearly all ImageNet classifiers have it.
const USUAL_SIDE: usize = 224;

/// The largest side of a picture, as in [`Preprocessing::validate`].
const MAX_SIDE: usize = 4096;

/// Nodes in a graph; a MobileNet has some hundred.
const MAX_NODES: usize = 10_000;

/// Reads a model as [the module](self) says. `name`: the file's name, which becomes the model's.
///
/// # Errors
/// [`FormatError::CutOff`] when the file's own sizes go beyond its end, [`FormatError::Malformed`],
/// [`FormatError::TooLarge`], [`FormatError::Unsupported`] and [`FormatError::UnsupportedModel`] for what is not
/// computed here, [`FormatError::Node`] when a node and its input do not fit.
pub fn read(bytes: &[u8], name: &str) -> Result<Graph, FormatError> {
    scan::check(bytes)?;
    let malformed =
        |place: &str, detail: String| FormatError::Malformed { what: WHAT, place: place.to_owned(), detail };
    let model = ModelProto::decode(bytes).map_err(|error| malformed("protobuf", error.to_string()))?;
    let Some(graph) = &model.graph else {
        return Err(malformed("model", "has no graph".to_owned()));
    };
    let opset = opset(&model)?;
    if graph.node.len() > MAX_NODES {
        let (actual, limit) = (graph.node.len() as u64, MAX_NODES as u64);
        return Err(FormatError::TooLarge { what: "nodes".to_owned(), actual, limit });
    }
    let input = input(graph)?;
    let side = side(input)?;
    let [output] = graph.output.as_slice() else {
        let feature = format!("{} outputs, accepted is one vector of classes", graph.output.len());
        return Err(FormatError::UnsupportedModel { feature });
    };
    let mut importer = Importer::new(graph, metadata(&model, name, opset, side), input, side)?;
    // Constants come first: they read nothing, and a bias may stand behind the layer that it is added to.
    let (constants, others): (Vec<_>, Vec<_>) =
        graph.node.iter().enumerate().partition(|(_, node)| node.op_type == "Constant");
    for (position, proto) in constants.into_iter().chain(others) {
        importer.node(&mut Node::new(position, proto, opset)?)?;
    }
    importer.finish(&output.name)
}

/// What an ONNX value is, seen from the picture.
#[derive(Clone, Debug)]
enum Flow<'a> {
    /// `[batch, C, H, W]`.
    Image(ValueId),
    /// `[batch, C]` followed by dimensions of one element.
    Vector { id: ValueId, ones: usize },
    /// The same for every picture.
    Constant(Constant<'a>),
    /// Part of a computation of a shape, whose result only a `Reshape` may read.
    ShapeArithmetic,
}

/// A tensor of the file, or one made of a node's numbers. Clones share the numbers.
#[derive(Clone, Debug)]
enum Constant<'a> {
    Stored(&'a TensorProto),
    Made(Rc<TensorProto>),
}

impl Deref for Constant<'_> {
    type Target = TensorProto;

    fn deref(&self) -> &TensorProto {
        match self {
            Self::Stored(tensor) => tensor,
            Self::Made(tensor) => tensor,
        }
    }
}

/// Builds the graph node by node and keeps what each ONNX name stands for.
struct Importer<'a> {
    proto: &'a GraphProto,
    builder: GraphBuilder,
    metadata: Metadata,
    flows: HashMap<&'a str, Flow<'a>>,
    /// Positions of the nodes that read a name, once for each time.
    readers: HashMap<&'a str, Vec<usize>>,
    /// Additions that have become an earlier node's bias and minima that have become its bound, with that node's output.
    absorbed: HashMap<usize, &'a str>,
    /// Names in the graph so far.
    names: HashSet<String>,
    budget: ParameterBudget,
}

impl<'a> Importer<'a> {
    fn new(
        proto: &'a GraphProto,
        metadata: Metadata,
        input: &'a ValueInfoProto,
        side: usize,
    ) -> Result<Self, FormatError> {
        let (builder, id) = GraphBuilder::new(metadata.clone(), side, side)?;
        let mut flows = HashMap::from([(input.name.as_str(), Flow::Image(id))]);
        for tensor in &proto.initializer {
            if flows.insert(&tensor.name, Flow::Constant(Constant::Stored(tensor))).is_some() {
                return Err(tensor.malformed("the name stands twice".to_owned()));
            }
        }
        let mut readers: HashMap<&str, Vec<usize>> = HashMap::new();
        for (position, node) in proto.node.iter().enumerate() {
            for name in &node.input {
                readers.entry(name).or_default().push(position);
            }
        }
        Ok(Self {
            proto,
            builder,
            metadata,
            flows,
            readers,
            absorbed: HashMap::new(),
            names: HashSet::from(["input".to_owned()]),
            budget: ParameterBudget::default(),
        })
    }

    fn node(&mut self, node: &mut Node<'a>) -> Result<(), FormatError> {
        let flow = match self.absorbed.get(&node.position).and_then(|output| self.flows.get(output)) {
            Some(flow) => flow.clone(),
            None => operators::read(self, node)?,
        };
        node.finish()?;
        self.bind(node, node.output()?, flow)
    }

    fn bind(&mut self, node: &Node<'a>, name: &'a str, flow: Flow<'a>) -> Result<(), FormatError> {
        if self.flows.insert(name, flow).is_some() {
            return Err(node.malformed(format!("value {name:.80?} is written twice")));
        }
        Ok(())
    }

    /// What an input stands for.
    fn flow(&self, node: &Node<'a>, idx: usize) -> Result<&Flow<'a>, FormatError> {
        let name = node.required_input(idx)?;
        self.flows
            .get(name)
            .ok_or_else(|| node.malformed(format!("reads {name:.80?}, which no node before it writes")))
    }

    /// The constant that an input stands for.
    fn constant(&self, node: &Node<'a>, idx: usize) -> Result<Constant<'a>, FormatError> {
        match self.flow(node, idx)? {
            Flow::Constant(tensor) => Ok(tensor.clone()),
            Flow::Image(_) | Flow::Vector { .. } | Flow::ShapeArithmetic => {
                let name = node.required_input(idx)?;
                let op = &node.proto.op_type;
                Err(node.unsupported(format!(
                    "{op} with a computed input {idx} ({name:.80?}), accepted is a constant"
                )))
            }
        }
    }

    /// The same, `None` where the input is left out.
    fn optional_constant(&self, node: &Node<'a>, idx: usize) -> Result<Option<Constant<'a>>, FormatError> {
        node.input(idx).map(|_| self.constant(node, idx)).transpose()
    }

    /// Numbers of a constant vector of `len` elements.
    fn vector(&mut self, node: &Node<'a>, idx: usize, len: usize) -> Result<Vec<f32>, FormatError> {
        let tensor = self.constant(node, idx)?;
        if tensor.shape()? != [len] {
            let op = &node.proto.op_type;
            let detail = format!("input {idx} of {op} has shape {}, expected [{len}]", list(&tensor.dims));
            return Err(node.malformed(detail));
        }
        tensor.f32s(&mut self.budget)
    }

    /// Adds an operator to the graph under the node's name.
    fn add(&mut self, node: &Node<'a>, op: Op, inputs: &[ValueId]) -> Result<ValueId, FormatError> {
        let name = if node.proto.name.is_empty() { node.output()? } else { &node.proto.name };
        let mut name = name.to_owned();
        if self.names.contains(&name) {
            name = format!("{name}#{}", node.position);
        }
        let id = self.builder.add(&name, op, inputs).map_err(|error| node.refused(error))?;
        self.names.insert(name);
        Ok(id)
    }

    /// The constant that the only reader of the node's output adds to it, which becomes a bias of `n` values. The
    /// output has `ones` dimensions of one or more elements behind its channels.
    fn absorbed_bias(
        &mut self,
        node: &Node<'a>,
        n: usize,
        ones: usize,
    ) -> Result<Option<Vec<f32>>, FormatError> {
        let Some((position, tensor)) = self.constant_of_reader(node, "Add")? else {
            return Ok(None);
        };
        let shape = tensor.shape()?;
        let without_leading_ones = shape.iter().skip_while(|&&size| size == 1);
        let expected = std::iter::once(n).chain(std::iter::repeat_n(1, ones));
        if shape.len() > 2 + ones || !without_leading_ones.eq(&expected.collect::<Vec<_>>()) {
            return Ok(None);
        }
        let bias = tensor.f32s(&mut self.budget)?;
        self.absorbed.insert(position, node.output()?);
        Ok(Some(bias))
    }

    /// The constant whose minimum with the node's output, which is of the kind of `flow`, is all that is read of that.
    fn absorbed_bound(
        &mut self,
        node: &Node<'a>,
        flow: &Flow<'a>,
    ) -> Result<Option<UpperBound>, FormatError> {
        let Some((position, tensor)) = self.constant_of_reader(node, "Min")? else {
            return Ok(None);
        };
        let bound = self.bound_of(flow, &tensor)?;
        if bound.is_some() {
            self.absorbed.insert(position, node.output()?);
        }
        Ok(bound)
    }

    /// A constant beside an activation as a bound of its channels, `None` for a shape that does not say that.
    fn bound_of(
        &mut self,
        flow: &Flow<'a>,
        tensor: &Constant<'a>,
    ) -> Result<Option<UpperBound>, FormatError> {
        let (channels, ones) = match flow {
            Flow::Image(id) => (self.builder.shape(*id).channels(), 2),
            Flow::Vector { id, ones } => (self.builder.shape(*id).channels(), *ones),
            Flow::Constant(_) | Flow::ShapeArithmetic => return Ok(None),
        };
        let shape = tensor.shape()?;
        let is_one = shape.iter().all(|&size| size == 1);
        let without_leading_ones = shape.iter().skip_while(|&&size| size == 1);
        let expected = std::iter::once(channels).chain(std::iter::repeat_n(1, ones));
        if shape.len() > 2 + ones || !is_one && !without_leading_ones.eq(&expected.collect::<Vec<_>>()) {
            return Ok(None);
        }
        let bounds = tensor.f32s(&mut self.budget)?;
        Ok(Some(match (is_one, bounds.as_slice()) {
            (true, &[bound]) => UpperBound::Uniform(bound),
            _ => UpperBound::PerChannel(bounds),
        }))
    }

    /// Where the only reader of the node's output is an `op_type` of it and a constant: the reader's position and the
    /// constant.
    fn constant_of_reader(
        &self,
        node: &Node<'a>,
        op_type: &str,
    ) -> Result<Option<(usize, Constant<'a>)>, FormatError> {
        let output = node.output()?;
        if self.proto.output.iter().any(|value| value.name == output) {
            return Ok(None);
        }
        let Some(&[position]) = self.readers.get(output).map(Vec::as_slice) else {
            return Ok(None);
        };
        let reader: &NodeProto = &self.proto.node[position];
        if reader.op_type != op_type || !is_default_domain(&reader.domain) || !reader.attribute.is_empty() {
            return Ok(None);
        }
        let other = match reader.input.as_slice() {
            [a, b] if a == output => b,
            [a, b] if b == output => a,
            _ => return Ok(None),
        };
        match self.flows.get(other.as_str()) {
            Some(Flow::Constant(tensor)) => Ok(Some((position, tensor.clone()))),
            _ => Ok(None),
        }
    }

    /// Ends the graph with the value that the file calls its output.
    fn finish(mut self, output: &str) -> Result<Graph, FormatError> {
        let malformed = |detail: &str| FormatError::Malformed {
            what: WHAT,
            place: format!("output {output:.80?}"),
            detail: detail.to_owned(),
        };
        let id = match self.flows.get(output) {
            Some(&Flow::Vector { id, .. }) => id,
            Some(&Flow::Image(id)) => {
                let feature =
                    format!("the output is {}, expected a vector of classes", self.builder.shape(id));
                return Err(FormatError::UnsupportedModel { feature });
            }
            Some(Flow::Constant(_) | Flow::ShapeArithmetic) => {
                return Err(malformed("does not depend on the picture"));
            }
            None => return Err(malformed("is written by no node")),
        };
        let n_classes = match self.builder.shape(id) {
            Shape::Vector { length } => length,
            Shape::Image { channels, .. } => channels,
        };
        describe_classes(&mut self.metadata, n_classes);
        let mut graph = self.builder.finish(id)?;
        graph.metadata = self.metadata;
        Ok(graph)
    }
}

/// The first few of some numbers, for messages.
fn list<T: fmt::Debug>(numbers: &[T]) -> String {
    match numbers.get(..8) {
        Some(first) if numbers.len() > 8 => format!("{first:?} and {} more", numbers.len() - 8),
        _ => format!("{numbers:?}"),
    }
}

fn is_default_domain(domain: &str) -> bool {
    domain.is_empty() || domain == "ai.onnx"
}

fn opset(model: &ModelProto) -> Result<i64, FormatError> {
    let opset = model.opset_import.iter().find(|opset| is_default_domain(&opset.domain));
    let Some(opset) = opset else {
        return Err(FormatError::Malformed {
            what: WHAT,
            place: "model".to_owned(),
            detail: "does not say which operator set it uses".to_owned(),
        });
    };
    if !OPSETS.contains(&opset.version) {
        let (oldest, newest) = (OPSETS.start(), OPSETS.end());
        let feature = format!("operator set {}, accepted are {oldest} to {newest}", opset.version);
        return Err(FormatError::UnsupportedModel { feature });
    }
    Ok(opset.version)
}

/// The input that is not a weight; old files list both.
fn input(graph: &GraphProto) -> Result<&ValueInfoProto, FormatError> {
    let constants: HashSet<&str> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
    let mut inputs = graph.input.iter().filter(|input| !constants.contains(input.name.as_str()));
    match (inputs.next(), inputs.count()) {
        (Some(input), 0) => Ok(input),
        (first, others) => {
            let n = usize::from(first.is_some()) + others;
            Err(FormatError::UnsupportedModel { feature: format!("{n} inputs, accepted is one picture") })
        }
    }
}

/// The side of the square picture.
fn side(input: &ValueInfoProto) -> Result<usize, FormatError> {
    let unsupported = |actual: String| FormatError::UnsupportedModel {
        feature: format!(
            "input {:.80?} is {actual}, accepted is float32 [batch, 3, side, side], side at most {MAX_SIDE}",
            input.name
        ),
    };
    let Some(tensor) = input.r#type.as_ref().and_then(|r#type| r#type.tensor_type.as_ref()) else {
        return Err(unsupported("not a tensor".to_owned()));
    };
    if tensor.elem_type != data_type::FLOAT {
        return Err(unsupported(data_type::name(tensor.elem_type)));
    }
    let Some(shape) = &tensor.shape else {
        return Err(unsupported("of unknown shape".to_owned()));
    };
    let dims: Vec<i64> = shape.dim.iter().map(|dim| dim.dim_value).collect();
    match dims.as_slice() {
        &[_, 3, height, width] => {
            let size = |size: i64| if size <= 0 { Some(USUAL_SIDE) } else { usize::try_from(size).ok() };
            match (size(height), size(width)) {
                (Some(height), Some(width)) if height == width && height <= MAX_SIDE => Ok(height),
                _ => Err(unsupported(list(&dims))),
            }
        }
        _ => Err(unsupported(format!("{} (0: symbolic)", list(&dims)))),
    }
}

fn metadata(model: &ModelProto, name: &str, opset: i64, side: usize) -> Metadata {
    let producer = format!("{} {}", model.producer_name, model.producer_version);
    let producer = printable(&producer, 80);
    let by = if producer.is_empty() { String::new() } else { format!(", written by {producer}") };
    Metadata {
        name: model_name(name),
        origin: format!("own ONNX file, operator set {opset}{by}"),
        licence: String::new(),
        labels: LabelSet::Numbers,
        background_class: false,
        preprocessing: Preprocessing { assumed: true, ..Preprocessing::usual(side, Preprocessing::IMAGENET) },
    }
}

/// What the number of classes suggests.
fn describe_classes(metadata: &mut Metadata, n_classes: usize) {
    let (labels, background_class, (mean, std)) = match n_classes {
        1001 => (LabelSet::ImageNet, true, Preprocessing::MINUS_ONE_TO_ONE),
        1000 => (LabelSet::ImageNet, false, Preprocessing::IMAGENET),
        _ => (LabelSet::Numbers, false, Preprocessing::IMAGENET),
    };
    metadata.labels = labels;
    metadata.background_class = background_class;
    metadata.preprocessing.mean = mean;
    metadata.preprocessing.std = std;
}

/// The file's name without folders and ending.
fn model_name(file_name: &str) -> String {
    let base = file_name.rsplit(['/', '\\']).next().unwrap_or(file_name);
    let stem = [".gz", ".onnx"].iter().fold(base, |name, ending| {
        let split = name.len().checked_sub(ending.len()).and_then(|at| name.split_at_checked(at));
        match split {
            Some((stem, end)) if end.eq_ignore_ascii_case(ending) => stem,
            _ => name,
        }
    });
    let name = printable(stem, 100);
    if name.is_empty() { "model".to_owned() } else { name }
}

/// At most `n_chars` characters, none of them a control character, without blanks at the ends.
fn printable(text: &str, n_chars: usize) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).take(n_chars).collect();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests;
