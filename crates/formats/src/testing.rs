//! A small network with everything in it that writers must write.

use graph::{
    ActivationQuantization, BatchNorm, Clip, ClusteredWeights, Conv2d, Graph, GraphBuilder, Groups,
    IntegerWeights, LabelSet, Linear, MaxPool, Metadata, Op, Padding, Preprocessing, UpperBound, ValueId,
    Weight, WeightValues,
};
use half::{bf16, f16};

fn ramp(shape: &[usize]) -> Weight {
    let n = shape.iter().product::<usize>();
    Weight::f32(shape.to_vec(), (0..n).map(|idx| ((idx * 37 % 101) as f32 - 50.0) / 128.0).collect())
}

fn conv(shape: [usize; 4], stride: usize, padding: Padding, groups: usize) -> Op {
    let bias = Some((0..shape[0]).map(|idx| idx as f32 / 16.0 - 0.25).collect());
    Op::Conv2d(Conv2d { weight: ramp(&shape), bias, stride: [stride; 2], padding, groups })
}

fn layers(with_norm: bool) -> Graph {
    let metadata = Metadata {
        name: "network".to_owned(),
        origin: String::new(),
        licence: String::new(),
        labels: LabelSet::Numbers,
        background_class: false,
        preprocessing: Preprocessing::usual(10, Preprocessing::MINUS_ONE_TO_ONE),
    };
    let (mut builder, input) = GraphBuilder::new(metadata, 10, 10).unwrap();
    let mut add = |name: &str, op: Op, inputs: &[ValueId]| builder.add(name, op, inputs).unwrap();
    let same = Padding::same([10, 10], [3, 3], [2, 2]);
    let mut x = add("stem", conv([8, 3, 3, 3], 2, same, 1), &[input]);
    if with_norm {
        let norm = BatchNorm {
            gamma: vec![1.5; 8],
            beta: vec![0.25; 8],
            mean: vec![0.125; 8],
            variance: vec![2.0; 8],
            epsilon: 1e-3,
        };
        x = add("norm", Op::BatchNorm(norm), &[x]);
    }
    let skip = add("relu6", Op::Clip(Clip::RELU6), &[x]);
    let x = add("depthwise", conv([8, 1, 3, 3], 1, Padding::symmetric(1), 8), &[skip]);
    let x = add("between", Op::Clip(Clip { min: -0.5, max: UpperBound::Uniform(0.75) }), &[x]);
    let x = add("pointwise", conv([8, 8, 1, 1], 1, Padding::default(), 1), &[x]);
    let x = add("sum", Op::Add, &[x, skip]);
    let x = add("relu", Op::Clip(Clip::RELU), &[x]);
    let x = add("pool", Op::GlobalAveragePool, &[x]);
    let linear = Linear { weight: ramp(&[5, 8]), bias: Some(vec![0.5, 0.25, 0.0, -0.25, -0.5]) };
    let x = add("classes", Op::Linear(linear), &[x]);
    let x = add("probabilities", Op::Softmax, &[x]);
    builder.finish(x).unwrap()
}

/// float32: a strided convolution with batch norm, a depthwise and a pointwise one, three kinds of clips, a residual
/// addition, pooling, a linear layer and a softmax.
pub(crate) fn network() -> Graph {
    layers(true)
}

/// float32 or int8: two convolutions of one input beside each other, between pools whose padding is TensorFlow's SAME and not.
pub(crate) fn fire(is_integer: bool) -> Graph {
    let (mut builder, input) = GraphBuilder::new(layers(false).metadata, 10, 10).unwrap();
    let mut add = |name: &str, op: Op, inputs: &[ValueId]| builder.add(name, op, inputs).unwrap();
    let pool = |padding| Op::MaxPool(MaxPool { kernel: [3, 3], stride: [2, 2], padding });
    let x = add("stem", conv([8, 3, 3, 3], 1, Padding::symmetric(1), 1), &[input]);
    let x = add("stem pool", pool(Padding::same([10, 10], [3, 3], [2, 2])), &[x]);
    let small = add("small", conv([4, 8, 1, 1], 1, Padding::default(), 1), &[x]);
    let large = add("large", conv([3, 8, 3, 3], 1, Padding::symmetric(1), 1), &[x]);
    let x = add("concat", Op::Concat, &[small, large]);
    let x = add("pool", pool(Padding { top: 2, ..Padding::default() }), &[x]);
    let x = add("mix", conv([5, 7, 1, 1], 1, Padding::default(), 1), &[x]);
    let x = add("mean", Op::GlobalAveragePool, &[x]);
    let x = add("probabilities", Op::Softmax, &[x]);
    let graph = builder.finish(x).unwrap();
    if is_integer {
        with_grids(graph, &["input", "stem", "stem pool", "small", "large", "concat", "pool", "mix"])
    } else {
        graph
    }
}

/// The graph with int8 weights, and one grid for all the values named.
fn with_grids(mut graph: Graph, values: &[&str]) -> Graph {
    for weight in graph.weights_mut() {
        let levels = weight.to_f32().iter().map(|&x| (x * 128.0).clamp(-127.0, 127.0) as i8).collect();
        weight.values = WeightValues::Integer(IntegerWeights::int8(levels, vec![1.0 / 128.0]));
    }
    for value in graph.values.iter_mut().filter(|value| values.contains(&value.name.as_str())) {
        value.quantization = Some(ActivationQuantization { scale: 0.05, zero_point: 3 });
    }
    graph.validate().unwrap();
    graph
}

/// The upper bounds of [`with_channel_clip`].
pub(crate) const CHANNEL_BOUNDS: [f32; 8] = [0.75, 0.5, 0.25, 1.0, 0.125, f32::INFINITY, 2.0, 0.375];

/// The network with a clip whose upper bound differs by channel in the place of that from -0.5 to 0.75.
pub(crate) fn with_channel_clip(mut graph: Graph, min: f32) -> Graph {
    let node = graph.nodes.iter_mut().find(|node| node.name == "between").expect("a node of the network");
    node.op = Op::Clip(Clip { min, max: UpperBound::PerChannel(CHANNEL_BOUNDS.to_vec()) });
    graph.validate().unwrap();
    graph
}

/// The same with float16 weights.
pub(crate) fn float16() -> Graph {
    let mut graph = network();
    for weight in graph.weights_mut() {
        weight.values = WeightValues::F16(weight.to_f32().iter().map(|&x| f16::from_f32(x)).collect());
    }
    graph
}

/// The same with weights that foreign files have no form for, by turns: bf16, clusters, 4 bits in groups.
pub(crate) fn reduced() -> Graph {
    let mut graph = network();
    for (idx, weight) in graph.weights_mut().enumerate() {
        let (n, out, len) = (weight.len(), weight.out_channels(), weight.channel_len());
        weight.values = match idx % 3 {
            0 => WeightValues::Bf16(weight.to_f32().iter().map(|&x| bf16::from_f32(x)).collect()),
            1 => WeightValues::Clustered(ClusteredWeights {
                codes: (0..n).map(|i| (i % 3) as u8).collect(),
                codebooks: (0..3 * out).map(|i| i as f32 / 8.0 - 1.0).collect(),
                n_clusters: 3,
            }),
            _ => WeightValues::Integer(IntegerWeights {
                bits: 4,
                levels: (0..n).map(|i| (i % 16) as i8 - 8).collect(),
                scales: vec![0.125; out],
                groups: Some(Groups { len: 3, multipliers: vec![3; out * len.div_ceil(3)] }),
            }),
        };
    }
    graph.validate().unwrap();
    graph
}

/// The same without batch norm, with int8 weights and activations up to the linear layer's input.
pub(crate) fn integer() -> Graph {
    let mut graph = layers(false);
    for weight in graph.weights_mut() {
        let (n, real) = (weight.out_channels(), weight.to_f32());
        let levels = real.iter().map(|&x| (x * 128.0).clamp(-127.0, 127.0) as i8).collect();
        let scales = (0..n).map(|idx| (1.0 + idx as f32) / 128.0).collect();
        weight.values = WeightValues::Integer(IntegerWeights::int8(levels, scales));
    }
    for (name, scale, zero_point) in [
        ("input", 2.0 / 255.0, 0),
        ("relu6", 6.0 / 255.0, -128),
        ("between", 2.0 / 255.0, -10),
        ("pointwise", 0.05, 4),
        ("relu", 0.06, -128),
        ("pool", 0.05, -128),
    ] {
        let value = graph.values.iter_mut().find(|value| value.name == name).expect("a value of the network");
        value.quantization = Some(ActivationQuantization { scale, zero_point });
    }
    graph.validate().unwrap();
    graph
}
