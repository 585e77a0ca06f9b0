//! What every layer of two models writes on the same pictures.

use std::collections::BTreeMap;

use engine::{Executor, Fusion, Plan};
use graph::{Graph, Node, ValueId, fold_batch_norms};
use serde::{Deserialize, Serialize};

use super::{Wanted, layer_outputs};
use crate::{Noise, PipelineError};

/// Compares what the layers of two models write, picture by picture.
#[derive(Debug)]
pub struct OutputScan {
    original: Side,
    compressed: Side,
    sums: Vec<Sums>,
    n_pictures: u32,
}

/// What one layer writes, over all pictures of a scan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerOutputs {
    /// The layer's node.
    pub node: String,
    /// Smallest and largest activation of the original, after its clip.
    pub range: [f32; 2],
    /// Root of the mean square of `compressed - original` over that of the original; `None` where the compressed model
    /// lacks the layer or has it in another shape. Recipes that rescale channels change activations on purpose.
    pub relative_error: Option<f64>,
    /// Mean of `compressed - original` for each channel, in standard deviations of that channel in the original;
    /// likewise.
    pub shifts: Option<Shift>,
}

/// How far the means of a layer's channels have moved, in standard deviations of each channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shift {
    /// Root of the mean square over channels.
    pub typical: f32,
    /// Each channel; 0 for one that hardly changes: by less than a thousandth of what the layer's channels typically do.
    pub channels: Vec<f32>,
}

/// A channel whose deviation is a smaller share of the layer's typical one is as good as constant, and no unit for a shift.
const LEAST_DEVIATION: f64 = 1e-3;

#[derive(Debug)]
struct Side {
    executor: Executor,
    wanted: Vec<Wanted>,
    /// Layers of the original by the value that they write.
    layers: BTreeMap<usize, usize>,
    seen: Vec<Vec<f32>>,
}

#[derive(Debug)]
struct Sums {
    node: String,
    channels: usize,
    comparable: bool,
    range: [f32; 2],
    noise: Noise,
    n: f64,
    sum: Vec<f64>,
    squares: Vec<f64>,
    moved: Vec<f64>,
}

impl OutputScan {
    /// Prepares a scan of all layers of `original`.
    ///
    /// # Errors
    /// [`PipelineError::Graph`] for a graph that is not valid, [`PipelineError::Engine`] for one that the engine cannot run.
    pub fn new(original: &Graph, compressed: &Graph) -> Result<Self, PipelineError> {
        let (original, compressed) = (fold_batch_norms(original)?, fold_batch_norms(compressed)?);
        let shape = |graph: &Graph, (value, _): Wanted| graph.value(value).shape;
        let (mut sums, mut ours, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
        let twins: Vec<(&Node, Wanted)> = layer_outputs(&compressed).collect();
        for (idx, (layer, output)) in layer_outputs(&original).enumerate() {
            let twin = twins.iter().find(|(other, _)| other.name == layer.name).map(|(_, output)| *output);
            let comparable = twin.is_some_and(|twin| shape(&compressed, twin) == shape(&original, output));
            let channels = shape(&original, output).channels();
            ours.push((output, idx));
            theirs.extend(twin.filter(|_| comparable).map(|twin| (twin, idx)));
            sums.push(Sums::new(layer.name.clone(), channels, comparable));
        }
        let n = sums.len();
        Ok(Self {
            original: Side::new(&original, ours, n)?,
            compressed: Side::new(&compressed, theirs, n)?,
            sums,
            n_pictures: 0,
        })
    }

    /// Runs both models on a prepared picture.
    ///
    /// # Errors
    /// [`PipelineError::Engine`] for a tensor of the wrong length.
    pub fn run(&mut self, tensor: &[f32]) -> Result<(), PipelineError> {
        self.original.run(tensor)?;
        self.compressed.run(tensor)?;
        for (sums, (before, after)) in
            self.sums.iter_mut().zip(self.original.seen.iter().zip(&self.compressed.seen))
        {
            sums.add(before, after);
        }
        self.n_pictures += 1;
        Ok(())
    }

    /// Pictures so far.
    pub fn n_pictures(&self) -> u32 {
        self.n_pictures
    }

    /// The layers of the original in their order.
    pub fn layers(&self) -> Vec<LayerOutputs> {
        self.sums.iter().map(Sums::outputs).collect()
    }
}

impl Side {
    fn new(graph: &Graph, outputs: Vec<(Wanted, usize)>, n_layers: usize) -> Result<Self, PipelineError> {
        Ok(Self {
            executor: Executor::new(Plan::new(graph, Fusion::Observable)?),
            wanted: outputs.iter().map(|(wanted, _)| *wanted).collect(),
            layers: outputs.iter().map(|((ValueId(value), _), layer)| (*value, *layer)).collect(),
            seen: vec![Vec::new(); n_layers],
        })
    }

    fn run(&mut self, tensor: &[f32]) -> Result<(), PipelineError> {
        let (layers, seen) = (&self.layers, &mut self.seen);
        seen.iter_mut().for_each(Vec::clear);
        self.executor.run_showing(tensor, &self.wanted, &mut |ValueId(value), values| {
            if let Some(seen) = layers.get(&value).and_then(|layer| seen.get_mut(*layer)) {
                seen.extend_from_slice(values);
            }
        })?;
        Ok(())
    }
}

impl Sums {
    fn new(node: String, channels: usize, comparable: bool) -> Self {
        let zeros = || vec![0.0; channels];
        Self {
            node,
            channels,
            comparable,
            range: [f32::INFINITY, f32::NEG_INFINITY],
            noise: Noise::default(),
            n: 0.0,
            sum: zeros(),
            squares: zeros(),
            moved: zeros(),
        }
    }

    fn add(&mut self, before: &[f32], after: &[f32]) {
        self.comparable &= before.len() == after.len();
        if self.comparable {
            self.noise.add(before, after);
        }
        for (position, before) in before.chunks(self.channels.max(1)).enumerate() {
            self.n += 1.0;
            for (channel, value) in before.iter().enumerate() {
                let real = f64::from(*value);
                self.range = [self.range[0].min(*value), self.range[1].max(*value)];
                self.sum[channel] += real;
                self.squares[channel] += real * real;
                if self.comparable {
                    self.moved[channel] += f64::from(after[position * self.channels + channel]) - real;
                }
            }
        }
    }

    fn outputs(&self) -> LayerOutputs {
        let n = self.n.max(1.0);
        let variance = |(sum, square): (&f64, &f64)| (square / n - (sum / n) * (sum / n)).max(0.0);
        let variances: Vec<f64> = self.sum.iter().zip(&self.squares).map(variance).collect();
        let mean_variance = variances.iter().sum::<f64>() / self.channels.max(1) as f64;
        let least = LEAST_DEVIATION * LEAST_DEVIATION * mean_variance;
        let shift = |(moved, variance): (&f64, &f64)| {
            if *variance > least { (moved / n / variance.sqrt()) as f32 } else { 0.0 }
        };
        let channels: Vec<f32> = self.moved.iter().zip(&variances).map(shift).collect();
        let square: f32 = channels.iter().map(|it| it * it).sum();
        let typical = (square / channels.len().max(1) as f32).sqrt();
        let known = self.comparable && self.n > 0.0;
        LayerOutputs {
            node: self.node.clone(),
            range: if self.n > 0.0 { self.range } else { [0.0, 0.0] },
            relative_error: known.then(|| self.noise.relative()),
            shifts: known.then_some(Shift { typical, channels }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zoo;

    fn pictures() -> Vec<Vec<f32>> {
        (1..4).map(|n| (0..64 * 64 * 3).map(|i| (i as f32 * 0.01 * n as f32).sin()).collect()).collect()
    }

    #[test]
    fn the_same_model_has_no_error_and_a_changed_bias_is_a_shift() {
        let graph = fold_batch_norms(&zoo::mobilenet_v1(0.25, 64, 5)).unwrap();
        let mut changed = graph.clone();
        let node = changed.nodes.iter_mut().rfind(|node| node.op.bias().is_some()).unwrap();
        let name = node.name.clone();
        for bias in node.op.bias_mut().and_then(Option::as_mut).unwrap() {
            *bias += 1.0;
        }
        let mut scan = OutputScan::new(&graph, &changed).unwrap();
        for picture in pictures() {
            scan.run(&picture).unwrap();
        }
        assert_eq!(scan.n_pictures(), 3);
        for layer in scan.layers() {
            let shifts = layer.shifts.expect("same shapes");
            if layer.node == name {
                assert!(layer.relative_error.unwrap() > 0.0 && shifts.channels.iter().all(|it| *it > 0.0));
                assert!(shifts.typical > 0.0);
            } else {
                assert_eq!(layer.relative_error, Some(0.0), "{}", layer.node);
                assert!(layer.range[0] <= layer.range[1]);
            }
        }
    }

    #[test]
    fn without_pictures_nothing_is_claimed() {
        let graph = zoo::mobilenet_v1(0.25, 64, 5);
        let scan = OutputScan::new(&graph, &graph).unwrap();
        assert!(scan.layers().iter().all(|layer| layer.relative_error.is_none() && layer.shifts.is_none()));
    }

    #[test]
    fn a_channel_that_hardly_changes_is_no_unit_for_a_shift() {
        let mut sums = Sums::new("layer".into(), 2, true);
        sums.add(&[1.0, 5.0, 3.0, 5.0 + 1e-6], &[2.0, 6.0, 4.0, 6.0]);
        let shifts = sums.outputs().shifts.unwrap();
        assert_eq!(shifts.channels, [1.0, 0.0]);
    }
}
