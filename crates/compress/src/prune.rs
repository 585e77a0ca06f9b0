//! Magnitude pruning.

use graph::{Graph, Op, WeightValues};

use crate::{CompressError, MAX_SPARSITY};

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

/// Sets the `round(sparsity * n)` weights of smallest magnitude among all `n` weights of [`is_prunable`] layers to
/// zero: one threshold for the whole network. Of equal magnitudes the earlier layers' go first.
///
/// Zeros that are there already count. Only float32 weights are pruned; others are left as they are.
///
/// Source: Zhu & Gupta 2017 (arXiv 1710.01878) without the schedule, which needs training steps; Han et al. 2015.
///
/// # Errors
/// [`CompressError::Sparsity`] outside `0.0..=0.95`, [`CompressError::NotFinite`] for NaN or infinite weights.
pub fn prune_magnitude(graph: &Graph, sparsity: f64) -> Result<Graph, CompressError> {
    if !(0.0..=MAX_SPARSITY).contains(&sparsity) {
        return Err(CompressError::Sparsity(sparsity));
    }
    let mut graph = graph.clone();
    let mut magnitudes: Vec<f32> = Vec::new();
    for node in graph.nodes.iter().filter(|node| is_prunable(&node.op)) {
        if let Some(WeightValues::F32(values)) = node.op.weight().map(|weight| &weight.values) {
            if values.iter().any(|value| !value.is_finite()) {
                return Err(CompressError::NotFinite(node.name.clone()));
            }
            magnitudes.extend(values.iter().map(|value| value.abs()));
        }
    }
    let n_pruned = (sparsity * magnitudes.len() as f64).round() as usize;
    if n_pruned == 0 {
        return Ok(graph);
    }
    let (below, threshold, _) = magnitudes.select_nth_unstable_by(n_pruned - 1, f32::total_cmp);
    let threshold = *threshold;
    let mut ties_left = n_pruned - below.iter().filter(|magnitude| **magnitude < threshold).count();

    for node in graph.nodes.iter_mut().filter(|node| is_prunable(&node.op)) {
        let Some(WeightValues::F32(values)) = node.op.weight_mut().map(|weight| &mut weight.values) else {
            continue;
        };
        for value in values {
            let magnitude = value.abs();
            let tie = magnitude == threshold && ties_left > 0;
            ties_left -= usize::from(tie);
            if tie || magnitude < threshold {
                *value = 0.0;
            }
        }
    }
    graph.validate()?;
    Ok(graph)
}
