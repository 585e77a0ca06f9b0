//! Plans of weights in reduced storage against plans of the numbers that they stand for: the same bits, fewer bytes.

use graph::{ClusteredWeights, Groups};

use super::*;

/// `n` codes or levels that look random.
fn numbers_below(n: usize, seed: u64, bound: usize) -> Vec<usize> {
    Numbers(seed).vector(n, 1.0).iter().map(|x| ((x + 1.0) / 2.0 * bound as f32) as usize % bound).collect()
}

/// Levels of few bits with a scale for each channel, in groups where `group` says so.
fn integer(weight: &Weight, bits: u8, group: Option<usize>, seed: u64) -> WeightValues {
    let (n, out, channel_len) = (weight.len(), weight.out_channels(), weight.channel_len());
    let (min, max) = IntegerWeights::level_range(bits);
    let steps = (i16::from(max) - i16::from(min) + 1) as usize;
    let levels = numbers_below(n, seed, steps).iter().map(|x| (*x as i16 + i16::from(min)) as i8).collect();
    let largest = 127 / usize::from(min.unsigned_abs());
    let groups = group.map(|len| {
        let multipliers = numbers_below(out * channel_len.div_ceil(len), seed + 1, largest);
        Groups { len, multipliers: multipliers.into_iter().map(|m| m as u8 + 1).collect() }
    });
    let scales = (0..out).map(|i| 0.3 / (channel_len as f32) / (1.0 + i as f32 % 3.0)).collect();
    WeightValues::Integer(IntegerWeights { bits, levels, scales, groups })
}

fn clustered(weight: &Weight, n_clusters: usize, is_shared: bool, seed: u64) -> WeightValues {
    let books = if is_shared { 1 } else { weight.out_channels() };
    let codes = numbers_below(weight.len(), seed, n_clusters).into_iter().map(|code| code as u8).collect();
    let codebooks = Numbers(seed + 1).vector(books * n_clusters, 2.0 / weight.channel_len() as f32);
    WeightValues::Clustered(ClusteredWeights { codes, codebooks, n_clusters })
}

type Form = (&'static str, fn(&Weight) -> WeightValues);

const FORMS: [Form; 11] = [
    ("f16", |w| WeightValues::F16(w.to_f32().iter().map(|x| half::f16::from_f32(*x)).collect())),
    ("bf16", |w| WeightValues::Bf16(w.to_f32().iter().map(|x| half::bf16::from_f32(*x)).collect())),
    ("16 clusters per channel", |w| clustered(w, 16, false, 3)),
    ("3 clusters", |w| clustered(w, 3, true, 4)),
    ("32 clusters per channel", |w| clustered(w, 32, false, 5)),
    ("256 clusters", |w| clustered(w, 256, true, 6)),
    ("int8", |w| integer(w, 8, None, 7)),
    ("int4", |w| integer(w, 4, None, 8)),
    ("int2", |w| integer(w, 2, None, 9)),
    ("int4 in groups of 8", |w| integer(w, 4, Some(8), 10)),
    ("int4 in groups of 5", |w| integer(w, 4, Some(5), 11)),
];

fn with_form(graph: &Graph, form: fn(&Weight) -> WeightValues) -> Graph {
    let mut graph = graph.clone();
    for weight in graph.weights_mut() {
        weight.values = form(weight);
    }
    graph.validate().unwrap();
    graph
}

/// The same numbers as floats.
fn expanded(graph: &Graph) -> Graph {
    with_form(graph, |weight| WeightValues::F32(weight.to_f32().into_owned()))
}

fn run(graph: &Graph, input: &[f32]) -> Vec<f32> {
    Executor::new(Plan::new(graph, Fusion::Full).unwrap()).run(input).unwrap().to_vec()
}

#[test]
fn reduced_weights_give_the_bits_of_their_floats() {
    for (seed, side) in [(6, 9), (7, 16)] {
        let input = Numbers(seed + 99).vector(side * side * 3, 1.0);
        let graph = fold_batch_norms(&network(seed, side)).unwrap();
        for (name, form) in FORMS {
            let graph = with_form(&graph, form);
            assert_eq!(run(&graph, &input), run(&expanded(&graph), &input), "{name}");
        }
    }
}

#[test]
fn few_bits_run_on_integers() {
    let input = Numbers(5).vector(16 * 16 * 3, 1.0);
    let graph = quantized(8, 16, &input);
    let int8 = Plan::new(&graph, Fusion::Full).unwrap().integer_steps();
    for (name, form) in FORMS.into_iter().filter(|(name, _)| name.starts_with("int")) {
        let graph = with_form(&graph, form);
        let effective = with_form(&graph, |weight| {
            let WeightValues::Integer(weights) = &weight.values else { panic!("{weight:?}") };
            let levels = weights.effective_levels(weight.channel_len()).into_owned();
            WeightValues::Integer(IntegerWeights::int8(levels, weights.scales.clone()))
        });
        assert_eq!(Plan::new(&graph, Fusion::Full).unwrap().integer_steps(), int8, "{name}");
        assert_eq!(run(&graph, &input), run(&effective, &input), "{name}");
    }
}

/// Two wide pointwise layers and a classifier, where biases and codebooks are few.
fn wide() -> Graph {
    let n = &mut Numbers(2);
    let metadata = network(1, 9).metadata;
    let (mut b, x) = GraphBuilder::new(metadata, 5, 5).unwrap();
    let x = b.add("stem", conv(n, [256, 3, 1], 1, 1, Padding::default()), &[x]).unwrap();
    let x = b.add("wide", conv(n, [512, 256, 1], 1, 1, Padding::default()), &[x]).unwrap();
    let x = b.add("pool", Op::GlobalAveragePool, &[x]).unwrap();
    let weight = Weight::f32(vec![200, 512], n.vector(200 * 512, 0.1));
    let x = b.add("classifier", Op::Linear(Linear { weight, bias: None }), &[x]).unwrap();
    b.finish(x).unwrap()
}

#[test]
fn a_plan_holds_no_second_copy_of_the_weights() {
    let graph = wide();
    let input = Numbers(3).vector(75, 1.0);
    let bytes = |graph: &Graph| Plan::new(graph, Fusion::Full).unwrap().weight_bytes() as f64;
    let full = bytes(&graph);
    for ((name, form), expected) in
        FORMS.into_iter().zip([0.5, 0.5, 0.125, 0.125, 0.25, 0.25, 0.25, 0.125, 0.0625, 0.16, 0.25])
    {
        let graph = with_form(&graph, form);
        // Codebooks per channel are the most that comes on top: 32 floats for 256 weights are an eighth.
        let slack = if name.ends_with("per channel") { 0.13 } else { 0.015 };
        let share = bytes(&graph) / full;
        assert!(share >= expected && share <= expected + slack, "{name}: {share}");
        assert_eq!(run(&graph, &input), run(&expanded(&graph), &input), "{name}");
    }
}

#[test]
fn sparse_layers_run_in_any_form() {
    let mut graph = wide();
    for weight in graph.weights_mut().skip(1).take(1) {
        let WeightValues::F32(values) = &mut weight.values else { panic!("{weight:?}") };
        values.iter_mut().enumerate().filter(|(i, _)| i % 5 != 0).for_each(|(_, w)| *w = 0.0);
    }
    let input = Numbers(3).vector(75, 1.0);
    for (name, form) in &FORMS[..2] {
        let graph = with_form(&graph, *form);
        let plan = Plan::new(&graph, Fusion::Full).unwrap();
        assert!(plan.layers().any(|layer| layer.kernel == "sparse pointwise"), "{name}");
        assert_eq!(run(&graph, &input), run(&expanded(&graph), &input), "{name}");
    }
}
