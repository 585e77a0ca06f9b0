//! Statistics brought up to date: batch norms' own, and those of layers into which batch norms are folded.

use graph::{Evidence, Graph, Op, WeightValues};

use crate::CompressError;
use crate::layers::{bias_mut, weights_mut};

/// A repair multiplies a channel by at most this and divides it by at most this: a channel that pruning has nearly silenced
/// is not blown up from noise.
const MAX_GAIN: f64 = 4.0;

/// Replaces one batch norm's mean and variance by those of its input in `evidence`; `name` is its node's.
///
/// After weights have changed, by pruning or rounding, the statistics of training no longer hold. Frames stand in for the
/// training set, so some hundred different ones are needed where an image has few pixels. Go from front to back, with new
/// evidence for each: statistics of later layers depend on those of earlier ones.
///
/// Source: Li et al. 2017 (arXiv 1603.04779), "AdaBN", for the same step on another domain.
///
/// # Errors
/// [`CompressError::NoEvidence`] when there is no such batch norm or its input was never observed,
/// [`CompressError::NotFinite`] for statistics that are not finite.
pub fn reestimate_batch_norm(graph: &Graph, name: &str, evidence: &Evidence) -> Result<Graph, CompressError> {
    let not_observed = || CompressError::NoEvidence(name.to_owned());
    let mut graph = graph.clone();
    let node = graph.nodes.iter_mut().find(|node| node.name == name).ok_or_else(not_observed)?;
    let input = node.inputs[0];
    let Op::BatchNorm(norm) = &mut node.op else { return Err(not_observed()) };
    let means = evidence.channel_means(input).ok_or_else(not_observed)?;
    let variances = evidence.channel_variances(input).ok_or_else(not_observed)?;
    if means.iter().chain(&variances).any(|statistic| !statistic.is_finite()) {
        return Err(CompressError::NotFinite(name.to_owned()));
    }
    norm.mean = means.iter().map(|mean| *mean as f32).collect();
    // A channel that never changes has no variance to divide by, and its batch norm gives `beta` all the same.
    let variance = |variance: &f64| if *variance + f64::from(norm.epsilon) > 0.0 { *variance } else { 1.0 };
    norm.variance = variances.iter().map(|it| variance(it) as f32).collect();
    graph.validate()?;
    Ok(graph)
}

/// What a repair did to a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct RepairedStatistics {
    /// The layer.
    pub node: String,
    /// The smallest factor of a channel.
    pub smallest_gain: f64,
    /// The largest factor of a channel.
    pub largest_gain: f64,
}

/// Gives each output channel of one layer the mean and deviation that it has in the float model:
///
/// ```text
/// g = deviation_float / deviation_now      w' = g w      b' = mean_float + g (b - mean_now)
/// ```
/// - `evidence` is of `graph`, `float` of the model that it was made from, on the same frames and with the same value ids,
///   both before activations: an engine's separate plan shows them.
/// - `g` is within `1/4..=4`, and 1 where a channel never changes in one of the models.
///
/// It is what re-estimated batch norms would do for folded ones. Go from front to back, with new evidence for each layer:
/// repairing a layer changes what all later ones see, and gains that are found at once multiply from layer to layer.
///
/// # Errors
/// [`CompressError::NoEvidence`] when there is no such layer with float32 weights or one of the models did not show it,
/// [`CompressError::NotFinite`] for statistics that are not finite.
pub fn repair_statistics(
    graph: &Graph,
    layer: &str,
    evidence: &Evidence,
    float: &Evidence,
) -> Result<(Graph, RepairedStatistics), CompressError> {
    let not_observed = || CompressError::NoEvidence(layer.to_owned());
    let mut graph = graph.clone();
    let node = graph.nodes.iter_mut().find(|node| node.name == layer).ok_or_else(not_observed)?;
    let weight = node.op.weight().filter(|weight| matches!(weight.values, WeightValues::F32(_)));
    let (outputs, len) =
        weight.map(|weight| (weight.out_channels(), weight.channel_len().max(1))).ok_or_else(not_observed)?;
    let now = Statistics::of(evidence, node).ok_or_else(not_observed)?;
    let wanted = Statistics::of(float, node).ok_or_else(not_observed)?;
    if [&now, &wanted].iter().any(|statistics| statistics.means.len() != outputs) {
        return Err(not_observed());
    }
    let all = [&now.means, &now.deviations, &wanted.means, &wanted.deviations];
    if all.into_iter().flatten().any(|statistic| !statistic.is_finite()) {
        return Err(CompressError::NotFinite(layer.to_owned()));
    }
    let gain = |(now, wanted): (&f64, &f64)| match *now > 0.0 && *wanted > 0.0 {
        true => (wanted / now).clamp(1.0 / MAX_GAIN, MAX_GAIN),
        false => 1.0,
    };
    let gains: Vec<f64> = now.deviations.iter().zip(&wanted.deviations).map(gain).collect();
    for (position, weight) in weights_mut(&mut node.op).iter_mut().enumerate() {
        *weight = (f64::from(*weight) * gains[position / len]) as f32;
    }
    for (channel, bias) in bias_mut(&mut node.op).iter_mut().enumerate() {
        let centred = f64::from(*bias) - now.means[channel];
        *bias = (wanted.means[channel] + gains[channel] * centred) as f32;
    }
    let report = RepairedStatistics {
        node: layer.to_owned(),
        smallest_gain: gains.iter().copied().fold(f64::INFINITY, f64::min),
        largest_gain: gains.iter().copied().fold(0.0, f64::max),
    };
    graph.validate()?;
    Ok((graph, report))
}

/// Of a layer's output channels.
struct Statistics {
    means: Vec<f64>,
    deviations: Vec<f64>,
}

impl Statistics {
    fn of(evidence: &Evidence, node: &graph::Node) -> Option<Self> {
        let means = evidence.channel_means(node.output)?;
        let variances = evidence.channel_variances(node.output)?;
        Some(Self { means, deviations: variances.iter().map(|variance| variance.sqrt()).collect() })
    }
}

#[cfg(test)]
mod tests {
    use engine::Fusion;
    use graph::{BatchNorm, Clip, GraphBuilder};

    use super::*;
    use crate::testing::{Numbers, SIDE, conv, difference, frames, metadata, network, node, observe, run};

    fn normed() -> Graph {
        let n = &mut Numbers::new(5);
        let (mut b, mut x) = GraphBuilder::new(metadata(), SIDE, SIDE).unwrap();
        for (name, inputs) in [("first", 3), ("second", 8)] {
            x = b.add(name, conv(n, [8, inputs, 3], 1, 1), &[x]).unwrap();
            let norm = BatchNorm {
                gamma: vec![1.0; 8],
                beta: vec![0.5; 8],
                mean: vec![0.0; 8],
                variance: vec![1.0; 8],
                epsilon: 1e-9,
            };
            x = b.add(&format!("{name}/norm"), Op::BatchNorm(norm), &[x]).unwrap();
            x = b.add(&format!("{name}/relu"), Op::Clip(Clip::RELU), &[x]).unwrap();
        }
        let x = b.add("pool", Op::GlobalAveragePool, &[x]).unwrap();
        b.finish(x).unwrap()
    }

    #[test]
    fn batch_norms_normalize_again() {
        let (mut graph, frames) = (normed(), frames(4, 6));
        let statistics = |graph: &Graph, name: &str| {
            let evidence = observe(graph, &frames, Fusion::Separate);
            Statistics::of(&evidence, node(graph, name)).unwrap()
        };
        let off = |statistics: &Statistics| {
            let mean = statistics.means.iter().map(|mean| (mean - 0.5).abs());
            let deviation = statistics.deviations.iter().map(|deviation| (deviation - 1.0).abs());
            mean.chain(deviation).fold(0.0, f64::max)
        };
        assert!(off(&statistics(&graph, "second/norm")) > 0.3);
        for name in ["first/norm", "second/norm"] {
            graph = reestimate_batch_norm(&graph, name, &observe(&graph, &frames, Fusion::Separate)).unwrap();
        }
        for name in ["first/norm", "second/norm"] {
            let off = off(&statistics(&graph, name));
            assert!(off < 1e-3, "{name}: {off}");
        }
        let evidence = observe(&graph, &frames, Fusion::Separate);
        for (name, evidence) in
            [("first/norm", &Evidence::default()), ("first", &evidence), ("no", &evidence)]
        {
            let error = reestimate_batch_norm(&graph, name, evidence).unwrap_err();
            assert_eq!(error, CompressError::NoEvidence(name.to_owned()));
        }
    }

    #[test]
    fn repaired_layers_have_the_float_models_statistics() {
        let (float, frames) = (network(3), frames(4, 6));
        let mut pruned = float.clone();
        for node in &mut pruned.nodes {
            for weight in weights_mut(&mut node.op).iter_mut().step_by(3) {
                *weight = 0.0;
            }
        }
        let wanted = observe(&float, &frames, Fusion::Separate);
        let mut repaired = pruned.clone();
        let layers: Vec<_> = float.nodes.iter().filter(|node| node.op.weight().is_some()).collect();
        for layer in &layers {
            let evidence = observe(&repaired, &frames, Fusion::Separate);
            (repaired, _) = repair_statistics(&repaired, &layer.name, &evidence, &wanted).unwrap();
        }
        let worst = |graph: &Graph, name: &str| {
            let evidence = observe(graph, &frames, Fusion::Separate);
            let [now, wanted] =
                [&evidence, &wanted].map(|evidence| Statistics::of(evidence, node(graph, name)).unwrap());
            let off = |i: usize| (now.means[i] - wanted.means[i]).abs() / wanted.deviations[i].max(1e-3);
            (0..now.means.len()).map(off).fold(0.0, f64::max)
        };
        for name in ["stem", "depthwise", "project", "classes"] {
            let (before, after) = (worst(&pruned, name), worst(&repaired, name));
            assert!(after < 0.2 * before, "{name}: {before} to {after}");
        }
        let [before, after] =
            [&pruned, &repaired].map(|graph| difference(&run(graph, &frames), &run(&float, &frames)));
        assert!(after < before, "{before} to {after}");
        // Nothing to repair, nothing repaired.
        for layer in &layers {
            let (same, report) = repair_statistics(&float, &layer.name, &wanted, &wanted).unwrap();
            assert!(difference(&run(&same, &frames), &run(&float, &frames)) < 1e-5);
            assert_eq!((report.smallest_gain, report.largest_gain), (1.0, 1.0));
        }
        for (layer, evidence) in [("stem", &Evidence::default()), ("add", &wanted), ("nothing", &wanted)] {
            let error = repair_statistics(&float, layer, evidence, &wanted).unwrap_err();
            assert_eq!(error, CompressError::NoEvidence(layer.to_owned()));
        }
    }
}
