//! Magnitude pruning, how many zeros each layer gets, and how they grow in increments.

use std::collections::BTreeMap;

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
        Op::BatchNorm(_)
        | Op::Clip(_)
        | Op::Add
        | Op::Concat
        | Op::MaxPool(_)
        | Op::GlobalAveragePool
        | Op::Softmax => false,
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
///   [`Structure::NOfM`] keeps the largest of each `M` neighbouring inputs.
/// - `layers`: as in [`crate::Step::Prune`].
///
/// - `evidence`: of this graph; only [`Distribution::Measured`] needs it.
///
/// Source: Han et al. 2015 (arXiv 1506.02626); N:M: Mishra et al. 2021 (arXiv 2104.08378).
///
/// # Errors
/// [`CompressError::Sparsity`] outside `0.0..=0.95`, [`CompressError::NotFinite`] for NaN or infinite weights,
/// [`CompressError::UnknownLayer`] for a name in `layers` that no such layer bears, [`CompressError::NoEvidence`] for a
/// layer whose input was not observed and must have been.
pub fn prune_magnitude(
    graph: &Graph,
    sparsity: f64,
    structure: Structure,
    distribution: Distribution,
    layers: &BTreeMap<String, f64>,
    evidence: &Evidence,
) -> Result<Graph, CompressError> {
    let shares = layer_sparsities(graph, sparsity, structure, distribution, layers, evidence)?;
    let mut graph = graph.clone();
    for (node, share) in graph.nodes.iter_mut().zip(shares) {
        let Some(n_pruned) = share else { continue };
        let Some(weight) = node.op.weight_mut() else { continue };
        let k = weight.channel_len().max(1);
        if let WeightValues::F32(values) = &mut weight.values {
            match structure {
                Structure::Unstructured => prune_smallest(values, n_pruned),
                Structure::Blocks4x1 => prune_blocks(values, k, n_pruned),
                Structure::NOfM { kept, of } => prune_n_of_m(values, k, kept.into(), of.into()),
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
    layers: &BTreeMap<String, f64>,
    evidence: &Evidence,
) -> Result<Vec<Option<usize>>, CompressError> {
    let mut shares = layers.values().chain([&sparsity]);
    if let Some(share) = shares.find(|share| !(0.0..=MAX_SPARSITY).contains(*share)) {
        return Err(CompressError::Sparsity(*share));
    }
    for node in &graph.nodes {
        if values(node).is_some_and(|values| values.iter().any(|value| !value.is_finite())) {
            return Err(CompressError::NotFinite(node.name.clone()));
        }
    }
    let is_known = |name: &String| graph.nodes.iter().any(|node| node.name == *name && is_prunable(&node.op));
    if let Some(name) = layers.keys().find(|name| !is_known(name)) {
        return Err(CompressError::UnknownLayer(name.clone()));
    }
    let count = |share: f64, values: &[f32]| (share * values.len() as f64).round() as usize;
    // What is named is out of the spread.
    let spread: Vec<Option<&[f32]>> =
        graph.nodes.iter().map(|node| values(node).filter(|_| !layers.contains_key(&node.name))).collect();
    let uniform =
        |share: f64| spread.iter().map(|values| values.map(|values| count(share, values))).collect();
    let lens = || spread.iter().map(|values| values.map(<[f32]>::len)).collect::<Vec<_>>();
    let mut counts: Vec<Option<usize>> = match (structure.sparsity(), distribution) {
        (Some(demanded), _) => uniform(demanded),
        (None, Distribution::Uniform) => uniform(sparsity),
        (None, Distribution::Weighted) => weighted(&lens(), sparsity),
        (None, Distribution::Global) => {
            let magnitudes = |values: &[f32]| values.iter().map(|value| value.abs()).collect();
            let scores: Vec<_> = spread.iter().map(|values| values.map(magnitudes)).collect();
            below_one_threshold(&scores, sparsity)
        }
        (None, Distribution::Measured) => {
            let scores = graph.nodes.iter().zip(&spread).map(|(node, values)| match values {
                Some(_) => output_shares(graph, node, evidence),
                None => Ok(None),
            });
            below_one_threshold(&scores.collect::<Result<Vec<_>, _>>()?, sparsity)
        }
    };
    for (node, place) in graph.nodes.iter().zip(&mut counts) {
        if let (Some(share), Some(values)) = (layers.get(&node.name), values(node)) {
            *place = Some(count(*share, values));
        }
    }
    Ok(counts)
}

/// The sparsity after increment `t` of `n`, from `initial` at 0 to `last` at `n`:
///
/// ```text
/// s(t) = s_f + (s_i - s_f) (1 - t / n)³
/// ```
/// Much goes while much is left that is worth little. `t` beyond `n` gives `last`.
///
/// Source: Zhu & Gupta 2017 (arXiv 1710.01878), section 3, equation 1.
pub fn cubic_sparsity(initial: f64, last: f64, t: usize, n: usize) -> f64 {
    let left = 1.0 - (t.min(n) as f64) / (n.max(1) as f64);
    last + (initial - last) * left.powi(3)
}

fn values(node: &Node) -> Option<&[f32]> {
    match node.op.weight().filter(|_| is_prunable(&node.op)).map(|weight| &weight.values) {
        Some(WeightValues::F32(values)) => Some(values),
        _ => None,
    }
}

/// How many weights of each node have the lowest scores of the whole network; `None` for a node without scores.
fn below_one_threshold(scores: &[Option<Vec<f32>>], sparsity: f64) -> Vec<Option<usize>> {
    let mut all: Vec<f32> = scores.iter().flatten().flatten().copied().collect();
    let n_pruned = (sparsity * all.len() as f64).round() as usize;
    if n_pruned == 0 {
        return scores.iter().map(|scores| scores.as_ref().map(|_| 0)).collect();
    }
    let (below, threshold, _) = all.select_nth_unstable_by(n_pruned - 1, f32::total_cmp);
    let threshold = *threshold;
    let mut ties_left = n_pruned - below.iter().filter(|score| **score < threshold).count();
    let mut count = |scores: &Vec<f32>| {
        let ties = scores.iter().filter(|score| **score == threshold).count().min(ties_left);
        ties_left -= ties;
        scores.iter().filter(|score| **score < threshold).count() + ties
    };
    scores.iter().map(|scores| scores.as_ref().map(&mut count)).collect()
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
    let n_pruned = n_pruned.min(values.len());
    let mut order: Vec<usize> = (0..values.len()).collect();
    if n_pruned > 0 {
        let magnitude = |place: &usize| values[*place].abs();
        order.select_nth_unstable_by(n_pruned - 1, |a, b| {
            magnitude(a).total_cmp(&magnitude(b)).then(a.cmp(b))
        });
    }
    for place in &order[..n_pruned] {
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

fn prune_n_of_m(values: &mut [f32], k: usize, n: usize, m: usize) {
    for channel in values.chunks_mut(k) {
        for group in channel.chunks_mut(m) {
            let n_pruned = group.len() * (m - n) / m;
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
    fn n_of_m_keeps_the_largest() {
        let before = [1.0, -3.0, 2.0, 0.5, 4.0, 5.0, -6.0];
        let pruned = |n, m| {
            let mut values = before;
            prune_n_of_m(&mut values, 7, n, m);
            values
        };
        assert_eq!(pruned(2, 4), [0.0, -3.0, 2.0, 0.0, 0.0, 5.0, -6.0]);
        assert_eq!(pruned(1, 4), [0.0, -3.0, 0.0, 0.0, 0.0, 0.0, -6.0]);
        assert_eq!(pruned(2, 3), [0.0, -3.0, 2.0, 0.0, 4.0, 5.0, -6.0]);
    }

    #[test]
    fn the_schedule_is_cubic() {
        let close = |actual: f64, expected: f64| assert!((actual - expected).abs() < 1e-12, "{actual}");
        close(cubic_sparsity(0.0, 0.8, 0, 4), 0.0);
        close(cubic_sparsity(0.0, 0.8, 1, 4), 0.8 - 0.8 * 27.0 / 64.0);
        close(cubic_sparsity(0.0, 0.8, 2, 4), 0.7);
        close(cubic_sparsity(0.0, 0.8, 4, 4), 0.8);
        close(cubic_sparsity(0.2, 0.8, 1, 2), 0.8 - 0.6 / 8.0);
        close(cubic_sparsity(0.2, 0.8, 9, 2), 0.8);
        close(cubic_sparsity(0.2, 0.8, 0, 0), 0.2);
        for n in 1..9 {
            let shares: Vec<f64> = (0..=n).map(|t| cubic_sparsity(0.1, 0.9, t, n)).collect();
            let grown: Vec<f64> = shares.windows(2).map(|pair| pair[1] - pair[0]).collect();
            assert!(grown.iter().all(|step| *step > 0.0) && grown.windows(2).all(|pair| pair[1] < pair[0]));
        }
    }
}
