//! Which nodes run as one kernel: a layer with the residual addition and the clip that follow it.

use graph::{Clip, Graph, Node, Op, ValueId};

/// How much runs as one kernel call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fusion {
    /// All that can: a residual addition inside the convolution before it, a depthwise convolution with the pointwise one
    /// before it. What lies between is never stored.
    Full,
    /// Every layer's output is stored, so that it can be observed or quantized; only clips run with the layer before.
    Observable,
    /// Nothing: every node's output is stored, clips and batch norms run by themselves. Shows what a layer writes before
    /// its activation.
    Separate,
}

/// One kernel call: `clip(op(input) + residual)`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block<'g> {
    pub(crate) node: &'g Node,
    pub(crate) residual: Option<ValueId>,
    pub(crate) clip: &'g Clip,
    pub(crate) output: ValueId,
}

static NO_CLIP: Clip = Clip::NONE;

/// Groups the nodes of a graph with folded batch norms into blocks, in execution order.
///
/// A clip joins the layer or addition whose output only it reads. An addition joins the convolution before it when
/// only it reads that output, the other summand is written before the convolution runs, and `fusion` allows it. A
/// convolution with a quantized output keeps it: its addition runs on integers by itself.
pub(crate) fn blocks(graph: &Graph, fusion: Fusion) -> Vec<Block<'_>> {
    let consumers = graph.consumer_counts();
    let mut written_at = vec![0; graph.values.len()];
    for (idx, node) in graph.nodes.iter().enumerate() {
        written_at[node.output.0] = idx + 1;
    }
    let only_reader = |value: ValueId, after: usize| {
        let reader =
            graph.nodes.iter().enumerate().skip(after).find(|(_, node)| node.inputs.contains(&value));
        reader.filter(|_| consumers[value.0] == 1)
    };

    let mut absorbed = vec![false; graph.nodes.len()];
    let mut blocks = Vec::with_capacity(graph.nodes.len());
    for (idx, node) in graph.nodes.iter().enumerate() {
        if absorbed[idx] {
            continue;
        }
        let mut block = Block { node, residual: None, clip: &NO_CLIP, output: node.output };
        let can_add = match &node.op {
            Op::Conv2d(conv) => {
                let quantized = graph.value(node.output).quantization.is_some();
                fusion == Fusion::Full && !conv.is_depthwise() && !quantized
            }
            Op::BatchNorm(_)
            | Op::Clip(_)
            | Op::Add
            | Op::Concat
            | Op::MaxPool(_)
            | Op::GlobalAveragePool
            | Op::Linear(_)
            | Op::Softmax => false,
        };
        if can_add
            && let Some((reader, Node { op: Op::Add, inputs, output, .. })) =
                only_reader(node.output, idx + 1)
            && let Some(&other) = inputs.iter().find(|input| **input != node.output)
            && written_at[other.0] <= idx
        {
            absorbed[reader] = true;
            block.residual = Some(other);
            block.output = *output;
        }
        let can_clip = match &node.op {
            Op::Conv2d(_) | Op::BatchNorm(_) | Op::Add => fusion != Fusion::Separate,
            Op::Clip(_)
            | Op::Concat
            | Op::MaxPool(_)
            | Op::GlobalAveragePool
            | Op::Linear(_)
            | Op::Softmax => false,
        };
        if can_clip
            && let Some((reader, Node { op: Op::Clip(clip), output, .. })) =
                only_reader(block.output, idx + 1)
        {
            absorbed[reader] = true;
            block.clip = clip;
            block.output = *output;
        }
        blocks.push(block);
    }
    blocks
}
