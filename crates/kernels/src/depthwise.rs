//! Depthwise convolutions: one filter for each channel, vectorised over the channels of a block.
//!
//! A run of neighbouring output pixels advances together: each input column is loaded once for all outputs that it
//! meets, and each filter value once for all of them. One kernel row is one turn of the loop, so rows above and below the
//! image are left out by a shorter loop. Columns to the left and right are there: a band of lines is copied with its
//! padding first, which costs less than pixels that are treated one by one.

#![allow(unsafe_code, reason = "rows are walked through pointers; `BlockF32::row` checks every range once")]

use crate::bands::{Band, Walk};
use crate::blocks::{Aligned, BLOCK, blocked_len, blocks, zeros};
use crate::conv::blocked_rows;
use crate::elementwise::Clamp;
use crate::error::{check_at_least, check_len, checked_len};
use crate::gemm::{multiply_panel_f32, product_work};
use crate::lanes::F32x4;
use crate::packed::{PackedWeightsF32, split_unpacked};
use crate::parts::{Disjoint, Lanes, Parts, scratch_of_all};
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
        check_len("weights", weights.len(), channels.saturating_mul(taps))?;
        check_len("bias", bias.len(), channels)?;
        let size = checked_len::<f32>("packed filters", &[taps.saturating_add(1), BLOCK])?;
        let mut packed = zeros(checked_len::<f32>("packed filters", &[blocks(channels), size])?);
        for (block, packed) in packed.chunks_exact_mut(size).enumerate() {
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
/// - `input`: `image`, blocked; `output`: `[out_height, out_width, channels]`, blocked; `scratch`: at least
///   [`depthwise_scratch_len`].
/// - Sums start from the bias and run over the taps in order.
///
/// # Errors
/// [`KernelError::Length`], [`KernelError::Window`], [`KernelError::Shape`] and [`KernelError::Size`] for sizes that do
/// not fit one another or the memory.
pub fn depthwise_f32(
    input: &[f32],
    image: ImageShape,
    window: &Window,
    weights: &DepthwiseWeightsF32,
    clamp: Clamp<'_>,
    scratch: &mut [f32],
    output: &mut [f32],
) -> Result<(), KernelError> {
    let walk = Walk::new(image, window)?;
    check_len("input", input.len(), blocked_len(image))?;
    check_len("taps of the weights", weights.taps, window.taps())?;
    check_len("channels of the weights", weights.channels, image.channels)?;
    check_len("output", output.len(), walk.output_block() * blocks(image.channels))?;
    clamp.check_channels(image.channels)?;
    let lane_len = walk.padded_len(0, size_of::<f32>());
    check_at_least("scratch", scratch.len(), lane_len)?;
    let (lanes, output) = (Lanes::new(scratch, lane_len), Disjoint::new(output));
    let bands = walk.bands(0, size_of::<f32>());
    Parts::of_rows(bands.n(), blocks(image.channels), walk.work(), lanes.n()).share(|part| {
        let band = bands.get(part.row_part);
        // SAFETY: the part's thread uses its lane only here.
        let scratch = unsafe { lanes.lane(part.lane) };
        walk.clear(scratch);
        for block in part.columns {
            let input = &input[block * walk.input_block()..][walk.elements(&band.lines)];
            let lines = walk.padded(&band, input, scratch);
            let filters = &weights.blocks[block * (weights.taps + 1) * BLOCK..][..(weights.taps + 1) * BLOCK];
            let (min, max) = clamp.of_block(block);
            // SAFETY: no other part has this band of this block.
            let output = unsafe { output.range(walk.output_rows(&band, block)) };
            BlockF32 { lines, band: &band, filters, min, max, walk: &walk }.run(output);
        }
    });
    Ok(())
}

/// Elements of scratch that a depthwise convolution needs: a band of one block with its padding; saturates.
pub fn depthwise_scratch_len(image: ImageShape, window: &Window) -> usize {
    Walk::new(image, window).map_or(0, |walk| scratch_of_all(walk.padded_len(0, size_of::<f32>())))
}

/// `output = clamp(depthwise(expanded, weights) + bias)` with `expanded = clamp(input * expansionᵀ + bias)`: the first
/// two layers of an inverted bottleneck (Sandler et al. 2018, arXiv 1801.04381) in one pass.
///
/// One block of eight expanded channels is made and used before the next, so that the expanded image, the largest
/// activation of the network, is never stored: a block's band of rows stays in the cache.
///
/// - `input`: `image`, blocked; `expansion`: a pointwise convolution's weights; `window`, `weights`: over the expanded
///   image; `output`: `[out_height, out_width, expanded channels]`, blocked; `scratch`: at least
///   [`expand_depthwise_scratch_len`] and the expansion's [`PackedWeightsF32::unpacked_len`].
///
/// # Errors
/// As [`depthwise_f32`].
#[expect(clippy::too_many_arguments, reason = "two layers are made of these")]
pub fn expand_depthwise_f32(
    input: &[f32],
    image: ImageShape,
    expansion: &PackedWeightsF32,
    expansion_clamp: Clamp<'_>,
    window: &Window,
    weights: &DepthwiseWeightsF32,
    clamp: Clamp<'_>,
    scratch: &mut [f32],
    output: &mut [f32],
) -> Result<(), KernelError> {
    let expanded = ImageShape { channels: expansion.n(), ..image };
    let walk = Walk::new(expanded, window)?;
    image.check(window.padding)?;
    check_len("input", input.len(), blocked_len(image))?;
    check_len("reduction of the expansion", expansion.k(), blocks(image.channels) * BLOCK)?;
    check_len("taps of the weights", weights.taps, window.taps())?;
    check_len("channels of the weights", weights.channels, expanded.channels)?;
    check_len("output", output.len(), walk.output_block() * blocks(expanded.channels))?;
    expansion_clamp.check_channels(expanded.channels)?;
    clamp.check_channels(expanded.channels)?;
    let lane_len = expand_depthwise_lane_len(image, window);
    let (unpacked, scratch) = split_unpacked(scratch, expansion, lane_len)?;
    let (lanes, output) = (Lanes::new(scratch, lane_len), Disjoint::new(output));
    let rows = blocked_rows(image);
    let row_bytes = rows.k() * size_of::<f32>();
    let padded_len = walk.padded_len(row_bytes, size_of::<f32>());
    let bands = walk.bands(row_bytes, size_of::<f32>());
    let n_blocks = blocks(expanded.channels);
    let work = walk.work().saturating_add(product_work(rows.n_rows, rows.k(), n_blocks));
    Parts::of_rows(bands.n(), n_blocks, work, lanes.n().min(unpacked.n())).share(|part| {
        let band = bands.get(part.row_part);
        // SAFETY: the part's thread uses its lane only here.
        let (padded, scratch) = unsafe { lanes.lane(part.lane) }.split_at_mut(padded_len);
        let pixels = band.lines.len() * image.width;
        let (tiles, block) = scratch.split_at_mut(pixels * rows.k());
        let block = &mut block[..pixels * BLOCK];
        if !lanes.holds(&part) {
            walk.clear(padded);
            rows.gather(input, band.lines.start * image.width, tiles);
        }
        // SAFETY: as the other lane.
        let unpacked = unsafe { unpacked.lane(part.lane) };
        for panel in part.columns {
            multiply_panel_f32(tiles, expansion, panel, expansion_clamp, unpacked, block);
            let lines = walk.padded(&band, block, padded);
            let filters = &weights.blocks[panel * (weights.taps + 1) * BLOCK..][..(weights.taps + 1) * BLOCK];
            let (min, max) = clamp.of_block(panel);
            // SAFETY: no other part has this band of this block.
            let output = unsafe { output.range(walk.output_rows(&band, panel)) };
            BlockF32 { lines, band: &band, filters, min, max, walk: &walk }.run(output);
        }
    });
    Ok(())
}

/// Elements of scratch that [`expand_depthwise_f32`] needs: a band of the input in tiles and one expanded block,
/// also with its padding.
///
/// Saturates, so that an absurd size is seen as one by whoever allocates.
pub fn expand_depthwise_scratch_len(image: ImageShape, window: &Window) -> usize {
    scratch_of_all(expand_depthwise_lane_len(image, window))
}

/// The same for one thread.
fn expand_depthwise_lane_len(image: ImageShape, window: &Window) -> usize {
    let Ok(walk) = Walk::new(image, window) else { return 0 };
    let k = blocks(image.channels) * BLOCK;
    let row_bytes = k.saturating_mul(size_of::<f32>());
    let lines = walk.bands(row_bytes, size_of::<f32>()).longest();
    let tiles = lines.saturating_mul(image.width).saturating_mul(k + BLOCK);
    tiles.saturating_add(walk.padded_len(row_bytes, size_of::<f32>()))
}

/// One block of channels.
struct BlockF32<'a> {
    /// The band's lines with their padding.
    lines: &'a [f32],
    band: &'a Band,
    /// Biases, then the taps.
    filters: &'a [f32],
    min: F32x4,
    /// Of both halves.
    max: [F32x4; 2],
    walk: &'a Walk<'a>,
}

/// Vectors of a block.
const HALVES: [usize; 2] = [0, 4];

impl BlockF32<'_> {
    /// Writes the band's rows of the output.
    fn run(&self, rows: &mut [f32]) {
        let Walk { image, window, out, .. } = self.walk;
        let line = out[1] * BLOCK;
        for (y, row) in self.band.out.clone().zip(rows.chunks_exact_mut(line.max(1))) {
            let lines = window.rows(y, image.height);
            match (window.kernel[1], window.stride[1]) {
                (3, 1) => self.row::<3, 1, 4>(&lines, row),
                (3, 2) => self.row::<3, 2, 4>(&lines, row),
                (5, 1) => self.row::<5, 1, 3>(&lines, row),
                (5, 2) => self.row::<5, 2, 3>(&lines, row),
                _ => self.any_row(&lines, row),
            }
        }
    }

    /// The lines from the first one on that meets kernel rows `span`, and their filters.
    fn under(&self, span: &Span) -> (&[f32], &[f32]) {
        let first = if span.first < span.end { span.image - self.band.lines.start } else { 0 };
        let lines = &self.lines[first * self.walk.padded_width() * BLOCK..];
        (lines, &self.filters[(1 + span.first * self.walk.window.kernel[1]) * BLOCK..])
    }

    /// One output row of any kernel.
    fn any_row(&self, span: &Span, out: &mut [f32]) {
        let [_, width] = self.walk.window.kernel;
        let (lines, filters) = self.under(span);
        for (x, out) in out.chunks_exact_mut(BLOCK).enumerate() {
            for (half, max) in HALVES.into_iter().zip(self.max) {
                let mut acc = load(&self.filters[half..]);
                for ky in 0..span.end - span.first {
                    let first = ky * self.walk.padded_width() + x * self.walk.window.stride[1];
                    for kx in 0..width {
                        let w = load(&filters[(ky * width + kx) * BLOCK + half..]);
                        acc = load(&lines[(first + kx) * BLOCK + half..]).mul_add(w, acc);
                    }
                }
                let out = out[half..].first_chunk_mut().expect("a block has two halves");
                acc.clamp(self.min, max).store(out);
            }
        }
    }

    /// One output row, `P` pixels at a time.
    #[inline(always)]
    fn row<const K: usize, const S: usize, const P: usize>(&self, span: &Span, out: &mut [f32]) {
        let n_lines = span.end - span.first;
        let pixels = out.len() / BLOCK;
        let (lines, filters) = self.under(span);
        let width = self.walk.padded_width();
        // The last window of the last line ends inside.
        assert!(n_lines == 0 || lines.len() >= ((n_lines - 1) * width + (pixels - 1) * S + K) * BLOCK);
        assert!(filters.len() >= n_lines * K * BLOCK);
        let min = self.min;
        let strip = Strip { pitch: width * BLOCK, n_lines };
        for (half, max) in HALVES.into_iter().zip(self.max) {
            let bias = load(&self.filters[half..]);
            let mut first = 0;
            while first + P <= pixels {
                // SAFETY: pixels `first..first + P` are among the `pixels` that the assertions are about.
                let acc: [F32x4; P] = unsafe {
                    let x = lines.as_ptr().wrapping_add(first * S * BLOCK + half);
                    strip.sums::<K, S, P>(x, filters.as_ptr().wrapping_add(half), bias)
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
                    let x = lines.as_ptr().wrapping_add(first * S * BLOCK + half);
                    let [acc] = strip.sums::<K, S, 1>(x, filters.as_ptr().wrapping_add(half), bias);
                    acc.clamp(min, max).store_at(out.as_mut_ptr().add(first * BLOCK + half));
                }
                first += 1;
            }
        }
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
