//! Magnitude pruning, and how many zeros each layer gets.

use graph::{Evidence, Graph, Node, Op, WeightValues};

use crate::{CompressError, Distribution, MAX_SPARSITY, Structure};

/// True for the layers whose weights are pruned: 1x1 convolutions and linear layers.
///
/// They hold over 95 % of a MobileNet's weights. Depthwise and first convolutions hold few weights and lose most by
/// pruning, so they are left alone.
pub fn is_prunable(op: &Op) -> bool {
    match op {
        Op::Conv2d(conv) => conv.kernel() == [1, 1] && conv.groups == 1,
        Op::Linear(_) => true,
        Op::BatchNorm(_) | Op::Clip(_) | Op::Add | Op::GlobalAveragePool | Op::Softmax => false,
    }
}

/// Output channels of a block that share their zeros.
pub(crate) const BLOCK_CHANNELS: usize = 4;
/// How strongly [`Distribution::Weighted`] spares small layers: a layer's share is proportional to this power of its
/// number of weights.
const WEIGHTED_EXPONENT: f64 = 0.25;
/// No layer loses more than this share by [`Distribution::Weighted`].
const WEIGHTED_MOST: f64 = 0.98;

/// Sets the weights of smallest magnitude among [`is_prunable`] layers to zero; of equal magnitudes the earlier ones go
/// first.
///
/// Zeros that are there already count. Only float32 weights are pruned; others are left as they are.
///
/// - [`Structure::Blocks4x1`] goes by the sum of squares of four output channels' weights at one input,
///   [`Structure::TwoOfFour`] keeps the two largest of each four neighbouring inputs.
///
/// - `evidence`: of this graph; only [`Distribution::Measured`] needs it.
///
/// Source: Zhu & Gupta 2017 (arXiv 1710.01878) without the schedule, which needs training steps; Han et al. 2015
/// (arXiv 1506.02626); N:M: Mishra et al. 2021 (arXiv 2104.08378).
///
/// # Errors
/// [`CompressError::Sparsity`] outside `0.0..=0.95`, [`CompressError::NotFinite`] for NaN or infinite weights,
/// [`CompressError::NoEvidence`] for a layer whose input was not observed and must have been.
pub fn prune_magnitude(
    graph: &Graph,
    sparsity: f64,
    structure: Structure,
    distribution: Distribution,
    evidence: &Evidence,
) -> Result<Graph, CompressError> {
    let shares = layer_sparsities(graph, sparsity, structure, distribution, evidence)?;
    let mut graph = graph.clone();
    for (node, share) in graph.nodes.iter_mut().zip(shares) {
        let Some(n_pruned) = share else { continue };
        let Some(weight) = node.op.weight_mut() else { continue };
        let k = weight.channel_len().max(1);
        if let WeightValues::F32(values) = &mut weight.values {
            match structure {
                Structure::Unstructured => prune_smallest(values, n_pruned),
                Structure::Blocks4x1 => prune_blocks(values, k, n_pruned),
                Structure::TwoOfFour => prune_two_of_four(values, k),
            }
        }
    }
    graph.validate_part()?;
    Ok(graph)
}

/// For each node how many weights a pruning step sets to zero, `None` for what is not pruned: all but
/// [`is_prunable`] layers of float32 weights.
///
/// # Errors
/// As [`prune_magnitude`].
pub fn layer_sparsities(
    graph: &Graph,
    sparsity: f64,
    structure: Structure,
    distribution: Distribution,
    evidence: &Evidence,
) -> Result<Vec<Option<usize>>, CompressError> {
    if !(0.0..=MAX_SPARSITY).contains(&sparsity) {
        return Err(CompressError::Sparsity(sparsity));
    }
    for node in &graph.nodes {
        if values(node).is_some_and(|values| values.iter().any(|value| !value.is_finite())) {
            return Err(CompressError::NotFinite(node.name.clone()));
        }
    }
    let lens: Vec<Option<usize>> = graph.nodes.iter().map(|node| values(node).map(<[f32]>::len)).collect();
    let uniform = |sparsity: f64| {
        lens.iter().map(|len| len.map(|len| (sparsity * len as f64).round() as usize)).collect()
    };
    Ok(match (structure, distribution) {
        (Structure::TwoOfFour, _) => uniform(0.5),
        (_, Distribution::Uniform) => uniform(sparsity),
        (_, Distribution::Weighted) => weighted(&lens, sparsity),
        (_, Distribution::Global) => {
            let scores =
                |node: &Node| Ok(values(node).map(|weights| weights.iter().map(|w| w.abs()).collect()));
            below_one_threshold(graph, sparsity, scores)?
        }
        (_, Distribution::Measured) => {
            below_one_threshold(graph, sparsity, |node| output_shares(graph, node, evidence))?
        }
    })
}

fn values(node: &Node) -> Option<&[f32]> {
    match node.op.weight().filter(|_| is_prunable(&node.op)).map(|weight| &weight.values) {
        Some(WeightValues::F32(values)) => Some(values),
        _ => None,
    }
}

/// How many weights of each node have the lowest scores of the whole network.
fn below_one_threshold(
    graph: &Graph,
    sparsity: f64,
    scores: impl Fn(&Node) -> Result<Option<Vec<f32>>, CompressError>,
) -> Result<Vec<Option<usize>>, CompressError> {
    let scores: Vec<Option<Vec<f32>>> = graph.nodes.iter().map(scores).collect::<Result<_, _>>()?;
    let mut all: Vec<f32> = scores.iter().flatten().flatten().copied().collect();
    let n_pruned = (sparsity * all.len() as f64).round() as usize;
    if n_pruned == 0 {
        return Ok(scores.iter().map(|scores| scores.as_ref().map(|_| 0)).collect());
    }
    let (below, threshold, _) = all.select_nth_unstable_by(n_pruned - 1, f32::total_cmp);
    let threshold = *threshold;
    let mut ties_left = n_pruned - below.iter().filter(|score| **score < threshold).count();
    let mut count = |scores: &Vec<f32>| {
        let ties = scores.iter().filter(|score| **score == threshold).count().min(ties_left);
        ties_left -= ties;
        scores.iter().filter(|score| **score < threshold).count() + ties
    };
    Ok(scores.iter().map(|scores| scores.as_ref().map(&mut count)).collect())
}

/// What each weight contributes to the variance of its layer's output, as a share of what all contribute, inputs taken
/// as uncorrelated: `w² var(x) / Σ w² var(x)`. One threshold for them takes zeros where each costs a layer the least
/// share of its output.
///
/// Source: the score is that of Wanda, Sun et al. 2023 (arXiv 2306.11695), squared, without the mean that biases give back.
fn output_shares(graph: &Graph, node: &Node, evidence: &Evidence) -> Result<Option<Vec<f32>>, CompressError> {
    let Some((weights, input)) = values(node).zip(node.inputs.first()) else { return Ok(None) };
    let variances = evidence
        .channel_variances(*input)
        .filter(|variances| !variances.is_empty() && weights.len().is_multiple_of(variances.len()))
        .ok_or_else(|| CompressError::NoEvidence(graph.value(*input).name.clone()))?;
    let powers: Vec<f64> = weights
        .chunks_exact(variances.len())
        .flat_map(|row| {
            row.iter().zip(&variances).map(|(w, variance)| f64::from(*w).powi(2) * variance.max(0.0))
        })
        .collect();
    let all = powers.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    Ok(Some(powers.iter().map(|power| (power / all) as f32).collect()))
}

/// Shares proportional to a power of the layers' sizes, so that all together are `sparsity`.
fn weighted(lens: &[Option<usize>], sparsity: f64) -> Vec<Option<usize>> {
    let all: f64 = lens.iter().flatten().map(|len| *len as f64).sum();
    let share = |len: usize, factor: f64| {
        (factor * (len as f64).powf(WEIGHTED_EXPONENT)).min(WEIGHTED_MOST.max(sparsity))
    };
    let pruned =
        |factor: f64| lens.iter().flatten().map(|len| share(*len, factor) * *len as f64).sum::<f64>();
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        match pruned(middle) < sparsity * all {
            true => low = middle,
            false => high = middle,
        }
    }
    lens.iter().map(|len| len.map(|len| (share(len, high) * len as f64).round() as usize)).collect()
}

fn prune_smallest(values: &mut [f32], n_pruned: usize) {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].abs().total_cmp(&values[*b].abs()));
    for place in &order[..n_pruned.min(values.len())] {
        values[*place] = 0.0;
    }
}

fn prune_blocks(values: &mut [f32], k: usize, n_pruned: usize) {
    let block = BLOCK_CHANNELS * k;
    let mut scores: Vec<(f32, usize, usize)> = Vec::with_capacity(values.len() / BLOCK_CHANNELS);
    for (number, channels) in values.chunks(block).enumerate() {
        for input in 0..k {
            let score = channels.iter().skip(input).step_by(k).map(|w| w * w).sum::<f32>();
            scores.push((score, number, input));
        }
    }
    scores.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut left = n_pruned;
    for (_, number, input) in scores {
        let end = values.len().min((number + 1) * block);
        let channels = &mut values[number * block..end];
        let height = channels.len() / k;
        if height > left {
            break;
        }
        left -= height;
        channels.iter_mut().skip(input).step_by(k).for_each(|w| *w = 0.0);
    }
}

fn prune_two_of_four(values: &mut [f32], k: usize) {
    for channel in values.chunks_mut(k) {
        for group in channel.chunks_mut(4) {
            let n_pruned = group.len() / 2;
            prune_smallest(group, n_pruned);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(n: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * 37 % 101) as f32 - 50.0) / 64.0).collect()
    }

    #[test]
    fn small_layers_are_spared() {
        let lens = [Some(500), None, Some(400_000), Some(20_000)];
        for sparsity in [0.0, 0.3, 0.7, 0.95] {
            let pruned = weighted(&lens, sparsity);
            let share = |layer: usize| pruned[layer].unwrap() as f64 / lens[layer].unwrap() as f64;
            let all: usize = pruned.iter().flatten().sum();
            assert!((all as f64 / 420_500.0 - sparsity).abs() < 1e-4, "{sparsity}: {all}");
            assert!(share(0) <= share(3) + 0.01 && share(3) <= share(2) + 0.01);
            assert!(sparsity == 0.0 || share(0) < 0.5 || sparsity > 0.9);
            assert_eq!(pruned[1], None);
        }
    }

    #[test]
    fn blocks_are_zero_in_four_channels_at_once() {
        let (k, before) = (6, ramp(60));
        let mut values = before.clone();
        prune_blocks(&mut values, k, 30);
        for (block, old) in values.chunks(4 * k).zip(before.chunks(4 * k)) {
            for input in 0..k {
                let zeros = block.iter().skip(input).step_by(k).filter(|w| **w == 0.0).count();
                let already = old.iter().skip(input).step_by(k).filter(|w| **w == 0.0).count();
                assert!(zeros == block.len() / k || zeros == already, "{block:?}");
            }
        }
        let zeros = values.iter().filter(|w| **w == 0.0).count();
        assert!((24..=30).contains(&zeros), "{zeros}");
    }

    #[test]
    fn two_of_four_keeps_the_larger_two() {
        let mut values = vec![1.0, -3.0, 2.0, 0.5, 4.0, 5.0, -6.0];
        prune_two_of_four(&mut values, 7);
        assert_eq!(values, [0.0, -3.0, 2.0, 0.0, 0.0, 5.0, -6.0]);
    }
}
