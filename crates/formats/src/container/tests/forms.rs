//! Weights in fewer bits, written and read.

use graph::{ClusteredWeights, Groups};
use half::bf16;

use super::*;

/// The weights of [`graph`]: `[7, 3, 3, 3]`, `[7, 1, 5, 5]` and `[35, 7]`.
pub(super) fn with(values: [WeightValues; 3]) -> Graph {
    let mut graph = graph();
    for (weight, values) in graph.weights_mut().zip(values) {
        weight.values = values;
    }
    graph.validate().unwrap();
    graph
}

/// `n` levels from `-2^(bits-1)` on; of five, `zeros` are zero.
fn levels(n: usize, bits: u8, zeros: usize) -> Vec<i8> {
    let (min, max) = IntegerWeights::level_range(bits);
    let steps = i32::from(max) - i32::from(min) + 1;
    (0..n as i32)
        .map(|i| if (i as usize) % 5 < zeros { 0 } else { (i32::from(min) + i * 7 % steps) as i8 })
        .collect()
}

fn integer(n: usize, bits: u8, scales: usize, zeros: usize, groups: Option<Groups>) -> WeightValues {
    let scales = (1..=scales).map(|i| i as f32 / 64.0).collect();
    WeightValues::Integer(IntegerWeights { bits, levels: levels(n, bits, zeros), scales, groups })
}

fn clustered(n: usize, n_clusters: usize, books: usize) -> WeightValues {
    let codes = (0..n).map(|i| (i * 31 % n_clusters) as u8).collect();
    WeightValues::Clustered(ClusteredWeights { codes, codebooks: ramp(books * n_clusters), n_clusters })
}

fn bf16s(n: usize) -> WeightValues {
    WeightValues::Bf16(ramp(n).into_iter().map(bf16::from_f32).collect())
}

fn groups(len: usize, n: usize) -> Option<Groups> {
    Some(Groups { len, multipliers: (0..n).map(|i| (i % 15 + 1) as u8).collect() })
}

pub(super) fn graphs() -> [Graph; 3] {
    [
        with([
            integer(189, 4, 7, 2, groups(5, 7 * 6)),
            clustered(175, 5, 7),
            integer(245, 2, 1, 0, groups(7, 35)),
        ]),
        with([bf16s(189), integer(175, 2, 7, 4, None), clustered(245, 256, 1)]),
        with([clustered(189, 2, 1), bf16s(175), integer(245, 4, 35, 3, None)]),
    ]
}

#[test]
fn forms_are_written_and_read_back_equal() {
    for graph in graphs() {
        for storage in [Coding::Dense, Coding::Sparse, Coding::Entropy] {
            let bytes = write(&graph, storage);
            assert_eq!(read(&bytes).unwrap(), graph);
            assert_eq!(read(&gzip(&bytes)).unwrap(), graph);
            safetensors::SafeTensors::deserialize(&bytes).unwrap();
        }
    }
}

#[test]
fn weights_take_the_bits_that_they_say() {
    for graph in graphs() {
        let bytes = write(&graph, Coding::Dense);
        for (weight, name) in graph.weights().zip(["stem", "depthwise", "fc"]) {
            let len = |suffix: &str| {
                let name = format!("{name}.weight{suffix}");
                header_of(&bytes).0.get(&name).map_or(0, |_| range_of(&bytes, &name).len())
            };
            assert_eq!(len(""), (weight.len() * weight.stored_bits() as usize).div_ceil(8));
            assert_eq!(len(".scales") + len(".multipliers") + len(".codebooks"), weight.side_bytes());
        }
    }
    let sparse = write(&graphs()[1], Coding::Sparse);
    assert!(header_of(&sparse).0.get("depthwise.weight").is_some(), "a mask costs more than it saves");
    let mut pruned = graphs()[0].clone();
    let halves = WeightValues::Bf16([vec![bf16::ZERO; 180], vec![bf16::ONE; 9]].concat());
    pruned.weights_mut().next().unwrap().values = halves;
    let sparse = write(&pruned, Coding::Sparse);
    assert_eq!(range_of(&sparse, "stem.weight.values").len(), 18);
    assert_eq!(read(&sparse).unwrap(), pruned);
}

#[test]
fn sparse_levels_of_four_bits_share_bytes() {
    let mut graph = graphs()[0].clone();
    let large = Linear {
        weight: Weight { shape: vec![350, 7], values: integer(2450, 4, 350, 4, groups(4, 700)) },
        bias: None,
    };
    graph.nodes[6].op = Op::Linear(large);
    for value in &mut graph.values[7..] {
        value.shape = Shape::Vector { length: 350 };
    }
    graph.validate().unwrap();
    let (dense, sparse) = (write(&graph, Coding::Dense), write(&graph, Coding::Sparse));
    assert!(sparse.len() < dense.len());
    let kept = 2450 - graph.weights().last().unwrap().count_zeros();
    assert_eq!(range_of(&sparse, "fc.weight.values").len(), kept.div_ceil(2));
    assert_eq!(read(&sparse).unwrap(), graph);
}

#[test]
fn version_1_stays_what_it_was() {
    let version = |bytes: &[u8]| header_of(bytes).0["__metadata__"]["version"].clone();
    let old = write(&graph(), Coding::Dense);
    assert_eq!(version(&old), json!("1"));
    assert!(!header_of(&old).0["__metadata__"]["graph"].as_str().unwrap().contains("form\""));
    let new = write(&graphs()[0], Coding::Dense);
    assert_eq!(version(&new), json!("2"));
    let claimed = edited(&new, |header, _, _| header["__metadata__"]["version"] = json!("1"));
    assert!(message(&claimed).contains("which version \"1\" does not know"), "{}", message(&claimed));
}

#[test]
fn forms_that_do_not_fit_are_refused() {
    let bytes = write(&graphs()[0], Coding::Dense);
    type Edit = fn(&mut Json);
    let edits: [(&str, Edit); 13] = [
        ("levels of 3 bits", |form| form["integer"]["bits"] = json!(3)),
        ("levels of 0 bits", |form| form["integer"]["bits"] = json!(0)),
        ("invalid value", |form| form["integer"]["bits"] = json!(400)),
        ("has data type U8, expected I8", |form| form["integer"]["bits"] = json!(8)),
        ("has shape [95], expected [48]", |form| form["integer"]["bits"] = json!(2)),
        ("groups of 0", |form| form["integer"]["groups"]["len"] = json!(0)),
        ("multipliers", |form| form["integer"]["groups"]["len"] = json!(u64::MAX)),
        ("`absent`: is missing", |form| form["integer"]["groups"]["multipliers"] = json!("absent")),
        ("expected U8", |form| form["integer"]["groups"]["multipliers"] = json!("stem/norm.beta")),
        ("has data type U8, expected BF16", |form| *form = json!("bf16")),
        ("0 clusters", |form| *form = json!({"clusters": {"n": 0, "codebooks": "absent"}})),
        ("clusters, acc", |form| *form = json!({"clusters": {"n": u64::MAX, "codebooks": "absent"}})),
        ("with scales", |form| *form = json!({"clusters": {"n": 16, "codebooks": "stem/norm.beta"}})),
    ];
    for (expected, edit) in edits {
        let message = message(&edited(&bytes, |_, graph, _| {
            edit(&mut graph["nodes"][0]["op"]["conv2d"]["weight"]["form"]);
        }));
        assert!(message.contains(expected), "{expected}: {message}");
    }
    let last = range_of(&bytes, "stem.weight").end - 1;
    let behind = edited(&bytes, |_, _, data| data[last] |= 0xf0);
    assert!(message(&behind).contains("bits after the last of 189"), "{}", message(&behind));
    let multiplier = range_of(&bytes, "stem.weight.multipliers").start;
    let large = edited(&bytes, |_, _, data| data[multiplier] = 255);
    assert!(message(&large).contains("beyond 127"), "{}", message(&large));
    let code = range_of(&bytes, "depthwise.weight").start;
    let code = edited(&bytes, |_, _, data| data[code] |= 7);
    assert!(message(&code).contains("code 7 in codebooks of 5"), "{}", message(&code));
    let huge = edited(&bytes, |_, graph, _| {
        graph["nodes"][0]["op"]["conv2d"]["weight"]["shape"] = json!([1 << 20, 16, 3, 3]);
    });
    assert!(matches!(read(&huge), Err(FormatError::TooLarge { .. } | FormatError::Malformed { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn flipped_bits_in_forms_never_panic(
        which in 0..3_usize,
        sparse: bool,
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8), 1..6),
        in_header: bool,
    ) {
        let coding = if sparse { Coding::Sparse } else { Coding::Dense };
        let mut bytes = write(&graphs()[which], coding);
        let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let end = if in_header { header } else { bytes.len() };
        for (position, bit) in flips {
            bytes[position.index(end)] ^= 1_u8 << bit;
        }
        if let Ok(graph) = read(&bytes) {
            graph.validate().unwrap();
            prop_assert!(read(&write(&graph, coding)).is_ok());
        }
    }
}
