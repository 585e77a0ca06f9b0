//! A network cut into stages: one operator, and the clip that follows it.

use engine::{Activation, Part};
use graph::{Clip, Graph, Node, Op, Value, ValueId};

use crate::PipelineError;

/// An operator with the clip that only reads its output: what a layer-by-layer pass treats as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stage {
    /// Position of the operator among the graph's nodes.
    pub(crate) node: usize,
    /// Position of the clip.
    clip: Option<usize>,
    pub(crate) inputs: Vec<ValueId>,
    pub(crate) output: ValueId,
}

impl Stage {
    /// Its operator alone, which writes what the clip would have read.
    pub(crate) fn without_clip(&self, graph: &Graph) -> Self {
        Self { clip: None, output: graph.nodes[self.node].output, ..self.clone() }
    }
}

/// The stages of a graph in execution order.
pub(crate) fn stages(graph: &Graph) -> Vec<Stage> {
    let consumers = graph.consumer_counts();
    let mut stages: Vec<Stage> = Vec::with_capacity(graph.nodes.len());
    for (idx, node) in graph.nodes.iter().enumerate() {
        let joins = |stage: &&mut Stage| {
            stage.clip.is_none()
                && stage.output == node.inputs[0]
                && consumers[stage.output.0] == 1
                && !matches!(graph.nodes[stage.node].op, Op::Clip(_))
        };
        if matches!(node.op, Op::Clip(_))
            && let Some(stage) = stages.iter_mut().find(joins)
        {
            (stage.clip, stage.output) = (Some(idx), node.output);
            continue;
        }
        stages.push(Stage { node: idx, clip: None, inputs: node.inputs.clone(), output: node.output });
    }
    stages
}

/// Runs one stage of a graph on single pictures.
#[derive(Debug)]
pub(crate) enum StageRunner {
    /// By the engine.
    Engine(Box<Part>),
    /// Of several activations, which a part with one input cannot have.
    Joined { is_sum: bool, clip: Clip, output: Value },
}

impl StageRunner {
    /// Plans `stage` of `graph`.
    pub(crate) fn new(graph: &Graph, stage: &Stage) -> Result<Self, PipelineError> {
        let clip = stage.clip.map(|clip| &graph.nodes[clip]);
        let op = &graph.nodes[stage.node].op;
        if let Op::Add | Op::Concat = op {
            let clip = match clip.map(|node| &node.op) {
                Some(Op::Clip(clip)) => clip.clone(),
                _ => Clip::NONE,
            };
            let (is_sum, output) = (matches!(op, Op::Add), graph.value(stage.output).clone());
            return Ok(Self::Joined { is_sum, clip, output });
        }
        let nodes: Vec<Node> =
            [Some(&graph.nodes[stage.node]), clip].into_iter().flatten().cloned().collect();
        Ok(Self::Engine(Box::new(Part::new(&alone(graph, stage, nodes))?)))
    }

    /// The stage's output on `inputs`.
    pub(crate) fn run(&mut self, inputs: &[&Activation]) -> Result<Activation, PipelineError> {
        match (self, inputs) {
            (Self::Engine(part), [input]) => Ok(part.run(input)?),
            (Self::Joined { is_sum, clip: Clip { min, max }, output }, inputs) => {
                let channels = output.shape.channels();
                let inputs: Vec<Vec<f32>> = inputs.iter().map(|input| input.to_nhwc()).collect();
                let mut joined = if *is_sum { sum(&inputs) } else { concat(&inputs, output) };
                for (i, x) in joined.iter_mut().enumerate() {
                    *x = x.max(*min).min(max.of(i % channels));
                }
                Ok(Activation::new(output, &joined)?)
            }
            (Self::Engine(_), _) => unreachable!("only sums and concatenations have several inputs"),
        }
    }
}

fn sum(inputs: &[Vec<f32>]) -> Vec<f32> {
    let Some((first, others)) = inputs.split_first() else { return Vec::new() };
    others.iter().fold(first.clone(), |sum, other| sum.iter().zip(other).map(|(a, b)| a + b).collect())
}

/// Channels beside each other, `nhwc`.
fn concat(inputs: &[Vec<f32>], output: &Value) -> Vec<f32> {
    let pixels = output.shape.len() / output.shape.channels();
    let pixel = |p: usize| {
        inputs.iter().flat_map(move |input| {
            let channels = input.len() / pixels;
            &input[p * channels..][..channels]
        })
    };
    (0..pixels).flat_map(pixel).copied().collect()
}

/// The stage as a graph of its own.
fn alone(graph: &Graph, stage: &Stage, mut nodes: Vec<Node>) -> Graph {
    let mut values = Vec::with_capacity(nodes.len() + 1);
    values.push(graph.value(stage.inputs[0]).clone());
    for (idx, node) in nodes.iter_mut().enumerate() {
        values.push(graph.value(node.output).clone());
        (node.inputs, node.output) = (vec![ValueId(idx)], ValueId(idx + 1));
    }
    let output = ValueId(nodes.len());
    Graph { metadata: graph.metadata.clone(), values, nodes, input: ValueId(0), output }
}
