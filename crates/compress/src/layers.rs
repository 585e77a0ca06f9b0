//! How layers hang together, for passes that move something from one layer into the next.

use graph::{Conv2d, Graph, Linear, Op, Padding, ValueId, WeightValues};

/// For every value, the positions of the nodes that read it, once for each time.
pub(crate) fn readers(graph: &Graph) -> Vec<Vec<usize>> {
    let mut readers = vec![Vec::new(); graph.values.len()];
    for (position, node) in graph.nodes.iter().enumerate() {
        for input in &node.inputs {
            readers[input.0].push(position);
        }
    }
    readers
}

/// The clip that alone reads what a node writes, and the value behind it; without one, the value that the node writes.
pub(crate) fn activation(graph: &Graph, readers: &[Vec<usize>], node: usize) -> (Option<usize>, ValueId) {
    let output = graph.nodes[node].output;
    match readers[output.0].as_slice() {
        &[reader] if output != graph.output => match &graph.nodes[reader].op {
            Op::Clip(_) => (Some(reader), graph.nodes[reader].output),
            Op::Conv2d(_)
            | Op::BatchNorm(_)
            | Op::Add
            | Op::Concat
            | Op::MaxPool(_)
            | Op::GlobalAveragePool
            | Op::Linear(_)
            | Op::Softmax => (None, output),
        },
        _ => (None, output),
    }
}

/// A convolution and the layer that alone reads what its clip writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// The convolution.
    pub(crate) first: usize,
    /// Its clip, where it has one.
    pub(crate) clip: Option<usize>,
    /// What lies between both layers.
    pub(crate) value: ValueId,
    /// The layer that reads it, where that is a linear one through a pooling.
    pub(crate) second: usize,
}

/// All links between layers with [`Channels`], in order.
pub(crate) fn links(graph: &Graph) -> Vec<Link> {
    let readers = readers(graph);
    let link = |first: usize| {
        Channels::of(&graph.nodes[first].op)?;
        let (clip, value) = activation(graph, &readers, first);
        let only_reader = |value: ValueId| match readers[value.0].as_slice() {
            &[reader] if value != graph.output => Some(reader),
            _ => None,
        };
        let reader = only_reader(value)?;
        let second = match &graph.nodes[reader].op {
            Op::Conv2d(_) | Op::Linear(_) => reader,
            Op::GlobalAveragePool => only_reader(graph.nodes[reader].output)?,
            Op::BatchNorm(_) | Op::Clip(_) | Op::Add | Op::Concat | Op::MaxPool(_) | Op::Softmax => {
                return None;
            }
        };
        Channels::of(&graph.nodes[second].op)?;
        Some(Link { first, clip, value, second })
    };
    (0..graph.nodes.len()).filter_map(link).collect()
}

/// Which channels each weight of a layer stands between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Channels {
    pub(crate) outputs: usize,
    /// Input channels of an output channel: one in a depthwise convolution.
    inputs: usize,
    taps: usize,
    is_depthwise: bool,
}

impl Channels {
    /// Of float32 weights, in a linear layer or a convolution that is not grouped, or depthwise; else `None`.
    pub(crate) fn of(op: &Op) -> Option<Self> {
        let (weight, is_depthwise) = match op {
            Op::Conv2d(conv) if conv.groups == 1 || conv.is_depthwise() => {
                (&conv.weight, conv.is_depthwise())
            }
            Op::Linear(Linear { weight, .. }) => (weight, false),
            Op::Conv2d(_)
            | Op::BatchNorm(_)
            | Op::Clip(_)
            | Op::Add
            | Op::Concat
            | Op::MaxPool(_)
            | Op::GlobalAveragePool
            | Op::Softmax => return None,
        };
        let WeightValues::F32(_) = weight.values else { return None };
        let inputs = weight.shape.get(1).copied()?;
        Some(Self {
            outputs: weight.out_channels(),
            inputs,
            taps: weight.channel_len() / inputs.max(1),
            is_depthwise,
        })
    }

    /// Weights between an output and an input channel.
    pub(crate) fn taps(&self) -> usize {
        self.taps
    }

    /// Channels of the input.
    pub(crate) fn in_channels(&self) -> usize {
        if self.is_depthwise { self.outputs } else { self.inputs }
    }

    /// The output channel of a weight at a position.
    pub(crate) fn output_of(&self, position: usize) -> usize {
        position / (self.inputs * self.taps)
    }

    /// The input channel of a weight at a position.
    pub(crate) fn input_of(&self, position: usize) -> usize {
        match self.is_depthwise {
            true => position / self.taps,
            false => position / self.taps % self.inputs,
        }
    }
}

/// A layer's float32 weights; empty for other formats and operators.
pub(crate) fn weights(op: &Op) -> &[f32] {
    match op.weight().map(|weight| &weight.values) {
        Some(WeightValues::F32(values)) => values,
        _ => &[],
    }
}

/// The same, to be rewritten.
pub(crate) fn weights_mut(op: &mut Op) -> &mut [f32] {
    match op.weight_mut().map(|weight| &mut weight.values) {
        Some(WeightValues::F32(values)) => values,
        _ => &mut [],
    }
}

/// A layer's bias, made of zeros where it has none; empty for other operators.
pub(crate) fn bias_mut(op: &mut Op) -> &mut [f32] {
    let n = op.weight().map_or(0, graph::Weight::out_channels);
    match op.bias_mut() {
        Some(bias) => bias.get_or_insert_with(|| vec![0.0; n]),
        None => &mut [],
    }
}

/// What a constant added to each input channel adds to each output channel; nothing lies around the input.
pub(crate) fn outputs_of_constants(op: &Op, constants: &[f64]) -> Vec<f64> {
    let Some(channels) = Channels::of(op) else { return Vec::new() };
    let mut sums = vec![0.0; channels.outputs];
    for (position, weight) in weights(op).iter().enumerate() {
        sums[channels.output_of(position)] += f64::from(*weight) * constants[channels.input_of(position)];
    }
    sums
}

/// Whether every output of a layer sees all of its window, so that a constant may move through it.
pub(crate) fn is_unpadded(op: &Op) -> bool {
    match op {
        Op::Conv2d(Conv2d { padding, .. }) => *padding == Padding::default(),
        Op::Linear(_) => true,
        Op::BatchNorm(_)
        | Op::Clip(_)
        | Op::Add
        | Op::Concat
        | Op::MaxPool(_)
        | Op::GlobalAveragePool
        | Op::Softmax => false,
    }
}
