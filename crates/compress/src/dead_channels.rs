//! Channels that say the same whatever the picture shows.

use graph::{Evidence, Graph, Op, Range, ValueId};

use crate::CompressError;
use crate::layers::{
    Channels, activation, bias_mut, is_unpadded, outputs_of_constants, readers, weights_mut,
};

/// Spread of a channel, as a share of its tensor's largest magnitude, up to which it counts as constant: what float32
/// rounding leaves.
const SPREAD: f32 = 1e-6;

/// What became of a convolution's constant channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadChannels {
    /// The convolution.
    pub node: String,
    /// Channels that are 0 now: their constant has moved into the next layers' biases, or was 0.
    pub removed: usize,
    /// Channels that only their bias makes now: what reads them would not keep the constant.
    pub held: usize,
}

/// Zeroes the weights of convolutions' channels whose output after the activation was constant on every pixel of every
/// calibration frame, with the layers in which there are some.
///
/// - Such weights are arbitrary, and often the largest of their layer: they alone then set the scale of a grid per tensor.
/// - Where all readers are linear layers, also behind a pooling, and convolutions without padding, the constant `c` moves on:
///   `b'[o] = b[o] + Σ w[o][i] c[i]`, the channel becomes 0. A padded convolution sees zeros beside the constant, and an
///   addition has no bias; before those the channel's own bias becomes the constant.
/// - Weights that read a channel of zeros become zero, too.
///
/// On the calibration frames the outputs stay as they are but for rounding; with the constant 0, exactly. On others a channel
/// that would have been alive no longer is. Batch norms must be folded, weights that are not float32 are left alone, and
/// `evidence` must come from the same graph with what follows a clip stored.
///
/// # Errors
/// [`CompressError::NoEvidence`] when a convolution's output was never observed, [`CompressError::NotFinite`] when it was not
/// finite.
pub fn remove_dead_channels(
    graph: &Graph,
    evidence: &Evidence,
) -> Result<(Graph, Vec<DeadChannels>), CompressError> {
    let mut graph = graph.clone();
    let readers = readers(&graph);
    let mut report = Vec::new();
    for position in 0..graph.nodes.len() {
        let node = &graph.nodes[position];
        let (Op::Conv2d(_), Some(channels)) = (&node.op, Channels::of(&node.op)) else { continue };
        let (clip, value) = activation(&graph, &readers, position);
        let constants = constants(&graph, evidence, value)?;
        let holds_zero = |channel: usize| match clip.map(|clip| &graph.nodes[clip].op) {
            Some(Op::Clip(clip)) => clip.min <= 0.0 && clip.max.of(channel) >= 0.0,
            _ => true,
        };
        let next = next_layers(&graph, &readers, value);
        let takes_constants =
            next.is_complete && next.layers.iter().all(|layer| is_unpadded(&graph.nodes[*layer].op));
        let becomes_zero: Vec<bool> = constants
            .iter()
            .enumerate()
            .map(|(channel, constant)| {
                constant.is_some_and(|constant| constant == 0.0 || takes_constants && holds_zero(channel))
            })
            .collect();

        let mut dead = DeadChannels { node: node.name.clone(), removed: 0, held: 0 };
        let op = &mut graph.nodes[position].op;
        for (position, weight) in weights_mut(op).iter_mut().enumerate() {
            if constants[channels.output_of(position)].is_some() {
                *weight = 0.0;
            }
        }
        for ((bias, constant), becomes_zero) in bias_mut(op).iter_mut().zip(&constants).zip(&becomes_zero) {
            match constant {
                None => {}
                Some(_) if *becomes_zero => (*bias, dead.removed) = (0.0, dead.removed + 1),
                Some(constant) => (*bias, dead.held) = (*constant, dead.held + 1),
            }
        }
        let moved: Vec<f64> = constants
            .iter()
            .zip(&becomes_zero)
            .map(|(constant, moves)| constant.filter(|_| *moves).map_or(0.0, f64::from))
            .collect();
        for layer in next.layers {
            let op = &mut graph.nodes[layer].op;
            if moved.iter().any(|constant| *constant != 0.0) {
                let sums = outputs_of_constants(op, &moved);
                for (bias, sum) in bias_mut(op).iter_mut().zip(sums) {
                    *bias = (f64::from(*bias) + sum) as f32;
                }
            }
            let Some(channels) = Channels::of(op) else { continue };
            for (position, weight) in weights_mut(op).iter_mut().enumerate() {
                if becomes_zero[channels.input_of(position)] {
                    *weight = 0.0;
                }
            }
        }
        if dead.removed + dead.held > 0 {
            report.push(dead);
        }
    }
    graph.validate()?;
    Ok((graph, report))
}

/// The constant of each channel that is one.
fn constants(graph: &Graph, evidence: &Evidence, value: ValueId) -> Result<Vec<Option<f32>>, CompressError> {
    let name = || graph.value(value).name.clone();
    let ranges = evidence.channel_ranges(value).ok_or_else(|| CompressError::NoEvidence(name()))?;
    let means = evidence.channel_means(value).ok_or_else(|| CompressError::NoEvidence(name()))?;
    let magnitudes = ranges.iter().map(|range| range.min.abs().max(range.max.abs()));
    let largest = magnitudes.fold(0.0, f32::max);
    if !largest.is_finite() || means.iter().any(|mean| !mean.is_finite()) {
        return Err(CompressError::NotFinite(name()));
    }
    let constant = |(range, mean): (&Range, f64)| {
        if range.min == range.max {
            return Some(range.min);
        }
        (range.max - range.min <= SPREAD * largest).then_some(mean as f32)
    };
    Ok(ranges.iter().zip(means).map(constant).collect())
}

/// Layers that read a value, directly or through a pooling.
struct NextLayers {
    layers: Vec<usize>,
    /// Nothing else reads it.
    is_complete: bool,
}

fn next_layers(graph: &Graph, readers: &[Vec<usize>], value: ValueId) -> NextLayers {
    let mut next = NextLayers { layers: Vec::new(), is_complete: value != graph.output };
    for &reader in &readers[value.0] {
        let node = &graph.nodes[reader];
        match &node.op {
            Op::Conv2d(_) | Op::Linear(_) if Channels::of(&node.op).is_some() => next.layers.push(reader),
            Op::GlobalAveragePool => {
                let behind = next_layers(graph, readers, node.output);
                next.layers.extend(behind.layers);
                next.is_complete &= behind.is_complete;
            }
            // Behind a concatenation channels have other numbers; what reads them would have to be found by those.
            Op::Conv2d(_)
            | Op::Linear(_)
            | Op::BatchNorm(_)
            | Op::Clip(_)
            | Op::Add
            | Op::Concat
            | Op::MaxPool(_)
            | Op::Softmax => {
                next.is_complete = false;
            }
        }
    }
    next
}

#[cfg(test)]
mod tests {
    use engine::Fusion;
    use graph::Clip;

    use super::*;
    use crate::layers::weights;
    use crate::testing::{difference, frames, network, node, node_mut, observe, run};

    /// Makes a convolution's channel constant behind its clip, with weights far above the others'.
    fn deaden(graph: &mut Graph, name: &str, channel: usize, bias: f32) {
        let op = &mut node_mut(graph, name).op;
        let channels = Channels::of(op).unwrap();
        bias_mut(op)[channel] = bias;
        for (position, weight) in weights_mut(op).iter_mut().enumerate() {
            if channels.output_of(position) == channel {
                *weight = 40.0;
            }
        }
    }

    fn largest_weight(graph: &Graph, name: &str) -> f32 {
        weights(&node(graph, name).op).iter().fold(0.0, |largest, weight| largest.max(weight.abs()))
    }

    fn dead<'r>(report: &'r [DeadChannels], node: &str) -> &'r DeadChannels {
        report.iter().find(|dead| dead.node == node).unwrap()
    }

    #[test]
    fn zeros_are_removed_exactly() {
        let mut graph = network(3);
        // Without an upper bound there is no constant but 0.
        for node in &mut graph.nodes {
            if let Op::Clip(clip) = &mut node.op {
                *clip = Clip::RELU;
            }
        }
        for name in ["depthwise", "depthwise2"] {
            bias_mut(&mut node_mut(&mut graph, name).op).iter_mut().for_each(|bias| *bias = -bias.abs());
        }
        // Below zero whatever it sees: before a padded depthwise convolution, an unpadded one and an addition.
        for name in ["stem", "expand", "expand2", "depthwise", "depthwise2", "last"] {
            deaden(&mut graph, name, 5, -1e6);
        }
        let frames = frames(7, 4);
        let evidence = observe(&graph, &frames, Fusion::Observable);
        let (removed, report) = remove_dead_channels(&graph, &evidence).unwrap();
        for name in ["stem", "expand", "expand2", "depthwise", "depthwise2", "last"] {
            assert!(largest_weight(&graph, name) >= 40.0);
            assert!(largest_weight(&removed, name) < 40.0, "{name}");
            assert!(dead(&report, name).removed >= 1, "{report:?}");
        }
        assert_eq!(run(&removed, &frames), run(&graph, &frames));
        // What was alive on the frames is untouched on any others.
        let others = crate::testing::frames(8, 2);
        assert!(difference(&run(&removed, &others), &run(&graph, &others)) < 0.2);
    }

    #[test]
    fn constants_move_where_nothing_lies_around_the_input() {
        let mut graph = network(4);
        for name in ["stem", "expand", "expand2", "last"] {
            deaden(&mut graph, name, 2, 1e6);
        }
        node_mut(&mut graph, "last/relu6").op = Op::Clip(Clip { min: -1.0, ..Clip::RELU6 });
        let frames = frames(9, 4);
        let evidence = observe(&graph, &frames, Fusion::Observable);
        let (removed, report) = remove_dead_channels(&graph, &evidence).unwrap();
        let bias = |graph: &Graph, name: &str| node(graph, name).op.bias().unwrap()[2];
        // An addition and a padded convolution get the constant from the channel's own bias.
        for name in ["stem", "expand"] {
            assert!(dead(&report, name).held >= 1, "{report:?}");
            assert_eq!(bias(&removed, name), 6.0);
        }
        for name in ["expand2", "last"] {
            assert!(dead(&report, name).removed >= 1, "{report:?}");
            assert_eq!(bias(&removed, name), 0.0);
        }
        assert!(
            ["stem", "expand", "expand2", "last"].iter().all(|name| largest_weight(&removed, name) < 40.0)
        );
        assert!(difference(&run(&removed, &frames), &run(&graph, &frames)) < 1e-5);
        let depthwise = node(&removed, "depthwise2");
        assert!(weights(&depthwise.op)[2 * 9..3 * 9].iter().all(|weight| *weight == 0.0));
        assert_ne!(node(&removed, "classes").op.bias(), node(&graph, "classes").op.bias());
    }

    #[test]
    fn constants_do_not_move_past_bounds_that_exclude_zero() {
        let mut graph = network(5);
        deaden(&mut graph, "last", 2, 1e6);
        node_mut(&mut graph, "last/relu6").op = Op::Clip(Clip { min: 0.5, ..Clip::RELU6 });
        let frames = frames(9, 3);
        let evidence = observe(&graph, &frames, Fusion::Observable);
        let (removed, report) = remove_dead_channels(&graph, &evidence).unwrap();
        assert!(dead(&report, "last").held >= 1);
        assert!(difference(&run(&removed, &frames), &run(&graph, &frames)) < 1e-5);
    }

    #[test]
    fn activations_that_are_not_finite_are_no_constants() {
        let mut graph = network(1);
        bias_mut(&mut node_mut(&mut graph, "expand").op)[0] = f32::NAN;
        let evidence = observe(&graph, &frames(1, 1), Fusion::Observable);
        let error = remove_dead_channels(&graph, &evidence).unwrap_err();
        assert!(matches!(error, CompressError::NotFinite(_)), "{error}");
    }

    #[test]
    fn networks_without_evidence_are_refused() {
        let error = remove_dead_channels(&network(1), &Evidence::default()).unwrap_err();
        assert_eq!(error, CompressError::NoEvidence("stem/relu6".to_owned()));
    }
}
