//! High biases move into the next layer. Inexact, and off unless asked for.

use graph::{Clip, Evidence, Graph, Op, UpperBound};

use crate::CompressError;
use crate::layers::{bias_mut, links, outputs_of_constants};

/// Deviations below a channel's mean that its activation is taken to stay above.
const DEVIATIONS: f64 = 3.0;

/// What moved out of a layer's biases.
#[derive(Clone, Debug, PartialEq)]
pub struct AbsorbedBias {
    /// The layer whose biases have become smaller.
    pub node: String,
    /// Channels concerned.
    pub channels: usize,
    /// The largest constant that moved.
    pub largest: f64,
}

/// Takes what a channel's activation hardly ever falls below out of its bias and adds it to the next layer's:
///
/// ```text
/// c = max(0, mean - 3 * deviation)      b1' = b1 - c      clip's upper bound' = it - c      b2' = b2 + Σ w2 c
/// ```
/// for a convolution, the clip from 0 behind it and the only layer that reads that, a linear one also through a pooling.
/// Equalization leaves such channels behind: their activations then span a smaller range.
///
/// Inexact where an activation lies below `c` all the same, and along the border of a padded convolution, which sees zeros
/// and not `c`. Mean and deviation are those of the activation on calibration frames, not those of batch norms. Batch norms
/// must be folded.
///
/// Source: Nagel et al. 2019 (arXiv 1906.04721), section 4.1.3.
///
/// # Errors
/// [`CompressError::NoEvidence`] when what lies between two layers was never observed.
pub fn absorb_high_biases(
    graph: &Graph,
    evidence: &Evidence,
) -> Result<(Graph, Vec<AbsorbedBias>), CompressError> {
    let mut graph = graph.clone();
    let mut report = Vec::new();
    for link in links(&graph) {
        let Some(clip) = link.clip else { continue };
        let Op::Clip(Clip { min: 0.0, max }) = &graph.nodes[clip].op else { continue };
        let not_observed = || CompressError::NoEvidence(graph.value(link.value).name.clone());
        let means = evidence.channel_means(link.value).ok_or_else(not_observed)?;
        let variances = evidence.channel_variances(link.value).ok_or_else(not_observed)?;
        let constants: Vec<f64> = means
            .iter()
            .zip(variances)
            .map(|(mean, variance)| (mean - DEVIATIONS * variance.sqrt()).max(0.0))
            .collect();
        let channels = constants.iter().filter(|constant| **constant > 0.0).count();
        if channels == 0 {
            continue;
        }
        let max: Vec<f32> = (0..constants.len()).map(|channel| max.of(channel)).collect();
        let is_bounded = max.iter().any(|max| max.is_finite());
        let lowered = |value: f32, constant: f64| (f64::from(value) - constant) as f32;
        for (bias, constant) in bias_mut(&mut graph.nodes[link.first].op).iter_mut().zip(&constants) {
            *bias = lowered(*bias, *constant);
        }
        if is_bounded {
            // A mean is at most the bound, but for rounding.
            let max = max.iter().zip(&constants).map(|(max, constant)| lowered(*max, *constant).max(0.0));
            let max = UpperBound::PerChannel(max.collect());
            graph.nodes[clip].op = Op::Clip(Clip { min: 0.0, max });
        }
        let second = &mut graph.nodes[link.second].op;
        let sums = outputs_of_constants(second, &constants);
        for (bias, sum) in bias_mut(second).iter_mut().zip(sums) {
            *bias = (f64::from(*bias) + sum) as f32;
        }
        let largest = constants.iter().copied().fold(0.0, f64::max);
        report.push(AbsorbedBias { node: graph.nodes[link.first].name.clone(), channels, largest });
    }
    graph.validate()?;
    Ok((graph, report))
}

#[cfg(test)]
mod tests {
    use engine::Fusion;

    use super::*;
    use crate::testing::{difference, frames, network, node, node_mut, observe, run};

    #[test]
    fn high_biases_move_on_and_outputs_stay_close() {
        let mut graph = network(6);
        // Far from zero and from six, whatever the picture.
        for name in ["expand2", "last"] {
            let op = &mut node_mut(&mut graph, name).op;
            bias_mut(op)[3] = 3.0;
            let len = op.weight().unwrap().channel_len();
            crate::layers::weights_mut(op)[3 * len..4 * len].iter_mut().for_each(|weight| *weight *= 0.01);
        }
        let frames = frames(2, 4);
        let evidence = observe(&graph, &frames, Fusion::Observable);
        let (absorbed, report) = absorb_high_biases(&graph, &evidence).unwrap();
        for name in ["expand2", "last"] {
            assert!(report.iter().any(|it| it.node == name && it.channels >= 1), "{report:?}");
            let bias = |graph: &Graph| node(graph, name).op.bias().unwrap()[3];
            let moved = bias(&graph) - bias(&absorbed);
            assert!(moved > 2.0, "{name}: {moved}");
            let Op::Clip(clip) = &node(&absorbed, &format!("{name}/relu6")).op else { panic!("a clip") };
            assert!((clip.max.of(3) - (6.0 - moved)).abs() < 1e-5);
        }
        let close = difference(&run(&absorbed, &frames), &run(&graph, &frames));
        assert!(close < 0.1, "{close}");
        // Without what moves into the classes it would be another network.
        let mut wrong = absorbed.clone();
        let before = node(&graph, "classes").op.bias().unwrap();
        bias_mut(&mut node_mut(&mut wrong, "classes").op).copy_from_slice(before);
        assert!(difference(&run(&wrong, &frames), &run(&graph, &frames)) > close);
    }

    #[test]
    fn channels_that_reach_zero_keep_their_bias() {
        let (graph, frames) = (network(6), frames(2, 4));
        let evidence = observe(&graph, &frames, Fusion::Observable);
        let (absorbed, _) = absorb_high_biases(&graph, &evidence).unwrap();
        let value = node(&graph, "expand/relu6").output;
        let (means, variances) =
            (evidence.channel_means(value).unwrap(), evidence.channel_variances(value).unwrap());
        let bias = |graph: &Graph, channel: usize| node(graph, "expand").op.bias().unwrap()[channel];
        let (high, low): (Vec<usize>, Vec<usize>) =
            (0..40).partition(|&channel| means[channel] > 3.0 * variances[channel].sqrt());
        assert!(!high.is_empty() && !low.is_empty());
        assert!(high.iter().all(|&channel| bias(&absorbed, channel) < bias(&graph, channel)));
        assert!(low.iter().all(|&channel| bias(&absorbed, channel) == bias(&graph, channel)));
    }

    #[test]
    fn networks_without_evidence_are_refused() {
        let error = absorb_high_biases(&network(6), &Evidence::default()).unwrap_err();
        assert_eq!(error, CompressError::NoEvidence("expand/relu6".to_owned()));
    }
}
