//! The portable description of a network: operators, shapes, weights, quantization parameters and evidence.
//!
//! A [`Graph`] is what files hold, what passes rewrite and what the engine packs into a plan. It knows nothing of
//! files, kernels, clocks or browsers. Read [`Graph`] first, then [`Op`]; [`fold_batch_norms`] shows how a rewrite
//! is written.
//!
//! Shapes are those of one picture: the batch is always one and does not appear. Activations are images
//! (height, width, channels) or vectors. Convolution weights are `oihw`, linear weights `[out, in]`.

mod builder;
mod clustered_weights;
mod cost;
mod entropy;
mod error;
mod evidence;
mod fold;
mod histogram;
mod integer_weights;
mod metadata;
mod moments;
mod op;
mod shape;
mod validate;
mod weight;

pub use builder::GraphBuilder;
pub use clustered_weights::ClusteredWeights;
pub use cost::{Cost, cost};
pub use entropy::order_0_bits;
pub use error::GraphError;
pub use evidence::{Evidence, Range};
pub use fold::{fold_batch_norms, with_folded_batch_norms};
pub use histogram::{Bin, Histogram};
pub use integer_weights::{Groups, IntegerWeights};
pub use metadata::{LabelSet, Metadata, Preprocessing};
pub use moments::Moments;
pub use op::{BatchNorm, Clip, Conv2d, Linear, MaxPool, Op, UpperBound};
pub use shape::{Padding, Shape};
pub use weight::{Weight, WeightValues};

/// Names a [`Value`] of one graph: its position in [`Graph::values`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueId(pub usize);

/// A network for one picture: values, and nodes in an order in which each reads only what came before it.
///
/// Every graph that [`GraphBuilder`] or a pass hands out satisfies [`Graph::validate`].
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// What is known about the model besides its arithmetic.
    pub metadata: Metadata,
    /// Everything that flows along the edges.
    pub values: Vec<Value>,
    /// Operators in execution order.
    pub nodes: Vec<Node>,
    /// The picture.
    pub input: ValueId,
    /// Logits, or probabilities where the graph ends in [`Op::Softmax`].
    pub output: ValueId,
}

/// An edge of the graph: an activation.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// Unique within the graph.
    pub name: String,
    /// Its shape.
    pub shape: Shape,
    /// How it is stored as int8, or `None` where it stays float32.
    pub quantization: Option<ActivationQuantization>,
}

/// Affine int8 quantization of an activation: `real = scale * (q - zero_point)`.
///
/// Source: Jacob et al. 2018, section 2.1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ActivationQuantization {
    /// Real units per step, finite and `> 0`.
    pub scale: f32,
    /// The int8 that stands for 0.0.
    pub zero_point: i8,
}

/// An operator with its place in the graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// For messages, as the model's file names it.
    pub name: String,
    /// What it computes.
    pub op: Op,
    /// What it reads; as many as [`Op::arity`] allows.
    pub inputs: Vec<ValueId>,
    /// What it writes; no other node writes it.
    pub output: ValueId,
}

impl Graph {
    /// The value that `id` names.
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.0]
    }

    /// For every value, how many nodes read it. The graph's output counts as read once more.
    pub fn consumer_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.values.len()];
        for input in self.nodes.iter().flat_map(|node| &node.inputs) {
            counts[input.0] += 1;
        }
        counts[self.output.0] += 1;
        counts
    }

    /// Weights of convolutions and linear layers in execution order.
    pub fn weights(&self) -> impl Iterator<Item = &Weight> {
        self.nodes.iter().filter_map(|node| node.op.weight())
    }

    /// The same, to be rewritten. Lengths must stay as the shapes say.
    pub fn weights_mut(&mut self) -> impl Iterator<Item = &mut Weight> {
        self.nodes.iter_mut().filter_map(|node| node.op.weight_mut())
    }

    /// Share of zeros among all weights of convolutions and linear layers, `0.0..=1.0`; 0 where there are none.
    pub fn sparsity(&self) -> f64 {
        let (zeros, all) = self.weights().fold((0, 0), |(z, n), w| (z + w.count_zeros(), n + w.len()));
        if all == 0 { 0.0 } else { zeros as f64 / all as f64 }
    }
}
