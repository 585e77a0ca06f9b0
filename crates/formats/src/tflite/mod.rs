//! Writer of TensorFlow Lite files.
//!
//! `schema` knows the file's tables; what an operator of the graph becomes is said here. Start with [`write`].

mod schema;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::slice;

use graph::{
    ActivationQuantization, Clip, Conv2d, Graph, IntegerWeights, Linear, MaxPool, Op, Shape, UpperBound,
    ValueId, Weight, WeightValues, fold_batch_norms,
};
use half::f16;

use self::schema::{Activation, Builtin, Model, Number, Operator, Options, Padding, Quantization, Tensor};
use crate::FormatError;
use crate::blocks::{
    Block, Names, blocks, bound_level, channel_scales, integer_bias, rounding_clips, upper_bounds,
};
use crate::limits::check_activations;

/// The kind of file in messages.
const WHAT: &str = "tflite file";

/// The input's name.
const INPUT: &str = "input";

/// The output's name.
const OUTPUT: &str = "output";

/// The largest dimension, stride or padding: two and an image's side still fit 31 bits.
const MAX_SIZE: usize = 1 << 28;

/// Under this name the model's metadata lies in the file, as JSON.
const METADATA_NAME: &str = "tinylens.metadata";

/// Writes `graph` as a TensorFlow Lite model (schema 3) with input `input`, float32 `[1, height, width, 3]`, and output
/// `output`, float32 `[1, classes]`.
///
/// - Batch norms are folded; one that cannot be becomes a 1x1 depthwise convolution.
/// - Clips at 0, at 0 and 6, and at -1 and 1 become the activation of the layer before them, others `MAXIMUM` and
///   `MINIMUM`.
/// - TensorFlow's SAME and no padding are written as such, any other as a `PAD` before the layer.
/// - float16 weights are stored as such, with `DEQUANTIZE` behind them. Where a batch norm was folded into them, the
///   product is rounded to float16 again.
/// - int8 weights are stored as such, with a scale for each output channel. A layer that runs on integers reads and
///   writes int8 and has an int32 bias. Any other layer has `DEQUANTIZE` behind its weights, and its activations are
///   converted where they are int8.
/// - **The classifier**: `quantize_int8` leaves its output float32, and TensorFlow Lite has no layer from int8 to
///   float32. A range for the output that holds for every picture would follow from the weights, but would be many
///   times wider than the logits and cost most of their eight bits. So it becomes a float32 layer over its dequantized
///   int8 input and weights: the same numbers, the same size, and no integer arithmetic in that one layer. (int8
///   weights right at a float32 layer would be TensorFlow Lite's hybrid form, which rounds the input by a rule of its
///   own.) A linear layer whose output has a quantization runs on integers.
///
/// TensorFlow Lite rounds halves away from zero where the engine rounds to even, so that int8 activations may differ by
/// a step.
///
/// # Errors
/// [`FormatError::Graph`] for a graph that is not valid, [`FormatError::Unsupported`] for a convolution in groups that
/// is not depthwise and for a bias that does not fit int32, [`FormatError::TooLarge`].
///
/// Source: `tensorflow/lite/schema/schema.fbs`; "LiteRT 8-bit quantization specification" for scales and types.
pub fn write(graph: &Graph) -> Result<Vec<u8>, FormatError> {
    convert(graph)?.encode()
}

fn convert(graph: &Graph) -> Result<Model, FormatError> {
    graph.validate()?;
    check_sizes(graph)?;
    let mut folded = fold_batch_norms(graph)?;
    for (weight, before) in folded.weights_mut().zip(graph.weights()) {
        if let (WeightValues::F32(values), WeightValues::F16(_)) = (&weight.values, &before.values) {
            let (min, max) = (f16::MIN.to_f32(), f16::MAX.to_f32());
            let halves = values.iter().map(|value| f16::from_f32(value.clamp(min, max))).collect();
            weight.values = WeightValues::F16(halves);
        }
    }
    let mut converter = Converter::new(&folded);
    for block in blocks(&folded) {
        converter.block(&block)?;
    }
    converter.finish()
}

/// What is put around an image.
#[derive(Clone, Copy, Debug)]
enum Filling {
    /// As convolutions see it.
    Zero,
    /// What is never the largest.
    Least,
}

struct Converter<'g> {
    graph: &'g Graph,
    names: Names,
    tensors: Vec<Tensor>,
    operators: Vec<Operator>,
    /// Where a value is found as float32.
    exact: HashMap<ValueId, i32>,
    /// Where a value is found as int8.
    levels: HashMap<ValueId, i32>,
}

impl<'g> Converter<'g> {
    fn new(graph: &'g Graph) -> Self {
        let mut converter = Self {
            graph,
            names: Names::default(),
            tensors: Vec::new(),
            operators: Vec::new(),
            exact: HashMap::new(),
            levels: HashMap::new(),
        };
        converter.names.unique(INPUT);
        converter.names.unique(OUTPUT);
        converter.float_output(graph.input, "");
        converter
    }

    fn block(&mut self, block: &Block<'g>) -> Result<(), FormatError> {
        let node = block.node;
        match &node.op {
            Op::Conv2d(conv) => self.conv(block, conv),
            Op::BatchNorm(norm) => self.conv(block, &norm.to_conv()),
            Op::Linear(linear) => self.linear(block, linear),
            Op::Add => {
                let inputs = node.inputs.iter().map(|&id| self.read(id, block.is_integer)).collect();
                let (activation, rest) = self.activation(block);
                let output = self.output(block, rest);
                let version = if block.is_integer { 2 } else { 1 };
                self.push(Builtin::Add, version, inputs, output, Options::Add { activation });
                Ok(())
            }
            Op::Concat => {
                let inputs = node.inputs.iter().map(|&id| self.read(id, block.is_integer)).collect();
                let output = self.output(block, None);
                let version = if block.is_integer { 2 } else { 1 };
                // Channels are innermost of four dimensions.
                self.push(
                    Builtin::Concatenation,
                    version,
                    inputs,
                    output,
                    Options::Concatenation { axis: 3 },
                );
                Ok(())
            }
            Op::MaxPool(pool) => {
                self.max_pool(block, pool);
                Ok(())
            }
            Op::GlobalAveragePool => {
                let axes = [1_i32, 2].iter().flat_map(|axis| axis.to_le_bytes()).collect();
                let axes = self.tensor(&format!("{}.axes", node.name), vec![2], Number::I32, None, axes);
                let inputs = vec![self.read(node.inputs[0], block.is_integer), axes];
                let output = self.output(block, None);
                let version = if block.is_integer { 2 } else { 1 };
                self.push(Builtin::Mean, version, inputs, output, Options::Reducer);
                Ok(())
            }
            Op::Clip(clip) => {
                let input = self.read(node.inputs[0], false);
                let output = self.float_output(block.output, "");
                let simple = match activation_of(clip) {
                    Some(Activation::Relu) => Some(Builtin::Relu),
                    Some(Activation::Relu6) => Some(Builtin::Relu6),
                    Some(Activation::ReluN1To1) => Some(Builtin::ReluN1To1),
                    Some(Activation::None) | None => None,
                };
                match simple {
                    Some(builtin) => self.push(builtin, 1, vec![input], output, Options::None),
                    None => self.clip(&node.name, clip, input, output),
                }
                Ok(())
            }
            Op::Softmax => {
                let input = self.read(node.inputs[0], false);
                let output = self.float_output(block.output, "");
                self.push(Builtin::Softmax, 1, vec![input], output, Options::Softmax);
                Ok(())
            }
        }
    }

    fn conv(&mut self, block: &Block<'g>, conv: &Conv2d) -> Result<(), FormatError> {
        let node = block.node;
        let in_channels = conv.in_channels();
        let is_depthwise = conv.groups > 1 && conv.groups == in_channels;
        if conv.groups != 1 && !is_depthwise {
            return Err(FormatError::Unsupported {
                node: format!("{:?}", node.name),
                feature: format!(
                    "a convolution of {in_channels} channels in {} groups, accepted are 1 and {in_channels}",
                    conv.groups
                ),
            });
        }
        let order = if is_depthwise { Order::ChannelsInnermost } else { Order::Ohwi };
        let input = self.read(node.inputs[0], block.is_integer);
        let (input, padding) =
            self.padded(block, conv.kernel(), conv.stride, conv.padding, input, Filling::Zero);
        let weight = self.weight(&node.name, &conv.weight, order, block.is_integer);
        let bias = conv.bias.clone().unwrap_or_else(|| vec![0.0; conv.weight.out_channels()]);
        let bias = self.bias(block, &conv.weight, &bias, block.is_integer)?;
        let (activation, rest) = self.activation(block);
        let output = self.output(block, rest);
        let stride = conv.stride.map(size);
        let version = if block.is_integer { 3 } else { 1 };
        let inputs = vec![input, weight, bias];
        if is_depthwise {
            let depth_multiplier = size(conv.weight.out_channels() / in_channels);
            let options = Options::DepthwiseConv2d { padding, stride, depth_multiplier, activation };
            self.push(Builtin::DepthwiseConv2d, version, inputs, output, options);
        } else {
            self.push(
                Builtin::Conv2d,
                version,
                inputs,
                output,
                Options::Conv2d { padding, stride, activation },
            );
        }
        Ok(())
    }

    fn max_pool(&mut self, block: &Block<'g>, pool: &MaxPool) {
        let MaxPool { kernel, stride, padding } = *pool;
        let input = self.read(block.node.inputs[0], block.is_integer);
        let (input, padding) = self.padded(block, kernel, stride, padding, input, Filling::Least);
        let output = self.output(block, None);
        let version = if block.is_integer { 2 } else { 1 };
        let options = Options::Pool2d { padding, stride: stride.map(size), filter: kernel.map(size) };
        self.push(Builtin::MaxPool2d, version, vec![input], output, options);
    }

    /// The input as the node reads it, and the padding that is left to the node.
    fn padded(
        &mut self,
        block: &Block<'g>,
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: graph::Padding,
        input: i32,
        filling: Filling,
    ) -> (i32, Padding) {
        let image = shape_of(self.graph, block.node.inputs[0]);
        let [height, width] = match self.graph.value(block.node.inputs[0]).shape {
            Shape::Image { height, width, .. } => [height, width],
            Shape::Vector { .. } => [1, 1],
        };
        if padding == graph::Padding::default() {
            return (input, Padding::Valid);
        }
        if padding == graph::Padding::same([height, width], kernel, stride) {
            return (input, Padding::Same);
        }
        let graph::Padding { top, left, bottom, right } = padding;
        let paddings = [0, 0, top, bottom, left, right, 0, 0];
        let paddings = paddings.iter().flat_map(|&n| size(n).to_le_bytes()).collect();
        let name = &block.node.name;
        let paddings = self.tensor(&format!("{name}.paddings"), vec![4, 2], Number::I32, None, paddings);
        let padded = vec![1, image[1] + size(top + bottom), image[2] + size(left + right), image[3]];
        let Tensor { number, quantization, .. } = &self.tensors[input as usize];
        let (number, quantization) = (*number, quantization.clone());
        let version = if number == Number::I8 { 2 } else { 1 };
        let output = self.tensor(&format!("{name}.padded"), padded, number, quantization.clone(), vec![]);
        match filling {
            // An int8 `PAD` fills with the zero point of its output.
            Filling::Zero => self.push(Builtin::Pad, version, vec![input, paddings], output, Options::None),
            Filling::Least => {
                let least = match number {
                    Number::I8 => vec![i8::MIN.cast_unsigned()],
                    Number::F32 | Number::F16 | Number::I32 => f32::MIN.to_le_bytes().to_vec(),
                };
                let least = self.tensor(&format!("{name}.least"), vec![1], number, quantization, least);
                let inputs = vec![input, paddings, least];
                self.push(Builtin::PadV2, version, inputs, output, Options::None);
            }
        }
        (output, Padding::Valid)
    }

    fn linear(&mut self, block: &Block<'g>, linear: &Linear) -> Result<(), FormatError> {
        let node = block.node;
        let writes_int8 = block.is_integer && self.graph.value(block.output).quantization.is_some();
        let input = if block.is_integer && !writes_int8 {
            self.read_rounded(node.inputs[0])
        } else {
            self.read(node.inputs[0], block.is_integer)
        };
        let weight = self.weight(&node.name, &linear.weight, Order::AsIs, writes_int8);
        let bias = linear.bias.clone().unwrap_or_else(|| vec![0.0; linear.weight.out_channels()]);
        let bias = self.bias(block, &linear.weight, &bias, writes_int8)?;
        let output =
            if writes_int8 { self.output(block, None) } else { self.float_output(block.output, "").into() };
        // Version 12 has scales per channel.
        let version = if writes_int8 { 12 } else { 1 };
        self.push(
            Builtin::FullyConnected,
            version,
            vec![input, weight, bias],
            output,
            Options::FullyConnected,
        );
        Ok(())
    }

    /// The activation that a block's clip is, and what is left of the clip for operators behind the layer.
    fn activation(&self, block: &Block<'g>) -> (Activation, Option<&'g Clip>) {
        let Some(clip) = block.clip_bounds() else { return (Activation::None, None) };
        let quantization = self.graph.value(block.output).quantization.filter(|_| block.is_integer);
        if quantization.is_some_and(|quantization| rounding_clips(clip, quantization)) {
            return (Activation::None, None);
        }
        match activation_of(clip) {
            Some(activation) => (activation, None),
            None => (Activation::None, Some(clip)),
        }
    }

    /// The tensor that the block's layer writes. Where a clip is `rest`, its operators come behind the layer.
    fn output(&mut self, block: &Block<'g>, rest: Option<&'g Clip>) -> Output<'g> {
        let output = if block.is_integer {
            self.int8_output(block.output, "")
        } else {
            self.float_output(block.output, "")
        };
        let (Some(clip), Some(node)) = (rest, block.clip) else {
            return Output { layer: output, clip: None };
        };
        let Tensor { shape, number, quantization, .. } = self.tensors[output as usize].clone();
        let layer = self.tensor(&block.node.name, shape, number, quantization, vec![]);
        Output { layer, clip: Some((node.name.clone(), clip, output)) }
    }

    /// A new tensor for a value as float32. `suffix` tells it from the value's other tensor.
    fn float_output(&mut self, id: ValueId, suffix: &str) -> i32 {
        let graph = self.graph;
        let name = match id {
            id if id == graph.input => INPUT.to_owned(),
            id if id == graph.output => OUTPUT.to_owned(),
            _ => self.names.unique(&format!("{}{suffix}", graph.value(id).name)),
        };
        let (shape, number) = (shape_of(graph, id), Number::F32);
        let tensor = self.add(Tensor { name, shape, number, quantization: None, data: vec![] });
        self.exact.insert(id, tensor);
        tensor
    }

    /// The same as int8.
    fn int8_output(&mut self, id: ValueId, suffix: &str) -> i32 {
        let graph = self.graph;
        let value = graph.value(id);
        let (name, quantization) = (format!("{}{suffix}", value.name), value.quantization.map(per_tensor));
        let tensor = self.tensor(&name, shape_of(graph, id), Number::I8, quantization, vec![]);
        self.levels.insert(id, tensor);
        tensor
    }

    /// Where a value is found as int8 or as float32, converting it first where it is not.
    fn read(&mut self, id: ValueId, as_int8: bool) -> i32 {
        match (self.exact.get(&id).copied(), self.levels.get(&id).copied()) {
            (_, Some(levels)) if as_int8 => levels,
            (Some(exact), _) if !as_int8 => exact,
            (Some(exact), _) => {
                let levels = self.int8_output(id, ".levels");
                self.push(Builtin::Quantize, 1, vec![exact], levels, Options::None);
                levels
            }
            (None, Some(levels)) => {
                let exact = self.float_output(id, ".exact");
                self.push(Builtin::Dequantize, 2, vec![levels], exact, Options::None);
                exact
            }
            (None, None) => unreachable!("a value is written before it is read"),
        }
    }

    /// A value as float32 after rounding to int8.
    fn read_rounded(&mut self, id: ValueId) -> i32 {
        if !self.exact.contains_key(&id) {
            return self.read(id, false);
        }
        let graph = self.graph;
        let levels = self.read(id, true);
        let name = format!("{}.rounded", graph.value(id).name);
        let rounded = self.tensor(&name, shape_of(graph, id), Number::F32, None, vec![]);
        self.push(Builtin::Dequantize, 2, vec![levels], rounded, Options::None);
        rounded
    }

    /// A weight as the layer reads it.
    fn weight(&mut self, node: &str, weight: &Weight, order: Order, as_int8: bool) -> i32 {
        let name = format!("{node}.weight");
        let shape = order.shape(&weight.shape);
        let (number, version, quantization, bytes): (_, _, _, Vec<u8>) = match &weight.values {
            WeightValues::F32(_) | WeightValues::Bf16(_) | WeightValues::Clustered(_) => {
                let values = order.apply(&weight.to_f32(), &weight.shape);
                let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                return self.tensor(&name, shape, Number::F32, None, bytes);
            }
            WeightValues::F16(values) => {
                let values = order.apply(values, &weight.shape);
                (Number::F16, 3, None, values.iter().flat_map(|value| value.to_le_bytes()).collect())
            }
            WeightValues::Integer(integer) => {
                let scales = channel_scales(&integer.scales, weight.out_channels());
                let levels = integer.effective_levels(weight.channel_len());
                let zero_points = vec![0; scales.len()];
                let quantization = Quantization { scales, zero_points, dimension: order.out_channels() };
                let bytes = order.apply(&levels, &weight.shape).into_iter().map(i8::cast_unsigned).collect();
                // Version 5 has scales per channel.
                (Number::I8, 5, Some(quantization), bytes)
            }
        };
        let stored = self.tensor(&name, shape.clone(), number, quantization, bytes);
        if as_int8 {
            return stored;
        }
        let exact = self.tensor(&format!("{name}.exact"), shape, Number::F32, None, vec![]);
        self.push(Builtin::Dequantize, version, vec![stored], exact, Options::None);
        exact
    }

    fn bias(
        &mut self,
        block: &Block<'g>,
        weight: &Weight,
        bias: &[f32],
        as_int32: bool,
    ) -> Result<i32, FormatError> {
        let node = block.node;
        let (name, shape) = (format!("{}.bias", node.name), vec![size(bias.len())]);
        let input = self.graph.value(node.inputs[0]).quantization.filter(|_| as_int32);
        if let (WeightValues::Integer(IntegerWeights { scales, .. }), Some(input)) = (&weight.values, input) {
            let scales = channel_scales(scales, weight.out_channels());
            let (levels, scales) = integer_bias(node, bias, input, &scales)?;
            let quantization = Quantization { zero_points: vec![0; scales.len()], scales, dimension: 0 };
            let bytes = levels.iter().flat_map(|level| level.to_le_bytes()).collect();
            return Ok(self.tensor(&name, shape, Number::I32, Some(quantization), bytes));
        }
        let bytes = bias.iter().flat_map(|value| value.to_le_bytes()).collect();
        Ok(self.tensor(&name, shape, Number::F32, None, bytes))
    }

    /// `MAXIMUM` with the lower bound and `MINIMUM` with the upper one or ones, as far as they are finite.
    fn clip(&mut self, name: &str, clip: &Clip, input: i32, output: i32) {
        let Tensor { shape, number, quantization, .. } = self.tensors[output as usize].clone();
        let grid = match quantization.as_ref().map(|q| (q.scales.as_slice(), q.zero_points.as_slice())) {
            Some((&[scale], &[zero_point])) => {
                Some(ActivationQuantization { scale, zero_point: zero_point as i8 })
            }
            _ => None,
        };
        let numbers = |bounds: &[f32]| -> Vec<u8> {
            match grid {
                Some(grid) => bounds.iter().map(|real| bound_level(*real, grid).cast_unsigned()).collect(),
                None => bounds.iter().flat_map(|real| real.to_le_bytes()).collect(),
            }
        };
        let version = if number == Number::I8 { 2 } else { 1 };
        // The lower bound goes first; where both are infinite it still copies the value.
        let max = upper_bounds(clip);
        let upper = max.iter().any(|max| max.is_finite()).then_some(max);
        let lower = (clip.min.is_finite() || upper.is_none()).then_some(slice::from_ref(&clip.min));
        let mut steps: Vec<_> = [(Builtin::Maximum, "min", lower), (Builtin::Minimum, "max", upper)]
            .into_iter()
            .filter_map(|(builtin, part, bounds)| Some((builtin, part, bounds?)))
            .collect();
        let last = steps.pop();
        let mut input = input;
        // Channels are innermost, so a vector of them goes along.
        for (builtin, part, bounds) in steps {
            let (name_of_bound, n) = (format!("{name}.{part}"), vec![size(bounds.len())]);
            let constant = self.tensor(&name_of_bound, n, number, quantization.clone(), numbers(bounds));
            let next =
                self.tensor(&format!("{name}.above"), shape.clone(), number, quantization.clone(), vec![]);
            self.push(builtin, version, vec![input, constant], next, Options::None);
            input = next;
        }
        if let Some((builtin, part, bounds)) = last {
            let (name_of_bound, n) = (format!("{name}.{part}"), vec![size(bounds.len())]);
            let constant = self.tensor(&name_of_bound, n, number, quantization, numbers(bounds));
            self.push(builtin, version, vec![input, constant], output, Options::None);
        }
    }

    fn push(
        &mut self,
        builtin: Builtin,
        version: i32,
        inputs: Vec<i32>,
        output: impl Into<Output<'g>>,
        options: Options,
    ) {
        let Output { layer, clip } = output.into();
        self.operators.push(Operator { builtin, version, inputs, outputs: vec![layer], options });
        if let Some((name, clip, output)) = clip {
            self.clip(&name, clip, layer, output);
        }
    }

    fn tensor(
        &mut self,
        name: &str,
        shape: Vec<i32>,
        number: Number,
        quantization: Option<Quantization>,
        data: Vec<u8>,
    ) -> i32 {
        let name = self.names.unique(name);
        self.add(Tensor { name, shape, number, quantization, data })
    }

    fn add(&mut self, tensor: Tensor) -> i32 {
        self.tensors.push(tensor);
        size(self.tensors.len() - 1)
    }

    fn finish(mut self) -> Result<Model, FormatError> {
        let output = self.read(self.graph.output, false);
        let metadata = &self.graph.metadata;
        let json = serde_json::to_vec(metadata).expect("metadata is numbers and text");
        Ok(Model {
            name: metadata.name.clone(),
            description: format!("{}, written by tinylens {}", metadata.name, env!("CARGO_PKG_VERSION")),
            metadata: (METADATA_NAME.to_owned(), json),
            input: self.exact[&self.graph.input],
            output,
            tensors: self.tensors,
            operators: self.operators,
        })
    }
}

/// A clip as one of TensorFlow Lite's activations.
fn activation_of(clip: &Clip) -> Option<Activation> {
    let max = match &clip.max {
        UpperBound::Uniform(max) => *max,
        UpperBound::PerChannel(_) => return None,
    };
    match (clip.min, max) {
        (f32::NEG_INFINITY, f32::INFINITY) => Some(Activation::None),
        (0.0, f32::INFINITY) => Some(Activation::Relu),
        (0.0, 6.0) => Some(Activation::Relu6),
        (-1.0, 1.0) => Some(Activation::ReluN1To1),
        _ => None,
    }
}

/// Where a layer writes, and the clip behind it with its name and output.
struct Output<'g> {
    layer: i32,
    clip: Option<(String, &'g Clip, i32)>,
}

impl From<i32> for Output<'_> {
    fn from(layer: i32) -> Self {
        Self { layer, clip: None }
    }
}

/// The order of a weight's dimensions in the file.
#[derive(Clone, Copy)]
enum Order {
    /// `oihw` becomes `ohwi`.
    Ohwi,
    /// `[channels * multiplier, 1, h, w]` becomes `[1, h, w, channels * multiplier]`.
    ChannelsInnermost,
    /// `[out, in]`.
    AsIs,
}

impl Order {
    fn shape(self, shape: &[usize]) -> Vec<i32> {
        match (self, shape) {
            (Self::Ohwi, &[o, i, h, w]) => [o, h, w, i].map(size).to_vec(),
            (Self::ChannelsInnermost, &[o, i, h, w]) => [i, h, w, o].map(size).to_vec(),
            _ => shape.iter().map(|&n| size(n)).collect(),
        }
    }

    /// The dimension of output channels.
    fn out_channels(self) -> i32 {
        match self {
            Self::Ohwi | Self::AsIs => 0,
            Self::ChannelsInnermost => 3,
        }
    }

    fn apply<T: Copy>(self, values: &[T], shape: &[usize]) -> Vec<T> {
        let &[out, channels, height, width] = shape else { return values.to_vec() };
        let taps = height * width;
        // All channels of one tap of a filter.
        let pixel =
            |filter: &[T], tap: usize| (0..channels).map(|c| filter[c * taps + tap]).collect::<Vec<_>>();
        match self {
            Self::Ohwi => {
                let filters = values.chunks_exact(channels * taps);
                filters.flat_map(|filter| (0..taps).flat_map(move |tap| pixel(filter, tap))).collect()
            }
            Self::ChannelsInnermost => {
                (0..taps).flat_map(|tap| (0..out).map(move |o| values[o * taps + tap])).collect()
            }
            Self::AsIs => values.to_vec(),
        }
    }
}

/// Refuses sizes that could not be written as 31 bits, far above what any device computes.
fn check_sizes(graph: &Graph) -> Result<(), FormatError> {
    check_activations(graph)?;
    for node in &graph.nodes {
        let mut sizes = node.op.weight().map_or(vec![], |weight| weight.shape.clone());
        let window = match &node.op {
            Op::Conv2d(conv) => Some((conv.kernel(), conv.stride, conv.padding)),
            Op::MaxPool(MaxPool { kernel, stride, padding }) => Some((*kernel, *stride, *padding)),
            Op::BatchNorm(_)
            | Op::Clip(_)
            | Op::Add
            | Op::Concat
            | Op::GlobalAveragePool
            | Op::Linear(_)
            | Op::Softmax => None,
        };
        if let Some((kernel, stride, graph::Padding { top, left, bottom, right })) = window {
            sizes.extend([top, left, bottom, right]);
            sizes.extend(kernel.into_iter().chain(stride));
        }
        if let Some(&largest) = sizes.iter().max().filter(|&&largest| largest > MAX_SIZE) {
            let what = format!("a size of node {:?}", node.name);
            return Err(FormatError::TooLarge { what, actual: largest as u64, limit: MAX_SIZE as u64 });
        }
    }
    Ok(())
}

fn shape_of(graph: &Graph, id: ValueId) -> Vec<i32> {
    match graph.value(id).shape {
        Shape::Image { height, width, channels } => [1, height, width, channels].map(size).to_vec(),
        Shape::Vector { length } => [1, length].map(size).to_vec(),
    }
}

fn per_tensor(ActivationQuantization { scale, zero_point }: ActivationQuantization) -> Quantization {
    Quantization { scales: vec![scale], zero_points: vec![i64::from(zero_point)], dimension: 0 }
}

/// A size as the file has it.
fn size(n: usize) -> i32 {
    i32::try_from(n).expect("sizes are checked before they are converted")
}
