//! Depthwise convolutions: one filter for each channel, vectorised over channels.
//!
//! For one output pixel the taps that lie inside the image are collected as slices of channels, then all channels run
//! through them in blocks that stay in registers. Borders differ from the inside only in how many taps there are.

use crate::elementwise::Clamp;
use crate::error::check_len;
use crate::integer::Requantization;
use crate::lanes::{F32x4, I16x8, I32x4};
use crate::{ImageShape, KernelError, Window};

/// Channels that run through the taps at once.
const BLOCK: usize = 8;
/// The largest window: 7x7.
const MAX_TAPS: usize = 49;

/// `output = clamp(depthwise(input, weights) + bias)` with zeros around the input.
///
/// - `input`: `[height, width, channels]` as `image` says; `weights`: `[kernel_height * kernel_width, channels]`;
///   `bias`: `[channels]`; `output`: `[out_height, out_width, channels]`.
///
/// # Errors
/// [`KernelError::Length`], [`KernelError::Window`] for sizes that do not fit, [`KernelError::Shape`] for a window of
/// more than 49 taps.
pub fn depthwise_f32(
    input: &[f32],
    image: ImageShape,
    window: &Window,
    weights: &[f32],
    bias: &[f32],
    clamp: Clamp,
    output: &mut [f32],
) -> Result<(), KernelError> {
    let walk = Walk::new(input, image, window, weights, bias.len(), output.len())?;
    let (min, max) = (F32x4::splat(clamp.min), F32x4::splat(clamp.max));
    walk.for_each_pixel(output, |taps, out| {
        let (out, out_rest) = out.as_chunks_mut::<BLOCK>();
        for (block, out) in out.iter_mut().enumerate() {
            let channel = block * BLOCK;
            let load = |values: &[f32]| {
                let ([low, high], []) = at::<f32, BLOCK>(values, channel).as_chunks::<4>() else {
                    unreachable!("eight is two fours")
                };
                [F32x4::load(low), F32x4::load(high)]
            };
            let mut acc = load(bias);
            for (x, w) in taps {
                let (x, w) = (load(x), load(w));
                acc = [x[0].mul_add(w[0], acc[0]), x[1].mul_add(w[1], acc[1])];
            }
            let ([low, high], []) = out.as_chunks_mut::<4>() else { unreachable!("eight is two fours") };
            acc[0].clamp(min, max).store(low);
            acc[1].clamp(min, max).store(high);
        }
        let first = out.len() * BLOCK;
        for (channel, out) in out_rest.iter_mut().enumerate().map(|(i, out)| (first + i, out)) {
            let sum = taps.iter().fold(bias[channel], |sum, (x, w)| sum + x[channel] * w[channel]);
            *out = clamp.apply(sum);
        }
    });
    Ok(())
}

/// The same on integers: `requantize(sum((q - zero_point) * w) + bias)`; outside the input there is `zero_point`.
///
/// - `bias`: `[channels]`, without the zero point.
///
/// # Errors
/// As [`depthwise_f32`].
#[expect(clippy::too_many_arguments, reason = "a convolution is made of these")]
pub fn depthwise_i8(
    input: &[i8],
    image: ImageShape,
    window: &Window,
    zero_point: i8,
    weights: &[i8],
    bias: &[i32],
    requantization: &Requantization,
    output: &mut [i8],
) -> Result<(), KernelError> {
    let walk = Walk::new(input, image, window, weights, bias.len(), output.len())?;
    requantization.check_channels(image.channels)?;
    let zero = I16x8::splat(i16::from(zero_point));
    walk.for_each_pixel(output, |taps, out| {
        let (out, out_rest) = out.as_chunks_mut::<BLOCK>();
        for (block, out) in out.iter_mut().enumerate() {
            let channel = block * BLOCK;
            let ([low, high], []) = at::<i32, BLOCK>(bias, channel).as_chunks::<4>() else {
                unreachable!("eight is two fours")
            };
            let mut acc = [I32x4::load(low), I32x4::load(high)];
            for (x, w) in taps {
                let x = I16x8::load_i8(at(x, channel)).sub(zero);
                let [low, high] = x.widening_mul(I16x8::load_i8(at(w, channel)));
                acc = [acc[0].add(low), acc[1].add(high)];
            }
            requantization.apply_lanes(acc, channel, out);
        }
        let first = out.len() * BLOCK;
        for (channel, out) in out_rest.iter_mut().enumerate().map(|(i, out)| (first + i, out)) {
            let product = |x: i8, w: i8| (i32::from(x) - i32::from(zero_point)) * i32::from(w);
            let sum = taps.iter().fold(bias[channel], |sum, (x, w)| sum + product(x[channel], w[channel]));
            *out = requantization.apply_one(sum, channel);
        }
    });
    Ok(())
}

#[inline(always)]
fn at<T, const N: usize>(values: &[T], first: usize) -> &[T; N] {
    values[first..].first_chunk().expect("a block lies within the channels")
}

/// A depthwise convolution's walk over its output pixels.
struct Walk<'a, T> {
    input: &'a [T],
    image: ImageShape,
    window: &'a Window,
    weights: &'a [T],
    out: [usize; 2],
}

impl<'a, T: Copy> Walk<'a, T> {
    fn new(
        input: &'a [T],
        image: ImageShape,
        window: &'a Window,
        weights: &'a [T],
        bias_len: usize,
        output_len: usize,
    ) -> Result<Self, KernelError> {
        let taps = window.taps();
        if taps > MAX_TAPS {
            return Err(KernelError::Shape { what: "taps of the window", expected: MAX_TAPS, actual: taps });
        }
        let out = window.output(image)?;
        check_len("input", input.len(), image.len())?;
        check_len("weights", weights.len(), taps * image.channels)?;
        check_len("bias", bias_len, image.channels)?;
        check_len("output", output_len, out[0] * out[1] * image.channels)?;
        Ok(Self { input, image, window, weights, out })
    }

    /// Calls `finish` for each output pixel with the taps inside the image (pixel, filter; both `[channels]`) and
    /// the pixel's outputs.
    #[inline(always)]
    fn for_each_pixel<O>(&self, output: &mut [O], finish: impl Fn(&[(&[T], &[T])], &mut [O])) {
        let ImageShape { height, width, channels } = self.image;
        if channels == 0 {
            return;
        }
        let empty: &[T] = &[];
        let mut taps = [(empty, empty); MAX_TAPS];
        for (pixel, out) in output.chunks_exact_mut(channels).enumerate() {
            let vertical = self.window.rows(pixel / self.out[1], height);
            let horizontal = self.window.columns(pixel % self.out[1], width);
            let mut n_taps = 0;
            for ky in vertical.first..vertical.end {
                let row = (vertical.image + ky - vertical.first) * width;
                for kx in horizontal.first..horizontal.end {
                    let source = (row + horizontal.image + kx - horizontal.first) * channels;
                    let filter = (ky * self.window.kernel[1] + kx) * channels;
                    taps[n_taps] = (&self.input[source..][..channels], &self.weights[filter..][..channels]);
                    n_taps += 1;
                }
            }
            finish(&taps[..n_taps], out);
        }
    }
}
