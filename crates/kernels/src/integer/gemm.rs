//! int8 matrix product with packed weights: the inside of every dense integer layer.
//!
//! The tile is the one of the float product, 4 rows by 8 columns. An instruction multiplies pairs of neighbours in the
//! reduction (widened to int16) or quads of them (bytes as they are), so a turn of the loop takes two or four steps of
//! the reduction at once.

#![allow(unsafe_code, reason = "tiles read and write through pointers; their ranges are checked before")]

use super::finish::Finish;
use super::packed::PackedWeightsI8;
use crate::KernelError;
use crate::blocks::BLOCK;
use crate::error::{check_at_least, check_fits, check_len};
use crate::gemm::{least_tiles, product_work, rows_per_unit};
use crate::lanes::{I8x16, I16x8, I32x4, U8x16};
use crate::packed::NR;
use crate::parts::{Disjoint, Lanes, Parts, scratch_of_all};
use crate::rows::{BlockedRows, Rows, Walk};

/// Rows of the tile.
const MR: usize = 4;
/// Levels of a block of rows that are multiplied with all panels before the next block: a part of L2.
const ROWS_LEVELS: usize = 1 << 16;

/// A level of an activation as a product's input: a byte, one less 128, or widened for pairs.
pub(crate) trait Level: Copy + Send + Sync {
    /// Elements that one instruction takes of a row.
    const STEP: usize;

    /// Multiplies `R` rows with a panel, from the biases on.
    ///
    /// # Safety
    /// `a` must be valid for reads of `R` rows of the walk with its runs rounded up to whole steps, `b` for a panel of
    /// such a reduction.
    unsafe fn multiply<const R: usize>(
        a: *const Self,
        walk: Walk,
        b: *const i8,
        bias: [I32x4; 2],
    ) -> [[I32x4; 2]; R];
}

impl Level for i16 {
    const STEP: usize = 2;

    #[inline(always)]
    unsafe fn multiply<const R: usize>(
        a: *const Self,
        walk: Walk,
        b: *const i8,
        bias: [I32x4; 2],
    ) -> [[I32x4; 2]; R] {
        // SAFETY: the caller's, for offsets within the walk.
        unsafe {
            accumulate::<Self, R>(a, walk, b, bias, |rows, b, acc| {
                let x: [I16x8; R] = std::array::from_fn(|row| I16x8::splat_pair_at(rows[row]));
                let [w0, w1] = [0, 8].map(|half| I16x8::load_i8_at(b.add(half)));
                for (acc, x) in acc.iter_mut().zip(x) {
                    *acc = [acc[0].add(x.dot(w0)), acc[1].add(x.dot(w1))];
                }
            })
        }
    }
}

impl Level for u8 {
    const STEP: usize = 4;

    #[inline(always)]
    unsafe fn multiply<const R: usize>(
        a: *const Self,
        walk: Walk,
        b: *const i8,
        bias: [I32x4; 2],
    ) -> [[I32x4; 2]; R] {
        // SAFETY: the caller's, for offsets within the walk.
        unsafe {
            accumulate::<Self, R>(a, walk, b, bias, |rows, b, acc| {
                let x: [U8x16; R] = std::array::from_fn(|row| U8x16::splat_quad_at(rows[row]));
                let [w0, w1] = [0, 16].map(|half| I8x16::load_at(b.add(half)));
                for (acc, x) in acc.iter_mut().zip(x) {
                    *acc = [acc[0].add_dot_quads(w0, x), acc[1].add_dot_quads(w1, x)];
                }
            })
        }
    }
}

impl Level for i8 {
    const STEP: usize = 4;

    #[inline(always)]
    unsafe fn multiply<const R: usize>(
        a: *const Self,
        walk: Walk,
        b: *const i8,
        bias: [I32x4; 2],
    ) -> [[I32x4; 2]; R] {
        // SAFETY: the caller's, for offsets within the walk.
        unsafe {
            accumulate::<Self, R>(a, walk, b, bias, |rows, b, acc| {
                let x: [I8x16; R] = std::array::from_fn(|row| I8x16::splat_quad_at(rows[row]));
                let [w0, w1] = [0, 16].map(|half| I8x16::load_at(b.add(half)));
                for (acc, x) in acc.iter_mut().zip(x) {
                    *acc = [acc[0].add_dot_signed_quads(w0, x), acc[1].add_dot_signed_quads(w1, x)];
                }
            })
        }
    }
}

/// Calls `step` for each step of the reduction with the rows' and the panel's places.
///
/// # Safety
/// As [`Level::multiply`]; `step` may read `T::STEP` elements of each row and `T::STEP * 8` of the panel.
#[inline(always)]
unsafe fn accumulate<T: Level, const R: usize>(
    a: *const T,
    walk: Walk,
    b: *const i8,
    bias: [I32x4; 2],
    step: impl Fn([*const T; R], *const i8, &mut [[I32x4; 2]; R]),
) -> [[I32x4; 2]; R] {
    let mut acc = [bias; R];
    let (mut b, mut sequence) = (b, a);
    let steps = walk.run.div_ceil(T::STEP);
    for _ in 0..walk.outer.0 {
        let mut run = sequence;
        for _ in 0..walk.inner.0 {
            let mut rows: [*const T; R] = std::array::from_fn(|row| run.wrapping_add(row * walk.row));
            for _ in 0..steps {
                step(rows, b, &mut acc);
                b = b.wrapping_add(T::STEP * NR);
                rows = rows.map(|row| row.wrapping_add(T::STEP));
            }
            run = run.wrapping_add(walk.inner.1);
        }
        sequence = sequence.wrapping_add(walk.outer.1);
    }
    acc
}

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
    let product = IntegerProduct::new::<T>(n_rows, &rows.walk, weights, finish, &output)?;
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
                    let a = a.as_ptr().add(line * rows.line);
                    product.run(panel, b, a, rows.walk, line * rows.line_len, rows.line_len);
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
    rows_per_unit(ROWS_LEVELS, k.max(1), MR).saturating_mul(k)
}

/// The same for blocked rows, each level converted; `scratch` holds at least [`pointwise_scratch_len`].
#[expect(clippy::too_many_arguments, reason = "a product is made of these")]
pub(crate) fn pointwise_i8<T: Level, F: Finish>(
    a: &[u8],
    rows: BlockedRows,
    weights: &PackedWeightsI8,
    finish: &F,
    convert: impl Fn(&[u8; BLOCK], &mut [T; BLOCK]) + Sync,
    scratch: &mut [T],
    unpacked: &mut [i8],
    output: &mut [F::Output],
) -> Result<(), KernelError> {
    let k = rows.k();
    let walk = Walk { row: k, outer: (1, 0), inner: (1, 0), run: k };
    let output = Disjoint::new(output);
    let product = IntegerProduct::new::<T>(rows.n_rows, &walk, weights, finish, &output)?;
    let unpacked = weights.unpacking(unpacked)?;
    check_len("a", a.len(), rows.n_rows * k)?;
    check_at_least("scratch", scratch.len(), lane_len(k))?;
    let lanes = Lanes::new(scratch, lane_len(k));
    let block = rows_per_unit(ROWS_LEVELS, k, MR);
    let n_panels = weights.n_panels();
    let work = product_work(rows.n_rows, k, n_panels);
    let (n_tiles, n_blocks) = (rows.n_rows.div_ceil(MR), rows.n_rows.div_ceil(block));
    let least = least_tiles(n_tiles, weights.bytes());
    let n_lanes = lanes.n().min(unpacked.n());
    Parts::new(n_tiles, n_blocks, least, n_panels, work, n_lanes).share(|part| {
        let first = part.rows.start * MR;
        let n_rows = (part.rows.end * MR).min(rows.n_rows) - first;
        // SAFETY: the part's thread uses its lanes only here.
        let (plain, unpacked) = unsafe { (lanes.lane(part.lane), unpacked.lane(part.lane)) };
        let plain = &mut plain[..n_rows * k];
        if !lanes.holds(&part) {
            rows.gather(a, first, plain, &convert);
        }
        for panel in part.columns {
            let b = weights.panel_at::<T>(panel, unpacked);
            // SAFETY: `plain` holds `n_rows` rows of `k` elements, which whole steps divide; `b` is the panel. No other part
            // has both these rows and this panel.
            unsafe { product.run(panel, b, plain.as_ptr(), walk, first, n_rows) };
        }
    });
    Ok(())
}

/// Plain rows, `[n_rows, k]`, times one panel: `output` holds one block for each row.
pub(crate) fn multiply_panel_i8<T: Level, F: Finish>(
    plain: &[T],
    weights: &PackedWeightsI8,
    panel: usize,
    finish: &F,
    unpacked: &mut [i8],
    output: &mut [F::Output],
) {
    let (k, n_rows) = (weights.k(), output.len() / NR);
    assert!(plain.len() >= n_rows * k && panel < weights.n_panels());
    assert!(k.is_multiple_of(T::STEP) && weights.products().len() == T::STEP);
    let walk = Walk { row: k, outer: (1, 0), inner: (1, 0), run: k };
    let product = IntegerProduct { weights, finish, output: &Disjoint::new(output), plane: 0 };
    let b = weights.panel_at::<T>(panel, unpacked);
    // SAFETY: `plain` holds `n_rows` rows of `k` elements, which whole steps divide; `b` is the panel, and nobody else has
    // the output.
    unsafe { product.run(panel, b, plain.as_ptr(), walk, 0, n_rows) };
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
        walk: &Walk,
        weights: &'a PackedWeightsI8,
        finish: &'a F,
        output: &'a Disjoint<'a, F::Output>,
    ) -> Result<Self, KernelError> {
        check_fits("reduction of the weights", weights.k(), walk.k())?;
        weights.check_run(walk.run)?;
        check_fits("products of the weights", weights.products().len(), T::STEP)?;
        let len = n_rows.saturating_mul(NR).saturating_mul(weights.n_panels());
        check_len("output", output.len(), len)?;
        Ok(Self { weights, finish, output, plane: n_rows * NR })
    }

    /// Multiplies `n_rows` rows with a panel; they are the output's rows from `first` on.
    ///
    /// # Safety
    /// `a` must be valid for reads of `n_rows` rows of the walk, its runs rounded up to whole steps, and `b` be what
    /// [`PackedWeightsI8::panel_at`] gave. No other thread may run the same rows and panel.
    unsafe fn run<T: Level>(
        &self,
        panel: usize,
        b: *const i8,
        a: *const T,
        walk: Walk,
        first: usize,
        n_rows: usize,
    ) {
        let bias = self.weights.bias(panel).as_ptr();
        let finish = self.finish.panel(panel);
        let place = panel * self.plane + first * NR;
        // SAFETY: the outputs of these rows and this panel, which no other thread has.
        let output = unsafe { self.output.range(place..place + n_rows * NR) }.as_mut_ptr();
        // SAFETY: rows up to `n_rows` only, which the caller vouches for in `a` and the slice above in the output; `b`
        // is a panel of the walk's reduction with runs rounded up to the same steps (`new`).
        unsafe {
            let bias = [I32x4::load_at(bias), I32x4::load_at(bias.add(4))];
            let mut row = 0;
            while row + MR <= n_rows {
                let acc = T::multiply::<MR>(a.add(row * walk.row), walk, b, bias);
                F::store(&finish, acc, output.add(row * NR));
                row += MR;
            }
            let (a, output) = (a.add(row * walk.row), output.add(row * NR));
            match n_rows - row {
                1 => F::store(&finish, T::multiply::<1>(a, walk, b, bias), output),
                2 => F::store(&finish, T::multiply::<2>(a, walk, b, bias), output),
                3 => F::store(&finish, T::multiply::<3>(a, walk, b, bias), output),
                _ => {}
            }
        }
    }
}
