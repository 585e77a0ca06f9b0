//! Depthwise convolutions: one filter for each channel, vectorised over the channels of a block.
//!
//! Away from the left and right border, a run of neighbouring output pixels advances together: each input column is
//! loaded once for all outputs that it meets, and each filter value once for all of them. One kernel row is one turn of
//! the loop, so rows above and below the image are left out by a shorter loop, without branches inside. Pixels at the
//! border leave out columns as well and go one by one.

#![allow(unsafe_code, reason = "rows are walked through pointers; `Walk::new` checks every range once")]

use std::ops::Range;

use crate::blocks::{Aligned, BLOCK, blocked_len, blocks, zeros};
use crate::conv::blocked_rows;
use crate::elementwise::Clamp;
use crate::error::{check_at_least, check_len};
use crate::gemm::{PackedWeightsF32, multiply_panel_f32};
use crate::lanes::F32x4;
use crate::shape::Span;
use crate::{ImageShape, KernelError, Window};

/// Filters and biases of a depthwise convolution, packed by blocks of channels.
///
/// ```text
/// block 0:  bias[0] … bias[7]   w[tap 0][0] … w[tap 0][7]   w[tap 1][0] …
/// block 1:  bias[8] …
/// ```
/// The last block is filled up with zeros.
#[derive(Clone, Debug, PartialEq)]
pub struct DepthwiseWeightsF32 {
    blocks: Aligned<f32>,
    channels: usize,
    taps: usize,
}

impl DepthwiseWeightsF32 {
    /// Packs `weights`, `[channels, taps]` with taps in the order (row, column), and `bias`, `[channels]`.
    ///
    /// # Errors
    /// [`KernelError::Length`] when they do not hold as many values.
    pub fn pack(weights: &[f32], channels: usize, taps: usize, bias: &[f32]) -> Result<Self, KernelError> {
        check_len("weights", weights.len(), channels * taps)?;
        check_len("bias", bias.len(), channels)?;
        let mut packed = zeros(blocks(channels) * (taps + 1) * BLOCK);
        for (block, packed) in packed.chunks_exact_mut((taps + 1) * BLOCK).enumerate() {
            for (column, channel) in (block * BLOCK..channels.min((block + 1) * BLOCK)).enumerate() {
                packed[column] = bias[channel];
                for (row, w) in packed.chunks_exact_mut(BLOCK).skip(1).zip(&weights[channel * taps..]) {
                    row[column] = *w;
                }
            }
        }
        Ok(Self { blocks: packed, channels, taps })
    }

    /// Bytes of the packed weights and biases.
    pub fn bytes(&self) -> usize {
        size_of_val(self.blocks.as_slice())
    }
}

/// `output = clamp(depthwise(input, weights) + bias)` with zeros around the input.
///
/// - `input`: `image`, blocked; `output`: `[out_height, out_width, channels]`, blocked.
/// - Sums start from the bias and run over the taps in order.
///
/// # Errors
/// [`KernelError::Length`], [`KernelError::Window`] and [`KernelError::Shape`] for sizes that do not fit.
pub fn depthwise_f32(
    input: &[f32],
    image: ImageShape,
    window: &Window,
    weights: &DepthwiseWeightsF32,
    clamp: Clamp,
    output: &mut [f32],
) -> Result<(), KernelError> {
    let walk = Walk::new(image, window)?;
    check_len("input", input.len(), blocked_len(image))?;
    check_len("taps of the weights", weights.taps, window.taps())?;
    check_len("channels of the weights", weights.channels, image.channels)?;
    check_len("output", output.len(), walk.output_block() * blocks(image.channels))?;
    if output.is_empty() {
        return Ok(());
    }
    let inputs = input.chunks_exact((image.height * image.width * BLOCK).max(1));
    let filters = weights.blocks.chunks_exact((weights.taps + 1) * BLOCK);
    for ((output, input), filters) in output.chunks_exact_mut(walk.output_block()).zip(inputs).zip(filters) {
        let block = BlockF32 { input, first_line: 0, filters, clamp, walk: &walk };
        block.run(0, output);
    }
    Ok(())
}

/// `output = clamp(depthwise(expanded, weights) + bias)` with `expanded = clamp(input * expansionᵀ + bias)`: the first
/// two layers of an inverted bottleneck (Sandler et al. 2018, arXiv 1801.04381) in one pass.
///
/// One block of eight expanded channels is made and used before the next, so that the expanded image, the largest
/// activation of the network, is never stored: a block's band of rows stays in the cache.
///
/// - `input`: `image`, blocked; `expansion`: a pointwise convolution's weights; `window`, `weights`: over the expanded
///   image; `output`: `[out_height, out_width, expanded channels]`, blocked; `scratch`: at least
///   [`expand_depthwise_scratch_len`].
///
/// # Errors
/// As [`depthwise_f32`].
#[expect(clippy::too_many_arguments, reason = "two layers are made of these")]
pub fn expand_depthwise_f32(
    input: &[f32],
    image: ImageShape,
    expansion: &PackedWeightsF32,
    expansion_clamp: Clamp,
    window: &Window,
    weights: &DepthwiseWeightsF32,
    clamp: Clamp,
    scratch: &mut [f32],
    output: &mut [f32],
) -> Result<(), KernelError> {
    let expanded = ImageShape { channels: expansion.n(), ..image };
    let walk = Walk::new(expanded, window)?;
    check_len("input", input.len(), blocked_len(image))?;
    check_len("reduction of the expansion", expansion.k(), blocks(image.channels) * BLOCK)?;
    check_len("taps of the weights", weights.taps, window.taps())?;
    check_len("channels of the weights", weights.channels, expanded.channels)?;
    check_len("output", output.len(), walk.output_block() * blocks(expanded.channels))?;
    check_at_least("scratch", scratch.len(), expand_depthwise_scratch_len(image, window))?;
    let rows = blocked_rows(image);
    for band in walk.bands(rows.k() * size_of::<f32>(), size_of::<f32>()) {
        let pixels = band.lines.len() * image.width;
        let (plain, block) = scratch.split_at_mut(pixels * rows.k());
        let block = &mut block[..pixels * BLOCK];
        rows.gather(input, band.lines.start * image.width, plain, |block, plain| *plain = *block);
        let line = walk.out[1] * BLOCK;
        let outputs = output.chunks_exact_mut(walk.output_block());
        let filters = weights.blocks.chunks_exact((weights.taps + 1) * BLOCK);
        for (panel, (output, filters)) in outputs.zip(filters).enumerate() {
            multiply_panel_f32(plain, expansion, panel, expansion_clamp, block);
            let block = BlockF32 { input: block, first_line: band.lines.start, filters, clamp, walk: &walk };
            block.run(band.out.start, &mut output[band.out.start * line..band.out.end * line]);
        }
    }
    Ok(())
}

/// Elements of scratch that [`expand_depthwise_f32`] needs: a band of the input in plain rows and one expanded block.
///
/// Saturates, so that an absurd size is seen as one by whoever allocates.
pub fn expand_depthwise_scratch_len(image: ImageShape, window: &Window) -> usize {
    let Ok(walk) = Walk::new(image, window) else { return 0 };
    let k = blocks(image.channels) * BLOCK;
    let bands = walk.bands(k * size_of::<f32>(), size_of::<f32>());
    let lines = bands.map(|band| band.lines.len()).max().unwrap_or(0);
    lines.saturating_mul(image.width).saturating_mul(k + BLOCK)
}

/// Output rows that are made together, and the image rows under their windows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Band {
    pub(crate) out: Range<usize>,
    pub(crate) lines: Range<usize>,
}

/// Bytes of a band's input, expanded block and output block: most of L2.
const BAND_BYTES: usize = 320 << 10;

/// A depthwise convolution's way over one block of channels.
pub(crate) struct Walk<'a> {
    pub(crate) image: ImageShape,
    pub(crate) window: &'a Window,
    pub(crate) out: [usize; 2],
    /// Output columns whose windows lie inside the image from left to right.
    pub(crate) inside: Range<usize>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(image: ImageShape, window: &'a Window) -> Result<Self, KernelError> {
        let out = window.output(image)?;
        let (left, kernel, stride) = (window.padding.left, window.kernel[1], window.stride[1]);
        // Column x is inside when its window begins at x * stride - left >= 0 and ends within the width.
        let first = left.div_ceil(stride).min(out[1]);
        let end = match (image.width + left).checked_sub(kernel) {
            Some(last_start) => (last_start / stride + 1).clamp(first, out[1]),
            None => first,
        };
        Ok(Self { image, window, out, inside: first..end })
    }

    /// The output's rows in bands that fit the cache, for an input of `row_bytes` for each pixel and blocks of elements
    /// of `element_bytes`.
    pub(crate) fn bands(
        &self,
        row_bytes: usize,
        element_bytes: usize,
    ) -> impl Iterator<Item = Band> + use<'_> {
        let Window { kernel, stride, padding } = *self.window;
        let line_bytes = self.image.width * (row_bytes + 2 * BLOCK * element_bytes);
        let lines = BAND_BYTES / line_bytes.max(1);
        let rows = (lines.saturating_sub(kernel[0]) / stride[0] + 1).min(self.out[0].max(1));
        (0..self.out[0]).step_by(rows).map(move |first| {
            let out = first..(first + rows).min(self.out[0]);
            let start = (out.start * stride[0]).saturating_sub(padding.top).min(self.image.height);
            let end = ((out.end - 1) * stride[0] + kernel[0]).saturating_sub(padding.top);
            Band { out, lines: start..end.clamp(start, self.image.height) }
        })
    }

    /// Elements of one block of the output.
    pub(crate) fn output_block(&self) -> usize {
        self.out[0] * self.out[1] * BLOCK
    }
}

/// One block of channels.
struct BlockF32<'a> {
    /// `[lines, width, 8]`: lines of the image from `first_line` on.
    input: &'a [f32],
    first_line: usize,
    /// Biases, then the taps.
    filters: &'a [f32],
    clamp: Clamp,
    walk: &'a Walk<'a>,
}

/// Vectors of a block.
const HALVES: [usize; 2] = [0, 4];

impl BlockF32<'_> {
    /// Output rows from `first` on.
    fn run(&self, first: usize, output: &mut [f32]) {
        let Walk { image, window, out, inside } = self.walk;
        for (y, row) in (first..).zip(output.chunks_exact_mut((out[1] * BLOCK).max(1))) {
            let lines = window.rows(y, image.height);
            let lines = Span { image: lines.image.saturating_sub(self.first_line), ..lines };
            let (interior, border) =
                (inside.start * BLOCK..inside.end * BLOCK, [0..inside.start, inside.end..out[1]]);
            for x in border.into_iter().flatten() {
                self.pixel(&lines, &window.columns(x, image.width), &mut row[x * BLOCK..][..BLOCK]);
            }
            let first_column = (inside.start * window.stride[1]).saturating_sub(window.padding.left);
            let interior = &mut row[interior];
            match (window.kernel[1], window.stride[1]) {
                (3, 1) => self.interior::<3, 1, 4>(&lines, first_column, interior),
                (3, 2) => self.interior::<3, 2, 4>(&lines, first_column, interior),
                (5, 1) => self.interior::<5, 1, 3>(&lines, first_column, interior),
                (5, 2) => self.interior::<5, 2, 3>(&lines, first_column, interior),
                _ => {
                    for (x, out) in inside.clone().zip(interior.chunks_exact_mut(BLOCK)) {
                        self.pixel(&lines, &window.columns(x, image.width), out);
                    }
                }
            }
        }
    }

    /// One output pixel, over the kernel rows and columns that lie inside the image.
    fn pixel(&self, lines: &Span, columns: &Span, out: &mut [f32]) {
        let Walk { image, window, .. } = self.walk;
        for half in HALVES {
            let mut acc = load(&self.filters[half..]);
            let lines_with_taps = if columns.first < columns.end { lines.first..lines.end } else { 0..0 };
            for ky in lines_with_taps {
                let row = (lines.image + ky - lines.first) * image.width + columns.image;
                let x = &self.input[row * BLOCK + half..];
                let w = &self.filters[(1 + ky * window.kernel[1] + columns.first) * BLOCK + half..];
                for tap in 0..columns.end - columns.first {
                    acc = load(&x[tap * BLOCK..]).mul_add(load(&w[tap * BLOCK..]), acc);
                }
            }
            self.store(acc, &mut out[half..]);
        }
    }

    /// Output pixels whose windows lie inside from left to right, the first one's from `column` on: `P` at a time.
    #[inline(always)]
    fn interior<const K: usize, const S: usize, const P: usize>(
        &self,
        lines: &Span,
        column: usize,
        out: &mut [f32],
    ) {
        let width = self.walk.image.width;
        let n_lines = lines.end - lines.first;
        let pixels = out.len() / BLOCK;
        if pixels == 0 || n_lines == 0 {
            return out.chunks_exact_mut(BLOCK).for_each(|out| {
                HALVES.iter().for_each(|half| self.store(load(&self.filters[*half..]), &mut out[*half..]));
            });
        }
        let input = &self.input[(lines.image * width + column) * BLOCK..];
        let filters = &self.filters[(1 + lines.first * K) * BLOCK..];
        // The last window of the last line ends inside.
        assert!(input.len() >= ((n_lines - 1) * width + (pixels - 1) * S + K) * BLOCK);
        assert!(filters.len() >= n_lines * K * BLOCK);
        let [min, max] = [self.clamp.min, self.clamp.max].map(F32x4::splat);
        let strip = Strip { pitch: width * BLOCK, n_lines };
        for half in HALVES {
            let bias = load(&self.filters[half..]);
            let mut first = 0;
            while first + P <= pixels {
                // SAFETY: pixels `first..first + P` are among the `pixels` that the assertions are about.
                let acc: [F32x4; P] = unsafe {
                    let x = input.as_ptr().add(first * S * BLOCK + half);
                    strip.sums::<K, S, P>(x, filters.as_ptr().add(half), bias)
                };
                for (p, acc) in acc.into_iter().enumerate() {
                    // SAFETY: `first + p < pixels`, and `out` holds `pixels` blocks.
                    unsafe { acc.clamp(min, max).store_at(out.as_mut_ptr().add((first + p) * BLOCK + half)) };
                }
                first += P;
            }
            while first < pixels {
                // SAFETY: as above, for one pixel.
                unsafe {
                    let x = input.as_ptr().add(first * S * BLOCK + half);
                    let [acc] = strip.sums::<K, S, 1>(x, filters.as_ptr().add(half), bias);
                    acc.clamp(min, max).store_at(out.as_mut_ptr().add(first * BLOCK + half));
                }
                first += 1;
            }
        }
    }

    fn store(&self, acc: F32x4, out: &mut [f32]) {
        let out = out.first_chunk_mut().expect("a block has two halves");
        acc.clamp(F32x4::splat(self.clamp.min), F32x4::splat(self.clamp.max)).store(out);
    }
}

/// Lines of input under neighbouring windows.
#[derive(Clone, Copy)]
struct Strip {
    /// Elements from line to line.
    pitch: usize,
    n_lines: usize,
}

impl Strip {
    /// Sums of one half block of `P` neighbouring pixels.
    ///
    /// # Safety
    /// `x` must be valid for reads of `n_lines` lines of `(P - 1) * S + K` pixels, `w` of `n_lines` times `K` filters.
    #[inline(always)]
    unsafe fn sums<const K: usize, const S: usize, const P: usize>(
        self,
        x: *const f32,
        w: *const f32,
        bias: F32x4,
    ) -> [F32x4; P] {
        let mut acc = [bias; P];
        let (mut x, mut w) = (x, w);
        for _ in 0..self.n_lines {
            // SAFETY: the caller's.
            let filters: [F32x4; K] = std::array::from_fn(|k| unsafe { F32x4::load_at(w.add(k * BLOCK)) });
            for column in 0..(P - 1) * S + K {
                // SAFETY: the caller's.
                let value = unsafe { F32x4::load_at(x.add(column * BLOCK)) };
                for (k, filter) in filters.iter().enumerate() {
                    let pixel = column.wrapping_sub(k);
                    if column >= k && pixel % S == 0 && pixel / S < P {
                        acc[pixel / S] = value.mul_add(*filter, acc[pixel / S]);
                    }
                }
            }
            (x, w) = (x.wrapping_add(self.pitch), w.wrapping_add(K * BLOCK));
        }
        acc
    }
}

#[inline(always)]
fn load(values: &[f32]) -> F32x4 {
    F32x4::load(values.first_chunk().expect("a block has two halves"))
}
