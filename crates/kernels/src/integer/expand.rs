//! A pointwise convolution and the depthwise one on its output, on integers in one pass.

#![allow(unsafe_code, reason = "bands of the output are written by several threads, each by one")]

use super::conv::{IntegerScratch, IntegerScratchLen};
use super::depthwise::{BlockI8, DepthwiseWeightsI8, Lines, lines_len};
use super::finish::ToLevels;
use super::gemm::{Level, multiply_panel_i8};
use super::packed::{PackedWeightsI8, Products};
use super::requantize::Requantization;
use crate::bands::Walk;
use crate::blocks::{BLOCK, blocked_len, blocks};
use crate::conv::blocked_rows;
use crate::error::{check_at_least, check_fits, check_len};
use crate::gemm::product_work;
use crate::parts::{Disjoint, Lanes, Parts, scratch_of_all};
use crate::{ImageShape, KernelError, Window};

/// A pointwise convolution and the depthwise one on its output, in one pass over blocks of expanded channels, as
/// [`crate::expand_depthwise_f32`] does it.
#[derive(Clone, Copy, Debug)]
pub struct Expansion<'a> {
    /// Of the pointwise convolution.
    pub weights: &'a PackedWeightsI8,
    /// To the expanded levels.
    pub requantization: &'a Requantization,
}

impl Expansion<'_> {
    /// One block of expanded channels, of rows in tiles.
    fn panel<T: Level>(&self, tiles: &[T], index: usize, unpacked: &mut [i8], block: &mut [u8]) {
        let Self { weights, requantization } = *self;
        match self.requantization.doubles() {
            true => {
                multiply_panel_i8(tiles, weights, index, &ToLevels::<true>(requantization), unpacked, block);
            }
            false => {
                multiply_panel_i8(tiles, weights, index, &ToLevels::<false>(requantization), unpacked, block);
            }
        }
    }
}

/// `output = requantize(depthwise(expanded, weights) + bias)` with `expanded = requantize(input * expansionᵀ + bias)`.
///
/// - `input`: `image`, blocked; `zero_point`: of the expanded levels, the one that `weights` were packed with;
///   `scratch`: at least [`expand_depthwise_i8_scratch_len`].
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
    scratch: &mut IntegerScratch,
    output: &mut [u8],
) -> Result<(), KernelError> {
    let expanded = ImageShape { channels: expansion.weights.n(), ..image };
    let walk = Walk::new(expanded, window)?;
    image.check(window.padding)?;
    check_len("input", input.len(), blocked_len(image))?;
    check_fits("reduction of the expansion", expansion.weights.k(), blocks(image.channels) * BLOCK)?;
    expansion.weights.check_run(expansion.weights.k())?;
    weights.check(&walk)?;
    check_len("output", output.len(), walk.output_block() * blocks(expanded.channels))?;
    expansion.requantization.check_channels(expanded.channels)?;
    requantization.check_channels(expanded.channels)?;
    let products = expansion.weights.products();
    let lane_len = expand_depthwise_lane_len(image, window, products);
    check_at_least("bytes of scratch", scratch.bytes.len(), lane_len.bytes)?;
    check_at_least("signed bytes of scratch", scratch.signed.len(), lane_len.signed)?;
    check_at_least("words of scratch", scratch.words.len(), lane_len.words)?;
    let bytes = Lanes::new(&mut scratch.bytes, lane_len.bytes);
    let signed = Lanes::new(&mut scratch.signed, lane_len.signed);
    let words = Lanes::new(&mut scratch.words, lane_len.words);
    let output = Disjoint::new(output);
    let rows = blocked_rows(image);
    let row_bytes = rows.k() * size_of::<i16>();
    let unpacked = expansion.weights.unpacking(&mut scratch.weights)?;
    let bands = walk.bands(row_bytes, size_of::<u8>());
    let n_blocks = blocks(expanded.channels);
    let work = walk.work().saturating_add(product_work(rows.n_rows, rows.k(), n_blocks));
    let n_lanes = bytes.n().min(signed.n()).min(words.n()).min(unpacked.n());
    Parts::of_rows(bands.n(), n_blocks, work, n_lanes).share(|part| {
        let band = bands.get(part.row_part);
        let is_gathered = bytes.holds(&part);
        // SAFETY: the part's thread uses its lanes only here.
        let (bytes, signed, words, unpacked) = unsafe {
            let lane = part.lane;
            (bytes.lane(lane), signed.lane(lane), words.lane(lane), unpacked.lane(lane))
        };
        let (lines, bytes) = bytes.split_at_mut(lines_len(&walk));
        let (pixels, first) = (band.lines.len() * image.width, band.lines.start * image.width);
        let (block, bytes) = bytes.split_at_mut(pixels * BLOCK);
        if !is_gathered {
            lines.fill(zero_point);
            match products {
                Products::Quads => rows.gather(input, first, &mut bytes[..pixels * rows.k()]),
                Products::SignedQuads => rows.gather(input, first, &mut signed[..pixels * rows.k()]),
                Products::Pairs => rows.gather(input, first, &mut words[..pixels * rows.k()]),
            }
        }
        let mut lines = Lines::new(&walk, lines);
        for index in part.columns {
            match products {
                Products::Quads => expansion.panel(&*bytes, index, unpacked, block),
                Products::SignedQuads => expansion.panel(&*signed, index, unpacked, block),
                Products::Pairs => expansion.panel(&*words, index, unpacked, block),
            }
            // SAFETY: no other part has this band of this block.
            let output = unsafe { output.range(walk.output_rows(&band, index)) };
            BlockI8::new(block, &band, weights, index, &walk).run(requantization, &mut lines, output);
        }
    });
    Ok(())
}

/// Scratch that [`expand_depthwise_i8`] needs, [its expansion's weights](IntegerScratchLen::with_weights) aside;
/// saturates.
pub fn expand_depthwise_i8_scratch_len(
    image: ImageShape,
    window: &Window,
    products: Products,
) -> IntegerScratchLen {
    let IntegerScratchLen { bytes, signed, words, weights } =
        expand_depthwise_lane_len(image, window, products);
    let [bytes, signed, words] = [bytes, signed, words].map(scratch_of_all);
    IntegerScratchLen { bytes, signed, words, weights }
}

/// The same for one thread.
fn expand_depthwise_lane_len(image: ImageShape, window: &Window, products: Products) -> IntegerScratchLen {
    let Ok(walk) = Walk::new(image, window) else { return IntegerScratchLen::default() };
    let k = blocks(image.channels) * BLOCK;
    let row_bytes = k.saturating_mul(size_of::<i16>());
    let lines = walk.bands(row_bytes, size_of::<u8>()).longest();
    let pixels = lines.saturating_mul(image.width);
    let tiles = IntegerScratchLen::of(products, pixels.saturating_mul(k));
    let bytes = tiles.bytes.saturating_add(pixels.saturating_mul(BLOCK)).saturating_add(lines_len(&walk));
    IntegerScratchLen { bytes, ..tiles }
}
