//! A graph as a list of layers in TensorFlow's layouts, for engines that are called layer by layer (tfjs).
//!
//! The JSON is `{weightsUrl, output, layers}`; a layer is `{op, inputs, output, weight?, bias?, kernel?, strides?, pad?,
//! activation?}`, the picture is called `input`. `weight` and `bias` are `{offset, shape}` with the offset in bytes
//! into the file of weights (f32, little-endian). Convolution weights are `hwio`, depthwise ones
//! `[height, width, channels, 1]`, linear ones `[in, out]`. A clip that follows a convolution is its activation.

use anyhow::{Result, bail};
use graph::{Clip, Conv2d, Graph, Linear, MaxPool, Node, Op, Padding, Shape, ValueId};
use serde_json::{Map, Value, json};

/// The list and the weights that it refers to; `weights_url` is where the page will find the latter.
///
/// # Errors
/// For an operator that the list has no word for.
pub fn from_graph(graph: &Graph, weights_url: &str) -> Result<(Value, Vec<f32>)> {
    let mut weights = Vec::new();
    let mut layers: Vec<Map<String, Value>> = Vec::new();
    let counts = graph.consumer_counts();
    let name =
        |id: ValueId| if id == graph.input { "input".to_owned() } else { graph.value(id).name.clone() };
    for (idx, node) in graph.nodes.iter().enumerate() {
        if let (Op::Clip(clip), [input]) = (&node.op, node.inputs.as_slice()) {
            let before = idx.checked_sub(1).map(|it| &graph.nodes[it]);
            let fusible = before.is_some_and(|it| {
                it.output == *input && counts[input.0] == 1 && matches!(it.op, Op::Conv2d(_))
            });
            if let Some(last) = layers.last_mut().filter(|_| fusible) {
                last.insert("activation".to_owned(), json!(activation(clip)?));
                last.insert("output".to_owned(), json!(name(node.output)));
                continue;
            }
        }
        let mut layer = layer(graph, node, &mut weights)?;
        layer.insert("inputs".to_owned(), node.inputs.iter().map(|it| name(*it)).collect());
        layer.insert("output".to_owned(), json!(name(node.output)));
        layers.push(layer);
    }
    Ok((json!({"weightsUrl": weights_url, "output": name(graph.output), "layers": layers}), weights))
}

fn layer(graph: &Graph, node: &Node, weights: &mut Vec<f32>) -> Result<Map<String, Value>> {
    let value = match &node.op {
        Op::Conv2d(conv) => convolution(graph.value(node.inputs[0]).shape, node, conv, weights)?,
        Op::Clip(clip) => json!({"op": activation(clip)?}),
        Op::Add => json!({"op": "add"}),
        Op::GlobalAveragePool => json!({"op": "global_average_pool"}),
        Op::Linear(linear) => fully_connected(linear, weights),
        Op::Softmax => json!({"op": "softmax"}),
        Op::Concat => json!({"op": "concat"}),
        Op::MaxPool(pool) => max_pool(graph.value(node.inputs[0]).shape, node, pool)?,
        Op::BatchNorm(_) => bail!("`{}` is a batch norm; fold it first", node.name),
    };
    match value {
        Value::Object(layer) => Ok(layer),
        other => bail!("{other} is not a layer"),
    }
}

fn convolution(input: Shape, node: &Node, conv: &Conv2d, weights: &mut Vec<f32>) -> Result<Value> {
    let Shape::Image { height, width, .. } = input else {
        bail!("`{}` is a convolution of a vector", node.name);
    };
    let [out_channels, in_channels] = [conv.weight.shape[0], conv.weight.shape[1]];
    let [rows, columns] = conv.kernel();
    let oihw = conv.weight.to_f32();
    let at = |o: usize, i: usize, y: usize, x: usize| oihw[((o * in_channels + i) * rows + y) * columns + x];
    let (op, shape) = match conv.groups {
        1 => ("conv2d", [rows, columns, in_channels, out_channels]),
        _ if conv.is_depthwise() => ("depthwise_conv2d", [rows, columns, out_channels, 1]),
        groups => bail!("`{}` has {groups} groups; 1 or one for each channel can be listed", node.name),
    };
    // For a depthwise convolution the channel stands where `hwio` has the input, and `in_channels` is 1.
    let mut hwio = Vec::with_capacity(oihw.len());
    for y in 0..rows {
        for x in 0..columns {
            for i in 0..in_channels {
                hwio.extend((0..out_channels).map(|o| at(o, i, y, x)));
            }
        }
    }
    Ok(json!({
        "op": op,
        "weight": store(weights, &hwio, &shape),
        "bias": conv.bias.as_ref().map(|bias| store(weights, bias, &[out_channels])),
        "strides": conv.stride,
        "pad": padding(conv.padding, [height, width], [rows, columns], conv.stride),
    }))
}

fn max_pool(input: Shape, node: &Node, pool: &MaxPool) -> Result<Value> {
    let Shape::Image { height, width, .. } = input else {
        bail!("`{}` is a pool of a vector", node.name);
    };
    let MaxPool { kernel, stride, padding: around } = *pool;
    let pad = padding(around, [height, width], kernel, stride);
    Ok(json!({"op": "max_pool", "kernel": kernel, "strides": stride, "pad": pad}))
}

fn fully_connected(linear: &Linear, weights: &mut Vec<f32>) -> Value {
    let [n_out, n_in] = [linear.weight.out_channels(), linear.weight.channel_len()];
    let rows = linear.weight.to_f32();
    let transposed: Vec<f32> =
        (0..n_in).flat_map(|i| (0..n_out).map(move |o| (o, i))).map(|(o, i)| rows[o * n_in + i]).collect();
    json!({
        "op": "linear",
        "weight": store(weights, &transposed, &[n_in, n_out]),
        "bias": linear.bias.as_ref().map(|bias| store(weights, bias, &[n_out])),
    })
}

fn store(weights: &mut Vec<f32>, values: &[f32], shape: &[usize]) -> Value {
    let offset = weights.len() * size_of::<f32>();
    weights.extend_from_slice(values);
    json!({"offset": offset, "shape": shape})
}

fn padding(padding: Padding, input: [usize; 2], kernel: [usize; 2], stride: [usize; 2]) -> Value {
    if padding == Padding::same(input, kernel, stride) {
        return json!("same");
    }
    json!([[0, 0], [padding.top, padding.bottom], [padding.left, padding.right], [0, 0]])
}

fn activation(clip: &Clip) -> Result<&'static str> {
    match clip {
        clip if *clip == Clip::RELU => Ok("relu"),
        clip if *clip == Clip::RELU6 => Ok("relu6"),
        Clip { min, max } => bail!("a clip to {min}..{max:?} has no name; ReLU and ReLU6 have"),
    }
}

#[cfg(test)]
mod tests {
    use graph::{Clip, Conv2d, GraphBuilder, LabelSet, Metadata, Op, Padding, Preprocessing, Weight};

    use super::from_graph;

    #[test]
    fn a_convolution_takes_its_clip_along_and_turns_its_weights() {
        let preprocessing =
            Preprocessing { resize_shorter: 4, crop: 4, mean: [0.0; 3], std: [1.0; 3], assumed: true };
        let metadata = Metadata {
            name: "one layer".to_owned(),
            origin: String::new(),
            licence: String::new(),
            labels: LabelSet::Numbers,
            background_class: false,
            preprocessing,
        };
        let (mut builder, input) = GraphBuilder::new(metadata, 4, 4).expect("a picture");
        let conv = Conv2d {
            weight: Weight::f32(vec![2, 3, 1, 1], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
            bias: Some(vec![7.0, 8.0]),
            stride: [1, 1],
            padding: Padding::default(),
            groups: 1,
        };
        let x = builder.add("conv", Op::Conv2d(conv), &[input]).expect("it fits");
        let x = builder.add("clip", Op::Clip(Clip::RELU6), &[x]).expect("it fits");
        let x = builder.add("pool", Op::GlobalAveragePool, &[x]).expect("it fits");
        let (list, weights) =
            from_graph(&builder.finish(x).expect("a graph"), "w.bin").expect("it has words");
        let layers = list["layers"].as_array().expect("a list");
        assert_eq!(layers.len(), 2);
        assert_eq!(layers[0]["activation"], "relu6");
        assert_eq!(layers[0]["output"], "clip");
        assert_eq!(list["output"], "pool");
        assert_eq!(layers[0]["inputs"][0], "input");
        assert_eq!(layers[0]["bias"]["offset"], 24);
        assert_eq!(weights, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0, 7.0, 8.0]);
    }
}
