//! Cross-layer equalization: weights' ranges are shared out between neighbouring layers.

use graph::{Clip, Evidence, Graph, Op, UpperBound};

use crate::CompressError;
use crate::layers::{Channels, Link, bias_mut, links, weights, weights_mut};

/// A channel's scale in one pair, after all rounds, is within `1 / MAX_SCALE..=MAX_SCALE`: float32 keeps its precision, and
/// a channel that hardly matters does not take over its neighbour's grid.
const MAX_SCALE: f64 = 1e4;
/// Rounds over all pairs at most.
const MAX_ROUNDS: usize = 50;
/// The largest change of a scale in a round that counts as none: finer than any grid of 8 bits.
const SETTLED: f64 = 1e-3;

/// What an equalization did.
#[derive(Clone, Debug, PartialEq)]
pub struct Equalization {
    /// Each pair of layers, in order.
    pub pairs: Vec<EqualizedPair>,
    /// Rounds over all pairs until scales no longer changed.
    pub rounds: usize,
}

/// A pair of layers and its scales.
#[derive(Clone, Debug, PartialEq)]
pub struct EqualizedPair {
    /// The layer whose outputs are divided.
    pub first: String,
    /// The layer whose inputs are multiplied.
    pub second: String,
    /// The smallest scale of a channel.
    pub smallest: f64,
    /// The largest scale of a channel.
    pub largest: f64,
}

/// Divides each channel between two layers by a scale `s` and multiplies the next layer's weights for it by the same, so
/// that both layers use the channel's weights to the same extent:
///
/// ```text
/// r1[c] = max |w1[c][..]|        r2[c] = max |w2[..][c]|        s[c] = √(r1[c] / r2[c])
/// w1[c], b1[c], clip's upper bound[c]  /= s[c]                  w2[..][c]  *= s[c]
/// ```
/// - Pairs are a convolution, the ReLU or ReLU6 behind it or none, and the only layer that reads that, a linear one also
///   through a pooling. All pairs go in turns until no scale changes; expansion, depthwise and projection are two pairs.
/// - A scale below 1 lets an activation grow. No channel grows beyond what `evidence` saw as its tensor's largest magnitude:
///   a grid per tensor would lose the others.
/// - Channels whose weights are all zero in one of the layers keep their scale, and so do layers whose weights are not float32.
///
/// The network computes the same but for rounding, because ReLU lets positive factors through and ReLU6 becomes
/// `min(x, 6 / s)`. Run [`crate::remove_dead_channels`] before: a dead channel's weights cannot move to a neighbour that
/// ignores it. Batch norms must be folded.
///
/// Source: Nagel et al. 2019 (arXiv 1906.04721), section 4.1; the bound on activations is Tinylens' own.
///
/// # Errors
/// [`CompressError::NoEvidence`] when what lies between two layers was never observed, [`CompressError::NotFinite`] for
/// weights that are not finite.
pub fn equalize(graph: &Graph, evidence: &Evidence) -> Result<(Graph, Equalization), CompressError> {
    let links: Vec<Link> =
        links(graph).into_iter().filter(|link| lets_factors_through(graph, *link)).collect();
    let mut layers: Vec<Option<Magnitudes>> = graph.nodes.iter().map(|_| None).collect();
    for position in links.iter().flat_map(|link| [link.first, link.second]) {
        let node = &graph.nodes[position];
        if weights(&node.op).iter().any(|weight| !weight.is_finite()) {
            return Err(CompressError::NotFinite(node.name.clone()));
        }
        if layers[position].is_none() {
            layers[position] = Magnitudes::new(&node.op);
        }
    }
    let mut pairs = Vec::with_capacity(links.len());
    for link in &links {
        let not_observed = || CompressError::NoEvidence(graph.value(link.value).name.clone());
        let ranges = evidence.channel_ranges(link.value).ok_or_else(not_observed)?;
        let activations: Vec<f64> =
            ranges.iter().map(|range| f64::from(range.min.abs().max(range.max.abs()))).collect();
        let largest = activations.iter().copied().fold(0.0, f64::max);
        if !largest.is_finite() {
            return Err(CompressError::NotFinite(graph.value(link.value).name.clone()));
        }
        let smallest_scales = activations.iter().map(|activation| match largest > 0.0 {
            true => (activation / largest).max(1.0 / MAX_SCALE),
            false => 1.0,
        });
        pairs.push(Pair {
            scales: vec![1.0; ranges.len()],
            smallest_scales: smallest_scales.collect(),
            link: *link,
        });
    }

    let mut rounds = 0;
    loop {
        rounds += 1;
        let mut change = 0.0_f64;
        for pair in &mut pairs {
            change = change.max(pair.equalize(&mut layers));
        }
        if change <= SETTLED || rounds == MAX_ROUNDS {
            break;
        }
    }

    let mut graph = graph.clone();
    for pair in &pairs {
        pair.apply(&mut graph);
    }
    graph.validate()?;
    let report = |pair: &Pair| EqualizedPair {
        first: graph.nodes[pair.link.first].name.clone(),
        second: graph.nodes[pair.link.second].name.clone(),
        smallest: pair.scales.iter().copied().fold(f64::INFINITY, f64::min),
        largest: pair.scales.iter().copied().fold(0.0, f64::max),
    };
    let equalization = Equalization { pairs: pairs.iter().map(report).collect(), rounds };
    Ok((graph, equalization))
}

/// Whether `f(x / s) = f(x) / s` for what lies between both layers, its upper bound divided likewise.
fn lets_factors_through(graph: &Graph, link: Link) -> bool {
    match link.clip.map(|clip| &graph.nodes[clip].op) {
        None => true,
        Some(Op::Clip(clip)) => clip.min == 0.0 || clip.min == f32::NEG_INFINITY,
        Some(_) => false,
    }
}

/// The largest magnitude of a layer's weights between each output and input channel.
struct Magnitudes {
    channels: Channels,
    /// `[outputs, inputs of each]`.
    values: Vec<f64>,
}

impl Magnitudes {
    fn new(op: &Op) -> Option<Self> {
        let channels = Channels::of(op)?;
        let values = weights(op).chunks(channels.taps());
        let largest = |taps: &[f32]| taps.iter().fold(0.0_f32, |largest, weight| largest.max(weight.abs()));
        Some(Self { channels, values: values.map(|taps| f64::from(largest(taps))).collect() })
    }

    /// The largest of each output channel.
    fn of_outputs(&self) -> Vec<f64> {
        let mut largest = vec![0.0_f64; self.channels.outputs];
        for (position, value) in self.values.iter().enumerate() {
            let output = &mut largest[self.channels.output_of(position * self.channels.taps())];
            *output = output.max(*value);
        }
        largest
    }

    /// The largest of each input channel.
    fn of_inputs(&self) -> Vec<f64> {
        let mut largest = vec![0.0_f64; self.channels.in_channels()];
        for (position, value) in self.values.iter().enumerate() {
            let input = &mut largest[self.channels.input_of(position * self.channels.taps())];
            *input = input.max(*value);
        }
        largest
    }
}

/// Two layers with the scale of each channel between them so far.
struct Pair {
    link: Link,
    scales: Vec<f64>,
    /// The least that each may become.
    smallest_scales: Vec<f64>,
}

impl Pair {
    /// Brings both layers' ranges together; gives the largest change of a scale, as a difference of logarithms.
    fn equalize(&mut self, layers: &mut [Option<Magnitudes>]) -> f64 {
        let of = |position: usize| layers[position].as_ref();
        let (Some(first), Some(second)) = (of(self.link.first), of(self.link.second)) else { return 0.0 };
        let (outputs, inputs) = (first.of_outputs(), second.of_inputs());
        let mut factors = vec![1.0; self.scales.len()];
        for (channel, factor) in factors.iter_mut().enumerate() {
            if outputs[channel] > 0.0 && inputs[channel] > 0.0 {
                let wanted = self.scales[channel] * (outputs[channel] / inputs[channel]).sqrt();
                let scale = wanted.min(MAX_SCALE).max(self.smallest_scales[channel]);
                *factor = scale / self.scales[channel];
                self.scales[channel] = scale;
            }
        }
        if let Some(first) = &mut layers[self.link.first] {
            let (channels, taps) = (first.channels, first.channels.taps());
            for (position, value) in first.values.iter_mut().enumerate() {
                *value /= factors[channels.output_of(position * taps)];
            }
        }
        if let Some(second) = &mut layers[self.link.second] {
            let (channels, taps) = (second.channels, second.channels.taps());
            for (position, value) in second.values.iter_mut().enumerate() {
                *value *= factors[channels.input_of(position * taps)];
            }
        }
        factors.iter().map(|factor| factor.ln().abs()).fold(0.0, f64::max)
    }

    fn apply(&self, graph: &mut Graph) {
        let divided = |value: f32, channel: usize| (f64::from(value) / self.scales[channel]) as f32;
        let first = &mut graph.nodes[self.link.first].op;
        if let Some(channels) = Channels::of(first) {
            for (position, weight) in weights_mut(first).iter_mut().enumerate() {
                *weight = divided(*weight, channels.output_of(position));
            }
        }
        if first.bias().is_some() {
            for (channel, bias) in bias_mut(first).iter_mut().enumerate() {
                *bias = divided(*bias, channel);
            }
        }
        let changes = self.scales.iter().any(|scale| *scale != 1.0);
        if let Some(Op::Clip(clip)) = self.link.clip.map(|clip| &mut graph.nodes[clip].op)
            && clip.max != Clip::NONE.max
            && changes
        {
            let max = (0..self.scales.len()).map(|channel| divided(clip.max.of(channel), channel));
            clip.max = UpperBound::PerChannel(max.collect());
        }
        let second = &mut graph.nodes[self.link.second].op;
        if let Some(channels) = Channels::of(second) {
            for (position, weight) in weights_mut(second).iter_mut().enumerate() {
                *weight = (f64::from(*weight) * self.scales[channels.input_of(position)]) as f32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::Fusion;

    use super::*;
    use crate::remove_dead_channels;
    use crate::testing::{difference, frames, network, node, node_mut, observe, run};

    /// The ratio of the largest to the median channel's range of a layer's outputs: what a grid per tensor suffers from.
    fn imbalance(graph: &Graph, name: &str) -> f64 {
        let mut ranges = Magnitudes::new(&node(graph, name).op).unwrap().of_outputs();
        ranges.retain(|range| *range > 0.0);
        ranges.sort_by(f64::total_cmp);
        ranges[ranges.len() - 1] / ranges[ranges.len() / 2]
    }

    #[test]
    fn networks_compute_the_same_with_evener_weights() {
        for seed in 1..6 {
            let (graph, frames) = (network(seed), frames(seed + 10, 4));
            let evidence = observe(&graph, &frames, Fusion::Observable);
            let (graph, _) = remove_dead_channels(&graph, &evidence).unwrap();
            let (equal, report) = equalize(&graph, &evidence).unwrap();
            // Pictures that no evidence has seen are the same, too.
            let others = crate::testing::frames(seed + 77, 3);
            for frames in [&frames, &others] {
                let difference = difference(&run(&equal, frames), &run(&graph, frames));
                assert!(difference < 2e-5, "seed {seed}: {difference}");
            }
            assert!(report.rounds < MAX_ROUNDS, "{}", report.rounds);
            let pairs: Vec<_> = report.pairs.iter().map(|pair| (&*pair.first, &*pair.second)).collect();
            let expected = [
                ("expand", "depthwise"),
                ("depthwise", "project"),
                ("expand2", "depthwise2"),
                ("depthwise2", "project2"),
                ("project2", "last"),
                ("last", "classes"),
            ];
            assert_eq!(pairs, expected);
            for name in ["expand2", "depthwise2"] {
                let (before, after) = (imbalance(&graph, name), imbalance(&equal, name));
                assert!(after < before * 0.9, "seed {seed}, {name}: {before} to {after}");
            }
        }
    }

    #[test]
    fn no_activation_outgrows_its_tensor() {
        let (graph, frames) = (network(8), frames(3, 4));
        let before = observe(&graph, &frames, Fusion::Observable);
        let (equal, report) = equalize(&graph, &before).unwrap();
        assert!(report.pairs.iter().any(|pair| pair.smallest < 0.9), "{report:?}");
        let after = observe(&equal, &frames, Fusion::Observable);
        for link in links(&graph) {
            let largest = |evidence: &Evidence| {
                let range = evidence.range(link.value).unwrap();
                range.max.max(-range.min)
            };
            assert!(largest(&after) <= largest(&before) * 1.0001, "{}", graph.value(link.value).name);
        }
    }

    #[test]
    fn bounds_follow_their_channels() {
        let (graph, frames) = (network(2), frames(3, 4));
        let evidence = observe(&graph, &frames, Fusion::Observable);
        let (equal, _) = equalize(&graph, &evidence).unwrap();
        let Op::Clip(clip) = &node(&equal, "expand/relu6").op else { panic!("a clip") };
        let UpperBound::PerChannel(max) = &clip.max else { panic!("{clip:?}") };
        let bias = |graph: &Graph, channel: usize| node(graph, "expand").op.bias().unwrap()[channel];
        for (channel, max) in max.iter().enumerate() {
            let scale = 6.0 / max;
            assert!((bias(&equal, channel) * scale - bias(&graph, channel)).abs() < 1e-4, "{channel}");
        }
        // A ReLU has no bound to follow, and a value that an addition reads keeps its scale.
        for name in ["depthwise/relu", "stem/relu6"] {
            assert_eq!(node(&equal, name).op, node(&graph, name).op);
        }
        // The scalar bound kept would be another network.
        let mut wrong = equal.clone();
        for name in ["expand/relu6", "expand2/relu6", "depthwise2/relu6"] {
            node_mut(&mut wrong, name).op = Op::Clip(Clip::RELU6);
        }
        assert!(difference(&run(&wrong, &frames), &run(&graph, &frames)) > 1e-2);
    }

    #[test]
    fn channels_that_one_layer_ignores_keep_their_scale() {
        let (mut graph, frames) = (network(2), frames(3, 2));
        weights_mut(&mut node_mut(&mut graph, "depthwise2").op)[9..18].fill(0.0);
        let evidence = observe(&graph, &frames, Fusion::Observable);
        let (equal, _) = equalize(&graph, &evidence).unwrap();
        let row = |graph: &Graph| weights(&node(graph, "expand2").op)[16..32].to_vec();
        assert_eq!(row(&equal), row(&graph));
    }

    #[test]
    fn what_cannot_be_equalized_is_refused() {
        let (mut graph, frames) = (network(2), frames(3, 1));
        let error = equalize(&graph, &Evidence::default()).unwrap_err();
        assert_eq!(error, CompressError::NoEvidence("expand/relu6".to_owned()));
        let evidence = observe(&graph, &frames, Fusion::Observable);
        weights_mut(&mut node_mut(&mut graph, "depthwise").op)[0] = f32::NAN;
        let error = equalize(&graph, &evidence).unwrap_err();
        assert_eq!(error, CompressError::NotFinite("depthwise".to_owned()));
    }
}
