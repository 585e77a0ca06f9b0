//! Where the rows of a matrix product lie, in an activation or in tiles copied from one.

#![allow(unsafe_code, reason = "the inner loops of products read through the pointers given here")]

use crate::blocks::BLOCK;

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
    pub(crate) fn extent(&self) -> usize {
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

/// Rows of a tile.
pub(crate) const TILE: usize = 4;

/// An element of a product's rows.
pub(crate) trait Operand: Copy + Send + Sync {
    /// What lies in a block of channels.
    type Stored: Copy;
    /// Neighbours in a row that an instruction takes at once; divides [`BLOCK`].
    const STEP: usize;

    fn of(stored: Self::Stored) -> Self;

    /// A block of channels of four pixels as a part of a tile.
    fn interleave(pixels: &[[Self::Stored; BLOCK]; TILE], tile: &mut [Self; TILE * BLOCK]);
}

/// Rows as a product's inner loop reads them.
///
/// # Safety
/// [`Source::each_step`] must call `step` as often as a row has steps, with places of whole steps inside the source.
pub(crate) unsafe trait Source<T: Operand>: Copy {
    /// Calls `step` for each step of the reduction of rows `first..first + R` with the places of their elements.
    ///
    /// # Safety
    /// The source must be valid for reads of these rows; in a [`Tiled`] one they must be a whole tile.
    unsafe fn each_step<const R: usize>(self, first: usize, step: impl FnMut([*const T; R]));
}

/// Rows that a [`Walk`] leads along, the last step of a run rounded up.
#[derive(Clone, Copy)]
pub(crate) struct Walked<T> {
    pub(crate) start: *const T,
    pub(crate) walk: Walk,
}

// SAFETY: the walk's runs, each rounded up to whole steps, which whoever makes the source vouches for.
unsafe impl<T: Operand> Source<T> for Walked<T> {
    #[inline(always)]
    unsafe fn each_step<const R: usize>(self, first: usize, mut step: impl FnMut([*const T; R])) {
        let Self { start, walk } = self;
        let mut sequence = start.wrapping_add(first * walk.row);
        let steps = walk.run.div_ceil(T::STEP);
        for _ in 0..walk.outer.0 {
            let mut run = sequence;
            for _ in 0..walk.inner.0 {
                let mut rows: [*const T; R] = std::array::from_fn(|row| run.wrapping_add(row * walk.row));
                for _ in 0..steps {
                    step(rows);
                    rows = rows.map(|row| row.wrapping_add(T::STEP));
                }
                run = run.wrapping_add(walk.inner.1);
            }
            sequence = sequence.wrapping_add(walk.outer.1);
        }
    }
}

/// Tiles that [`BlockedRows::gather`] made, of rows of `k` elements, which [`Operand::STEP`] divides. A tile is read whole:
/// four rows from a multiple of four on, and those that are left all at once.
#[derive(Clone, Copy)]
pub(crate) struct Tiled<T> {
    pub(crate) start: *const T,
    pub(crate) k: usize,
}

// SAFETY: a tile of `R` rows is `R * k` elements, and `STEP` divides `k`.
unsafe impl<T: Operand> Source<T> for Tiled<T> {
    #[inline(always)]
    unsafe fn each_step<const R: usize>(self, first: usize, mut step: impl FnMut([*const T; R])) {
        let mut at = self.start.wrapping_add(first * self.k);
        for _ in 0..self.k / T::STEP {
            step(std::array::from_fn(|row| at.wrapping_add(row * T::STEP)));
            at = at.wrapping_add(R * T::STEP);
        }
    }
}

/// Rows that lie in blocks of channels, pixel by pixel: the input of a pointwise convolution.
///
/// They are copied into tiles, a unit's at a time, so that the inner loop runs over the whole reduction (leaving it every
/// eight elements costs more) and has one address for all rows of a tile.
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

    /// Copies as many rows from `first` on as `tiles` holds, each of [`Self::k`] elements.
    ///
    /// ```text
    /// four rows:       r0[0] r1[0] r2[0] r3[0]  r0[1] r1[1] …              (steps of one)
    ///                  r0[0] r0[1]  r1[0] r1[1]  …  r3[1]  r0[2] r0[3] …   (steps of two)
    /// the rows left:   the same with one to three of them
    /// ```
    #[inline(always)]
    pub(crate) fn gather<T: Operand>(&self, blocked: &[T::Stored], first: usize, tiles: &mut [T]) {
        let k = self.k();
        let n_rows = tiles.len() / k.max(1);
        let (whole, rest) = tiles.split_at_mut(n_rows / TILE * TILE * k);
        for (block, plane) in blocked.chunks_exact((self.n_rows * BLOCK).max(1)).enumerate() {
            let pixels = &plane[first * BLOCK..(first + n_rows) * BLOCK].as_chunks::<BLOCK>().0;
            let (fours, left) = pixels.as_chunks::<TILE>();
            for (tile, four) in whole.chunks_exact_mut(TILE * k).zip(fours) {
                let place = tile[block * TILE * BLOCK..].first_chunk_mut();
                T::interleave(four, place.expect("a tile holds whole blocks"));
            }
            for (row, pixel) in left.iter().enumerate() {
                for (step, stored) in pixel.chunks_exact(T::STEP).enumerate() {
                    let place = ((block * BLOCK / T::STEP + step) * left.len() + row) * T::STEP;
                    for (element, stored) in rest[place..].iter_mut().zip(stored) {
                        *element = T::of(*stored);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pixels that tell where they come from: channel `c` of pixel `p` is `100 * p + c`, in bytes modulo 256.
    fn check<T: Operand + PartialEq + std::fmt::Debug>(stored: impl Fn(usize) -> T::Stored) {
        for n_rows in 1..=9 {
            let rows = BlockedRows { n_rows: n_rows + 2, n_blocks: 3 };
            let value = |row: usize, channel: usize| 100 * row + channel;
            let blocked: Vec<T::Stored> = (0..rows.n_rows * rows.k())
                .map(|i| {
                    let (block, rest) = (i / (rows.n_rows * BLOCK), i % (rows.n_rows * BLOCK));
                    stored(value(rest / BLOCK, block * BLOCK + rest % BLOCK))
                })
                .collect();
            let mut tiles = vec![T::of(stored(7)); n_rows * rows.k()];
            rows.gather(&blocked, 1, &mut tiles);
            let source = Tiled { start: tiles.as_ptr(), k: rows.k() };
            let mut seen = vec![Vec::new(); n_rows];
            let mut read = |first: usize, row: usize, at: *const T| {
                // SAFETY: a step of a row inside the tiles.
                seen[first + row].extend((0..T::STEP).map(|i| unsafe { *at.add(i) }));
            };
            for first in (0..n_rows).step_by(TILE) {
                // SAFETY: whole tiles.
                unsafe {
                    match n_rows - first {
                        1 => source
                            .each_step::<1>(first, |at| (0..1).for_each(|row| read(first, row, at[row]))),
                        2 => source
                            .each_step::<2>(first, |at| (0..2).for_each(|row| read(first, row, at[row]))),
                        3 => source
                            .each_step::<3>(first, |at| (0..3).for_each(|row| read(first, row, at[row]))),
                        _ => source
                            .each_step::<4>(first, |at| (0..4).for_each(|row| read(first, row, at[row]))),
                    }
                }
            }
            for (row, seen) in seen.into_iter().enumerate() {
                let expected: Vec<T> =
                    (0..rows.k()).map(|channel| T::of(stored(value(row + 1, channel)))).collect();
                assert_eq!(seen, expected, "row {row} of {n_rows}");
            }
        }
    }

    #[test]
    fn tiles_hold_each_row_in_order() {
        check::<f32>(|value| value as f32);
        check::<i16>(|value| value as u8);
        check::<u8>(|value| value as u8);
        check::<i8>(|value| value as u8);
    }
}
