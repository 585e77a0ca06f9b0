//! Which steps write over what they read.

use super::*;

/// Sums and clips only: of a value with itself, of one that is read later, of one that is not.
fn elementwise() -> Graph {
    let metadata = network(1, 9).metadata;
    let n = &mut Numbers(70);
    let (mut b, x) = GraphBuilder::new(metadata, 9, 9).unwrap();
    let stem = b.add("stem", conv(n, [12, 3, 3], 1, 1, Padding::symmetric(1)), &[x]).unwrap();
    let twice = b.add("twice", Op::Add, &[stem, stem]).unwrap();
    let early = b.add("early", Op::Add, &[stem, twice]).unwrap();
    let late = b.add("late", Op::Add, &[early, stem]).unwrap();
    let clipped = b.add("clipped", clip(n, 12), &[late]).unwrap();
    let x = b.add("pool", Op::GlobalAveragePool, &[clipped]).unwrap();
    let x = b.add("softmax", Op::Softmax, &[x]).unwrap();
    b.finish(x).unwrap()
}

/// The names of steps whose output lies where their first input lay.
fn in_place(plan: &Plan) -> Vec<&str> {
    let steps = plan.steps.iter().filter(|step| {
        let (input, output) = (step.inputs[0], step.output);
        (input.number, input.buffer) == (output.number, output.buffer)
    });
    steps.map(|step| step.node.as_str()).collect()
}

#[test]
fn steps_write_over_what_nobody_reads_later() {
    let graph = elementwise();
    let input = Numbers(71).vector(9 * 9 * 3, 1.0);
    let values = interpret(&graph, &input);
    let plan = Plan::new(&graph, Fusion::Separate).unwrap();
    assert_eq!(in_place(&plan), ["early", "late", "clipped", "softmax"]);
    let mut executor = Executor::new(plan);
    for _ in 0..2 {
        close(executor.run(&input).unwrap(), &values[graph.output.0], 1e-5).unwrap();
    }
}

#[test]
fn integer_sums_write_over_a_summand() {
    let input = Numbers(72).vector(9 * 9 * 3, 1.0);
    let mut graph = elementwise();
    let values = interpret(&graph, &input);
    for node in graph.nodes.iter().filter(|node| matches!(node.op, Op::Add)) {
        for id in [node.inputs[0], node.inputs[1], node.output] {
            let range = values[id.0].iter().fold(0.0_f64, |range, x| range.max(x.abs()));
            let scale = (range / 127.0) as f32;
            graph.values[id.0].quantization = Some(ActivationQuantization { scale, zero_point: 0 });
        }
    }
    let plan = Plan::new(&graph, Fusion::Separate).unwrap();
    assert_eq!(in_place(&plan), ["early", "late", "clipped", "softmax"]);
    let expected = interpret(&graph, &input);
    close(Executor::new(plan).run(&input).unwrap(), &expected[graph.output.0], 0.02).unwrap();
}

#[test]
fn frames_allocate_nothing() {
    let input = Numbers(73).vector(16 * 16 * 3, 1.0);
    for graph in [network(1, 16), quantized(9, 16, &input)] {
        let mut executor = Executor::new(Plan::new(&graph, Fusion::Full).unwrap());
        let frames = allocation_counter::measure(|| {
            for _ in 0..3 {
                executor.run(&input).unwrap();
            }
        });
        assert_eq!(frames.count_total, 0);
        assert!(allocation_counter::measure(|| drop(executor.plan().clone())).count_total > 0);
    }
}
