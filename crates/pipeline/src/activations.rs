//! What flows between the layers of a model: where in the picture a class's score comes from ([`ClassMap`]), what every
//! layer writes beside another model ([`OutputScan`]), and single channels as pictures ([`LayerMaps`]).
//!
//! Activations of models on integers are shown as the real numbers that their levels stand for.

mod class_map;
mod maps;
mod scan;

pub use class_map::ClassMap;
pub use maps::{ChannelMap, LayerMaps};
pub use scan::{LayerOutputs, OutputScan, Shift};

use graph::{ActivationQuantization, Graph, Node, Op, ValueId};

/// An activation and its quantization, as the engine wants it.
type Wanted = (ValueId, Option<ActivationQuantization>);

/// What a layer writes: its node's output, or that of the clip which alone reads it.
fn output_of(graph: &Graph, node: &Node) -> Wanted {
    let mut readers = graph.nodes.iter().filter(|reader| reader.inputs.contains(&node.output));
    let value = match (readers.next(), readers.next()) {
        (Some(Node { op: Op::Clip(_), output, .. }), None) => *output,
        _ => node.output,
    };
    (value, graph.value(value).quantization)
}
