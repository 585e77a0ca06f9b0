//! Folds batch normalisation into the convolution before it.

use std::borrow::Cow;

use crate::{BatchNorm, Conv2d, Graph, GraphError, Node, Op, Value, ValueId, Weight};

/// Returns the graph with every batch norm that directly follows a convolution folded into it:
/// `w' = w * g`, `b' = beta + (b - mean) * g` with `g = gamma / sqrt(variance + epsilon)` per output channel.
///
/// The convolution then writes the value that the batch norm wrote, under the same name. A batch norm whose input is
/// read by another node as well, or is not written by a convolution, stays. Folding is done in double precision.
///
/// # Errors
/// What [`Graph::validate_part`] refuses; never for a valid graph.
pub fn fold_batch_norms(graph: &Graph) -> Result<Graph, GraphError> {
    let consumers = graph.consumer_counts();
    let mut producers = vec![None; graph.values.len()];
    let mut nodes: Vec<Node> = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        if let Op::BatchNorm(norm) = &node.op
            && let Some(idx) = producers[node.inputs[0].0]
            && consumers[node.inputs[0].0] == 1
            && let Node { op: Op::Conv2d(conv), output, .. } = &mut nodes[idx]
        {
            fold(conv, norm);
            *output = node.output;
            producers[node.output.0] = Some(idx);
            continue;
        }
        producers[node.output.0] = Some(nodes.len());
        nodes.push(node.clone());
    }
    let folded = without_unused_values(Graph {
        metadata: graph.metadata.clone(),
        values: graph.values.clone(),
        nodes,
        input: graph.input,
        output: graph.output,
    });
    folded.validate_part()?;
    Ok(folded)
}

/// As [`fold_batch_norms`], without a copy of the weights where that would be the same graph.
///
/// # Errors
/// As [`fold_batch_norms`].
pub fn with_folded_batch_norms(graph: &Graph) -> Result<Cow<'_, Graph>, GraphError> {
    let has_batch_norms = graph.nodes.iter().any(|node| matches!(node.op, Op::BatchNorm(_)));
    let has_unused_values = graph.values.len() != graph.nodes.len() + 1;
    match has_batch_norms || has_unused_values {
        true => fold_batch_norms(graph).map(Cow::Owned),
        false => Ok(Cow::Borrowed(graph)),
    }
}

fn fold(conv: &mut Conv2d, norm: &BatchNorm) {
    let gains: Vec<f64> = norm
        .gamma
        .iter()
        .zip(&norm.variance)
        .map(|(gamma, variance)| f64::from(*gamma) / (f64::from(*variance) + f64::from(norm.epsilon)).sqrt())
        .collect();
    let channel_len = conv.weight.channel_len();
    let weights = conv
        .weight
        .to_f32()
        .chunks_exact(channel_len)
        .zip(&gains)
        .flat_map(|(channel, gain)| channel.iter().map(move |weight| (f64::from(*weight) * gain) as f32))
        .collect();
    let bias = (0..gains.len())
        .map(|channel| {
            let before = conv.bias.as_ref().map_or(0.0, |bias| f64::from(bias[channel]));
            (f64::from(norm.beta[channel]) + (before - f64::from(norm.mean[channel])) * gains[channel]) as f32
        })
        .collect();
    conv.weight = Weight::f32(conv.weight.shape.clone(), weights);
    conv.bias = Some(bias);
}

/// Drops values that no node writes or reads and renumbers the rest.
fn without_unused_values(mut graph: Graph) -> Graph {
    let mut used = vec![false; graph.values.len()];
    used[graph.input.0] = true;
    for node in &graph.nodes {
        used[node.output.0] = true;
    }
    let mut renumbered = vec![ValueId(0); graph.values.len()];
    let mut kept: Vec<Value> = Vec::new();
    for (idx, value) in graph.values.into_iter().enumerate() {
        renumbered[idx] = ValueId(kept.len());
        if used[idx] {
            kept.push(value);
        }
    }
    for node in &mut graph.nodes {
        node.output = renumbered[node.output.0];
        for input in &mut node.inputs {
            *input = renumbered[input.0];
        }
    }
    graph.input = renumbered[graph.input.0];
    graph.output = renumbered[graph.output.0];
    graph.values = kept;
    graph
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Clip, GraphBuilder, LabelSet, Linear, Metadata, Padding, Preprocessing};

    fn metadata() -> Metadata {
        Metadata {
            name: "test".to_owned(),
            origin: String::new(),
            licence: String::new(),
            labels: LabelSet::Numbers,
            background_class: false,
            preprocessing: Preprocessing::usual(4, Preprocessing::MINUS_ONE_TO_ONE),
        }
    }

    fn conv(bias: Option<Vec<f32>>) -> Op {
        Op::Conv2d(Conv2d {
            weight: Weight::f32(vec![2, 3, 1, 1], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
            bias,
            stride: [1, 1],
            padding: Padding::default(),
            groups: 1,
        })
    }

    fn norm() -> Op {
        Op::BatchNorm(BatchNorm {
            gamma: vec![2.0, -1.0],
            beta: vec![0.5, 0.25],
            mean: vec![1.0, 2.0],
            variance: vec![3.0, 0.0],
            epsilon: 1.0,
        })
    }

    #[test]
    fn a_graph_without_batch_norms_is_not_copied() {
        let built = |with_norm: bool| {
            let (mut builder, input) = GraphBuilder::new(metadata(), 4, 4).unwrap();
            let x = builder.add("conv", conv(None), &[input]).unwrap();
            let x = if with_norm { builder.add("norm", norm(), &[x]).unwrap() } else { x };
            let x = builder.add("pool", Op::GlobalAveragePool, &[x]).unwrap();
            builder.finish(x).unwrap()
        };
        let (plain, normed) = (built(false), built(true));
        assert!(matches!(with_folded_batch_norms(&plain).unwrap(), Cow::Borrowed(_)));
        assert_eq!(*with_folded_batch_norms(&plain).unwrap(), fold_batch_norms(&plain).unwrap());
        assert_eq!(*with_folded_batch_norms(&normed).unwrap(), fold_batch_norms(&normed).unwrap());
    }

    #[test]
    fn gain_and_bias_follow_the_formula() {
        let (mut builder, input) = GraphBuilder::new(metadata(), 4, 4).unwrap();
        let x = builder.add("conv", conv(Some(vec![10.0, 20.0])), &[input]).unwrap();
        let x = builder.add("norm", norm(), &[x]).unwrap();
        let x = builder.add("clip", Op::Clip(Clip::RELU6), &[x]).unwrap();
        let x = builder.add("pool", Op::GlobalAveragePool, &[x]).unwrap();
        let folded = fold_batch_norms(&builder.finish(x).unwrap()).unwrap();
        assert_eq!(folded.nodes.len(), 3);
        assert_eq!(folded.value(folded.nodes[0].output).name, "norm");
        let Op::Conv2d(conv) = &folded.nodes[0].op else { panic!("{:?}", folded.nodes[0]) };
        assert_eq!(conv.weight.to_f32().as_ref(), [1.0, 2.0, 3.0, -4.0, -5.0, -6.0]);
        assert_eq!(conv.bias.as_deref(), Some([9.5, -17.75].as_slice()));
    }

    #[test]
    fn a_convolution_read_twice_keeps_its_batch_norm() {
        let (mut builder, input) = GraphBuilder::new(metadata(), 4, 4).unwrap();
        let x = builder.add("conv", conv(None), &[input]).unwrap();
        let y = builder.add("norm", norm(), &[x]).unwrap();
        let x = builder.add("add", Op::Add, &[x, y]).unwrap();
        let x = builder.add("pool", Op::GlobalAveragePool, &[x]).unwrap();
        let graph = builder.finish(x).unwrap();
        assert_eq!(fold_batch_norms(&graph).unwrap(), graph);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_both_numbers() {
        let (mut builder, input) = GraphBuilder::new(metadata(), 4, 4).unwrap();
        let x = builder.add("conv", conv(None), &[input]).unwrap();
        let error = builder.add("again", conv(None), &[x]).unwrap_err();
        assert_eq!(error.to_string(), "conv2d `again`: weight takes 3 channels, input has 2");
        let x = builder.add("pool", Op::GlobalAveragePool, &[x]).unwrap();
        let linear = Linear { weight: Weight::f32(vec![2, 3], vec![0.0; 6]), bias: None };
        let error = builder.add("fc", Op::Linear(linear), &[x]).unwrap_err();
        assert_eq!(error.to_string(), "linear `fc`: weight takes 3 values, input has 2");
        assert_eq!(
            builder.add("conv", Op::Softmax, &[x]).unwrap_err().to_string(),
            "name `conv` is used twice"
        );
    }

    #[test]
    fn validate_finds_what_a_pass_may_break() {
        let (mut builder, input) = GraphBuilder::new(metadata(), 4, 4).unwrap();
        let x = builder.add("conv", conv(None), &[input]).unwrap();
        let x = builder.add("pool", Op::GlobalAveragePool, &[x]).unwrap();
        let graph = builder.finish(x).unwrap();
        let mut swapped = graph.clone();
        swapped.nodes.swap(0, 1);
        assert!(matches!(swapped.validate(), Err(GraphError::Order { .. })));
        let mut short = graph.clone();
        *short.nodes[0].op.weight_mut().unwrap() = Weight::f32(vec![2, 3, 1, 1], vec![0.0; 5]);
        assert!(matches!(short.validate(), Err(GraphError::Node { .. })));
        let mut unscaled = graph;
        let quantization = crate::ActivationQuantization { scale: 0.0, zero_point: 0 };
        unscaled.values[0].quantization = Some(quantization);
        assert!(matches!(unscaled.validate(), Err(GraphError::Scale { .. })));
    }
}
