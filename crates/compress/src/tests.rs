//! Passes over a small network.

use graph::{
    Clip, Conv2d, Evidence, Graph, GraphBuilder, IntegerWeights, LabelSet, Linear, Metadata, Op, Padding,
    Preprocessing, Range, ValueId, Weight, WeightValues,
};

use std::collections::BTreeMap;

use crate::{
    CompressError, Distribution, Granularity, RangeMethod, Structure, activation_quantization,
    layer_sparsities, prune_magnitude, quantize_activations, quantize_weights, to_bfloat16, to_float16,
};

/// stem 3x3 (left alone by pruning) -> ReLU6 -> 1x1 -> pool -> linear -> softmax.
fn small() -> Graph {
    let metadata = Metadata {
        name: "small".to_owned(),
        origin: String::new(),
        licence: String::new(),
        labels: LabelSet::Numbers,
        background_class: false,
        preprocessing: Preprocessing::usual(4, Preprocessing::MINUS_ONE_TO_ONE),
    };
    let ramp = |n: usize| (0..n).map(|i| ((i * 37 % 101) as f32 - 50.0) / 64.0).collect::<Vec<_>>();
    let conv = |shape: Vec<usize>, pad| {
        let weight = Weight::f32(shape.clone(), ramp(shape.iter().product()));
        let padding = Padding::symmetric(pad);
        Op::Conv2d(Conv2d { weight, bias: Some(vec![0.1; shape[0]]), stride: [1, 1], padding, groups: 1 })
    };
    let (mut builder, x) = GraphBuilder::new(metadata, 4, 4).unwrap();
    let x = builder.add("stem", conv(vec![4, 3, 3, 3], 1), &[x]).unwrap();
    let x = builder.add("relu", Op::Clip(Clip::RELU6), &[x]).unwrap();
    let x = builder.add("pointwise", conv(vec![8, 4, 1, 1], 0), &[x]).unwrap();
    let x = builder.add("pool", Op::GlobalAveragePool, &[x]).unwrap();
    let linear = Linear { weight: Weight::f32(vec![5, 8], ramp(40)), bias: None };
    let x = builder.add("classifier", Op::Linear(linear), &[x]).unwrap();
    let x = builder.add("softmax", Op::Softmax, &[x]).unwrap();
    builder.finish(x).unwrap()
}

fn prune(graph: &Graph, sparsity: f64) -> Result<Graph, CompressError> {
    let (layers, evidence) = (BTreeMap::new(), Evidence::default());
    prune_magnitude(graph, sparsity, Structure::Unstructured, Distribution::Global, &layers, &evidence)
}

fn prunable(graph: &Graph) -> Vec<f32> {
    graph.weights().skip(1).flat_map(|weight| weight.to_f32().into_owned()).collect()
}

#[test]
fn measured_shares_take_what_never_varies_first() {
    let graph = small();
    let measured = |sparsity, evidence: &Evidence| {
        let layers = BTreeMap::new();
        layer_sparsities(&graph, sparsity, Structure::Unstructured, Distribution::Measured, &layers, evidence)
    };
    let node = |name: &str| graph.nodes.iter().position(|node| node.name == name).unwrap();
    let (pointwise, classifier) = (node("pointwise"), node("classifier"));
    assert!(matches!(measured(0.5, &Evidence::default()), Err(CompressError::NoEvidence(_))));
    // The pointwise layer's first input is constant; how small the others are does not count, as all its outputs shrink
    // alike.
    let observed = |scale: f32| {
        let mut evidence = Evidence::default();
        for frame in [[0.0, 1.0, 5.0, 2.0, 4.0, 3.0, 7.0, 6.0], [3.0, 4.0, 1.0, 6.0, 0.0, 7.0, 2.0, 5.0]] {
            let small: Vec<f32> = frame[..4].iter().map(|x| x * scale).collect();
            evidence.observe(graph.nodes[pointwise].inputs[0], &[0.5, small[1], small[2], small[3]], 4);
            evidence.observe(graph.nodes[classifier].inputs[0], &frame, 8);
            evidence.end_frame();
        }
        evidence
    };
    let counts = measured(8.0 / 72.0, &observed(1.0)).unwrap();
    assert_eq!((counts[pointwise], counts[classifier]), (Some(8), Some(0)));
    assert_eq!(counts.iter().flatten().count(), 2);
    let counts = measured(0.5, &observed(1.0)).unwrap();
    assert_eq!(counts.iter().flatten().sum::<usize>(), 36);
    assert_eq!(counts, measured(0.5, &observed(0.25)).unwrap());
}

#[test]
fn pruning_zeroes_exactly_the_smallest() {
    let graph = small();
    for sparsity in [0.0, 0.01, 0.25, 0.5, 0.9] {
        let pruned = prune(&graph, sparsity).unwrap();
        assert_eq!(pruned.weights().next(), graph.weights().next(), "the first convolution is left alone");
        let (before, after) = (prunable(&graph), prunable(&pruned));
        let already = before.iter().filter(|value| **value == 0.0).count();
        let zeros = after.iter().filter(|value| **value == 0.0).count();
        assert_eq!(zeros, ((sparsity * before.len() as f64).round() as usize).max(already));
        let largest_gone = before
            .iter()
            .zip(&after)
            .filter(|(_, after)| **after == 0.0)
            .map(|(before, _)| before.abs())
            .fold(0.0, f32::max);
        assert!(after.iter().filter(|value| **value != 0.0).all(|value| value.abs() >= largest_gone));
        assert!(before.iter().zip(&after).all(|(before, after)| after == before || *after == 0.0));
    }
    assert_eq!(prune(&graph, 1.0), Err(CompressError::Sparsity(1.0)));
}

#[test]
fn equal_magnitudes_still_give_the_exact_count() {
    let mut graph = small();
    for weight in graph.weights_mut() {
        weight.values = WeightValues::F32(vec![-0.5; weight.len()]);
    }
    let pruned = prune(&graph, 0.5).unwrap();
    assert_eq!(prunable(&pruned).iter().filter(|value| **value == 0.0).count(), 36);
}

#[test]
fn half_precision_rounds_and_saturates() {
    let mut graph = small();
    if let Some(WeightValues::F32(values)) = graph.weights_mut().next().map(|weight| &mut weight.values) {
        values[..3].copy_from_slice(&[1e6, -1e6, 1.0 + 1.0 / 4096.0]);
    }
    let brain = to_bfloat16(&graph).unwrap();
    let first = brain.weights().next().unwrap();
    assert!(matches!(first.values, WeightValues::Bf16(_)));
    assert_eq!(first.to_f32()[1..3], [-999_424.0, 1.0]);
    let halved = to_float16(&graph).unwrap();
    let first = halved.weights().next().unwrap();
    assert!(matches!(first.values, WeightValues::F16(_)));
    assert_eq!(first.to_f32()[..3], [65504.0, -65504.0, 1.0]);
    if let Some(WeightValues::F32(values)) = graph.weights_mut().next().map(|weight| &mut weight.values) {
        values[0] = f32::NAN;
    }
    assert_eq!(to_float16(&graph), Err(CompressError::NotFinite("stem".to_owned())));
}

fn quantize_int8(graph: &Graph, evidence: &Evidence) -> Result<Graph, CompressError> {
    let graph = quantize_activations(graph, evidence, RangeMethod::MinMax)?;
    quantize_weights(&graph, 8, Granularity::PerChannel, &BTreeMap::new())
}

fn evidence(graph: &Graph) -> Evidence {
    let mut evidence = Evidence::default();
    for idx in 0..graph.values.len() {
        let channels = graph.values[idx].shape.channels();
        evidence.observe(ValueId(idx), &[vec![-1.0; channels], vec![3.0; channels]].concat(), channels);
    }
    evidence.end_frame();
    evidence
}

#[test]
fn int8_weights_are_within_half_a_step_and_keep_zeros() {
    let graph = prune(&small(), 0.5).unwrap();
    let quantized = quantize_int8(&graph, &evidence(&graph)).unwrap();
    assert!(quantized.sparsity() >= graph.sparsity());
    for (before, after) in graph.weights().zip(quantized.weights()) {
        let WeightValues::Integer(IntegerWeights { levels, scales, .. }) = &after.values else {
            panic!("{after:?}")
        };
        assert_eq!(scales.len(), before.out_channels());
        assert!(levels.iter().all(|level| *level != i8::MIN));
        let channel_len = before.channel_len();
        for (i, (real, back)) in before.to_f32().iter().zip(after.to_f32().iter()).enumerate() {
            assert!((real - back).abs() <= 0.5001 * scales[i / channel_len], "{real} {back}");
            assert!(*real != 0.0 || *back == 0.0);
        }
    }
}

#[test]
fn int8_leaves_logits_real_and_wants_evidence_for_the_rest() {
    let graph = small();
    let quantized = quantize_int8(&graph, &evidence(&graph)).unwrap();
    let is_quantized =
        |name: &str| quantized.values.iter().any(|value| value.name == name && value.quantization.is_some());
    for name in ["input", "relu", "pointwise", "pool"] {
        assert!(is_quantized(name), "{name}");
    }
    for name in ["classifier", "softmax"] {
        assert!(!is_quantized(name), "{name}");
    }
    let error = quantize_int8(&graph, &Evidence::default()).unwrap_err();
    assert_eq!(error, CompressError::NoEvidence("input".to_owned()));
}

#[test]
fn grids_hold_zero_exactly_and_cover_the_range() {
    for (min, max) in
        [(0.0, 6.0), (-1.0, 1.0), (2.0, 3.0), (-5.0, -4.0), (-0.3, 17.0), (0.0, 0.0), (-1e-30, 1e30)]
    {
        let grid = activation_quantization(Range { min, max }).unwrap();
        let real = |q: i32| f64::from(grid.scale) * f64::from(q - i32::from(grid.zero_point));
        let step = f64::from(grid.scale);
        assert!(real(-128) <= f64::from(min.min(0.0)) + step * 0.51, "{min} {max} {grid:?}");
        assert!(real(127) >= f64::from(max.max(0.0)) - step * 0.51, "{min} {max} {grid:?}");
    }
    assert_eq!(activation_quantization(Range { min: 0.0, max: 6.0 }).unwrap().zero_point, -128);
    assert_eq!(activation_quantization(Range { min: f32::NEG_INFINITY, max: 6.0 }), None);
}

#[test]
fn a_nearly_dead_channel_keeps_a_bias_that_fits() {
    let mut graph = small();
    if let Some(WeightValues::F32(values)) = graph.weights_mut().next().map(|weight| &mut weight.values) {
        values[..27].fill(1e-12);
    }
    let quantized = quantize_int8(&graph, &evidence(&graph)).unwrap();
    let input_scale = quantized.values[0].quantization.unwrap().scale;
    let WeightValues::Integer(IntegerWeights { scales, .. }) = &quantized.weights().next().unwrap().values
    else {
        panic!()
    };
    assert!((0.1 / (input_scale * scales[0])).abs() < i32::MAX as f32 / 2.0, "{}", scales[0]);
}

#[test]
fn activations_may_follow_weights() {
    let mut graph = small();
    if let Some(WeightValues::F32(values)) = graph.weights_mut().next().map(|weight| &mut weight.values) {
        values[..27].fill(1e-12);
    }
    let evidence = evidence(&graph);
    let weights = quantize_weights(&graph, 8, Granularity::PerChannel, &BTreeMap::new()).unwrap();
    let both = quantize_activations(&weights, &evidence, RangeMethod::MinMax).unwrap();
    let scale = |graph: &Graph| match &graph.weights().next().unwrap().values {
        WeightValues::Integer(integer) => integer.scales[0],
        other => panic!("{other:?}"),
    };
    // The dead channel's bias would not fit beside its tiny scale.
    assert!(scale(&both) > 1e3 * scale(&weights));
    assert_eq!(scale(&both), scale(&quantize_int8(&graph, &evidence).unwrap()));
}

#[test]
fn single_layers_may_have_other_bits() {
    let graph = small();
    let bits = |layers: &[(&str, u8)]| {
        let layers = layers.iter().map(|(name, bits)| ((*name).to_owned(), *bits)).collect();
        quantize_weights(&graph, 4, Granularity::PerChannel, &layers)
    };
    let quantized = bits(&[("classifier", 2)]).unwrap();
    let stored: Vec<u32> = quantized.weights().map(Weight::stored_bits).collect();
    assert_eq!(stored, [8, 4, 2], "the first convolution holds few weights and keeps eight bits");
    assert_eq!(bits(&[("clasifier", 2)]), Err(CompressError::UnknownLayer("clasifier".to_owned())));
}
