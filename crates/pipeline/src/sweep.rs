//! Passes that go through a network layer by layer, each layer with what it really reads.

use std::sync::Arc;

use compress::{InputSums, correct_bias};
use graph::Graph;

use crate::PipelineError;
use crate::streams::Streams;

/// Brings the mean of every layer's outputs back to the float network's, from the first layer to the last, so that each
/// sees inputs that are corrected already.
#[derive(Debug)]
pub(crate) struct BiasSweep {
    streams: Streams,
    /// Stages with weights.
    layers: Vec<usize>,
    layer: usize,
    frame: usize,
    sums: Option<(InputSums, InputSums)>,
}

impl BiasSweep {
    /// `float` and `changed` have the same nodes and values; their frames are `pictures`.
    pub(crate) fn new(float: &Graph, changed: &Graph, pictures: Arc<[Vec<f32>]>) -> Self {
        let streams = Streams::new(float, changed, pictures);
        let has_weights = |idx: &usize| changed.nodes[streams.stages()[*idx].node].op.weight().is_some();
        let layers = (0..streams.stages().len()).filter(has_weights).collect();
        Self { streams, layers, layer: 0, frame: 0, sums: None }
    }

    /// Sends one frame to the layer in work. `Some` when all layers are done.
    pub(crate) fn advance(&mut self) -> Result<Option<Graph>, PipelineError> {
        let Some(&stage) = self.layers.get(self.layer) else {
            return Ok(Some(self.streams.changed().clone()));
        };
        let (node, input) = {
            let stage = &self.streams.stages()[stage];
            (stage.node, stage.inputs[0])
        };
        if self.sums.is_none() {
            let graph = self.streams.changed();
            let shapes = [graph.value(input).shape, graph.value(graph.nodes[node].output).shape];
            let sums = || InputSums::new(&graph.nodes[node].op, shapes[0], shapes[1]);
            self.sums = sums().zip(sums());
        }
        let Some((float_sums, changed_sums)) = &mut self.sums else {
            unreachable!("the layers of a sweep have weights")
        };
        if self.frame < self.streams.n_frames() {
            let (float, changed) = self.streams.inputs(stage, self.frame)?;
            float_sums.observe(&float);
            changed_sums.observe(&changed);
            self.frame += 1;
            return Ok(None);
        }
        let mut op = self.streams.changed().nodes[node].op.clone();
        correct_bias(&self.streams.float().nodes[node].op, float_sums, &mut op, changed_sums);
        self.streams.replace(stage, op);
        (self.layer, self.frame, self.sums) = (self.layer + 1, 0, None);
        Ok(None)
    }

    /// Frames sent to layers, and all there will be.
    pub(crate) fn progress(&self) -> (u64, u64) {
        let frames = self.streams.n_frames();
        ((self.layer * frames + self.frame) as u64, (self.layers.len() * frames) as u64)
    }
}
