//! float32 matrix product with packed weights: the inside of every dense layer.
//!
//! The tile is 4 rows (pixels) by 8 columns (output channels): 8 accumulators, one weight vector and 4 splatted
//! activations at a time fill the 15 vector registers that V8 gives a function, and larger tiles spill. One step of the
//! reduction is one turn of the loop: compilers that unroll it move all products of one accumulator together, which
//! spills too, while browsers unroll it in order.
//!
//! A tile's rows are read where they lie. A [`Walk`] says where: the reduction of a row consists of runs, which lie at
//! two nested strides, so that blocked activations and windows over an image need no copy into a matrix.

#![allow(
    unsafe_code,
    reason = "tiles read and write through pointers; `Product::new` checks every range once"
)]

use std::ops::Range;

use crate::KernelError;
use crate::blocks::{Aligned, BLOCK, zeros};
use crate::elementwise::Clamp;
use crate::error::{check_at_least, check_fits, check_len, checked_len};
use crate::lanes::F32x4;
use crate::parts::{Disjoint, Lanes, Parts, lanes_that_fit, scratch_of_all};
use crate::storage::{StoredPanels, StoredWeights};

/// Rows of the tile.
const MR: usize = 4;
/// Columns of the tile: output channels of a panel, and channels of a block of the output.
pub(crate) const NR: usize = BLOCK;
/// Panels that are multiplied with one block of rows before the next: few rows left over take them side by side.
const GROUP: usize = 4;
/// Activations (in floats) of a block of rows: 128 kB, a part of L2.
const ROWS_FLOATS: usize = 1 << 15;

/// Weights `[n, k]` and biases `[n]` packed in panels of eight output channels.
///
/// ```text
/// panel 0:  bias[0] … bias[7]   w[0][0] w[1][0] … w[7][0]   w[0][1] … w[7][1]   …   w[0][k-1] … w[7][k-1]
/// panel 1:  bias[8] …
/// ```
/// The last panel is filled up with zeros. Weights in reduced storage keep it in panels of their own and look like this
/// only while they are multiplied.
#[derive(Clone, Debug, PartialEq)]
pub struct PackedWeightsF32 {
    storage: Storage,
    n: usize,
    k: usize,
}

#[derive(Clone, Debug, PartialEq)]
enum Storage {
    Plain(Aligned<f32>),
    Stored(StoredPanels),
}

impl PackedWeightsF32 {
    /// Packs `weights`, `[n, k]` row-major, and `bias`, `[n]`.
    ///
    /// # Errors
    /// [`KernelError::Length`] when `weights` does not hold `n * k` values or `bias` not `n`, [`KernelError::Shape`]
    /// for an empty reduction, [`KernelError::Size`] when memory cannot hold the panels.
    pub fn pack(weights: &[f32], n: usize, k: usize, bias: &[f32]) -> Result<Self, KernelError> {
        check_len("weights", weights.len(), n.saturating_mul(k))?;
        check_len("bias", bias.len(), n)?;
        check_fits("reduction", k.min(1), 1)?;
        let size = checked_len::<f32>("packed weights", &[k.saturating_add(1), NR])?;
        let mut panels = zeros(checked_len::<f32>("packed weights", &[n.div_ceil(NR), size])?);
        for (panel, panels) in panels.chunks_exact_mut(size).enumerate() {
            for (column, o) in (panel * NR..n.min((panel + 1) * NR)).enumerate() {
                panels[column] = bias[o];
                for (row, w) in panels.chunks_exact_mut(NR).skip(1).zip(&weights[o * k..]) {
                    row[column] = *w;
                }
            }
        }
        Ok(Self { storage: Storage::Plain(panels), n, k })
    }

    /// Packs weights that stay in reduced storage, `[n, stored]` row-major with `stored <= k`, and `bias`, `[n]`. What
    /// rows lack of the reduction is zero.
    ///
    /// A product gives the same bits as one of the floats that the weights stand for. Its scratch grows by
    /// [`Self::unpacked_len`].
    ///
    /// # Errors
    /// As [`Self::pack`]; [`KernelError::Number`] for levels, codes and multipliers out of their range,
    /// [`KernelError::Shape`] for groups that do not [fit](crate::LevelGroups::fit).
    pub fn pack_stored(
        weights: &StoredWeights<'_>,
        n: usize,
        k: usize,
        bias: &[f32],
    ) -> Result<Self, KernelError> {
        check_fits("reduction", k.min(1), 1)?;
        Ok(Self { storage: Storage::Stored(StoredPanels::pack(weights, n, k, bias)?), n, k })
    }

    /// Floats of scratch for panels that each thread unpacks together: 0 for plain weights.
    pub fn unpacked_len(&self) -> usize {
        scratch_of_all(self.unpacked_lane_len())
    }

    /// Scratch of [`Self::unpacked_len`] by threads.
    pub(crate) fn unpacking<'s>(&self, scratch: &'s mut [f32]) -> Result<Lanes<'s, f32>, KernelError> {
        check_at_least("scratch", scratch.len(), self.unpacked_lane_len())?;
        Ok(Lanes::new(scratch, self.unpacked_lane_len()))
    }

    fn unpacked_lane_len(&self) -> usize {
        match &self.storage {
            Storage::Plain(_) => 0,
            Storage::Stored(panels) => self.n_panels().min(GROUP) * panels.panel_len(),
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

    /// Bytes of the packed weights and biases.
    pub fn bytes(&self) -> usize {
        match &self.storage {
            Storage::Plain(panels) => size_of_val(panels.as_slice()),
            Storage::Stored(panels) => panels.bytes(),
        }
    }

    /// Floats from a panel to the next one, unpacked.
    fn stride(&self) -> usize {
        match &self.storage {
            Storage::Plain(_) => (self.k + 1) * NR,
            Storage::Stored(panels) => panels.panel_len(),
        }
    }

    fn n_panels(&self) -> usize {
        self.n.div_ceil(NR)
    }
}

/// Where the reduction of one row lies, in elements from the row's first one.
///
/// Runs of `run` contiguous elements; `inner.0` runs at distances of `inner.1`; `outer.0` such sequences at distances
/// of `outer.1`. The next row begins `row` elements later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Walk {
    pub(crate) row: usize,
    pub(crate) outer: (usize, usize),
    pub(crate) inner: (usize, usize),
    pub(crate) run: usize,
}

impl Walk {
    /// Elements of the reduction.
    pub(crate) fn k(&self) -> usize {
        self.outer.0 * self.inner.0 * self.run
    }

    /// Elements from a row's first to the end of its last.
    fn extent(&self) -> usize {
        (self.outer.0 - 1) * self.outer.1 + (self.inner.0 - 1) * self.inner.1 + self.run
    }
}

/// The rows of a product: lines of pixels, `line` elements apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows {
    pub(crate) walk: Walk,
    pub(crate) n_lines: usize,
    pub(crate) line_len: usize,
    pub(crate) line: usize,
}

impl Rows {
    /// Elements from the first row's first to the end of the last row's last.
    pub(crate) fn extent(&self) -> usize {
        match self.n_lines * self.line_len {
            0 => 0,
            _ => (self.n_lines - 1) * self.line + (self.line_len - 1) * self.walk.row + self.walk.extent(),
        }
    }
}

/// Rows that lie in blocks of channels, pixel by pixel: the input of a pointwise convolution.
///
/// They are copied into plain rows, a unit's at a time, so that the inner loop runs over the whole reduction: leaving it
/// every eight elements costs more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlockedRows {
    pub(crate) n_rows: usize,
    pub(crate) n_blocks: usize,
}

impl BlockedRows {
    /// Elements of a row.
    pub(crate) fn k(&self) -> usize {
        self.n_blocks * BLOCK
    }

    /// Copies rows from `first` on into `plain`, `[rows, k]`, each block of eight by `copy`.
    #[inline(always)]
    pub(crate) fn gather<T, U>(
        &self,
        blocked: &[T],
        first: usize,
        plain: &mut [U],
        copy: impl Fn(&[T; BLOCK], &mut [U; BLOCK]),
    ) {
        let k = self.k();
        for (block, plane) in blocked.chunks_exact(self.n_rows * BLOCK).enumerate() {
            let pixels = plane[first * BLOCK..].as_chunks::<BLOCK>().0;
            for (row, pixel) in plain.chunks_exact_mut(k).zip(pixels) {
                let row = row[block * BLOCK..].first_chunk_mut().expect("a row holds whole blocks");
                copy(pixel, row);
            }
        }
    }
}

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
    rows_per_unit(ROWS_FLOATS, k.max(1), MR).saturating_mul(k)
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
    let block = (ROWS_FLOATS / weights.k / rows.line_len.max(1)).max(1);
    let n_panels = weights.n_panels();
    let work = product_work(n_rows, weights.k, n_panels);
    let parts = Parts::new(rows.n_lines, rows.n_lines.div_ceil(block), 1, n_panels, work, unpacked.n());
    parts.share(|part| {
        // SAFETY: the part's thread uses its lane only here.
        let unpacked = unsafe { unpacked.lane(part.lane) };
        for group in groups(part.columns) {
            let b = product.panels(&group, unpacked);
            for line in part.rows.clone() {
                // SAFETY: a line's rows end within `rows.extent()`, which `a` reaches; `b` is the group. No other part has
                // both these lines and these panels.
                unsafe {
                    let a = a.as_ptr().add(line * rows.line);
                    product.run(group.clone(), b, a, rows.walk, line * rows.line_len, rows.line_len);
                }
            }
        }
    });
    Ok(())
}

/// The same for blocked rows; `scratch` holds at least [`pointwise_scratch_len`] and the weights' unpacked panels.
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
    let block = rows_per_unit(ROWS_FLOATS, k, MR);
    check_at_least("scratch", scratch.len(), lane_len(k))?;
    let lanes = Lanes::new(scratch, lane_len(k));
    let walk = Walk { row: k, outer: (1, 0), inner: (1, 0), run: k };
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
            rows.gather(a, first, plain, |block, plain| *plain = *block);
        }
        for group in groups(part.columns) {
            let b = product.panels(&group, unpacked);
            // SAFETY: `plain` holds `n_rows` rows of `k` elements, `b` is the group. No other part has both these rows and
            // these panels.
            unsafe { product.run(group, b, plain.as_ptr(), walk, first, n_rows) };
        }
    });
    Ok(())
}

/// Takes room for unpacked panels from the beginning of the scratch.
pub(crate) fn split_unpacked<'s>(
    scratch: &'s mut [f32],
    weights: &PackedWeightsF32,
    needed: usize,
) -> Result<(Lanes<'s, f32>, &'s mut [f32]), KernelError> {
    let lane = weights.unpacked_lane_len();
    check_at_least("scratch", scratch.len(), lane.saturating_add(needed))?;
    // There may be more threads than when the scratch was made.
    let (unpacked, rest) = scratch.split_at_mut(lanes_that_fit(lane, scratch.len() - needed));
    Ok((weights.unpacking(unpacked)?, rest))
}

/// Plain rows, `[n_rows, k]`, times one panel: `output` holds one block for each row.
pub(crate) fn multiply_panel_f32(
    plain: &[f32],
    weights: &PackedWeightsF32,
    panel: usize,
    clamp: Clamp<'_>,
    unpacked: &mut [f32],
    output: &mut [f32],
) {
    let (k, n_rows) = (weights.k, output.len() / NR);
    assert!(plain.len() >= n_rows * k && panel < weights.n_panels());
    let (stride, output) = (weights.stride(), &Disjoint::new(output));
    let product = Product { weights, stride, residual: None, clamp, output, plane: 0 };
    let b = product.panels(&(panel..panel + 1), unpacked);
    let walk = Walk { row: k, outer: (1, 0), inner: (1, 0), run: k };
    // SAFETY: `plain` holds `n_rows` rows of `k` elements, `b` is the panel, and nobody else has the output.
    unsafe { product.run(panel..panel + 1, b, plain.as_ptr(), walk, 0, n_rows) };
}

/// Panels that are multiplied together.
fn groups(panels: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let end = panels.end;
    panels.step_by(GROUP).map(move |first| first..(first + GROUP).min(end))
}

/// What a product multiplies with and writes to.
struct Product<'a> {
    weights: &'a PackedWeightsF32,
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
        weights: &'a PackedWeightsF32,
        residual: Option<&'a [f32]>,
        clamp: Clamp<'a>,
        output: &'a Disjoint<'a, f32>,
    ) -> Result<Self, KernelError> {
        check_fits("reduction of the weights", weights.k, k)?;
        let len = n_rows.saturating_mul(NR).saturating_mul(weights.n_panels());
        check_len("output", output.len(), len)?;
        if let Some(residual) = residual {
            check_len("residual", residual.len(), output.len())?;
        }
        clamp.check_channels(weights.n)?;
        let stride = weights.stride();
        Ok(Self { weights, stride, residual, clamp, output, plane: n_rows * NR })
    }

    /// Where a group's panels lie as floats, `stride` apart: in the weights, or in `unpacked`.
    fn panels(&self, group: &Range<usize>, unpacked: &mut [f32]) -> *const f32 {
        match &self.weights.storage {
            Storage::Plain(panels) => panels[group.start * self.stride..group.end * self.stride].as_ptr(),
            Storage::Stored(panels) => {
                let unpacked = &mut unpacked[..group.len() * self.stride];
                for (panel, unpacked) in group.clone().zip(unpacked.chunks_exact_mut(self.stride)) {
                    panels.unpack(panel, unpacked);
                }
                unpacked.as_ptr()
            }
        }
    }

    /// Multiplies `n_rows` rows with a group of panels; they are the output's rows from `first` on.
    ///
    /// # Safety
    /// `a` must be valid for reads of `n_rows` rows of the walk, `b` be what [`Self::panels`] gave for the group. No other
    /// thread may run the same rows and panels.
    unsafe fn run(
        &self,
        panels: Range<usize>,
        b: *const f32,
        a: *const f32,
        walk: Walk,
        first: usize,
        n_rows: usize,
    ) {
        let (start, stride) = (panels.start, self.stride);
        let b = |panel: usize| b.wrapping_add((panel - start) * stride);
        // SAFETY: rows up to `n_rows` and panels of the group only, which the caller vouches for.
        unsafe {
            for panel in panels.clone() {
                let mut row = 0;
                while row + MR <= n_rows {
                    self.tile::<MR, 1>(panel, b(panel), a.add(row * walk.row), walk, first + row);
                    row += MR;
                }
            }
            let left = n_rows % MR;
            let (row, a) = (first + n_rows - left, a.add((n_rows - left) * walk.row));
            match (left, panels.len()) {
                (0, _) => {}
                (1, GROUP) => self.tile::<1, GROUP>(start, b(start), a, walk, row),
                (1, _) => panels.for_each(|panel| self.tile::<1, 1>(panel, b(panel), a, walk, row)),
                (2, GROUP) => {
                    self.tile::<2, 2>(start, b(start), a, walk, row);
                    self.tile::<2, 2>(start + 2, b(start + 2), a, walk, row);
                }
                (2, _) => panels.for_each(|panel| self.tile::<2, 1>(panel, b(panel), a, walk, row)),
                _ => panels.for_each(|panel| self.tile::<3, 1>(panel, b(panel), a, walk, row)),
            }
        }
    }

    /// `R` rows times `P` panels; they are the output's rows from `row` on.
    ///
    /// # Safety
    /// `a` must be valid for reads of `R` rows of the walk, `b` for `P` panels. No other thread may run the same rows and
    /// panels.
    #[inline(always)]
    unsafe fn tile<const R: usize, const P: usize>(
        &self,
        panel: usize,
        b: *const f32,
        a: *const f32,
        walk: Walk,
        row: usize,
    ) {
        // SAFETY: `a` and `b` are the caller's; a panel is the bias and at least `k` vectors, and `new` checked that the
        // reduction of the rows is `k` long.
        let acc = unsafe { multiply::<R, P>(a, walk, b, self.stride) };
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

/// Accumulators of `R` rows and `P` panels, from the biases on: `[panel][row][half]`.
///
/// # Safety
/// `a` must be valid for reads of `R` rows of the walk. `b` must point to `P` panels, `panel` floats apart, each with a
/// vector of biases and as many vectors of weights as the walk's reduction is long.
#[inline(always)]
unsafe fn multiply<const R: usize, const P: usize>(
    a: *const f32,
    walk: Walk,
    b: *const f32,
    panel: usize,
) -> [[[F32x4; 2]; R]; P] {
    // SAFETY: the caller's; all offsets stay within the walk and the panels.
    unsafe {
        let mut acc: [[[F32x4; 2]; R]; P] = std::array::from_fn(|p| {
            let bias = b.add(p * panel);
            [[F32x4::load_at(bias), F32x4::load_at(bias.add(4))]; R]
        });
        let (mut b, mut sequence) = (b.add(NR), a);
        for _ in 0..walk.outer.0 {
            let mut run = sequence;
            for _ in 0..walk.inner.0 {
                let mut rows: [*const f32; R] = std::array::from_fn(|row| run.add(row * walk.row));
                for _ in 0..walk.run {
                    let x: [F32x4; R] = std::array::from_fn(|row| F32x4::splat_at(rows[row]));
                    for (p, acc) in acc.iter_mut().enumerate() {
                        let [w0, w1] = [0, 4].map(|half| F32x4::load_at(b.add(p * panel + half)));
                        for (acc, x) in acc.iter_mut().zip(x) {
                            *acc = [x.mul_add(w0, acc[0]), x.mul_add(w1, acc[1])];
                        }
                    }
                    b = b.add(NR);
                    rows = rows.map(|row| row.add(1));
                }
                run = run.wrapping_add(walk.inner.1);
            }
            sequence = sequence.wrapping_add(walk.outer.1);
        }
        acc
    }
}
