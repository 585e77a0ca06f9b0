use graph::{GraphBuilder, LabelSet, Metadata, Node, Preprocessing};

use super::*;
use crate::testing::{CHANNEL_BOUNDS, fire, float16, integer, network, with_channel_clip};

fn builtins(model: &Model) -> Vec<Builtin> {
    model.operators.iter().map(|operator| operator.builtin).collect()
}

fn tensor<'m>(model: &'m Model, name: &str) -> &'m Tensor {
    model.tensors.iter().find(|tensor| tensor.name == name).unwrap_or_else(|| panic!("no tensor {name}"))
}

/// The operator that writes a tensor.
fn writer<'m>(model: &'m Model, name: &str) -> &'m Operator {
    let idx = model.tensors.iter().position(|tensor| tensor.name == name).unwrap() as i32;
    model
        .operators
        .iter()
        .find(|operator| operator.outputs == [idx])
        .unwrap_or_else(|| panic!("no writer of {name}"))
}

fn node_mut<'g>(graph: &'g mut Graph, name: &str) -> &'g mut Node {
    graph.nodes.iter_mut().find(|node| node.name == name).unwrap()
}

#[test]
fn float32_has_fused_activations_and_folded_batch_norms() {
    use Builtin::*;
    let model = convert(&network()).unwrap();
    assert_eq!(
        builtins(&model),
        [Conv2d, DepthwiseConv2d, Maximum, Minimum, Conv2d, Add, Mean, FullyConnected, Softmax]
    );
    assert!(model.tensors.iter().all(|tensor| tensor.quantization.is_none()));
    let stem = writer(&model, "relu6");
    let (padding, stride) = (Padding::Same, [2, 2]);
    assert_eq!(stem.options, Options::Conv2d { padding, stride, activation: Activation::Relu6 });
    let depthwise = writer(&model, "depthwise");
    let options = Options::DepthwiseConv2d {
        padding,
        stride: [1, 1],
        depth_multiplier: 1,
        activation: Activation::None,
    };
    assert_eq!(depthwise.options, options);
    assert_eq!(writer(&model, "relu").options, Options::Add { activation: Activation::Relu });
    assert_eq!(tensor(&model, "stem.weight").shape, [8, 3, 3, 3]);
    assert_eq!(tensor(&model, "depthwise.weight").shape, [1, 3, 3, 8]);
    assert_eq!(tensor(&model, "input").shape, [1, 10, 10, 3]);
    assert_eq!(model.tensors[model.output as usize].name, "output");
    assert_eq!(tensor(&model, "output").shape, [1, 5]);
}

#[test]
fn pools_have_windows_and_concatenations_an_axis() {
    use Builtin::*;
    for is_integer in [false, true] {
        let model = convert(&fire(is_integer)).unwrap();
        let kept: Vec<Builtin> = builtins(&model)
            .into_iter()
            .filter(|builtin| [MaxPool2d, Concatenation, Pad, PadV2, Dequantize].contains(builtin))
            .collect();
        let expected = [MaxPool2d, Concatenation, PadV2, MaxPool2d, Dequantize];
        assert_eq!(kept, expected[..if is_integer { 5 } else { 4 }]);
        let (number, version) = if is_integer { (Number::I8, 2) } else { (Number::F32, 1) };
        let (stride, filter) = ([2, 2], [3, 3]);
        let stem = writer(&model, "stem pool");
        assert_eq!(stem.options, Options::Pool2d { padding: Padding::Same, stride, filter });
        let pool = writer(&model, "pool");
        assert_eq!(pool.options, Options::Pool2d { padding: Padding::Valid, stride, filter });
        let concat = writer(&model, "concat");
        assert_eq!((concat.options, concat.version), (Options::Concatenation { axis: 3 }, version));
        assert_eq!(tensor(&model, "concat").number, number);
        assert_eq!(tensor(&model, "pool.padded").shape, [1, 7, 5, 7]);
        let least = tensor(&model, "pool.least");
        let expected = if is_integer { vec![0x80] } else { f32::MIN.to_le_bytes().to_vec() };
        assert_eq!((least.number, &least.data), (number, &expected));
    }
}

#[test]
fn windows_beyond_31_bits_are_refused() {
    let mut graph = fire(false);
    let Op::MaxPool(pool) = &mut node_mut(&mut graph, "pool").op else { panic!() };
    // The output is as large as before.
    (pool.kernel[0], pool.padding.top) = (3 + (1 << 40), 2 + (1 << 40));
    let message = write(&graph).unwrap_err().to_string();
    assert!(message.contains("a size of node \"pool\""), "{message}");
}

#[test]
fn dimensions_are_reordered() {
    let shape = [2, 3, 1, 2];
    let values: Vec<usize> = (0..12).collect();
    assert_eq!(Order::Ohwi.shape(&shape), [2, 1, 2, 3]);
    assert_eq!(Order::Ohwi.apply(&values, &shape), [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11]);
    let shape = [3, 1, 2, 2];
    assert_eq!(Order::ChannelsInnermost.shape(&shape), [1, 2, 2, 3]);
    assert_eq!(Order::ChannelsInnermost.apply(&values, &shape), [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]);
    assert_eq!(Order::AsIs.apply(&values, &[4, 3]), values);
}

#[test]
fn float16_weights_are_dequantized_in_front_of_their_layer() {
    let model = convert(&float16()).unwrap();
    assert_eq!(
        &builtins(&model)[..4],
        [Builtin::Dequantize, Builtin::Conv2d, Builtin::Dequantize, Builtin::DepthwiseConv2d]
    );
    let stem = tensor(&model, "stem.weight");
    assert_eq!((stem.number, stem.data.len()), (Number::F16, 2 * 8 * 27));
    assert_eq!(writer(&model, "stem.weight.exact").version, 3);
}

#[test]
fn integer_layers_read_and_write_int8_and_the_classifier_is_float32() {
    use Builtin::*;
    let model = convert(&integer()).unwrap();
    assert_eq!(
        builtins(&model),
        [
            Quantize,
            Conv2d,
            DepthwiseConv2d,
            Maximum,
            Minimum,
            Conv2d,
            Add,
            Mean,
            Dequantize,
            Dequantize,
            FullyConnected,
            Softmax
        ]
    );
    let weight = tensor(&model, "depthwise.weight");
    let quantization = weight.quantization.as_ref().unwrap();
    assert_eq!((weight.number, quantization.dimension, quantization.scales.len()), (Number::I8, 3, 8));
    let bias = tensor(&model, "stem.bias");
    let scales = &bias.quantization.as_ref().unwrap().scales;
    assert_eq!((bias.number, scales[1]), (Number::I32, (2.0 / 255.0) * (2.0 / 128.0)));
    // The bounds -0.5 and 0.75 on the grid of 2/255 around -10.
    assert_eq!(tensor(&model, "between.min").data, [(-74_i8).cast_unsigned()]);
    assert_eq!(tensor(&model, "between.max").data, [86]);
    // The grid of ReLU6 ends where it does.
    let (padding, stride) = (Padding::Same, [2, 2]);
    assert_eq!(
        writer(&model, "relu6").options,
        Options::Conv2d { padding, stride, activation: Activation::None }
    );
    assert_eq!(tensor(&model, "classes").number, Number::F32);
    assert_eq!(tensor(&model, "classes.weight").number, Number::I8);
    assert_eq!(tensor(&model, "classes.bias").number, Number::F32);
}

#[test]
fn bounds_for_each_channel_are_a_vector() {
    let model = convert(&with_channel_clip(network(), 0.0)).unwrap();
    let operators = builtins(&model);
    use Builtin::{Conv2d, DepthwiseConv2d, Maximum, Minimum};
    assert_eq!(&operators[1..5], [DepthwiseConv2d, Maximum, Minimum, Conv2d]);
    let max = tensor(&model, "between.max");
    let bytes: Vec<u8> = CHANNEL_BOUNDS.iter().flat_map(|max| max.to_le_bytes()).collect();
    assert_eq!((max.shape.as_slice(), &max.data), (&[8][..], &bytes));
    let model = convert(&with_channel_clip(integer(), f32::NEG_INFINITY)).unwrap();
    let max = tensor(&model, "between.max");
    // On the grid of 2/255 around -10: 0.75 is 86, 2 and more are beyond.
    assert_eq!(max.data, [86, 54, 22, 117, 6, 127, 127, 38]);
    assert_eq!((max.number, max.shape.as_slice()), (Number::I8, &[8][..]));
}

#[test]
fn a_classifier_with_a_quantized_output_runs_on_integers() {
    let mut graph = integer();
    let logits = graph.values.iter_mut().find(|value| value.name == "classes").unwrap();
    logits.quantization = Some(ActivationQuantization { scale: 0.125, zero_point: 3 });
    let model = convert(&graph).unwrap();
    let operator = writer(&model, "classes");
    assert_eq!((operator.builtin, operator.version), (Builtin::FullyConnected, 12));
    assert_eq!(tensor(&model, "classes.weight").quantization.as_ref().unwrap().scales.len(), 5);
    assert_eq!(tensor(&model, "classes.bias").number, Number::I32);
    assert_eq!(writer(&model, "classes.exact").builtin, Builtin::Dequantize);
}

#[test]
fn a_pooling_that_stays_float32_is_rounded_before_the_classifier() {
    let mut graph = integer();
    graph.values.iter_mut().find(|value| value.name == "relu").unwrap().quantization = None;
    let model = convert(&graph).unwrap();
    let rounded = writer(&model, "pool.rounded");
    assert_eq!(rounded.builtin, Builtin::Dequantize);
    assert_eq!(model.tensors[rounded.inputs[0] as usize].name, "pool.levels");
    let classifier = writer(&model, "classes");
    assert_eq!(classifier.inputs[0], rounded.outputs[0]);
}

#[test]
fn other_paddings_are_an_operator() {
    for graph in [network(), integer()] {
        let mut graph = graph;
        let Op::Conv2d(stem) = &mut node_mut(&mut graph, "stem").op else { panic!() };
        stem.padding = graph::Padding::symmetric(1);
        let model = convert(&graph).unwrap();
        let padded = tensor(&model, "stem.padded");
        assert_eq!(padded.shape, [1, 12, 12, 3]);
        let operator = writer(&model, "stem.padded");
        let source = &model.tensors[operator.inputs[0] as usize];
        assert_eq!((padded.number, &padded.quantization), (source.number, &source.quantization));
        let paddings: Vec<i32> = tensor(&model, "stem.paddings")
            .data
            .as_chunks()
            .0
            .iter()
            .map(|bytes| i32::from_le_bytes(*bytes))
            .collect();
        assert_eq!(paddings, [0, 0, 1, 1, 1, 1, 0, 0]);
        let Options::Conv2d { padding, .. } = writer(&model, "relu6").options else { panic!() };
        assert_eq!(padding, Padding::Valid);
    }
}

#[test]
fn groups_that_are_not_depthwise_are_refused() {
    let metadata = Metadata {
        name: String::new(),
        origin: String::new(),
        licence: String::new(),
        labels: LabelSet::Numbers,
        background_class: false,
        preprocessing: Preprocessing::usual(4, Preprocessing::MINUS_ONE_TO_ONE),
    };
    let (mut builder, input) = GraphBuilder::new(metadata, 4, 4).unwrap();
    let conv = |shape: [usize; 4], groups| {
        let weight = Weight::f32(shape.to_vec(), vec![1.0; shape.iter().product()]);
        Op::Conv2d(Conv2d { weight, bias: None, stride: [1, 1], padding: graph::Padding::default(), groups })
    };
    // Two filters for each channel are depthwise with a multiplier.
    let x = builder.add("six", conv([6, 1, 1, 1], 3), &[input]).unwrap();
    let x = builder.add("pairs", conv([6, 3, 1, 1], 2), &[x]).unwrap();
    let x = builder.add("pool", Op::GlobalAveragePool, &[x]).unwrap();
    let message = write(&builder.finish(x).unwrap()).unwrap_err().to_string();
    assert_eq!(message, "node \"pairs\": a convolution of 6 channels in 2 groups, accepted are 1 and 6");
}

/// Reads tables of a FlatBuffer.
struct File<'b>(&'b [u8]);

impl File<'_> {
    fn u32(&self, at: usize) -> usize {
        u32::from_le_bytes(self.0[at..at + 4].try_into().unwrap()) as usize
    }

    fn u16(&self, at: usize) -> usize {
        usize::from(u16::from_le_bytes(self.0[at..at + 2].try_into().unwrap()))
    }

    /// Where field `idx` of a table lies.
    fn field(&self, table: usize, idx: usize) -> Option<usize> {
        // The offset is signed: tables of equal form share one.
        let vtable = table.wrapping_add_signed(-(self.u32(table) as i32 as isize));
        let slot = 4 + 2 * idx;
        let offset = if slot < self.u16(vtable) { self.u16(vtable + slot) } else { 0 };
        (offset != 0).then_some(table + offset)
    }

    /// Where the table, vector or text lies that field `idx` of a table points to.
    fn follow(&self, table: usize, idx: usize) -> usize {
        let at = self.field(table, idx).unwrap();
        at + self.u32(at)
    }

    fn tables(&self, vector: usize) -> Vec<usize> {
        (0..self.u32(vector)).map(|idx| vector + 4 + 4 * idx).map(|at| at + self.u32(at)).collect()
    }

    fn bytes(&self, vector: usize) -> &[u8] {
        &self.0[vector + 4..vector + 4 + self.u32(vector)]
    }
}

#[test]
fn the_file_holds_aligned_data_and_what_the_model_says() {
    for graph in [network(), float16(), integer()] {
        let model = convert(&graph).unwrap();
        let bytes = write(&graph).unwrap();
        assert_eq!(&bytes[4..8], b"TFL3");
        assert_eq!(bytes.len() % 16, 0);
        let file = File(&bytes);
        let root = file.u32(0);
        assert_eq!(file.u32(file.field(root, 0).unwrap()), 3);
        let buffers = file.tables(file.follow(root, 4));
        let sub_graphs = file.tables(file.follow(root, 2));
        let tensors = file.tables(file.follow(sub_graphs[0], 0));
        assert_eq!(tensors.len(), model.tensors.len());
        for (&table, tensor) in tensors.iter().zip(&model.tensors) {
            assert_eq!(file.bytes(file.follow(table, 3)), tensor.name.as_bytes());
            let buffer = buffers[file.field(table, 2).map_or(0, |at| file.u32(at))];
            if tensor.data.is_empty() {
                assert_eq!(file.field(buffer, 0), None);
                continue;
            }
            let data = file.follow(buffer, 0);
            assert_eq!((data + 4) % 16, 0, "{}", tensor.name);
            assert_eq!(file.bytes(data), tensor.data);
        }
        let operators = file.tables(file.follow(sub_graphs[0], 3));
        assert_eq!(operators.len(), model.operators.len());
        let codes = file.tables(file.follow(root, 1));
        for (&table, operator) in operators.iter().zip(&model.operators) {
            let code = codes[file.field(table, 0).map_or(0, |at| file.u32(at))];
            assert_eq!(file.u32(file.field(code, 3).unwrap()), operator.builtin as usize);
            assert_eq!(file.u32(file.field(code, 2).unwrap()), operator.version as usize);
        }
        let message = crate::read_model(&bytes, "").unwrap_err().to_string();
        assert!(message.contains("a TensorFlow Lite file"), "{message}");
    }
}
