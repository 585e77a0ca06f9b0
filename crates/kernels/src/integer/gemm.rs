//! int8 matrix product with packed weights: the inside of every dense integer layer.
//!
//! The tile is the one of the float product, 4 rows by 8 columns. An instruction multiplies pairs of neighbours in the
//! reduction (widened to int16) or quads of them (bytes as they are, or less 128), so a turn of the loop takes two or four
//! steps of the reduction at once.

#![allow(unsafe_code, reason = "tiles read and write through pointers; their ranges are checked before")]

use super::conv::IntegerScratch;
use super::finish::Finish;
use super::packed::{PackedWeightsI8, Products};
use crate::KernelError;
use crate::blocks::BLOCK;
use crate::error::{check_at_least, check_fits, check_len};
use crate::gemm::{least_tiles, product_work, rows_per_unit};
use crate::lanes::{I8x16, I16x8, I32x4, U8x16};
use crate::packed::NR;
use crate::parts::{Disjoint, Lanes, Parts, scratch_of_all};
use crate::rows::{BlockedRows, Operand, Rows, Source, TILE, Tiled, Walked};

/// Levels of a block of rows that are multiplied with all panels before the next block: a part of L2.
const ROWS_LEVELS: usize = 1 << 16;

/// A level of an activation as a product's input: a byte, one less 128, or widened for pairs. [`Operand::STEP`] of them are
/// multiplied at once.
pub(crate) trait Level: Operand<Stored = u8> {
    /// How weights are packed for it.
    const PRODUCTS: Products;

    /// Where rows of such levels are laid out, and the room for unpacked weights.
    fn room(scratch: &mut IntegerScratch) -> (&mut [Self], &mut [i8]);

    /// Adds a step of `R` rows, multiplied with a panel's, to their accumulators.
    ///
    /// # Safety
    /// Each row must be valid for reads of a step, `b` for eight.
    unsafe fn multiply_add<const R: usize>(rows: [*const Self; R], b: *const i8, acc: &mut [[I32x4; 2]; R]);
}

impl Operand for i16 {
    type Stored = u8;
    const STEP: usize = 2;

    #[inline(always)]
    fn of(level: u8) -> Self {
        level.into()
    }

    #[inline(always)]
    fn interleave(pixels: &[[u8; BLOCK]; TILE], tile: &mut [i16; TILE * BLOCK]) {
        let columns = I16x8::transpose_pairs(pixels.each_ref().map(I16x8::load_u8));
        for (column, tile) in columns.into_iter().zip(tile.as_chunks_mut().0) {
            column.store(tile);
        }
    }
}

impl Level for i16 {
    const PRODUCTS: Products = Products::Pairs;

    fn room(scratch: &mut IntegerScratch) -> (&mut [i16], &mut [i8]) {
        (&mut scratch.words, &mut scratch.weights)
    }

    #[inline(always)]
    unsafe fn multiply_add<const R: usize>(rows: [*const Self; R], b: *const i8, acc: &mut [[I32x4; 2]; R]) {
        // SAFETY: the caller's.
        unsafe {
            let x = rows.map(|row| I16x8::splat_pair_at(row));
            let [w0, w1] = [0, 8].map(|half| I16x8::load_i8_at(b.add(half)));
            for (acc, x) in acc.iter_mut().zip(x) {
                *acc = [acc[0].add(x.dot(w0)), acc[1].add(x.dot(w1))];
            }
        }
    }
}

impl Operand for u8 {
    type Stored = u8;
    const STEP: usize = 4;

    #[inline(always)]
    fn of(level: u8) -> Self {
        level
    }

    #[inline(always)]
    fn interleave(pixels: &[[u8; BLOCK]; TILE], tile: &mut [u8; TILE * BLOCK]) {
        interleave_quads(pixels, tile);
    }
}

impl Level for u8 {
    const PRODUCTS: Products = Products::Quads;

    fn room(scratch: &mut IntegerScratch) -> (&mut [u8], &mut [i8]) {
        (&mut scratch.bytes, &mut scratch.weights)
    }

    #[inline(always)]
    unsafe fn multiply_add<const R: usize>(rows: [*const Self; R], b: *const i8, acc: &mut [[I32x4; 2]; R]) {
        // SAFETY: the caller's.
        unsafe { add_quads(rows.map(|row| U8x16::splat_quad_at(row)), b, acc, I32x4::add_dot_quads) }
    }
}

impl Operand for i8 {
    type Stored = u8;
    const STEP: usize = 4;

    /// The level less 128.
    #[inline(always)]
    fn of(level: u8) -> Self {
        (level ^ 0x80).cast_signed()
    }

    #[inline(always)]
    fn interleave(pixels: &[[u8; BLOCK]; TILE], tile: &mut [i8; TILE * BLOCK]) {
        interleave_quads(pixels, tile);
    }
}

#[inline(always)]
fn interleave_quads<T: Operand<Stored = u8>>(pixels: &[[u8; BLOCK]; TILE], tile: &mut [T; TILE * BLOCK]) {
    for (row, pixel) in pixels.iter().enumerate() {
        for (step, quad) in pixel.as_chunks::<4>().0.iter().enumerate() {
            tile.as_chunks_mut().0[step * TILE + row] = quad.map(T::of);
        }
    }
}

impl Level for i8 {
    const PRODUCTS: Products = Products::SignedQuads;

    fn room(scratch: &mut IntegerScratch) -> (&mut [i8], &mut [i8]) {
        (&mut scratch.signed, &mut scratch.weights)
    }

    #[inline(always)]
    unsafe fn multiply_add<const R: usize>(rows: [*const Self; R], b: *const i8, acc: &mut [[I32x4; 2]; R]) {
        // SAFETY: the caller's.
        unsafe { add_quads(rows.map(|row| I8x16::splat_quad_at(row)), b, acc, I32x4::add_dot_signed_quads) }
    }
}

/// Adds a step of quads by the instruction that takes levels of their kind.
///
/// # Safety
/// `b` must be valid for reads of eight quads.
#[inline(always)]
unsafe fn add_quads<X: Copy, const R: usize>(
    x: [X; R],
    b: *const i8,
    acc: &mut [[I32x4; 2]; R],
    add_dot: impl Fn(I32x4, I8x16, X) -> I32x4,
) {
    // SAFETY: the caller's.
    let [w0, w1] = [0, 16].map(|half| unsafe { I8x16::load_at(b.add(half)) });
    for (acc, x) in acc.iter_mut().zip(x) {
        *acc = [add_dot(acc[0], w0, x), add_dot(acc[1], w1, x)];
    }
}

/// Runs an expression in which a name stands for the type of the levels that weights of some products are multiplied with.
macro_rules! with_level {
    ($products:expr, $level:ident => $body:expr) => {
        match $products {
            Products::Pairs => {
                type $level = i16;
                $body
            }
            Products::Quads => {
                type $level = u8;
                $body
            }
            Products::SignedQuads => {
                type $level = i8;
                $body
            }
        }
    };
}
pub(super) use with_level;

/// `output = finish(rows * weightsᵀ + bias)`, blocked, one pixel for each row.
pub(crate) fn product_i8<T: Level, F: Finish>(
    a: &[T],
    rows: &Rows,
    weights: &PackedWeightsI8,
    finish: &F,
    unpacked: &mut [i8],
    output: &mut [F::Output],
) -> Result<(), KernelError> {
    let n_rows = rows.n_lines * rows.line_len;
    let output = Disjoint::new(output);
    let product = IntegerProduct::new::<T>(n_rows, rows.walk.k(), rows.walk.run, weights, finish, &output)?;
    let unpacked = weights.unpacking(unpacked)?;
    let read = rows.extent() + rows.walk.run.next_multiple_of(T::STEP) - rows.walk.run;
    if a.len() < read {
        return Err(KernelError::Length { what: "a", expected: read, actual: a.len() });
    }
    // A block of lines is multiplied with all panels before the next.
    let block = (ROWS_LEVELS / weights.k() / rows.line_len.max(1)).max(1);
    let n_panels = weights.n_panels();
    let work = product_work(n_rows, weights.k(), n_panels);
    let parts = Parts::new(rows.n_lines, rows.n_lines.div_ceil(block), 1, n_panels, work, unpacked.n());
    parts.share(|part| {
        // SAFETY: the part's thread uses its lane only here.
        let unpacked = unsafe { unpacked.lane(part.lane) };
        for panel in part.columns {
            let b = weights.panel_at::<T>(panel, unpacked);
            for line in part.rows.clone() {
                // SAFETY: a line's rows end within what `a` was checked to reach, the last one's last step included; `b` is
                // the panel. No other part has both these lines and this panel.
                unsafe {
                    let source = Walked { start: a.as_ptr().add(line * rows.line), walk: rows.walk };
                    product.run::<T>(panel, b, source, line * rows.line_len, rows.line_len);
                }
            }
        }
    });
    Ok(())
}

/// Elements of scratch that [`pointwise_i8`] needs for a reduction of `k`.
pub(crate) fn pointwise_scratch_len(k: usize) -> usize {
    scratch_of_all(lane_len(k))
}

/// The same for one thread.
fn lane_len(k: usize) -> usize {
    rows_per_unit(ROWS_LEVELS, k.max(1), TILE).saturating_mul(k)
}

/// As [`product_i8`], for blocked rows; `scratch` holds at least [`pointwise_scratch_len`].
pub(crate) fn pointwise_i8<T: Level, F: Finish>(
    a: &[u8],
    rows: BlockedRows,
    weights: &PackedWeightsI8,
    finish: &F,
    scratch: &mut [T],
    unpacked: &mut [i8],
    output: &mut [F::Output],
) -> Result<(), KernelError> {
    let k = rows.k();
    let output = Disjoint::new(output);
    let product = IntegerProduct::new::<T>(rows.n_rows, k, k, weights, finish, &output)?;
    let unpacked = weights.unpacking(unpacked)?;
    check_len("a", a.len(), rows.n_rows * k)?;
    check_at_least("scratch", scratch.len(), lane_len(k))?;
    let lanes = Lanes::new(scratch, lane_len(k));
    let block = rows_per_unit(ROWS_LEVELS, k, TILE);
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
        for panel in part.columns {
            let b = weights.panel_at::<T>(panel, unpacked);
            // SAFETY: `tiles` holds `n_rows` rows of `k` elements, which whole steps divide; `b` is the panel. No other part
            // has both these rows and this panel.
            unsafe { product.run::<T>(panel, b, Tiled { start: tiles.as_ptr(), k }, first, n_rows) };
        }
    });
    Ok(())
}

/// Rows in tiles times one panel: `output` holds one block for each row.
pub(crate) fn multiply_panel_i8<T: Level, F: Finish>(
    tiles: &[T],
    weights: &PackedWeightsI8,
    panel: usize,
    finish: &F,
    unpacked: &mut [i8],
    output: &mut [F::Output],
) {
    let (k, n_rows) = (weights.k(), output.len() / NR);
    assert!(tiles.len() >= n_rows * k && panel < weights.n_panels());
    assert!(k.is_multiple_of(T::STEP) && weights.products() == T::PRODUCTS);
    let product = IntegerProduct { weights, finish, output: &Disjoint::new(output), plane: 0 };
    let b = weights.panel_at::<T>(panel, unpacked);
    // SAFETY: `tiles` holds `n_rows` rows of `k` elements, which whole steps divide; `b` is the panel, and nobody else has
    // the output.
    unsafe { product.run::<T>(panel, b, Tiled { start: tiles.as_ptr(), k }, 0, n_rows) };
}

/// What a product multiplies with and writes to.
struct IntegerProduct<'a, F: Finish> {
    weights: &'a PackedWeightsI8,
    finish: &'a F,
    output: &'a Disjoint<'a, F::Output>,
    /// Elements from a panel's outputs to the next one's.
    plane: usize,
}

impl<'a, F: Finish> IntegerProduct<'a, F> {
    fn new<T: Level>(
        n_rows: usize,
        k: usize,
        run: usize,
        weights: &'a PackedWeightsI8,
        finish: &'a F,
        output: &'a Disjoint<'a, F::Output>,
    ) -> Result<Self, KernelError> {
        check_fits("reduction of the weights", weights.k(), k)?;
        weights.check_run(run)?;
        assert!(weights.products() == T::PRODUCTS, "the callers choose levels by the weights' products");
        let len = n_rows.saturating_mul(NR).saturating_mul(weights.n_panels());
        check_len("output", output.len(), len)?;
        Ok(Self { weights, finish, output, plane: n_rows * NR })
    }

    /// Multiplies the first `n_rows` rows of a source with a panel; they are the output's rows from `first` on.
    ///
    /// # Safety
    /// `a` must be valid for reads of `n_rows` rows of as many whole steps as the panel has, and `b` be what
    /// [`PackedWeightsI8::panel_at`] gave. No other thread may run the same rows and panel.
    unsafe fn run<T: Level>(
        &self,
        panel: usize,
        b: *const i8,
        a: impl Source<T>,
        first: usize,
        n_rows: usize,
    ) {
        let bias = self.weights.bias(panel).as_ptr();
        let finish = self.finish.panel(panel);
        let place = panel * self.plane + first * NR;
        // SAFETY: the outputs of these rows and this panel, which no other thread has.
        let output = unsafe { self.output.range(place..place + n_rows * NR) }.as_mut_ptr();
        // SAFETY: rows up to `n_rows` only, which the caller vouches for in `a` and the slice above in the output; `b`
        // is a panel of the source's reduction with runs rounded up to the same steps (`new`).
        unsafe {
            let bias = [I32x4::load_at(bias), I32x4::load_at(bias.add(4))];
            let mut row = 0;
            while row + TILE <= n_rows {
                F::store(&finish, multiply::<T, TILE>(a, row, b, bias), output.add(row * NR));
                row += TILE;
            }
            let output = output.add(row * NR);
            match n_rows - row {
                1 => F::store(&finish, multiply::<T, 1>(a, row, b, bias), output),
                2 => F::store(&finish, multiply::<T, 2>(a, row, b, bias), output),
                3 => F::store(&finish, multiply::<T, 3>(a, row, b, bias), output),
                _ => {}
            }
        }
    }
}

/// Accumulators of `R` rows from `row` on and a panel, from the biases on.
///
/// # Safety
/// `a` must be valid for reads of these rows, `b` for a panel of as many steps.
#[inline(always)]
unsafe fn multiply<T: Level, const R: usize>(
    a: impl Source<T>,
    row: usize,
    b: *const i8,
    bias: [I32x4; 2],
) -> [[I32x4; 2]; R] {
    let (mut acc, mut b) = ([bias; R], b);
    // SAFETY: the caller's, for each step.
    unsafe {
        a.each_step::<R>(row, |rows| {
            T::multiply_add(rows, b, &mut acc);
            b = b.wrapping_add(T::STEP * NR);
        });
    }
    acc
}
