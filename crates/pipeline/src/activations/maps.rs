//! Channels of one layer's output as pictures.

use engine::{Executor, Fusion, Plan};
use graph::{Graph, Shape, fold_batch_norms};

use super::{Wanted, layer_outputs};
use crate::{Noise, PipelineError};

/// A model that shows what one of its layers writes. It runs layer by layer, so that no output is skipped.
#[derive(Debug)]
pub struct LayerMaps {
    executor: Executor,
    output: Wanted,
    height: usize,
    width: usize,
    channels: usize,
    seen: Vec<f32>,
}

/// One channel on one picture.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelMap {
    /// Rows.
    pub height: usize,
    /// Values of each row.
    pub width: usize,
    /// Means over cells of equal size, row by row.
    pub values: Vec<f32>,
}

impl LayerMaps {
    /// The layer of this node; `None` where the model has none.
    ///
    /// # Errors
    /// [`PipelineError::Graph`] for a graph that is not valid, [`PipelineError::Engine`] for one that the engine cannot run.
    pub fn new(graph: &Graph, node: &str) -> Result<Option<Self>, PipelineError> {
        let graph = fold_batch_norms(graph)?;
        let mut outputs = layer_outputs(&graph);
        let Some((_, output)) = outputs.find(|(layer, _)| layer.name == node) else { return Ok(None) };
        let (height, width, channels) = match graph.value(output.0).shape {
            Shape::Image { height, width, channels } => (height, width, channels),
            Shape::Vector { length } => (1, 1, length),
        };
        let executor = Executor::new(Plan::new(&graph, Fusion::Observable)?);
        Ok(Some(Self { executor, output, height, width, channels, seen: Vec::new() }))
    }

    /// Channels of the layer.
    pub fn n_channels(&self) -> usize {
        self.channels
    }

    /// Runs a prepared picture.
    ///
    /// # Errors
    /// [`PipelineError::Engine`] for a tensor of the wrong length.
    pub fn run(&mut self, tensor: &[f32]) -> Result<(), PipelineError> {
        let seen = &mut self.seen;
        seen.clear();
        self.executor.run_showing(tensor, &[self.output], &mut |_, values| seen.extend_from_slice(values))?;
        Ok(())
    }

    /// The `n` channels of largest mean magnitude on the last picture, largest first.
    pub fn strongest(&self, n: usize) -> Vec<usize> {
        let mut sums = vec![0.0_f32; self.channels];
        for position in self.seen.chunks(self.channels.max(1)) {
            sums.iter_mut().zip(position).for_each(|(sum, value)| *sum += value.abs());
        }
        let mut order: Vec<usize> = (0..self.channels).collect();
        order.sort_by(|&a, &b| sums[b].total_cmp(&sums[a]));
        order.truncate(n);
        order
    }

    /// One channel of the last picture; larger pictures than `most` a side are averaged down to it. `None` before a
    /// run and for a channel that is not there.
    pub fn channel(&self, channel: usize, most: usize) -> Option<ChannelMap> {
        if channel >= self.channels || self.seen.len() != self.height * self.width * self.channels {
            return None;
        }
        let (height, width) = (self.height.min(most.max(1)), self.width.min(most.max(1)));
        let cell = |at: usize, n: usize, of: usize| at * of / n..((at + 1) * of / n).max(at * of / n + 1);
        let mut values = Vec::with_capacity(height * width);
        for row in 0..height {
            for column in 0..width {
                let (ys, xs) = (cell(row, height, self.height), cell(column, width, self.width));
                let n = (ys.len() * xs.len()) as f32;
                let value = |y: usize, x: usize| self.seen[(y * self.width + x) * self.channels + channel];
                let sum: f32 =
                    ys.flat_map(|y| xs.clone().map(move |x| (y, x))).map(|(y, x)| value(y, x)).sum();
                values.push(sum / n);
            }
        }
        Some(ChannelMap { height, width, values })
    }

    /// Root of the mean square of `other - self` over that of `self` on the last picture: 0 for the same activations.
    /// `None` where either has not run or the layers have other shapes.
    pub fn relative_error(&self, other: &Self) -> Option<f64> {
        let same = self.seen.len() == other.seen.len() && self.channels == other.channels;
        if !same || self.seen.is_empty() {
            return None;
        }
        let mut noise = Noise::default();
        noise.add(&self.seen, &other.seen);
        Some(noise.relative())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer_facts::layers;
    use crate::zoo;

    #[test]
    fn channels_are_averaged_down_and_compared() {
        let graph = zoo::mobilenet_v1(0.25, 64, 5);
        let nodes: Vec<String> = layers(&graph).map(|(node, _)| node.name.clone()).collect();
        let tensor: Vec<f32> = (0..64 * 64 * 3).map(|i| (i as f32 * 0.02).sin()).collect();
        let mut first = LayerMaps::new(&graph, &nodes[0]).unwrap().unwrap();
        assert_eq!(first.channel(0, 8), None, "nothing has run");
        first.run(&tensor).unwrap();
        let strongest = first.strongest(3);
        assert_eq!(strongest.len(), 3);
        let whole = first.channel(strongest[0], 64).unwrap();
        assert_eq!((whole.height, whole.width), (32, 32));
        let small = first.channel(strongest[0], 8).unwrap();
        assert_eq!(small.values.len(), 64);
        let mean = |map: &ChannelMap| map.values.iter().sum::<f32>() / map.values.len() as f32;
        assert!((mean(&whole) - mean(&small)).abs() < 1e-4);
        assert_eq!(first.relative_error(&first), Some(0.0));
        let mut second = LayerMaps::new(&graph, &nodes[2]).unwrap().unwrap();
        second.run(&tensor).unwrap();
        assert_eq!(first.relative_error(&second), None, "other shapes");
        assert!(LayerMaps::new(&graph, "nothing").unwrap().is_none());
    }
}
