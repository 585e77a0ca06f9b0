//! Depthwise convolutions on integers, vectorised over the eight channels of a block.
//!
//! An instruction adds up two products of int16, so kernel rows go in pairs: the values of two image rows, interleaved
//! channel by channel, meet the filters of two kernel rows, interleaved when they were packed. One interleaving serves
//! all kernel columns. A kernel row outside the image reads a row of zero points, so that pairs stay pairs.

#![allow(
    unsafe_code,
    reason = "rows are walked through pointers; `BlockI8::interior` checks every range once"
)]

use super::conv::{IntegerScratch, IntegerScratchLen, copy, widen};
use super::gemm::{PackedWeightsI8, Products, ToLevels, multiply_panel_i8};
use super::requantize::{BlockRequantization, Requantization};
use crate::blocks::{Aligned, BLOCK, blocked_len, blocks};
use crate::conv::blocked_rows;
use crate::depthwise::Walk;
use crate::error::{check_at_least, check_fits, check_len};
use crate::lanes::{I16x8, I32x4};
use crate::{ImageShape, KernelError, Window};

/// Kernel rows at most: pairs of image rows are collected before a line of pixels runs.
const MAX_ROWS: usize = 8;

/// Filters and biases packed by blocks of channels, kernel rows in pairs; an odd last row has a partner of zeros.
///
/// ```text
/// block 0, rows 0 and 1, column 0:  w[0][c0] w[1][c0]  w[0][c1] w[1][c1]  …  w[0][c7] w[1][c7]
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DepthwiseWeightsI8 {
    filters: Aligned<[i16; 2 * BLOCK]>,
    bias: Vec<[i32; BLOCK]>,
    channels: usize,
    kernel: [usize; 2],
}

impl DepthwiseWeightsI8 {
    /// Packs `weights`, `[channels, kernel_height, kernel_width]`, and `bias`, `[channels]`, which takes in the
    /// input's zero point.
    ///
    /// # Errors
    /// [`KernelError::Length`] when they do not hold as many values, [`KernelError::Shape`] for a kernel of more than
    /// eight rows, [`KernelError::Depth`] for one that does not fit an int32 accumulator.
    pub fn pack(
        weights: &[i8],
        channels: usize,
        kernel: [usize; 2],
        bias: &[i32],
        zero_point: u8,
    ) -> Result<Self, KernelError> {
        let [height, width] = kernel;
        let taps = height * width;
        check_len("weights", weights.len(), channels * taps)?;
        check_len("bias", bias.len(), channels)?;
        if height > MAX_ROWS {
            return Err(KernelError::Shape {
                what: "rows of the kernel",
                expected: MAX_ROWS,
                actual: height,
            });
        }
        if taps > super::MAX_DEPTH {
            return Err(KernelError::Depth { k: taps, max: super::MAX_DEPTH });
        }
        let weight = |channel: usize, ky: usize, kx: usize| match channel < channels && ky < height {
            true => i16::from(weights[(channel * height + ky) * width + kx]),
            false => 0,
        };
        let mut filters = Vec::with_capacity(blocks(channels) * height.div_ceil(2) * width);
        for block in 0..blocks(channels) {
            for ky in (0..height).step_by(2) {
                filters.extend(
                    (0..width)
                        .map(|kx| std::array::from_fn(|i| weight(block * BLOCK + i / 2, ky + i % 2, kx))),
                );
            }
        }
        let bias = (0..blocks(channels))
            .map(|block| {
                std::array::from_fn(|i| {
                    let channel = block * BLOCK + i;
                    let Some(bias) = bias.get(channel) else { return 0 };
                    let filter = &weights[channel * taps..][..taps];
                    let sum: i32 = filter.iter().map(|w| i32::from(*w)).sum();
                    bias.wrapping_sub(i32::from(zero_point).wrapping_mul(sum))
                })
            })
            .collect();
        Ok(Self { filters: Aligned::from_slice(64, &filters), bias, channels, kernel })
    }

    /// Bytes of the packed weights and biases.
    pub fn bytes(&self) -> usize {
        size_of_val(self.filters.as_slice()) + size_of_val(self.bias.as_slice())
    }
}

/// Bytes of scratch that a depthwise convolution needs: a row of zero points.
pub fn depthwise_i8_scratch_len(image: ImageShape) -> usize {
    image.width.saturating_mul(BLOCK)
}

/// `output = requantize(depthwise(input, weights) + bias)` on integers; around the input there is `zero_point`, the one
/// that the weights were packed with.
///
/// - `input`: `image`, blocked; `output`: `[out_height, out_width, channels]`, blocked; `scratch`: at least
///   [`depthwise_i8_scratch_len`].
///
/// # Errors
/// [`KernelError::Length`], [`KernelError::Window`] and [`KernelError::Shape`] for sizes that do not fit.
#[expect(clippy::too_many_arguments, reason = "a convolution is made of these")]
pub fn depthwise_i8(
    input: &[u8],
    image: ImageShape,
    window: &Window,
    zero_point: u8,
    weights: &DepthwiseWeightsI8,
    requantization: &Requantization,
    scratch: &mut [u8],
    output: &mut [u8],
) -> Result<(), KernelError> {
    let walk = Walk::new(image, window)?;
    check_len("input", input.len(), blocked_len(image))?;
    check_fits("rows of the kernel", weights.kernel[0], window.kernel[0])?;
    check_fits("columns of the kernel", weights.kernel[1], window.kernel[1])?;
    check_fits("channels of the weights", weights.channels, image.channels)?;
    check_len("output", output.len(), walk.output_block() * blocks(image.channels))?;
    check_at_least("scratch", scratch.len(), depthwise_i8_scratch_len(image))?;
    requantization.check_channels(image.channels)?;
    if output.is_empty() {
        return Ok(());
    }
    let outside = &mut scratch[..image.width * BLOCK];
    outside.fill(zero_point);
    let inputs = input.chunks_exact((image.height * image.width * BLOCK).max(1));
    let filters = weights.filters.chunks_exact(window.kernel[0].div_ceil(2) * window.kernel[1]);
    let outputs = output.chunks_exact_mut(walk.output_block());
    for (index, ((output, input), filters)) in outputs.zip(inputs).zip(filters).enumerate() {
        let ([low, high], []) = weights.bias[index].as_chunks::<4>() else {
            unreachable!("eight is two fours")
        };
        BlockI8 {
            input,
            first_line: 0,
            outside,
            filters,
            bias: [I32x4::load(low), I32x4::load(high)],
            requantization: requantization.block(index),
            walk: &walk,
        }
        .run(0, output);
    }
    Ok(())
}

/// A pointwise convolution and the depthwise one on its output, in one pass over blocks of expanded channels, as
/// [`crate::expand_depthwise_f32`] does it.
#[derive(Clone, Copy, Debug)]
pub struct Expansion<'a> {
    /// Of the pointwise convolution.
    pub weights: &'a PackedWeightsI8,
    /// To the expanded levels.
    pub requantization: &'a Requantization,
}

/// `output = requantize(depthwise(expanded, weights) + bias)` with `expanded = requantize(input * expansionᵀ + bias)`.
///
/// - `input`: `image`, blocked; `zero_point`: of the expanded levels, the one that `weights` were packed with;
///   `outside`: at least [`depthwise_i8_scratch_len`]; `scratch`: at least [`expand_depthwise_i8_scratch_len`].
///
/// # Errors
/// As [`depthwise_i8`].
#[expect(clippy::too_many_arguments, reason = "two layers are made of these")]
pub fn expand_depthwise_i8(
    input: &[u8],
    image: ImageShape,
    expansion: Expansion<'_>,
    window: &Window,
    zero_point: u8,
    weights: &DepthwiseWeightsI8,
    requantization: &Requantization,
    outside: &mut [u8],
    scratch: &mut IntegerScratch,
    output: &mut [u8],
) -> Result<(), KernelError> {
    let expanded = ImageShape { channels: expansion.weights.n(), ..image };
    let walk = Walk::new(expanded, window)?;
    check_len("input", input.len(), blocked_len(image))?;
    check_fits("reduction of the expansion", expansion.weights.k(), blocks(image.channels) * BLOCK)?;
    check_fits("rows of the kernel", weights.kernel[0], window.kernel[0])?;
    check_fits("columns of the kernel", weights.kernel[1], window.kernel[1])?;
    check_fits("channels of the weights", weights.channels, expanded.channels)?;
    check_len("output", output.len(), walk.output_block() * blocks(expanded.channels))?;
    check_at_least("outside", outside.len(), depthwise_i8_scratch_len(image))?;
    expansion.requantization.check_channels(expanded.channels)?;
    requantization.check_channels(expanded.channels)?;
    let needed = expand_depthwise_i8_scratch_len(image, window, expansion.weights.products());
    check_at_least("bytes of scratch", scratch.bytes.len(), needed.bytes)?;
    check_at_least("words of scratch", scratch.words.len(), needed.words)?;
    let outside = &mut outside[..image.width * BLOCK];
    outside.fill(zero_point);
    let (rows, finish) = (blocked_rows(image), ToLevels(expansion.requantization));
    for band in walk.bands(rows.k() * size_of::<i16>(), size_of::<u8>()) {
        let (pixels, first) = (band.lines.len() * image.width, band.lines.start * image.width);
        let (block, bytes) = scratch.bytes.split_at_mut(pixels * BLOCK);
        let words = &mut scratch.words;
        match expansion.weights.products() {
            Products::Quads => rows.gather(input, first, &mut bytes[..pixels * rows.k()], copy),
            Products::Pairs => rows.gather(input, first, &mut words[..pixels * rows.k()], widen),
        }
        let line = walk.out[1] * BLOCK;
        let filters = weights.filters.chunks_exact(window.kernel[0].div_ceil(2) * window.kernel[1]);
        let outputs = output.chunks_exact_mut(walk.output_block());
        for (index, (output, filters)) in outputs.zip(filters).enumerate() {
            match expansion.weights.products() {
                Products::Quads => multiply_panel_i8(&*bytes, expansion.weights, index, &finish, block),
                Products::Pairs => multiply_panel_i8(words, expansion.weights, index, &finish, block),
            }
            let ([low, high], []) = weights.bias[index].as_chunks::<4>() else {
                unreachable!("eight is two fours")
            };
            BlockI8 {
                input: block,
                first_line: band.lines.start,
                outside,
                filters,
                bias: [I32x4::load(low), I32x4::load(high)],
                requantization: requantization.block(index),
                walk: &walk,
            }
            .run(band.out.start, &mut output[band.out.start * line..band.out.end * line]);
        }
    }
    Ok(())
}

/// Scratch that [`expand_depthwise_i8`] needs; saturates.
pub fn expand_depthwise_i8_scratch_len(
    image: ImageShape,
    window: &Window,
    products: Products,
) -> IntegerScratchLen {
    let Ok(walk) = Walk::new(image, window) else { return IntegerScratchLen::default() };
    let k = blocks(image.channels) * BLOCK;
    let bands = walk.bands(k * size_of::<i16>(), size_of::<u8>());
    let pixels = bands.map(|band| band.lines.len()).max().unwrap_or(0).saturating_mul(image.width);
    let plain = IntegerScratchLen::of(products, pixels.saturating_mul(k));
    IntegerScratchLen { bytes: plain.bytes.saturating_add(pixels.saturating_mul(BLOCK)), ..plain }
}

/// One block of channels.
struct BlockI8<'a> {
    /// `[lines, width, 8]`: lines of the image from `first_line` on.
    input: &'a [u8],
    first_line: usize,
    /// A row of zero points.
    outside: &'a [u8],
    /// For each pair of kernel rows, its columns.
    filters: &'a [[i16; 2 * BLOCK]],
    bias: [I32x4; 2],
    requantization: BlockRequantization<'a>,
    walk: &'a Walk<'a>,
}

/// Image rows under a kernel, in pairs.
type Pairs<'a> = [[&'a [u8]; 2]; MAX_ROWS / 2];

impl BlockI8<'_> {
    /// Output rows from `first` on.
    fn run(&self, first: usize, output: &mut [u8]) {
        let Walk { window, out, inside, .. } = self.walk;
        for (y, row) in (first..).zip(output.chunks_exact_mut((out[1] * BLOCK).max(1))) {
            let pairs = self.pairs(y);
            let pairs = &pairs[..window.kernel[0].div_ceil(2)];
            for x in [0..inside.start, inside.end..out[1]].into_iter().flatten() {
                self.pixel(pairs, x, &mut row[x * BLOCK..][..BLOCK]);
            }
            let interior = &mut row[inside.start * BLOCK..inside.end * BLOCK];
            match (window.kernel[1], window.stride[1]) {
                (3, 1) => self.interior::<3, 1>(pairs, interior),
                (3, 2) => self.interior::<3, 2>(pairs, interior),
                (5, 1) => self.interior::<5, 1>(pairs, interior),
                (5, 2) => self.interior::<5, 2>(pairs, interior),
                _ => {
                    for (x, out) in inside.clone().zip(interior.chunks_exact_mut(BLOCK)) {
                        self.pixel(pairs, x, out);
                    }
                }
            }
        }
    }

    /// The image rows under the kernel at output row `y`.
    fn pairs(&self, y: usize) -> Pairs<'_> {
        let Walk { image, window, .. } = self.walk;
        let line = image.width * BLOCK;
        let row = |ky: usize| {
            let row = (y * window.stride[0] + ky).checked_sub(window.padding.top);
            match row.filter(|row| ky < window.kernel[0] && *row < image.height) {
                Some(row) => &self.input[(row - self.first_line) * line..][..line],
                None => self.outside,
            }
        };
        std::array::from_fn(|pair| [row(2 * pair), row(2 * pair + 1)])
    }

    /// One output pixel, with zero points outside the image.
    fn pixel(&self, pairs: &[[&[u8]; 2]], x: usize, out: &mut [u8]) {
        let Walk { image, window, .. } = self.walk;
        let mut acc = self.bias;
        for (pair, filters) in pairs.iter().zip(self.filters.chunks_exact(window.kernel[1])) {
            for (kx, filter) in filters.iter().enumerate() {
                let column = (x * window.stride[1] + kx).checked_sub(window.padding.left);
                let values = match column.filter(|column| *column < image.width) {
                    Some(column) => pair.map(|row| load(&row[column * BLOCK..])),
                    None => [load(self.outside); 2],
                };
                let filter = filter.as_chunks::<BLOCK>().0;
                for (half, x) in values[0].interleave(values[1]).into_iter().enumerate() {
                    // SAFETY: `filter[half]` is eight int16.
                    let w = unsafe { I16x8::load_at(filter[half].as_ptr()) };
                    acc[half] = acc[half].add(x.dot(w));
                }
            }
        }
        let out: &mut [u8; BLOCK] = out.first_chunk_mut().expect("a pixel is a block");
        self.requantization.two([acc; 2]).store_half(out);
    }

    /// The output pixels whose windows lie inside from left to right, two at a time.
    #[inline(always)]
    fn interior<const K: usize, const S: usize>(&self, pairs: &[[&[u8]; 2]], out: &mut [u8]) {
        let Walk { window, inside, .. } = self.walk;
        let pixels = out.len() / BLOCK;
        if pixels == 0 {
            return;
        }
        let first = (inside.start * S - window.padding.left) * BLOCK;
        // The last window of the line ends inside.
        assert!(pairs.iter().flatten().all(|row| row.len() >= first + ((pixels - 1) * S + K) * BLOCK));
        assert!(self.filters.len() >= pairs.len() * K);
        let mut pixel = 0;
        while pixel + 2 <= pixels {
            // SAFETY: pixels up to `pixel + 1` are among the `pixels` that the assertions are about, and `out` holds
            // as many blocks.
            unsafe {
                let acc = self.sums::<K, S, 2>(pairs, first + pixel * S * BLOCK);
                self.requantization.two(acc).store_at(out.as_mut_ptr().add(pixel * BLOCK));
            }
            pixel += 2;
        }
        if pixel < pixels {
            // SAFETY: as above, for one pixel.
            unsafe {
                let [acc] = self.sums::<K, S, 1>(pairs, first + pixel * S * BLOCK);
                self.requantization.two([acc; 2]).store_half_at(out.as_mut_ptr().add(pixel * BLOCK));
            }
        }
    }

    /// Accumulators of `P` neighbouring pixels.
    ///
    /// # Safety
    /// Every row must reach `((P - 1) * S + K) * 8` bytes beyond `offset`, the filters over all pairs.
    #[inline(always)]
    unsafe fn sums<const K: usize, const S: usize, const P: usize>(
        &self,
        pairs: &[[&[u8]; 2]],
        offset: usize,
    ) -> [[I32x4; 2]; P] {
        let mut acc = [self.bias; P];
        let mut filters = self.filters.as_ptr().cast::<i16>();
        for pair in pairs {
            for column in 0..(P - 1) * S + K {
                // SAFETY: the caller's, for the column's offset.
                let [x0, x1] =
                    pair.map(|row| unsafe { I16x8::load_u8_at(row.as_ptr().add(offset + column * BLOCK)) });
                let x = x0.interleave(x1);
                for k in 0..K {
                    let pixel = column.wrapping_sub(k);
                    if column >= k && pixel % S == 0 && pixel / S < P {
                        for half in 0..2 {
                            // SAFETY: the caller's, for the filter's offset.
                            let w = unsafe { I16x8::load_at(filters.add((2 * k + half) * BLOCK)) };
                            acc[pixel / S][half] = acc[pixel / S][half].add(x[half].dot(w));
                        }
                    }
                }
            }
            filters = filters.wrapping_add(2 * K * BLOCK);
        }
        acc
    }
}

#[inline(always)]
fn load(values: &[u8]) -> I16x8 {
    I16x8::load_u8(values.first_chunk().expect("a block of levels"))
}
