//! A model that answers pictures.

use std::collections::BTreeMap;

use engine::{Executor, Fusion, Layer, MultiplyAdds, Plan};
use graph::{ActivationQuantization, Graph, Op, ValueId};
use vision::{Answer, Normalization, Preparer};

use crate::PipelineError;

/// A planned model with its buffers: normalised pictures in, class probabilities out.
#[derive(Debug)]
pub struct Classifier {
    executor: Executor,
    ends_in_softmax: bool,
    background_class: bool,
    probabilities: Vec<f32>,
}

/// What one kernel call of a model cost.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerProfile {
    /// The node of the graph that it runs, or two joined by ` + `.
    pub node: String,
    /// The kernel.
    pub kernel: &'static str,
    /// Whether it computes on integers.
    pub is_integer: bool,
    /// Multiply-adds.
    pub macs: MultiplyAdds,
    /// Bytes of its weights as the kernel holds them.
    pub weight_bytes: u64,
    /// Milliseconds.
    pub millis: f64,
}

/// Runs a model once with every layer by itself, and tells for each node how many milliseconds it took by the clock `now`; clips
/// count with the layer before them, conversions between integers and floats with the rest.
///
/// # Errors
/// [`PipelineError::Engine`] when the engine cannot run it or `tensor` has the wrong length.
pub fn layer_millis(
    graph: &Graph,
    tensor: &[f32],
    now: &dyn Fn() -> f64,
) -> Result<BTreeMap<String, f64>, PipelineError> {
    let mut executor = Executor::new(Plan::new(graph, Fusion::Observable)?);
    let nodes: Vec<String> = executor.plan().layers().map(|layer| layer.node.to_owned()).collect();
    let mut millis = vec![0.0; nodes.len()];
    executor.run_timed(tensor, now, &mut millis)?;
    let mut by_node = BTreeMap::new();
    for (node, millis) in nodes.into_iter().zip(millis) {
        *by_node.entry(node).or_insert(0.0) += millis;
    }
    Ok(by_node)
}

impl Classifier {
    /// Plans `graph`.
    ///
    /// # Errors
    /// [`PipelineError::Engine`] when the engine cannot run it.
    pub fn new(graph: &Graph) -> Result<Self, PipelineError> {
        let plan = Plan::new(graph, Fusion::Full)?;
        let ends_in_softmax =
            graph.nodes.iter().any(|node| node.output == graph.output && matches!(node.op, Op::Softmax));
        Ok(Self {
            executor: Executor::new(plan),
            ends_in_softmax,
            background_class: graph.metadata.background_class,
            probabilities: vec![0.0; graph.value(graph.output).shape.len()],
        })
    }

    /// A preparer for this graph's pictures.
    pub fn preparer(graph: &Graph) -> Preparer {
        let preprocessing = &graph.metadata.preprocessing;
        let normalization = Normalization { mean: preprocessing.mean, std: preprocessing.std };
        Preparer::new(preprocessing.crop, normalization)
    }

    /// The network's output as it is, logits or probabilities.
    ///
    /// # Errors
    /// [`PipelineError::Engine`] for a tensor of the wrong length.
    pub fn output(&mut self, tensor: &[f32]) -> Result<&[f32], PipelineError> {
        Ok(self.executor.run(tensor)?)
    }

    /// Probabilities of all outputs (a background output included) for a prepared picture.
    ///
    /// # Errors
    /// [`PipelineError::Engine`] for a tensor of the wrong length.
    pub fn probabilities(&mut self, tensor: &[f32]) -> Result<&[f32], PipelineError> {
        self.probabilities_showing(tensor, &[], &mut |_, _| {})?;
        Ok(&self.probabilities)
    }

    /// The same, and shows activations as [`Executor::run_showing`] does.
    pub(crate) fn probabilities_showing(
        &mut self,
        tensor: &[f32],
        wanted: &[(ValueId, Option<ActivationQuantization>)],
        observe: &mut dyn FnMut(ValueId, &[f32]),
    ) -> Result<(), PipelineError> {
        let output = self.executor.run_showing(tensor, wanted, observe)?;
        self.probabilities.copy_from_slice(output);
        if !self.ends_in_softmax {
            kernels::softmax_f32(&mut self.probabilities);
        }
        Ok(())
    }

    /// Runs once on a picture of zeros: what fails there would fail on every frame.
    ///
    /// # Errors
    /// [`PipelineError::Engine`] when a step does not run.
    pub fn try_out(&mut self) -> Result<(), PipelineError> {
        let zeros = vec![0.0; self.executor.plan().input_len()];
        self.executor.run(&zeros)?;
        Ok(())
    }

    /// The `n` first answers of the last call of [`Classifier::probabilities`].
    pub fn answers(&self, n: usize) -> Vec<Answer> {
        vision::answers(&self.probabilities, self.background_class, n)
    }

    /// The last probability of a class, background not counted; 0 for a class that is not there.
    pub fn probability(&self, class: usize) -> f32 {
        self.probabilities.get(class + usize::from(self.background_class)).copied().unwrap_or(0.0)
    }

    /// Classes, a background output not counted.
    pub fn n_classes(&self) -> usize {
        self.probabilities.len() - usize::from(self.background_class)
    }

    /// Runs once and tells what each kernel call cost; `now` is a clock in milliseconds.
    ///
    /// # Errors
    /// [`PipelineError::Engine`] for a tensor of the wrong length.
    pub fn profile(
        &mut self,
        tensor: &[f32],
        now: &dyn Fn() -> f64,
    ) -> Result<Vec<LayerProfile>, PipelineError> {
        let mut layers: Vec<LayerProfile> = (self.executor.plan().layers())
            .map(|Layer { node, kernel, is_integer, macs, weight_bytes }| LayerProfile {
                node: node.to_owned(),
                kernel,
                is_integer,
                macs,
                weight_bytes,
                millis: 0.0,
            })
            .collect();
        let mut millis = vec![0.0; layers.len()];
        self.executor.run_timed(tensor, now, &mut millis)?;
        for (layer, millis) in layers.iter_mut().zip(millis) {
            layer.millis = millis;
        }
        Ok(layers)
    }

    /// Bytes of the weights as the kernels hold them.
    pub fn weight_bytes(&self) -> u64 {
        self.executor.plan().weight_bytes()
    }

    /// Bytes of all buffers.
    pub fn arena_bytes(&self) -> u64 {
        self.executor.plan().arena_bytes()
    }

    /// How many steps run on integers, and how many there are.
    pub fn integer_steps(&self) -> (usize, usize) {
        self.executor.plan().integer_steps()
    }
}
