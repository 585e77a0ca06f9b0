//! Passes that go through a network layer by layer, each layer with what it really reads.

use std::sync::Arc;

use compress::reconstruct::{MAX_INPUTS, MomentsBuilder, TapMoments};
use compress::{
    CompressError, InputSums, LayerMethod, LayerWork, correct_bias, shorten_bias, widen_for_bias,
};
use engine::{Executor, Fusion, Plan};
use graph::{Conv2d, Graph, Op, Shape, Weight};

use crate::PipelineError;
use crate::stages::Stage;
use crate::streams::Streams;

/// From the first layer to the last: compresses those that have a method, and brings the mean of every layer's outputs
/// back to the float network's, so that each layer sees inputs that are repaired already.
///
/// Where methods compare the inputs of a layer pixel by pixel, the float network goes along layer by layer. Else only its
/// means are needed, and they are all found at once, before.
#[derive(Debug)]
pub(crate) struct Sweep {
    streams: Streams,
    float: Arc<Graph>,
    /// What each layer of the float network reads.
    float_sums: Vec<InputSums>,
    /// Stages with weights, and what becomes of them.
    layers: Vec<(usize, Option<LayerMethod>)>,
    layer: usize,
    /// Frames that `observer` has run.
    n_observed: usize,
    pictures: Arc<[Vec<f32>]>,
    /// Runs the float network where it does not go along.
    observer: Option<Box<Executor>>,
    /// Whether the file is to be small: biases have few digits then.
    for_size: bool,
    /// Whether depthwise layers are fitted: not behind channels that were taken out, where nothing else is wrong with what
    /// they read, and few pictures mislead more than the fit gains.
    fits_taps: bool,
    work: Work,
}

/// What is done for the layer.
#[derive(Debug)]
enum Work {
    Begin,
    /// Frames are sent to it.
    Gather {
        frame: usize,
        changed: InputSums,
        seen: Seen,
    },
    Compress {
        changed: InputSums,
        work: Box<LayerWork>,
    },
    Correct {
        changed: InputSums,
    },
}

/// What is gathered beside the means.
#[derive(Debug)]
enum Seen {
    Nothing,
    Moments(MomentsBuilder),
    /// Of a depthwise layer between those that are compressed.
    Taps(TapMoments),
}

/// The ridge of a depthwise layer's fit where there are many pixels to tell its nine weights by.
const TAP_RIDGE: f64 = 0.01;
/// Outputs of a depthwise layer, of all frames together, whose inputs are looked at: some hundred for each tap.
const TAP_OUTPUTS: usize = 4096;

/// Pixels of a layer's input that are looked at, for each of its inputs: more tell little more.
const PIXELS_PER_INPUT: usize = 128;

impl Sweep {
    /// `float` and `changed` have the same nodes and values, `methods` an entry for each node; frames are `pictures`.
    ///
    /// # Errors
    /// For networks that cannot run, pictures of another size, and layers with more than [`MAX_INPUTS`] inputs to compare.
    pub(crate) fn new(
        float: Arc<Graph>,
        changed: &Graph,
        methods: &[Option<LayerMethod>],
        pictures: Arc<[Vec<f32>]>,
    ) -> Result<Self, PipelineError> {
        for (node, _) in changed.nodes.iter().zip(methods).filter(|(_, method)| method.is_some()) {
            let n_inputs = node.op.weight().map_or(0, Weight::channel_len);
            if n_inputs > MAX_INPUTS {
                return Err(CompressError::TooManyInputs { layer: node.name.clone(), n_inputs }.into());
            }
        }
        let compares = methods.iter().any(Option::is_some);
        let streams = Streams::new(changed, compares.then_some(&*float), &pictures)?;
        let layers = streams.stages().iter().enumerate();
        let layers: Vec<_> = layers
            .filter(|(_, stage)| changed.nodes[stage.node].op.weight().is_some())
            .map(|(idx, stage)| (idx, methods.get(stage.node).copied().flatten()))
            .collect();
        let for_size = methods.iter().flatten().any(|method| matches!(method, LayerMethod::Rate { .. }));
        let fits_taps = methods.iter().flatten().any(|method| !matches!(method, LayerMethod::Refit));
        let observer = match compares {
            true => None,
            false => Some(Box::new(Executor::new(Plan::new(&float, Fusion::Observable)?))),
        };
        let float_sums =
            layers.iter().map(|(stage, _)| empty_sums(&float, &streams.stages()[*stage])).collect();
        let (layer, n_observed, work) = (0, 0, Work::Begin);
        Ok(Self {
            streams,
            float,
            float_sums,
            layers,
            layer,
            n_observed,
            pictures,
            observer,
            for_size,
            fits_taps,
            work,
        })
    }

    /// Does the next piece. `Some` when all layers are done.
    ///
    /// # Errors
    /// [`PipelineError::InLayer`] with what the engine or the layer's method refuses.
    pub(crate) fn advance(&mut self) -> Result<Option<Graph>, PipelineError> {
        let layer = self.layers.get(self.layer).filter(|_| self.begun());
        let stage = layer.map(|(stage, _)| *stage);
        self.piece().map_err(|error| match stage {
            Some(stage) => {
                let node = self.streams.stages()[stage].node;
                let node = self.float.nodes[node].name.clone();
                PipelineError::InLayer { node, cause: Box::new(error) }
            }
            None => error,
        })
    }

    fn piece(&mut self) -> Result<Option<Graph>, PipelineError> {
        if let Some(observer) = &mut self.observer
            && let Some(picture) = self.pictures.get(self.n_observed)
        {
            self.n_observed += 1;
            let (layers, stages) = (&self.layers, self.streams.stages());
            let float_sums = &mut self.float_sums;
            observer.run_observed(picture, &mut |value, activations| {
                for ((stage, _), sums) in layers.iter().zip(&mut *float_sums) {
                    if stages[*stage].inputs[0] == value {
                        sums.observe(activations);
                    }
                }
            })?;
            return Ok(None);
        }
        let Some(&(stage, method)) = self.layers.get(self.layer) else {
            return Ok(Some(self.streams.changed().clone()));
        };
        self.work = match std::mem::replace(&mut self.work, Work::Begin) {
            Work::Begin => {
                let changed = empty_sums(self.streams.changed(), &self.streams.stages()[stage]);
                Work::Gather { frame: 0, changed, seen: self.unseen(stage, method) }
            }
            Work::Gather { frame, mut changed, mut seen } => {
                let changed_input = self.streams.changed_input(stage, frame)?;
                changed.observe(&changed_input);
                if let Some(float_input) = self.streams.float_input(stage, frame)? {
                    self.float_sums[self.layer].observe(&float_input);
                    match &mut seen {
                        Seen::Nothing => {}
                        Seen::Moments(moments) => {
                            let pixels = self.pixels(stage, frame);
                            let changed_pixels = pixels.of(&changed_input);
                            moments.observe(&changed_pixels, &pixels.of(&float_input))?;
                            if let Some(lacking) = self.lacking(stage, frame, &pixels)? {
                                moments.observe_lacking(&changed_pixels, &lacking)?;
                            }
                        }
                        Seen::Taps(taps) => {
                            let every = (taps.n_outputs() * self.streams.n_frames() / TAP_OUTPUTS).max(1);
                            taps.observe(&changed_input, &float_input, frame * 7 % every, every);
                        }
                    }
                }
                match (frame + 1 < self.streams.n_frames(), seen, method) {
                    (true, seen, _) => Work::Gather { frame: frame + 1, changed, seen },
                    (false, Seen::Taps(taps), _) => {
                        let (before, now) = self.weights(stage);
                        if let Some(weight) = taps.fit_like(&now, &before, TAP_RIDGE)? {
                            self.put(stage, weight);
                        }
                        Work::Correct { changed }
                    }
                    (false, Seen::Moments(moments), Some(method)) => {
                        let (before, now) = self.weights(stage);
                        let work = Box::new(LayerWork::new(method, &before, &now, moments.finish())?);
                        Work::Compress { changed, work }
                    }
                    (false, ..) => Work::Correct { changed },
                }
            }
            Work::Compress { changed, mut work } => match work.advance()? {
                None => Work::Compress { changed, work },
                Some(weight) => {
                    self.put(stage, weight);
                    Work::Correct { changed }
                }
            },
            Work::Correct { changed } => {
                let Stage { node, inputs, .. } = &self.streams.stages()[stage];
                let before = self.float.nodes[*node].op.clone();
                let grid = self.streams.changed().value(inputs[0]).quantization;
                let float = self.float_sums[self.layer].clone();
                let for_size = self.for_size;
                self.change(stage, |op| {
                    correct_bias(&before, &float, op, &changed);
                    if for_size {
                        shorten_bias(op);
                    }
                    widen_for_bias(op, grid);
                });
                self.layer += 1;
                Work::Begin
            }
        };
        Ok(None)
    }

    /// What is to be gathered at a layer.
    fn unseen(&self, stage: usize, method: Option<LayerMethod>) -> Seen {
        let graph = self.streams.changed();
        let node = &graph.nodes[self.streams.stages()[stage].node];
        if method.is_some() {
            return Seen::Moments(MomentsBuilder::new(node.op.weight().map_or(0, Weight::channel_len)));
        }
        let shapes = [graph.value(node.inputs[0]).shape, graph.value(node.output).shape];
        match (&node.op, self.streams.float()) {
            (Op::Conv2d(conv), Some(_)) if self.fits_taps => {
                TapMoments::new(conv, shapes[0], shapes[1]).map_or(Seen::Nothing, Seen::Taps)
            }
            _ => Seen::Nothing,
        }
    }

    /// What the other activation that a layer's output is added to lacks at these pixels.
    fn lacking(
        &mut self,
        stage: usize,
        frame: usize,
        pixels: &Pixels,
    ) -> Result<Option<Vec<f32>>, PipelineError> {
        let Some(summand) = self.streams.summand(stage) else { return Ok(None) };
        let (width, channels) = match self.streams.changed().value(summand).shape {
            Shape::Image { width, channels, .. } => (width, channels),
            Shape::Vector { length } => (1, length),
        };
        let pixels = Pixels { width, channels, stride: [1, 1], ..*pixels };
        let pair = self.streams.pair(stage, frame, summand)?;
        Ok(pair.map(|(float, changed)| {
            let lacking: Vec<f32> =
                float.iter().zip(&changed).map(|(float, changed)| float - changed).collect();
            pixels.of(&lacking)
        }))
    }

    /// A layer's weights in the float network, and as they are.
    fn weights(&self, stage: usize) -> (Weight, Weight) {
        let node = self.streams.stages()[stage].node;
        let weight = |graph: &Graph| graph.nodes[node].op.weight().cloned();
        match weight(&self.float).zip(weight(self.streams.changed())) {
            Some(weights) => weights,
            None => unreachable!("the layers of a sweep have weights"),
        }
    }

    fn put(&mut self, stage: usize, weight: Weight) {
        self.change(stage, |op| {
            if let Some(place) = op.weight_mut() {
                *place = weight;
            }
        });
    }

    fn change(&mut self, stage: usize, change: impl FnOnce(&mut Op)) {
        let node = self.streams.stages()[stage].node;
        let mut op = self.streams.changed().nodes[node].op.clone();
        change(&mut op);
        self.streams.replace(stage, op);
    }

    /// Which pixels of a frame the moments look at.
    fn pixels(&self, stage: usize, frame: usize) -> Pixels {
        let graph = self.streams.changed();
        let node = &graph.nodes[self.streams.stages()[stage].node];
        match (&node.op, graph.value(node.inputs[0]).shape) {
            (Op::Conv2d(Conv2d { stride, .. }), Shape::Image { height, width, channels }) => {
                let n_pixels = height.div_ceil(stride[0]) * width.div_ceil(stride[1]);
                let all = n_pixels * self.streams.n_frames();
                let every = (all / (PIXELS_PER_INPUT * channels.max(1))).clamp(1, n_pixels.max(1));
                // Frames take turns in where they begin.
                Pixels { width, channels, stride: *stride, first: frame * 7 % every, every }
            }
            (_, shape) => Pixels { width: 1, channels: shape.channels(), stride: [1, 1], first: 0, every: 1 },
        }
    }

    /// Whether the float network's means are found, or come along with each layer.
    fn begun(&self) -> bool {
        self.observer.is_none() || self.n_observed == self.pictures.len()
    }

    /// Layers done, and all there are. Finding the float network's means counts as one.
    pub(crate) fn progress(&self) -> (u64, u64) {
        (u64::from(self.begun()) + self.layer as u64, 1 + self.layers.len() as u64)
    }
}

/// Nothing seen yet by the layer of `stage`.
fn empty_sums(graph: &Graph, stage: &Stage) -> InputSums {
    let node = &graph.nodes[stage.node];
    let shapes = [graph.value(node.inputs[0]).shape, graph.value(node.output).shape];
    match InputSums::new(&node.op, shapes[0], shapes[1]) {
        Some(sums) => sums,
        None => unreachable!("the layers of a sweep have weights"),
    }
}

/// Every so many pixels under a 1x1 window.
struct Pixels {
    width: usize,
    channels: usize,
    stride: [usize; 2],
    first: usize,
    every: usize,
}

impl Pixels {
    /// Their channels, `[pixels, channels]`, of an image `nhwc`.
    fn of(&self, image: &[f32]) -> Vec<f32> {
        let line = self.width * self.channels;
        image
            .chunks_exact(line.max(1))
            .step_by(self.stride[0])
            .flat_map(|line| line.chunks_exact(self.channels.max(1)).step_by(self.stride[1]))
            .skip(self.first)
            .step_by(self.every)
            .flatten()
            .copied()
            .collect()
    }
}
