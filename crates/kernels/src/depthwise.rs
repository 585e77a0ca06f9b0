//! Depthwise convolutions: one filter for each channel, vectorised over channels.
//!
//! The simple version visits each output pixel and adds up its taps for a block of channels. This one differs in two
//! points:
//!
//! 1. Away from the left and right border four neighbouring pixels run together, so that each filter value is loaded
//!    once for all four and eight accumulators hide the latency of the additions.
//! 2. Near the border the taps that lie inside the image are collected as slices of channels; it differs from the
//!    inside only in how many there are.

use crate::elementwise::Clamp;
use crate::error::check_len;
use crate::integer::Requantization;
use crate::lanes::{F32x4, I16x8, I32x4};
use crate::{ImageShape, KernelError, Window};

/// The largest window: 7x7.
const MAX_TAPS: usize = 49;
/// Rows of the largest window; a 49-tap window may be one column of them.
const MAX_LINES: usize = MAX_TAPS;
/// Output pixels that run together.
const GROUP: usize = 4;

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
    let bounds = [F32x4::splat(clamp.min), F32x4::splat(clamp.max)];
    let scalar = |taps: &mut dyn Iterator<Item = (f32, f32)>, channel: usize| {
        clamp.apply(taps.fold(bias[channel], |sum, (x, w)| sum + x * w))
    };
    walk.run(
        output,
        |taps, out| {
            let mut channel = 0;
            while channel + 16 <= out.len() {
                store(pixel_f32::<4>(taps, bias, channel), bounds, &mut out[channel..]);
                channel += 16;
            }
            while channel + 4 <= out.len() {
                store(pixel_f32::<1>(taps, bias, channel), bounds, &mut out[channel..]);
                channel += 4;
            }
            for (channel, out) in out.iter_mut().enumerate().skip(channel) {
                *out = scalar(&mut taps.iter().map(|(x, w)| (x[channel], w[channel])), channel);
            }
        },
        |group, out| {
            let channels = group.channels;
            let mut channel = 0;
            while channel + 8 <= channels {
                for (pixel, acc) in group_f32::<2>(group, bias, channel).into_iter().enumerate() {
                    store(acc, bounds, &mut out[pixel * channels + channel..]);
                }
                channel += 8;
            }
            while channel + 4 <= channels {
                for (pixel, acc) in group_f32::<1>(group, bias, channel).into_iter().enumerate() {
                    store(acc, bounds, &mut out[pixel * channels + channel..]);
                }
                channel += 4;
            }
            for channel in channel..channels {
                for pixel in 0..GROUP {
                    out[pixel * channels + channel] = scalar(&mut group.taps(pixel, channel), channel);
                }
            }
        },
    );
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
    let scalar = |taps: &mut dyn Iterator<Item = (i8, i8)>, channel: usize| {
        let product = |x: i8, w: i8| (i32::from(x) - i32::from(zero_point)) * i32::from(w);
        let sum = taps.fold(bias[channel], |sum, (x, w)| sum + product(x, w));
        requantization.apply_one(sum, channel)
    };
    walk.run(
        output,
        |taps, out| {
            let mut channel = 0;
            while channel + 8 <= out.len() {
                let acc = pixel_i8(taps, bias, channel, zero);
                requantization.apply_lanes(acc, channel, &mut out[channel..][..8]);
                channel += 8;
            }
            for (channel, out) in out.iter_mut().enumerate().skip(channel) {
                *out = scalar(&mut taps.iter().map(|(x, w)| (x[channel], w[channel])), channel);
            }
        },
        |group, out| {
            let channels = group.channels;
            let mut channel = 0;
            while channel + 8 <= channels {
                for (pixel, acc) in group_i8(group, bias, channel, zero).into_iter().enumerate() {
                    requantization.apply_lanes(acc, channel, &mut out[pixel * channels + channel..][..8]);
                }
                channel += 8;
            }
            for channel in channel..channels {
                for pixel in 0..GROUP {
                    out[pixel * channels + channel] = scalar(&mut group.taps(pixel, channel), channel);
                }
            }
        },
    );
    Ok(())
}

#[inline(always)]
fn load_f32<const V: usize>(values: &[f32], first: usize) -> [F32x4; V] {
    let (vectors, _) = values[first..first + 4 * V].as_chunks::<4>();
    std::array::from_fn(|i| F32x4::load(&vectors[i]))
}

#[inline(always)]
fn load_i8(values: &[i8], first: usize) -> I16x8 {
    I16x8::load_i8(values[first..].first_chunk().expect("a block lies within the channels"))
}

#[inline(always)]
fn store<const V: usize>(vectors: [F32x4; V], [min, max]: [F32x4; 2], out: &mut [f32]) {
    let (out, _) = out[..4 * V].as_chunks_mut::<4>();
    for (out, vector) in out.iter_mut().zip(vectors) {
        vector.clamp(min, max).store(out);
    }
}

/// Sums of one pixel's `4 * V` channels.
#[inline(always)]
fn pixel_f32<const V: usize>(taps: &[(&[f32], &[f32])], bias: &[f32], channel: usize) -> [F32x4; V] {
    let mut acc = load_f32(bias, channel);
    for (x, w) in taps {
        let (x, w): ([_; V], [_; V]) = (load_f32(x, channel), load_f32(w, channel));
        acc = std::array::from_fn(|i| x[i].mul_add(w[i], acc[i]));
    }
    acc
}

/// Sums of a group's `4 * V` channels.
#[inline(always)]
fn group_f32<const V: usize>(group: &Group<'_, f32>, bias: &[f32], channel: usize) -> [[F32x4; V]; GROUP] {
    let mut acc = [load_f32(bias, channel); GROUP];
    for (line, filters) in group.lines {
        for kx in 0..group.kernel_width {
            let tap = kx * group.channels + channel;
            let w: [_; V] = load_f32(filters, tap);
            for (pixel, acc) in acc.iter_mut().enumerate() {
                let x: [_; V] = load_f32(line, pixel * group.step + tap);
                *acc = std::array::from_fn(|i| x[i].mul_add(w[i], acc[i]));
            }
        }
    }
    acc
}

#[inline(always)]
fn bias_i32(bias: &[i32], channel: usize) -> [I32x4; 2] {
    let (vectors, _) = bias[channel..channel + 8].as_chunks::<4>();
    [I32x4::load(&vectors[0]), I32x4::load(&vectors[1])]
}

/// Adds the products of two taps at once; interleaved, both products of a channel are one lane of a dot product.
#[inline(always)]
fn add_pair(acc: [I32x4; 2], x: [I16x8; 2], w: [I16x8; 2]) -> [I32x4; 2] {
    let x = x[0].interleave(x[1]);
    [acc[0].add(x[0].dot(w[0])), acc[1].add(x[1].dot(w[1]))]
}

/// Accumulators of one pixel's eight channels.
#[inline(always)]
fn pixel_i8(taps: &[(&[i8], &[i8])], bias: &[i32], channel: usize, zero: I16x8) -> [I32x4; 2] {
    let none = I16x8::splat(0);
    let mut acc = bias_i32(bias, channel);
    let (pairs, last) = taps.as_chunks::<2>();
    for [(x0, w0), (x1, w1)] in pairs {
        let w = load_i8(w0, channel).interleave(load_i8(w1, channel));
        acc = add_pair(acc, [load_i8(x0, channel).sub(zero), load_i8(x1, channel).sub(zero)], w);
    }
    for (x, w) in last {
        acc = add_pair(acc, [load_i8(x, channel).sub(zero), none], load_i8(w, channel).interleave(none));
    }
    acc
}

/// Accumulators of a group's eight channels.
#[inline(always)]
fn group_i8(group: &Group<'_, i8>, bias: &[i32], channel: usize, zero: I16x8) -> [[I32x4; 2]; GROUP] {
    let none = I16x8::splat(0);
    let mut acc = [bias_i32(bias, channel); GROUP];
    for (line, filters) in group.lines {
        let at = |pixel: usize, kx: usize| {
            load_i8(line, pixel * group.step + kx * group.channels + channel).sub(zero)
        };
        let filter = |kx: usize| load_i8(filters, kx * group.channels + channel);
        let mut kx = 0;
        while kx + 2 <= group.kernel_width {
            let w = filter(kx).interleave(filter(kx + 1));
            for (pixel, acc) in acc.iter_mut().enumerate() {
                *acc = add_pair(*acc, [at(pixel, kx), at(pixel, kx + 1)], w);
            }
            kx += 2;
        }
        if kx < group.kernel_width {
            let w = filter(kx).interleave(none);
            for (pixel, acc) in acc.iter_mut().enumerate() {
                *acc = add_pair(*acc, [at(pixel, kx), none], w);
            }
        }
    }
    acc
}

/// Four neighbouring output pixels whose windows lie inside the image from left to right.
struct Group<'a, T> {
    /// For each kernel row inside the image: the input from the first pixel's first tap on, and the filters of that
    /// row, `[kernel_width, channels]`.
    lines: &'a [(&'a [T], &'a [T])],
    channels: usize,
    kernel_width: usize,
    /// From one pixel's taps to the next one's.
    step: usize,
}

impl<T: Copy> Group<'_, T> {
    /// One channel's taps of one pixel: input and filter.
    fn taps(&self, pixel: usize, channel: usize) -> impl Iterator<Item = (T, T)> {
        self.lines.iter().flat_map(move |(line, filters)| {
            let tap = move |kx: usize| kx * self.channels + channel;
            (0..self.kernel_width).map(move |kx| (line[pixel * self.step + tap(kx)], filters[tap(kx)]))
        })
    }
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

    /// Calls `group` for four output pixels where it can, else `pixel` for one, each with its outputs. `pixel` gets the
    /// taps inside the image (pixel, filter; both `[channels]`).
    #[inline(always)]
    fn run<O>(
        &self,
        output: &mut [O],
        pixel: impl Fn(&[(&[T], &[T])], &mut [O]),
        group: impl Fn(&Group<'_, T>, &mut [O]),
    ) {
        let (ImageShape { width, channels, .. }, [_, out_width]) = (self.image, self.out);
        if channels == 0 {
            return;
        }
        let [kernel_width, stride] = [self.window.kernel[1], self.window.stride[1]];
        let left = self.window.padding.left;
        // Column x is inside when its window begins at x * stride - left >= 0 and ends within the width.
        let first_inside = left.div_ceil(stride).min(out_width);
        let end_inside = match (width + left).checked_sub(kernel_width) {
            Some(last_start) => (last_start / stride + 1).clamp(first_inside, out_width),
            None => first_inside,
        };
        for (y, row) in output.chunks_exact_mut(out_width * channels).enumerate() {
            let (border, rest) = row.split_at_mut(first_inside * channels);
            let grouped = (end_inside - first_inside) / GROUP * GROUP;
            let (groups, end) = rest.split_at_mut(grouped * channels);
            for (x, out) in border.chunks_exact_mut(channels).enumerate() {
                self.with_taps(y, x, |taps| pixel(taps, out));
            }
            for (idx, out) in groups.chunks_exact_mut(GROUP * channels).enumerate() {
                self.with_group(y, first_inside + idx * GROUP, |lines| group(lines, out));
            }
            for (idx, out) in end.chunks_exact_mut(channels).enumerate() {
                self.with_taps(y, first_inside + grouped + idx, |taps| pixel(taps, out));
            }
        }
    }

    #[inline(always)]
    fn with_taps(&self, y: usize, x: usize, use_taps: impl FnOnce(&[(&[T], &[T])])) {
        let ImageShape { height, width, channels } = self.image;
        let empty: &[T] = &[];
        let mut taps = [(empty, empty); MAX_TAPS];
        let mut n_taps = 0;
        let (vertical, horizontal) = (self.window.rows(y, height), self.window.columns(x, width));
        for ky in vertical.first..vertical.end {
            let row = (vertical.image + ky - vertical.first) * width;
            for kx in horizontal.first..horizontal.end {
                let source = (row + horizontal.image + kx - horizontal.first) * channels;
                let filter = (ky * self.window.kernel[1] + kx) * channels;
                taps[n_taps] = (&self.input[source..][..channels], &self.weights[filter..][..channels]);
                n_taps += 1;
            }
        }
        use_taps(&taps[..n_taps]);
    }

    #[inline(always)]
    fn with_group(&self, y: usize, x: usize, use_group: impl FnOnce(&Group<'_, T>)) {
        let ImageShape { height, width, channels } = self.image;
        let Window { kernel: [_, kernel_width], stride: [_, stride], padding } = *self.window;
        let empty: &[T] = &[];
        let mut lines = [(empty, empty); MAX_LINES];
        let mut n_lines = 0;
        let vertical = self.window.rows(y, height);
        let columns = (GROUP - 1) * stride + kernel_width;
        for ky in vertical.first..vertical.end {
            let row = (vertical.image + ky - vertical.first) * width;
            let source = (row + x * stride - padding.left) * channels;
            let filters = ky * kernel_width * channels;
            lines[n_lines] = (
                &self.input[source..][..columns * channels],
                &self.weights[filters..][..kernel_width * channels],
            );
            n_lines += 1;
        }
        use_group(&Group { lines: &lines[..n_lines], channels, kernel_width, step: stride * channels });
    }
}
