//! A layer as a program that can be run again and again, checked once against plain sums.

use std::hint::black_box;

use kernels::{
    Aligned, Clamp, DepthwiseWeightsF32, DepthwiseWeightsI8, Expansion, ImageShape, IntegerScratch, Layout,
    Padding, Products, Requantization, UpperBound, Window, blocked_len, conv2d_f32, conv2d_i8,
    conv2d_i8_scratch_len, conv2d_scratch_len, depthwise_f32, depthwise_i8, depthwise_i8_scratch_len,
    depthwise_scratch_len, expand_depthwise_f32, expand_depthwise_i8, expand_depthwise_i8_scratch_len,
    expand_depthwise_scratch_len, from_blocks, linear_f32, linear_i8, linear_i8_scratch_len, to_blocks,
    zeros,
};

use super::forms::{Form, Stored};
use super::layers::{Kind, Layer};

type Error = Box<dyn std::error::Error>;

/// A program.
pub type Run = Box<dyn FnMut()>;

/// The same before its output is its own.
type Kernel<T> = Box<dyn FnMut(&mut [T])>;

/// The layer in float32, which has one way of multiplying, with its dense weights in some form.
pub fn f32_case(layer: Layer, form: Form) -> Result<Run, Error> {
    let mut data = DataF32::new(layer);
    let stored = Stored::new(form, &data.dense, layer.out_channels, layer.depth());
    if form != Form::Plain {
        data.dense = stored.real();
    }
    let Geometry { image, window, layout } = Geometry::of(layer);
    let dense = || stored.pack_f32(&data.dense, &data.dense_bias);
    let filters = || {
        let taps = layer.kernel * layer.kernel;
        DepthwiseWeightsF32::pack(&data.filters, layer.out_channels, taps, &data.filter_bias)
    };
    let input = laid_out(&data.input, image, layout)?;
    let mut kernel: Kernel<f32> = match layer.kind {
        Kind::Conv | Kind::Pointwise => {
            let dense = dense()?;
            let mut scratch = zeros(conv2d_scratch_len(layout, image, &window) + dense.unpacked_len());
            Box::new(move |output| {
                conv2d_f32(&input, layout, image, &window, &dense, None, CLAMP, &mut scratch, output)
                    .expect("sizes fit");
            })
        }
        Kind::Linear => {
            let dense = dense()?;
            let mut scratch = zeros(dense.unpacked_len());
            Box::new(move |output| {
                linear_f32(&input, &dense, CLAMP, &mut scratch, output).expect("sizes fit");
            })
        }
        Kind::Depthwise => {
            let (filters, mut scratch) = (filters()?, zeros(depthwise_scratch_len(image, &window)));
            Box::new(move |output| {
                depthwise_f32(&input, image, &window, &filters, CLAMP, &mut scratch, output)
                    .expect("sizes fit");
            })
        }
        Kind::ExpandDepthwise => {
            let (dense, filters) = (dense()?, filters()?);
            let mut scratch = zeros(expand_depthwise_scratch_len(image, &window) + dense.unpacked_len());
            Box::new(move |output| {
                let scratch = &mut scratch;
                expand_depthwise_f32(&input, image, &dense, CLAMP, &window, &filters, CLAMP, scratch, output)
                    .expect("sizes fit");
            })
        }
    };
    let mut output: Aligned<f32> = zeros(blocked_len(layer.output()));
    kernel(&mut output);
    for ([y, x, channel], actual) in samples(layer, &output)? {
        let (expected, bound) = data.output(layer, y, x, channel);
        if (f64::from(actual) - expected).abs() > bound {
            return Err(format!("{layer} at {y}, {x}, {channel}: {actual} instead of {expected}").into());
        }
    }
    Ok(Box::new(move || kernel(black_box(&mut output))))
}

/// The layer in int8, with its dense weights in some form.
pub fn i8_case(layer: Layer, products: Products, form: Form) -> Result<Run, Error> {
    let mut data = DataI8::new(layer)?;
    let like: Vec<f32> = data.dense.iter().map(|level| f32::from(*level)).collect();
    let stored = Stored::new(form, &like, layer.out_channels, layer.depth());
    if form != Form::Plain {
        data.dense = stored.effective();
    }
    let Geometry { image, window, layout } = Geometry::of(layer);
    let dense = || {
        let run = if layer.kind == Kind::Conv { layout.run(image, &window) } else { layer.depth() };
        stored.pack_i8(&data.dense, run, &data.dense_bias, ZERO_POINT, products)
    };
    let filters = || {
        DepthwiseWeightsI8::pack(
            &data.filters,
            layer.out_channels,
            window.kernel,
            &data.filter_bias,
            ZERO_POINT,
        )
    };
    let input = laid_out(&data.input, image, layout)?;
    let [to_dense, to_filtered] = [data.to_dense.clone(), data.to_filtered.clone()];
    let mut kernel: Kernel<u8> = match layer.kind {
        Kind::Conv | Kind::Pointwise => {
            let dense = dense()?;
            let len = conv2d_i8_scratch_len(layout, image, &window, products).with_weights(&dense);
            let mut scratch = IntegerScratch::new(len);
            Box::new(move |output| {
                let scratch = &mut scratch;
                conv2d_i8(&input, layout, image, &window, ZERO_POINT, &dense, &to_dense, scratch, output)
                    .expect("sizes fit");
            })
        }
        Kind::Linear => {
            let dense = dense()?;
            let len = linear_i8_scratch_len(layer.depth(), products).with_weights(&dense);
            let mut scratch = IntegerScratch::new(len);
            Box::new(move |output| {
                linear_i8(&input, &dense, &to_dense, &mut scratch, output).expect("sizes fit");
            })
        }
        Kind::Depthwise => {
            let (filters, mut scratch) = (filters()?, zeros(depthwise_i8_scratch_len(image, &window)));
            Box::new(move |output| {
                let scratch = &mut scratch;
                depthwise_i8(&input, image, &window, ZERO_POINT, &filters, &to_filtered, scratch, output)
                    .expect("sizes fit");
            })
        }
        Kind::ExpandDepthwise => {
            let (dense, filters) = (dense()?, filters()?);
            let len = expand_depthwise_i8_scratch_len(image, &window, products).with_weights(&dense);
            let mut scratch = IntegerScratch::new(len);
            Box::new(move |output| {
                let expansion = Expansion { weights: &dense, requantization: &to_dense };
                expand_depthwise_i8(
                    &input,
                    image,
                    expansion,
                    &window,
                    ZERO_POINT,
                    &filters,
                    &to_filtered,
                    &mut scratch,
                    output,
                )
                .expect("sizes fit");
            })
        }
    };
    let mut output: Aligned<u8> = zeros(blocked_len(layer.output()));
    kernel(&mut output);
    for ([y, x, channel], actual) in samples(layer, &output)? {
        let expected = data.output(layer, y, x, channel);
        if actual != expected {
            return Err(format!("{layer} at {y}, {x}, {channel}: {actual} instead of {expected}").into());
        }
    }
    Ok(Box::new(move || kernel(black_box(&mut output))))
}

const CLAMP: Clamp<'_> = Clamp::RELU6;
/// Of every int8 activation.
const ZERO_POINT: u8 = 100;

/// A layer as the kernels name it.
struct Geometry {
    image: ImageShape,
    window: Window,
    layout: Layout,
}

impl Geometry {
    fn of(layer: Layer) -> Self {
        let Layer { kind, size, in_channels, kernel, stride, .. } = layer;
        let half = kernel / 2;
        let padding = Padding { top: half, left: half, bottom: half, right: half };
        Self {
            image: ImageShape { height: size, width: size, channels: in_channels },
            window: Window { kernel: [kernel; 2], stride: [stride; 2], padding },
            layout: if kind == Kind::Conv { Layout::Interleaved } else { Layout::Blocked },
        }
    }
}

impl Layer {
    /// Length of the dense reduction.
    fn depth(&self) -> usize {
        match self.kind {
            Kind::Conv => self.kernel * self.kernel * self.in_channels,
            Kind::Pointwise | Kind::Depthwise | Kind::ExpandDepthwise | Kind::Linear => self.in_channels,
        }
    }

    fn output(&self) -> ImageShape {
        ImageShape { height: self.out_size(), width: self.out_size(), channels: self.out_channels }
    }

    fn has_dense(&self) -> bool {
        self.kind != Kind::Depthwise
    }

    fn has_filters(&self) -> bool {
        matches!(self.kind, Kind::Depthwise | Kind::ExpandDepthwise)
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

fn laid_out<T: Copy + Default>(
    nhwc: &[T],
    image: ImageShape,
    layout: Layout,
) -> Result<Aligned<T>, kernels::KernelError> {
    if layout == Layout::Interleaved {
        return Ok(Aligned::from_slice(64, nhwc));
    }
    let mut blocked = zeros(blocked_len(image));
    to_blocks(nhwc, image, &mut blocked)?;
    Ok(blocked)
}

/// A few outputs from all over the image, corners included.
fn samples<T: Copy + Default>(layer: Layer, blocked: &[T]) -> Result<Vec<([usize; 3], T)>, Error> {
    const N: usize = 61;
    let image = layer.output();
    let mut nhwc = vec![T::default(); image.len()];
    from_blocks(blocked, image, &mut nhwc)?;
    let pick = |i: usize| {
        let index = i * (nhwc.len() - 1) / (N - 1);
        let (pixel, channel) = (index / image.channels, index % image.channels);
        ([pixel / image.width, pixel % image.width, channel], nhwc[index])
    };
    Ok((0..N).map(pick).collect())
}

struct DataF32 {
    input: Vec<f32>,
    dense: Vec<f32>,
    dense_bias: Vec<f32>,
    filters: Vec<f32>,
    filter_bias: Vec<f32>,
}

impl DataF32 {
    fn new(layer: Layer) -> Self {
        let mut random = Random::new();
        let n = layer.out_channels;
        let taps = layer.kernel * layer.kernel;
        let dense = if layer.has_dense() { n * layer.depth() } else { 0 };
        let filters = if layer.has_filters() { n * taps } else { 0 };
        Self {
            input: random.f32s(Geometry::of(layer).image.len(), 1.0),
            dense: random.f32s(dense, 3.0 / (layer.depth() as f32).sqrt()),
            dense_bias: random.f32s(n, 1.0),
            filters: random.f32s(filters, 1.0),
            filter_bias: random.f32s(n, 1.0),
        }
    }

    /// An output and its bound: of a sum of `k` products, `2·γₖ·Σ|aᵢ·bᵢ|`, and what the summands themselves may be off.
    fn output(&self, layer: Layer, y: usize, x: usize, channel: usize) -> (f64, f64) {
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
        let filter = &self.filters[channel * layer.kernel * layer.kernel..];
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

struct DataI8 {
    input: Vec<u8>,
    dense: Vec<i8>,
    dense_bias: Vec<i32>,
    filters: Vec<i8>,
    filter_bias: Vec<i32>,
    to_dense: Requantization,
    to_filtered: Requantization,
}

impl DataI8 {
    fn new(layer: Layer) -> Result<Self, Error> {
        let mut random = Random::new();
        let n = layer.out_channels;
        let taps = layer.kernel * layer.kernel;
        let dense = if layer.has_dense() { n * layer.depth() } else { 0 };
        let filters = if layer.has_filters() { n * taps } else { 0 };
        // Sums of k products spread over some 74 * 73 * sqrt(k); outputs shall spread over the levels.
        let multiplier = |k: usize| 64.0 / (74.0 * 73.0 * (k as f64).sqrt());
        let requantization = |k: usize, random: &mut Random| {
            let real: Vec<f64> =
                random.f32s(n, 0.5).iter().map(|x| multiplier(k) * (1.0 + f64::from(*x))).collect();
            Requantization::new(&real, ZERO_POINT, 0, 255)
        };
        Ok(Self {
            input: random.bytes(Geometry::of(layer).image.len()),
            dense: random.weights(dense),
            dense_bias: random.biases(n),
            filters: random.weights(filters),
            filter_bias: random.biases(n),
            to_dense: requantization(layer.depth(), &mut random)?,
            to_filtered: requantization(taps, &mut random)?,
        })
    }

    fn output(&self, layer: Layer, y: usize, x: usize, channel: usize) -> u8 {
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
        let filter = &self.filters[channel * layer.kernel * layer.kernel..];
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
