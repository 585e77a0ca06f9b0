//! Passes that go through a network layer by layer, each layer with what it really reads.

use compress::reconstruct::MomentsBuilder;
use compress::{InputSums, LayerMethod, LayerWork, correct_bias, shorten_bias, widen_for_bias};
use graph::{Conv2d, Graph, Op, Shape, Weight};

use crate::PipelineError;
use crate::streams::Streams;

/// From the first layer to the last: compresses those that have a method, and brings the mean of every layer's outputs
/// back to the float network's, so that each layer sees inputs that are repaired already.
#[derive(Debug)]
pub(crate) struct Sweep {
    streams: Streams,
    /// Stages with weights, and what becomes of them.
    layers: Vec<(usize, Option<LayerMethod>)>,
    layer: usize,
    /// Whether the file is to be small: biases have few digits then.
    for_size: bool,
    work: Work,
}

/// What is done for the layer.
#[derive(Debug)]
enum Work {
    Begin,
    /// Frames are sent to it.
    Gather {
        frame: usize,
        float: InputSums,
        changed: InputSums,
        moments: Option<MomentsBuilder>,
    },
    Compress {
        float: InputSums,
        changed: InputSums,
        work: Box<LayerWork>,
    },
    Correct {
        float: InputSums,
        changed: InputSums,
    },
}

/// Pixels of a layer's input that are looked at, for each of its inputs: more tell little more.
const PIXELS_PER_INPUT: usize = 128;

impl Sweep {
    /// `float` and `changed` have the same nodes and values, `methods` an entry for each node; frames are `pictures`.
    pub(crate) fn new(
        float: &Graph,
        changed: &Graph,
        methods: &[Option<LayerMethod>],
        pictures: &[Vec<f32>],
    ) -> Self {
        let streams = Streams::new(float, changed, pictures);
        let layers = streams.stages().iter().enumerate();
        let layers = layers
            .filter(|(_, stage)| changed.nodes[stage.node].op.weight().is_some())
            .map(|(idx, stage)| (idx, methods.get(stage.node).copied().flatten()))
            .collect();
        let for_size = methods.iter().flatten().any(|method| matches!(method, LayerMethod::Rate { .. }));
        Self { streams, layers, layer: 0, for_size, work: Work::Begin }
    }

    /// Does the next piece. `Some` when all layers are done.
    pub(crate) fn advance(&mut self) -> Result<Option<Graph>, PipelineError> {
        let Some(&(stage, method)) = self.layers.get(self.layer) else {
            return Ok(Some(self.streams.changed().clone()));
        };
        self.work = match std::mem::replace(&mut self.work, Work::Begin) {
            Work::Begin => self.begin(stage, method),
            Work::Gather { frame, mut float, mut changed, mut moments } => {
                let (float_input, changed_input) = self.streams.inputs(stage, frame)?;
                float.observe(&float_input);
                changed.observe(&changed_input);
                if let Some(moments) = &mut moments {
                    let pixels = self.pixels(stage, frame);
                    moments.observe(&pixels.of(&changed_input), &pixels.of(&float_input))?;
                }
                match (frame + 1 < self.streams.n_frames(), moments, method) {
                    (true, moments, _) => Work::Gather { frame: frame + 1, float, changed, moments },
                    (false, Some(moments), Some(method)) => {
                        let node = self.streams.stages()[stage].node;
                        let weight = |graph: &Graph| graph.nodes[node].op.weight().cloned();
                        let weights = weight(self.streams.float()).zip(weight(self.streams.changed()));
                        let Some((before, now)) = weights else {
                            unreachable!("the layers of a sweep have weights")
                        };
                        let work = Box::new(LayerWork::new(method, &before, &now, moments.finish())?);
                        Work::Compress { float, changed, work }
                    }
                    (false, ..) => Work::Correct { float, changed },
                }
            }
            Work::Compress { float, changed, mut work } => match work.advance()? {
                None => Work::Compress { float, changed, work },
                Some(weight) => {
                    self.change(stage, |op| {
                        if let Some(place) = op.weight_mut() {
                            *place = weight;
                        }
                    });
                    Work::Correct { float, changed }
                }
            },
            Work::Correct { float, changed } => {
                let node = self.streams.stages()[stage].node;
                let before = self.streams.float().nodes[node].op.clone();
                let input = self.streams.stages()[stage].inputs[0];
                let grid = self.streams.changed().value(input).quantization;
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

    fn begin(&self, stage: usize, method: Option<LayerMethod>) -> Work {
        let graph = self.streams.changed();
        let node = &graph.nodes[self.streams.stages()[stage].node];
        let shapes = [graph.value(node.inputs[0]).shape, graph.value(node.output).shape];
        let sums = || InputSums::new(&node.op, shapes[0], shapes[1]);
        let Some((float, changed)) = sums().zip(sums()) else {
            unreachable!("the layers of a sweep have weights")
        };
        let k = node.op.weight().map_or(0, Weight::channel_len);
        let moments = method.map(|_| MomentsBuilder::new(k));
        Work::Gather { frame: 0, float, changed, moments }
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

    /// Layers done, and all there are.
    pub(crate) fn progress(&self) -> (u64, u64) {
        (self.layer as u64, self.layers.len() as u64)
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
