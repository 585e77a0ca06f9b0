//! float32 matrix product with packed weights: the inside of every dense layer.
//!
//! The tile is 4 rows (pixels) by 8 columns (output channels): 8 accumulators, one weight vector and 4 splatted
//! activations at a time fill the 15 vector registers that V8 gives a function, and larger tiles spill. One step of the
//! reduction is one turn of the loop: compilers that unroll it move all products of one accumulator together, which
//! spills too, while browsers unroll it in order.
//!
//! The rows of a pointwise layer are first copied into tiles, in which four rows' elements alternate: the loop then has one
//! address for all of them. Windows over an image are read where they lie. A [`Walked`] source says where: the reduction of
//! a row consists of runs, which lie at two nested strides, so that there is no copy into a matrix.

#![allow(
    unsafe_code,
    reason = "tiles read and write through pointers; `Product::new` checks every range once"
)]

use std::ops::Range;

use crate::KernelError;
use crate::elementwise::Clamp;
use crate::error::{check_fits, check_len};
use crate::lanes::F32x4;
use crate::packed::{GROUP, NR, PackedWeightsF32, split_unpacked};
use crate::parts::{Disjoint, Lanes, Parts, scratch_of_all};
use crate::rows::{BlockedRows, Operand, Rows, Source, TILE, Tiled, Walked};

/// Activations (in floats) of a block of rows: 128 kB, a part of L2.
const ROWS_FLOATS: usize = 1 << 15;

/// Rows of a unit of work: as many as fit the part of the cache that is meant for them, in whole tiles.
pub(crate) fn rows_per_unit(elements: usize, k: usize, tile: usize) -> usize {
    (elements / k / tile).max(1) * tile
}

/// Elements of scratch that [`pointwise_f32`] needs for a reduction of `k`.
pub(crate) fn pointwise_scratch_len(k: usize) -> usize {
    scratch_of_all(lane_len(k))
}

/// The same for one thread.
fn lane_len(k: usize) -> usize {
    rows_per_unit(ROWS_FLOATS, k.max(1), TILE).saturating_mul(k)
}

/// Tiles of rows of a part at least: every part reads all weights of its panels. Where they fill L2, threads rather have
/// panels of their own.
pub(crate) fn least_tiles(n_tiles: usize, weight_bytes: usize) -> usize {
    if weight_bytes > 256 << 10 { n_tiles } else { 6 }
}

/// Multiply-adds of a product.
pub(crate) fn product_work(n_rows: usize, k: usize, n_panels: usize) -> usize {
    n_rows.saturating_mul(k).saturating_mul(n_panels * NR)
}

/// `output = clamp(rows * weightsᵀ + bias + residual)`; outputs and residuals are blocked, one pixel for each row.
pub(crate) fn product_f32(
    a: &[f32],
    rows: &Rows,
    weights: &PackedWeightsF32,
    residual: Option<&[f32]>,
    clamp: Clamp<'_>,
    unpacked: &Lanes<'_, f32>,
    output: &mut [f32],
) -> Result<(), KernelError> {
    let output = Disjoint::new(output);
    let n_rows = rows.n_lines * rows.line_len;
    let product = Product::new(n_rows, rows.walk.k(), weights, residual, clamp, &output)?;
    if a.len() < rows.extent() {
        return Err(KernelError::Length { what: "a", expected: rows.extent(), actual: a.len() });
    }
    // A block of lines is multiplied with all panels before the next.
    let block = (ROWS_FLOATS / weights.k() / rows.line_len.max(1)).max(1);
    let n_panels = weights.n_panels();
    let work = product_work(n_rows, weights.k(), n_panels);
    let parts = Parts::new(rows.n_lines, rows.n_lines.div_ceil(block), 1, n_panels, work, unpacked.n());
    parts.share(|part| {
        // SAFETY: the part's thread uses its lane only here.
        let unpacked = unsafe { unpacked.lane(part.lane) };
        for group in groups(part.columns) {
            let b = weights.panels(&group, unpacked);
            for line in part.rows.clone() {
                // SAFETY: a line's rows end within `rows.extent()`, which `a` reaches; `b` is the group. No other part has
                // both these lines and these panels.
                unsafe {
                    let source = Walked { start: a.as_ptr().add(line * rows.line), walk: rows.walk };
                    product.run(group.clone(), b, source, line * rows.line_len, rows.line_len);
                }
            }
        }
    });
    Ok(())
}

/// As [`product_f32`], for blocked rows; `scratch` holds at least [`pointwise_scratch_len`] and the weights' unpacked panels.
pub(crate) fn pointwise_f32(
    a: &[f32],
    rows: BlockedRows,
    weights: &PackedWeightsF32,
    residual: Option<&[f32]>,
    clamp: Clamp<'_>,
    scratch: &mut [f32],
    output: &mut [f32],
) -> Result<(), KernelError> {
    let k = rows.k();
    let (unpacked, scratch) = split_unpacked(scratch, weights, lane_len(k))?;
    let output = Disjoint::new(output);
    let product = Product::new(rows.n_rows, k, weights, residual, clamp, &output)?;
    check_len("a", a.len(), rows.n_rows * k)?;
    let block = rows_per_unit(ROWS_FLOATS, k, TILE);
    let lanes = Lanes::new(scratch, lane_len(k));
    let n_panels = weights.n_panels();
    let work = product_work(rows.n_rows, k, n_panels);
    let (n_tiles, n_blocks) = (rows.n_rows.div_ceil(TILE), rows.n_rows.div_ceil(block));
    let least = least_tiles(n_tiles, weights.bytes());
    let n_lanes = lanes.n().min(unpacked.n());
    Parts::new(n_tiles, n_blocks, least, n_panels, work, n_lanes).share(|part| {
        let first = part.rows.start * TILE;
        let n_rows = (part.rows.end * TILE).min(rows.n_rows) - first;
        // SAFETY: the part's thread uses its lanes only here.
        let (tiles, unpacked) = unsafe { (lanes.lane(part.lane), unpacked.lane(part.lane)) };
        let tiles = &mut tiles[..n_rows * k];
        if !lanes.holds(&part) {
            rows.gather(a, first, tiles);
        }
        for group in groups(part.columns) {
            let b = weights.panels(&group, unpacked);
            // SAFETY: `tiles` holds `n_rows` rows of `k` elements, `b` is the group. No other part has both these rows and
            // these panels.
            unsafe { product.run(group, b, Tiled { start: tiles.as_ptr(), k }, first, n_rows) };
        }
    });
    Ok(())
}

/// Rows in tiles times one panel: `output` holds one block for each row.
pub(crate) fn multiply_panel_f32(
    tiles: &[f32],
    weights: &PackedWeightsF32,
    panel: usize,
    clamp: Clamp<'_>,
    unpacked: &mut [f32],
    output: &mut [f32],
) {
    let (k, n_rows) = (weights.k(), output.len() / NR);
    assert!(tiles.len() >= n_rows * k && panel < weights.n_panels());
    let (stride, output) = (weights.stride(), &Disjoint::new(output));
    let product = Product { stride, residual: None, clamp, output, plane: 0 };
    let b = weights.panels(&(panel..panel + 1), unpacked);
    // SAFETY: `tiles` holds `n_rows` rows of `k` elements, `b` is the panel, and nobody else has the output.
    unsafe { product.run(panel..panel + 1, b, Tiled { start: tiles.as_ptr(), k }, 0, n_rows) };
}

/// Panels that are multiplied together.
fn groups(panels: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let end = panels.end;
    panels.step_by(GROUP).map(move |first| first..(first + GROUP).min(end))
}

/// What a product multiplies with and writes to.
struct Product<'a> {
    /// Floats from a panel to the next one.
    stride: usize,
    residual: Option<&'a [f32]>,
    clamp: Clamp<'a>,
    output: &'a Disjoint<'a, f32>,
    /// Elements from a panel's outputs to the next one's.
    plane: usize,
}

impl<'a> Product<'a> {
    fn new(
        n_rows: usize,
        k: usize,
        weights: &PackedWeightsF32,
        residual: Option<&'a [f32]>,
        clamp: Clamp<'a>,
        output: &'a Disjoint<'a, f32>,
    ) -> Result<Self, KernelError> {
        check_fits("reduction of the weights", weights.k(), k)?;
        let len = n_rows.saturating_mul(NR).saturating_mul(weights.n_panels());
        check_len("output", output.len(), len)?;
        if let Some(residual) = residual {
            check_len("residual", residual.len(), output.len())?;
        }
        clamp.check_channels(weights.n())?;
        let stride = weights.stride();
        Ok(Self { stride, residual, clamp, output, plane: n_rows * NR })
    }

    /// Multiplies the first `n_rows` rows of a source with a group of panels; they are the output's rows from `first` on.
    ///
    /// # Safety
    /// `a` must be valid for reads of `n_rows` rows of as many elements as the weights' reduction, `b` be what
    /// [`PackedWeightsF32::panels`] gave for the group. No other thread may run the same rows and panels.
    unsafe fn run(
        &self,
        panels: Range<usize>,
        b: *const f32,
        a: impl Source<f32>,
        first: usize,
        n_rows: usize,
    ) {
        let (start, stride) = (panels.start, self.stride);
        let b = |panel: usize| b.wrapping_add((panel - start) * stride);
        // SAFETY: rows up to `n_rows` and panels of the group only, which the caller vouches for.
        unsafe {
            for panel in panels.clone() {
                for row in (0..n_rows / TILE * TILE).step_by(TILE) {
                    self.tile::<TILE, 1>(panel, b(panel), a, row, first);
                }
            }
            let left = n_rows % TILE;
            let row = n_rows - left;
            match (left, panels.len()) {
                (0, _) => {}
                (1, GROUP) => self.tile::<1, GROUP>(start, b(start), a, row, first),
                (1, _) => panels.for_each(|panel| self.tile::<1, 1>(panel, b(panel), a, row, first)),
                (2, GROUP) => {
                    self.tile::<2, 2>(start, b(start), a, row, first);
                    self.tile::<2, 2>(start + 2, b(start + 2), a, row, first);
                }
                (2, _) => panels.for_each(|panel| self.tile::<2, 1>(panel, b(panel), a, row, first)),
                _ => panels.for_each(|panel| self.tile::<3, 1>(panel, b(panel), a, row, first)),
            }
        }
    }

    /// `R` rows of the source from `row` on times `P` panels; the source's first row is the output's row `first`.
    ///
    /// # Safety
    /// As [`Self::run`], for these rows and panels.
    #[inline(always)]
    unsafe fn tile<const R: usize, const P: usize>(
        &self,
        panel: usize,
        b: *const f32,
        a: impl Source<f32>,
        row: usize,
        first: usize,
    ) {
        // SAFETY: `a` and `b` are the caller's; a panel is the bias and as many vectors as the reduction is long.
        let acc = unsafe { multiply::<R, P>(a, row, b, self.stride) };
        let row = first + row;
        for (p, acc) in (panel..panel + P).zip(acc) {
            let place = p * self.plane + row * NR..p * self.plane + (row + R) * NR;
            // SAFETY: the outputs of these rows and panels, which no other thread has.
            let output = unsafe { self.output.range(place.clone()) }.as_mut_ptr();
            let residual = self.residual.map(|residual| residual[place].as_ptr());
            let (min, max) = self.clamp.of_block(p);
            for (r, acc) in acc.into_iter().enumerate() {
                for (half, mut acc) in acc.into_iter().enumerate() {
                    let at = r * NR + half * 4;
                    // SAFETY: `at + 4 <= R * NR`, the length of both slices.
                    unsafe {
                        if let Some(residual) = residual {
                            acc = acc.add(F32x4::load_at(residual.add(at)));
                        }
                        acc.clamp(min, max[half]).store_at(output.add(at));
                    }
                }
            }
        }
    }
}

impl Operand for f32 {
    type Stored = f32;
    const STEP: usize = 1;

    #[inline(always)]
    fn of(stored: f32) -> Self {
        stored
    }

    #[inline(always)]
    fn interleave(pixels: &[[f32; NR]; TILE], tile: &mut [f32; TILE * NR]) {
        for (half, tile) in tile.as_chunks_mut::<{ 4 * TILE }>().0.iter_mut().enumerate() {
            let rows = pixels.map(|pixel| F32x4::load(&pixel.as_chunks().0[half]));
            for (column, tile) in F32x4::transpose(rows).into_iter().zip(tile.as_chunks_mut().0) {
                column.store(tile);
            }
        }
    }
}

/// Accumulators of `R` rows from `row` on and `P` panels, from the biases on: `[panel][row][half]`.
///
/// # Safety
/// `a` must be valid for reads of these rows. `b` must point to `P` panels, `panel` floats apart, each with a vector of
/// biases and as many vectors of weights as the rows are long.
#[inline(always)]
unsafe fn multiply<const R: usize, const P: usize>(
    a: impl Source<f32>,
    row: usize,
    b: *const f32,
    panel: usize,
) -> [[[F32x4; 2]; R]; P] {
    // SAFETY: the caller's; all offsets stay within the rows and the panels.
    unsafe {
        let mut acc: [[[F32x4; 2]; R]; P] = std::array::from_fn(|p| {
            let bias = b.add(p * panel);
            [[F32x4::load_at(bias), F32x4::load_at(bias.add(4))]; R]
        });
        let mut b = b.add(NR);
        a.each_step::<R>(row, |rows| {
            let x = rows.map(|row| F32x4::splat_at(row));
            for (p, acc) in acc.iter_mut().enumerate() {
                let [w0, w1] = [0, 4].map(|half| F32x4::load_at(b.add(p * panel + half)));
                for (acc, x) in acc.iter_mut().zip(x) {
                    *acc = [x.mul_add(w0, acc[0]), x.mul_add(w1, acc[1])];
                }
            }
            b = b.add(NR);
        });
        acc
    }
}
