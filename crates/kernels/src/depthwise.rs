//! Depthwise convolutions: one filter for each channel, vectorised over channels.
//!
//! For one output pixel the taps that lie inside the image are collected as slices of channels, then all channels run
//! through them in blocks that stay in registers. Borders differ from the inside only in how many taps there are.

use crate::elementwise::Clamp;
use crate::error::check_len;
use crate::integer::Requantization;
use crate::lanes::{F32x4, I16x8, I32x4};
use crate::{ImageShape, KernelError, Window};

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
        let mut channel = 0;
        while channel + 16 <= out.len() {
            store(block_f32::<4>(taps, bias, channel).map(|x| x.clamp(min, max)), &mut out[channel..]);
            channel += 16;
        }
        while channel + 4 <= out.len() {
            store(block_f32::<1>(taps, bias, channel).map(|x| x.clamp(min, max)), &mut out[channel..]);
            channel += 4;
        }
        for (channel, out) in out.iter_mut().enumerate().skip(channel) {
            let sum = taps.iter().fold(bias[channel], |sum, (x, w)| sum + x[channel] * w[channel]);
            *out = clamp.apply(sum);
        }
    });
    Ok(())
}

/// Sums of `4 * V` channels. The taps' slices are read once for all of them, which is what bounds the speed.
#[inline(always)]
fn block_f32<const V: usize>(taps: &[(&[f32], &[f32])], bias: &[f32], channel: usize) -> [F32x4; V] {
    let load = |values: &[f32]| -> [F32x4; V] {
        let (vectors, _) = values[channel..channel + 4 * V].as_chunks::<4>();
        std::array::from_fn(|i| F32x4::load(&vectors[i]))
    };
    let mut acc = load(bias);
    for (x, w) in taps {
        let (x, w) = (load(x), load(w));
        acc = std::array::from_fn(|i| x[i].mul_add(w[i], acc[i]));
    }
    acc
}

#[inline(always)]
fn store<const V: usize>(vectors: [F32x4; V], out: &mut [f32]) {
    let (out, _) = out[..4 * V].as_chunks_mut::<4>();
    for (out, vector) in out.iter_mut().zip(vectors) {
        vector.store(out);
    }
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
        let mut channel = 0;
        while channel + 16 <= out.len() {
            let [low, high] = block_i8::<2>(taps, bias, channel, zero);
            requantization.apply_lanes(low, channel, &mut out[channel..][..8]);
            requantization.apply_lanes(high, channel + 8, &mut out[channel + 8..][..8]);
            channel += 16;
        }
        while channel + 8 <= out.len() {
            let [acc] = block_i8::<1>(taps, bias, channel, zero);
            requantization.apply_lanes(acc, channel, &mut out[channel..][..8]);
            channel += 8;
        }
        for (channel, out) in out.iter_mut().enumerate().skip(channel) {
            let product = |x: i8, w: i8| (i32::from(x) - i32::from(zero_point)) * i32::from(w);
            let sum = taps.iter().fold(bias[channel], |sum, (x, w)| sum + product(x[channel], w[channel]));
            *out = requantization.apply_one(sum, channel);
        }
    });
    Ok(())
}

/// Accumulators of `8 * V` channels.
#[inline(always)]
fn block_i8<const V: usize>(
    taps: &[(&[i8], &[i8])],
    bias: &[i32],
    channel: usize,
    zero: I16x8,
) -> [[I32x4; 2]; V] {
    let (bias, _) = bias[channel..channel + 8 * V].as_chunks::<4>();
    let mut acc = std::array::from_fn(|i| [I32x4::load(&bias[2 * i]), I32x4::load(&bias[2 * i + 1])]);
    for (x, w) in taps {
        let (x, _) = x[channel..channel + 8 * V].as_chunks::<8>();
        let (w, _) = w[channel..channel + 8 * V].as_chunks::<8>();
        acc = std::array::from_fn(|i| {
            let [low, high] = I16x8::load_i8(&x[i]).sub(zero).widening_mul(I16x8::load_i8(&w[i]));
            [acc[i][0].add(low), acc[i][1].add(high)]
        });
    }
    acc
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
