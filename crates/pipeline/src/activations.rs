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

use graph::{ActivationQuantization, Graph, Node, ValueId};

use crate::stages::stages;

/// An activation and its quantization, as the engine wants it.
type Wanted = (ValueId, Option<ActivationQuantization>);

/// Every layer with what it writes: its node's output, or that of the clip that joins it.
fn layer_outputs(graph: &Graph) -> impl Iterator<Item = (&Node, Wanted)> {
    stages(graph).into_iter().filter_map(|stage| {
        let node = &graph.nodes[stage.node];
        node.op.weight().map(|_| (node, (stage.output, graph.value(stage.output).quantization)))
    })
}
