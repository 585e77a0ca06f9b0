//! Compresses a model layer by layer with two streams and judges it on photos that were not used.
//!
//! `cargo run --release -p pipeline --example reconstruct_layers -- METHOD [key=value …]` with METHOD one of `int4`,
//! `int4-groups`, `prune`, `cluster`, `rate`, `none`. It holds all activations of the calibration photos of the layers that
//! are under way, and is meant for trying out what `compress::reconstruct` gives, not as a pass.

#[path = "../tests/common/mod.rs"]
mod common;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use std::{fs, thread};

use common::{shared, shared_model};
use compress::reconstruct::{
    ClusterWork, Codes, Curvature, CurvatureOptions, CurvatureWork, FAIR_TRADE, Grid, IntegerGrid, Means,
    MomentsBuilder, Order, Pieces, PruneWork, RateOptions, RateWork, RefitWork, RoundWork, Scope,
    SparsityPattern, TargetWork, Zeros, corrected_biases, step_for_slope,
};
use engine::{Executor, Fusion, Plan};
use graph::{Conv2d, Graph, Moments, Node, Op, Shape, Value, ValueId, WeightValues, fold_batch_norms};
use pipeline::Classifier;
use vision::{Picture, View};

/// `key=value` arguments.
struct Options(BTreeMap<String, String>);

impl Options {
    fn number(&self, key: &str, otherwise: f64) -> f64 {
        self.0.get(key).map_or(otherwise, |value| value.parse().expect("a number"))
    }
}

/// Activations of all calibration photos, `nhwc`.
type Activations = Vec<Vec<f32>>;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let method = arguments.next().unwrap_or_else(|| "int4".to_owned());
    let pairs = arguments.filter_map(|pair| pair.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())));
    let options = Options(pairs.collect());
    let Some(graph) = shared_model("mobilenet_v2_1.0_224_float") else { return };
    let Some((photos, classes)) = photos(&graph) else { return };
    let n_calibration = options.number("photos", 64.0) as usize;
    // Labels are in order of class: every third photo or so calibrates.
    let stride = 200.0 / n_calibration as f64;
    let chosen: Vec<usize> = (0..n_calibration).map(|idx| (idx as f64 * stride) as usize).collect();
    let calibration: Activations = chosen.iter().map(|idx| photos[*idx].clone()).collect();
    let start = Instant::now();
    let float = fold_batch_norms(&graph).expect("a valid graph");
    let (compressed, bits) = compress(&float, &calibration, &method, &options);
    let seconds = start.elapsed().as_secs_f64();
    let n_judges = options.number("judges", 200.0) as usize;
    let held_out = (0..photos.len()).filter(|idx| !chosen.contains(idx));
    let held_out: Vec<usize> = held_out.take(n_judges).collect();
    let [before, after] = [&float, &compressed].map(|graph| probabilities(graph, &photos, &held_out));
    let first = |p: &Vec<f32>| (0..p.len()).max_by(|a, b| p[*a].total_cmp(&p[*b])).expect("classes");
    let agree = before.iter().zip(&after).filter(|(a, b)| first(a) == first(b)).count();
    let right = |all: &[Vec<f32>]| {
        all.iter().zip(&held_out).filter(|(p, idx)| first(p) == classes[**idx] + 1).count()
    };
    let divergence = |p: &Vec<f32>, q: &Vec<f32>| -> f64 {
        p.iter().zip(q).map(|(p, q)| f64::from(*p) * f64::from(p.max(1e-9) / q.max(1e-9)).ln()).sum()
    };
    let kl = before.iter().zip(&after).map(|(p, q)| divergence(p, q)).sum::<f64>() / before.len() as f64;
    let percent = |count: usize| 100.0 * count as f64 / held_out.len() as f64;
    println!(
        "{method} {:?}: top1 {:.1} -> {:.1}, agreement {:.1}, KL {kl:.4}, {:.0} kB by entropy, {seconds:.0} s, n {}",
        options.0,
        percent(right(&before)),
        percent(right(&after)),
        percent(agree),
        bits / 8e3,
        held_out.len()
    );
}

fn photos(graph: &Graph) -> Option<(Activations, Vec<usize>)> {
    let folder = shared().join("images/imagenet-200");
    let labels = fs::read_to_string(folder.join("labels.csv")).ok()?;
    let preprocessing = graph.metadata.preprocessing;
    let view = View::centre_crop(preprocessing.crop, preprocessing.resize_shorter);
    let mut preparer = Classifier::preparer(graph);
    let mut photo = |line: &str| {
        let mut fields = line.split(',');
        let rgba = image::open(folder.join(fields.next().expect("a file"))).expect("a photo").to_rgba8();
        let class: usize = fields.next().and_then(|class| class.parse().ok()).expect("a class");
        let picture = Picture::new(&rgba, rgba.width() as usize, rgba.height() as usize).expect("a picture");
        let mut tensor = vec![0.0; preparer.tensor_len()];
        preparer.prepare(&picture, &view, &mut tensor).expect("a tensor");
        (tensor, class)
    };
    Some(labels.lines().skip(1).map(&mut photo).unzip())
}

fn probabilities(graph: &Graph, photos: &[Vec<f32>], chosen: &[usize]) -> Vec<Vec<f32>> {
    let run = |part: &[usize]| -> Vec<Vec<f32>> {
        let mut classifier = Classifier::new(graph).expect("a plan");
        part.iter()
            .map(|idx| classifier.probabilities(&photos[*idx]).expect("a photo of its size").to_vec())
            .collect()
    };
    thread::scope(|scope| {
        let parts: Vec<_> =
            chosen.chunks(chosen.len().div_ceil(2)).map(|part| scope.spawn(move || run(part))).collect();
        parts.into_iter().flat_map(|part| part.join().expect("no panic")).collect()
    })
}

/// The compressed graph, and the entropy of its rounded weights in bits where the method counts it.
fn compress(float: &Graph, photos: &Activations, method: &str, options: &Options) -> (Graph, f64) {
    let mut graph = float.clone();
    let mut left = float.consumer_counts();
    let mut streams: [BTreeMap<ValueId, Activations>; 2] =
        std::array::from_fn(|_| BTreeMap::from([(float.input, photos.clone())]));
    let sparsities = sparsities(float, options);
    let mut bits = 0.0;
    for (idx, node) in float.nodes.iter().enumerate() {
        let input = node.inputs[0];
        let channels = float.value(input).shape.channels();
        if compress::is_prunable(&node.op) {
            let moments = moments(&streams, input, channels, options);
            let weight = node.op.weight().expect("a layer").to_f32().into_owned();
            let (values, layer_bits) = layer(&weight, &moments, method, options, sparsities[idx], channels);
            bits += layer_bits;
            let op = &mut graph.nodes[idx].op;
            if let Some(bias) = op.bias_mut() {
                let before = bias.clone().unwrap_or_else(|| vec![0.0; weight.len() / channels]);
                *bias = Some(corrected_biases(&weight, &values, &before, &moments).expect("finite"));
            }
            op.weight_mut().expect("a layer").values = WeightValues::F32(values);
        } else if let Op::Conv2d(conv) = &mut graph.nodes[idx].op
            && conv.is_depthwise()
            && options.number("depthwise", 0.0) > 0.0
        {
            let shape = float.value(input).shape;
            refit_depthwise(conv, shape, [&streams[0][&input], &streams[1][&input]], options);
        }
        let outputs = [float, &graph].map(|g| &g.nodes[idx]).into_iter().zip(&mut streams);
        for (node, stream) in outputs {
            let output = run_node(float, node, stream);
            stream.insert(node.output, output);
        }
        if let Op::Conv2d(conv) = &mut graph.nodes[idx].op
            && conv.is_depthwise()
        {
            // The mean of each channel of the output.
            let shift = |stream: &BTreeMap<ValueId, Activations>| -> Vec<f64> {
                let mut sums = vec![0.0; conv.groups];
                let mut n = 0;
                for pixel in stream[&node.output].iter().flat_map(|frame| frame.chunks(conv.groups)) {
                    n += 1;
                    sums.iter_mut().zip(pixel).for_each(|(sum, x)| *sum += f64::from(*x));
                }
                sums.iter().map(|sum| sum / n as f64).collect()
            };
            let [float, compressed] = [&streams[0], &streams[1]].map(shift);
            let shifts: Vec<f32> = float.iter().zip(compressed).map(|(f, c)| (f - c) as f32).collect();
            let bias = conv.bias.get_or_insert_with(|| vec![0.0; conv.groups]);
            bias.iter_mut().zip(&shifts).for_each(|(bias, shift)| *bias += shift);
            let outputs = streams[1].get_mut(&node.output).expect("just computed");
            for pixel in outputs.iter_mut().flat_map(|frame| frame.chunks_mut(conv.groups)) {
                pixel.iter_mut().zip(&shifts).for_each(|(x, shift)| *x += shift);
            }
        }
        if options.number("verbose", 0.0) > 0.0 {
            let pairs =
                || streams[0][&node.output].iter().flatten().zip(streams[1][&node.output].iter().flatten());
            let signal: f64 = pairs().map(|(f, _)| f64::from(*f).powi(2)).sum();
            let noise: f64 = pairs().map(|(f, c)| f64::from(f - c).powi(2)).sum();
            println!("{} {}: {:.1} dB", node.name, node.op.name(), 10.0 * (signal / noise).log10());
        }
        for input in &node.inputs {
            left[input.0] -= 1;
            if left[input.0] == 0 {
                streams.iter_mut().for_each(|stream| drop(stream.remove(input)));
            }
        }
    }
    (graph, bits)
}

fn run_node(graph: &Graph, node: &Node, stream: &BTreeMap<ValueId, Activations>) -> Activations {
    let inputs = &stream[&node.inputs[0]];
    let shape = graph.value(node.inputs[0]).shape;
    match &node.op {
        Op::Conv2d(_) | Op::Linear(_) => {
            let value = |id: ValueId| Value { quantization: None, ..graph.value(id).clone() };
            let mut alone = Graph {
                metadata: graph.metadata.clone(),
                values: vec![value(node.inputs[0]), value(node.output)],
                nodes: vec![Node { inputs: vec![ValueId(0)], output: ValueId(1), ..node.clone() }],
                input: ValueId(0),
                output: ValueId(1),
            };
            let out = alone.values[1].shape;
            if matches!(out, Shape::Image { .. }) {
                // Graphs end in a vector.
                let shape = Shape::Vector { length: out.channels() };
                alone.values.push(Value { name: "pool".to_owned(), shape, quantization: None });
                alone.nodes.push(Node {
                    name: "pool".to_owned(),
                    op: Op::GlobalAveragePool,
                    inputs: vec![ValueId(1)],
                    output: ValueId(2),
                });
                alone.output = ValueId(2);
            }
            let mut executor = Executor::new(Plan::new(&alone, Fusion::Observable).expect("a layer"));
            inputs
                .iter()
                .map(|input| {
                    let mut output = Vec::new();
                    let mut observe = |id, x: &[f32]| {
                        if id == ValueId(1) {
                            output = x.to_vec();
                        }
                    };
                    executor.run_observed(input, &mut observe).expect("an input of its size");
                    output
                })
                .collect()
        }
        Op::Clip(clip) => {
            inputs.iter().map(|input| input.iter().map(|x| x.clamp(clip.min, clip.max)).collect()).collect()
        }
        Op::Add => inputs
            .iter()
            .zip(&stream[&node.inputs[1]])
            .map(|(a, b)| a.iter().zip(b).map(|(a, b)| a + b).collect())
            .collect(),
        Op::GlobalAveragePool => inputs
            .iter()
            .map(|input| {
                let channels = shape.channels();
                let mut means = vec![0.0; channels];
                for pixel in input.chunks(channels) {
                    means.iter_mut().zip(pixel).for_each(|(mean, x)| *mean += x);
                }
                let n = (input.len() / channels) as f32;
                means.iter().map(|mean| mean / n).collect()
            })
            .collect(),
        Op::BatchNorm(_) | Op::Softmax => inputs.clone(),
    }
}

/// Moments of pixels at most `pixels` from each photo.
fn moments(
    streams: &[BTreeMap<ValueId, Activations>; 2],
    input: ValueId,
    channels: usize,
    options: &Options,
) -> Moments {
    let mut builder = MomentsBuilder::new(channels);
    let most = options.number("pixels", 784.0) as usize;
    for (float, compressed) in streams[0][&input].iter().zip(&streams[1][&input]) {
        let stride = (float.len() / channels).div_ceil(most);
        // An odd stride visits all columns.
        let stride = if stride > 1 { stride | 1 } else { 1 };
        let thin =
            |x: &[f32]| -> Vec<f32> { x.chunks(channels).step_by(stride).flatten().copied().collect() };
        builder.observe(&thin(compressed), &thin(float)).expect("finite inputs");
    }
    builder.finish()
}

fn curvature(moments: &Moments, ridge: f64, options: &Options) -> Arc<Curvature> {
    let means = if options.number("means", 0.0) > 0.0 { Means::Kept } else { Means::Removed };
    let order = if options.number("order", 0.0) > 0.0 { Order::DescendingVariance } else { Order::Natural };
    let work = CurvatureWork::new(moments, CurvatureOptions { ridge, means, order }).expect("finite moments");
    Arc::new(work.finish().expect("a ridge large enough"))
}

fn layer(
    weight: &[f32],
    moments: &Moments,
    method: &str,
    options: &Options,
    sparsity: f64,
    channels: usize,
) -> (Vec<f32>, f64) {
    let n_out = weight.len() / channels;
    let curvature = curvature(moments, options.number("ridge", 0.1), options);
    let is_classifier = n_out > 1000 && n_out < 1002;
    let target = if options.number("target", 1.0) == 0.0
        || (is_classifier && options.number("classifier_target", 1.0) == 0.0)
    {
        weight.to_vec()
    } else {
        let work = TargetWork::new(weight.to_vec(), moments, curvature.clone());
        work.and_then(Pieces::finish).expect("finite")
    };
    let round = |grid: Grid| {
        let work = RoundWork::new(target.clone(), curvature.clone(), grid, Zeros::Free);
        let rounded = work.and_then(Pieces::finish).expect("finite");
        assert!(matches!(rounded.codes, Codes::Integer { .. } | Codes::Clustered { .. }));
        (rounded.values, 0.0)
    };
    match method {
        "none" => (target, 0.0),
        "int4" => round(Grid::Integer(IntegerGrid { bits: 4, group_len: None })),
        "int4-groups" => round(Grid::Integer(IntegerGrid { bits: 4, group_len: Some(32) })),
        "cluster" => {
            let scope = if options.number("tensor", 0.0) > 0.0 { Scope::Tensor } else { Scope::Channel };
            let n_clusters = options.number("clusters", 16.0) as usize;
            let importance = match options.number("weighted", 1.0) > 0.0 {
                true => curvature.importance(),
                false => vec![1.0; channels],
            };
            let work = ClusterWork::new(target.clone(), importance, scope, n_clusters, Zeros::Free);
            round(Grid::Codebooks(work.and_then(Pieces::finish).expect("finite")))
        }
        "prune" => {
            let pattern = match options.number("block", 1.0) as usize {
                1 => SparsityPattern::Unstructured { sparsity },
                channels => SparsityPattern::Blocks { channels, sparsity },
            };
            let work = PruneWork::new(&target, curvature.clone(), pattern);
            let pruned = work.and_then(Pieces::finish).expect("finite");
            let n_steps = options.number("refit", 10.0) as usize;
            let work = RefitWork::new(pruned, target, curvature, n_steps);
            (work.and_then(Pieces::finish).expect("finite"), 0.0)
        }
        "rate" => {
            // The same loss of signal-to-noise in each layer costs the same, but for its size.
            let power: f64 = {
                let zeros = vec![0.0; weight.len()];
                curvature.errors(&target, &zeros).iter().sum::<f64>()
            };
            let exponent = options.number("exponent", 0.5);
            let slope = options.number("slope", 1e-2) * power / 1e5
                * (weight.len() as f64 / 1e5).powf(-1.0 + exponent);
            let step = step_for_slope(&curvature, slope as f32);
            let trade = options.number("trade", f64::from(FAIR_TRADE)) as f32;
            let rate = RateOptions { steps: vec![step], trade, n_passes: 2, zeros: Zeros::Free };
            let work = RateWork::new(target, curvature, rate);
            let rounded = work.and_then(Pieces::finish).expect("finite");
            (rounded.values, rounded.bits)
        }
        other => panic!("method {other}"),
    }
}

/// For each node, the share of weights to prune: small layers are spared, the whole comes to `sparsity`.
fn sparsities(graph: &Graph, options: &Options) -> Vec<f64> {
    let (sparsity, exponent) = (options.number("sparsity", 0.5), options.number("spare", 0.25));
    let len = |node: &Node| match compress::is_prunable(&node.op) {
        true => node.op.weight().map_or(0, graph::Weight::len) as f64,
        false => 0.0,
    };
    let all: f64 = graph.nodes.iter().map(len).sum();
    let share = |scale: f64, len: f64| (scale * (len / 1e5).powf(exponent)).min(0.9);
    let (mut low, mut high) = (0.0, 10.0);
    for _ in 0..60 {
        let scale = 0.5 * (low + high);
        let pruned: f64 = graph.nodes.iter().map(|node| len(node) * share(scale, len(node))).sum();
        if pruned < sparsity * all { low = scale } else { high = scale }
    }
    graph.nodes.iter().map(|node| share(low, len(node))).collect()
}

/// The taps that reproduce the float layer's output, each channel for itself.
fn refit_depthwise(conv: &mut Conv2d, shape: Shape, inputs: [&Activations; 2], options: &Options) {
    let Shape::Image { height, width, channels } = shape else { return };
    let [kernel_height, kernel_width] = conv.kernel();
    let k = kernel_height * kernel_width;
    let out_height = (height + conv.padding.top + conv.padding.bottom - kernel_height) / conv.stride[0] + 1;
    let out_width = (width + conv.padding.left + conv.padding.right - kernel_width) / conv.stride[1] + 1;
    let weight = conv.weight.to_f32().into_owned();
    let bias = conv.bias.clone().unwrap_or_else(|| vec![0.0; channels]);
    let (mut weights, mut biases) = (Vec::new(), Vec::new());
    let stride = ((out_height * out_width) as f64 / options.number("pixels", 784.0)).ceil() as usize | 1;
    for channel in 0..channels {
        let taps = |frame: &Vec<f32>| -> Vec<f32> {
            let mut rows = Vec::new();
            for place in (0..out_height * out_width).step_by(stride) {
                let (y, x) = (place / out_width * conv.stride[0], place % out_width * conv.stride[1]);
                for tap in 0..k {
                    let (y, x) = (y + tap / kernel_width, x + tap % kernel_width);
                    let inside = (conv.padding.top..conv.padding.top + height).contains(&y)
                        && (conv.padding.left..conv.padding.left + width).contains(&x);
                    rows.push(match inside {
                        true => {
                            frame[((y - conv.padding.top) * width + x - conv.padding.left) * channels
                                + channel]
                        }
                        false => 0.0,
                    });
                }
            }
            rows
        };
        let mut builder = MomentsBuilder::new(k);
        for (float, compressed) in inputs[0].iter().zip(inputs[1]) {
            builder.observe(&taps(compressed), &taps(float)).expect("finite inputs");
        }
        let moments = builder.finish();
        let curvature = curvature(&moments, options.number("depthwise", 0.1), options);
        let weight = &weight[channel * k..(channel + 1) * k];
        let work = TargetWork::new(weight.to_vec(), &moments, curvature).and_then(Pieces::finish);
        let target = work.expect("finite");
        let bias = [bias[channel]];
        biases.extend(corrected_biases(weight, &target, &bias, &moments).expect("finite"));
        weights.extend(target);
    }
    conv.weight.values = WeightValues::F32(weights);
    conv.bias = Some(biases);
}
