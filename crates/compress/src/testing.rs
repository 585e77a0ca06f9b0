//! Networks for the tests of rewrites, and what they compute.

use engine::{Executor, Fusion, Plan};
use graph::{
    Clip, Conv2d, Evidence, Graph, GraphBuilder, LabelSet, Linear, Metadata, Node, Op, Padding,
    Preprocessing, ValueId, Weight,
};

/// Side of the networks' pictures.
pub(crate) const SIDE: usize = 12;

/// Numbers in -1..1 that look random and are the same everywhere (xorshift).
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    }

    pub(crate) fn vector(&mut self, len: usize, scale: f32) -> Vec<f32> {
        (0..len).map(|_| self.next() * scale).collect()
    }
}

/// A convolution whose channels' weights differ by up to three powers of ten.
pub(crate) fn conv(numbers: &mut Numbers, [o, i, k]: [usize; 3], groups: usize, pad: usize) -> Op {
    let scale = 2.0 / ((i * k * k) as f32).sqrt();
    let channel = |numbers: &mut Numbers| {
        let gain = 10.0_f32.powf(1.5 * numbers.next() - 0.5);
        numbers.vector(i * k * k, gain * scale)
    };
    let weights: Vec<f32> = (0..o).flat_map(|_| channel(numbers)).collect();
    Op::Conv2d(Conv2d {
        weight: Weight::f32(vec![o, i, k, k], weights),
        bias: Some(numbers.vector(o, 0.5)),
        stride: [1, 1],
        padding: Padding::symmetric(pad),
        groups,
    })
}

pub(crate) fn metadata() -> Metadata {
    Metadata {
        name: "test".to_owned(),
        origin: String::new(),
        licence: String::new(),
        labels: LabelSet::Numbers,
        background_class: false,
        preprocessing: Preprocessing::usual(SIDE, Preprocessing::MINUS_ONE_TO_ONE),
    }
}

/// stem, an inverted bottleneck with a residual, another without one, a last convolution, pooling and classes.
pub(crate) fn network(seed: u64) -> Graph {
    let n = &mut Numbers::new(seed);
    let relu6 = || Op::Clip(Clip::RELU6);
    let (mut b, x) = GraphBuilder::new(metadata(), SIDE, SIDE).unwrap();
    let x = b.add("stem", conv(n, [16, 3, 3], 1, 1), &[x]).unwrap();
    let skip = b.add("stem/relu6", relu6(), &[x]).unwrap();
    let x = b.add("expand", conv(n, [40, 16, 1], 1, 0), &[skip]).unwrap();
    let x = b.add("expand/relu6", relu6(), &[x]).unwrap();
    let x = b.add("depthwise", conv(n, [40, 1, 3], 40, 1), &[x]).unwrap();
    let x = b.add("depthwise/relu", Op::Clip(Clip::RELU), &[x]).unwrap();
    let x = b.add("project", conv(n, [16, 40, 1], 1, 0), &[x]).unwrap();
    let x = b.add("add", Op::Add, &[x, skip]).unwrap();
    let x = b.add("expand2", conv(n, [48, 16, 1], 1, 0), &[x]).unwrap();
    let x = b.add("expand2/relu6", relu6(), &[x]).unwrap();
    let x = b.add("depthwise2", conv(n, [48, 1, 3], 48, 0), &[x]).unwrap();
    let x = b.add("depthwise2/relu6", relu6(), &[x]).unwrap();
    let x = b.add("project2", conv(n, [12, 48, 1], 1, 0), &[x]).unwrap();
    let x = b.add("last", conv(n, [32, 12, 1], 1, 0), &[x]).unwrap();
    let x = b.add("last/relu6", relu6(), &[x]).unwrap();
    let x = b.add("pool", Op::GlobalAveragePool, &[x]).unwrap();
    let linear =
        Linear { weight: Weight::f32(vec![10, 32], n.vector(320, 0.3)), bias: Some(n.vector(10, 0.3)) };
    let x = b.add("classes", Op::Linear(linear), &[x]).unwrap();
    b.finish(x).unwrap()
}

pub(crate) fn frames(seed: u64, n: usize) -> Vec<Vec<f32>> {
    let numbers = &mut Numbers::new(seed);
    (0..n).map(|_| numbers.vector(SIDE * SIDE * 3, 1.0)).collect()
}

pub(crate) fn node_mut<'g>(graph: &'g mut Graph, name: &str) -> &'g mut Node {
    graph.nodes.iter_mut().find(|node| node.name == name).unwrap_or_else(|| panic!("no node {name}"))
}

pub(crate) fn node<'g>(graph: &'g Graph, name: &str) -> &'g Node {
    graph.nodes.iter().find(|node| node.name == name).unwrap_or_else(|| panic!("no node {name}"))
}

/// What was seen on frames.
pub(crate) fn observe(graph: &Graph, frames: &[Vec<f32>], fusion: Fusion) -> Evidence {
    let mut executor = Executor::new(Plan::new(graph, fusion).unwrap());
    let mut evidence = Evidence::default();
    for frame in frames {
        executor
            .run_observed(frame, &mut |value: ValueId, activations: &[f32]| {
                evidence.observe(value, activations, graph.value(value).shape.channels());
            })
            .unwrap();
        evidence.end_frame();
    }
    evidence
}

/// The outputs of all frames.
pub(crate) fn run(graph: &Graph, frames: &[Vec<f32>]) -> Vec<f32> {
    let mut executor = Executor::new(Plan::new(graph, Fusion::Full).unwrap());
    frames.iter().flat_map(|frame| executor.run(frame).unwrap().to_vec()).collect()
}

/// The largest difference, as a share of the largest magnitude.
pub(crate) fn difference(actual: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(actual.len(), expected.len());
    let largest = expected.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
    let differences = actual.iter().zip(expected).map(|(a, e)| if a == e { 0.0 } else { (a - e).abs() });
    differences.fold(
        0.0,
        |worst, difference| if difference > worst || difference.is_nan() { difference } else { worst },
    ) / largest
}

#[test]
fn differences_are_found() {
    assert_eq!(difference(&[1.0, 2.0], &[1.0, 4.0]), 0.5);
    assert!(difference(&[f32::NAN, 4.0], &[1.0, 4.0]).is_nan());
    let (graph, frames) = (network(1), frames(1, 2));
    let mut other = graph.clone();
    crate::layers::bias_mut(&mut node_mut(&mut other, "expand2").op)[3] += 1.0;
    assert!(difference(&run(&other, &frames), &run(&graph, &frames)) > 1e-3);
}
