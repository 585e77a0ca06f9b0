//! Where a compressed model goes astray: the error of each layer's weights, and of what it writes, beside the original.
//!
//! Both models run on the same pictures; a layer's output carries the errors of all layers before it. It is one frame
//! for one layer at a time, so that a page stays alive.

use std::sync::Arc;

use graph::{Graph, Weight, fold_batch_norms};
use serde::Serialize;

use crate::streams::Streams;
use crate::{LayerKind, Noise, PipelineError, layer_kind};

/// One layer beside its original.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerError {
    /// Its node's name.
    pub node: String,
    /// What it does.
    pub kind: LayerKind,
    /// Of its weights. Where channels were scaled ([`compress::equalize`]), weights differ without an error.
    pub weights: Noise,
    /// Of what it writes, behind the clip that follows.
    pub output: Noise,
}

/// Errors of layers under way. Dropping it is cancelling it.
#[derive(Debug)]
pub struct LayerErrorRun {
    streams: Streams,
    /// Stages with weights.
    stages: Vec<usize>,
    errors: Vec<LayerError>,
    /// Layers done, and frames of the next one.
    layer: usize,
    frame: usize,
}

impl LayerErrorRun {
    /// Prepares to compare `changed` with `original`, both on `pictures` (prepared, `nhwc`).
    ///
    /// # Errors
    /// [`PipelineError::Layer`] where the models do not have the same layers of the same shapes, as when channels were taken
    /// out; [`PipelineError::NoPictures`] without pictures, [`PipelineError::Engine`] for those of another size.
    pub fn new(original: &Graph, changed: &Graph, pictures: &Arc<[Vec<f32>]>) -> Result<Self, PipelineError> {
        let changed = fold_batch_norms(changed)?;
        let original = fold_batch_norms(original)?;
        let pairs = changed.nodes.iter().zip(&original.nodes);
        let differs = |(a, b): &(&graph::Node, &graph::Node)| {
            let shape = |node: &graph::Node| node.op.weight().map(|weight| weight.shape.clone());
            a.name != b.name || a.op.name() != b.op.name() || a.inputs != b.inputs || shape(a) != shape(b)
        };
        if let Some((node, _)) = pairs.clone().find(differs) {
            return Err(PipelineError::Layer { node: node.name.clone() });
        }
        if let Some(node) = longer(&changed, &original) {
            return Err(PipelineError::Layer { node });
        }
        if pictures.is_empty() {
            return Err(PipelineError::NoPictures);
        }
        let streams = Streams::new(&changed, Some(&original), pictures)?;
        let (mut stages, mut errors) = (Vec::new(), Vec::new());
        for (idx, stage) in streams.stages().iter().enumerate() {
            let (node, before) = (&changed.nodes[stage.node], &original.nodes[stage.node]);
            let Some((now, then)) = node.op.weight().zip(before.op.weight()) else { continue };
            let mut weights = Noise::default();
            weights.add(&Weight::to_f32(then), &now.to_f32());
            let (node, kind) = (node.name.clone(), layer_kind(&changed, node));
            errors.push(LayerError { node, kind, weights, output: Noise::default() });
            stages.push(idx);
        }
        Ok(Self { streams, stages, errors, layer: 0, frame: 0 })
    }

    /// Sends the next frame through the next layer; `Some` when all is done, in execution order.
    ///
    /// # Errors
    /// [`PipelineError::Engine`] when the engine cannot run a layer.
    pub fn advance(&mut self) -> Result<Option<Vec<LayerError>>, PipelineError> {
        let Some(&stage) = self.stages.get(self.layer) else {
            return Ok(Some(std::mem::take(&mut self.errors)));
        };
        let value = self.streams.stages()[stage].output;
        if let Some((float, changed)) = self.streams.pair(stage + 1, self.frame, value)? {
            self.errors[self.layer].output.add(&float, &changed);
        }
        self.frame += 1;
        if self.frame == self.streams.n_frames() {
            (self.layer, self.frame) = (self.layer + 1, 0);
        }
        Ok(None)
    }

    /// Layers done, and all there are.
    pub fn progress(&self) -> (u64, u64) {
        (self.layer as u64, self.stages.len() as u64)
    }
}

/// The first node of the longer graph that the shorter one lacks.
fn longer(a: &Graph, b: &Graph) -> Option<String> {
    let (shorter, longer) = if a.nodes.len() < b.nodes.len() { (a, b) } else { (b, a) };
    longer.nodes.get(shorter.nodes.len()).map(|node| node.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Recipe, RecipeRun, zoo};

    fn pictures(n: usize) -> Arc<[Vec<f32>]> {
        (0..n)
            .map(|i| (0..64 * 64 * 3).map(|j| ((j * (i + 3) * 7) % 255) as f32 / 127.5 - 1.0).collect())
            .collect()
    }

    fn errors(original: &Graph, changed: &Graph) -> Vec<LayerError> {
        let mut run = LayerErrorRun::new(original, changed, &pictures(2)).unwrap();
        let mut pieces = 0;
        loop {
            if let Some(errors) = run.advance().unwrap() {
                assert_eq!(pieces, 2 * errors.len());
                return errors;
            }
            pieces += 1;
        }
    }

    #[test]
    fn a_layers_output_carries_the_errors_before_it() {
        let original = fold_batch_norms(&zoo::mobilenet_v1(0.25, 64, 1)).unwrap();
        let same = errors(&original, &original);
        assert!(same.iter().all(|layer| layer.weights.noise == 0.0 && layer.output.noise == 0.0));
        assert!(same.iter().all(|layer| layer.output.signal > 0.0 && layer.output.sqnr_db().is_none()));

        let mut changed = original.clone();
        let name = same[4].node.clone();
        let node = changed.nodes.iter_mut().find(|node| node.name == name).unwrap();
        let weight = node.op.weight_mut().unwrap();
        let halved = weight.to_f32().iter().map(|w| 0.5 * w).collect();
        *weight = Weight::f32(weight.shape.clone(), halved);
        let off = errors(&original, &changed);
        for (idx, layer) in off.iter().enumerate() {
            assert_eq!(layer.weights.noise > 0.0, idx == 4, "{}", layer.node);
            assert_eq!(layer.output.noise > 0.0, idx >= 4, "{}", layer.node);
        }
        assert!((off[4].weights.sqnr_db().unwrap() - 20.0 * 2.0_f64.log10()).abs() < 1e-6);
    }

    #[test]
    fn integer_activations_count_and_other_networks_are_refused() {
        let original = Arc::new(zoo::mobilenet_v1(0.25, 64, 1));
        let int8 = RecipeRun::new(original.clone(), Recipe::preset("int8").unwrap(), pictures(2)).unwrap();
        let int8 = int8.finish().unwrap().graph;
        let off = errors(&original, &int8);
        assert!(off.iter().all(|layer| layer.output.sqnr_db().is_some_and(|db| db > 10.0)), "{off:?}");

        let other = zoo::mobilenet_v1(0.5, 64, 1);
        assert!(matches!(
            LayerErrorRun::new(&original, &other, &pictures(1)),
            Err(PipelineError::Layer { .. })
        ));
        let none = LayerErrorRun::new(&original, &int8, &pictures(0));
        assert!(matches!(none, Err(PipelineError::NoPictures)));
    }
}
