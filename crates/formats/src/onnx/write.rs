//! Writer of ONNX files. Start with [`write`].

use std::collections::HashMap;

use graph::{
    ActivationQuantization, BatchNorm, Clip, Conv2d, Graph, IntegerWeights, MaxPool, Node, Op, Padding,
    Shape, UpperBound, ValueId, Weight, WeightValues,
};
use prost::Message;

use super::proto::{
    AttributeProto, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    StringStringEntryProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
    attribute_type, data_type,
};
use crate::FormatError;
use crate::blocks::{Block, Names, blocks, channel_scales, integer_bias, rounding_clips};

/// The operator set that is written: the first whose `DequantizeLinear` has scales per channel.
const OPSET: i64 = 13;

/// The newest format that every runtime of that operator set's successors reads.
const IR_VERSION: i64 = 8;

/// Under this key the model's metadata lies in the file, as JSON.
const METADATA_KEY: &str = "tinylens.metadata";

/// Writes `graph` as an ONNX model with input `input`, `float32` `[1, 3, height, width]`, and output `output`,
/// `float32` `[1, classes]`.
///
/// - float32 layers become the operators of [`super::SUPPORTED_OPERATORS`]; [`super::read`] gives the same nodes
///   again.
/// - float16 weights are stored as such and cast to float32 before the layer that uses them.
/// - int8 weights are stored as such, with `DequantizeLinear` behind them. A layer that runs on integers has
///   dequantized inputs, an int32 bias and a quantized output ("QDQ"), which ONNX Runtime joins to one integer
///   operator; run by its formula, the file computes the same numbers in float32. A clip that the rounding to int8
///   does by itself is left out there, because it would keep the runtime from joining.
/// - Activations are rounded to uint8, levels and zero point 128 above the graph's, which is the same grid. On x86
///   ONNX Runtime 1.32 turns int8 activations into uint8 except those with several readers, and then leaves the layers
///   around residual additions in float32 (15 of MobileNetV2's 52 convolutions).
/// - A clip whose upper bound differs by channel becomes a `Min` with a constant of the bounds, behind a `Relu` or `Clip`
///   for the lower one.
/// - A quantized activation that no integer layer reads or writes stays float32.
///
/// # Errors
/// [`FormatError::Graph`] for a graph that is not valid, [`FormatError::Unsupported`] when a bias does not fit int32.
///
/// ONNX Runtime's integer kernels for x86 without VNNI add products in 16 bits, which saturates, unless the session's
/// option `session.x64quantprecision` is `1`; this is not the file's doing.
///
/// Source: `Operators.md` of github.com/onnx/onnx; ONNX Runtime's "Quantize ONNX models" for QDQ.
pub fn write(graph: &Graph) -> Result<Vec<u8>, FormatError> {
    graph.validate()?;
    let mut exporter = Exporter::new(graph);
    for block in blocks(graph) {
        exporter.block(&block)?;
    }
    Ok(exporter.finish().encode_to_vec())
}

struct Exporter<'g> {
    graph: &'g Graph,
    /// Names of tensors.
    names: Names,
    /// Names of nodes, which ONNX keeps apart.
    node_names: Names,
    /// The name of each value as a float32 tensor.
    values: Vec<String>,
    /// The names of values that have gone through int8 and back.
    rounded: HashMap<ValueId, String>,
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
}

impl<'g> Exporter<'g> {
    fn new(graph: &'g Graph) -> Self {
        let mut names = Names::default();
        let (input, output) = (names.unique("input"), names.unique("output"));
        let values = graph.values.iter().enumerate().map(|(idx, value)| match ValueId(idx) {
            id if id == graph.input => input.clone(),
            id if id == graph.output => output.clone(),
            _ => names.unique(&value.name),
        });
        Self {
            graph,
            values: values.collect(),
            names,
            node_names: Names::default(),
            rounded: HashMap::new(),
            nodes: Vec::new(),
            initializers: Vec::new(),
        }
    }

    fn block(&mut self, block: &Block<'g>) -> Result<(), FormatError> {
        let node = block.node;
        let inputs: Vec<String> = node.inputs.iter().map(|&id| self.read(id, block.is_integer)).collect();
        if block.is_integer
            && let Some(quantization) = self.graph.value(block.output).quantization
        {
            return self.quantized(block, &inputs, quantization);
        }
        let output = self.values[node.output.0].clone();
        self.operator(node, inputs, output, block.is_integer)?;
        if let (Some(clip), Some(bounds)) = (block.clip, block.clip_bounds()) {
            let (input, output) = (self.values[node.output.0].clone(), self.values[clip.output.0].clone());
            self.clip(clip, bounds, input, output);
        }
        Ok(())
    }

    /// A block whose output is stored as int8: operator, clip, rounding, and float32 again.
    fn quantized(
        &mut self,
        block: &Block<'g>,
        inputs: &[String],
        quantization: ActivationQuantization,
    ) -> Result<(), FormatError> {
        let node = block.node;
        let output = self.values[block.output.0].clone();
        let mut exact = self.names.unique(&format!("{}.exact", node.name));
        // Pooled images are flattened as int8, so that the pooling stands between two conversions.
        let is_pooling = match &node.op {
            Op::GlobalAveragePool => true,
            Op::Conv2d(_)
            | Op::BatchNorm(_)
            | Op::Clip(_)
            | Op::Add
            | Op::Concat
            | Op::MaxPool(_)
            | Op::Linear(_)
            | Op::Softmax => false,
        };
        if is_pooling {
            self.push("GlobalAveragePool", &node.name, inputs.to_vec(), exact.clone(), vec![]);
        } else {
            self.operator(node, inputs.to_vec(), exact.clone(), true)?;
        }
        if let (Some(clip), Some(bounds)) = (block.clip, block.clip_bounds())
            && !rounding_clips(bounds, quantization)
        {
            let clipped = self.names.unique(&format!("{}.exact", clip.name));
            self.clip(clip, bounds, exact, clipped.clone());
            exact = clipped;
        }
        let parameters = self.quantization_parameters(&output, quantization);
        let mut levels = self.quantize(&output, exact, &parameters);
        if is_pooling {
            let flat = self.names.unique(&format!("{output}.flat"));
            let name = format!("{}.flatten", node.name);
            self.push("Flatten", &name, vec![levels], flat.clone(), vec![int("axis", 1)]);
            levels = flat;
        }
        self.dequantize(&output, levels, &parameters, output.clone());
        self.rounded.insert(block.output, output);
        Ok(())
    }

    /// The operator alone, from float32 to float32.
    fn operator(
        &mut self,
        node: &'g Node,
        mut inputs: Vec<String>,
        output: String,
        is_integer: bool,
    ) -> Result<(), FormatError> {
        match &node.op {
            Op::Conv2d(conv) => {
                inputs.extend(self.parameters(node, &conv.weight, conv.bias.as_deref(), is_integer)?);
                self.push("Conv", &node.name, inputs, output, conv_attributes(conv));
            }
            Op::Linear(linear) => {
                inputs.extend(self.parameters(node, &linear.weight, linear.bias.as_deref(), is_integer)?);
                self.push("Gemm", &node.name, inputs, output, vec![int("transB", 1)]);
            }
            Op::BatchNorm(BatchNorm { gamma, beta, mean, variance, epsilon }) => {
                for (part, values) in
                    [("gamma", gamma), ("beta", beta), ("mean", mean), ("variance", variance)]
                {
                    let name = format!("{}.{part}", node.name);
                    inputs.push(self.floats(&name, &[values.len()], values));
                }
                let attributes = vec![float("epsilon", *epsilon)];
                self.push("BatchNormalization", &node.name, inputs, output, attributes);
            }
            Op::Clip(clip) => self.clip(node, clip, inputs.swap_remove(0), output),
            Op::Add => self.push("Add", &node.name, inputs, output, vec![]),
            Op::Concat => self.push("Concat", &node.name, inputs, output, vec![int("axis", 1)]),
            Op::MaxPool(MaxPool { kernel, stride, padding }) => {
                let attributes = window_attributes(*kernel, *stride, *padding);
                self.push("MaxPool", &node.name, inputs, output, attributes.to_vec());
            }
            Op::GlobalAveragePool => {
                let pooled = self.names.unique(&format!("{}.image", node.name));
                self.push("GlobalAveragePool", &node.name, inputs, pooled.clone(), vec![]);
                let name = format!("{}.flatten", node.name);
                self.push("Flatten", &name, vec![pooled], output, vec![int("axis", 1)]);
            }
            Op::Softmax => self.push("Softmax", &node.name, inputs, output, vec![int("axis", -1)]),
        }
        Ok(())
    }

    /// The operators of a clip, which may be part of a block, in the name of its node.
    fn clip(&mut self, node: &Node, clip: &Clip, input: String, output: String) {
        let name = &node.name;
        if *clip == Clip::RELU {
            return self.push("Relu", name, vec![input], output, vec![]);
        }
        let max = match &clip.max {
            UpperBound::Uniform(max) => *max,
            UpperBound::PerChannel(max) => return self.channel_clip(node, clip.min, max, input, output),
        };
        let mut inputs = vec![input];
        for (part, bound) in [("min", clip.min), ("max", max)] {
            let tensor = bound.is_finite().then(|| self.floats(&format!("{name}.{part}"), &[], &[bound]));
            inputs.push(tensor.unwrap_or_default());
        }
        while inputs.last().is_some_and(String::is_empty) {
            inputs.pop();
        }
        self.push("Clip", name, inputs, output, vec![]);
    }

    /// A clip whose upper bound differs by channel: `Clip` has scalars, so `Min` comes behind it.
    fn channel_clip(&mut self, node: &Node, min: f32, max: &[f32], input: String, output: String) {
        let name = &node.name;
        // An activation is `[1, channels, height, width]` or `[1, channels]`.
        let dimensions: &[usize] = match self.graph.value(node.output).shape {
            Shape::Image { .. } => &[max.len(), 1, 1],
            Shape::Vector { .. } => &[max.len()],
        };
        let max = self.floats(&format!("{name}.max"), dimensions, max);
        if min == f32::NEG_INFINITY {
            return self.push("Min", name, vec![input, max], output, vec![]);
        }
        let above = self.names.unique(&format!("{name}.above"));
        self.clip(node, &Clip { min, ..Clip::NONE }, input, above.clone());
        self.push("Min", &format!("{name}.below"), vec![above, max], output, vec![]);
    }

    /// The names of weight and bias as float32 tensors.
    fn parameters(
        &mut self,
        node: &'g Node,
        weight: &'g Weight,
        bias: Option<&[f32]>,
        is_integer: bool,
    ) -> Result<Vec<String>, FormatError> {
        let weight_name = format!("{}.weight", node.name);
        let bias_name = format!("{}.bias", node.name);
        let mut names = vec![match &weight.values {
            WeightValues::F32(values) => self.floats(&weight_name, &weight.shape, values),
            WeightValues::F16(values) => {
                let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                let stored = format!("{weight_name}.float16");
                let stored = self.initializer(&stored, &weight.shape, data_type::FLOAT16, bytes);
                let cast = self.names.unique(&weight_name);
                let to = vec![int("to", i64::from(data_type::FLOAT))];
                self.push("Cast", &format!("{weight_name}.cast"), vec![stored], cast.clone(), to);
                cast
            }
            WeightValues::Bf16(_) | WeightValues::Clustered(_) => {
                self.floats(&weight_name, &weight.shape, &weight.to_f32())
            }
            WeightValues::Integer(integer) => {
                let scales = channel_scales(&integer.scales, weight.out_channels());
                let levels = integer.effective_levels(weight.channel_len());
                let bytes = levels.iter().map(|level| level.cast_unsigned()).collect();
                self.dequantized_constant(&weight_name, &weight.shape, data_type::INT8, bytes, &scales)
            }
        }];
        let Some(bias) = bias else { return Ok(names) };
        let input = self.graph.value(node.inputs[0]).quantization;
        names.push(match (&weight.values, input) {
            (WeightValues::Integer(IntegerWeights { scales, .. }), Some(input)) if is_integer => {
                let scales = channel_scales(scales, weight.out_channels());
                let (levels, scales) = integer_bias(node, bias, input, &scales)?;
                let bytes = levels.iter().flat_map(|level| level.to_le_bytes()).collect();
                self.dequantized_constant(&bias_name, &[bias.len()], data_type::INT32, bytes, &scales)
            }
            _ => self.floats(&bias_name, &[bias.len()], bias),
        });
        Ok(names)
    }

    /// Whole numbers with a scale for each index of the first axis and zero points of 0.
    fn dequantized_constant(
        &mut self,
        name: &str,
        shape: &[usize],
        data_type: i32,
        bytes: Vec<u8>,
        scales: &[f32],
    ) -> String {
        let width = if data_type == data_type::INT8 { 1 } else { 4 };
        let stored = self.initializer(&format!("{name}.levels"), shape, data_type, bytes);
        let scale = self.floats(&format!("{name}.scale"), &[scales.len()], scales);
        let zeros = vec![0; scales.len() * width];
        let zero_point = self.initializer(&format!("{name}.zero_point"), &[scales.len()], data_type, zeros);
        let output = self.names.unique(name);
        let inputs = vec![stored, scale, zero_point];
        let label = format!("{name}.dequantize");
        self.push("DequantizeLinear", &label, inputs, output.clone(), vec![int("axis", 0)]);
        output
    }

    /// The tensor in which a value is found, after rounding to int8 where an integer block reads it.
    fn read(&mut self, id: ValueId, is_integer: bool) -> String {
        if let Some(name) = self.rounded.get(&id).filter(|_| is_integer) {
            return name.clone();
        }
        let exact = self.values[id.0].clone();
        let Some(quantization) = self.graph.value(id).quantization.filter(|_| is_integer) else {
            return exact;
        };
        let parameters = self.quantization_parameters(&exact, quantization);
        let levels = self.quantize(&exact, exact.clone(), &parameters);
        let rounded = self.names.unique(&format!("{exact}.rounded"));
        self.dequantize(&exact, levels, &parameters, rounded.clone());
        self.rounded.insert(id, rounded.clone());
        rounded
    }

    /// Scale and zero point of an activation, as uint8.
    fn quantization_parameters(&mut self, name: &str, quantization: ActivationQuantization) -> [String; 2] {
        let ActivationQuantization { scale, zero_point } = quantization;
        let bytes = vec![(i16::from(zero_point) + 128) as u8];
        let zero_point = format!("{name}.zero_point");
        [
            self.floats(&format!("{name}.scale"), &[], &[scale]),
            self.initializer(&zero_point, &[], data_type::UINT8, bytes),
        ]
    }

    fn quantize(&mut self, name: &str, exact: String, [scale, zero_point]: &[String; 2]) -> String {
        let levels = self.names.unique(&format!("{name}.levels"));
        let inputs = vec![exact, scale.clone(), zero_point.clone()];
        self.push("QuantizeLinear", &format!("{name}.quantize"), inputs, levels.clone(), vec![]);
        levels
    }

    fn dequantize(&mut self, name: &str, levels: String, [scale, zero_point]: &[String; 2], output: String) {
        let inputs = vec![levels, scale.clone(), zero_point.clone()];
        self.push("DequantizeLinear", &format!("{name}.dequantize"), inputs, output, vec![]);
    }

    fn push(
        &mut self,
        op_type: &str,
        name: &str,
        input: Vec<String>,
        output: String,
        attribute: Vec<AttributeProto>,
    ) {
        self.nodes.push(NodeProto {
            input,
            output: vec![output],
            name: self.node_names.unique(name),
            op_type: op_type.to_owned(),
            attribute,
            domain: String::new(),
        });
    }

    fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.initializer(name, shape, data_type::FLOAT, bytes)
    }

    fn initializer(&mut self, name: &str, shape: &[usize], data_type: i32, raw_data: Vec<u8>) -> String {
        let name = self.names.unique(name);
        let dims = dims(shape);
        self.initializers.push(TensorProto {
            name: name.clone(),
            dims,
            data_type,
            raw_data,
            ..Default::default()
        });
        name
    }

    fn finish(self) -> ModelProto {
        let metadata = &self.graph.metadata;
        let value = |id: ValueId| {
            let shape = match self.graph.value(id).shape {
                Shape::Image { height, width, channels } => vec![1, channels, height, width],
                Shape::Vector { length } => vec![1, length],
            };
            float_tensor(&self.values[id.0], &shape)
        };
        let graph = GraphProto {
            input: vec![value(self.graph.input)],
            output: vec![value(self.graph.output)],
            node: self.nodes,
            name: metadata.name.clone(),
            initializer: self.initializers,
        };
        let json = serde_json::to_string(metadata).expect("metadata is numbers and text");
        ModelProto {
            ir_version: IR_VERSION,
            producer_name: "tinylens".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            graph: Some(graph),
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
            metadata_props: vec![StringStringEntryProto { key: METADATA_KEY.to_owned(), value: json }],
        }
    }
}

fn conv_attributes(conv: &Conv2d) -> Vec<AttributeProto> {
    let mut attributes = vec![int("group", dim(conv.groups))];
    attributes.extend(window_attributes(conv.kernel(), conv.stride, conv.padding));
    attributes
}

fn window_attributes(kernel: [usize; 2], stride: [usize; 2], padding: Padding) -> [AttributeProto; 3] {
    let Padding { top, left, bottom, right } = padding;
    [ints("kernel_shape", &kernel), ints("pads", &[top, left, bottom, right]), ints("strides", &stride)]
}

fn float_tensor(name: &str, shape: &[usize]) -> ValueInfoProto {
    let dim = dims(shape).into_iter().map(|dim_value| DimensionProto { dim_value }).collect();
    let shape = Some(TensorShapeProto { dim });
    let tensor_type = Some(TensorTypeProto { elem_type: data_type::FLOAT, shape });
    ValueInfoProto { name: name.to_owned(), r#type: Some(TypeProto { tensor_type }) }
}

fn dims(shape: &[usize]) -> Vec<i64> {
    shape.iter().map(|&size| dim(size)).collect()
}

fn dim(size: usize) -> i64 {
    i64::try_from(size).expect("a size that is in memory fits 63 bits")
}

fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.to_owned(), i, r#type: attribute_type::INT, ..Default::default() }
}

fn float(name: &str, f: f32) -> AttributeProto {
    AttributeProto { name: name.to_owned(), f, r#type: attribute_type::FLOAT, ..Default::default() }
}

fn ints(name: &str, sizes: &[usize]) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        ints: dims(sizes),
        r#type: attribute_type::INTS,
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::read;
    use crate::testing::{fire, float16, integer, network, reduced, with_channel_clip};

    fn decoded(graph: &Graph) -> GraphProto {
        ModelProto::decode(write(graph).unwrap().as_slice()).unwrap().graph.unwrap()
    }

    fn op_types(proto: &GraphProto) -> Vec<&str> {
        proto.node.iter().map(|node| node.op_type.as_str()).collect()
    }

    fn node<'p>(proto: &'p GraphProto, name: &str) -> &'p NodeProto {
        proto.node.iter().find(|node| node.name == name).unwrap_or_else(|| panic!("no node {name}"))
    }

    fn tensor<'p>(proto: &'p GraphProto, name: &str) -> &'p TensorProto {
        proto
            .initializer
            .iter()
            .find(|tensor| tensor.name == name)
            .unwrap_or_else(|| panic!("no tensor {name}"))
    }

    #[test]
    fn float32_reads_back_as_it_was() {
        let graph = network();
        let again = read(&write(&graph).unwrap(), "network.onnx").unwrap();
        assert_eq!(again.nodes, graph.nodes);
        assert_eq!(again.values, graph.values);
        assert_eq!((again.input, again.output), (graph.input, graph.output));
    }

    #[test]
    fn float16_is_stored_and_reads_back_as_float32() {
        let graph = float16();
        let again = read(&write(&graph).unwrap(), "network.onnx").unwrap();
        assert_eq!(again.weights().count(), graph.weights().count());
        for (again, weight) in again.weights().zip(graph.weights()) {
            assert_eq!(again.to_f32(), weight.to_f32());
        }
        let proto = decoded(&graph);
        let stem = tensor(&proto, "stem.weight.float16");
        assert_eq!((stem.data_type, stem.raw_data.len()), (data_type::FLOAT16, 2 * 8 * 3 * 9));
        assert_eq!(node(&proto, "stem").input, ["input", "stem.weight", "stem.bias"]);
    }

    #[test]
    fn forms_that_onnx_lacks_are_written_as_what_they_stand_for() {
        let graph = reduced();
        let proto = decoded(&graph);
        let weights: Vec<&Weight> = graph.weights().collect();
        for (name, weight) in [("stem", weights[0]), ("depthwise", weights[1])] {
            let tensor = tensor(&proto, &format!("{name}.weight"));
            let bytes: Vec<u8> = weight.to_f32().iter().flat_map(|x| x.to_le_bytes()).collect();
            assert_eq!((tensor.data_type, &tensor.raw_data), (data_type::FLOAT, &bytes));
        }
        let levels = tensor(&proto, "pointwise.weight.levels");
        let expected: Vec<u8> = (0..64).map(|i| (3 * (i % 16 - 8_i8)).cast_unsigned()).collect();
        assert_eq!((levels.data_type, &levels.raw_data), (data_type::INT8, &expected));
    }

    #[test]
    fn integers_lie_between_conversions() {
        let proto = decoded(&integer());
        let short: Vec<&str> = op_types(&proto)
            .into_iter()
            .map(|name| match name {
                "QuantizeLinear" => "Q",
                "DequantizeLinear" => "DQ",
                name => name,
            })
            .collect();
        // The clips that rounding does by itself are left out; that from -0.5 to 0.75 lies within its grid.
        assert_eq!(
            short.join(" "),
            "Q DQ DQ DQ Conv Q DQ DQ DQ Conv Clip Q DQ DQ DQ Conv Q DQ Add Q DQ \
             GlobalAveragePool Q Flatten DQ DQ DQ Gemm Softmax"
        );
        let weight = node(&proto, "stem.weight.dequantize");
        assert_eq!(weight.input, ["stem.weight.levels", "stem.weight.scale", "stem.weight.zero_point"]);
        assert_eq!(weight.attribute, [int("axis", 0)]);
        assert_eq!(tensor(&proto, "stem.weight.levels").data_type, data_type::INT8);
        assert_eq!(tensor(&proto, "stem.weight.scale").dims, [8]);
        assert_eq!(tensor(&proto, "stem.bias.levels").data_type, data_type::INT32);
        let zero_point = tensor(&proto, "between.zero_point");
        assert_eq!((zero_point.data_type, zero_point.raw_data.as_slice()), (data_type::UINT8, &[118][..]));
        assert_eq!(node(&proto, "classes").output, ["classes"]);
    }

    #[test]
    fn what_hands_on_elements_is_written_as_such() {
        let graph = fire(false);
        let again = read(&write(&graph).unwrap(), "network.onnx").unwrap();
        assert_eq!((again.nodes, again.values), (graph.nodes, graph.values));
        let proto = decoded(&fire(true));
        for name in ["stem pool", "concat", "pool"] {
            let written = node(&proto, name);
            let readers = proto.node.iter().filter(|reader| reader.input.contains(&written.output[0]));
            let readers: Vec<&str> = readers.map(|reader| reader.op_type.as_str()).collect();
            assert_eq!(readers, ["QuantizeLinear"], "{name}");
            for input in &written.input {
                let before = proto.node.iter().find(|node| node.output.contains(input)).unwrap();
                assert_eq!(before.op_type, "DequantizeLinear", "{name}");
            }
        }
    }

    #[test]
    fn bounds_for_each_channel_are_minima() {
        for min in [f32::NEG_INFINITY, -0.5, 0.0] {
            let graph = with_channel_clip(network(), min);
            let proto = decoded(&graph);
            let below = proto.node.iter().find(|node| node.op_type == "Min").unwrap();
            assert_eq!(below.output, ["between"]);
            assert_eq!(tensor(&proto, &below.input[1]).dims, [8, 1, 1]);
            let again = read(&write(&graph).unwrap(), "network.onnx").unwrap();
            assert_eq!((again.nodes, again.values), (graph.nodes, graph.values));
        }
        let proto = decoded(&with_channel_clip(integer(), 0.0));
        assert!(op_types(&proto).join(" ").contains("Conv Relu Min QuantizeLinear"));
    }

    #[test]
    fn a_bias_that_int32_does_not_hold_is_refused() {
        let mut graph = integer();
        if let Some(Some(bias)) = graph.nodes[0].op.bias_mut() {
            bias[3] = 1e9;
        }
        let message = write(&graph).unwrap_err().to_string();
        assert!(message.starts_with("node \"stem\": bias 1000000000 is"), "{message}");
    }

    #[test]
    fn names_of_values_do_not_collide_with_names_of_tensors() {
        let mut graph = network();
        graph.values[2].name = "output".to_owned();
        graph.values[3].name = "stem.weight".to_owned();
        let proto = decoded(&graph);
        let mut names: Vec<&str> =
            proto.node.iter().flat_map(|node| &node.output).map(String::as_str).collect();
        names.extend(proto.initializer.iter().map(|tensor| tensor.name.as_str()));
        let n = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), n);
        assert_eq!(read(&write(&graph).unwrap(), "").unwrap().nodes, graph.nodes);
    }
}
