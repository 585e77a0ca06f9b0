//! int8 matrix product with packed weights: the inside of every dense integer layer.
//!
//! The tile is the one of the float product, 4 rows by 8 columns. An instruction multiplies pairs of neighbours in the
//! reduction (widened to int16) or quads of them (bytes as they are), so a turn of the loop takes two or four steps of
//! the reduction at once.

#![allow(unsafe_code, reason = "tiles read and write through pointers; their ranges are checked before")]

use std::sync::OnceLock;

use super::requantize::{BlockRequantization, Requantization};
use super::{check_accumulators, check_weights};
use crate::KernelError;
use crate::blocks::{Aligned, BLOCK};
use crate::error::{check_at_least, check_fits, check_len, checked_len};
use crate::gemm::{BlockedRows, NR, Rows, Walk, least_tiles, product_work, rows_per_unit};
use crate::lanes::{F32x4, I8x16, I16x8, I32x4, U8x16, dot_quads_is_exact};
use crate::levels::{LevelPanels, StoredLevels, UNIT_STEPS};
use crate::parts::{Disjoint, Lanes, Parts, scratch_of_all};

/// Rows of the tile.
const MR: usize = 4;
/// Levels of a block of rows that are multiplied with all panels before the next block: a part of L2.
const ROWS_LEVELS: usize = 1 << 16;

/// How many neighbours of the reduction one instruction multiplies and adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Products {
    /// Two, widened to int16. Every processor is exact.
    Pairs,
    /// Four, as bytes. Exact where the processor takes unsigned levels; elsewhere for levels up to 127.
    Quads,
}

impl Products {
    /// The faster of those that are exact here. Asks the processor once.
    pub fn best() -> Self {
        static BEST: OnceLock<Products> = OnceLock::new();
        *BEST.get_or_init(|| match cfg!(target_feature = "relaxed-simd") && dot_quads_is_exact() {
            true => Self::Quads,
            false => Self::Pairs,
        })
    }

    fn len(self) -> usize {
        match self {
            Self::Pairs => 2,
            Self::Quads => 4,
        }
    }
}

/// Weights `[n, k]` and biases `[n]` packed in panels of eight output channels, neighbours in `k` together.
///
/// ```text
/// panel 0:  w[0][0] w[0][1]  w[1][0] w[1][1]  …  w[7][0] w[7][1]    w[0][2] w[0][3]  …        (pairs)
/// panel 0:  w[0][0] … w[0][3]  w[1][0] … w[1][3]  …  w[7][3]    w[0][4] …                     (quads)
/// ```
/// Each run of the reduction and the last panel are filled up with zeros. Levels of 4 and 2 bits keep to their bits and
/// look like this only while they are multiplied.
#[derive(Clone, Debug, PartialEq)]
pub struct PackedWeightsI8 {
    storage: Storage,
    bias: Vec<[i32; NR]>,
    n: usize,
    k: usize,
    run: usize,
    products: Products,
}

#[derive(Clone, Debug, PartialEq)]
enum Storage {
    Plain(Aligned<i8>),
    Stored(LevelPanels),
}

impl PackedWeightsI8 {
    /// Packs `weights`, `[n, k]` row-major, and `bias`, `[n]`, which takes in the input's zero point.
    ///
    /// - `run`: how many elements of the reduction lie side by side in the input; divides `k`.
    ///
    /// # Errors
    /// [`KernelError::Length`] and [`KernelError::Shape`] for sizes that do not fit, [`KernelError::Depth`] when `k`
    /// products do not fit an int32 accumulator, [`KernelError::Number`] for a weight of -128 and a bias beyond ±2^30.
    pub fn pack(
        weights: &[i8],
        n: usize,
        k: usize,
        run: usize,
        bias: &[i32],
        zero_point: u8,
        products: Products,
    ) -> Result<Self, KernelError> {
        check_len("weights", weights.len(), n.saturating_mul(k))?;
        check_reduction(k, run)?;
        check_accumulators(k, bias)?;
        check_weights(weights)?;
        let bias = folded_bias(bias, zero_point, n, |row| {
            weights[row * k..(row + 1) * k].iter().map(|w| i32::from(*w)).sum()
        })?;
        let step = products.len();
        let sizes = [n.div_ceil(NR), NR, k / run, run.next_multiple_of(step)];
        let mut panels = Vec::with_capacity(checked_len::<i8>("packed weights", &sizes)?);
        for panel in 0..n.div_ceil(NR) {
            let row = |column: usize| weights.get((panel * NR + column) * k..(panel * NR + column + 1) * k);
            for first in (0..k).step_by(run) {
                for group in (0..run).step_by(step) {
                    for column in 0..NR {
                        let value =
                            |i: usize| if i < run { row(column).map_or(0, |row| row[first + i]) } else { 0 };
                        panels.extend((group..group + step).map(value));
                    }
                }
            }
        }
        let storage = Storage::Plain(Aligned::from_slice(64, &panels));
        Ok(Self { storage, bias, n, k, run, products })
    }

    /// Packs levels that keep to their bits, `[n, stored]` row-major with `stored <= k`. What rows lack of the reduction
    /// is zero. The rest as in [`Self::pack`]; the product's scratch grows by [`Self::unpacked_len`].
    ///
    /// # Errors
    /// As [`Self::pack`]; [`KernelError::Number`] for levels and multipliers out of their range, [`KernelError::Shape`]
    /// for groups that do not [fit](crate::LevelGroups::fit) and for a run that is shorter than the reduction and not a
    /// multiple of four.
    pub fn pack_stored(
        weights: &StoredLevels<'_>,
        n: usize,
        k: usize,
        run: usize,
        bias: &[i32],
        zero_point: u8,
        products: Products,
    ) -> Result<Self, KernelError> {
        check_reduction(k, run)?;
        check_accumulators(k, bias)?;
        if run != k {
            check_fits("run of the reduction", run.next_multiple_of(UNIT_STEPS), run)?;
        }
        let stored = (weights.levels.len() / n.max(1)).min(k);
        let step = products.len();
        // A vector holds all neighbours of some columns; `step` vectors all columns.
        let at = |vector: usize, lane: usize| {
            (Some(vector / step * step + lane % step), vector % step * (NR / step) + lane / step)
        };
        let panels = LevelPanels::pack(weights, n, stored, k.next_multiple_of(step), at)?;
        let bias = folded_bias(bias, zero_point, n, |row| match weights.groups {
            None => weights.levels[row * stored..(row + 1) * stored].iter().map(|w| i32::from(*w)).sum(),
            Some(groups) => weights.levels[row * stored..(row + 1) * stored]
                .chunks(groups.len)
                .zip(&groups.multipliers[row * stored.div_ceil(groups.len)..])
                .map(|(levels, m)| i32::from(*m) * levels.iter().map(|w| i32::from(*w)).sum::<i32>())
                .sum(),
        })?;
        Ok(Self { storage: Storage::Stored(panels), bias, n, k, run, products })
    }

    /// Levels of scratch for the panel that each thread unpacks: 0 for plain weights.
    pub fn unpacked_len(&self) -> usize {
        scratch_of_all(self.unpacked_lane_len())
    }

    /// Scratch of [`Self::unpacked_len`] by threads.
    pub(super) fn unpacking<'s>(&self, scratch: &'s mut [i8]) -> Result<Lanes<'s, i8>, KernelError> {
        check_at_least("scratch for weights", scratch.len(), self.unpacked_lane_len())?;
        Ok(Lanes::new(scratch, self.unpacked_lane_len()))
    }

    fn unpacked_lane_len(&self) -> usize {
        match &self.storage {
            Storage::Plain(_) => 0,
            Storage::Stored(panels) => panels.panel_len(),
        }
    }

    /// Output channels.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Length of the reduction.
    pub fn k(&self) -> usize {
        self.k
    }

    /// How the product runs.
    pub fn products(&self) -> Products {
        self.products
    }

    /// Bytes of the packed weights and biases.
    pub fn bytes(&self) -> usize {
        let panels = match &self.storage {
            Storage::Plain(panels) => panels.len(),
            Storage::Stored(panels) => panels.bytes(),
        };
        panels + size_of_val(self.bias.as_slice())
    }

    /// Refuses rows in other runs than the weights were packed for. Runs of whole steps follow one another without filling,
    /// however many they are.
    pub(super) fn check_run(&self, run: usize) -> Result<(), KernelError> {
        let is_whole = |run: usize| run.is_multiple_of(self.products.len());
        if is_whole(run) && is_whole(self.run) {
            return Ok(());
        }
        check_fits("run of the weights", self.run, run)
    }

    fn n_panels(&self) -> usize {
        self.n.div_ceil(NR)
    }

    /// Elements of a panel.
    fn panel(&self) -> usize {
        self.k / self.run * self.run.next_multiple_of(self.products.len()) * NR
    }
}

fn check_reduction(k: usize, run: usize) -> Result<(), KernelError> {
    check_fits("reduction", k.min(1), 1)?;
    check_fits("run of the reduction", run * (k / run.max(1)), k)
}

/// Biases by panels, less what the input's zero point adds to the sums; `sum` is that of a row's weights.
fn folded_bias(
    bias: &[i32],
    zero_point: u8,
    n: usize,
    sum: impl Fn(usize) -> i32,
) -> Result<Vec<[i32; NR]>, KernelError> {
    check_len("bias", bias.len(), n)?;
    let folded = |row: usize| bias[row].wrapping_sub(i32::from(zero_point).wrapping_mul(sum(row)));
    let panel = |panel: usize| {
        std::array::from_fn(|column| {
            let row = panel * NR + column;
            if row < n { folded(row) } else { 0 }
        })
    };
    Ok((0..n.div_ceil(NR)).map(panel).collect())
}

/// A level of an activation as a product's input: a byte, or widened for pairs.
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

/// What becomes of a panel's accumulators.
pub(crate) trait Finish: Sync {
    /// Elements of the output.
    type Output: Send;
    /// What one panel needs, in registers.
    type Panel: Copy;

    fn panel(&self, panel: usize) -> Self::Panel;

    /// Writes `R` rows of a panel, four at most.
    ///
    /// # Safety
    /// `output` must be valid for writes of `R` blocks.
    unsafe fn store<const R: usize>(panel: &Self::Panel, acc: [[I32x4; 2]; R], output: *mut Self::Output);
}

/// To levels.
pub(crate) struct ToLevels<'a, const DOUBLES: bool>(pub(crate) &'a Requantization);

impl<'a, const DOUBLES: bool> Finish for ToLevels<'a, DOUBLES> {
    type Output = u8;
    type Panel = BlockRequantization<'a, DOUBLES>;

    #[inline(always)]
    fn panel(&self, panel: usize) -> Self::Panel {
        self.0.block(panel)
    }

    #[inline(always)]
    unsafe fn store<const R: usize>(panel: &Self::Panel, acc: [[I32x4; 2]; R], output: *mut u8) {
        // SAFETY: rows below `R`, whose blocks the caller vouches for.
        unsafe {
            if R > 1 {
                panel.two([acc[0], acc[1 % R]]).store_at(output);
            }
            if R > 3 {
                panel.two([acc[2 % R], acc[3 % R]]).store_at(output.add(2 * NR));
            }
            if R % 2 == 1 {
                panel.two([acc[R - 1]; 2]).store_half_at(output.add((R - 1) * NR));
            }
        }
    }
}

/// To real numbers: accumulators times a scale for each output channel.
pub(crate) struct ToReal<'a>(pub(crate) &'a [[f32; NR]]);

impl Finish for ToReal<'_> {
    type Output = f32;
    type Panel = [F32x4; 2];

    #[inline(always)]
    fn panel(&self, panel: usize) -> Self::Panel {
        let ([low, high], []) = self.0[panel].as_chunks::<4>() else { unreachable!("eight is two fours") };
        [F32x4::load(low), F32x4::load(high)]
    }

    #[inline(always)]
    unsafe fn store<const R: usize>(scales: &Self::Panel, acc: [[I32x4; 2]; R], output: *mut f32) {
        for (row, acc) in acc.into_iter().enumerate() {
            for half in 0..2 {
                // SAFETY: within the `R` blocks of the caller.
                unsafe { acc[half].to_f32().mul(scales[half]).store_at(output.add(row * NR + half * 4)) }
            }
        }
    }
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
    let block = (ROWS_LEVELS / weights.k / rows.line_len.max(1)).max(1);
    let n_panels = weights.n_panels();
    let work = product_work(n_rows, weights.k, n_panels);
    let parts = Parts::new(rows.n_lines, rows.n_lines.div_ceil(block), 1, n_panels, work, unpacked.n());
    parts.share(|part| {
        // SAFETY: the part's thread uses its lane only here.
        let unpacked = unsafe { unpacked.lane(part.lane) };
        for panel in part.columns {
            let b = product.panel::<T>(panel, unpacked);
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
            let b = product.panel::<T>(panel, unpacked);
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
    let (k, n_rows) = (weights.k, output.len() / NR);
    assert!(plain.len() >= n_rows * k && panel < weights.n_panels());
    assert!(k.is_multiple_of(T::STEP) && weights.products.len() == T::STEP);
    let walk = Walk { row: k, outer: (1, 0), inner: (1, 0), run: k };
    let product = IntegerProduct { weights, finish, output: &Disjoint::new(output), plane: 0 };
    let b = product.panel::<T>(panel, unpacked);
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
        check_fits("reduction of the weights", weights.k, walk.k())?;
        weights.check_run(walk.run)?;
        check_fits("products of the weights", weights.products.len(), T::STEP)?;
        let len = n_rows.saturating_mul(NR).saturating_mul(weights.n_panels());
        check_len("output", output.len(), len)?;
        Ok(Self { weights, finish, output, plane: n_rows * NR })
    }

    /// Where a panel lies as int8: in the weights, or in `unpacked`.
    fn panel<T: Level>(&self, panel: usize, unpacked: &mut [i8]) -> *const i8 {
        match &self.weights.storage {
            Storage::Plain(panels) => {
                let size = self.weights.panel();
                panels[panel * size..][..size].as_ptr()
            }
            Storage::Stored(panels) => {
                unpack_panel::<T>(panels, panel, unpacked);
                unpacked.as_ptr()
            }
        }
    }

    /// Multiplies `n_rows` rows with a panel; they are the output's rows from `first` on.
    ///
    /// # Safety
    /// `a` must be valid for reads of `n_rows` rows of the walk, its runs rounded up to whole steps, and `b` be what
    /// [`Self::panel`] gave. No other thread may run the same rows and panel.
    unsafe fn run<T: Level>(
        &self,
        panel: usize,
        b: *const i8,
        a: *const T,
        walk: Walk,
        first: usize,
        n_rows: usize,
    ) {
        let bias = self.weights.bias[panel].as_ptr();
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

/// Writes a panel's levels, times their multipliers, in the order of the products of `T`.
fn unpack_panel<T: Level>(panels: &LevelPanels, panel: usize, unpacked: &mut [i8]) {
    let halves = unpacked.as_chunks_mut::<16>().0.as_chunks_mut::<2>().0;
    panels.for_each_unit(panel, |unit, mut levels, multipliers| {
        if let Some(by_column) = multipliers {
            let [low, high] = by_column.interleave(by_column);
            let by_lane = match T::STEP {
                2 => [low, high, low, high],
                _ => {
                    let ([a, b], [c, d]) = (low.interleave(low), high.interleave(high));
                    [a, b, c, d]
                }
            };
            levels = std::array::from_fn(|vector| levels[vector].mul(by_lane[vector]));
        }
        let [a, b, c, d] = levels;
        let [first, last] = &mut halves[unit];
        I8x16::narrow(a, b).store(first);
        I8x16::narrow(c, d).store(last);
    });
}
