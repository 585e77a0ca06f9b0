//! Networks cut in two: what the parts give one after the other is what the whole gives.

use super::*;
use crate::{Activation, Part};

/// The nodes of `graph` up to the one that writes `name`, and those after it.
fn cut(graph: &Graph, name: &str) -> [Graph; 2] {
    let place = graph.nodes.iter().position(|node| node.name == name).unwrap();
    let value = graph.nodes[place].output;
    let (mut first, mut second) = (graph.clone(), graph.clone());
    first.nodes.truncate(place + 1);
    first.output = value;
    second.nodes.drain(..=place);
    second.input = value;
    [first, second]
}

#[test]
fn two_parts_give_what_the_whole_gives() {
    let input = Numbers(60).vector(16 * 16 * 3, 1.0);
    let float = fold_batch_norms(&network(6, 16)).unwrap();
    for graph in [float, quantized(6, 16, &input)] {
        let mut whole = Executor::new(Plan::new(&graph, Fusion::Observable).unwrap());
        let expected = whole.run(&input).unwrap();
        for name in ["lone/clip", "strided", "classifier"] {
            let [first, second] = cut(&graph, name);
            let picture = Activation::new(graph.value(graph.input), &input).unwrap();
            let between = Part::new(&first).unwrap().run(&picture).unwrap();
            let shape = graph.value(first.output).shape;
            assert_eq!(between.to_nhwc().len(), shape.len(), "{name}");
            // What lies between is on its grid, so that nothing is lost by another way there.
            let again = Activation::new(graph.value(first.output), &between.to_nhwc()).unwrap();
            let mut last = Part::new(&second).unwrap();
            for between in [between, again] {
                assert_eq!(last.run(&between).unwrap().to_nhwc(), expected, "{name}");
            }
        }
    }
}

#[test]
fn a_part_refuses_what_it_does_not_read() {
    let input = Numbers(61).vector(16 * 16 * 3, 1.0);
    let graph = quantized(6, 16, &input);
    assert!(Activation::new(graph.value(graph.input), &input[1..]).is_err());
    let [_, mut second] = cut(&graph, "lone/clip");
    let right = Activation::new(graph.value(second.input), &vec![0.5; graph.value(second.input).shape.len()]);
    let wrong = Activation::new(graph.value(graph.input), &input).unwrap();
    let mut part = Part::new(&second).unwrap();
    assert!(part.run(right.as_ref().unwrap()).is_ok());
    assert!(matches!(part.run(&wrong), Err(EngineError::Input { .. })));
    // Levels where floats are read.
    let value = second.input.0;
    second.values[value].quantization = None;
    assert!(matches!(Part::new(&second).unwrap().run(&right.unwrap()), Err(EngineError::Input { .. })));
}
