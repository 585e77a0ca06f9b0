//! Networks that shrink.

use engine::Fusion;
use graph::{GraphBuilder, cost};

use super::*;
use crate::equalize;
use crate::testing::{
    Numbers, SIDE, conv, difference, frames, metadata, network, node, node_mut, observe, run,
};

fn channels_of(graph: &Graph, name: &str) -> usize {
    graph.value(node(graph, name).output).shape.channels()
}

#[test]
fn graphs_shrink_by_whole_blocks() {
    let (graph, frames) = (network(3), frames(5, 4));
    let evidence = observe(&graph, &frames, Fusion::Observable);
    // Bounds for each channel shrink, too.
    let (graph, _) = equalize(&graph, &evidence).unwrap();
    let evidence = observe(&graph, &frames, Fusion::Observable);
    let full = cost(&graph);
    for share in [0.0, 0.2, 0.5, 0.9] {
        let (small, report) = remove_channels(&graph, &evidence, share).unwrap();
        let (before, after) = (full.multiply_adds as f64, cost(&small).multiply_adds as f64);
        if share == 0.0 {
            assert_eq!((&small, report.len()), (&graph, 0));
            continue;
        }
        assert!(after < before * (1.0 - 0.4 * share), "{share}: {before} to {after}");
        for RemovedChannels { expand, project, before, after, lost } in &report {
            assert!(after < before && *after >= BLOCK && after.is_multiple_of(BLOCK));
            assert!((0.0..=1.0).contains(lost));
            assert_eq!(channels_of(&small, expand), *after);
            let project = node(&small, project);
            assert_eq!(small.value(project.inputs[0]).shape.channels(), *after);
        }
        assert!(run(&small, &frames).iter().all(|x| x.is_finite()));
    }
    for share in [-0.1, 0.96, f64::NAN] {
        let error = remove_channels(&graph, &evidence, share).unwrap_err();
        assert!(matches!(error, CompressError::Sparsity(_)));
    }
    let error = remove_channels(&graph, &Evidence::default(), 0.5).unwrap_err();
    assert_eq!(error, CompressError::NoEvidence("depthwise/relu".to_owned()));
}

#[test]
fn channels_that_nothing_reads_go_first_and_change_nothing() {
    let (mut graph, frames) = (network(4), frames(5, 4));
    let unread = [3, 7, 8, 20, 30, 31, 40, 47];
    let op = &mut node_mut(&mut graph, "project2").op;
    let channels = Channels::of(op).unwrap();
    for (position, weight) in weights_mut(op).iter_mut().enumerate() {
        if unread.contains(&channels.input_of(position)) {
            *weight = 0.0;
        }
    }
    let evidence = observe(&graph, &frames, Fusion::Observable);
    let (small, report) = remove_channels(&graph, &evidence, 0.09).unwrap();
    assert_eq!(report.len(), 1, "{report:?}");
    assert_eq!((report[0].before, report[0].after, report[0].lost), (48, 40, 0.0));
    let others = crate::testing::frames(6, 3);
    assert!(difference(&run(&small, &others), &run(&graph, &others)) < 1e-5);
}

/// As in a MobileNetV1, where a convolution ends one bottleneck and begins the next, with batch norms in between.
#[test]
fn bottlenecks_may_meet_and_hold_batch_norms() {
    let n = &mut Numbers::new(7);
    let (mut b, mut x) = GraphBuilder::new(metadata(), SIDE, SIDE).unwrap();
    for (name, shape, groups) in [
        ("stem", [24, 3, 3], 1),
        ("depthwise", [24, 1, 3], 24),
        ("pointwise", [21, 24, 1], 1),
        ("depthwise2", [21, 1, 3], 21),
        ("last", [16, 21, 1], 1),
    ] {
        x = b.add(name, conv(n, shape, groups, shape[2] / 2), &[x]).unwrap();
        let channels = shape[0];
        let norm = BatchNorm {
            gamma: n.vector(channels, 0.5).iter().map(|x| 1.0 + x).collect(),
            beta: n.vector(channels, 0.5),
            mean: n.vector(channels, 0.5),
            variance: vec![1.0; channels],
            epsilon: 1e-3,
        };
        x = b.add(&format!("{name}/norm"), Op::BatchNorm(norm), &[x]).unwrap();
        x = b.add(&format!("{name}/relu"), Op::Clip(Clip::RELU), &[x]).unwrap();
    }
    let x = b.add("pool", Op::GlobalAveragePool, &[x]).unwrap();
    let graph = b.finish(x).unwrap();
    let frames = frames(3, 3);
    let evidence = observe(&graph, &frames, Fusion::Separate);
    let (small, report) = remove_channels(&graph, &evidence, 0.6).unwrap();
    assert_eq!(report.len(), 2, "{report:?}");
    assert_eq!(channels_of(&small, "stem/norm"), report[0].after);
    assert_eq!(channels_of(&small, "depthwise2/relu"), report[1].after);
    assert_eq!(channels_of(&small, "last"), 16);
    // What stays still computes what it did, up to what the removed channels told.
    let apart = difference(&run(&small, &frames), &run(&graph, &frames));
    assert!(apart > 0.0 && apart < 1.0, "{apart}");
}

#[test]
fn the_mean_of_the_output_stays() {
    let (graph, frames) = (network(4), frames(5, 4));
    let evidence = observe(&graph, &frames, Fusion::Separate);
    let (small, report) = remove_channels(&graph, &evidence, 0.3).unwrap();
    let after = observe(&small, &frames, Fusion::Separate);
    // What lies before the first bottleneck is as it was, so its projection's means are kept.
    let first = report.iter().find(|it| it.project == "project").unwrap();
    let value = node(&graph, &first.project).output;
    let means = |evidence: &Evidence| evidence.channel_means(value).unwrap();
    for (now, wanted) in means(&after).iter().zip(means(&evidence)) {
        assert!((now - wanted).abs() < 1e-4 * wanted.abs().max(1.0), "{now} instead of {wanted}");
    }
}

#[test]
fn a_silent_network_computes_what_the_smaller_one_does() {
    let (graph, frames) = (network(4), frames(5, 4));
    let evidence = observe(&graph, &frames, Fusion::Observable);
    let removal = choose_channels(&graph, &evidence, 0.3).unwrap();
    let silent = removal.silence(&graph).unwrap();
    assert_eq!((silent.nodes.len(), &silent.values), (graph.nodes.len(), &graph.values));
    let small = removal.shrink(&silent).unwrap();
    assert_eq!(small, remove_channels(&graph, &evidence, 0.3).unwrap().0);
    assert!(cost(&small).multiply_adds < cost(&graph).multiply_adds);
    assert!(difference(&run(&silent, &frames), &run(&small, &frames)) < 1e-5);
    let projections: Vec<&str> = (0..graph.nodes.len())
        .filter(|node| removal.is_projection(*node))
        .map(|node| graph.nodes[node].name.as_str())
        .collect();
    let expected: Vec<String> = removal.report().into_iter().map(|it| it.project).collect();
    assert_eq!(projections, expected);
}
