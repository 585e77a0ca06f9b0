//! Depthwise convolutions on integers, vectorised over the eight channels of a block.
//!
//! An instruction adds up two products of int16, so rows go in pairs: the values of two image rows, interleaved channel by
//! channel, meet the filters of two kernel rows, interleaved as well. A pair of image rows is interleaved once for all
//! kernel columns and all output rows: where an output row begins with the second row of a pair, the filters are moved
//! by one row instead. A few pairs at a time lie in a ring. Rows outside the image are zero points.

#![allow(unsafe_code, reason = "rows are walked through pointers; `BlockI8::row` checks every range once")]

use super::requantize::{BlockRequantization, Requantization};
use super::{check_accumulators, check_weights};
use crate::bands::{Band, Walk};
use crate::blocks::{Aligned, BLOCK, blocked_len, blocks};
use crate::error::{check_at_least, check_fits, check_len, checked_len};
use crate::lanes::{I16x8, I32x4, U8x16};
use crate::parts::{Disjoint, Lanes, Parts, scratch_of_all};
use crate::{ImageShape, KernelError, Window};

/// Kernel rows at most: pairs of image rows are collected before a line of pixels runs.
const MAX_ROWS: usize = 8;
/// Pairs of image rows that meet a kernel, where its first row is the second of a pair.
const MAX_PAIRS: usize = MAX_ROWS / 2 + 1;
/// Bytes of a pixel of two interleaved rows.
const PAIR: usize = 2 * BLOCK;

/// Filters of two kernel rows in one column, interleaved.
type PairFilter = [i16; PAIR];

/// Filters and biases packed by blocks of channels, kernel rows in pairs; a row without a partner has one of zeros. Each
/// block has its filters twice: paired from the first row on, then with the first row as the second of a pair.
///
/// ```text
/// block 0, rows 0 and 1, column 0:  w[0][c0] w[1][c0]  w[0][c1] w[1][c1]  …  w[0][c7] w[1][c7]
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DepthwiseWeightsI8 {
    filters: Aligned<PairFilter>,
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
        let sizes = [blocks(channels), height + 1, width];
        let mut filters = Vec::with_capacity(checked_len::<PairFilter>("packed filters", &sizes)?);
        for block in 0..blocks(channels) {
            // Pairs of rows from the first on, then from the one before it on, which is zeros.
            for first in (0..height).step_by(2).chain((0..=height).step_by(2).map(|row| row.wrapping_sub(1)))
            {
                filters.extend((0..width).map(|kx| -> PairFilter {
                    std::array::from_fn(|i| weight(block * BLOCK + i / 2, first.wrapping_add(i % 2), kx))
                }));
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

/// Bytes of scratch that a depthwise convolution needs: a few lines of one block.
///
/// Saturates, so that an absurd size is seen as one by whoever allocates.
pub fn depthwise_i8_scratch_len(image: ImageShape, window: &Window) -> usize {
    Walk::new(image, window).map_or(0, |walk| scratch_of_all(lines_len(&walk)))
}

/// Bytes of [`Lines`]; saturates.
pub(super) fn lines_len(walk: &Walk<'_>) -> usize {
    outside_len(walk).saturating_add(walk.padded_width().saturating_mul(PAIR * ring_pairs(walk)))
}

fn outside_len(walk: &Walk<'_>) -> usize {
    walk.image.width.saturating_mul(BLOCK)
}

/// Pairs that the ring holds: as many as meet a kernel.
fn ring_pairs(walk: &Walk<'_>) -> usize {
    walk.window.kernel[0] / 2 + 1
}

/// What a thread keeps for all blocks: a line of zero points and the ring, whose margins left and right are zero points.
pub(super) struct Lines<'s> {
    outside: &'s [u8],
    ring: &'s mut [u8],
}

impl<'s> Lines<'s> {
    /// Lies in `scratch`, [`lines_len`] bytes that are zero points.
    pub(super) fn new(walk: &Walk<'_>, scratch: &'s mut [u8]) -> Self {
        let (outside, ring) = scratch.split_at_mut(outside_len(walk));
        Self { outside, ring }
    }
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
    check_at_least("scratch", scratch.len(), lines_len(&walk))?;
    requantization.check_channels(image.channels)?;
    let (lanes, output) = (Lanes::new(scratch, lines_len(&walk)), Disjoint::new(output));
    let bands = walk.bands(0, size_of::<u8>());
    Parts::of_rows(bands.n(), blocks(image.channels), walk.work(), lanes.n()).share(|part| {
        let band = bands.get(part.row_part);
        // SAFETY: the part's thread uses its lane only here.
        let scratch = unsafe { lanes.lane(part.lane) };
        scratch.fill(zero_point);
        let mut lines = Lines::new(&walk, scratch);
        for block in part.columns {
            let input = &input[block * walk.input_block()..][walk.elements(&band.lines)];
            // SAFETY: no other part has this band of this block.
            let output = unsafe { output.range(walk.output_rows(&band, block)) };
            BlockI8::new(input, &band, weights, block, &walk).run(requantization, &mut lines, output);
        }
    });
    Ok(())
}

/// One block of channels.
pub(super) struct BlockI8<'a> {
    /// The band's lines.
    image: &'a [u8],
    band: &'a Band,
    /// For each pair of kernel rows, its columns.
    filters: &'a [PairFilter],
    /// The same where the first row is the second of a pair.
    moved_filters: &'a [PairFilter],
    bias: [I32x4; 2],
    index: usize,
    walk: &'a Walk<'a>,
}

impl<'a> BlockI8<'a> {
    pub(super) fn new(
        image: &'a [u8],
        band: &'a Band,
        weights: &'a DepthwiseWeightsI8,
        index: usize,
        walk: &'a Walk<'a>,
    ) -> Self {
        let [height, width] = weights.kernel;
        let n_filters = [height.div_ceil(2), height / 2 + 1].map(|pairs| pairs * width);
        let filters = &weights.filters[index * (n_filters[0] + n_filters[1])..];
        let (filters, rest) = filters.split_at(n_filters[0]);
        let ([low, high], []) = weights.bias[index].as_chunks::<4>() else {
            unreachable!("eight is two fours")
        };
        Self {
            image,
            band,
            filters,
            moved_filters: &rest[..n_filters[1]],
            bias: [I32x4::load(low), I32x4::load(high)],
            index,
            walk,
        }
    }

    /// Writes the band's rows of the output.
    pub(super) fn run(&self, requantization: &Requantization, lines: &mut Lines<'_>, rows: &mut [u8]) {
        match requantization.doubles() {
            true => self.run_with(&requantization.block::<true>(self.index), lines, rows),
            false => self.run_with(&requantization.block::<false>(self.index), lines, rows),
        }
    }

    #[inline(always)]
    fn run_with<const D: bool>(
        &self,
        requantization: &BlockRequantization<'_, D>,
        lines: &mut Lines<'_>,
        rows: &mut [u8],
    ) {
        let Window { kernel, stride, .. } = *self.walk.window;
        match (kernel[1], stride[1]) {
            (3, 1) => self.rows::<3, 1, D>(requantization, lines, rows),
            (3, 2) => self.rows::<3, 2, D>(requantization, lines, rows),
            (5, 1) => self.rows::<5, 1, D>(requantization, lines, rows),
            (5, 2) => self.rows::<5, 2, D>(requantization, lines, rows),
            _ => self.any_rows(requantization, lines, rows),
        }
    }

    /// All rows of a kernel of `K` columns.
    #[inline(always)]
    fn rows<const K: usize, const S: usize, const D: bool>(
        &self,
        requantization: &BlockRequantization<'_, D>,
        lines: &mut Lines<'_>,
        rows: &mut [u8],
    ) {
        let [kernel_rows, _] = self.walk.window.kernel;
        let slot_len = self.slot_len();
        let mut made = 0;
        for (index, row) in rows.chunks_exact_mut(self.line_len()).enumerate() {
            let first_row = index * self.walk.window.stride[0];
            let (first, is_odd) = (first_row / 2, first_row % 2 == 1);
            let n = if is_odd { kernel_rows / 2 + 1 } else { kernel_rows.div_ceil(2) };
            for pair in made.max(first)..first + n {
                self.interleave(2 * pair, pair, lines);
            }
            made = made.max(first + n);
            let mut pairs = [[].as_slice(); MAX_PAIRS];
            for (pair, place) in (first..first + n).zip(&mut pairs) {
                *place = &lines.ring[pair % ring_pairs(self.walk) * slot_len..][..slot_len];
            }
            let filters = if is_odd { self.moved_filters } else { self.filters };
            self.row::<K, S, D>(requantization, &pairs[..n], filters, row);
        }
    }

    /// All rows of any kernel.
    fn any_rows<const D: bool>(
        &self,
        requantization: &BlockRequantization<'_, D>,
        lines: &mut Lines<'_>,
        rows: &mut [u8],
    ) {
        let Window { kernel, stride, .. } = *self.walk.window;
        let slot_len = self.slot_len();
        for (index, row) in rows.chunks_exact_mut(self.line_len()).enumerate() {
            for pair in 0..kernel[0].div_ceil(2) {
                self.interleave(index * stride[0] + 2 * pair, pair, lines);
            }
            for (x, out) in row.as_chunks_mut::<BLOCK>().0.iter_mut().enumerate() {
                let mut acc = self.bias;
                for (pair, filters) in
                    lines.ring.chunks_exact(slot_len).zip(self.filters.chunks_exact(kernel[1]))
                {
                    let pixels = pair[x * stride[1] * PAIR..].as_chunks::<PAIR>().0;
                    for (pixel, filter) in pixels.iter().zip(filters) {
                        let halves = pixel.as_chunks::<BLOCK>().0.iter().zip(filter.as_chunks::<BLOCK>().0);
                        for (acc, (x, w)) in acc.iter_mut().zip(halves) {
                            *acc = acc.add(I16x8::load_u8(x).dot(I16x8::load(w)));
                        }
                    }
                }
                requantization.two([acc; 2]).store_half(out);
            }
        }
    }

    /// Bytes of a row of the output.
    fn line_len(&self) -> usize {
        (self.walk.out[1] * BLOCK).max(1)
    }

    /// Bytes of a pair of lines with its margins.
    fn slot_len(&self) -> usize {
        self.walk.padded_width() * PAIR
    }

    /// Puts a pair of rows into the ring: `row`, counted from the first one under the band's first window, and the next.
    fn interleave(&self, row: usize, pair: usize, lines: &mut Lines<'_>) {
        let Walk { image, window, .. } = self.walk;
        let len = image.width * BLOCK;
        let line = |row: usize| {
            let line = (self.band.out.start * window.stride[0] + row)
                .checked_sub(window.padding.top)
                .and_then(|row| row.checked_sub(self.band.lines.start));
            line.and_then(|line| self.image.get(line * len..(line + 1) * len)).unwrap_or(lines.outside)
        };
        let [first, second] = [line(row), line(row + 1)].map(|line| line.as_chunks::<BLOCK>().0);
        let slot = &mut lines.ring[pair % ring_pairs(self.walk) * self.slot_len()..][..self.slot_len()];
        let pixels = slot[window.padding.left * PAIR..].as_chunks_mut::<PAIR>().0;
        for (pixel, (first, second)) in pixels.iter_mut().zip(first.iter().zip(second)) {
            U8x16::interleave(first, second).store(pixel);
        }
    }

    /// One output row, four pixels at a time.
    #[inline(always)]
    fn row<const K: usize, const S: usize, const D: bool>(
        &self,
        requantization: &BlockRequantization<'_, D>,
        pairs: &[&[u8]],
        filters: &[PairFilter],
        out: &mut [u8],
    ) {
        let pixels = out.len() / BLOCK;
        // The last window of the line ends inside.
        assert!(pairs.iter().all(|pair| pair.len() >= ((pixels - 1) * S + K) * PAIR));
        assert!(filters.len() >= pairs.len() * K);
        let mut pixel = 0;
        while pixel + 4 <= pixels {
            // SAFETY: pixels up to `pixel + 3` are among the `pixels` that the assertions are about, and `out` holds
            // as many blocks.
            unsafe {
                let acc = self.sums::<K, S, 4>(pairs, filters, pixel * S * PAIR);
                let out = out.as_mut_ptr().add(pixel * BLOCK);
                requantization.two([acc[0], acc[1]]).store_at(out);
                requantization.two([acc[2], acc[3]]).store_at(out.add(2 * BLOCK));
            }
            pixel += 4;
        }
        if pixel + 2 <= pixels {
            // SAFETY: as above, for two pixels.
            unsafe {
                let acc = self.sums::<K, S, 2>(pairs, filters, pixel * S * PAIR);
                requantization.two(acc).store_at(out.as_mut_ptr().add(pixel * BLOCK));
            }
            pixel += 2;
        }
        if pixel < pixels {
            // SAFETY: as above, for one pixel.
            unsafe {
                let [acc] = self.sums::<K, S, 1>(pairs, filters, pixel * S * PAIR);
                requantization.two([acc; 2]).store_half_at(out.as_mut_ptr().add(pixel * BLOCK));
            }
        }
    }

    /// Accumulators of `P` neighbouring pixels, one half of the channels after the other: so filters and accumulators
    /// have room in the registers.
    ///
    /// # Safety
    /// Every pair must reach `((P - 1) * S + K) * 16` bytes beyond `offset`, the filters over all pairs.
    #[inline(always)]
    unsafe fn sums<const K: usize, const S: usize, const P: usize>(
        &self,
        pairs: &[&[u8]],
        filters: &[PairFilter],
        offset: usize,
    ) -> [[I32x4; 2]; P] {
        let mut sums = [self.bias; P];
        for half in 0..2 {
            let mut acc = [self.bias[half]; P];
            let mut filter = filters.as_ptr().cast::<i16>().wrapping_add(half * BLOCK);
            for pair in pairs {
                // SAFETY: the caller's, for the filters of a pair.
                let w: [I16x8; K] = std::array::from_fn(|k| unsafe { I16x8::load_at(filter.add(k * PAIR)) });
                for column in 0..(P - 1) * S + K {
                    // SAFETY: the caller's, for the column's offset.
                    let x = unsafe {
                        I16x8::load_u8_at(pair.as_ptr().add(offset + column * PAIR + half * BLOCK))
                    };
                    for (k, w) in w.iter().enumerate() {
                        let pixel = column.wrapping_sub(k);
                        if column >= k && pixel % S == 0 && pixel / S < P {
                            acc[pixel / S] = acc[pixel / S].add(x.dot(*w));
                        }
                    }
                }
                filter = filter.wrapping_add(K * PAIR);
            }
            for (sums, acc) in sums.iter_mut().zip(acc) {
                sums[half] = acc;
            }
        }
        sums
    }
}
