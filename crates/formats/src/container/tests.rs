use graph::{
    ActivationQuantization, BatchNorm, Clip, Conv2d, GraphBuilder, GraphError, IntegerWeights, LabelSet,
    Linear, Metadata, Op, Padding, Preprocessing, Shape, UpperBound,
};
use half::f16;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::limits::MAX_HEADER;

mod coded;
mod forms;

fn metadata() -> Metadata {
    let mut preprocessing = Preprocessing::usual(8, Preprocessing::IMAGENET);
    preprocessing.assumed = true;
    Metadata {
        name: "tiny \"quoted\" ü".to_owned(),
        origin: "test".to_owned(),
        licence: String::new(),
        labels: LabelSet::ImageNet,
        background_class: true,
        preprocessing,
    }
}

/// Some value for each weight; every third is zero.
fn ramp(n: usize) -> Vec<f32> {
    (0..n).map(|idx| if idx % 3 == 0 { 0.0 } else { (idx as f32 - 7.3) * 0.37 }).collect()
}

/// A graph with every operator and every number format; odd sizes, so that masks have unused bits.
fn graph() -> Graph {
    let (mut builder, input) = GraphBuilder::new(metadata(), 8, 8).unwrap();
    let conv = |weight, stride, groups, bias| {
        let padding = Padding { top: 0, left: 1, bottom: 1, right: 2 };
        Op::Conv2d(Conv2d { weight, bias, stride, padding, groups })
    };
    let weight = Weight::f32(vec![7, 3, 3, 3], ramp(189));
    let x = builder.add("stem", conv(weight, [2, 1], 1, None), &[input]).unwrap();
    let norm = BatchNorm {
        gamma: vec![0.1; 7],
        beta: vec![f32::MIN_POSITIVE; 7],
        mean: vec![f32::NEG_INFINITY; 7],
        variance: vec![0.0; 7],
        epsilon: 1.0e-3,
    };
    let x = builder.add("stem/norm", Op::BatchNorm(norm), &[x]).unwrap();
    let x = builder.add("relu", Op::Clip(Clip::RELU), &[x]).unwrap();
    let values = WeightValues::F16(ramp(7 * 25).into_iter().map(f16::from_f32).collect());
    let weight = Weight { shape: vec![7, 1, 5, 5], values };
    let y = builder.add("depthwise", conv(weight, [1, 1], 7, Some(vec![0.3; 7])), &[x]).unwrap();
    let levels = ramp(49 * 5).iter().map(|&x| x as i8).collect();
    let values = WeightValues::Integer(IntegerWeights::int8(levels, vec![0.1; 35]));
    let linear = Linear { weight: Weight { shape: vec![35, 7], values }, bias: Some(vec![-0.0; 35]) };
    let sum = builder.add("sum", Op::Add, &[y, y]).unwrap();
    let x = builder.add("pool", Op::GlobalAveragePool, &[sum]).unwrap();
    let x = builder.add("fc", Op::Linear(linear), &[x]).unwrap();
    let x = builder
        .add("clip", Op::Clip(Clip { min: f32::NEG_INFINITY, max: UpperBound::Uniform(0.1) }), &[x])
        .unwrap();
    let x = builder.add("probabilities", Op::Softmax, &[x]).unwrap();
    let mut graph = builder.finish(x).unwrap();
    graph.values[0].quantization = Some(ActivationQuantization { scale: 1.0 / 127.5, zero_point: -128 });
    graph.values[4].quantization = Some(ActivationQuantization { scale: 1.0e-38, zero_point: 127 });
    graph
}

fn header_of(bytes: &[u8]) -> (Json, &[u8]) {
    let header_len = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    (serde_json::from_slice(&bytes[8..8 + header_len]).unwrap(), &bytes[8 + header_len..])
}

fn file_of(header: &Json, data: &[u8]) -> Vec<u8> {
    let header = serde_json::to_vec(header).unwrap();
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header);
    bytes.extend(data);
    bytes
}

/// The file with its header's JSON, the graph's JSON and its data changed.
fn edited(bytes: &[u8], edit: impl FnOnce(&mut Json, &mut Json, &mut Vec<u8>)) -> Vec<u8> {
    let (mut header, data) = header_of(bytes);
    let mut data = data.to_vec();
    let mut graph = serde_json::from_str(header["__metadata__"]["graph"].as_str().unwrap()).unwrap();
    let before: Json = Json::clone(&graph);
    edit(&mut header, &mut graph, &mut data);
    if graph != before {
        header["__metadata__"]["graph"] = Json::String(graph.to_string());
    }
    file_of(&header, &data)
}

fn range_of(bytes: &[u8], tensor: &str) -> std::ops::Range<usize> {
    let (header, _) = header_of(bytes);
    let offset = |idx| header[tensor]["data_offsets"][idx].as_u64().unwrap() as usize;
    offset(0)..offset(1)
}

fn message(bytes: &[u8]) -> String {
    read(bytes).unwrap_err().to_string()
}

#[test]
fn what_is_written_is_read_back_equal() {
    let graph = graph();
    for storage in [Coding::Dense, Coding::Sparse, Coding::Entropy] {
        let bytes = write(&graph, storage);
        assert_eq!(bytes, write(&graph, storage));
        assert_eq!(read(&bytes).unwrap(), graph);
        assert_eq!(read(&gzip(&bytes)).unwrap(), graph);
        safetensors::SafeTensors::deserialize(&bytes).unwrap();
    }
}

#[test]
fn joins_and_pools_are_read_back_equal() {
    for graph in [false, true].map(crate::testing::fire) {
        for storage in [Coding::Dense, Coding::Sparse, Coding::Entropy] {
            assert_eq!(read(&write(&graph, storage)).unwrap(), graph);
        }
    }
}

#[test]
fn dense_bits_survive_and_sparse_forgets_the_sign_of_zero() {
    let mut graph = graph();
    let Op::Conv2d(conv) = &mut graph.nodes[0].op else { panic!("{:?}", graph.nodes[0]) };
    let mut values = vec![0.0_f32; 189];
    values[0] = -0.0;
    values[1] = f32::from_bits(1);
    values[188] = f32::NAN;
    conv.weight = Weight::f32(vec![7, 3, 3, 3], values);
    let bits = |graph: &Graph| -> Vec<u32> {
        graph.weights().next().unwrap().to_f32().iter().map(|x| x.to_bits()).collect()
    };
    let expected = bits(&graph);
    assert_eq!(bits(&read(&write(&graph, Coding::Dense)).unwrap()), expected);
    let sparse = bits(&read(&write(&graph, Coding::Sparse)).unwrap());
    assert_eq!((sparse[0], &sparse[1..]), (0, &expected[1..]));
}

#[test]
fn sparse_is_used_where_it_is_smaller_only() {
    let mut graph = graph();
    for (weight, keep_every) in graph.weights_mut().zip([20, 1, 20]) {
        match &mut weight.values {
            WeightValues::F32(values) => {
                values
                    .iter_mut()
                    .enumerate()
                    .filter(|(idx, _)| idx % keep_every != 0)
                    .for_each(|(_, x)| *x = 0.0);
            }
            WeightValues::F16(values) => values.fill(f16::ONE),
            WeightValues::Integer(weights) => weights.levels.fill(0),
            WeightValues::Bf16(_) | WeightValues::Clustered(_) => unreachable!("not in the graph"),
        }
    }
    let (dense, sparse) = (write(&graph, Coding::Dense), write(&graph, Coding::Sparse));
    assert!(sparse.len() < dense.len(), "{} {}", sparse.len(), dense.len());
    let (header, _) = header_of(&sparse);
    assert!(header.get("stem.weight").is_none() && header.get("stem.weight.mask").is_some());
    assert!(header.get("depthwise.weight").is_some() && header.get("depthwise.weight.mask").is_none());
    assert!(header["fc.weight.values"]["shape"] == json!([0]));
    assert_eq!(read(&sparse).unwrap(), graph);
}

#[test]
fn nodes_of_one_name_keep_their_tensors_apart() {
    let mut graph = graph();
    for node in &mut graph.nodes {
        node.name = "same".to_owned();
    }
    assert_eq!(read(&write(&graph, Coding::Sparse)).unwrap(), graph);
}

#[test]
fn truncated_files_are_cut_off() {
    for bytes in [write(&graph(), Coding::Dense), write(&graph(), Coding::Sparse)] {
        for len in (0..bytes.len()).step_by(97).chain([1, 7, 8, 9, bytes.len() - 1]) {
            match read(&bytes[..len]) {
                Err(FormatError::CutOff { actual, expected: Some(expected), .. }) => {
                    assert!(
                        actual == len as u64 && expected > actual && expected <= bytes.len() as u64,
                        "{len}"
                    );
                }
                other => panic!("{len}: {other:?}"),
            }
        }
    }
}

#[test]
fn headers_that_ask_for_too_much_are_refused() {
    let bytes = write(&graph(), Coding::Dense);
    for header_len in [MAX_HEADER + 1, u64::from(u32::MAX), u64::MAX - 7, u64::MAX] {
        let mut oversized = bytes.clone();
        oversized[..8].copy_from_slice(&header_len.to_le_bytes());
        assert!(matches!(read(&oversized), Err(FormatError::TooLarge { .. })), "{header_len}");
    }
    let overlapping = edited(&bytes, |header, _, _| {
        header["stem/norm.beta"]["data_offsets"] = header["stem/norm.gamma"]["data_offsets"].clone();
    });
    assert!(matches!(read(&overlapping), Err(FormatError::Malformed { .. })));
    let beyond = edited(&bytes, |_, _, data| data.push(0));
    assert!(message(&beyond).contains("tensors end after"), "{}", message(&beyond));
    let endless = edited(&bytes, |header, _, _| {
        header["fc.weight"] = json!({"dtype": "I8", "shape": [u32::MAX, u32::MAX, u32::MAX],
                                     "data_offsets": [0, u64::MAX]});
    });
    assert!(matches!(read(&endless), Err(FormatError::Malformed { .. } | FormatError::CutOff { .. })));
}

#[test]
fn wrong_tensors_are_named() {
    let bytes = write(&graph(), Coding::Dense);
    let wrong_dtype = edited(&bytes, |header, _, _| {
        header["stem.weight"]["dtype"] = json!("I32");
    });
    assert_eq!(
        message(&wrong_dtype),
        "tinylens file, tensor `stem.weight`: has data type I32, expected F32, F16 or I8"
    );
    let missing = edited(&bytes, |_, graph, _| graph["nodes"][0]["op"]["conv2d"]["bias"] = json!("absent"));
    assert_eq!(message(&missing), "tinylens file, tensor `absent`: is missing or used twice");
    let twice = edited(&bytes, |_, graph, _| {
        graph["nodes"][1]["op"]["batch_norm"]["beta"] = json!("stem/norm.gamma");
    });
    assert_eq!(message(&twice), "tinylens file, tensor `stem/norm.gamma`: is missing or used twice");
    let unused = edited(&bytes, |_, graph, _| graph["nodes"][3]["op"]["conv2d"]["bias"] = Json::Null);
    assert_eq!(message(&unused), "tinylens file, tensor `depthwise.bias`: is used by no node");
    let unscaled = edited(&bytes, |_, graph, _| {
        graph["nodes"][6]["op"]["linear"]["weight"]["scales"] = Json::Null;
    });
    assert_eq!(message(&unscaled), "tinylens file, tensor `fc.weight`: is I8 without scales");
    let level = range_of(&bytes, "fc.weight").start;
    let low_level = edited(&bytes, |_, _, data| data[level] = 0x80);
    assert!(message(&low_level).contains("-128"), "{}", message(&low_level));
}

#[test]
fn nan_scales_are_refused() {
    let bytes = write(&graph(), Coding::Dense);
    let scale = range_of(&bytes, "fc.weight.scales").start;
    for bad in [f32::NAN, 0.0, -1.0, f32::INFINITY] {
        let bytes = edited(&bytes, |_, _, data| data[scale..scale + 4].copy_from_slice(&bad.to_le_bytes()));
        assert!(matches!(read(&bytes), Err(FormatError::Graph(GraphError::Node { .. }))), "{bad}");
    }
    let bytes = edited(&bytes, |_, graph, _| graph["values"][0]["quantization"]["scale"] = json!(0.0));
    assert!(matches!(read(&bytes), Err(FormatError::Graph(GraphError::Scale { .. }))));
}

#[test]
fn masks_that_do_not_match_are_refused() {
    let bytes = write(&graph(), Coding::Sparse);
    let mask = range_of(&bytes, "stem.weight.mask");
    let values = range_of(&bytes, "stem.weight.values");
    let popcount = edited(&bytes, |_, _, data| data[mask.start] ^= 1);
    assert!(message(&popcount).contains("expected one for each of 126 values"), "{}", message(&popcount));
    let padding = edited(&bytes, |_, _, data| {
        data[mask.start] &= !2;
        data[mask.end - 1] |= 0x80;
    });
    assert!(message(&padding).contains("after the last of 189 weights"), "{}", message(&padding));
    let zero = edited(&bytes, |_, _, data| data[values.start..values.start + 4].fill(0));
    assert!(message(&zero).contains("has a zero"), "{}", message(&zero));
    let shape = edited(&bytes, |_, graph, _| {
        graph["nodes"][0]["op"]["conv2d"]["weight"]["shape"] = json!([u32::MAX, 3, 3, 3]);
    });
    assert!(matches!(read(&shape), Err(FormatError::TooLarge { .. } | FormatError::Malformed { .. })));
}

#[test]
fn graphs_that_contradict_themselves_are_refused() {
    let bytes = write(&graph(), Coding::Dense);
    type Edit = fn(&mut Json);
    let edits: [(&str, Edit); 12] = [
        ("unknown field", |graph| graph["extra"] = json!(1)),
        ("unknown field", |graph| graph["nodes"][0]["op"]["conv2d"]["dilation"] = json!(2)),
        ("unknown variant", |graph| graph["nodes"][8]["op"] = json!("sigmoid")),
        ("invalid value", |graph| graph["nodes"][2]["op"]["clip"]["min"] = json!("nan")),
        ("single precision", |graph| graph["nodes"][2]["op"]["clip"]["min"] = json!(1.0e39)),
        ("not written before", |graph| graph["nodes"][0]["inputs"] = json!([5])),
        ("not written before", |graph| graph["output"] = json!(u32::MAX)),
        ("not written before", |graph| graph["input"] = json!(77)),
        ("inputs, expected 1", |graph| graph["nodes"][0]["inputs"] = json!([])),
        ("does not fit", |graph| graph["nodes"][0]["op"]["conv2d"]["stride"] = json!([0, 0])),
        ("recorded as", |graph| graph["values"][1]["shape"]["image"]["height"] = json!(5)),
        ("used twice", |graph| graph["values"][1]["name"] = json!("input")),
    ];
    for (expected, edit) in edits {
        let message = message(&edited(&bytes, |_, graph, _| edit(graph)));
        assert!(message.contains(expected), "{expected}: {message}");
    }
    let version = edited(&bytes, |header, _, _| header["__metadata__"]["version"] = json!("4"));
    assert!(matches!(read(&version), Err(FormatError::UnsupportedModel { .. })));
    let format = edited(&bytes, |header, _, _| header["__metadata__"]["format"] = json!("pt"));
    assert!(message(&format).contains("expected \"tinylens\""));
}

#[test]
fn bounds_for_each_channel_ask_for_the_second_version() {
    let version = |bytes: &[u8]| header_of(bytes).0["__metadata__"]["version"].clone();
    let plain = graph();
    assert_eq!(version(&write(&plain, Coding::Dense)), "1");
    let mut graph = plain;
    let max: Vec<f32> = (0..7).map(|idx| if idx == 3 { f32::INFINITY } else { idx as f32 * 0.3 }).collect();
    graph.nodes[2].op = Op::Clip(Clip { min: 0.0, max: UpperBound::PerChannel(max) });
    let bytes = write(&graph, Coding::Sparse);
    assert_eq!(version(&bytes), "2");
    assert_eq!(read(&bytes).unwrap(), graph);
    let other = edited(&bytes, |_, graph, _| {
        graph["nodes"][2]["op"]["channel_clip"]["max"] = json!("fc.bias");
        graph["nodes"][6]["op"]["linear"]["bias"] = json!("relu.max");
    });
    assert!(message(&other).contains("35 upper bounds, input has 7 channels"), "{}", message(&other));
}

#[test]
fn activations_that_do_not_fit_memory_are_refused() {
    let bytes = write(&graph(), Coding::Dense);
    let huge = edited(&bytes, |_, graph, _| {
        graph["nodes"][0]["op"]["conv2d"]["padding"]["bottom"] = json!(u32::MAX - 100);
        graph["values"][1]["shape"]["image"]["height"] = json!((u64::from(u32::MAX) - 100 + 8 - 3) / 2 + 1);
    });
    assert!(matches!(read(&huge), Err(FormatError::TooLarge { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn flipped_bits_never_panic(
        sparse: bool,
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8), 1..6),
        in_header: bool,
    ) {
        let mut bytes = write(&graph(), if sparse { Coding::Sparse } else { Coding::Dense });
        let end = if in_header { 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize } else { bytes.len() };
        for (position, bit) in flips {
            bytes[position.index(end)] ^= 1_u8 << bit;
        }
        if let Ok(graph) = read(&bytes) {
            graph.validate().unwrap();
            read(&write(&graph, Coding::Dense)).unwrap();
        }
    }

    #[test]
    fn flipped_bits_in_gzip_never_panic(position: prop::sample::Index, bit in 0..8) {
        let mut bytes = gzip(&write(&graph(), Coding::Sparse));
        let position = position.index(bytes.len());
        bytes[position] ^= 1_u8 << bit;
        if let Ok(read) = read(&bytes) {
            prop_assert_eq!(read, graph());
        }
    }

    #[test]
    fn any_numbers_come_back(
        bits in prop::collection::vec(any::<u32>(), 40),
        epsilon in 0.0_f32..1.0e9,
        scale in f32::MIN_POSITIVE..f32::MAX,
        min: f32,
        max: f32,
        sparse: bool,
    ) {
        let mut graph = graph();
        let values = (0..189).map(|idx| f32::from_bits(bits.get(idx).copied().unwrap_or(0)));
        let values = values.map(|x| if x.is_nan() { 1.0 } else { x }).collect();
        *graph.nodes[0].op.weight_mut().unwrap() = Weight::f32(vec![7, 3, 3, 3], values);
        if let Op::BatchNorm(norm) = &mut graph.nodes[1].op {
            norm.epsilon = epsilon + 1.0e-9;
        }
        if let Op::Clip(clip) = &mut graph.nodes[2].op {
            *clip = Clip { min: min.min(max), max: UpperBound::Uniform(max.max(min)) };
        }
        graph.values[2].quantization = Some(ActivationQuantization { scale, zero_point: 3 });
        let storage = if sparse { Coding::Sparse } else { Coding::Dense };
        prop_assert_eq!(read(&write(&graph, storage)).unwrap(), graph);
    }
}
