//! Entropy-coded files, and where bytes go.

use graph::{ClusteredWeights, Groups};
use half::bf16;

use super::forms::{graphs, with};
use super::*;

/// The file with bytes of its data changed.
fn damaged(bytes: &[u8], section: &str, edit: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let range = range_of(bytes, section);
    edited_header(bytes, |_, data| edit(&mut data[range]))
}

/// [`edited`] for a file whose graph is not in the header.
fn edited_header(bytes: &[u8], edit: impl FnOnce(&mut Json, &mut Vec<u8>)) -> Vec<u8> {
    let (mut header, data) = header_of(bytes);
    let mut data = data.to_vec();
    edit(&mut header, &mut data);
    file_of(&header, &data)
}

/// The file with its graph's JSON changed.
fn edited_graph(bytes: &[u8], edit: impl FnOnce(&mut Json)) -> Vec<u8> {
    let section = range_of(bytes, "graph");
    edited_header(bytes, |header, data| {
        let mut graph =
            serde_json::from_slice(&crate::gzip::gunzip(&data[section.clone()], 1 << 20).unwrap()).unwrap();
        edit(&mut graph);
        let packed = gzip(graph.to_string().as_bytes());
        let (before, after) = (section.len(), packed.len());
        data.splice(section.clone(), packed);
        for (_, tensor) in
            header.as_object_mut().unwrap().iter_mut().filter(|(name, _)| *name != "__metadata__")
        {
            for idx in 0..2 {
                let offset = tensor["data_offsets"][idx].as_u64().unwrap() as usize;
                if offset >= section.end {
                    tensor["data_offsets"][idx] = json!(offset + after - before);
                }
            }
        }
        header["graph"]["shape"] = json!([after]);
    })
}

fn weight_json(graph: &mut Json) -> &mut Json {
    &mut graph["nodes"][0]["op"]["conv2d"]["weight"]
}

#[test]
fn every_bit_survives() {
    let mut graph = graph();
    let mut values = vec![0.0_f32; 189];
    values[..4].copy_from_slice(&[-0.0, f32::from_bits(1), f32::NAN, f32::NEG_INFINITY]);
    *graph.weights_mut().next().unwrap() = Weight::f32(vec![7, 3, 3, 3], values);
    let bits = |graph: &Graph| -> Vec<u32> {
        graph
            .weights()
            .flat_map(|weight| weight.to_f32().iter().map(|x| x.to_bits()).collect::<Vec<_>>())
            .collect()
    };
    assert_eq!(bits(&read(&write(&graph, Coding::Entropy)).unwrap()), bits(&graph));
}

#[test]
fn coded_files_are_the_smallest() {
    for graph in graphs().into_iter().chain([graph()]) {
        let len = |coding| write(&graph, coding).len();
        assert!(len(Coding::Entropy) < len(Coding::Dense).min(len(Coding::Sparse)));
    }
}

#[test]
fn the_parts_are_the_file() {
    for graph in graphs().into_iter().chain([graph()]) {
        for coding in [Coding::Dense, Coding::Sparse, Coding::Entropy] {
            let bytes = write(&graph, coding);
            let parts = breakdown(&bytes).unwrap();
            assert_eq!(parts.total(), bytes.len() as u64, "{coding:?}");
            assert!(parts.weights > 0 && parts.vectors > 0 && parts.metadata > 0, "{parts:?}");
            let has_codebooks =
                graph.weights().any(|weight| matches!(weight.values, WeightValues::Clustered(_)));
            assert_eq!(parts.tables > 0, has_codebooks, "{coding:?}: {parts:?}");
            assert!(parts.scales > 0, "{coding:?}: {parts:?}");
        }
        let dense = breakdown(&write(&graph, Coding::Dense)).unwrap();
        let stored =
            graph.weights().map(|weight| (weight.len() * weight.stored_bits() as usize).div_ceil(8) as u64);
        assert_eq!((dense.weights, dense.masks), (stored.sum(), 0));
    }
    let bytes = write(&graph(), Coding::Sparse);
    let masks = ["stem.weight.mask", "depthwise.weight.mask"].map(|name| range_of(&bytes, name).len() as u64);
    assert_eq!(breakdown(&bytes).unwrap().masks, masks.iter().sum::<u64>());
    assert!(breakdown(&gzip(&bytes)).is_err());
}

#[test]
fn the_weights_have_their_parts_of_the_file() {
    for graph in graphs().into_iter().chain([graph()]) {
        for coding in [Coding::Dense, Coding::Sparse, Coding::Entropy] {
            let bytes = write(&graph, coding);
            let (parts, weights) = (breakdown(&bytes).unwrap(), weight_bytes(&bytes).unwrap());
            assert_eq!(weights.len(), graph.weights().count());
            let sum = |part: fn(&WeightBytes) -> u64| weights.iter().map(part).sum::<u64>();
            assert_eq!(sum(|weight| weight.weights), parts.weights, "{coding:?}");
            assert_eq!(sum(|weight| weight.masks), parts.masks, "{coding:?}");
            if coding != Coding::Entropy {
                assert_eq!(sum(|weight| weight.scales), parts.scales, "{coding:?}");
                assert_eq!(sum(|weight| weight.tables), parts.tables, "{coding:?}");
            }
        }
        let dense = weight_bytes(&write(&graph, Coding::Dense)).unwrap();
        assert_eq!(dense_sizes(&graph), (write(&graph, Coding::Dense).len() as u64, dense.clone()));
        for (weight, stored) in graph.weights().zip(dense) {
            assert_eq!(stored.weights, (weight.len() as u64 * u64::from(weight.stored_bits())).div_ceil(8));
            assert_eq!(stored.total(), stored.weights + weight.side_bytes() as u64);
        }
    }
    assert!(weight_bytes(&gzip(&write(&graph(), Coding::Dense))).is_err());
}

#[test]
fn masks_are_coded_where_zeros_were_made() {
    let levels = |keep: usize| -> Vec<i8> {
        (0..189).map(|i| if i % keep == 0 { (i % 60) as i8 + 20 } else { 0 }).collect()
    };
    let int8 = |levels| WeightValues::Integer(IntegerWeights::int8(levels, vec![0.5]));
    let rest = || [WeightValues::F16(vec![f16::ONE; 175]), int8(vec![1; 245])];
    let with_levels = |keep| {
        let [second, third] = rest();
        with([int8(levels(keep)), second, third])
    };
    for (keep, is_masked) in [(4, true), (1, false)] {
        let graph = with_levels(keep);
        let bytes = write(&graph, Coding::Entropy);
        assert_eq!(breakdown(&bytes).unwrap().masks > 0, is_masked, "one in {keep}");
        assert_eq!(read(&bytes).unwrap(), graph);
    }
}

#[test]
fn pieces_make_the_same_file() {
    let graph = graphs()[0].clone();
    let mut writer = EntropyWriter::new(&graph);
    let mut before = 0;
    while writer.advance() {
        let (done, total) = writer.progress();
        assert!(done >= before && done <= total);
        before = done;
    }
    assert_eq!(writer.progress(), (609, 609));
    assert_eq!(writer.file(), write(&graph, Coding::Entropy));
}

#[test]
fn damage_is_named() {
    let graph = graphs()[0].clone();
    let bytes = write(&graph, Coding::Entropy);
    for section in ["weights", "scales", "multipliers", "codebooks", "vectors"] {
        let broken = damaged(&bytes, section, |data| data[data.len() / 2] ^= 0x10);
        let message = message(&broken);
        assert!(message.contains(&format!("section `{section}`")), "{section}: {message}");
    }
    assert!(matches!(
        read(&damaged(&bytes, "graph", |data| data[20] ^= 1)),
        Err(FormatError::Malformed { .. } | FormatError::CutOff { .. })
    ));
}

#[test]
fn lengths_that_contradict_the_sections_are_refused() {
    let bytes = write(&graphs()[0], Coding::Entropy);
    type Edit = fn(&mut Json);
    let edits: [(&str, Edit); 9] = [
        ("bytes into a message", |graph| weight_json(graph)["bytes"] = json!(1_000_000)),
        ("does not end where it should", |graph| weight_json(graph)["bytes"] = json!(3)),
        ("section `masks`", |graph| weight_json(graph)["mask_bytes"] = json!(5)),
        ("too many elements", |graph| weight_json(graph)["shape"] = json!([u64::MAX, 2, 1, 1])),
        ("too large", |graph| weight_json(graph)["shape"] = json!([1 << 27, 2, 1, 1])),
        ("too large", |graph| graph["nodes"][3]["op"]["conv2d"]["bias"] = json!(u32::MAX)),
        ("unknown field", |graph| weight_json(graph)["coding"] = json!("dense")),
        ("groups of 0", |graph| weight_json(graph)["form"]["integer"]["groups"]["len"] = json!(0)),
        ("levels of 3 bits", |graph| weight_json(graph)["form"]["integer"]["bits"] = json!(3)),
    ];
    for (expected, edit) in edits {
        let message = message(&edited_graph(&bytes, edit));
        assert!(message.contains(expected), "{expected}: {message}");
    }
    assert_eq!(read(&edited_graph(&bytes, |_| ())).unwrap(), graphs()[0]);
    let extra = edited_header(&bytes, |header, data| {
        data.push(0);
        header["extra"] = json!({"dtype": "U8", "shape": [1], "data_offsets": [data.len() - 1, data.len()]});
    });
    assert!(message(&extra).contains("`extra`: is used by no node"), "{}", message(&extra));
}

#[test]
fn shapes_of_no_elements_are_refused() {
    let bytes = write(&graph(), Coding::Entropy);
    for shape in [json!([0, u64::MAX, u64::MAX, 2]), json!([]), json!([3, 0, 1, 1])] {
        read(&edited_graph(&bytes, |graph| weight_json(graph)["shape"] = shape)).unwrap_err();
    }
}

#[test]
fn coded_files_that_are_cut_are_cut_off() {
    let bytes = write(&graphs()[0], Coding::Entropy);
    for len in (0..bytes.len()).step_by(31).chain([bytes.len() - 1]) {
        assert!(matches!(read(&bytes[..len]), Err(FormatError::CutOff { .. })), "{len}");
    }
}

fn values(n: usize, channels: usize) -> impl Strategy<Value = WeightValues> {
    let bits = prop_oneof![
        Just(0_u32),
        any::<u32>().prop_filter("a number", |bits| !f32::from_bits(*bits).is_nan())
    ];
    let single = prop::collection::vec(bits, n);
    let floats = single.prop_map(|bits| bits.into_iter().map(f32::from_bits).collect::<Vec<_>>());
    let f32s = floats.clone().prop_map(WeightValues::F32);
    let f16s =
        floats.clone().prop_map(|values| WeightValues::F16(values.into_iter().map(f16::from_f32).collect()));
    let bf16s =
        floats.prop_map(|values| WeightValues::Bf16(values.into_iter().map(bf16::from_f32).collect()));
    let integers = (prop_oneof![Just(8_u8), Just(4), Just(2)], 1_usize..9, any::<bool>(), any::<bool>())
        .prop_flat_map(move |(bits, len, grouped, per_channel)| {
            let (min, max) = IntegerWeights::level_range(bits);
            let grouped = grouped && bits < 8;
            let n_groups = channels * (n / channels).div_ceil(len);
            let levels = prop::collection::vec(prop_oneof![Just(0), min..=max], n);
            let multipliers = prop::collection::vec(0_u8..=15, n_groups);
            let scales =
                prop::collection::vec(f32::MIN_POSITIVE..f32::MAX, if per_channel { channels } else { 1 });
            (levels, multipliers, scales).prop_map(move |(levels, multipliers, scales)| {
                let groups = grouped.then_some(Groups { len, multipliers });
                WeightValues::Integer(IntegerWeights { bits, levels, scales, groups })
            })
        });
    let clusters = (2_usize..=256, any::<bool>()).prop_flat_map(move |(n_clusters, per_channel)| {
        let codes = prop::collection::vec(0..=(n_clusters - 1) as u8, n);
        let n_values = if per_channel { channels * n_clusters } else { n_clusters };
        (codes, prop::collection::vec(-1.0e9_f32..1.0e9, n_values)).prop_map(move |(codes, codebooks)| {
            WeightValues::Clustered(ClusteredWeights { codes, codebooks, n_clusters })
        })
    });
    prop_oneof![f32s, f16s, bf16s, integers, clusters]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn any_weights_come_back(first in values(189, 7), second in values(175, 7), third in values(245, 35)) {
        let graph = with([first, second, third]);
        let bytes = write(&graph, Coding::Entropy);
        prop_assert_eq!(breakdown(&bytes).unwrap().total(), bytes.len() as u64);
        prop_assert_eq!(read(&bytes).unwrap(), graph);
    }

    #[test]
    fn flipped_bits_in_coded_files_never_panic(
        which in 0_usize..3,
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8), 1..6),
    ) {
        let mut bytes = write(&graphs()[which], Coding::Entropy);
        for (position, bit) in flips {
            let position = position.index(bytes.len());
            bytes[position] ^= 1_u8 << bit;
        }
        if let Ok(graph) = read(&bytes) {
            graph.validate().unwrap();
        }
        let _ = breakdown(&bytes);
    }

    #[test]
    fn random_sections_never_panic(
        which in 0_usize..3,
        seeds in prop::collection::vec(any::<u8>(), 1..64),
    ) {
        let mut bytes = write(&graphs()[which], Coding::Entropy);
        for section in ["weights", "masks", "scales", "multipliers", "codebooks", "vectors"] {
            if header_of(&bytes).0.get(section).is_some() {
                bytes = damaged(&bytes, section, |data| {
                    for (byte, seed) in data.iter_mut().zip(seeds.iter().cycle()) {
                        *byte = byte.wrapping_mul(31) ^ seed;
                    }
                });
            }
        }
        if let Ok(graph) = read(&bytes) {
            graph.validate().unwrap();
        }
    }
}
