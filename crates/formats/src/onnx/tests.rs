use graph::{Clip, Padding, UpperBound, cost};
use proptest::prelude::*;

use super::proto::{
    AttributeProto, DimensionProto, OperatorSetIdProto, TensorShapeProto, TensorTypeProto, TypeProto,
    attribute_type,
};
use super::*;

/// A model under construction: picture `x` of 8x8.
#[derive(Clone)]
struct Model {
    opset: i64,
    dims: Vec<i64>,
    elem_type: i32,
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
    outputs: Vec<&'static str>,
}

impl Model {
    fn new(opset: i64) -> Self {
        let (dims, elem_type) = (vec![0, 3, 8, 8], data_type::FLOAT);
        Self { opset, dims, elem_type, nodes: vec![], initializers: vec![], outputs: vec!["y"] }
    }

    fn node(mut self, op: &str, inputs: &[&str], output: &str, attributes: Vec<AttributeProto>) -> Self {
        self.nodes.push(NodeProto {
            input: inputs.iter().map(|&name| name.to_owned()).collect(),
            output: vec![output.to_owned()],
            name: format!("{op}_{output}"),
            op_type: op.to_owned(),
            attribute: attributes,
            domain: String::new(),
        });
        self
    }

    fn floats(mut self, name: &str, dims: &[i64], values: &[f32]) -> Self {
        self.initializers.push(floats(name, dims, values));
        self
    }

    fn ramp(self, name: &str, dims: &[i64]) -> Self {
        let n = dims.iter().product::<i64>();
        self.floats(name, dims, &(0..n).map(|x| x as f32 - 2.0).collect::<Vec<_>>())
    }

    fn ints(mut self, name: &str, values: &[i64]) -> Self {
        self.initializers.push(TensorProto {
            name: name.to_owned(),
            dims: vec![values.len() as i64],
            data_type: data_type::INT64,
            int64_data: values.to_vec(),
            ..TensorProto::default()
        });
        self
    }

    /// A convolution with bias from `x` to `c`: 4 channels, 8x8.
    fn stem(self) -> Self {
        let node = ints("pads", &[1, 1, 1, 1]);
        self.ramp("stem.w", &[4, 3, 3, 3]).ramp("stem.b", &[4]).node(
            "Conv",
            &["x", "stem.w", "stem.b"],
            "c",
            vec![node],
        )
    }

    /// The stem, pooled: `p` is `[batch, 4, 1, 1]`.
    fn pooled(self) -> Self {
        self.stem().node("GlobalAveragePool", &["c"], "p", vec![])
    }

    fn proto(&self) -> ModelProto {
        let value = |name: &str, dims: &[i64]| ValueInfoProto {
            name: name.to_owned(),
            r#type: Some(TypeProto {
                tensor_type: Some(TensorTypeProto {
                    elem_type: self.elem_type,
                    shape: Some(TensorShapeProto {
                        dim: dims.iter().map(|&dim_value| DimensionProto { dim_value }).collect(),
                    }),
                }),
            }),
        };
        // Old files list weights among the inputs.
        let weights = self.initializers.iter().map(|tensor| value(&tensor.name, &tensor.dims));
        ModelProto {
            ir_version: 8,
            producer_name: "test".to_owned(),
            producer_version: String::new(),
            graph: Some(GraphProto {
                node: self.nodes.clone(),
                name: "test".to_owned(),
                initializer: self.initializers.clone(),
                input: std::iter::once(value("x", &self.dims)).chain(weights).collect(),
                output: self.outputs.iter().map(|name| value(name, &[])).collect(),
            }),
            opset_import: vec![
                OperatorSetIdProto { domain: "com.example".to_owned(), version: 1 },
                OperatorSetIdProto { domain: String::new(), version: self.opset },
            ],
            metadata_props: vec![],
        }
    }

    fn bytes(&self) -> Vec<u8> {
        self.proto().encode_to_vec()
    }

    fn read(&self) -> Result<Graph, FormatError> {
        read(&self.bytes(), "folder/tiny.v1.ONNX")
    }

    fn ok(&self) -> Graph {
        self.read().unwrap_or_else(|error| panic!("{error}"))
    }

    fn refused(&self, expected: &str) {
        let message = self.read().expect_err(expected).to_string();
        assert!(message.contains(expected), "`{message}` lacks `{expected}`");
    }
}

fn floats(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    TensorProto {
        name: name.to_owned(),
        dims: dims.to_vec(),
        data_type: data_type::FLOAT,
        raw_data: values.iter().flat_map(|x| x.to_le_bytes()).collect(),
        ..TensorProto::default()
    }
}

fn attribute(name: &str, r#type: i32) -> AttributeProto {
    AttributeProto { name: name.to_owned(), r#type, ..AttributeProto::default() }
}

fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { i, ..attribute(name, attribute_type::INT) }
}

fn float(name: &str, f: f32) -> AttributeProto {
    AttributeProto { f, ..attribute(name, attribute_type::FLOAT) }
}

fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto { ints: ints.to_vec(), ..attribute(name, attribute_type::INTS) }
}

fn string(name: &str, s: &str) -> AttributeProto {
    AttributeProto { s: s.as_bytes().to_vec(), ..attribute(name, attribute_type::STRING) }
}

fn tensor(name: &str, t: TensorProto) -> AttributeProto {
    AttributeProto { t: Some(t), ..attribute(name, attribute_type::TENSOR) }
}

fn op_names(graph: &Graph) -> Vec<&'static str> {
    graph.nodes.iter().map(|node| node.op.name()).collect()
}

fn conv_of(graph: &Graph, idx: usize) -> &graph::Conv2d {
    let Op::Conv2d(conv) = &graph.nodes[idx].op else { panic!("{:?}", graph.nodes[idx]) };
    conv
}

fn linear_of(graph: &Graph) -> &graph::Linear {
    let linear = graph.nodes.iter().find_map(|node| match &node.op {
        Op::Linear(linear) => Some(linear),
        _ => None,
    });
    linear.expect("a linear layer")
}

fn output_len(graph: &Graph) -> usize {
    graph.value(graph.output).shape.len()
}

#[test]
fn a_network_with_everything_it_usually_has() {
    let model = Model::new(13)
        .stem()
        .floats("gamma", &[4], &[1.0, 2.0, 3.0, 4.0])
        .ramp("beta", &[4])
        .ramp("mean", &[4])
        .floats("var", &[4], &[1.0; 4])
        .node("BatchNormalization", &["c", "gamma", "beta", "mean", "var"], "n", vec![float("momentum", 0.9)])
        .floats("six", &[], &[6.0])
        .node("Clip", &["n", "", "six"], "r", vec![])
        .ramp("dw", &[4, 1, 3, 3])
        .node("Conv", &["r", "dw"], "d", vec![int("group", 4), ints("pads", &[1, 1, 1, 1])])
        .node("Add", &["d", "r"], "a", vec![])
        .node("Relu", &["a"], "q", vec![])
        .node("GlobalAveragePool", &["q"], "p", vec![])
        .node("Flatten", &["p"], "f", vec![])
        .node("Dropout", &["f"], "o", vec![])
        .ramp("fc.w", &[5, 4])
        .ramp("fc.b", &[5])
        .node("Gemm", &["o", "fc.w", "fc.b"], "l", vec![int("transB", 1), float("alpha", 1.0)])
        .node("Softmax", &["l"], "y", vec![]);
    let graph = model.ok();
    assert_eq!(
        op_names(&graph),
        ["conv2d", "batch_norm", "clip", "conv2d", "add", "clip", "global_average_pool", "linear", "softmax"]
    );
    assert_eq!(graph.nodes[0].name, "Conv_c");
    assert_eq!(graph.nodes[2].op, Op::Clip(Clip { max: UpperBound::Uniform(6.0), ..Clip::NONE }));
    assert_eq!(graph.nodes[5].op, Op::Clip(Clip::RELU));
    let Op::BatchNorm(norm) = &graph.nodes[1].op else { panic!("{:?}", graph.nodes[1]) };
    assert_eq!((norm.epsilon, norm.gamma[3], norm.mean[0]), (1e-5, 4.0, -2.0));
    assert!(conv_of(&graph, 3).is_depthwise());
    assert_eq!(linear_of(&graph).bias.as_deref(), Some([-2.0, -1.0, 0.0, 1.0, 2.0].as_slice()));
    let metadata = &graph.metadata;
    assert_eq!(metadata.name, "tiny.v1");
    assert_eq!(metadata.origin, "own ONNX file, operator set 13, written by test");
    assert_eq!((metadata.labels, metadata.background_class), (LabelSet::Numbers, false));
    assert!(metadata.preprocessing.assumed);
    assert_eq!((metadata.preprocessing.crop, metadata.preprocessing.resize_shorter), (8, 10));
}

#[test]
fn the_number_of_classes_names_the_labels() {
    for (n, labels, background, mean) in [
        (1000, LabelSet::ImageNet, false, Preprocessing::IMAGENET.0),
        (1001, LabelSet::ImageNet, true, [127.5; 3]),
        (60, LabelSet::Numbers, false, Preprocessing::IMAGENET.0),
    ] {
        let model = Model::new(13).pooled().node("Flatten", &["p"], "f", vec![]).ramp("w", &[n, 4]).node(
            "Gemm",
            &["f", "w"],
            "y",
            vec![int("transB", 1)],
        );
        let metadata = model.ok().metadata;
        assert_eq!((metadata.labels, metadata.background_class), (labels, background));
        assert_eq!((metadata.preprocessing.mean, metadata.preprocessing.assumed), (mean, true));
    }
}

#[test]
fn symbolic_sides_are_224() {
    let mut model = Model::new(13).pooled().node("Flatten", &["p"], "y", vec![]);
    model.dims = vec![0, 3, 0, -1];
    let graph = model.ok();
    assert_eq!(graph.value(graph.input).shape, Shape::Image { height: 224, width: 224, channels: 3 });
    assert_eq!(graph.metadata.preprocessing.resize_shorter, 256);
}

#[test]
fn paddings_of_a_convolution() {
    let padding = |attributes: Vec<AttributeProto>, side: i64| {
        let mut attributes = attributes;
        attributes.push(ints("strides", &[2, 2]));
        let mut model = Model::new(11)
            .ramp("w", &[4, 3, 3, 3])
            .node("Conv", &["x", "w"], "c", attributes)
            .node("GlobalAveragePool", &["c"], "y", vec![]);
        model.dims = vec![1, 3, side, side];
        conv_of(&model.ok(), 0).padding
    };
    let of = |top, left, bottom, right| Padding { top, left, bottom, right };
    assert_eq!(padding(vec![ints("pads", &[0, 1, 2, 3])], 8), of(0, 1, 2, 3));
    assert_eq!(padding(vec![string("auto_pad", "NOTSET"), ints("pads", &[1, 1, 1, 1])], 8), of(1, 1, 1, 1));
    assert_eq!(padding(vec![string("auto_pad", "SAME_UPPER")], 8), of(0, 0, 1, 1));
    assert_eq!(padding(vec![string("auto_pad", "SAME_LOWER")], 8), of(1, 1, 0, 0));
    assert_eq!(padding(vec![string("auto_pad", "SAME_UPPER")], 9), of(1, 1, 1, 1));
    assert_eq!(padding(vec![string("auto_pad", "VALID")], 8), of(0, 0, 0, 0));
}

#[test]
fn clips_of_old_and_new_operator_sets() {
    let clip = |model: Model, inputs: &[&str], attributes| {
        let graph = model
            .stem()
            .node("Clip", inputs, "r", attributes)
            .node("GlobalAveragePool", &["r"], "y", vec![])
            .ok();
        let Op::Clip(clip) = &graph.nodes[1].op else { panic!("{:?}", graph.nodes[1]) };
        clip.clone()
    };
    assert_eq!(clip(Model::new(7), &["c"], vec![float("min", 0.0), float("max", 6.0)]), Clip::RELU6);
    assert_eq!(clip(Model::new(10), &["c"], vec![float("min", 0.0), float("max", f32::MAX)]), Clip::RELU);
    assert_eq!(clip(Model::new(6 + 1), &["c"], vec![]), Clip::NONE);
    assert_eq!(clip(Model::new(11), &["c"], vec![]), Clip::NONE);
    let bounds = Model::new(11).floats("lo", &[], &[0.0]).floats("hi", &[1], &[6.0]);
    assert_eq!(clip(bounds.clone(), &["c", "lo", "hi"], vec![]), Clip::RELU6);
    assert_eq!(clip(bounds, &["c", "lo"], vec![]), Clip::RELU);
}

#[test]
fn minima_are_upper_bounds() {
    let clips = |model: Model| {
        let graph = model.node("GlobalAveragePool", &["r"], "y", vec![]).ok();
        let clip = |node: &graph::Node| match &node.op {
            Op::Clip(clip) => Some(clip.clone()),
            _ => None,
        };
        graph.nodes.iter().filter_map(clip).collect::<Vec<_>>()
    };
    let bounds = [1.0, 2.0, f32::INFINITY, 0.5];
    let per_channel = |min| Clip { min, max: UpperBound::PerChannel(bounds.to_vec()) };
    for dims in [&[4, 1, 1][..], &[1, 4, 1, 1]] {
        let stem = || Model::new(13).stem().floats("max", dims, &bounds);
        assert_eq!(clips(stem().node("Min", &["c", "max"], "r", vec![])), [per_channel(f32::NEG_INFINITY)]);
        assert_eq!(clips(stem().node("Min", &["max", "c"], "r", vec![])), [per_channel(f32::NEG_INFINITY)]);
        let relu = stem().node("Relu", &["c"], "a", vec![]);
        assert_eq!(clips(relu.clone().node("Min", &["a", "max"], "r", vec![])), [per_channel(0.0)]);
        // The lower bound is read by itself, too.
        let twice = relu.node("Min", &["a", "max"], "m", vec![]).node("Add", &["a", "m"], "r", vec![]);
        assert_eq!(clips(twice), [Clip::RELU, per_channel(f32::NEG_INFINITY)]);
    }
    let scalars = Model::new(13).stem().floats("lo", &[], &[0.0]).floats("hi", &[1, 1, 1], &[6.0]);
    let model = scalars.node("Max", &["lo", "c"], "a", vec![]).node("Min", &["a", "hi"], "r", vec![]);
    assert_eq!(clips(model), [Clip::RELU6]);
}

#[test]
fn constants_come_in_every_form() {
    let value = floats("", &[], &[6.0]);
    let model = Model::new(13)
        .stem()
        .node("Constant", &[], "hi", vec![tensor("value", value)])
        .node("Constant", &[], "lo", vec![float("value_float", 0.0)])
        .node("Identity", &["lo"], "same", vec![])
        .node("Clip", &["c", "same", "hi"], "r", vec![])
        .node("GlobalAveragePool", &["r"], "p", vec![])
        .node(
            "Constant",
            &[],
            "target",
            vec![AttributeProto { ints: vec![-1, 4], ..attribute("value_ints", attribute_type::INTS) }],
        )
        .node("Reshape", &["p", "target"], "y", vec![]);
    assert_eq!(model.ok().nodes[1].op, Op::Clip(Clip::RELU6));
    let floats = AttributeProto {
        floats: vec![1.0, 2.0, 3.0, 4.0, 5.0],
        ..attribute("value_floats", attribute_type::FLOATS)
    };
    let model = Model::new(13)
        .pooled()
        .node("Flatten", &["p"], "f", vec![])
        .ramp("w", &[4, 5])
        .node("Gemm", &["f", "w", "b"], "y", vec![])
        .node("Constant", &[], "b", vec![floats]);
    assert_eq!(linear_of(&model.ok()).bias.as_deref(), Some([1.0, 2.0, 3.0, 4.0, 5.0].as_slice()));
    let model =
        Model::new(13).pooled().node("Constant", &[], "k", vec![]).node("Flatten", &["p"], "y", vec![]);
    model.refused("Constant without value");
}

#[test]
fn number_formats_of_weights_become_single_precision() {
    let halves = [1.0_f32, -2.0, 0.5].map(half::f16::from_f32);
    let values = |tensor: TensorProto| tensor.f32s(&mut ParameterBudget::default()).unwrap();
    let empty = |data_type| TensorProto { dims: vec![3], data_type, ..TensorProto::default() };
    let expected = [1.0, -2.0, 0.5];
    let raw = halves.iter().flat_map(|x| x.to_le_bytes()).collect();
    assert_eq!(values(TensorProto { raw_data: raw, ..empty(data_type::FLOAT16) }), expected);
    let int32_data = halves.iter().map(|x| i32::from(x.to_bits())).collect();
    assert_eq!(values(TensorProto { int32_data, ..empty(data_type::FLOAT16) }), expected);
    let raw_data = expected.iter().flat_map(|&x| f64::from(x).to_le_bytes()).collect();
    assert_eq!(values(TensorProto { raw_data, ..empty(data_type::DOUBLE) }), expected);
    let double_data = expected.iter().map(|&x| f64::from(x)).collect();
    assert_eq!(values(TensorProto { double_data, ..empty(data_type::DOUBLE) }), expected);
    assert_eq!(values(TensorProto { float_data: expected.to_vec(), ..empty(data_type::FLOAT) }), expected);
    let raw_data = expected.iter().flat_map(|&x| half::bf16::from_f32(x).to_le_bytes()).collect();
    assert_eq!(values(TensorProto { raw_data, ..empty(data_type::BFLOAT16) }), expected);
    for wrong in [
        TensorProto { raw_data: vec![0; 11], ..empty(data_type::FLOAT) },
        TensorProto { float_data: vec![0.0; 4], ..empty(data_type::FLOAT) },
        TensorProto { dims: vec![-3], ..empty(data_type::FLOAT) },
        TensorProto { dims: vec![i64::MAX, i64::MAX], ..empty(data_type::FLOAT) },
    ] {
        let error = wrong.f32s(&mut ParameterBudget::default()).unwrap_err();
        assert!(matches!(error, FormatError::Malformed { .. }), "{error}");
    }
    let error = empty(3).f32s(&mut ParameterBudget::default()).unwrap_err();
    assert!(error.to_string().contains("has type int8"), "{error}");
}

#[test]
fn every_way_to_pool_and_to_flatten() {
    type Way = fn(Model) -> Model;
    let ways: [(i64, Way); 14] = [
        (13, |model| model.node("GlobalAveragePool", &["c"], "y", vec![])),
        (13, |model| model.node("ReduceMean", &["c"], "y", vec![ints("axes", &[2, 3]), int("keepdims", 0)])),
        (17, |model| model.node("ReduceMean", &["c"], "y", vec![ints("axes", &[-1, -2])])),
        (18, |model| model.ints("axes", &[3, 2]).node("ReduceMean", &["c", "axes"], "y", vec![])),
        (13, |model| model.node("AveragePool", &["c"], "y", vec![ints("kernel_shape", &[8, 8])])),
        (13, |model| {
            let attributes =
                vec![ints("kernel_shape", &[8, 8]), ints("strides", &[8, 8]), ints("pads", &[0; 4])];
            model.node("AveragePool", &["c"], "y", attributes)
        }),
        (13, |model| {
            model.node("GlobalAveragePool", &["c"], "p", vec![]).node(
                "Flatten",
                &["p"],
                "y",
                vec![int("axis", -3)],
            )
        }),
        (12, |model| {
            model.node("GlobalAveragePool", &["c"], "p", vec![]).node(
                "Squeeze",
                &["p"],
                "y",
                vec![ints("axes", &[2, 3])],
            )
        }),
        (13, |model| {
            model
                .ints("last", &[-1])
                .node("GlobalAveragePool", &["c"], "p", vec![])
                .node("Squeeze", &["p", "last"], "q", vec![])
                .node("Squeeze", &["q", "last"], "y", vec![])
        }),
        (13, |model| {
            model.ints("to", &[0, -1]).node("GlobalAveragePool", &["c"], "p", vec![]).node(
                "Reshape",
                &["p", "to"],
                "y",
                vec![],
            )
        }),
        (13, |model| {
            model
                .ints("to", &[7, 4, 1, 1])
                .node("GlobalAveragePool", &["c"], "p", vec![])
                .node("Reshape", &["p", "to"], "q", vec![])
                .node("Softmax", &["q"], "s", vec![int("axis", 1)])
                .node("Flatten", &["s"], "y", vec![])
        }),
        // The chain of the model zoo's mobilenetv2-12.
        (12, |model| {
            model
                .node("GlobalAveragePool", &["c"], "p", vec![])
                .node("Shape", &["p"], "shape", vec![])
                .node("Constant", &[], "zero", vec![int("value_int", 0)])
                .node("Gather", &["shape", "zero"], "batch", vec![int("axis", 0)])
                .node("Unsqueeze", &["batch"], "batches", vec![ints("axes", &[0])])
                .ints("rest", &[-1])
                .node("Concat", &["batches", "rest"], "target", vec![int("axis", 0)])
                .node("Reshape", &["p", "target"], "y", vec![])
        }),
        // An image of one pixel is as good as pooled.
        (13, |model| {
            model.ramp("w", &[4, 4, 8, 8]).node("Conv", &["c", "w"], "one", vec![]).node(
                "Flatten",
                &["one"],
                "y",
                vec![],
            )
        }),
        (13, |model| {
            model
                .node("GlobalAveragePool", &["c"], "p", vec![])
                .ramp("w", &[4, 4, 1, 1])
                .node("Conv", &["p", "w"], "q", vec![])
                .node("Relu", &["q"], "r", vec![])
                .node("Add", &["r", "q"], "a", vec![])
                .node("GlobalAveragePool", &["a"], "y", vec![])
        }),
    ];
    for (idx, (opset, way)) in ways.into_iter().enumerate() {
        let graph = way(Model::new(opset).stem()).read().unwrap_or_else(|error| panic!("{idx}: {error}"));
        assert_eq!(output_len(&graph), 4, "{idx}");
        assert_eq!(
            op_names(&graph).iter().filter(|&&name| name == "global_average_pool").count(),
            1,
            "{idx}"
        );
    }
}

/// The size of the pool's output over the stem's 8x8.
fn pooled_size(attributes: Vec<AttributeProto>) -> Result<[usize; 2], FormatError> {
    let model = Model::new(13).stem().node("MaxPool", &["c"], "m", attributes);
    let graph = model.node("GlobalAveragePool", &["m"], "y", vec![]).read()?;
    let pool = graph.nodes.iter().find(|node| matches!(node.op, graph::Op::MaxPool(_))).unwrap();
    let Shape::Image { height, width, channels: 4 } = graph.value(pool.output).shape else {
        panic!("{pool:?}")
    };
    Ok([height, width])
}

#[test]
fn windows_that_ceil_mode_cuts_off_are_kept() {
    let kernel = |size: i64| ints("kernel_shape", &[size, size]);
    let strides = |size: i64| ints("strides", &[size, size]);
    let ceil = || int("ceil_mode", 1);
    assert_eq!(pooled_size(vec![kernel(3), strides(2)]).unwrap(), [3, 3]);
    assert_eq!(pooled_size(vec![kernel(3), strides(2), ceil()]).unwrap(), [4, 4]);
    assert_eq!(pooled_size(vec![kernel(2), strides(2), ceil()]).unwrap(), [4, 4]);
    assert_eq!(pooled_size(vec![kernel(2), ceil()]).unwrap(), [7, 7]);
    let pads = ints("pads", &[1, 0, 1, 0]);
    assert_eq!(pooled_size(vec![kernel(3), strides(2), pads.clone()]).unwrap(), [4, 3]);
    // Rows: 8 and 2 of padding, the last window would begin at row 9, of padding alone.
    assert_eq!(pooled_size(vec![kernel(2), strides(3), pads, ceil()]).unwrap(), [3, 3]);
    let same = string("auto_pad", "SAME_UPPER");
    assert_eq!(pooled_size(vec![kernel(3), strides(2), same]).unwrap(), [4, 4]);
}

#[test]
fn pools_that_are_not_understood_say_so() {
    let kernel = || ints("kernel_shape", &[3, 3]);
    for (attributes, expected) in [
        (vec![], "kernel_shape is missing"),
        (vec![kernel(), ints("dilations", &[2, 2])], "MaxPool with dilations [2, 2]"),
        (vec![kernel(), ints("strides", &[0, 1])], "a stride of 0"),
        (vec![kernel(), ints("pads", &[3, 0, 0, 0])], "could lie beside the input"),
        (vec![ints("kernel_shape", &[9, 9])], "does not fit input 8x8"),
        (vec![ints("kernel_shape", &[3])], "accepted are two sizes"),
        (vec![kernel(), ints("pads", &[0, 0, i64::MAX, 0]), int("ceil_mode", 1)], "could lie beside"),
    ] {
        let message = pooled_size(attributes).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn channels_are_joined_in_the_order_of_the_inputs() {
    let joined = |axis: i64, inputs: &[&str]| {
        let model = Model::new(13).stem().ramp("w", &[3, 4, 1, 1]).node("Conv", &["c", "w"], "d", vec![]);
        let model = model.node("GlobalAveragePool", &["c"], "v", vec![]);
        let model = model.node("Concat", inputs, "j", vec![int("axis", axis)]);
        model.node("GlobalAveragePool", &["j"], "y", vec![]).read()
    };
    for axis in [1, -3] {
        let graph = joined(axis, &["c", "d", "c"]).unwrap();
        assert_eq!(output_len(&graph), 11);
        let node = graph.nodes.iter().find(|node| matches!(node.op, graph::Op::Concat)).unwrap();
        let channels: Vec<usize> = node.inputs.iter().map(|id| graph.value(*id).shape.channels()).collect();
        assert_eq!(channels, [4, 3, 4]);
    }
    assert_eq!(output_len(&joined(1, &["d"]).unwrap()), 3);
    for (axis, inputs, expected) in [
        (2, ["c", "d"], "Concat along axis 2"),
        (1, ["c", "v"], "Concat of vectors"),
        (1, ["c", "w"], "does not depend on the picture"),
    ] {
        let message = joined(axis, &inputs).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn the_classifier_as_convolution_becomes_linear() {
    let model = Model::new(13)
        .pooled()
        .ramp("w", &[2, 4, 1, 1])
        .floats("b", &[2], &[5.0, 6.0])
        .node("Conv", &["p", "w", "b"], "l", vec![])
        .ints("to", &[-1, 2])
        .node("Reshape", &["l", "to"], "f", vec![])
        .node("Softmax", &["f"], "y", vec![int("axis", 1)]);
    let graph = model.ok();
    assert_eq!(op_names(&graph), ["conv2d", "global_average_pool", "linear", "softmax"]);
    assert_eq!(linear_of(&graph).weight.shape, [2, 4]);
    assert_eq!(linear_of(&graph).bias.as_deref(), Some([5.0, 6.0].as_slice()));
}

#[test]
fn matrices_are_transposed_as_told() {
    let flat = || Model::new(13).pooled().node("Flatten", &["p"], "f", vec![]);
    let in_out = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
    let out_in = [1.0, 3.0, 5.0, 7.0, 2.0, 4.0, 6.0, 8.0];
    let gemm = flat().floats("w", &[4, 2], &in_out).node("Gemm", &["f", "w"], "y", vec![]);
    assert_eq!(linear_of(&gemm.ok()).weight.to_f32().as_ref(), out_in);
    let gemm = flat().floats("w", &[2, 4], &out_in).node("Gemm", &["f", "w"], "y", vec![int("transB", 1)]);
    assert_eq!(linear_of(&gemm.ok()).weight.to_f32().as_ref(), out_in);
    let mat_mul = flat().floats("w", &[4, 2], &in_out).node("MatMul", &["f", "w"], "y", vec![]);
    assert_eq!(linear_of(&mat_mul.ok()).weight.to_f32().as_ref(), out_in);
    for dims in [&[1][..], &[], &[1, 1]] {
        let gemm = flat().floats("w", &[4, 2], &in_out).floats("b", dims, &[9.0]).node(
            "Gemm",
            &["f", "w", "b"],
            "y",
            vec![],
        );
        assert_eq!(linear_of(&gemm.ok()).bias.as_deref(), Some([9.0, 9.0].as_slice()));
    }
}

#[test]
fn a_constant_added_to_a_layer_becomes_its_bias() {
    let flat = || Model::new(13).pooled().node("Flatten", &["p"], "f", vec![]).ramp("w", &[4, 2]);
    for dims in [&[2][..], &[1, 2]] {
        for inputs in [["m", "b"], ["b", "m"]] {
            let model = flat().floats("b", dims, &[7.0, 8.0]).node("MatMul", &["f", "w"], "m", vec![]).node(
                "Add",
                &inputs,
                "y",
                vec![],
            );
            let graph = model.ok();
            assert_eq!(linear_of(&graph).bias.as_deref(), Some([7.0, 8.0].as_slice()));
            assert_eq!(graph.nodes.len(), 3);
        }
    }
    let model = Model::new(13)
        .ramp("w", &[4, 3, 1, 1])
        .ramp("b", &[1, 4, 1, 1])
        .node("Conv", &["x", "w"], "c", vec![])
        .node("Add", &["c", "b"], "d", vec![])
        .node("GlobalAveragePool", &["d"], "y", vec![]);
    assert_eq!(conv_of(&model.ok(), 0).bias.as_deref(), Some([-2.0, -1.0, 0.0, 1.0].as_slice()));
    let read_twice = flat()
        .ramp("b", &[2])
        .node("MatMul", &["f", "w"], "m", vec![])
        .node("Add", &["m", "b"], "n", vec![])
        .node("Add", &["m", "n"], "y", vec![]);
    read_twice.refused("Add of a constant");
    let wrong_shape = flat().ramp("b", &[2, 1]).node("MatMul", &["f", "w"], "m", vec![]).node(
        "Add",
        &["m", "b"],
        "y",
        vec![],
    );
    wrong_shape.refused("Add of a constant");
}

#[test]
fn names_need_not_be_there_nor_differ() {
    let mut model =
        Model::new(13).pooled().node("Relu", &["p"], "q", vec![]).node("Relu", &["q"], "y", vec![]);
    for (node, name) in model.nodes.iter_mut().zip(["", "input", "same", "same"]) {
        node.name = name.to_owned();
    }
    let graph = model.ok();
    let names: Vec<&str> = graph.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["c", "input#1", "same", "same#3"]);
}

#[test]
fn a_weight_may_be_cast_to_float32() {
    let cast = |to| {
        let mut model =
            Model::new(13).ramp("half", &[4, 3, 1, 1]).node("Cast", &["half"], "w", vec![int("to", to)]);
        let weight = &mut model.initializers[0];
        weight.data_type = data_type::FLOAT16;
        weight.raw_data = (0..12).flat_map(|x| half::f16::from_f32(x as f32 / 8.0).to_le_bytes()).collect();
        model.node("Conv", &["x", "w"], "c", vec![]).node("GlobalAveragePool", &["c"], "p", vec![]).node(
            "Flatten",
            &["p"],
            "y",
            vec![],
        )
    };
    let graph = cast(i64::from(data_type::FLOAT)).ok();
    assert_eq!(conv_of(&graph, 0).weight.to_f32()[11], 1.375);
    cast(i64::from(data_type::INT32)).refused("accepted is a constant");
}

#[test]
fn what_is_not_computed_is_refused_by_node_and_name() {
    let stem = || Model::new(13).stem();
    let pooled = || Model::new(13).pooled();
    let flat = || pooled().node("Flatten", &["p"], "f", vec![]).ramp("w", &[2, 4]);
    stem()
        .node("Resize", &["c"], "y", vec![])
        .refused(r#"node 1, "Resize_y": operator Resize, accepted are Add, Av"#);
    stem()
        .node("QuantizeLinear", &["c"], "y", vec![])
        .refused("operator QuantizeLinear: the model is quantized");
    stem().node("QLinearConv", &["c"], "y", vec![]).refused("quantized already");
    stem().node("Sum", &["c", "c"], "y", vec![]).refused("operator Sum");
    let conv =
        |attributes| Model::new(13).ramp("w", &[4, 3, 3, 3]).node("Conv", &["x", "w"], "y", attributes);
    conv(vec![ints("dilations", &[2, 2])]).refused("dilations [2, 2], accepted is [1, 1]");
    conv(vec![ints("kernel_shape", &[5, 5])]).refused("kernel_shape [5, 5] differs from the weight's [3, 3]");
    conv(vec![ints("pads", &[1, 1])]).refused("pads [1, 1], accepted are four");
    conv(vec![ints("pads", &[-1, 0, 0, 0])]).refused("accepted are four sizes");
    conv(vec![ints("strides", &[0, 0])]).refused("stride of 0");
    conv(vec![int("group", -1)]).refused("group is -1");
    conv(vec![int("group", 2)]).refused("groups 2 does not divide");
    conv(vec![string("auto_pad", "MAYBE")]).refused("auto_pad is \"MAYBE\"");
    conv(vec![int("winograd", 1)]).refused("attribute \"winograd\" of Conv");
    conv(vec![float("group", 1.0)]).refused("has type 1, expected 2");
    conv(vec![int("group", 1), int("group", 1)]).refused("stands twice");
    conv(vec![]).refused("expected a vector of classes");
    let conv = |dims: &[i64]| Model::new(13).ramp("w", dims).node("Conv", &["x", "w"], "y", vec![]);
    conv(&[4, 3, 3]).refused("accepted are 4 dimensions");
    conv(&[4, 5, 3, 3]).refused("weight takes 5 channels, input has 3");
    conv(&[0, 3, 3, 3]).refused("is empty");
    conv(&[4, 3, 9, 9]).refused("does not fit input 8x8");
    Model::new(13).node("Conv", &["x", "x"], "y", vec![]).refused("accepted is a constant");
    Model::new(13).node("Conv", &["x", "w"], "y", vec![]).refused("\"w\", which no node before it writes");
    Model::new(13).node("Conv", &["x"], "y", vec![]).refused("lacks input 1");
    pooled().ramp("w", &[2, 4, 3, 3]).node("Conv", &["p", "w"], "y", vec![]).refused("accepted is 1x1");
    flat().ramp("v", &[2, 4, 1, 1]).node("Conv", &["f", "v"], "y", vec![]).refused("Conv of 2 dimensions");
    stem()
        .ints("to", &[0, 2, 128])
        .node("Reshape", &["c", "to"], "y", vec![])
        .refused("Reshape of an image of 8x8");
    pooled()
        .ints("to", &[4])
        .node("Reshape", &["p", "to"], "y", vec![])
        .refused("to [4], accepted is [batch, 4]");
    pooled().ints("to", &[2, 2]).node("Reshape", &["p", "to"], "y", vec![]).refused("to [2, 2]");
    pooled().ints("to", &[-1, -1]).node("Reshape", &["p", "to"], "y", vec![]).refused("to [-1, -1]");
    pooled().node("Reshape", &["p", "c"], "y", vec![]).refused("depends on the picture's content");
    stem().node("Flatten", &["c"], "y", vec![]).refused("Flatten of an image of 8x8");
    pooled().node("Flatten", &["p"], "y", vec![int("axis", 2)]).refused("axis = 2, accepted is 1");
    pooled().node("Squeeze", &["p"], "y", vec![]).refused("Squeeze of axes all");
    pooled().ints("a", &[0]).node("Squeeze", &["p", "a"], "y", vec![]).refused("Squeeze of axes [0]");
    stem().node("ReduceMean", &["c"], "y", vec![]).refused("over axes all");
    stem().node("ReduceMean", &["c"], "y", vec![ints("axes", &[1])]).refused("over axes [1]");
    stem().node("AveragePool", &["c"], "y", vec![ints("kernel_shape", &[2, 2])]).refused("the whole image");
    let attributes = vec![ints("kernel_shape", &[8, 8]), ints("pads", &[1; 4])];
    stem().node("AveragePool", &["c"], "y", attributes).refused("the whole image");
    flat().node("GlobalAveragePool", &["f"], "y", vec![]).refused("of 2 dimensions");
    flat().node("Gemm", &["f", "w"], "y", vec![]).refused("weight takes 2 values, input has 4");
    flat().node("Gemm", &["f", "w"], "y", vec![int("transB", 1), float("alpha", 0.5)]).refused("alpha = 0.5");
    flat().node("Gemm", &["f", "w"], "y", vec![int("transB", 1), float("beta", 0.0)]).refused("beta = 0");
    flat().node("Gemm", &["f", "w"], "y", vec![int("transA", 1)]).refused("transA = 1");
    flat()
        .ramp("b", &[2, 2])
        .node("Gemm", &["f", "w", "b"], "y", vec![int("transB", 1)])
        .refused("bias of shape [2, 2]");
    pooled().ramp("w", &[4, 4]).node("MatMul", &["p", "w"], "y", vec![]).refused("more than two dimensions");
    pooled().node("Softmax", &["p"], "y", vec![]).refused("Softmax with axis = -1");
    flat().node("Softmax", &["f"], "y", vec![int("axis", 0)]).refused("Softmax with axis = 0");
    stem().node("Add", &["c", "stem.b"], "y", vec![]).refused("Add of a constant");
    pooled().node("Add", &["c", "p"], "y", vec![]).refused("Add of an image and a vector");
    stem().node("Add", &["c", "x"], "y", vec![]).refused("differ in shape");
    pooled().node("Mul", &["c", "p"], "y", vec![]).refused("Mul of an activation");
    pooled()
        .node("Shape", &["p"], "s", vec![])
        .node("Add", &["p", "s"], "y", vec![])
        .refused("Add of a constant");
    pooled().node("Shape", &["p"], "y", vec![]).refused("does not depend on the picture");
    pooled().refused("output \"y\": is written by no node");
    stem().node("Clip", &["c", "c"], "y", vec![]).refused("accepted is a constant");
    stem().node("Clip", &["c"], "y", vec![float("min", 0.0)]).refused("attribute \"min\" of Clip");
    stem().node("Clip", &["c", "stem.b"], "y", vec![]).refused("a bound has 4 values");
    stem().floats("nan", &[], &[f32::NAN]).node("Clip", &["c", "nan"], "y", vec![]).refused("not in order");
    stem()
        .node("Min", &["c", "stem.b"], "y", vec![])
        .refused("a constant of shape [4], accepted are one number");
    stem().node("Min", &["c"], "y", vec![]).refused("Min of 1 inputs");
    stem().node("Min", &["c", "c"], "y", vec![]).refused("accepted is a constant");
    let wide = stem().floats("m", &[4, 1, 1], &[1.0; 4]);
    wide.node("Max", &["c", "m"], "y", vec![]).refused("Max with a constant for each channel");
    stem().node("Relu", &["c"], "c", vec![]).refused("\"c\" is written twice");
    let norm = |attributes| {
        let inputs = ["c", "stem.b", "stem.b", "stem.b", "stem.b"];
        Model::new(8).stem().node("BatchNormalization", &inputs, "y", attributes)
    };
    norm(vec![int("spatial", 0)]).refused("spatial = 0");
    norm(vec![int("training_mode", 1)]).refused("training_mode = 1");
    norm(vec![]).refused("must be positive in every channel");
    let inputs = ["p", "stem.b", "stem.b", "stem.b", "stem.b"];
    pooled().node("BatchNormalization", &inputs, "y", vec![]).refused("of a vector");
    let mut training = norm(vec![]);
    training.nodes[1].output.push("running".to_owned());
    training.refused("in training");
    let mut dropout = pooled().node("Dropout", &["p", "", "on"], "y", vec![]);
    dropout.initializers.push(TensorProto {
        name: "on".to_owned(),
        data_type: data_type::BOOL,
        int32_data: vec![1],
        ..TensorProto::default()
    });
    dropout.refused("Dropout in training");
    let mut foreign = stem().node("Conv", &["c"], "y", vec![]);
    foreign.nodes[1].domain = "com.microsoft".to_owned();
    foreign.refused("operator com.microsoft.Conv");
}

#[test]
fn models_that_are_not_classifiers_of_pictures_are_refused() {
    let model = Model::new(13).pooled().node("Flatten", &["p"], "y", vec![]);
    let with = |edit: fn(&mut Model)| {
        let mut model = model.clone();
        edit(&mut model);
        model
    };
    with(|model| model.opset = 6).refused("operator set 6, accepted are 7 to 28");
    with(|model| model.opset = 29).refused("operator set 29");
    with(|model| model.dims = vec![1, 8, 8, 3])
        .refused("[1, 8, 8, 3] (0: symbolic), accepted is float32 [batch, 3");
    with(|model| model.dims = vec![1, 3, 8, 9]).refused("[1, 3, 8, 9]");
    with(|model| model.dims = vec![1, 3, i64::MAX, i64::MAX]).refused("at most 4096");
    with(|model| model.dims = vec![1, 3]).refused("[1, 3]");
    with(|model| model.elem_type = data_type::FLOAT16).refused("is float16, accepted is float32");
    with(|model| model.outputs = vec!["y", "p"]).refused("2 outputs, accepted is one");
    with(|model| model.outputs = vec![]).refused("0 outputs");
    with(|model| model.initializers[0].data_location = 1)
        .refused("lies in another file; save the model as one file");
    with(|model| model.initializers.push(model.initializers[0].clone())).refused("the name stands twice");
    let mut proto = model.proto();
    proto.graph.as_mut().unwrap().input.push(ValueInfoProto { name: "mask".to_owned(), r#type: None });
    let error = read(&proto.encode_to_vec(), "").unwrap_err();
    assert_eq!(error.to_string(), "model: 2 inputs, accepted is one picture");
    proto.opset_import.clear();
    assert!(read(&proto.encode_to_vec(), "").unwrap_err().to_string().contains("which operator set"));
    proto.graph = None;
    assert!(read(&proto.encode_to_vec(), "").unwrap_err().to_string().contains("has no graph"));
}

#[test]
fn small_files_that_ask_for_much_are_refused() {
    let mut model = Model::new(13).ramp("w", &[4, 3, 1, 1]).node("Conv", &["x", "w"], "c", vec![]);
    model.initializers[0].dims = vec![1 << 40, 0, 1, 1];
    model.initializers[0].raw_data = vec![];
    model.refused("is empty");
    let flat = Model::new(13).pooled().node("Flatten", &["p"], "f", vec![]);
    let mut gemm =
        flat.clone().ramp("w", &[4, 2]).ramp("b", &[1]).node("Gemm", &["f", "w", "b"], "y", vec![]);
    gemm.initializers[2].dims = vec![0, 1 << 30];
    gemm.initializers[2].raw_data = vec![];
    gemm.refused("is empty");
    let padded = ints("pads", &[i64::from(i32::MAX); 4]);
    let padded = Model::new(13).ramp("w", &[4, 3, 1, 1]).node("Conv", &["x", "w"], "y", vec![padded]);
    assert!(padded.read().is_err());
    // Twenty thousand nodes.
    let mut many = flat.clone();
    many.nodes = vec![NodeProto::default(); 20_000];
    assert!(matches!(many.read(), Err(FormatError::TooLarge { .. })));
    let mut wide = flat;
    wide.nodes[0].input = vec![String::new(); 5 << 20];
    assert!(matches!(wide.read(), Err(FormatError::TooLarge { .. })));
}

#[test]
fn one_large_tensor_cannot_be_asked_for_endlessly() {
    let mut model = Model::new(13).floats("w", &[1 << 20, 3, 1, 1], &vec![0.0; 3 << 20]);
    model.dims = vec![1, 3, 1, 1];
    for idx in 0..50 {
        model = model.node("Conv", &["x", "w"], &format!("c{idx}"), vec![]);
    }
    assert!(matches!(model.read(), Err(FormatError::TooLarge { .. })));
}

#[test]
fn truncated_files_are_cut_off() {
    let bytes = Model::new(13).pooled().node("Flatten", &["p"], "y", vec![]).bytes();
    let mut n_cut_off = 0;
    for len in 0..bytes.len() {
        match read(&bytes[..len], "x.onnx") {
            Err(FormatError::CutOff { actual, .. }) => {
                assert_eq!(actual, len as u64);
                n_cut_off += 1;
            }
            // Cut between two fields of the model: nothing tells that one is missing.
            Err(FormatError::Malformed { .. }) => {}
            other => panic!("{len}: {other:?}"),
        }
    }
    assert!(n_cut_off > bytes.len() * 9 / 10, "{n_cut_off} of {}", bytes.len());
    let half = read(&bytes[..bytes.len() / 2], "x.onnx").unwrap_err();
    assert!(matches!(half, FormatError::CutOff { expected: Some(_), .. }), "{half}");
}

#[test]
fn models_are_told_by_their_content() {
    let bytes = Model::new(13).pooled().bytes();
    assert!(looks_like_onnx(&bytes));
    assert!(looks_like_onnx(&bytes[..20]));
    for other in [
        &b""[..],
        b"{\"a\": 1}",
        b"<!doctype html>",
        b"PK\x03\x04",
        b"\x08\x03\x0f",
        b"\x89PNG\r\n",
        b"\x1f\x8b",
    ] {
        assert!(!looks_like_onnx(other), "{other:?}");
    }
}

#[test]
fn the_table_is_sorted_and_names_each_operator_once() {
    assert!(SUPPORTED_OPERATORS.windows(2).all(|pair| pair[0].name < pair[1].name));
    let table = support_table();
    assert!(table.contains("| Conv | two dimensions"), "{table}");
    assert_eq!(table.lines().count(), 2 + SUPPORTED_OPERATORS.len());
}

#[test]
fn file_names_become_model_names() {
    for (file, name) in [
        ("mobilenet_v2_1.0_224_float.onnx", "mobilenet_v2_1.0_224_float"),
        (r"C:\models\a.onnx.gz", "a"),
        ("a/b/c", "c"),
        (".onnx", "model"),
        ("", "model"),
        ("ü\u{7}.ONNX", "ü"),
    ] {
        assert_eq!(model_name(file), name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn flipped_bits_never_panic(flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8), 1..6)) {
        let mut bytes = Model::new(13)
            .pooled()
            .node("Shape", &["p"], "s", vec![])
            .node("Reshape", &["p", "s"], "f", vec![])
            .ramp("w", &[4, 2])
            .node("Gemm", &["f", "w"], "y", vec![float("alpha", 1.0)])
            .bytes();
        for (position, bit) in flips {
            let position = position.index(bytes.len());
            bytes[position] ^= 1_u8 << bit;
        }
        if let Ok(graph) = read(&bytes, "x") {
            graph.validate().unwrap();
        }
    }

    #[test]
    fn any_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes, "x");
        bytes.insert(0, 0x08);
        let _ = looks_like_onnx(&bytes);
        let _ = read(&bytes, "x");
    }
}

/// The folder of shared models, `None` with a message where it is not there.
fn shared_model(file: &str) -> Option<Vec<u8>> {
    let shared = std::env::var_os("TINYLENS_SHARED").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        std::path::PathBuf::from,
    );
    let path = shared.join("models").join(file);
    let bytes = std::fs::read(&path).ok();
    if bytes.is_none() {
        eprintln!("skipped: {} is not there", path.display());
    }
    bytes
}

fn count(graph: &Graph, name: &str) -> usize {
    op_names(graph).iter().filter(|&&op| op == name).count()
}

#[test]
fn the_shared_mobilenet_v2_has_the_documented_counts() {
    let Some(bytes) = shared_model("mobilenet_v2_1.0_224_float.onnx") else { return };
    let graph = read(&bytes, "mobilenet_v2_1.0_224_float.onnx").unwrap();
    assert_eq!(
        ["conv2d", "add", "clip", "global_average_pool", "linear"].map(|op| count(&graph, op)),
        [52, 10, 35, 1, 1]
    );
    let cost = cost(&graph);
    assert_eq!(cost.parameters, 3_489_097);
    assert_eq!((cost.multiply_adds as f64 / 1e5).round(), 3008.0);
    assert_eq!(conv_of(&graph, 0).padding, Padding { top: 0, left: 0, bottom: 1, right: 1 });
    assert!(graph.metadata.background_class);
    assert_eq!(graph.metadata.preprocessing.resize_shorter, 256);
    let packed = crate::container::write(&graph, crate::container::Coding::Dense);
    assert_eq!(crate::container::read(&packed).unwrap(), graph);
    for len in (0..bytes.len()).step_by(bytes.len() / 50) {
        assert!(
            matches!(
                read(&bytes[..len], ""),
                Err(FormatError::CutOff { .. } | FormatError::Malformed { .. })
            ),
            "{len}"
        );
    }
}

#[test]
fn the_shared_mobilenet_v1_has_the_documented_counts() {
    let Some(bytes) = shared_model("mobilenet_v1_0.25_128.onnx") else { return };
    let graph = read(&bytes, "mobilenet_v1_0.25_128.onnx").unwrap();
    assert_eq!(
        ["conv2d", "clip", "global_average_pool", "linear", "softmax"].map(|op| count(&graph, op)),
        [27, 27, 1, 1, 1]
    );
    let cost = cost(&graph);
    assert_eq!(cost.parameters, 467_593);
    assert_eq!((cost.multiply_adds as f64 / 1e5).round(), 136.0);
    assert_eq!((output_len(&graph), graph.metadata.preprocessing.crop), (1001, 128));
}
