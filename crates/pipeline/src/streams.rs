//! Calibration frames on their way through the float and the compressed network at once, layer by layer.
//!
//! A layer is compressed with what it really reads: the activations behind everything that was compressed before it,
//! beside those of the float network. To hold all activations of all frames would take gigabytes, to run every
//! frame from the picture for every layer would take minutes. So each frame keeps what is alive at the last narrow place
//! (in an inverted bottleneck the activation between two blocks) and runs from there.

use std::collections::BTreeMap;

use graph::{Graph, ValueId};

use crate::PipelineError;
use crate::stages::{Stage, StageRunner, round_to_grid, stages};

/// Activations by value.
type Live = BTreeMap<ValueId, Vec<f32>>;

/// Both networks and where the frames are in them.
#[derive(Debug)]
pub(crate) struct Streams {
    stages: Vec<Stage>,
    float: Stream,
    changed: Stream,
    /// For each number of stages that have run, whether frames stop there.
    stops: Vec<bool>,
    /// For each value, the last stage that reads it, and beyond all stages for the output.
    last_reads: Vec<usize>,
}

/// One network.
#[derive(Debug)]
struct Stream {
    graph: Graph,
    runners: Vec<Option<StageRunner>>,
    /// For each frame, how many stages have run and what is alive then.
    frames: Vec<(usize, Live)>,
}

impl Streams {
    /// Frames before the first stage. Both graphs have the same nodes and values.
    pub(crate) fn new(float: &Graph, changed: &Graph, pictures: &[Vec<f32>]) -> Self {
        let stages = stages(changed);
        let mut last_reads = vec![0; changed.values.len()];
        for (idx, stage) in stages.iter().enumerate() {
            for input in &stage.inputs {
                last_reads[input.0] = idx;
            }
        }
        last_reads[changed.output.0] = stages.len();
        let stops = narrow_places(changed, &stages, &last_reads);
        let stream = |graph: &Graph| {
            let mut graph = graph.clone();
            // A clip joins its operator, whose own output is never stored.
            for stage in &stages {
                let inner = graph.nodes[stage.node].output;
                if inner != stage.output {
                    graph.values[inner.0].quantization = None;
                }
            }
            let frames = pictures
                .iter()
                .map(|picture| {
                    let mut picture = picture.clone();
                    round_to_grid(&graph, graph.input, &mut picture);
                    (0, Live::from([(graph.input, picture)]))
                })
                .collect();
            Stream { runners: stages.iter().map(|_| None).collect(), frames, graph }
        };
        Self { float: stream(float), changed: stream(changed), stops, last_reads, stages }
    }

    /// The stages.
    pub(crate) fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// Number of frames.
    pub(crate) fn n_frames(&self) -> usize {
        self.float.frames.len()
    }

    /// The float network.
    pub(crate) fn float(&self) -> &Graph {
        &self.float.graph
    }

    /// The network that is being compressed.
    pub(crate) fn changed(&self) -> &Graph {
        &self.changed.graph
    }

    /// Replaces the operator of a stage that no frame has passed yet.
    pub(crate) fn replace(&mut self, stage: usize, op: graph::Op) {
        let Stage { node, .. } = self.stages[stage];
        self.changed.graph.nodes[node].op = op;
        self.changed.runners[stage] = None;
    }

    /// What `stage` reads of `frame`, in the float and in the compressed network.
    pub(crate) fn inputs(
        &mut self,
        stage: usize,
        frame: usize,
    ) -> Result<(Vec<f32>, Vec<f32>), PipelineError> {
        let Self { stages, float, changed, stops, last_reads, .. } = self;
        let way = Way { stages, stops, last_reads };
        Ok((way.input(float, stage, frame)?, way.input(changed, stage, frame)?))
    }
}

/// What both networks have in common.
struct Way<'a> {
    stages: &'a [Stage],
    stops: &'a [bool],
    last_reads: &'a [usize],
}

impl Way<'_> {
    /// Runs a frame to `target` and gives what that stage reads first.
    fn input(&self, stream: &mut Stream, target: usize, frame: usize) -> Result<Vec<f32>, PipelineError> {
        let Stream { graph, runners, frames } = stream;
        let (first, _) = frames[frame];
        // What has run since the last stop.
        let mut since = Live::new();
        for (idx, stage) in self.stages.iter().enumerate().take(target).skip(first) {
            if self.stops[idx] && idx > frames[frame].0 {
                self.stop(&mut frames[frame], idx, &mut since);
            }
            let kept = &frames[frame].1;
            let find = |value: &ValueId| since.get(value).or_else(|| kept.get(value));
            let inputs: Vec<&[f32]> = stage.inputs.iter().filter_map(find).map(Vec::as_slice).collect();
            let runner = match &mut runners[idx] {
                Some(runner) => runner,
                empty => empty.insert(StageRunner::new(graph, stage)?),
            };
            let mut output = runner.run(&inputs)?;
            if !runner.is_integer() {
                round_to_grid(graph, stage.output, &mut output);
            }
            since.insert(stage.output, output);
            since.retain(|value, _| self.last_reads[value.0] > idx);
        }
        if self.stops[target] && target > frames[frame].0 {
            self.stop(&mut frames[frame], target, &mut since);
            // Nobody goes back behind a stop.
            if frames.iter().all(|(at, _)| *at >= target) {
                runners[..target].fill_with(|| None);
            }
        }
        let value = self.stages[target].inputs[0];
        let kept = || frames[frame].1.get(&value).cloned();
        Ok(since.remove(&value).or_else(kept).unwrap_or_default())
    }

    /// Makes what is alive after `at` stages the frame's new start.
    fn stop(&self, frame: &mut (usize, Live), at: usize, since: &mut Live) {
        frame.0 = at;
        frame.1.append(since);
        frame.1.retain(|value, _| self.last_reads[value.0] >= at);
    }
}

/// After how many stages frames stop: where what is alive takes less room than one stage before and no more than one
/// after.
fn narrow_places(graph: &Graph, stages: &[Stage], last_reads: &[usize]) -> Vec<bool> {
    let mut written = vec![usize::MAX; graph.values.len()];
    written[graph.input.0] = 0;
    for (idx, stage) in stages.iter().enumerate() {
        written[stage.output.0] = idx + 1;
    }
    let alive = |at: usize| -> usize {
        let values = graph.values.iter().zip(&written).zip(last_reads);
        values
            .filter(|((_, written), last_read)| **written <= at && **last_read >= at)
            .map(|((value, _), _)| value.shape.len())
            .sum()
    };
    let alive: Vec<usize> = (0..=stages.len()).map(alive).collect();
    (0..=stages.len())
        .map(|at| {
            let before = at == 0 || alive[at] <= alive[at - 1];
            let after = at == stages.len() || alive[at] <= alive[at + 1];
            before && after
        })
        .collect()
}
