//! Depthwise convolutions on integers, vectorised over the eight channels of a block.
//!
//! An instruction adds up two products of int16, so kernel rows go in pairs: the values of two image rows, interleaved
//! channel by channel, meet the filters of two kernel rows, interleaved when they were packed. One interleaving serves
//! all kernel columns. A kernel row outside the image reads a row of zero points, so that pairs stay pairs.

#![allow(unsafe_code, reason = "rows are walked through pointers; `BlockI8::row` checks every range once")]

use super::requantize::{BlockRequantization, Requantization};
use super::{check_accumulators, check_weights};
use crate::bands::{Band, Walk};
use crate::blocks::{Aligned, BLOCK, blocked_len, blocks};
use crate::error::{check_at_least, check_fits, check_len, checked_len};
use crate::lanes::{I16x8, I32x4};
use crate::parts::{Disjoint, Lanes, Parts, scratch_of_all};
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
    /// eight rows, [`KernelError::Depth`] for one that does not fit an int32 accumulator, [`KernelError::Number`] for a
    /// weight of -128 and a bias beyond ±2^30.
    pub fn pack(
        weights: &[i8],
        channels: usize,
        kernel: [usize; 2],
        bias: &[i32],
        zero_point: u8,
    ) -> Result<Self, KernelError> {
        let [height, width] = kernel;
        let taps = height.saturating_mul(width);
        check_len("weights", weights.len(), channels.saturating_mul(taps))?;
        check_len("bias", bias.len(), channels)?;
        if height > MAX_ROWS {
            return Err(KernelError::Shape {
                what: "rows of the kernel",
                expected: MAX_ROWS,
                actual: height,
            });
        }
        check_accumulators(taps, bias)?;
        check_weights(weights)?;
        let weight = |channel: usize, ky: usize, kx: usize| match channel < channels && ky < height {
            true => i16::from(weights[(channel * height + ky) * width + kx]),
            false => 0,
        };
        let sizes = [blocks(channels), height.div_ceil(2), width];
        let mut filters = Vec::with_capacity(checked_len::<[i16; 2 * BLOCK]>("packed filters", &sizes)?);
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

    pub(super) fn check(&self, walk: &Walk<'_>) -> Result<(), KernelError> {
        check_fits("rows of the kernel", self.kernel[0], walk.window.kernel[0])?;
        check_fits("columns of the kernel", self.kernel[1], walk.window.kernel[1])?;
        check_fits("channels of the weights", self.channels, walk.image.channels)
    }

    /// Bytes of the packed weights and biases.
    pub fn bytes(&self) -> usize {
        size_of_val(self.filters.as_slice()) + size_of_val(self.bias.as_slice())
    }
}

/// Bytes of scratch that a depthwise convolution needs: a row of zero points, and a band of one block with its padding.
///
/// Saturates, so that an absurd size is seen as one by whoever allocates.
pub fn depthwise_i8_scratch_len(image: ImageShape, window: &Window) -> usize {
    Walk::new(image, window).map_or(0, |walk| scratch_of_all(lane_len(&walk)))
}

/// The same for one thread.
fn lane_len(walk: &Walk<'_>) -> usize {
    outside_len(walk).saturating_add(walk.padded_len(0, size_of::<u8>()))
}

pub(super) fn outside_len(walk: &Walk<'_>) -> usize {
    walk.padded_width().saturating_mul(BLOCK)
}

/// `output = requantize(depthwise(input, weights) + bias)` on integers; around the input there is `zero_point`, the one
/// that the weights were packed with.
///
/// - `input`: `image`, blocked; `output`: `[out_height, out_width, channels]`, blocked; `scratch`: at least
///   [`depthwise_i8_scratch_len`].
///
/// # Errors
/// [`KernelError::Length`], [`KernelError::Window`], [`KernelError::Shape`] and [`KernelError::Size`] for sizes that do
/// not fit one another or the memory.
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
    weights.check(&walk)?;
    check_len("output", output.len(), walk.output_block() * blocks(image.channels))?;
    check_at_least("scratch", scratch.len(), lane_len(&walk))?;
    requantization.check_channels(image.channels)?;
    let (lanes, output) = (Lanes::new(scratch, lane_len(&walk)), Disjoint::new(output));
    let bands = walk.bands(0, size_of::<u8>());
    Parts::of_rows(bands.n(), blocks(image.channels), walk.work(), lanes.n()).share(|part| {
        let band = bands.get(part.row_part);
        // SAFETY: the part's thread uses its lane only here.
        let (outside, padded) = unsafe { lanes.lane(part.lane) }.split_at_mut(outside_len(&walk));
        outside.fill(zero_point);
        walk.clear(zero_point, padded);
        for block in part.columns {
            let input = &input[block * walk.input_block()..][walk.elements(&band.lines)];
            let lines = walk.padded(&band, input, padded);
            // SAFETY: no other part has this band of this block.
            let output = unsafe { output.range(walk.output_rows(&band, block)) };
            BlockI8::new(lines, &band, outside, weights, block, &walk).run(requantization, output);
        }
    });
    Ok(())
}

/// One block of channels.
pub(super) struct BlockI8<'a> {
    /// The band's lines with their padding.
    lines: &'a [u8],
    band: &'a Band,
    /// A row of zero points, as long as a line.
    outside: &'a [u8],
    /// For each pair of kernel rows, its columns.
    filters: &'a [[i16; 2 * BLOCK]],
    bias: [I32x4; 2],
    index: usize,
    walk: &'a Walk<'a>,
}

/// Image rows under a kernel, in pairs.
type Pairs<'a> = [[&'a [u8]; 2]; MAX_ROWS / 2];

impl<'a> BlockI8<'a> {
    pub(super) fn new(
        lines: &'a [u8],
        band: &'a Band,
        outside: &'a [u8],
        weights: &'a DepthwiseWeightsI8,
        index: usize,
        walk: &'a Walk<'a>,
    ) -> Self {
        let n_filters = weights.kernel[0].div_ceil(2) * weights.kernel[1];
        let ([low, high], []) = weights.bias[index].as_chunks::<4>() else {
            unreachable!("eight is two fours")
        };
        Self {
            lines,
            band,
            outside,
            filters: &weights.filters[index * n_filters..][..n_filters],
            bias: [I32x4::load(low), I32x4::load(high)],
            index,
            walk,
        }
    }

    /// Writes the band's rows of the output.
    pub(super) fn run(&self, requantization: &Requantization, rows: &mut [u8]) {
        match requantization.doubles() {
            true => self.run_with(&requantization.block::<true>(self.index), rows),
            false => self.run_with(&requantization.block::<false>(self.index), rows),
        }
    }

    #[inline(always)]
    fn run_with<const D: bool>(&self, requantization: &BlockRequantization<'_, D>, rows: &mut [u8]) {
        let Walk { window, out, .. } = self.walk;
        let line = out[1] * BLOCK;
        for (y, row) in self.band.out.clone().zip(rows.chunks_exact_mut(line.max(1))) {
            let pairs = self.pairs(y);
            let pairs = &pairs[..window.kernel[0].div_ceil(2)];
            match (window.kernel[1], window.stride[1]) {
                (3, 1) => self.row::<3, 1, D>(requantization, pairs, row),
                (3, 2) => self.row::<3, 2, D>(requantization, pairs, row),
                (5, 1) => self.row::<5, 1, D>(requantization, pairs, row),
                (5, 2) => self.row::<5, 2, D>(requantization, pairs, row),
                _ => self.any_row(requantization, pairs, row),
            }
        }
    }

    /// The image rows under the kernel at output row `y`.
    fn pairs(&self, y: usize) -> Pairs<'_> {
        let Walk { image, window, .. } = self.walk;
        let line = self.outside.len();
        let row = |ky: usize| {
            let row = (y * window.stride[0] + ky).checked_sub(window.padding.top);
            match row.filter(|row| ky < window.kernel[0] && *row < image.height) {
                Some(row) => &self.lines[(row - self.band.lines.start) * line..][..line],
                None => self.outside,
            }
        };
        std::array::from_fn(|pair| [row(2 * pair), row(2 * pair + 1)])
    }

    /// One output row of any kernel.
    fn any_row<const D: bool>(
        &self,
        requantization: &BlockRequantization<'_, D>,
        pairs: &[[&[u8]; 2]],
        out: &mut [u8],
    ) {
        let Window { kernel, stride, .. } = *self.walk.window;
        for (x, out) in out.as_chunks_mut::<BLOCK>().0.iter_mut().enumerate() {
            let mut acc = self.bias;
            for (pair, filters) in pairs.iter().zip(self.filters.chunks_exact(kernel[1])) {
                for (kx, filter) in filters.iter().enumerate() {
                    let [first, second] = pair.map(|row| load(&row[(x * stride[1] + kx) * BLOCK..]));
                    let filter = filter.as_chunks::<BLOCK>().0;
                    for (half, x) in first.interleave(second).into_iter().enumerate() {
                        // SAFETY: `filter[half]` is eight int16.
                        let w = unsafe { I16x8::load_at(filter[half].as_ptr()) };
                        acc[half] = acc[half].add(x.dot(w));
                    }
                }
            }
            requantization.two([acc; 2]).store_half(out);
        }
    }

    /// One output row, two pixels at a time.
    #[inline(always)]
    fn row<const K: usize, const S: usize, const D: bool>(
        &self,
        requantization: &BlockRequantization<'_, D>,
        pairs: &[[&[u8]; 2]],
        out: &mut [u8],
    ) {
        let pixels = out.len() / BLOCK;
        // The last window of the line ends inside.
        assert!(pairs.iter().flatten().all(|row| row.len() >= ((pixels - 1) * S + K) * BLOCK));
        assert!(self.filters.len() >= pairs.len() * K);
        let mut pixel = 0;
        while pixel + 2 <= pixels {
            // SAFETY: pixels up to `pixel + 1` are among the `pixels` that the assertions are about, and `out` holds
            // as many blocks.
            unsafe {
                let acc = self.sums::<K, S, 2>(pairs, pixel * S * BLOCK);
                requantization.two(acc).store_at(out.as_mut_ptr().add(pixel * BLOCK));
            }
            pixel += 2;
        }
        if pixel < pixels {
            // SAFETY: as above, for one pixel.
            unsafe {
                let [acc] = self.sums::<K, S, 1>(pairs, pixel * S * BLOCK);
                requantization.two([acc; 2]).store_half_at(out.as_mut_ptr().add(pixel * BLOCK));
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
