//! Where the rows of a matrix product lie in an activation.

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
