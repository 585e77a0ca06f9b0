//! Concatenations and pools with windows, as in SqueezeNet's fire modules.

use super::*;

/// Two expansions beside each other, of channels that fill no blocks, one of them once more beside both, between pools with a
/// last window that is cut off.
pub(super) fn network_of_fire(seed: u64, side: usize) -> Graph {
    let metadata = network(1, side).metadata;
    let n = &mut Numbers(seed);
    let (mut b, x) = GraphBuilder::new(metadata, side, side).unwrap();
    let pool = |bottom: usize| {
        let padding = Padding { bottom, right: bottom, ..Padding::default() };
        Op::MaxPool(MaxPool { kernel: [3, 3], stride: [2, 2], padding })
    };
    let x = b.add("stem", conv(n, [12, 3, 3], 1, 1, Padding::symmetric(1)), &[x]).unwrap();
    let x = b.add("stem/relu", Op::Clip(Clip::RELU), &[x]).unwrap();
    let x = b.add("stem/pool", pool(1), &[x]).unwrap();
    let squeezed = b.add("squeeze", conv(n, [5, 12, 1], 1, 1, Padding::default()), &[x]).unwrap();
    let squeezed = b.add("squeeze/relu", Op::Clip(Clip::RELU), &[squeezed]).unwrap();
    let small = b.add("expand1", conv(n, [6, 5, 1], 1, 1, Padding::default()), &[squeezed]).unwrap();
    let small = b.add("expand1/relu", Op::Clip(Clip::RELU), &[small]).unwrap();
    let large = b.add("expand3", conv(n, [9, 5, 3], 1, 1, Padding::symmetric(1)), &[squeezed]).unwrap();
    let large = b.add("expand3/relu", Op::Clip(Clip::RELU), &[large]).unwrap();
    let x = b.add("concat", Op::Concat, &[small, large, small]).unwrap();
    let x = b.add("pool", pool(0), &[x]).unwrap();
    let x = b.add("mix", conv(n, [7, 21, 1], 1, 1, Padding::default()), &[x]).unwrap();
    let x = b.add("mean", Op::GlobalAveragePool, &[x]).unwrap();
    let linear =
        Linear { weight: Weight::f32(vec![10, 7], n.vector(70, 0.7)), bias: Some(n.vector(10, 0.3)) };
    let x = b.add("classifier", Op::Linear(linear), &[x]).unwrap();
    let x = b.add("softmax", Op::Softmax, &[x]).unwrap();
    b.finish(x).unwrap()
}

/// The graph with the grid of `of` for all `values`.
fn with_one_grid(mut graph: Graph, of: &str, values: &[&str]) -> Graph {
    let grid = graph.values.iter().find(|value| value.name == of).unwrap().quantization;
    for value in graph.values.iter_mut().filter(|value| values.contains(&value.name.as_str())) {
        value.quantization = grid;
    }
    graph
}

#[test]
fn what_has_one_grid_is_joined_and_pooled_as_levels() {
    let input = Numbers(50).vector(16 * 16 * 3, 1.0);
    let own_grids = with_integers(&network_of_fire(42, 16), &input);
    let one_grid = with_one_grid(own_grids.clone(), "concat", &["expand1/relu", "expand3/relu", "pool"]);
    let one_grid = with_one_grid(one_grid, "stem/relu", &["stem/pool"]);
    let integer = |graph: &Graph, name: &str| {
        let plan = Plan::new(graph, Fusion::Full).unwrap();
        plan.layers().any(|layer| layer.node == name && layer.is_integer)
    };
    for name in ["stem/pool", "concat", "pool"] {
        assert!(integer(&one_grid, name), "{name}");
    }
    assert!(!integer(&own_grids, "concat"), "levels of different grids do not compare");
    for graph in [own_grids, one_grid] {
        let expected = interpret(&graph, &input);
        let logits = graph.nodes[graph.nodes.len() - 1].inputs[0];
        let mut executor = Executor::new(Plan::new(&graph, Fusion::Full).unwrap());
        let mut checked = false;
        executor
            .run_observed(&input, &mut |id, activations| {
                if id == logits {
                    close(activations, &expected[id.0], 0.06).unwrap();
                    checked = true;
                }
            })
            .unwrap();
        assert!(checked);
        let frames = allocation_counter::measure(|| drop(executor.run(&input)));
        assert_eq!(frames.count_total, 0);
    }
}
