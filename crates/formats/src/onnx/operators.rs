//! The operators, each read into the graph's terms. [`SUPPORTED_OPERATORS`] comes first.

use std::rc::Rc;

use graph::{BatchNorm, Clip, Conv2d, Linear, MaxPool, Op, Padding, Shape, UpperBound, ValueId, Weight};

use super::node::Node;
use super::proto::{TensorProto, data_type};
use super::{Constant, Flow, Importer, is_default_domain, list};
use crate::FormatError;

/// An ONNX operator that [`super::read`] accepts.
#[derive(Clone, Copy, Debug)]
pub struct Operator {
    /// Its ONNX name, in the default domain.
    pub name: &'static str,
    /// What of it is accepted.
    pub accepted: &'static str,
    read: Read,
}

type Read = for<'a> fn(&mut Importer<'a>, &mut Node<'a>) -> Result<Flow<'a>, FormatError>;

/// Every accepted operator; nodes are looked up here.
pub const SUPPORTED_OPERATORS: &[Operator] = &[
    op(
        "Add",
        "two activations of one shape, or a constant for each channel right after a Conv, MatMul or Gemm without bias",
        add,
    ),
    op("AveragePool", "over the whole image, without padding", average_pool),
    op("BatchNormalization", "of an image, at inference", batch_normalization),
    op("Cast", "of a stored tensor to float32, or where it computes a shape for Reshape", cast),
    op("Clip", "constant bounds", clip),
    op("Concat", "images of one size, axis 1; or where it computes a shape for Reshape", concat),
    op("Constant", "a tensor or numbers", constant),
    op(
        "Conv",
        "two dimensions, groups, strides, any padding, no dilation; of a pooled vector 1x1 without groups",
        conv,
    ),
    op("Dropout", "at inference, where it does nothing", dropout),
    op("Flatten", "of a pooled vector, axis 1", flatten),
    op("Gather", SHAPE_ONLY, shape_arithmetic),
    op("Gemm", "a vector and a constant matrix, alpha and beta 1, transB 0 or 1", gemm),
    op("GlobalAveragePool", "of an image", global_average_pool),
    op("Identity", "does nothing", identity),
    op("MatMul", "a vector and a constant matrix", mat_mul),
    op("Max", "an activation and one constant number", max),
    op("MaxPool", "of an image, any padding, no dilation", max_pool),
    op("Min", "an activation and a constant: one number, or one for each channel", min),
    op("Mul", SHAPE_ONLY, shape_arithmetic),
    op("ReduceMean", "over height and width", reduce_mean),
    op("Relu", "all", relu),
    op("Reshape", "of a pooled vector, to a vector", reshape),
    op("Shape", SHAPE_ONLY, shape_arithmetic),
    op("Slice", SHAPE_ONLY, shape_arithmetic),
    op("Softmax", "of a vector, over the classes", softmax),
    op("Squeeze", "of a pooled vector, naming its axes; or where it computes a shape for Reshape", squeeze),
    op("Unsqueeze", SHAPE_ONLY, shape_arithmetic),
];

const SHAPE_ONLY: &str = "where it computes a shape for Reshape";

const fn op(name: &'static str, accepted: &'static str, read: Read) -> Operator {
    Operator { name, accepted, read }
}

/// [`SUPPORTED_OPERATORS`] as a Markdown table.
pub fn support_table() -> String {
    let mut table = "| ONNX operator | accepted |\n| --- | --- |\n".to_owned();
    for Operator { name, accepted, read: _ } in SUPPORTED_OPERATORS {
        table += &format!("| {name} | {accepted} |\n");
    }
    table
}

/// Reads any node.
pub(super) fn read<'a>(importer: &mut Importer<'a>, node: &mut Node<'a>) -> Result<Flow<'a>, FormatError> {
    let name = node.proto.op_type.as_str();
    if is_quantized(name) {
        return Err(node.unsupported(format!(
            "operator {name:.80}: the model is quantized already, accepted is the float32 model that it was made from"
        )));
    }
    let operator = SUPPORTED_OPERATORS.iter().find(|operator| operator.name == name);
    match operator {
        Some(operator) if is_default_domain(&node.proto.domain) => (operator.read)(importer, node),
        _ => {
            let domain = node.proto.domain.as_str();
            let separator = if domain.is_empty() { "" } else { "." };
            let accepted: Vec<&str> = SUPPORTED_OPERATORS.iter().map(|operator| operator.name).collect();
            Err(node.unsupported(format!(
                "operator {domain:.80}{separator}{name:.80}, accepted are {}",
                accepted.join(", ")
            )))
        }
    }
}

/// Operators of quantized models, in any domain.
fn is_quantized(name: &str) -> bool {
    name.starts_with("QLinear")
        || [
            "QuantizeLinear",
            "DequantizeLinear",
            "DynamicQuantizeLinear",
            "ConvInteger",
            "MatMulInteger",
            "QGemm",
        ]
        .contains(&name)
}

/// An activation among a node's inputs.
#[derive(Clone, Copy)]
enum Activation {
    Image { id: ValueId, height: usize, width: usize, channels: usize },
    Vector { id: ValueId, ones: usize, length: usize },
}

impl Activation {
    fn of<'a>(importer: &Importer<'a>, node: &Node<'a>, idx: usize) -> Result<Self, FormatError> {
        let (id, ones) = match importer.flow(node, idx)? {
            Flow::Image(id) => (*id, 0),
            Flow::Vector { id, ones } => (*id, *ones),
            Flow::Constant(_) | Flow::ShapeArithmetic => {
                let op = &node.proto.op_type;
                let feature = format!("{op} of input {idx} that does not depend on the picture's content");
                return Err(node.unsupported(feature));
            }
        };
        Ok(match importer.builder.shape(id) {
            Shape::Image { height, width, channels } => Self::Image { id, height, width, channels },
            Shape::Vector { length } => Self::Vector { id, ones, length },
        })
    }

    /// A vector with its count of dimensions of one element behind the channels; an image of one pixel becomes one.
    fn pooled<'a>(
        self,
        importer: &mut Importer<'a>,
        node: &Node<'a>,
    ) -> Result<(ValueId, usize, usize), FormatError> {
        match self {
            Self::Vector { id, ones, length } => Ok((id, ones, length)),
            Self::Image { id, height: 1, width: 1, channels } => {
                Ok((importer.add(node, Op::GlobalAveragePool, &[id])?, 2, channels))
            }
            Self::Image { height, width, .. } => Err(node.unsupported(format!(
                "{} of an image of {height}x{width}, accepted is a pooled vector",
                node.proto.op_type
            ))),
        }
    }

    /// A vector without further dimensions.
    fn flat(self, node: &Node<'_>) -> Result<(ValueId, usize), FormatError> {
        match self {
            Self::Vector { id, ones: 0, length } => Ok((id, length)),
            Self::Vector { .. } | Self::Image { .. } => {
                let op = &node.proto.op_type;
                Err(node
                    .unsupported(format!("{op} of more than two dimensions, accepted is a flattened vector")))
            }
        }
    }
}

fn conv<'a>(importer: &mut Importer<'a>, node: &mut Node<'a>) -> Result<Flow<'a>, FormatError> {
    let activation = Activation::of(importer, node, 0)?;
    let weight = importer.constant(node, 1)?;
    let shape = weight.shape()?;
    let &[out_channels, in_channels, kernel_height, kernel_width] = shape.as_slice() else {
        return Err(node.unsupported(format!(
            "Conv with a weight of shape {}, accepted are 4 dimensions",
            list(&shape)
        )));
    };
    let kernel = [kernel_height, kernel_width];
    let values = weights(importer, node, &weight)?;
    if let Some(declared) = pair(node, "kernel_shape")?
        && declared != kernel
    {
        return Err(node.malformed(format!("kernel_shape {declared:?} differs from the weight's {kernel:?}")));
    }
    if let Some(dilation) = pair(node, "dilations")?
        && dilation != [1, 1]
    {
        return Err(node.unsupported(format!("Conv with dilations {dilation:?}, accepted is [1, 1]")));
    }
    let stride = pair(node, "strides")?.unwrap_or([1, 1]);
    if stride.contains(&0) {
        return Err(node.malformed("a stride of 0".to_owned()));
    }
    let groups = node.int("group", 1)?;
    let groups = usize::try_from(groups).map_err(|_| node.malformed(format!("group is {groups}")))?;
    let size = match activation {
        Activation::Image { height, width, .. } => [height, width],
        Activation::Vector { .. } => [1, 1],
    };
    let padding = padding(node, size, kernel, stride)?;
    let bias = match node.input(2) {
        Some(_) => Some(importer.vector(node, 2, out_channels)?),
        None => importer.absorbed_bias(node, out_channels, 2)?,
    };
    match activation {
        Activation::Image { id, .. } => {
            let weight = Weight::f32(shape, values);
            let op = Op::Conv2d(Conv2d { weight, bias, stride, padding, groups });
            importer.add(node, op, &[id]).map(Flow::Image)
        }
        Activation::Vector { id, ones: 2, .. } => {
            if kernel != [1, 1] || groups != 1 || padding != Padding::default() {
                return Err(node.unsupported(format!(
                    "Conv of a pooled vector with kernel {kernel:?}, groups {groups} and padding {padding:?}, \
                     accepted is 1x1 without groups and padding"
                )));
            }
            let weight = Weight::f32(vec![out_channels, in_channels], values);
            let id = importer.add(node, Op::Linear(Linear { weight, bias }), &[id])?;
            Ok(Flow::Vector { id, ones: 2 })
        }
        Activation::Vector { ones, .. } => {
            Err(node.unsupported(format!("Conv of {} dimensions, accepted are 4", 2 + ones)))
        }
    }
}

/// Two sizes, vertical and horizontal.
fn pair(node: &mut Node<'_>, name: &str) -> Result<Option<[usize; 2]>, FormatError> {
    let Some(values) = node.ints(name)? else {
        return Ok(None);
    };
    let sizes: Option<Vec<usize>> = values.iter().map(|&size| usize::try_from(size).ok()).collect();
    match sizes.as_deref() {
        Some(&[vertical, horizontal]) => Ok(Some([vertical, horizontal])),
        _ => Err(node.unsupported(format!(
            "{} with {name} {}, accepted are two sizes",
            node.proto.op_type,
            list(values)
        ))),
    }
}

/// The padding of `pads` or `auto_pad`. ONNX orders pads top, left, bottom, right.
fn padding(
    node: &mut Node<'_>,
    input: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
) -> Result<Padding, FormatError> {
    let pads = node.ints("pads")?;
    match node.string("auto_pad")?.unwrap_or(b"NOTSET") {
        b"NOTSET" => {
            let Some(pads) = pads else {
                return Ok(Padding::default());
            };
            let sizes: Option<Vec<usize>> = pads.iter().map(|&size| usize::try_from(size).ok()).collect();
            match sizes.as_deref() {
                Some(&[top, left, bottom, right]) => Ok(Padding { top, left, bottom, right }),
                _ => Err(node.unsupported(format!(
                    "{} with pads {}, accepted are four sizes",
                    node.proto.op_type,
                    list(pads)
                ))),
            }
        }
        b"VALID" => Ok(Padding::default()),
        b"SAME_UPPER" => Ok(Padding::same(input, kernel, stride)),
        b"SAME_LOWER" => {
            let Padding { top, left, bottom, right } = Padding::same(input, kernel, stride);
            Ok(Padding { top: bottom, left: right, bottom: top, right: left })
        }
        other => {
            let other = String::from_utf8_lossy(other);
            Err(node.malformed(format!("auto_pad is {other:.80?}")))
        }
    }
}

fn batch_normalization<'a>(
    importer: &mut Importer<'a>,
    node: &mut Node<'a>,
) -> Result<Flow<'a>, FormatError> {
    let epsilon = node.float("epsilon")?.unwrap_or(1e-5);
    node.ignore("momentum");
    node.expect_int("spatial", 1, 1)?;
    node.expect_int("training_mode", 0, 0)?;
    if node.proto.output.iter().skip(1).any(|name| !name.is_empty()) {
        return Err(node.unsupported("BatchNormalization in training, accepted is inference".to_owned()));
    }
    let Activation::Image { id, channels, .. } = Activation::of(importer, node, 0)? else {
        return Err(node.unsupported("BatchNormalization of a vector, accepted is an image".to_owned()));
    };
    let norm = BatchNorm {
        gamma: importer.vector(node, 1, channels)?,
        beta: importer.vector(node, 2, channels)?,
        mean: importer.vector(node, 3, channels)?,
        variance: importer.vector(node, 4, channels)?,
        epsilon,
    };
    importer.add(node, Op::BatchNorm(norm), &[id]).map(Flow::Image)
}

fn relu<'a>(importer: &mut Importer<'a>, node: &mut Node<'a>) -> Result<Flow<'a>, FormatError> {
    elementwise(importer, node, Clip::RELU)
}

fn clip<'a>(importer: &mut Importer<'a>, node: &mut Node<'a>) -> Result<Flow<'a>, FormatError> {
    let [min, max] = if node.opset < 11 {
        [node.float("min")?, node.float("max")?]
    } else {
        [bound(importer, node, 1)?, bound(importer, node, 2)?]
    };
    // Exporters write the largest number for a bound that does not bind.
    let min = min.filter(|&min| min > f32::MIN || min.is_nan()).unwrap_or(f32::NEG_INFINITY);
    let max = max.filter(|&max| max < f32::MAX || max.is_nan()).unwrap_or(f32::INFINITY);
    elementwise(importer, node, Clip { min, max: UpperBound::Uniform(max) })
}

fn max<'a>(importer: &mut Importer<'a>, node: &mut Node<'a>) -> Result<Flow<'a>, FormatError> {
    let (idx, bound) = activation_and_bound(importer, node)?;
    match bound {
        UpperBound::Uniform(min) => clipped(importer, node, idx, Clip { min, ..Clip::NONE }),
        UpperBound::PerChannel(_) => {
            let feature = "Max with a constant for each channel, accepted is one number".to_owned();
            Err(node.unsupported(feature))
        }
    }
}

fn min<'a>(importer: &mut Importer<'a>, node: &mut Node<'a>) -> Result<Flow<'a>, FormatError> {
    let (idx, max) = activation_and_bound(importer, node)?;
    clipped(importer, node, idx, Clip { max, ..Clip::NONE })
}

/// Which of two inputs is the activation, and the constant that is the other one.
fn activation_and_bound<'a>(
    importer: &mut Importer<'a>,
    node: &Node<'a>,
) -> Result<(usize, UpperBound), FormatError> {
    let op = &node.proto.op_type;
    if node.proto.input.len() != 2 {
        let n = node.proto.input.len();
        return Err(
            node.unsupported(format!("{op} of {n} inputs, accepted are an activation and a constant"))
        );
    }
    let idx = match importer.flow(node, 0)? {
        Flow::Constant(_) => 1,
        Flow::Image(_) | Flow::Vector { .. } | Flow::ShapeArithmetic => 0,
    };
    let tensor = importer.constant(node, 1 - idx)?;
    let flow = importer.flow(node, idx)?.clone();
    match importer.bound_of(&flow, &tensor)? {
        Some(bound) => Ok((idx, bound)),
        None => Err(node.unsupported(format!(
            "{op} with a constant of shape {}, accepted are one number or one for each channel",
            list(&tensor.dims)
        ))),
    }
}

fn bound<'a>(importer: &mut Importer<'a>, node: &Node<'a>, idx: usize) -> Result<Option<f32>, FormatError> {
    let Some(tensor) = importer.optional_constant(node, idx)? else {
        return Ok(None);
    };
    match tensor.f32s(&mut importer.budget)?.as_slice() {
        &[bound] => Ok(Some(bound)),
        bounds => Err(node.malformed(format!("a bound has {} values, expected 1", bounds.len()))),
    }
}

fn elementwise<'a>(
    importer: &mut Importer<'a>,
    node: &Node<'a>,
    clip: Clip,
) -> Result<Flow<'a>, FormatError> {
    clipped(importer, node, 0, clip)
}

/// The activation that is input `idx` between bounds. A `Min` behind it becomes its upper bound where it has none.
fn clipped<'a>(
    importer: &mut Importer<'a>,
    node: &Node<'a>,
    idx: usize,
    mut clip: Clip,
) -> Result<Flow<'a>, FormatError> {
    let activation = Activation::of(importer, node, idx)?;
    if clip.max == UpperBound::Uniform(f32::INFINITY) {
        let flow = importer.flow(node, idx)?.clone();
        if let Some(max) = importer.absorbed_bound(node, &flow)? {
            clip.max = max;
        }
    }
    match activation {
        Activation::Image { id, .. } => importer.add(node, Op::Clip(clip), &[id]).map(Flow::Image),
        Activation::Vector { id, ones, .. } => {
            let id = importer.add(node, Op::Clip(clip), &[id])?;
            Ok(Flow::Vector { id, ones })
        }
    }
}

fn add<'a>(importer: &mut Importer<'a>, node: &mut Node<'a>) -> Result<Flow<'a>, FormatError> {
    for idx in 0..2 {
        match importer.flow(node, idx)? {
            Flow::Image(_) | Flow::Vector { .. } => {}
            Flow::Constant(_) | Flow::ShapeArithmetic => {
                return Err(node.unsupported(
                    "Add of a constant, accepted are two activations, or one constant for each channel right \
                     after a Conv, MatMul or Gemm without bias"
                        .to_owned(),
                ));
            }
        }
    }
    match (Activation::of(importer, node, 0)?, Activation::of(importer, node, 1)?) {
        (Activation::Image { id: a, .. }, Activation::Image { id: b, .. }) => {
            importer.add(node, Op::Add, &[a, b]).map(Flow::Image)
        }
        (Activation::Vector { id: a, ones, .. }, Activation::Vector { id: b, ones: same, .. })
            if ones == same =>
        {
            Ok(Flow::Vector { id: importer.add(node, Op::Add, &[a, b])?, ones })
        }
        _ => Err(node.unsupported("Add of an image and a vector, accepted is one shape".to_owned())),
    }
}

fn concat<'a>(importer: &mut Importer<'a>, node: &mut Node<'a>) -> Result<Flow<'a>, FormatError> {
    let n = node.proto.input.len();
    let mut joins_shapes = true;
    for idx in 0..n {
        joins_shapes &= matches!(importer.flow(node, idx)?, Flow::Constant(_) | Flow::ShapeArithmetic);
    }
    if joins_shapes {
        return shape_arithmetic(importer, node);
    }
    let axis = node.int("axis", 1)?;
    if axis != 1 && axis != -3 {
        return Err(node.unsupported(format!("Concat along axis {axis}, accepted are channels, axis 1")));
    }
    let mut images = Vec::with_capacity(n);
    for idx in 0..n {
        match Activation::of(importer, node, idx)? {
            Activation::Image { id, .. } => images.push(id),
            Activation::Vector { .. } => {
                return Err(node.unsupported("Concat of vectors, accepted are images".to_owned()));
            }
        }
    }
    match images.as_slice() {
        &[only] => Ok(Flow::Image(only)),
        images => importer.add(node, Op::Concat, images).map(Flow::Image),
    }
}

fn max_pool<'a>(importer: &mut Importer<'a>, node: &mut Node<'a>) -> Result<Flow<'a>, FormatError> {
    // How indices are counted, which only the second output has.
    node.ignore("storage_order");
    if node.proto.output.iter().skip(1).any(|name| !name.is_empty()) {
        return Err(node.unsupported("MaxPool with indices, accepted is one output".to_owned()));
    }
    let Activation::Image { id, height, width, .. } = Activation::of(importer, node, 0)? else {
        return Err(node.unsupported("MaxPool of a vector, accepted is an image".to_owned()));
    };
    let Some(kernel) = pair(node, "kernel_shape")? else {
        return Err(node.malformed("kernel_shape is missing".to_owned()));
    };
    let stride = pair(node, "strides")?.unwrap_or([1, 1]);
    if stride.contains(&0) {
        return Err(node.malformed("a stride of 0".to_owned()));
    }
    if let Some(dilation) = pair(node, "dilations")?
        && dilation != [1, 1]
    {
        return Err(node.unsupported(format!("MaxPool with dilations {dilation:?}, accepted is [1, 1]")));
    }
    let mut padding = padding(node, [height, width], kernel, stride)?;
    if node.int("ceil_mode", 0)? != 0 {
        let Padding { top, left, bottom, right } = padding;
        padding.bottom = bottom.saturating_add(left_over(height, [top, bottom], kernel[0], stride[0]));
        padding.right = right.saturating_add(left_over(width, [left, right], kernel[1], stride[1]));
    }
    importer.add(node, Op::MaxPool(MaxPool { kernel, stride, padding }), &[id]).map(Flow::Image)
}

/// Padding behind the image with which a window's last step, which `ceil_mode` keeps although not all of it fits, is whole; none
/// where it would begin behind the image.
fn left_over(size: usize, [before, after]: [usize; 2], kernel: usize, stride: usize) -> usize {
    let padded = size.saturating_add(before).saturating_add(after);
    let Some(free) = padded.checked_sub(kernel) else { return 0 };
    let last = free.div_ceil(stride).saturating_mul(stride);
    if last >= size.saturating_add(before) { 0 } else { last - free }
}

fn global_average_pool<'a>(
    importer: &mut Importer<'a>,
    node: &mut Node<'a>,
) -> Result<Flow<'a>, FormatError> {
    pool(importer, node)
}

fn average_pool<'a>(importer: &mut Importer<'a>, node: &mut Node<'a>) -> Result<Flow<'a>, FormatError> {
    for harmless in ["ceil_mode", "count_include_pad"] {
        node.ignore(harmless);
    }
    let kernel = pair(node, "kernel_shape")?.unwrap_or_default();
    let stride = pair(node, "strides")?.unwrap_or([1, 1]);
    if stride.contains(&0) {
        return Err(node.malformed("a stride of 0".to_owned()));
    }
    let dilation = pair(node, "dilations")?.unwrap_or([1, 1]);
    let size = match Activation::of(importer, node, 0)? {
        Activation::Image { height, width, .. } => [height, width],
        Activation::Vector { .. } => [1, 1],
    };
    // The kernel is no larger than the image before padding is derived from it.
    let padding = if kernel == size { padding(node, size, kernel, stride)? } else { Padding::default() };
    if kernel != size || padding != Padding::default() || dilation != [1, 1] {
        return Err(node.unsupported(format!(
            "AveragePool with kernel {kernel:?}, padding {padding:?} and dilations {dilation:?} of an image of {}x{}, \
             accepted is the whole image at once",
            size[0], size[1]
        )));
    }
    pool(importer, node)
}

/// Image to `[batch, C, 1, 1]`; what is pooled already stays.
fn pool<'a>(importer: &mut Importer<'a>, node: &Node<'a>) -> Result<Flow<'a>, FormatError> {
    match Activation::of(importer, node, 0)? {
        Activation::Image { id, .. } => {
            let id = importer.add(node, Op::GlobalAveragePool, &[id])?;
            Ok(Flow::Vector { id, ones: 2 })
        }
        Activation::Vector { id, ones: 2, .. } => Ok(Flow::Vector { id, ones: 2 }),
        Activation::Vector { ones, .. } => Err(node.unsupported(format!(
            "{} of {} dimensions, accepted are 4",
            node.proto.op_type,
            2 + ones
        ))),
    }
}

fn reduce_mean<'a>(importer: &mut Importer<'a>, node: &mut Node<'a>) -> Result<Flow<'a>, FormatError> {
    let keep = node.int("keepdims", 1)?;
    node.expect_int("noop_with_empty_axes", 0, 0)?;
    let axes = axes(importer, node, 18)?;
    let mut normalized: Vec<i64> =
        axes.iter().flatten().map(|&axis| if axis < 0 { axis.saturating_add(4) } else { axis }).collect();
    normalized.sort_unstable();
    if normalized != [2, 3] {
        return Err(node.unsupported(format!(
            "ReduceMean over axes {}, accepted are height and width (2 and 3)",
            axes.map_or("all".to_owned(), |axes| list(&axes))
        )));
    }
    match pool(importer, node)? {
        Flow::Vector { id, .. } if keep == 0 => Ok(Flow::Vector { id, ones: 0 }),
        flow => Ok(flow),
    }
}

/// The attribute `axes`, from operator set `input_since` on the second input; `None` where neither is there.
fn axes<'a>(
    importer: &Importer<'a>,
    node: &mut Node<'a>,
    input_since: i64,
) -> Result<Option<Vec<i64>>, FormatError> {
    if node.opset < input_since {
        return Ok(node.ints("axes")?.map(<[i64]>::to_vec));
    }
    importer.optional_constant(node, 1)?.map(|tensor| tensor.i64s()).transpose()
}

fn flatten<'a>(importer: &mut Importer<'a>, node: &mut Node<'a>) -> Result<Flow<'a>, FormatError> {
    let axis = node.int("axis", 1)?;
    let (id, ones, _) = Activation::of(importer, node, 0)?.pooled(importer, node)?;
    if axis != 1 && axis != -1 - ones as i64 {
        return Err(node.unsupported(format!("Flatten with axis = {axis}, accepted is 1")));
    }
    Ok(Flow::Vector { id, ones: 0 })
}

fn squeeze<'a>(importer: &mut Importer<'a>, node: &mut Node<'a>) -> Result<Flow<'a>, FormatError> {
    match importer.flow(node, 0)? {
        Flow::Constant(_) | Flow::ShapeArithmetic => return shape_arithmetic(importer, node),
        Flow::Image(_) | Flow::Vector { .. } => {}
    }
    let axes = axes(importer, node, 13)?;
    let (id, ones, _) = Activation::of(importer, node, 0)?.pooled(importer, node)?;
    let rank = 2 + ones as i64;
    let mut squeezed: Vec<i64> =
        axes.iter().flatten().map(|&axis| if axis < 0 { axis.saturating_add(rank) } else { axis }).collect();
    squeezed.sort_unstable();
    squeezed.dedup();
    if squeezed.is_empty() || !squeezed.iter().all(|axis| (2..rank).contains(axis)) {
        return Err(node.unsupported(format!(
            "Squeeze of axes {} of {rank} dimensions, accepted are axes from 2",
            axes.map_or("all".to_owned(), |axes| list(&axes))
        )));
    }
    Ok(Flow::Vector { id, ones: ones - squeezed.len() })
}

fn reshape<'a>(importer: &mut Importer<'a>, node: &mut Node<'a>) -> Result<Flow<'a>, FormatError> {
    node.expect_int("allowzero", 0, 0)?;
    let target = match importer.flow(node, 1)? {
        Flow::Constant(tensor) => Some(tensor.i64s()?),
        Flow::ShapeArithmetic => None,
        Flow::Image(_) | Flow::Vector { .. } => {
            return Err(
                node.unsupported("Reshape to a shape that depends on the picture's content".to_owned())
            );
        }
    };
    let (id, _, length) = Activation::of(importer, node, 0)?.pooled(importer, node)?;
    let Some(target) = target else {
        return Ok(Flow::Vector { id, ones: 0 });
    };
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    match target.as_slice() {
        &[batch, channels, ref ones @ ..]
            if batch >= -1
                && (channels == length || channels == 0 || (channels == -1 && batch != -1))
                && ones.iter().all(|&size| size == 1) =>
        {
            Ok(Flow::Vector { id, ones: ones.len() })
        }
        _ => Err(node.unsupported(format!(
            "Reshape of a vector of {length} to {target:?}, accepted is [batch, {length}]"
        ))),
    }
}

fn gemm<'a>(importer: &mut Importer<'a>, node: &mut Node<'a>) -> Result<Flow<'a>, FormatError> {
    node.expect_one("alpha")?;
    node.expect_one("beta")?;
    node.expect_int("transA", 0, 0)?;
    let transposed = match node.int("transB", 0)? {
        0 => false,
        1 => true,
        other => return Err(node.malformed(format!("transB is {other}"))),
    };
    let (id, _) = Activation::of(importer, node, 0)?.flat(node)?;
    let weight = matrix(importer, node, transposed)?;
    let n = weight.out_channels();
    let bias = match importer.optional_constant(node, 2)? {
        None => importer.absorbed_bias(node, n, 0)?,
        Some(tensor) => {
            let values = tensor.f32s(&mut importer.budget)?;
            match tensor.shape()?.as_slice() {
                [] | [1] | [1, 1] => Some(vec![values.first().copied().unwrap_or_default(); n]),
                &[len] | &[1, len] if len == n => Some(values),
                shape => {
                    return Err(node.unsupported(format!(
                        "Gemm with a bias of shape {}, accepted is [{n}]",
                        list(shape)
                    )));
                }
            }
        }
    };
    let id = importer.add(node, Op::Linear(Linear { weight, bias }), &[id])?;
    Ok(Flow::Vector { id, ones: 0 })
}

fn mat_mul<'a>(importer: &mut Importer<'a>, node: &mut Node<'a>) -> Result<Flow<'a>, FormatError> {
    let (id, _) = Activation::of(importer, node, 0)?.flat(node)?;
    let weight = matrix(importer, node, false)?;
    let bias = importer.absorbed_bias(node, weight.out_channels(), 0)?;
    let id = importer.add(node, Op::Linear(Linear { weight, bias }), &[id])?;
    Ok(Flow::Vector { id, ones: 0 })
}

/// The second input as `[out, in]`: stored so where `transposed`, as `[in, out]` otherwise.
fn matrix<'a>(importer: &mut Importer<'a>, node: &Node<'a>, transposed: bool) -> Result<Weight, FormatError> {
    let tensor = importer.constant(node, 1)?;
    let &[rows, columns] = tensor.shape()?.as_slice() else {
        return Err(node.unsupported(format!(
            "{} with a weight of shape {}, accepted are 2 dimensions",
            node.proto.op_type,
            list(&tensor.dims)
        )));
    };
    let values = weights(importer, node, &tensor)?;
    if transposed {
        return Ok(Weight::f32(vec![rows, columns], values));
    }
    let by_column =
        (0..columns).flat_map(|column| values.iter().copied().skip(column).step_by(columns)).collect();
    Ok(Weight::f32(vec![columns, rows], by_column))
}

/// Numbers of a weight, at least one, so that each of its dimensions is bounded by the file's size.
fn weights<'a>(
    importer: &mut Importer<'a>,
    node: &Node<'a>,
    tensor: &TensorProto,
) -> Result<Vec<f32>, FormatError> {
    let values = tensor.f32s(&mut importer.budget)?;
    if values.is_empty() {
        return Err(node.malformed(format!("a weight of shape {} is empty", list(&tensor.dims))));
    }
    Ok(values)
}

fn softmax<'a>(importer: &mut Importer<'a>, node: &mut Node<'a>) -> Result<Flow<'a>, FormatError> {
    // Before operator set 13 all axes from this one on are taken together, which is the same here.
    let axis = node.int("axis", if node.opset < 13 { 1 } else { -1 })?;
    let (id, ones, _) = Activation::of(importer, node, 0)?.pooled(importer, node)?;
    if axis != 1 && axis != -1 - ones as i64 {
        return Err(node.unsupported(format!("Softmax with axis = {axis}, accepted is 1, the classes")));
    }
    Ok(Flow::Vector { id: importer.add(node, Op::Softmax, &[id])?, ones })
}

fn identity<'a>(importer: &mut Importer<'a>, node: &mut Node<'a>) -> Result<Flow<'a>, FormatError> {
    importer.flow(node, 0).cloned()
}

fn dropout<'a>(importer: &mut Importer<'a>, node: &mut Node<'a>) -> Result<Flow<'a>, FormatError> {
    for harmless in ["ratio", "seed"] {
        node.ignore(harmless);
    }
    if let Some(training) = importer.optional_constant(node, 2)?
        && training.i64s()? != [0]
    {
        return Err(node.unsupported("Dropout in training, accepted is inference".to_owned()));
    }
    identity(importer, node)
}

fn constant<'a>(_: &mut Importer<'a>, node: &mut Node<'a>) -> Result<Flow<'a>, FormatError> {
    if let Some(tensor) = node.tensor("value")? {
        return Ok(Flow::Constant(Constant::Stored(tensor)));
    }
    let floats = match node.float("value_float")? {
        Some(value) => Some((vec![], vec![value])),
        None => node.floats("value_floats")?.map(|values| (vec![values.len() as i64], values.to_vec())),
    };
    if let Some((dims, float_data)) = floats {
        let tensor = TensorProto { dims, data_type: data_type::FLOAT, float_data, ..TensorProto::default() };
        return Ok(Flow::Constant(Constant::Made(Rc::new(tensor))));
    }
    if let Some(values) = node.ints("value_ints")? {
        return Ok(int_constant(vec![values.len() as i64], values.to_vec()));
    }
    if node.has("value_int") {
        return Ok(int_constant(vec![], vec![node.int("value_int", 0)?]));
    }
    Err(node.unsupported("Constant without value, value_float(s) or value_int(s)".to_owned()))
}

fn int_constant(dims: Vec<i64>, int64_data: Vec<i64>) -> Flow<'static> {
    let tensor = TensorProto { dims, data_type: data_type::INT64, int64_data, ..TensorProto::default() };
    Flow::Constant(Constant::Made(Rc::new(tensor)))
}

/// A weight that is stored as float16 and used as float32 stays what it is: tensors are read as float32 anyway.
fn cast<'a>(importer: &mut Importer<'a>, node: &mut Node<'a>) -> Result<Flow<'a>, FormatError> {
    const FLOATS: [i32; 4] = [data_type::FLOAT, data_type::FLOAT16, data_type::BFLOAT16, data_type::DOUBLE];
    match importer.flow(node, 0)? {
        Flow::Constant(tensor)
            if FLOATS.contains(&tensor.data_type) && node.int("to", 0)? == i64::from(data_type::FLOAT) =>
        {
            Ok(Flow::Constant(tensor.clone()))
        }
        _ => shape_arithmetic(importer, node),
    }
}

/// A step of computing a shape. What it gives is not evaluated: [`reshape`] takes only what needs no numbers.
fn shape_arithmetic<'a>(importer: &mut Importer<'a>, node: &mut Node<'a>) -> Result<Flow<'a>, FormatError> {
    node.ignore_all();
    let is_shape = node.proto.op_type == "Shape";
    for idx in (0..node.proto.input.len()).filter(|&idx| node.input(idx).is_some()) {
        match importer.flow(node, idx)? {
            Flow::Constant(_) | Flow::ShapeArithmetic => {}
            Flow::Image(_) | Flow::Vector { .. } if is_shape => {}
            Flow::Image(_) | Flow::Vector { .. } => {
                let op = &node.proto.op_type;
                return Err(node.unsupported(format!("{op} of an activation, accepted {SHAPE_ONLY}")));
            }
        }
    }
    Ok(Flow::ShapeArithmetic)
}
