//! How a kernel's work is cut into parts, and how threads write to different places of one slice.

#![allow(
    unsafe_code,
    reason = "parts write to disjoint ranges of one slice; `Disjoint` checks that they are inside"
)]

use std::marker::PhantomData;
use std::ops::Range;
use std::slice;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::threads::{MAX_THREADS, share, threads};

/// Multiply-adds of a dense layer that a part has at least, about 5 us: handing it out costs a fraction of one.
/// Tests cut even the smallest work.
const LEAST_WORK: usize = if cfg!(test) { 1 } else { 100_000 };

/// Parts for each thread, so that one that is slow or comes late takes fewer.
const PARTS_PER_THREAD: usize = 8;

/// Elements from one lane's scratch to the next one's: whole cache lines.
const LANE_UNIT: usize = 64;

/// Elements of scratch for all threads, of which each needs `len`; saturates.
pub(crate) fn scratch_of_all(len: usize) -> usize {
    match threads() {
        1 => len,
        n => lane_pitch(len).saturating_mul(n),
    }
}

fn lane_pitch(len: usize) -> usize {
    len.div_ceil(LANE_UNIT).saturating_mul(LANE_UNIT)
}

/// Elements of as many lanes of `len` as there are threads and `room` has place for, at least one.
pub(crate) fn lanes_that_fit(len: usize, room: usize) -> usize {
    match (room / lane_pitch(len).max(1)).min(threads()) {
        0 | 1 => len,
        n => n * lane_pitch(len),
    }
}

/// Scratch cut into lanes, one for each thread.
pub(crate) struct Lanes<'a, T> {
    scratch: Disjoint<'a, T>,
    len: usize,
    n: usize,
    /// Which rows each lane holds.
    held: [AtomicUsize; MAX_THREADS],
}

impl<'a, T> Lanes<'a, T> {
    /// As many lanes of `len` as there are threads and `scratch` has room for, at least one; `scratch` holds `len` at
    /// least.
    pub(crate) fn new(scratch: &'a mut [T], len: usize) -> Self {
        let n = match lane_pitch(len) {
            0 => threads(),
            pitch => (scratch.len() / pitch).clamp(1, threads()),
        };
        let held = [const { AtomicUsize::new(usize::MAX) }; MAX_THREADS];
        Self { scratch: Disjoint::new(scratch), len, n, held }
    }

    /// How many.
    pub(crate) fn n(&self) -> usize {
        self.n
    }

    /// Whether the part's rows are those that its lane was asked about last. If not, the caller prepares them.
    pub(crate) fn holds(&self, part: &Part) -> bool {
        self.held[part.lane].swap(part.row_part, Ordering::Relaxed) == part.row_part
    }

    /// One thread's scratch.
    ///
    /// # Safety
    /// No two results for one lane may live at the same time.
    #[expect(clippy::mut_from_ref, reason = "lanes do not overlap, and the caller has only one of each")]
    pub(crate) unsafe fn lane(&self, lane: usize) -> &mut [T] {
        assert!(lane < self.n);
        let first = lane * lane_pitch(self.len);
        // SAFETY: lanes do not overlap, and of one lane the caller keeps one result.
        unsafe { self.scratch.range(first..first + self.len) }
    }
}

/// A slice whose disjoint ranges are written by several threads.
pub(crate) struct Disjoint<'a, T> {
    start: *mut T,
    len: usize,
    slice: PhantomData<&'a mut [T]>,
}

// SAFETY: it gives out exclusive references to elements, and whoever asks for them vouches that they do not overlap.
unsafe impl<T: Send> Sync for Disjoint<'_, T> {}

impl<'a, T> Disjoint<'a, T> {
    pub(crate) fn new(slice: &'a mut [T]) -> Self {
        Self { start: slice.as_mut_ptr(), len: slice.len(), slice: PhantomData }
    }

    /// Elements.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The elements of `range`, which must lie inside.
    ///
    /// # Safety
    /// Results that live at the same time must not overlap.
    #[inline(always)]
    #[expect(clippy::mut_from_ref, reason = "ranges do not overlap, says the caller")]
    pub(crate) unsafe fn range(&self, range: Range<usize>) -> &mut [T] {
        assert!(range.start <= range.end && range.end <= self.len);
        // SAFETY: inside the slice that this borrows exclusively; overlaps are the caller's to avoid.
        unsafe { slice::from_raw_parts_mut(self.start.add(range.start), range.len()) }
    }
}

/// Work on a table of rows and columns (rows of pixels, panels of channels), cut along both.
///
/// Parts along the columns come one after the other for the same rows. A thread that takes neighbouring parts so prepares
/// rows mostly once, and has the same region of the image in one layer after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    rows: usize,
    columns: usize,
    row_parts: usize,
    column_parts: usize,
    lanes: usize,
}

impl Parts {
    /// Cuts `rows` into at least `row_parts` parts, for several threads further until each has some: along the rows as
    /// far as parts keep `least_rows`, then along the columns. `work` is what all is worth in multiply-adds of a dense
    /// layer.
    pub(crate) fn new(
        rows: usize,
        row_parts: usize,
        least_rows: usize,
        columns: usize,
        work: usize,
        lanes: usize,
    ) -> Self {
        let row_parts = row_parts.clamp(rows.min(1), rows);
        let wanted = (lanes * PARTS_PER_THREAD).min(work / LEAST_WORK);
        if lanes < 2 || wanted < 2 {
            return Self { rows, columns, row_parts, column_parts: columns.min(1), lanes: 1 };
        }
        let row_parts = row_parts.max(wanted.min(rows / least_rows.max(1)));
        let column_parts = wanted.div_ceil(row_parts.max(1)).clamp(columns.min(1), columns);
        Self { rows, columns, row_parts, column_parts, lanes }
    }

    /// As [`Parts::new`] with a part for each row.
    pub(crate) fn of_rows(rows: usize, columns: usize, work: usize, lanes: usize) -> Self {
        Self::new(rows, rows, 1, columns, work, lanes)
    }

    /// Cuts `len` elements of which each is worth `work` multiply-adds.
    pub(crate) fn of_elements(len: usize, work: usize) -> Self {
        Self::new(1, 1, 1, len, len.saturating_mul(work), threads())
    }

    /// Does each part on one of the threads.
    pub(crate) fn share(&self, work: impl Fn(Part) + Sync) {
        share(self.lanes, self.row_parts * self.column_parts, &|part, lane| work(self.part(part, lane)));
    }

    fn part(&self, part: usize, lane: usize) -> Part {
        let (row_part, column_part) = (part / self.column_parts, part % self.column_parts);
        // The product may be beyond a `usize`.
        let place =
            |part: usize, parts: usize, len: usize| (part as u128 * len as u128 / parts as u128) as usize;
        let cut =
            |part: usize, parts: usize, len: usize| place(part, parts, len)..place(part + 1, parts, len);
        Part {
            row_part,
            rows: cut(row_part, self.row_parts, self.rows),
            columns: cut(column_part, self.column_parts, self.columns),
            lane,
        }
    }
}

/// Some rows and columns of a table, and the thread that works on them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) row_part: usize,
    pub(crate) rows: Range<usize>,
    pub(crate) columns: Range<usize>,
    pub(crate) lane: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_every_place_once() {
        for (rows, row_parts, least_rows, columns, work, lanes) in [
            (0, 0, 6, 3, 1000, 2),
            (5, 1, 6, 0, 1000, 2),
            (1, 1, 6, 1, 1000, 4),
            (49, 2, 6, 20, 1_000_000, 2),
            (49, 2, 1, 20, 3, 3),
            (13, 5, 2, 7, 1_000_000, 4),
            (4, 4, 1, 12, 1_000_000, 1),
        ] {
            let parts = Parts::new(rows, row_parts, least_rows, columns, work, lanes);
            let mut seen = vec![0; rows * columns];
            for part in (0..parts.row_parts * parts.column_parts).map(|part| parts.part(part, 0)) {
                assert!(part.rows.len() <= rows.div_ceil(row_parts), "{parts:?}");
                for row in part.rows {
                    part.columns.clone().for_each(|column| seen[row * columns + column] += 1);
                }
            }
            assert!(seen.iter().all(|count| *count == 1), "{parts:?}");
        }
    }

    #[test]
    fn the_cuts_of_a_huge_table_do_not_wrap() {
        let rows = usize::MAX / 4;
        let parts = Parts::new(rows, 1 << 20, 1, 1, usize::MAX, 2);
        let last = parts.part(parts.row_parts * parts.column_parts - 1, 0);
        assert_eq!(last.rows.end, rows);
        assert!(last.rows.start < last.rows.end);
    }

    #[test]
    fn several_threads_get_several_parts_each_unless_there_is_little_work() {
        let parts = Parts::new(49, 1, 49, 20, 10_000_000, 2);
        assert_eq!((parts.row_parts, parts.column_parts), (1, 16));
        let parts = Parts::new(49, 3, 6, 20, 10_000_000, 2);
        assert_eq!((parts.row_parts, parts.column_parts), (8, 2));
        let parts = Parts::new(49, 3, 1, 20, 1, 2);
        assert_eq!((parts.row_parts, parts.column_parts, parts.lanes), (3, 1, 1));
    }

    #[test]
    fn lanes_are_as_many_as_there_is_room_for() {
        let threads = crate::start_threads(3).unwrap_or(1);
        let mut scratch = vec![0_u8; 3 * LANE_UNIT - 1];
        let lanes = Lanes::new(&mut scratch, 5);
        assert_eq!(lanes.n(), threads.min(2));
        // SAFETY: one result at a time.
        assert_eq!(unsafe { lanes.lane(0) }.len(), 5);
        assert_eq!(Lanes::new(&mut scratch[..5], 5).n(), 1);
    }

    #[test]
    #[should_panic(expected = "range.end <= self.len")]
    fn a_range_outside_is_refused() {
        let mut values = [0; 4];
        let values = Disjoint::new(&mut values);
        // SAFETY: the only result.
        let _ = unsafe { values.range(2..5) };
    }
}
