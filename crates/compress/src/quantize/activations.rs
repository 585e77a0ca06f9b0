//! 8-bit activations.

use graph::{ActivationQuantization, Evidence, Graph, Range, Shape, ValueId};

use super::{ranges, widen_for_bias};
use crate::{CompressError, RangeMethod};

/// Gives activations int8 grids, one per tensor, so that layers with integer weights run on integers.
///
/// The values that a layer reads and the ones `evidence` saw between layers are quantized; scores, vectors behind the last
/// layer, stay float32. What an operator only hands on, a concatenation or the largest of a window, has one grid before and
/// behind it, over the ranges of all of it, so that no level changes there. Integer weights that are there already keep their levels unless a bias would not fit
/// int32 beside them.
///
/// `graph` must have its batch norms folded, and `evidence` must come from the same graph, so that value ids agree.
///
/// Source: Jacob et al. 2018 (arXiv 1712.05877), section 2; the methods of finding a range: Wu et al. 2020
/// (arXiv 2004.09602), section 3.3.
///
/// # Errors
/// [`CompressError::NoEvidence`] when a value that a layer reads was never observed, [`CompressError::NotFinite`] for
/// a range that is not finite.
pub fn quantize_activations(
    graph: &Graph,
    evidence: &Evidence,
    method: RangeMethod,
) -> Result<Graph, CompressError> {
    let mut graph = graph.clone();
    let scores = scores(&graph);
    let ranges: Vec<Option<Range>> = (0..graph.values.len())
        .map(|idx| range(evidence, ValueId(idx), method).filter(|_| !scores[idx]))
        .collect();
    let unusable =
        |range: &Option<Range>| range.is_some_and(|range| activation_quantization(range).is_none());
    if let Some(idx) = ranges.iter().position(unusable) {
        return Err(CompressError::NotFinite(graph.values[idx].name.clone()));
    }
    let ranges = shared_ranges(&graph, &ranges);
    for (value, range) in graph.values.iter_mut().zip(ranges) {
        value.quantization = range.and_then(activation_quantization).or(value.quantization);
    }
    for node in graph.nodes.iter().filter(|node| node.op.weight().is_some()) {
        let input = graph.value(node.inputs[0]);
        if input.quantization.is_none() {
            return Err(CompressError::NoEvidence(input.name.clone()));
        }
    }
    let Graph { nodes, values, .. } = &mut graph;
    for node in nodes {
        widen_for_bias(&mut node.op, values[node.inputs[0].0].quantization);
    }
    graph.validate()?;
    Ok(graph)
}

/// The range of a value by `method`; the whole one where `evidence` holds no histogram.
fn range(evidence: &Evidence, value: ValueId, method: RangeMethod) -> Option<Range> {
    let seen = evidence.range(value)?;
    let Some(histogram) = evidence.histogram(value) else { return Some(seen) };
    let bins = histogram.bins(seen);
    Some(match method {
        RangeMethod::MinMax => seen,
        RangeMethod::Percentile => ranges::percentile(&bins),
        RangeMethod::Mse => ranges::least_squares(seen, &bins),
        RangeMethod::Entropy => ranges::least_divergence(seen, &bins),
    })
}

/// The int8 grid that covers `range` and holds 0.0 exactly: `scale = (max - min) / 255` over the range widened to
/// contain 0, `zero_point = round(-128 - min / scale)`. A range of zeros gets scale 1. `None` when it is not finite.
pub fn activation_quantization(range: Range) -> Option<ActivationQuantization> {
    let (min, max) = (f64::from(range.min.min(0.0)), f64::from(range.max.max(0.0)));
    if !(min.is_finite() && max.is_finite()) {
        return None;
    }
    let scale = ((max - min) / 255.0) as f32;
    if scale < f32::MIN_POSITIVE {
        return Some(ActivationQuantization { scale: 1.0, zero_point: -128 });
    }
    let zero_point = (-128.0 - min / f64::from(scale)).round().clamp(-128.0, 127.0) as i8;
    Some(ActivationQuantization { scale, zero_point })
}

/// The ranges with those joined that operators hand on from one value to another; a value that was not seen stays so.
fn shared_ranges(graph: &Graph, ranges: &[Option<Range>]) -> Vec<Option<Range>> {
    let mut groups: Vec<usize> = (0..ranges.len()).collect();
    for node in graph.nodes.iter().filter(|node| node.op.keeps_elements()) {
        let joined = groups[node.output.0];
        for input in &node.inputs {
            let other = groups[input.0];
            groups.iter_mut().filter(|group| **group == other).for_each(|group| *group = joined);
        }
    }
    let mut shared: Vec<Option<Range>> = vec![None; ranges.len()];
    for (group, range) in groups.iter().zip(ranges) {
        let Some(range) = range else { continue };
        let all = shared[*group].get_or_insert(*range);
        *all = Range { min: all.min.min(range.min), max: all.max.max(range.max) };
    }
    groups.iter().zip(ranges).map(|(group, range)| range.and(shared[*group])).collect()
}

/// For every value, whether it is a vector with no layer behind it: logits, or what else the answer is read from.
fn scores(graph: &Graph) -> Vec<bool> {
    let is_score = |idx: usize| {
        let vector = matches!(graph.values[idx].shape, Shape::Vector { .. });
        vector && leads_to_no_layer(graph, ValueId(idx))
    };
    (0..graph.values.len()).map(is_score).collect()
}

fn leads_to_no_layer(graph: &Graph, start: ValueId) -> bool {
    let mut reached = vec![false; graph.values.len()];
    reached[start.0] = true;
    for node in &graph.nodes {
        if node.inputs.iter().any(|input| reached[input.0]) {
            if node.op.weight().is_some() {
                return false;
            }
            reached[node.output.0] = true;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use graph::{Conv2d, GraphBuilder, MaxPool, Op, Padding, Weight};

    use super::*;
    use crate::testing::network;

    /// Two convolutions joined and pooled, before one that classifies each position.
    fn fire() -> Graph {
        let conv = |shape: [usize; 4]| {
            let weight = Weight::f32(shape.to_vec(), vec![0.5; shape.iter().product()]);
            Op::Conv2d(Conv2d { weight, bias: None, stride: [1, 1], padding: Padding::default(), groups: 1 })
        };
        let pool = MaxPool { kernel: [2, 2], stride: [2, 2], padding: Padding::default() };
        let (mut b, x) = GraphBuilder::new(network(1).metadata, 4, 4).unwrap();
        let small = b.add("small", conv([2, 3, 1, 1]), &[x]).unwrap();
        let large = b.add("large", conv([2, 3, 1, 1]), &[x]).unwrap();
        let x = b.add("concat", Op::Concat, &[small, large]).unwrap();
        let x = b.add("pool", Op::MaxPool(pool), &[x]).unwrap();
        let x = b.add("classes", conv([5, 4, 1, 1]), &[x]).unwrap();
        let x = b.add("mean", Op::GlobalAveragePool, &[x]).unwrap();
        b.finish(x).unwrap()
    }

    /// Evidence of a range for each value.
    fn seen(graph: &Graph, ranges: &[(&str, f32, f32)]) -> Evidence {
        let mut evidence = Evidence::default();
        for (name, min, max) in ranges {
            let idx = graph.values.iter().position(|value| value.name == *name).unwrap();
            let mut values = vec![*min; graph.values[idx].shape.len()];
            values[0] = *max;
            evidence.observe(ValueId(idx), &values, graph.values[idx].shape.channels());
        }
        evidence.end_frame();
        evidence
    }

    const RANGES: [(&str, f32, f32); 7] = [
        ("input", -1.0, 1.0),
        ("small", 0.0, 1.0),
        ("large", -2.0, 4.0),
        ("concat", -2.0, 4.0),
        ("pool", -1.0, 4.0),
        ("classes", 0.0, 9.0),
        ("mean", 0.0, 5.0),
    ];

    #[test]
    fn what_is_handed_on_has_one_grid_and_scores_have_none() {
        let graph = fire();
        let quantized = quantize_activations(&graph, &seen(&graph, &RANGES), RangeMethod::MinMax).unwrap();
        let grid =
            |name: &str| quantized.values.iter().find(|value| value.name == name).unwrap().quantization;
        let all = activation_quantization(Range { min: -2.0, max: 4.0 });
        assert_eq!(["small", "large", "concat", "pool"].map(grid), [all; 4]);
        assert_eq!(grid("classes"), activation_quantization(Range { min: 0.0, max: 9.0 }));
        assert_eq!(grid("mean"), None);
    }

    #[test]
    fn a_range_that_is_not_finite_is_refused_in_company_too() {
        let graph = fire();
        let mut ranges = RANGES;
        ranges[1].2 = f32::INFINITY;
        let refused = quantize_activations(&graph, &seen(&graph, &ranges), RangeMethod::MinMax);
        assert_eq!(refused, Err(CompressError::NotFinite("small".to_owned())));
    }
}
