//! What of the kernel benchmark can be tested: its options, its arithmetic and its list of layers.

#[allow(dead_code, reason = "the benchmark uses the rest")]
#[path = "../benches/support/comparisons.rs"]
mod comparisons;
#[allow(dead_code, reason = "the benchmark uses the rest")]
#[path = "../benches/support/layers.rs"]
mod layers;
#[allow(dead_code, reason = "the benchmark uses the rest")]
#[path = "../benches/support/report.rs"]
mod report;

use comparisons::{aims, break_even, sparse_table, storage_table};
use layers::{Kind, LAYERS};
use report::{Destination, Only, Options, Row, Work, json, median, table};

fn parse(arguments: &[&str]) -> Result<Options, String> {
    Options::parse(arguments.iter().map(|it| (*it).to_owned()))
}

#[test]
fn options_are_understood() {
    let options = parse(&["--bench", "--json", "-", "--only", "linear", "--rounds", "2"]).unwrap();
    let only = Only::Containing("linear".to_owned());
    assert_eq!(options, Options { json: Some(Destination::Output), only, rounds: 2, threads: 1 });
    let only = |text| parse(&["--only", text, "--threads", "2"]).unwrap();
    assert_eq!(
        ["layers", "storage", "sparse"].map(|text| only(text).only),
        [Only::Layers, Only::Storage, Only::Sparse]
    );
    assert_eq!(only("sparse").threads, 2);
    let file = parse(&["--json", "rows.json"]).unwrap().json;
    assert_eq!(file, Some(Destination::File("rows.json".to_owned())));
    assert_eq!(parse(&[]).unwrap().json, None);
}

#[test]
fn what_is_not_known_is_refused() {
    for arguments in [
        &["--json"][..],
        &["--only"],
        &["--rounds", "0"],
        &["--rounds", "many"],
        &["--threads", "0"],
        &["--jsn", "-"],
    ] {
        assert!(parse(arguments).is_err(), "{arguments:?}");
    }
}

#[test]
fn a_share_is_the_time_at_the_ceiling_by_the_best_time() {
    let work = Work { macs: 1_000_000_000, best: 0.5, median: 1.0, ceiling: 0.25 };
    assert_eq!(work.share(), 0.5);
    let sum = work.plus(Work { macs: 1, best: 0.25, median: 0.5, ceiling: 0.25 }, 2);
    assert_eq!(sum, Work { macs: 1_000_000_002, best: 1.0, median: 2.0, ceiling: 0.75 });
    assert_eq!(sum.share(), 0.75);
}

#[test]
fn the_median_is_in_the_middle() {
    assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
    assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), 3.0);
    assert!(median(&mut []).is_nan());
}

#[test]
fn rows_say_the_same_in_both_forms() {
    let work = Work { macs: 2_000_000_000, best: 0.1, median: 0.2, ceiling: 0.05 };
    let row = Row { kernel: "linear".to_owned(), shape: "2x3".to_owned(), dtype: "f32", work };
    let line = r#"{"flavour":"simd128","kernel":"linear","shape":"2x3","dtype":"f32","gmacs_best":20.0000,"gmacs_median":10.0000,"ceiling":40.0000,"share":0.5000}"#;
    assert_eq!(json("simd128", std::slice::from_ref(&row)), format!("[\n{line}\n]\n"));
    let text = table(std::slice::from_ref(&row));
    let words: Vec<_> = text.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(words, ["linear", "2x3", "f32", "100000.0", "200000.0", "20.00", "10.00", "40.00", "50%"]);
    let unmeasured = Row { work: Work::default(), ..row };
    assert!(json("simd128", &[unmeasured]).contains(r#""share":null"#));
}

/// Sandler et al. 2018 (arXiv 1801.04381), table 4, gives 300 million.
#[test]
fn the_layers_of_mobilenet_v2_are_complete() {
    let macs: u64 = LAYERS.iter().map(|layer| layer.macs() * layer.mobilenet_v2).sum();
    assert_eq!(macs, 300_774_272);
}

#[test]
fn expansions_are_counted_as_both_layers() {
    for layer in LAYERS.iter().filter(|layer| layer.kind == Kind::ExpandDepthwise) {
        let find = |kind, in_channels| {
            let same = |it: &&layers::Layer| {
                it.kind == kind
                    && (it.size, it.in_channels, it.out_channels)
                        == (layer.size, in_channels, layer.out_channels)
                    && (kind == Kind::Pointwise || it.stride == layer.stride && it.kernel == layer.kernel)
            };
            LAYERS.iter().find(same).map(layers::Layer::macs)
        };
        let apart = (find(Kind::Pointwise, layer.in_channels), find(Kind::Depthwise, layer.out_channels));
        assert_eq!(apart, (Some(layer.dense_macs()), Some(layer.depthwise_macs())), "{layer}");
    }
}

fn row(shape: &str, dtype: &'static str, best: f64) -> Row {
    let work = Work { best, ..Work::default() };
    Row { kernel: "pointwise".to_owned(), shape: shape.to_owned(), dtype, work }
}

#[test]
fn comparisons_are_with_the_plain_weights_of_the_same_layer_and_arithmetic() {
    let rows = [
        row("1x2", "f32", 2.0),
        row("1x2", "int8", 1.0),
        row("1x2", "f32/f16", 3.0),
        row("1x2", "int8/int4", 3.0),
        row("3x4", "f32", 1.0),
        row("3x4", "f32/f16", 1.0),
        row("3x4", "f32/50% zeros", 0.5),
    ];
    let text = storage_table(&rows);
    let words = |line: usize| text.lines().nth(line).unwrap().split_whitespace().collect::<Vec<_>>();
    assert_eq!(words(2), ["f16", "int8/int4"]);
    assert_eq!(words(3), ["pointwise", "1x2", "1.50", "3.00"]);
    assert_eq!(words(4), ["pointwise", "3x4", "1.00", "-"]);
    let text = sparse_table(&rows);
    assert!(
        text.lines().nth(3).unwrap().starts_with("pointwise 3x4") && text.contains("2.00  < 50 %"),
        "{text}"
    );
    assert!(!text.contains("4x1") && storage_table(&rows[..2]).is_empty());
}

#[test]
fn aims_stand_beside_the_least_that_was_reached() {
    let mut rows = vec![row("1x2", "f32", 4.0), row("3x4", "f32", 2.0), row("3x4", "f32/80% zeros", 1.25)];
    rows[0].work.ceiling = 3.2;
    rows[1].work.ceiling = 1.8;
    let text = aims(&rows);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        "pointwise float32, share of the ceiling: 0.80 at least, aimed at 0.75 (must) and 0.9 (goal)"
    );
    assert_eq!(
        lines[1],
        "f32/80% zeros, dense time / sparse time: 1.60 at least, aimed at 1.5 (must) and 2 (goal)"
    );
    assert_eq!(lines.len(), 2);
    assert_eq!(aims(&[row("1x2", "int8", 1.0)]), "");
}

#[test]
fn a_layer_breaks_even_where_its_ratio_comes_to_one() {
    assert_eq!(break_even(&[20.0, 40.0, 50.0], &[0.9, 1.1, 1.5]), "30 %");
    assert_eq!(break_even(&[20.0, 40.0, 50.0], &[1.1, 0.9, 1.1]), "45 %");
    assert_eq!(break_even(&[20.0, 40.0], &[1.0, 2.0]), "< 20 %");
    assert_eq!(break_even(&[20.0, 40.0], &[0.5, 0.9]), "never");
}
