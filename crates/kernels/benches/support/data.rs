//! Inputs and weights of a layer, and what its outputs must be: plain sums.

use kernels::{Clamp, KernelError, Requantization, UpperBound};

use super::layers::{Kind, Layer};

pub const CLAMP: Clamp<'_> = Clamp::RELU6;
/// Of every int8 activation.
pub const ZERO_POINT: u8 = 100;

impl Layer {
    /// Length of the dense reduction.
    pub fn depth(&self) -> usize {
        match self.kind {
            Kind::Conv => self.kernel * self.kernel * self.in_channels,
            Kind::Pointwise | Kind::Depthwise | Kind::ExpandDepthwise | Kind::Linear => self.in_channels,
        }
    }

    fn input_len(&self) -> usize {
        self.size * self.size * self.in_channels
    }

    /// Of a depthwise filter.
    fn taps_len(&self) -> usize {
        self.kernel * self.kernel
    }

    fn dense_len(&self) -> usize {
        if self.kind == Kind::Depthwise { 0 } else { self.out_channels * self.depth() }
    }

    fn filters_len(&self) -> usize {
        let has_filters = matches!(self.kind, Kind::Depthwise | Kind::ExpandDepthwise);
        if has_filters { self.out_channels * self.taps_len() } else { 0 }
    }

    /// The window's taps that meet the image, each with its place there.
    fn taps(self, y: usize, x: usize) -> impl Iterator<Item = (usize, usize, usize)> {
        let Self { size, kernel, stride, .. } = self;
        (0..kernel * kernel).filter_map(move |tap| {
            let y = (y * stride + tap / kernel).checked_sub(kernel / 2).filter(|y| *y < size)?;
            let x = (x * stride + tap % kernel).checked_sub(kernel / 2).filter(|x| *x < size)?;
            Some((tap, y, x))
        })
    }
}

pub struct DataF32 {
    pub input: Vec<f32>,
    pub dense: Vec<f32>,
    pub dense_bias: Vec<f32>,
    pub filters: Vec<f32>,
    pub filter_bias: Vec<f32>,
}

impl DataF32 {
    pub fn new(layer: Layer) -> Self {
        let mut random = Random::new();
        let n = layer.out_channels;
        Self {
            input: random.f32s(layer.input_len(), 1.0),
            dense: random.f32s(layer.dense_len(), 3.0 / (layer.depth() as f32).sqrt()),
            dense_bias: random.f32s(n, 1.0),
            filters: random.f32s(layer.filters_len(), 1.0),
            filter_bias: random.f32s(n, 1.0),
        }
    }

    /// An output and its bound: of a sum of `k` products, `2·γₖ·Σ|aᵢ·bᵢ|`, and what the summands themselves may be off.
    pub fn output(&self, layer: Layer, y: usize, x: usize, channel: usize) -> (f64, f64) {
        match layer.kind {
            Kind::Conv => self.dense(layer, layer.taps(y, x), channel),
            Kind::Pointwise | Kind::Linear => self.dense(layer, [(0, y, x)].into_iter(), channel),
            Kind::Depthwise => self.filtered(layer, y, x, channel, |y, x| {
                let value = self.input[(y * layer.size + x) * layer.in_channels + channel];
                (f64::from(value), 0.0)
            }),
            Kind::ExpandDepthwise => self
                .filtered(layer, y, x, channel, |y, x| self.dense(layer, [(0, y, x)].into_iter(), channel)),
        }
    }

    fn dense(
        &self,
        layer: Layer,
        taps: impl Iterator<Item = (usize, usize, usize)>,
        channel: usize,
    ) -> (f64, f64) {
        let mut sum = BoundedSum::new(self.dense_bias[channel]);
        let weights = &self.dense[channel * layer.depth()..];
        for (tap, y, x) in taps {
            let values = &self.input[(y * layer.size + x) * layer.in_channels..][..layer.in_channels];
            for (value, weight) in values.iter().zip(&weights[tap * layer.in_channels..]) {
                sum.add((f64::from(*value), 0.0), *weight);
            }
        }
        sum.clamped()
    }

    fn filtered(
        &self,
        layer: Layer,
        y: usize,
        x: usize,
        channel: usize,
        value: impl Fn(usize, usize) -> (f64, f64),
    ) -> (f64, f64) {
        let mut sum = BoundedSum::new(self.filter_bias[channel]);
        let filter = &self.filters[channel * layer.taps_len()..];
        for (tap, y, x) in layer.taps(y, x) {
            sum.add(value(y, x), filter[tap]);
        }
        sum.clamped()
    }
}

/// A sum of products in double precision with what a float32 kernel may make of it.
struct BoundedSum {
    value: f64,
    magnitude: f64,
    inherited: f64,
    k: f64,
}

impl BoundedSum {
    fn new(bias: f32) -> Self {
        let bias = f64::from(bias);
        Self { value: bias, magnitude: bias.abs(), inherited: 0.0, k: 1.0 }
    }

    fn add(&mut self, (value, off): (f64, f64), weight: f32) {
        let weight = f64::from(weight);
        self.value += value * weight;
        self.magnitude += (value * weight).abs();
        self.inherited += off * weight.abs();
        self.k += 1.0;
    }

    fn clamped(&self) -> (f64, f64) {
        let unit = self.k * f64::from(f32::EPSILON) / 2.0;
        let UpperBound::Uniform(max) = CLAMP.max else { unreachable!("the bounds are uniform") };
        let value = self.value.clamp(f64::from(CLAMP.min), f64::from(max));
        (value, 2.0 * unit / (1.0 - unit) * self.magnitude + self.inherited)
    }
}

pub struct DataI8 {
    pub input: Vec<u8>,
    pub dense: Vec<i8>,
    pub dense_bias: Vec<i32>,
    pub filters: Vec<i8>,
    pub filter_bias: Vec<i32>,
    pub to_dense: Requantization,
    pub to_filtered: Requantization,
}

impl DataI8 {
    pub fn new(layer: Layer) -> Result<Self, KernelError> {
        let mut random = Random::new();
        let n = layer.out_channels;
        // Sums of k products spread over some 74 * 73 * sqrt(k); outputs shall spread over the levels.
        let multiplier = |k: usize| 64.0 / (74.0 * 73.0 * (k as f64).sqrt());
        let requantization = |k: usize, random: &mut Random| {
            let real: Vec<f64> =
                random.f32s(n, 0.5).iter().map(|x| multiplier(k) * (1.0 + f64::from(*x))).collect();
            Requantization::new(&real, ZERO_POINT, 0, 255)
        };
        Ok(Self {
            input: random.bytes(layer.input_len()),
            dense: random.weights(layer.dense_len()),
            dense_bias: random.biases(n),
            filters: random.weights(layer.filters_len()),
            filter_bias: random.biases(n),
            to_dense: requantization(layer.depth(), &mut random)?,
            to_filtered: requantization(layer.taps_len(), &mut random)?,
        })
    }

    pub fn output(&self, layer: Layer, y: usize, x: usize, channel: usize) -> u8 {
        match layer.kind {
            Kind::Conv => self.dense(layer, layer.taps(y, x), channel),
            Kind::Pointwise | Kind::Linear => self.dense(layer, [(0, y, x)].into_iter(), channel),
            Kind::Depthwise => self.filtered(layer, y, x, channel, |y, x| {
                self.input[(y * layer.size + x) * layer.in_channels + channel]
            }),
            Kind::ExpandDepthwise => self
                .filtered(layer, y, x, channel, |y, x| self.dense(layer, [(0, y, x)].into_iter(), channel)),
        }
    }

    fn dense(&self, layer: Layer, taps: impl Iterator<Item = (usize, usize, usize)>, channel: usize) -> u8 {
        let weights = &self.dense[channel * layer.depth()..];
        let mut sum = self.dense_bias[channel];
        for (tap, y, x) in taps {
            let levels = &self.input[(y * layer.size + x) * layer.in_channels..][..layer.in_channels];
            for (level, weight) in levels.iter().zip(&weights[tap * layer.in_channels..]) {
                sum += product(*level, *weight);
            }
        }
        self.to_dense.apply_one(sum, channel)
    }

    fn filtered(
        &self,
        layer: Layer,
        y: usize,
        x: usize,
        channel: usize,
        level: impl Fn(usize, usize) -> u8,
    ) -> u8 {
        let filter = &self.filters[channel * layer.taps_len()..];
        let products = layer.taps(y, x).map(|(tap, y, x)| product(level(y, x), filter[tap]));
        self.to_filtered.apply_one(self.filter_bias[channel] + products.sum::<i32>(), channel)
    }
}

fn product(level: u8, weight: i8) -> i32 {
    (i32::from(level) - i32::from(ZERO_POINT)) * i32::from(weight)
}

/// Xorshift (Marsaglia 2003): values need no quality beyond being different.
struct Random(u64);

impl Random {
    fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 16
    }

    /// Within `-limit..limit`.
    fn f32s(&mut self, len: usize, limit: f32) -> Vec<f32> {
        (0..len).map(|_| ((self.bits() & 0xffff) as f32 / 32768.0 - 1.0) * limit).collect()
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.bits() as u8).collect()
    }

    fn weights(&mut self, len: usize) -> Vec<i8> {
        (0..len).map(|_| (self.bits() as i8).max(-127)).collect()
    }

    fn biases(&mut self, len: usize) -> Vec<i32> {
        (0..len).map(|_| (self.bits() & 0xfff) as i32 - 2048).collect()
    }
}
