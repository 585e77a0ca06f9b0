//! A network cut into stages: one operator, and the clip that follows it.

use engine::{Executor, Fusion, Plan};
use graph::{Clip, Graph, Node, Op, ValueId};

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
    Engine(Box<Executor>),
    /// A sum of two activations, which a plan with one input cannot have.
    Add { clip: Option<Clip>, channels: usize },
}

impl StageRunner {
    /// Plans `stage` of `graph`.
    pub(crate) fn new(graph: &Graph, stage: &Stage) -> Result<Self, PipelineError> {
        let clip = stage.clip.map(|clip| &graph.nodes[clip]);
        if let Op::Add = graph.nodes[stage.node].op {
            let clip = clip.and_then(|node| match &node.op {
                Op::Clip(clip) => Some(clip.clone()),
                _ => None,
            });
            let channels = graph.value(stage.output).shape.channels();
            return Ok(Self::Add { clip, channels });
        }
        let nodes: Vec<Node> =
            [Some(&graph.nodes[stage.node]), clip].into_iter().flatten().cloned().collect();
        let plan = Plan::of_part(&alone(graph, stage, nodes), Fusion::Observable)?;
        Ok(Self::Engine(Box::new(Executor::new(plan))))
    }

    /// Whether it computes on integers: then its output lies on its grid.
    pub(crate) fn is_integer(&self) -> bool {
        match self {
            Self::Engine(executor) => executor.plan().integer_steps().0 > 0,
            Self::Add { .. } => false,
        }
    }

    /// The stage's output on `inputs` (`nhwc`).
    pub(crate) fn run(&mut self, inputs: &[&[f32]]) -> Result<Vec<f32>, PipelineError> {
        match self {
            Self::Engine(executor) => Ok(executor.run(inputs[0])?.to_vec()),
            Self::Add { clip, channels } => {
                let sums = inputs[0].iter().zip(inputs[1]).map(|(a, b)| a + b);
                Ok(match clip {
                    None => sums.collect(),
                    Some(Clip { min, max }) => {
                        let clipped =
                            sums.enumerate().map(|(i, sum)| sum.max(*min).min(max.of(i % *channels)));
                        clipped.collect()
                    }
                })
            }
        }
    }
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

/// Rounds activations to the grid of `value`, as integer kernels would hand them on.
pub(crate) fn round_to_grid(graph: &Graph, value: ValueId, activations: &mut [f32]) {
    let Some(grid) = graph.value(value).quantization else { return };
    let zero_point = f32::from(grid.zero_point);
    for x in activations {
        let level = ((*x / grid.scale).round_ties_even() + zero_point).clamp(-128.0, 127.0);
        *x = grid.scale * (level - zero_point);
    }
}
