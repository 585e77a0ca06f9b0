//! Statistics of channels brought up to date, layer by layer from the front, each with what it really sees.
//!
//! [`StatisticsSweep`] works through batch norms that are not folded, or through layers into which they are folded. Both
//! need what a layer writes before its activation, so it runs operators without the clip behind them.

use compress::{CompressError, reestimate_batch_norm, repair_statistics};
use engine::Activation;
use graph::{Evidence, Graph, Op, WeightValues};

use crate::PipelineError;
use crate::stages::StageRunner;
use crate::streams::Streams;

/// Frames on their way, and the layer whose statistics they tell.
#[derive(Debug)]
pub(crate) struct StatisticsSweep {
    streams: Streams,
    kind: Kind,
    /// Stages concerned.
    layers: Vec<usize>,
    layer: usize,
    /// What has been seen of the layer, in both networks.
    float: Evidence,
    changed: Evidence,
    /// The layer without its clip, in both networks.
    runners: Option<(StageRunner, StageRunner)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    BatchNorms,
    Layers,
}

impl StatisticsSweep {
    /// Re-estimates the batch norms of `changed`.
    ///
    /// # Errors
    /// [`CompressError::NoBatchNorms`] where there are none, and for pictures of another size.
    pub(crate) fn batch_norms(changed: &Graph, pictures: &[Vec<f32>]) -> Result<Self, PipelineError> {
        let sweep = Self::new(Kind::BatchNorms, None, changed, pictures)?;
        match sweep.layers.is_empty() {
            true => Err(CompressError::NoBatchNorms.into()),
            false => Ok(sweep),
        }
    }

    /// Brings the statistics of the layers of `changed` with float32 weights back to those of `float`, which has the same
    /// nodes and values.
    ///
    /// # Errors
    /// For pictures of another size than the networks'.
    pub(crate) fn layers(
        float: &Graph,
        changed: &Graph,
        pictures: &[Vec<f32>],
    ) -> Result<Self, PipelineError> {
        Self::new(Kind::Layers, Some(float), changed, pictures)
    }

    fn new(
        kind: Kind,
        float: Option<&Graph>,
        changed: &Graph,
        pictures: &[Vec<f32>],
    ) -> Result<Self, PipelineError> {
        let streams = Streams::new(changed, float, pictures)?;
        let is_concerned = |op: &Op| match kind {
            Kind::BatchNorms => matches!(op, Op::BatchNorm(_)),
            Kind::Layers => op.weight().is_some_and(|weight| matches!(weight.values, WeightValues::F32(_))),
        };
        let stages = streams.stages().iter().enumerate();
        let layers = stages.filter(|(_, stage)| is_concerned(&changed.nodes[stage.node].op));
        let layers = layers.map(|(idx, _)| idx).collect();
        let (float, changed) = (Evidence::default(), Evidence::default());
        Ok(Self { streams, kind, layers, layer: 0, float, changed, runners: None })
    }

    /// Sends one frame to the layer, or changes it when all have been there. `Some` when all layers are done.
    pub(crate) fn advance(&mut self) -> Result<Option<Graph>, PipelineError> {
        let Some(&stage) = self.layers.get(self.layer) else {
            return Ok(Some(self.streams.changed().clone()));
        };
        let frame = self.changed.n_frames();
        if frame < self.streams.n_frames() {
            let changed = self.streams.changed_input(stage, frame)?;
            let float = self.streams.float_input(stage, frame)?;
            self.observe(stage, float.as_deref(), &changed)?;
        } else {
            self.change(stage)?;
            (self.float, self.changed, self.runners) = (Evidence::default(), Evidence::default(), None);
            self.layer += 1;
        }
        Ok(None)
    }

    fn observe(&mut self, stage: usize, float: Option<&[f32]>, changed: &[f32]) -> Result<(), PipelineError> {
        let graph = self.streams.changed();
        let stage = &self.streams.stages()[stage];
        let input = stage.inputs[0];
        if let (Kind::Layers, Some((float_graph, float))) = (self.kind, self.streams.float().zip(float)) {
            let bare = stage.without_clip(graph);
            let (float_runner, changed_runner) = match &mut self.runners {
                Some(runners) => runners,
                empty => {
                    empty.insert((StageRunner::new(float_graph, &bare)?, StageRunner::new(graph, &bare)?))
                }
            };
            let channels = graph.value(bare.output).shape.channels();
            let runs = [
                (float_graph, float_runner, float, &mut self.float),
                (graph, changed_runner, changed, &mut self.changed),
            ];
            for (graph, runner, input, evidence) in runs {
                let input = Activation::new(graph.value(stage.inputs[0]), input)?;
                evidence.observe(bare.output, &runner.run(&[&input])?.to_nhwc(), channels);
            }
        } else {
            self.changed.observe(input, changed, graph.value(input).shape.channels());
        }
        self.float.end_frame();
        self.changed.end_frame();
        Ok(())
    }

    fn change(&mut self, stage: usize) -> Result<(), PipelineError> {
        let graph = self.streams.changed();
        let node = self.streams.stages()[stage].node;
        let name = &graph.nodes[node].name;
        let changed = match self.kind {
            Kind::BatchNorms => reestimate_batch_norm(graph, name, &self.changed)?,
            Kind::Layers => repair_statistics(graph, name, &self.changed, &self.float)?.0,
        };
        let op = changed.nodes[node].op.clone();
        self.streams.replace(stage, op);
        Ok(())
    }

    /// Layers done, and all there are.
    pub(crate) fn progress(&self) -> (u64, u64) {
        (self.layer as u64, self.layers.len() as u64)
    }
}
