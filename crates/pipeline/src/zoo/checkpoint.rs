//! Layers from a torch checkpoint.

use std::collections::BTreeMap;

use formats::torch_legacy::TorchTensor;
use graph::{BatchNorm, Conv2d, Graph, GraphBuilder, Linear, Metadata, Op, ValueId, Weight};

use super::{ConvLayer, Layers, max_pool};
use crate::PipelineError;

/// Looks tensors up by name. Batch norms stay in the graph.
pub(super) struct Checkpoint<'t> {
    tensors: &'t BTreeMap<String, TorchTensor>,
    builder: GraphBuilder,
}

impl<'t> Checkpoint<'t> {
    /// A graph of pictures of side `resolution`.
    pub(super) fn new(
        tensors: &'t BTreeMap<String, TorchTensor>,
        metadata: Metadata,
        resolution: usize,
    ) -> Result<(Self, ValueId), PipelineError> {
        let (builder, input) = GraphBuilder::new(metadata, resolution, resolution)?;
        Ok((Self { tensors, builder }, input))
    }

    pub(super) fn finish(self, output: ValueId) -> Result<Graph, PipelineError> {
        Ok(self.builder.finish(output)?)
    }

    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, PipelineError> {
        match self.tensors.get(name) {
            Some(tensor) if tensor.shape == shape => Ok(tensor.values.clone()),
            _ => Err(PipelineError::Tensor { name: name.to_owned(), shape: shape.to_vec() }),
        }
    }
}

impl Layers for Checkpoint<'_> {
    fn conv(&mut self, layer: &ConvLayer<'_>, input: ValueId) -> Result<ValueId, PipelineError> {
        let &ConvLayer { name, norm, out_channels, stride, ref activation, .. } = layer;
        let (padding, groups) = layer.geometry(self.builder.shape(input));
        let shape = layer.weight_shape();
        let weight = Weight::f32(shape.to_vec(), self.tensor(&format!("{name}.weight"), &shape)?);
        let conv = Conv2d { weight, bias: None, stride: [stride; 2], padding, groups };
        let x = self.builder.add(name, Op::Conv2d(conv), &[input])?;
        let vector = |part: &str| self.tensor(&format!("{norm}.{part}"), &[out_channels]);
        let batch_norm = BatchNorm {
            gamma: vector("weight")?,
            beta: vector("bias")?,
            mean: vector("running_mean")?,
            variance: vector("running_var")?,
            epsilon: 1e-3,
        };
        let x = self.builder.add(&format!("{name}/batch_norm"), Op::BatchNorm(batch_norm), &[x])?;
        match activation {
            Some(clip) => {
                Ok(self.builder.add(&format!("{name}/activation"), Op::Clip(clip.clone()), &[x])?)
            }
            None => Ok(x),
        }
    }

    fn add(&mut self, name: &str, a: ValueId, b: ValueId) -> Result<ValueId, PipelineError> {
        Ok(self.builder.add(name, Op::Add, &[a, b])?)
    }

    fn concat(&mut self, name: &str, a: ValueId, b: ValueId) -> Result<ValueId, PipelineError> {
        Ok(self.builder.add(name, Op::Concat, &[a, b])?)
    }

    fn max_pool(&mut self, name: &str, input: ValueId) -> Result<ValueId, PipelineError> {
        Ok(self.builder.add(name, max_pool(self.builder.shape(input)), &[input])?)
    }

    fn pool(&mut self, name: &str, input: ValueId) -> Result<ValueId, PipelineError> {
        Ok(self.builder.add(name, Op::GlobalAveragePool, &[input])?)
    }

    fn linear(&mut self, name: &str, shape: [usize; 2], input: ValueId) -> Result<ValueId, PipelineError> {
        let weight = Weight::f32(shape.to_vec(), self.tensor(&format!("{name}.weight"), &shape)?);
        let bias = Some(self.tensor(&format!("{name}.bias"), &shape[..1])?);
        Ok(self.builder.add(name, Op::Linear(Linear { weight, bias }), &[input])?)
    }
}
