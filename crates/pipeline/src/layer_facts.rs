//! What each layer of a model is, and what it takes: shapes, multiply-adds, bits, zeros, scales, and its bytes in a
//! file. Layers are the nodes with weights, in execution order. Measured times are no facts of a graph; see
//! [`Classifier::profile`](crate::Classifier::profile).

use formats::container::WeightBytes;
use graph::{ActivationQuantization, Graph, IntegerWeights, Node, Op, Shape, Weight, WeightValues};
use serde::{Deserialize, Serialize};

use crate::PipelineError;

/// One layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerFacts {
    /// Its node's name, which recipes keep: the same layer of another model has the same.
    pub node: String,
    /// What it does.
    pub kind: LayerKind,
    /// `oihw` of a convolution, `[out, in]` of a linear layer.
    pub weight_shape: Vec<usize>,
    /// `[height, width]` steps of a convolution's kernel, `[1, 1]` of a linear layer.
    pub stride: [usize; 2],
    /// What it reads.
    pub input: Shape,
    /// What it writes.
    pub output: Shape,
    /// Weights, zeros among them, without biases.
    pub n_weights: u64,
    /// Multiply-adds for one picture.
    pub macs: u64,
    /// Bytes of its weights in the file, with masks, scales and codebooks as far as the file keeps them by layer.
    pub bytes: u64,
    /// How its weights are stored.
    pub format: WeightFormat,
    /// Share of zeros among its weights, 0..1.
    pub sparsity: f64,
    /// How its input is stored as int8, or `None` where it stays float32.
    pub input_quantization: Option<Affine>,
    /// How its output is stored as int8, after the clip that follows it, likewise.
    pub output_quantization: Option<Affine>,
}

/// What a layer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LayerKind {
    /// A convolution that reads the picture.
    First,
    /// A convolution with one filter for each channel.
    Depthwise,
    /// A convolution of 1x1 over all channels.
    Pointwise,
    /// The last layer, which gives the classes.
    Classifier,
    /// Any other convolution or linear layer.
    Other,
}

impl LayerKind {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Depthwise => "depthwise",
            Self::Pointwise => "pointwise",
            Self::Classifier => "classifier",
            Self::Other => "other",
        }
    }
}

/// How a layer's weights are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WeightFormat {
    /// Single precision.
    Float32,
    /// Half precision.
    Float16,
    /// The upper half of single precision.
    Bfloat16,
    /// Levels with scales.
    Integer {
        /// Bits of a level: 8, 4 or 2.
        bits: u32,
        /// Scales, one for all weights or one for each output channel.
        n_scales: usize,
        /// Weights that share a multiplier, where there are groups.
        group_len: Option<usize>,
    },
    /// Codes with codebooks.
    Clustered {
        /// Bits of a code.
        bits: u32,
        /// Values in a codebook.
        n_clusters: usize,
        /// Codebooks, one for all weights or one for each output channel.
        n_codebooks: usize,
    },
}

impl WeightFormat {
    /// Bits of each weight, without scales and codebooks.
    pub fn bits(self) -> u32 {
        match self {
            Self::Float32 => 32,
            Self::Float16 | Self::Bfloat16 => 16,
            Self::Integer { bits, .. } | Self::Clustered { bits, .. } => bits,
        }
    }
}

/// Affine int8 quantization of an activation: `real = scale * (q - zero_point)`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Affine {
    /// Real units per step.
    pub scale: f32,
    /// The int8 that stands for 0.0.
    pub zero_point: i8,
}

/// The layers of a valid graph.
///
/// - `stored`: the bytes of each layer's weights in the file that the graph was written to, as
///   [`weight_bytes`](formats::container::weight_bytes) counts them.
///
/// # Errors
/// [`PipelineError::LayerCount`] when `stored` comes from a file of another network.
pub fn layer_facts(graph: &Graph, stored: &[WeightBytes]) -> Result<Vec<LayerFacts>, PipelineError> {
    let n_layers = layers(graph).count();
    if n_layers != stored.len() {
        return Err(PipelineError::LayerCount { expected: n_layers, actual: stored.len() });
    }
    Ok(layers(graph)
        .zip(stored)
        .map(|((node, weight), stored)| describe(graph, node, weight, *stored))
        .collect())
}

/// Nodes with weights, in execution order.
pub(crate) fn layers(graph: &Graph) -> impl Iterator<Item = (&Node, &Weight)> {
    graph.nodes.iter().filter_map(|node| Some((node, node.op.weight()?)))
}

fn describe(graph: &Graph, node: &Node, weight: &Weight, stored: WeightBytes) -> LayerFacts {
    let (input, output) = (graph.value(node.inputs[0]), graph.value(node.output));
    let positions = match output.shape {
        Shape::Image { height, width, .. } => height * width,
        Shape::Vector { .. } => 1,
    };
    let n_weights = weight.len() as u64;
    LayerFacts {
        node: node.name.clone(),
        kind: layer_kind(graph, node),
        weight_shape: weight.shape.clone(),
        stride: match &node.op {
            Op::Conv2d(conv) => conv.stride,
            _ => [1, 1],
        },
        input: input.shape,
        output: output.shape,
        n_weights,
        macs: positions as u64 * n_weights,
        bytes: stored.total(),
        format: format(weight),
        sparsity: weight.count_zeros() as f64 / weight.len().max(1) as f64,
        input_quantization: input.quantization.map(affine),
        output_quantization: stored_output(graph, node).map(affine),
    }
}

/// What a node with weights does in its graph.
pub fn layer_kind(graph: &Graph, node: &Node) -> LayerKind {
    match &node.op {
        Op::Conv2d(_) if node.inputs[0] == graph.input => LayerKind::First,
        Op::Conv2d(conv) if conv.is_depthwise() => LayerKind::Depthwise,
        Op::Conv2d(_) | Op::Linear(_) if is_last(graph, node) => LayerKind::Classifier,
        Op::Conv2d(conv) if conv.kernel() == [1, 1] && conv.groups == 1 => LayerKind::Pointwise,
        _ => LayerKind::Other,
    }
}

fn is_last(graph: &Graph, node: &Node) -> bool {
    layers(graph).last().is_some_and(|(last, _)| last.output == node.output)
}

fn format(weight: &Weight) -> WeightFormat {
    match &weight.values {
        WeightValues::F32(_) => WeightFormat::Float32,
        WeightValues::F16(_) => WeightFormat::Float16,
        WeightValues::Bf16(_) => WeightFormat::Bfloat16,
        WeightValues::Integer(IntegerWeights { bits, scales, groups, .. }) => WeightFormat::Integer {
            bits: u32::from(*bits),
            n_scales: scales.len(),
            group_len: groups.as_ref().map(|groups| groups.len),
        },
        WeightValues::Clustered(clustered) => WeightFormat::Clustered {
            bits: clustered.code_bits(),
            n_clusters: clustered.n_clusters,
            n_codebooks: clustered.codebooks.len() / clustered.n_clusters.max(1),
        },
    }
}

/// The quantization of the layer's output as it is stored: behind its clip, where only that reads it.
fn stored_output(graph: &Graph, node: &Node) -> Option<ActivationQuantization> {
    let own = graph.value(node.output).quantization;
    own.or_else(|| {
        let clip = graph.nodes.iter().find(|next| {
            next.inputs.contains(&node.output) && matches!(next.op, Op::Clip(_) | Op::BatchNorm(_))
        })?;
        graph.value(clip.output).quantization
    })
}

fn affine(quantization: ActivationQuantization) -> Affine {
    Affine { scale: quantization.scale, zero_point: quantization.zero_point }
}

#[cfg(test)]
mod tests {
    use formats::container::weight_bytes;

    use super::*;
    use crate::{Storage, cost, model_file, zoo};

    #[test]
    fn a_mobilenet_is_a_first_layer_pairs_and_a_classifier() {
        let graph = zoo::mobilenet_v1(0.25, 64, 1);
        let stored = weight_bytes(&model_file(&graph, Storage::Plain)).unwrap();
        let layers = layer_facts(&graph, &stored).unwrap();
        let kinds: Vec<LayerKind> = layers.iter().map(|layer| layer.kind).collect();
        assert_eq!((kinds[0], kinds[kinds.len() - 1]), (LayerKind::First, LayerKind::Classifier));
        for pair in kinds[1..kinds.len() - 1].chunks(2) {
            assert_eq!(pair, [LayerKind::Depthwise, LayerKind::Pointwise]);
        }
        assert_eq!(layers.iter().map(|layer| layer.macs).sum::<u64>(), cost(&graph).multiply_adds);
        assert!(layers.iter().all(|layer| layer.bytes == 4 * layer.n_weights && layer.format.bits() == 32));
        let error = layer_facts(&graph, &stored[1..]).unwrap_err();
        assert_eq!(error.to_string(), "the file has 27 layers with weights, expected 28");
    }
}
