//! Calibration frames on their way through the float and the compressed network at once, layer by layer.
//!
//! A layer is compressed with what it really reads: the activations behind everything that was compressed before it,
//! beside those of the float network. To hold all activations of all frames would take gigabytes, to run every
//! frame from the picture for every layer would take minutes. So each frame keeps what is alive at the last place where
//! that is little: after every layer, where it fits the memory that may be taken, else between two inverted bottlenecks.
//! From there it runs.

use std::collections::BTreeMap;

use engine::Activation;
use graph::{Graph, Op, ValueId};

use crate::PipelineError;
use crate::stages::{Stage, StageRunner, stages};

/// Activations by value.
type Live = BTreeMap<ValueId, Activation>;

/// Both networks have the same stages.
#[derive(Debug)]
pub(crate) struct Streams {
    stages: Vec<Stage>,
    /// For each value, the last stage that reads it, and beyond all stages for the output.
    last_reads: Vec<usize>,
    changed: Stream,
    float: Option<Stream>,
}

/// One network and where the frames are in it.
#[derive(Debug)]
struct Stream {
    graph: Graph,
    runners: Vec<Option<StageRunner>>,
    /// For each number of stages that have run, whether frames stop there.
    stops: Vec<bool>,
    /// For each frame, how many stages have run and what is alive then.
    frames: Vec<(usize, Live)>,
}

/// Bytes that the activations of all frames of a network may take where they are not at their narrowest.
const ROOM: usize = 48 << 20;

/// An activation in the float network and in the compressed one, `nhwc`.
pub(crate) type Both = (Vec<f32>, Vec<f32>);

impl Streams {
    /// Frames before the first stage of `changed`, and of `float` if that is to run beside it. Both graphs have the same
    /// nodes and values.
    ///
    /// # Errors
    /// For pictures of another size than the networks'.
    pub(crate) fn new(
        changed: &Graph,
        float: Option<&Graph>,
        pictures: &[Vec<f32>],
    ) -> Result<Self, PipelineError> {
        let stages = stages(changed);
        let mut last_reads = vec![0; changed.values.len()];
        for (idx, stage) in stages.iter().enumerate() {
            for input in &stage.inputs {
                last_reads[input.0] = idx;
            }
        }
        last_reads[changed.output.0] = stages.len();
        let stream = |graph: &Graph| Stream::new(graph, &stages, &last_reads, pictures);
        Ok(Self { changed: stream(changed)?, float: float.map(stream).transpose()?, stages, last_reads })
    }

    /// The stages.
    pub(crate) fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// Number of frames.
    pub(crate) fn n_frames(&self) -> usize {
        self.changed.frames.len()
    }

    /// The network that is being compressed.
    pub(crate) fn changed(&self) -> &Graph {
        &self.changed.graph
    }

    /// The float network, where it runs.
    pub(crate) fn float(&self) -> Option<&Graph> {
        self.float.as_ref().map(|stream| &stream.graph)
    }

    /// Replaces the operator of a stage that no frame has passed yet.
    pub(crate) fn replace(&mut self, stage: usize, op: Op) {
        let Stage { node, .. } = self.stages[stage];
        self.changed.graph.nodes[node].op = op;
        self.changed.runners[stage] = None;
    }

    /// The other activation that the output of `stage` is added to, where it is added as it is and the other one is there
    /// before.
    pub(crate) fn summand(&self, stage: usize) -> Option<ValueId> {
        let output = self.stages[stage].output;
        let mut readers = self.stages.iter().filter(|reader| reader.inputs.contains(&output));
        let (Some(reader), None) = (readers.next(), readers.next()) else { return None };
        let Op::Add = self.changed.graph.nodes[reader.node].op else { return None };
        let other = *reader.inputs.iter().find(|input| **input != output)?;
        let before = self.stages[..stage].iter().any(|stage| stage.output == other);
        (before || other == self.changed.graph.input).then_some(other)
    }

    /// What `stage` reads of `frame` in the compressed network, `nhwc`.
    pub(crate) fn changed_input(&mut self, stage: usize, frame: usize) -> Result<Vec<f32>, PipelineError> {
        let value = self.stages[stage].inputs[0];
        self.changed.value(&self.stages, &self.last_reads, stage, frame, value)
    }

    /// A value that is alive before `stage`, in the float network, where that runs, and in the compressed one; `nhwc`.
    pub(crate) fn pair(
        &mut self,
        stage: usize,
        frame: usize,
        value: ValueId,
    ) -> Result<Option<Both>, PipelineError> {
        let Some(float) = &mut self.float else { return Ok(None) };
        let float = float.value(&self.stages, &self.last_reads, stage, frame, value)?;
        let changed = self.changed.value(&self.stages, &self.last_reads, stage, frame, value)?;
        Ok(Some((float, changed)))
    }

    /// What `stage` reads of `frame` in the float network, where that runs; `nhwc`.
    pub(crate) fn float_input(
        &mut self,
        stage: usize,
        frame: usize,
    ) -> Result<Option<Vec<f32>>, PipelineError> {
        let float = self.float.as_mut();
        let value = self.stages[stage].inputs[0];
        float.map(|float| float.value(&self.stages, &self.last_reads, stage, frame, value)).transpose()
    }
}

impl Stream {
    fn new(
        graph: &Graph,
        stages: &[Stage],
        last_reads: &[usize],
        pictures: &[Vec<f32>],
    ) -> Result<Self, PipelineError> {
        let mut graph = graph.clone();
        // A clip joins its operator, whose own output is never stored.
        for stage in stages {
            let inner = graph.nodes[stage.node].output;
            if inner != stage.output {
                graph.values[inner.0].quantization = None;
            }
        }
        let frames = pictures.iter().map(|picture| {
            let picture = Activation::new(graph.value(graph.input), picture)?;
            Ok((0, Live::from([(graph.input, picture)])))
        });
        let frames = frames.collect::<Result<Vec<_>, PipelineError>>()?;
        let stops = stops(&graph, stages, last_reads, frames.len());
        Ok(Self { runners: stages.iter().map(|_| None).collect(), frames, graph, stops })
    }

    /// Runs a frame to `target` and gives a value that is alive there.
    fn value(
        &mut self,
        stages: &[Stage],
        last_reads: &[usize],
        target: usize,
        frame: usize,
        value: ValueId,
    ) -> Result<Vec<f32>, PipelineError> {
        let (first, _) = self.frames[frame];
        // What has run since the last stop.
        let mut since = Live::new();
        for (idx, stage) in stages.iter().enumerate().take(target).skip(first) {
            if self.stops[idx] && idx > self.frames[frame].0 {
                self.stop(frame, idx, last_reads, &mut since);
            }
            let kept = &self.frames[frame].1;
            let find = |value: &ValueId| since.get(value).or_else(|| kept.get(value));
            let inputs: Vec<&Activation> = stage.inputs.iter().filter_map(find).collect();
            let runner = match &mut self.runners[idx] {
                Some(runner) => runner,
                empty => empty.insert(StageRunner::new(&self.graph, stage)?),
            };
            let output = runner.run(&inputs)?;
            since.insert(stage.output, output);
            since.retain(|value, _| last_reads[value.0] > idx);
        }
        if self.stops[target] && target > self.frames[frame].0 {
            self.stop(frame, target, last_reads, &mut since);
            // Nobody goes back behind a stop.
            if self.frames.iter().all(|(at, _)| *at >= target) {
                self.runners[..target].fill_with(|| None);
            }
        }
        let input = since.get(&value).or_else(|| self.frames[frame].1.get(&value));
        Ok(input.map(Activation::to_nhwc).unwrap_or_default())
    }

    /// Makes what is alive after `at` stages the frame's new start.
    fn stop(&mut self, frame: usize, at: usize, last_reads: &[usize], since: &mut Live) {
        let (place, live) = &mut self.frames[frame];
        *place = at;
        live.append(since);
        live.retain(|value, _| last_reads[value.0] >= at);
    }
}

/// After how many stages frames stop: where what is alive of all frames has room, or takes no more than one stage before
/// and one after.
fn stops(graph: &Graph, stages: &[Stage], last_reads: &[usize], n_frames: usize) -> Vec<bool> {
    let mut written = vec![usize::MAX; graph.values.len()];
    written[graph.input.0] = 0;
    for (idx, stage) in stages.iter().enumerate() {
        written[stage.output.0] = idx + 1;
    }
    let alive = |at: usize| -> usize {
        let values = graph.values.iter().zip(&written).zip(last_reads);
        values
            .filter(|((_, written), last_read)| **written <= at && **last_read >= at)
            .map(|((value, _), _)| Activation::bytes_of(value))
            .sum()
    };
    let alive: Vec<usize> = (0..=stages.len()).map(alive).collect();
    (0..=stages.len())
        .map(|at| {
            let before = at == 0 || alive[at] <= alive[at - 1];
            let after = at == stages.len() || alive[at] <= alive[at + 1];
            before && after || alive[at].saturating_mul(n_frames) <= ROOM
        })
        .collect()
}
