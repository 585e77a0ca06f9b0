//! Every kernel as plain nested loops: obviously right, kept for good, and what the fast ones are tested against.
//!
//! Activations are `nhwc`, weights are not packed: dense ones are `[n, kernel_height, kernel_width, channels]`,
//! depthwise ones `[channels, kernel_height * kernel_width]`. Lengths are the caller's business; wrong ones panic.

use crate::{AddRequantization, Clamp, ImageShape, Requantization, Window};

/// For each output pixel and kernel position, the input pixel under it; `None` outside the image.
fn under(window: &Window, image: ImageShape, pixel: [usize; 2], tap: [usize; 2]) -> Option<usize> {
    let before = [window.padding.top, window.padding.left];
    let position = |axis: usize, size: usize| {
        (pixel[axis] * window.stride[axis] + tap[axis]).checked_sub(before[axis]).filter(|p| *p < size)
    };
    Some(position(0, image.height)? * image.width + position(1, image.width)?)
}

fn output_pixels(window: &Window, image: ImageShape) -> impl Iterator<Item = [usize; 2]> {
    let [height, width] = window.output_size(image.height, image.width).expect("the window fits");
    (0..height).flat_map(move |y| (0..width).map(move |x| [y, x]))
}

fn taps(window: &Window) -> impl Iterator<Item = [usize; 2]> {
    let [height, width] = window.kernel;
    (0..height).flat_map(move |y| (0..width).map(move |x| [y, x]))
}

/// `clamp(a * weightsᵀ + bias + residual)`; `a` is `[m, k]`, `weights` `[n, k]`.
pub fn gemm_f32(
    a: &[f32],
    weights: &[f32],
    k: usize,
    bias: &[f32],
    residual: Option<&[f32]>,
    clamp: Clamp<'_>,
) -> Vec<f32> {
    let n = bias.len();
    let mut c = Vec::new();
    for row in a.chunks_exact(k) {
        for o in 0..n {
            let mut sum = bias[o];
            for i in 0..k {
                sum += row[i] * weights[o * k + i];
            }
            sum += residual.map_or(0.0, |residual| residual[c.len()]);
            c.push(clamp.apply(sum, o));
        }
    }
    c
}

/// Dense convolution in float32.
pub fn conv2d_f32(
    input: &[f32],
    image: ImageShape,
    window: &Window,
    weights: &[f32],
    bias: &[f32],
    residual: Option<&[f32]>,
    clamp: Clamp<'_>,
) -> Vec<f32> {
    let (n, channels) = (bias.len(), image.channels);
    let k = window.kernel[0] * window.kernel[1] * channels;
    let mut output = Vec::new();
    for pixel in output_pixels(window, image) {
        for o in 0..n {
            let mut sum = bias[o];
            for (t, tap) in taps(window).enumerate() {
                let Some(source) = under(window, image, pixel, tap) else { continue };
                for c in 0..channels {
                    sum += input[source * channels + c] * weights[o * k + t * channels + c];
                }
            }
            sum += residual.map_or(0.0, |residual| residual[output.len()]);
            output.push(clamp.apply(sum, o));
        }
    }
    output
}

/// Depthwise convolution in float32.
pub fn depthwise_f32(
    input: &[f32],
    image: ImageShape,
    window: &Window,
    weights: &[f32],
    bias: &[f32],
    clamp: Clamp<'_>,
) -> Vec<f32> {
    let channels = image.channels;
    let mut output = Vec::new();
    for pixel in output_pixels(window, image) {
        for c in 0..channels {
            let mut sum = bias[c];
            for (t, tap) in taps(window).enumerate() {
                if let Some(source) = under(window, image, pixel, tap) {
                    sum += input[source * channels + c] * weights[c * window.taps() + t];
                }
            }
            output.push(clamp.apply(sum, c));
        }
    }
    output
}

/// int32 accumulators of an int8 matrix product, zero point and bias included: `sum((a - zero_point) * w) + bias`.
pub fn gemm_i8_accumulators(a: &[u8], zero_point: u8, weights: &[i8], k: usize, bias: &[i32]) -> Vec<i32> {
    let mut c = Vec::new();
    for row in a.chunks_exact(k) {
        for (o, bias) in bias.iter().enumerate() {
            let product =
                |i: usize| (i32::from(row[i]) - i32::from(zero_point)) * i32::from(weights[o * k + i]);
            c.push(bias + (0..k).map(product).sum::<i32>());
        }
    }
    c
}

/// Accumulators to levels, by [`Requantization`]'s formula; channels are innermost.
pub fn requantize(accumulators: &[i32], channels: usize, requantization: &Requantization) -> Vec<u8> {
    accumulators.iter().enumerate().map(|(i, acc)| requantization.apply_one(*acc, i % channels)).collect()
}

/// Accumulators of a dense int8 convolution.
pub fn conv2d_i8_accumulators(
    input: &[u8],
    image: ImageShape,
    window: &Window,
    zero_point: u8,
    weights: &[i8],
    bias: &[i32],
) -> Vec<i32> {
    let channels = image.channels;
    let k = window.kernel[0] * window.kernel[1] * channels;
    let mut output = Vec::new();
    for pixel in output_pixels(window, image) {
        for (o, bias) in bias.iter().enumerate() {
            let mut sum = *bias;
            for (t, tap) in taps(window).enumerate() {
                let Some(source) = under(window, image, pixel, tap) else { continue };
                for c in 0..channels {
                    let x = i32::from(input[source * channels + c]) - i32::from(zero_point);
                    sum += x * i32::from(weights[o * k + t * channels + c]);
                }
            }
            output.push(sum);
        }
    }
    output
}

/// Accumulators of a depthwise int8 convolution.
pub fn depthwise_i8_accumulators(
    input: &[u8],
    image: ImageShape,
    window: &Window,
    zero_point: u8,
    weights: &[i8],
    bias: &[i32],
) -> Vec<i32> {
    let channels = image.channels;
    let mut output = Vec::new();
    for pixel in output_pixels(window, image) {
        for (c, bias) in bias.iter().enumerate() {
            let mut sum = *bias;
            for (t, tap) in taps(window).enumerate() {
                if let Some(source) = under(window, image, pixel, tap) {
                    let x = i32::from(input[source * channels + c]) - i32::from(zero_point);
                    sum += x * i32::from(weights[c * window.taps() + t]);
                }
            }
            output.push(sum);
        }
    }
    output
}

/// `clamp(a + b)`; channels are innermost.
pub fn add_f32(a: &[f32], b: &[f32], channels: usize, clamp: Clamp<'_>) -> Vec<f32> {
    let sums = a.iter().zip(b).map(|(a, b)| a + b);
    sums.enumerate().map(|(i, sum)| clamp.apply(sum, i % channels)).collect()
}

/// Sum of two int8 activations, by [`AddRequantization`]'s formula; channels are innermost.
pub fn add_i8(a: &[u8], b: &[u8], channels: usize, requantization: &AddRequantization) -> Vec<u8> {
    a.iter().zip(b).enumerate().map(|(i, (a, b))| requantization.apply_one(*a, *b, i % channels)).collect()
}

/// Mean of each channel.
pub fn global_average_pool_f32(input: &[f32], image: ImageShape) -> Vec<f32> {
    let pixels = image.height * image.width;
    (0..image.channels)
        .map(|c| (0..pixels).map(|p| input[p * image.channels + c]).sum::<f32>() / pixels as f32)
        .collect()
}

/// Largest element of each channel under the window.
pub fn max_pool<T: Copy + PartialOrd>(input: &[T], image: ImageShape, window: &Window) -> Vec<T> {
    let mut output = Vec::new();
    for pixel in output_pixels(window, image) {
        for c in 0..image.channels {
            let mut largest: Option<T> = None;
            for source in taps(window).filter_map(|tap| under(window, image, pixel, tap)) {
                let x = input[source * image.channels + c];
                if largest.is_none_or(|largest| x > largest) {
                    largest = Some(x);
                }
            }
            output.push(largest.expect("the window touches the image"));
        }
    }
    output
}

/// Channels of images of one size beside each other: each an image's elements and its number of channels.
pub fn concat<T: Copy>(images: &[(&[T], usize)]) -> Vec<T> {
    let pixels = images[0].0.len() / images[0].1;
    let pixel =
        |p: usize| images.iter().flat_map(move |(image, channels)| &image[p * channels..][..*channels]);
    (0..pixels).flat_map(pixel).copied().collect()
}

/// Sums of `q - zero_point` of each channel.
pub fn global_sum_i8(input: &[u8], image: ImageShape, zero_point: u8) -> Vec<i32> {
    let pixels = image.height * image.width;
    (0..image.channels)
        .map(|c| (0..pixels).map(|p| i32::from(input[p * image.channels + c]) - i32::from(zero_point)).sum())
        .collect()
}

/// `clamp(round_ties_even(x / scale) + zero_point, 0, 255)`, NaN to `zero_point`.
pub fn quantize_i8(x: &[f32], scale: f32, zero_point: u8) -> Vec<u8> {
    x.iter()
        .map(|x| {
            let level = if x.is_nan() { 0.0 } else { f64::from((x / scale).round_ties_even()) };
            (level + f64::from(zero_point)).clamp(0.0, 255.0) as u8
        })
        .collect()
}

/// `exp(x - max) / sum` in double precision.
pub fn softmax_f32(x: &[f32]) -> Vec<f32> {
    let largest = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exponentials: Vec<f64> = x.iter().map(|x| f64::from(x - largest).exp()).collect();
    let sum: f64 = exponentials.iter().sum();
    exponentials.iter().map(|e| (e / sum) as f32).collect()
}
