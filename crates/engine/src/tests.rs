//! Plans against an interpreter that follows the graph with plain loops in double precision.

use graph::{
    ActivationQuantization, BatchNorm, Clip, Conv2d, Graph, GraphBuilder, IntegerWeights, LabelSet, Linear,
    MaxPool, Metadata, Op, Padding, Preprocessing, Shape, UpperBound, ValueId, Weight, WeightValues,
    fold_batch_norms,
};

use crate::{EngineError, Executor, Fusion, Plan};

mod fire;
mod in_place;
mod parts;
mod storage;

/// Numbers in -1..1 that look random and are the same everywhere (xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    }

    fn vector(&mut self, len: usize, scale: f32) -> Vec<f32> {
        (0..len).map(|_| self.next() * scale).collect()
    }
}

/// What the interpreter keeps of each value.
fn interpret(graph: &Graph, input: &[f32]) -> Vec<Vec<f64>> {
    let mut values: Vec<Vec<f64>> = vec![Vec::new(); graph.values.len()];
    let store = |id: ValueId, values: &mut Vec<Vec<f64>>, mut data: Vec<f64>| {
        if let Some(ActivationQuantization { scale, zero_point }) = graph.value(id).quantization {
            for x in &mut data {
                let level = (*x / f64::from(scale)).round_ties_even() + f64::from(zero_point);
                *x = f64::from(scale) * (level.clamp(-128.0, 127.0) - f64::from(zero_point));
            }
        }
        values[id.0] = data;
    };
    store(graph.input, &mut values, input.iter().map(|x| f64::from(*x)).collect());
    for node in &graph.nodes {
        let x = &values[node.inputs[0].0];
        let data = match &node.op {
            Op::Conv2d(conv) => interpret_conv(conv, graph.value(node.inputs[0]).shape, x),
            Op::BatchNorm(norm) => x
                .iter()
                .enumerate()
                .map(|(i, x)| {
                    let c = i % norm.gamma.len();
                    let deviation = (f64::from(norm.variance[c]) + f64::from(norm.epsilon)).sqrt();
                    f64::from(norm.gamma[c]) * (x - f64::from(norm.mean[c])) / deviation
                        + f64::from(norm.beta[c])
                })
                .collect(),
            Op::Clip(clip) => {
                let channels = graph.value(node.output).shape.channels();
                x.iter()
                    .enumerate()
                    .map(|(i, x)| x.clamp(f64::from(clip.min), f64::from(clip.max.of(i % channels))))
                    .collect()
            }
            Op::Add => x.iter().zip(&values[node.inputs[1].0]).map(|(a, b)| a + b).collect(),
            Op::Concat => {
                let pixels = x.len() / graph.value(node.inputs[0]).shape.channels();
                let pixel = |p: usize| {
                    node.inputs.iter().map(|id| &values[id.0]).flat_map(move |x| {
                        let channels = x.len() / pixels;
                        &x[p * channels..(p + 1) * channels]
                    })
                };
                (0..pixels).flat_map(pixel).copied().collect()
            }
            Op::MaxPool(pool) => interpret_max_pool(pool, graph.value(node.inputs[0]).shape, x),
            Op::GlobalAveragePool => {
                let channels = graph.value(node.output).shape.len();
                let pixels = x.len() / channels;
                (0..channels)
                    .map(|c| (0..pixels).map(|p| x[p * channels + c]).sum::<f64>() / pixels as f64)
                    .collect()
            }
            Op::Linear(linear) => {
                let weights = linear.weight.to_f32();
                weights
                    .chunks_exact(x.len())
                    .enumerate()
                    .map(|(o, row)| {
                        let sum: f64 = row.iter().zip(x).map(|(w, x)| f64::from(*w) * x).sum();
                        sum + linear.bias.as_ref().map_or(0.0, |bias| f64::from(bias[o]))
                    })
                    .collect()
            }
            Op::Softmax => {
                let largest = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = x.iter().map(|x| (x - largest).exp()).sum();
                x.iter().map(|x| (x - largest).exp() / sum).collect()
            }
        };
        store(node.output, &mut values, data);
    }
    values
}

fn interpret_conv(conv: &Conv2d, shape: Shape, x: &[f64]) -> Vec<f64> {
    let Shape::Image { height, width, channels } = shape else { panic!("{shape}") };
    let weights = conv.weight.to_f32();
    let [kernel_height, kernel_width] = conv.kernel();
    let Padding { top, left, bottom, right } = conv.padding;
    let out_height = (height + top + bottom - kernel_height) / conv.stride[0] + 1;
    let out_width = (width + left + right - kernel_width) / conv.stride[1] + 1;
    let (out_channels, per_group) = (conv.weight.out_channels(), channels / conv.groups);
    let mut out = Vec::new();
    for y in 0..out_height {
        for column in 0..out_width {
            for o in 0..out_channels {
                let group = o / (out_channels / conv.groups);
                let mut sum = conv.bias.as_ref().map_or(0.0, |bias| f64::from(bias[o]));
                for c in 0..per_group {
                    for ky in 0..kernel_height {
                        for kx in 0..kernel_width {
                            let row = (y * conv.stride[0] + ky).checked_sub(top).filter(|row| *row < height);
                            let col =
                                (column * conv.stride[1] + kx).checked_sub(left).filter(|col| *col < width);
                            if let (Some(row), Some(col)) = (row, col) {
                                let w =
                                    weights[((o * per_group + c) * kernel_height + ky) * kernel_width + kx];
                                sum +=
                                    f64::from(w) * x[(row * width + col) * channels + group * per_group + c];
                            }
                        }
                    }
                }
                out.push(sum);
            }
        }
    }
    out
}

fn interpret_max_pool(pool: &MaxPool, shape: Shape, x: &[f64]) -> Vec<f64> {
    let Shape::Image { height, width, channels } = shape else { panic!("{shape}") };
    let MaxPool { kernel, stride, padding: Padding { top, left, bottom, right } } = *pool;
    let mut out = Vec::new();
    for y in 0..=(height + top + bottom - kernel[0]) / stride[0] {
        for column in 0..=(width + left + right - kernel[1]) / stride[1] {
            for c in 0..channels {
                let rows = (y * stride[0]..y * stride[0] + kernel[0]).filter_map(|row| row.checked_sub(top));
                let under = rows.filter(|row| *row < height).flat_map(|row| {
                    let columns = column * stride[1]..column * stride[1] + kernel[1];
                    let columns = columns.filter_map(|col| col.checked_sub(left)).filter(|col| *col < width);
                    columns.map(move |col| x[(row * width + col) * channels + c])
                });
                out.push(under.fold(f64::NEG_INFINITY, f64::max));
            }
        }
    }
    out
}

fn conv(numbers: &mut Numbers, [o, i, k]: [usize; 3], groups: usize, stride: usize, padding: Padding) -> Op {
    let shape = vec![o, i, k, k];
    let scale = 1.5 / ((i * k * k) as f32).sqrt();
    let weight = Weight::f32(shape.clone(), numbers.vector(shape.iter().product(), scale));
    Op::Conv2d(Conv2d { weight, bias: Some(numbers.vector(o, 0.3)), stride: [stride; 2], padding, groups })
}

fn batch_norm(numbers: &mut Numbers, channels: usize) -> Op {
    Op::BatchNorm(BatchNorm {
        gamma: numbers.vector(channels, 0.5).iter().map(|x| 1.0 + x).collect(),
        beta: numbers.vector(channels, 0.2),
        mean: numbers.vector(channels, 0.2),
        variance: numbers.vector(channels, 0.5).iter().map(|x| 1.0 + x).collect(),
        epsilon: 1e-3,
    })
}

/// A ReLU whose upper bounds are between 0.2 and 1.2.
fn clip(numbers: &mut Numbers, channels: usize) -> Op {
    let max = numbers.vector(channels, 0.5).iter().map(|x| x + 0.7).collect();
    Op::Clip(Clip { min: 0.0, max: UpperBound::PerChannel(max) })
}

/// A MobileNetV2 in small, with everything a plan must get right: asymmetric padding, odd channels, a residual, a
/// batch norm that cannot be folded, a clip that stands alone, an addition of two older values, clips whose upper bound
/// differs by channel.
fn network(seed: u64, side: usize) -> Graph {
    let metadata = Metadata {
        name: "test".to_owned(),
        origin: String::new(),
        licence: String::new(),
        labels: LabelSet::Numbers,
        background_class: false,
        preprocessing: Preprocessing::usual(side, Preprocessing::MINUS_ONE_TO_ONE),
    };
    let n = &mut Numbers(seed);
    let (mut b, x) = GraphBuilder::new(metadata, side, side).unwrap();
    let same = Padding::same([side; 2], [3, 3], [2, 2]);
    let x = b.add("stem", conv(n, [12, 3, 3], 1, 2, same), &[x]).unwrap();
    let x = b.add("stem/norm", batch_norm(n, 12), &[x]).unwrap();
    let block_input = b.add("stem/relu6", Op::Clip(Clip::RELU6), &[x]).unwrap();
    let x = b.add("expand", conv(n, [30, 12, 1], 1, 1, Padding::default()), &[block_input]).unwrap();
    let x = b.add("expand/relu6", clip(n, 30), &[x]).unwrap();
    let x = b.add("depthwise", conv(n, [30, 1, 5], 30, 1, Padding::symmetric(2)), &[x]).unwrap();
    let x = b.add("depthwise/relu6", clip(n, 30), &[x]).unwrap();
    let x = b.add("project", conv(n, [12, 30, 1], 1, 1, Padding::default()), &[x]).unwrap();
    let sum = b.add("add", Op::Add, &[x, block_input]).unwrap();
    let x = b.add("again", Op::Add, &[sum, block_input]).unwrap();
    let normed = b.add("lone/norm", batch_norm(n, 12), &[sum]).unwrap();
    let x = b.add("last/add", Op::Add, &[x, normed]).unwrap();
    let x = b.add("last/clip", clip(n, 12), &[x]).unwrap();
    let x = b.add("lone/clip", clip(n, 12), &[x]).unwrap();
    let x = b.add("strided", conv(n, [7, 12, 1], 1, 2, Padding::default()), &[x]).unwrap();
    let x = b.add("pool", Op::GlobalAveragePool, &[x]).unwrap();
    let linear =
        Linear { weight: Weight::f32(vec![10, 7], n.vector(70, 0.7)), bias: Some(n.vector(10, 0.3)) };
    let x = b.add("classifier", Op::Linear(linear), &[x]).unwrap();
    let x = b.add("softmax", Op::Softmax, &[x]).unwrap();
    b.finish(x).unwrap()
}

fn close(actual: &[f32], expected: &[f64], tolerance: f64) -> Result<(), String> {
    if actual.len() != expected.len() {
        return Err(format!("{} values, expected {}", actual.len(), expected.len()));
    }
    let worst = actual.iter().zip(expected).enumerate().find(|(_, (actual, expected))| {
        let difference = (f64::from(**actual) - **expected).abs();
        difference.is_nan() || difference > tolerance
    });
    worst.map_or(Ok(()), |(i, (actual, expected))| Err(format!("at {i}: {actual}, expected {expected}")))
}

#[test]
fn close_can_fail() {
    assert!(close(&[1.0], &[1.1], 0.01).is_err());
    assert!(close(&[f32::NAN], &[1.0], 9.0).is_err());
    assert!(close(&[1.0], &[1.0, 1.0], 0.1).is_err());
}

#[test]
fn float_plans_agree_with_the_interpreter() {
    for (seed, side) in [(1, 9), (2, 16), (3, 21)] {
        for graph in [network(seed, side), fire::network_of_fire(seed, side)] {
            let input = Numbers(seed + 99).vector(side * side * 3, 1.0);
            let values = interpret(&graph, &input);
            for fusion in [Fusion::Full, Fusion::Observable, Fusion::Separate] {
                let mut executor = Executor::new(Plan::new(&graph, fusion).unwrap());
                for _ in 0..2 {
                    let output = executor.run(&input).unwrap();
                    close(output, &values[graph.output.0], 1e-5)
                        .unwrap_or_else(|e| panic!("{seed} {fusion:?}: {e}"));
                }
            }
        }
    }
}

/// The network, about `zeros` of the weights of its pointwise layers zero, alone or for `rows` neighbours together.
fn pruned(seed: u64, side: usize, zeros: f32, rows: usize) -> Graph {
    let mut graph = network(seed, side);
    let numbers = &mut Numbers(seed + 17);
    for node in &mut graph.nodes {
        let Op::Conv2d(Conv2d { weight: Weight { shape, values: WeightValues::F32(weights) }, .. }) =
            &mut node.op
        else {
            continue;
        };
        if shape[1] == 1 || shape[2] > 1 {
            continue;
        }
        for group in weights.chunks_mut(rows * shape[1]) {
            let chances = numbers.vector(shape[1], 0.5);
            for row in group.chunks_mut(shape[1]) {
                for (w, _) in row.iter_mut().zip(&chances).filter(|(_, chance)| **chance + 0.5 < zeros) {
                    *w = 0.0;
                }
            }
        }
    }
    graph
}

#[test]
fn pruned_plans_leave_zeros_out_and_agree_with_the_interpreter() {
    let sparse = |plan: &Plan| plan.layers().filter(|layer| layer.kernel == "sparse pointwise").count();
    for (seed, side, rows) in [(11, 9, 1), (12, 16, 1), (13, 21, 4)] {
        for zeros in [0.3, 0.9, 1.0] {
            let graph = pruned(seed, side, zeros, rows);
            let input = Numbers(seed + 99).vector(side * side * 3, 1.0);
            let values = interpret(&graph, &input);
            for fusion in [Fusion::Full, Fusion::Observable] {
                let plan = Plan::new(&graph, fusion).unwrap();
                // The expansion and the projection with its residual; the last layer has a stride.
                assert_eq!(sparse(&plan), if zeros > 0.5 { 2 } else { 0 }, "{seed} {zeros} {fusion:?}");
                let mut executor = Executor::new(plan);
                for _ in 0..2 {
                    let output = executor.run(&input).unwrap();
                    close(output, &values[graph.output.0], 1e-5)
                        .unwrap_or_else(|e| panic!("{seed} {zeros} {fusion:?}: {e}"));
                }
            }
        }
    }
}

#[test]
fn observation_shows_every_stored_value_of_the_folded_graph() {
    let graph = fold_batch_norms(&network(4, 16)).unwrap();
    let input = Numbers(5).vector(16 * 16 * 3, 1.0);
    let values = interpret(&graph, &input);
    let mut executor = Executor::new(Plan::new(&graph, Fusion::Observable).unwrap());
    let mut seen = Vec::new();
    executor
        .run_observed(&input, &mut |id, activations| {
            close(activations, &values[id.0], 1e-4)
                .unwrap_or_else(|e| panic!("{}: {e}", graph.value(id).name));
            seen.push(graph.value(id).name.clone());
        })
        .unwrap();
    for name in [
        "input",
        "stem/relu6",
        "expand/relu6",
        "project",
        "add",
        "lone/norm",
        "last/clip",
        "pool",
        "classifier",
    ] {
        assert!(seen.iter().any(|seen| seen == name), "{name} in {seen:?}");
    }
    for fused in ["expand", "depthwise"] {
        assert!(!seen.iter().any(|seen| seen == fused), "{fused}");
    }
}

/// The network with int8 weights and activations, ranges taken from the interpreter.
fn quantized(seed: u64, side: usize, input: &[f32]) -> Graph {
    with_integers(&network(seed, side), input)
}

/// The same of any network with a `classifier` and a `softmax` at its end.
fn with_integers(graph: &Graph, input: &[f32]) -> Graph {
    let mut graph = fold_batch_norms(graph).unwrap();
    let values = interpret(&graph, input);
    let plan = Plan::new(&graph, Fusion::Observable).unwrap();
    let mut stored = vec![false; graph.values.len()];
    Executor::new(plan).run_observed(input, &mut |id, _| stored[id.0] = true).unwrap();
    for (idx, value) in graph.values.iter_mut().enumerate() {
        if stored[idx] && !["classifier", "softmax"].contains(&value.name.as_str()) {
            let min = values[idx].iter().copied().fold(0.0, f64::min);
            let max = values[idx].iter().copied().fold(0.0, f64::max);
            let scale = (max - min) / 255.0;
            let zero_point = (-128.0 - min / scale).round() as i8;
            value.quantization = Some(ActivationQuantization { scale: scale as f32, zero_point });
        }
    }
    for weight in graph.weights_mut() {
        let real = weight.to_f32().into_owned();
        let scales: Vec<f32> = real
            .chunks_exact(weight.channel_len())
            .map(|channel| channel.iter().fold(0.0_f32, |largest, w| largest.max(w.abs())) / 127.0)
            .collect();
        let channel_len = weight.channel_len();
        let levels =
            real.iter().enumerate().map(|(i, w)| (w / scales[i / channel_len]).round() as i8).collect();
        weight.values = WeightValues::Integer(IntegerWeights::int8(levels, scales));
    }
    graph
}

#[test]
fn integer_plans_agree_with_the_interpreter_on_the_same_grids() {
    for (seed, side) in [(6, 9), (7, 16), (8, 21)] {
        let input = Numbers(seed + 99).vector(side * side * 3, 1.0);
        let graph = quantized(seed, side, &input);
        let expected = interpret(&graph, &input);
        let logits = graph.nodes[graph.nodes.len() - 1].inputs[0];
        let plan = Plan::new(&graph, Fusion::Full).unwrap();
        let (integer, all) = plan.integer_steps();
        assert!(integer >= 9 && integer < all, "{integer} of {all}");
        let mut executor = Executor::new(plan);
        let mut checked = false;
        executor
            .run_observed(&input, &mut |id, activations| {
                if id == logits {
                    // A level that rounds the other way moves a logit by a step or two of the layers before.
                    close(activations, &expected[id.0], 0.06).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
                    checked = true;
                }
            })
            .unwrap();
        assert!(checked);
    }
}

#[test]
fn wanted_activations_are_shown_as_real_numbers_levels_too() {
    let input = Numbers(31).vector(16 * 16 * 3, 1.0);
    let graph = quantized(30, 16, &input);
    let expected = interpret(&graph, &input);
    let named = |name: &str| graph.values.iter().position(|value| value.name == name).unwrap();
    let (pooled, within) = (named("last/clip"), named("depthwise"));
    let wanted = [pooled, within].map(|idx| (ValueId(idx), graph.values[idx].quantization));
    assert!(wanted[0].1.is_some(), "levels are what this is about");
    let mut executor = Executor::new(Plan::new(&graph, Fusion::Full).unwrap());
    let mut seen = Vec::new();
    executor
        .run_showing(&input, &wanted, &mut |id, activations| {
            assert_eq!(id.0, pooled, "what lies within joined layers is never stored");
            close(activations, &expected[id.0], 0.06).unwrap();
            seen.push(id);
        })
        .unwrap();
    assert_eq!(seen.len(), 1);
}

#[test]
fn int8_weights_without_activation_grids_run_in_float() {
    let input = Numbers(3).vector(16 * 16 * 3, 1.0);
    let mut graph = quantized(9, 16, &input);
    for value in &mut graph.values {
        value.quantization = None;
    }
    let plan = Plan::new(&graph, Fusion::Full).unwrap();
    assert_eq!(plan.integer_steps().0, 0);
    let expected = interpret(&graph, &input);
    close(Executor::new(plan).run(&input).unwrap(), &expected[graph.output.0], 1e-5).unwrap();
}

#[test]
fn separate_plans_show_what_every_node_writes() {
    let graph = network(4, 16);
    let input = Numbers(5).vector(16 * 16 * 3, 1.0);
    let values = interpret(&graph, &input);
    let mut executor = Executor::new(Plan::new(&graph, Fusion::Separate).unwrap());
    let mut seen = vec![false; graph.values.len()];
    executor
        .run_observed(&input, &mut |id, activations| {
            close(activations, &values[id.0], 1e-4)
                .unwrap_or_else(|e| panic!("{}: {e}", graph.value(id).name));
            seen[id.0] = true;
        })
        .unwrap();
    assert!(seen.iter().all(|seen| *seen), "{seen:?}");
}

#[test]
fn wrong_inputs_and_missing_kernels_are_errors() {
    let graph = network(1, 9);
    let mut executor = Executor::new(Plan::new(&graph, Fusion::Full).unwrap());
    let error = executor.run(&[0.0; 5]).unwrap_err();
    assert_eq!(error.to_string(), "input has 5 elements, the network takes 243");

    let n = &mut Numbers(1);
    let (mut b, x) = GraphBuilder::new(graph.metadata, 9, 9).unwrap();
    let x = b.add("stem", conv(n, [8, 3, 1], 1, 1, Padding::default()), &[x]).unwrap();
    let x = b.add("grouped", conv(n, [8, 4, 1], 2, 1, Padding::default()), &[x]).unwrap();
    let x = b.add("pool", Op::GlobalAveragePool, &[x]).unwrap();
    let error = Plan::new(&b.finish(x).unwrap(), Fusion::Full).unwrap_err();
    assert!(matches!(error, EngineError::Unsupported { .. }));
    assert_eq!(
        error.to_string(),
        "conv2d `grouped`: a convolution in 2 groups that is not depthwise is not supported"
    );
}
