//! Layers of random numbers, scaled so that activations neither vanish nor explode.

use graph::{Conv2d, Graph, GraphBuilder, Linear, Metadata, Op, ValueId, Weight};
use rand::{RngExt, SeedableRng};
use rand_xorshift::XorShiftRng;

use super::{ConvLayer, Layers, max_pool};
use crate::PipelineError;

/// Mean square of a picture whose channels lie between -1 and 1.
const PICTURE: f64 = 0.33;

/// Half of a symmetric distribution is below 0, so that a ReLU halves the mean square. What lies beyond 6 standard
/// deviations does not count.
const AFTER_RELU: f64 = 0.5;

/// Mean square of a pooled channel over that of its pixels, which all have the sign of a ReLU's output: `E[relu(x)]^2 /
/// E[relu(x)^2] = (1 / 2pi) / (1 / 2)`, and somewhat more because few pixels do not average everything away.
const AFTER_POOL: f64 = 0.4;

/// Mean square of the largest of nine over that of all, where half of them are 0 and neighbours are alike: between 1 for nine
/// that are the same and about 4 for nine independent ones.
const AFTER_MAX_POOL: f64 = 2.0;

/// Variance of logits: as far apart as those of a trained network that is sure of little.
const LOGITS: f64 = 4.0;

/// Biases are drawn up to this value. Larger ones would make all pictures alike after fifty layers.
const LARGEST_BIAS: f32 = 0.1;

/// Draws every weight with variance `v / (fan_in * m)` for an input of mean square `m`, so that the output has
/// variance `v`: 1 for convolutions. Where `m` is that of a ReLU's output this is He et al. 2015, equation 10.
pub(super) struct Seeded {
    builder: GraphBuilder,
    rng: XorShiftRng,
    /// The expected mean square of each value.
    mean_squares: Vec<f64>,
}

impl Seeded {
    /// The graph whose layers `network` adds behind the picture; it gives the output.
    pub(super) fn graph(
        metadata: Metadata,
        resolution: usize,
        seed: u64,
        network: impl FnOnce(&mut Self, ValueId) -> Result<ValueId, PipelineError>,
    ) -> Graph {
        let build = || {
            let (builder, input) = GraphBuilder::new(metadata, resolution, resolution)?;
            let rng = XorShiftRng::seed_from_u64(seed);
            let mut layers = Self { builder, rng, mean_squares: vec![PICTURE] };
            let output = network(&mut layers, input)?;
            Ok::<_, PipelineError>(layers.builder.finish(output)?)
        };
        build().unwrap_or_else(|error| panic!("a picture of side {resolution}: {error}"))
    }

    fn push(
        &mut self,
        name: &str,
        op: Op,
        inputs: &[ValueId],
        mean_square: f64,
    ) -> Result<ValueId, PipelineError> {
        let id = self.builder.add(name, op, inputs)?;
        self.mean_squares.push(mean_square);
        Ok(id)
    }

    /// Uniform numbers of the variance that gives `variance` behind the layer.
    fn weight(&mut self, shape: &[usize], input: ValueId, variance: f64) -> Weight {
        let fan_in: usize = shape[1..].iter().product();
        let bound = (3.0 * variance / (fan_in as f64 * self.mean_squares[input.0])).sqrt() as f32;
        let n = shape.iter().product();
        Weight::f32(shape.to_vec(), (0..n).map(|_| self.rng.random_range(-bound..bound)).collect())
    }

    fn bias(&mut self, n: usize) -> Option<Vec<f32>> {
        Some((0..n).map(|_| self.rng.random_range(-LARGEST_BIAS..LARGEST_BIAS)).collect())
    }
}

impl Layers for Seeded {
    fn conv(&mut self, layer: &ConvLayer<'_>, input: ValueId) -> Result<ValueId, PipelineError> {
        let &ConvLayer { name, out_channels, stride, ref activation, .. } = layer;
        let (padding, groups) = layer.geometry(self.builder.shape(input));
        let weight = self.weight(&layer.weight_shape(), input, 1.0);
        let conv = Conv2d { weight, bias: self.bias(out_channels), stride: [stride; 2], padding, groups };
        let x = self.push(name, Op::Conv2d(conv), &[input], 1.0)?;
        match activation {
            Some(clip) => self.push(&format!("{name}/activation"), Op::Clip(clip.clone()), &[x], AFTER_RELU),
            None => Ok(x),
        }
    }

    fn add(&mut self, name: &str, a: ValueId, b: ValueId) -> Result<ValueId, PipelineError> {
        let sum = self.mean_squares[a.0] + self.mean_squares[b.0];
        self.push(name, Op::Add, &[a, b], sum)
    }

    fn concat(&mut self, name: &str, a: ValueId, b: ValueId) -> Result<ValueId, PipelineError> {
        let mean = (self.mean_squares[a.0] + self.mean_squares[b.0]) / 2.0;
        self.push(name, Op::Concat, &[a, b], mean)
    }

    fn max_pool(&mut self, name: &str, input: ValueId) -> Result<ValueId, PipelineError> {
        let mean_square = self.mean_squares[input.0] * AFTER_MAX_POOL;
        self.push(name, max_pool(self.builder.shape(input)), &[input], mean_square)
    }

    fn pool(&mut self, name: &str, input: ValueId) -> Result<ValueId, PipelineError> {
        let mean_square = self.mean_squares[input.0] * AFTER_POOL;
        self.push(name, Op::GlobalAveragePool, &[input], mean_square)
    }

    fn linear(&mut self, name: &str, shape: [usize; 2], input: ValueId) -> Result<ValueId, PipelineError> {
        let weight = self.weight(&shape, input, LOGITS);
        let linear = Linear { weight, bias: self.bias(shape[0]) };
        self.push(name, Op::Linear(linear), &[input], LOGITS)
    }
}
