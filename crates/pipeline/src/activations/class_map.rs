//! Class activation maps.

use graph::{Graph, Node, Op, Shape, Weight, fold_batch_norms};

use super::Wanted;
use crate::{Classifier, PipelineError};

/// Where in the picture a class's score comes from, for a network that averages its last features over all positions
/// and classifies the averages by one linear layer, or classifies at each position and averages the scores.
///
/// With features `f[y][x][k]` and weights `w[c][k]` the score of class `c` is the mean over all positions of
///
/// ```text
/// sum over k of w[c][k] * f[y][x][k]
/// ```
///
/// plus a bias: the map is that sum before the mean. Where each feature is a class's score already, as in SqueezeNet, `w` picks
/// that one. What all classes have in common changes no probability, so the mean of
/// `w` over the classes is taken off: a positive value speaks for the class more than for the others, a negative one
/// against it. It explains this model's score and nothing else.
///
/// Source: B. Zhou et al., CVPR 2016 (arXiv 1512.04150), section 2.
#[derive(Debug)]
pub struct ClassMap {
    features: Wanted,
    height: usize,
    width: usize,
    /// Of the linear layer, and its mean over all outputs; `None` where features are scores.
    weight: Option<(Weight, Vec<f32>)>,
    channels: usize,
    background_class: bool,
    /// The class whose weights were taken out last, and they.
    row: Option<(usize, Vec<f32>)>,
    seen: Vec<f32>,
}

impl ClassMap {
    /// The map of a model, or `None` where it does not end in an average over positions and one linear layer.
    ///
    /// # Errors
    /// [`PipelineError::Graph`] for a graph that is not valid.
    pub fn new(graph: &Graph) -> Result<Option<Self>, PipelineError> {
        let graph = fold_batch_norms(graph)?;
        let pools = |node: &&Node| matches!(node.op, Op::GlobalAveragePool);
        let Some(pool) = graph.nodes.iter().find(pools) else { return Ok(None) };
        let (features, pooled) = (pool.inputs[0], pool.output);
        let Shape::Image { height, width, channels } = graph.value(features).shape else { return Ok(None) };
        let mut readers = graph.nodes.iter().filter(|node| node.inputs.contains(&pooled));
        let reader = readers.next();
        if readers.next().is_some() {
            return Ok(None);
        }
        let weight = match reader.map(|reader| &reader.op) {
            Some(Op::Linear(linear)) => Some(&linear.weight),
            Some(Op::Conv2d(conv)) if conv.kernel() == [1, 1] && conv.groups == 1 => Some(&conv.weight),
            None | Some(Op::Softmax) => None,
            Some(
                Op::Conv2d(_)
                | Op::BatchNorm(_)
                | Op::Clip(_)
                | Op::Add
                | Op::Concat
                | Op::MaxPool(_)
                | Op::GlobalAveragePool,
            ) => return Ok(None),
        };
        let scores = reader.filter(|_| weight.is_some()).map_or(pooled, |layer| layer.output);
        let last = |node: &Node| matches!(node.op, Op::Softmax) && node.output == graph.output;
        let ends = scores == graph.output
            || graph.nodes.iter().any(|node| node.inputs.contains(&scores) && last(node));
        if !ends || weight.is_some_and(|weight| weight.channel_len() != channels) {
            return Ok(None);
        }
        Ok(Some(Self {
            features: (features, graph.value(features).quantization),
            height,
            width,
            weight: weight.map(|weight| (weight.clone(), mean_row(weight))),
            channels,
            background_class: graph.metadata.background_class,
            row: None,
            seen: Vec::new(),
        }))
    }

    /// `[height, width]` of the map.
    pub fn size(&self) -> [usize; 2] {
        [self.height, self.width]
    }

    /// Runs the model that the map was made of, as [`Classifier::probabilities`], and keeps its last features. Copying them
    /// takes a small part of a run.
    ///
    /// # Errors
    /// [`PipelineError::Engine`] for a tensor of the wrong length.
    pub fn run(&mut self, classifier: &mut Classifier, tensor: &[f32]) -> Result<(), PipelineError> {
        let seen = &mut self.seen;
        seen.clear();
        classifier.probabilities_showing(tensor, &[self.features], &mut |_, values| {
            seen.extend_from_slice(values);
        })
    }

    /// The map of a class (background not counted) on the picture of the last run, `[height * width]`; empty before one
    /// and for a class that is not there.
    pub fn of_class(&mut self, class: usize) -> Vec<f32> {
        let output = class + usize::from(self.background_class);
        let positions = self.seen.chunks(self.channels.max(1));
        let Some((weight, common)) = &self.weight else {
            let mean = |scores: &[f32]| scores.iter().sum::<f32>() / scores.len() as f32;
            let position = |scores: &[f32]| Some(scores.get(output)? - mean(scores));
            return positions.map(position).collect::<Option<_>>().unwrap_or_default();
        };
        if self.row.as_ref().is_none_or(|(of, _)| *of != output) {
            let values = weight.to_f32();
            let Some(row) = values.chunks(self.channels.max(1)).nth(output) else { return Vec::new() };
            self.row = Some((output, row.iter().zip(common).map(|(w, mean)| w - mean).collect()));
        }
        let Some((_, row)) = &self.row else { return Vec::new() };
        let position = |features: &[f32]| features.iter().zip(row).map(|(f, w)| f * w).sum();
        positions.map(position).collect()
    }
}

/// The mean over all outputs of the weights for each feature.
fn mean_row(weight: &Weight) -> Vec<f32> {
    let mut sums = vec![0.0_f64; weight.channel_len()];
    for row in weight.to_f32().chunks(sums.len().max(1)) {
        sums.iter_mut().zip(row).for_each(|(sum, w)| *sum += f64::from(*w));
    }
    let n = weight.out_channels().max(1) as f64;
    sums.into_iter().map(|sum| (sum / n) as f32).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Recipe, RecipeRun, zoo};

    fn pictures(graph: &Graph) -> Vec<Vec<f32>> {
        let len = Classifier::preparer(graph).tensor_len();
        (0..4).map(|n| (0..len).map(|i| ((i * (n + 3)) as f32 * 0.01).sin()).collect()).collect()
    }

    fn map_has_weight(graph: &Graph) -> bool {
        ClassMap::new(graph).unwrap().is_some_and(|map| map.weight.is_some())
    }

    /// Means of maps and biases differ between classes as their scores do, in float32 and on integers.
    #[test]
    fn maps_add_up_to_the_differences_between_scores() {
        for original in [zoo::mobilenet_v1(0.25, 64, 5), zoo::squeezenet(64, 5)] {
            adds_up(&original);
        }
    }

    fn adds_up(original: &Graph) {
        let calibration = pictures(original);
        let recipe = Recipe::preset("int8").unwrap();
        let run = RecipeRun::new(Arc::new(original.clone()), recipe, calibration.clone().into()).unwrap();
        for (graph, tolerance) in [(original, 1e-3), (&run.finish().unwrap().graph, 0.06)] {
            let last = graph.nodes.iter().rev().find_map(|node| node.op.bias());
            let bias = last.filter(|_| map_has_weight(graph)).map(<[f32]>::to_vec);
            let mut classifier = Classifier::new(graph).unwrap();
            let mut map = ClassMap::new(graph).unwrap().expect("it averages and classifies");
            let scores = classifier.output(&calibration[1]).unwrap().to_vec();
            let ends_in_softmax = graph.nodes.iter().any(|node| matches!(node.op, Op::Softmax));
            map.run(&mut classifier, &calibration[1]).unwrap();
            let first = classifier.answers(1)[0].class;
            let of = |map: &mut ClassMap, class: usize| {
                let values = map.of_class(class);
                assert_eq!(values.len(), map.height * map.width);
                let mean = values.iter().sum::<f32>() / values.len() as f32;
                mean + bias.as_ref().map_or(0.0, |bias| bias[class + usize::from(map.background_class)])
            };
            let other = if first == 0 { 1 } else { 0 };
            let difference = of(&mut map, first) - of(&mut map, other);
            let output = |class: usize| {
                let score = scores[class + usize::from(graph.metadata.background_class)];
                if ends_in_softmax { score.ln() } else { score }
            };
            let expected = output(first) - output(other);
            let largest = scores.iter().fold(1.0_f32, |a, b| a.max(b.abs()));
            assert!((difference - expected).abs() <= tolerance * largest, "{difference} and {expected}");
        }
    }

    #[test]
    fn a_class_that_is_not_there_has_no_map() {
        let graph = zoo::mobilenet_v1(0.25, 64, 5);
        let mut map = ClassMap::new(&graph).unwrap().unwrap();
        assert_eq!(map.of_class(0), Vec::<f32>::new(), "nothing has run");
        assert_eq!(map.of_class(1_000_000), Vec::<f32>::new());
        assert_eq!(map.size(), [2, 2]);
    }
}
