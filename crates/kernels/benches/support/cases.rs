//! A layer as a program that can be run again and again, checked once against plain sums.

use std::hint::black_box;

use kernels::{
    Aligned, DepthwiseWeightsF32, DepthwiseWeightsI8, Expansion, ImageShape, IntegerScratch, Layout, Padding,
    Products, SparseWeightsF32, Window, blocked_len, conv2d_f32, conv2d_i8, conv2d_i8_scratch_len,
    conv2d_scratch_len, depthwise_f32, depthwise_i8, depthwise_i8_scratch_len, depthwise_scratch_len,
    expand_depthwise_f32, expand_depthwise_i8, expand_depthwise_i8_scratch_len, expand_depthwise_scratch_len,
    from_blocks, linear_f32, linear_i8, linear_i8_scratch_len, pointwise_sparse_f32,
    pointwise_sparse_scratch_len, to_blocks, zeros,
};

use super::data::{CLAMP, DataF32, DataI8, ZERO_POINT};
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
    match form {
        Form::Plain => {}
        form if form.is_sparse() => form.prune(&mut data.dense, layer.depth()),
        _ => data.dense = stored.real(),
    }
    let Geometry { image, window, layout } = Geometry::of(layer);
    let dense = || stored.pack_f32(&data.dense, &data.dense_bias);
    let filters = || {
        let taps = layer.kernel * layer.kernel;
        DepthwiseWeightsF32::pack(&data.filters, layer.out_channels, taps, &data.filter_bias)
    };
    let input = laid_out(&data.input, image, layout)?;
    let mut kernel: Kernel<f32> = match layer.kind {
        Kind::Pointwise if form.is_sparse() => {
            let weights =
                SparseWeightsF32::pack(&data.dense, layer.out_channels, layer.depth(), &data.dense_bias)?;
            let mut scratch = zeros(pointwise_sparse_scratch_len(image));
            Box::new(move |output| {
                pointwise_sparse_f32(&input, image, &weights, None, CLAMP, &mut scratch, output)
                    .expect("sizes fit");
            })
        }
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
    let mut output: Aligned<f32> = zeros(blocked_len(output_shape(layer)));
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
    let mut output: Aligned<u8> = zeros(blocked_len(output_shape(layer)));
    kernel(&mut output);
    for ([y, x, channel], actual) in samples(layer, &output)? {
        let expected = data.output(layer, y, x, channel);
        if actual != expected {
            return Err(format!("{layer} at {y}, {x}, {channel}: {actual} instead of {expected}").into());
        }
    }
    Ok(Box::new(move || kernel(black_box(&mut output))))
}

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

fn output_shape(layer: Layer) -> ImageShape {
    ImageShape { height: layer.out_size(), width: layer.out_size(), channels: layer.out_channels }
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
    let image = output_shape(layer);
    let mut nhwc = vec![T::default(); image.len()];
    from_blocks(blocked, image, &mut nhwc)?;
    let pick = |i: usize| {
        let index = i * (nhwc.len() - 1) / (N - 1);
        let (pixel, channel) = (index / image.channels, index % image.channels);
        ([pixel / image.width, pixel % image.width, channel], nhwc[index])
    };
    Ok((0..N).map(pick).collect())
}
