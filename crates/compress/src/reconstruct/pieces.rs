//! Long work as a state.

use std::ops::ControlFlow;

use crate::CompressError;

/// Arithmetic of a piece: some 30 ms in a browser.
pub(super) const PIECE_PRODUCTS: usize = 40_000_000;

/// Work that is done in pieces of bounded length. Dropping it is cancelling it.
pub trait Pieces: Sized {
    /// What it makes.
    type Output;

    /// Does the next piece: `Continue` with what is left, `Break` with the result.
    ///
    /// # Errors
    /// What the work refuses; it is then over.
    fn advance(self) -> Result<ControlFlow<Self::Output, Self>, CompressError>;

    /// Share of the work that is done, `0.0..=1.0`.
    fn progress(&self) -> f64;

    /// Does all that is left.
    ///
    /// # Errors
    /// As [`Self::advance`].
    fn finish(mut self) -> Result<Self::Output, CompressError> {
        loop {
            match self.advance()? {
                ControlFlow::Continue(rest) => self = rest,
                ControlFlow::Break(output) => return Ok(output),
            }
        }
    }
}

/// Rows of a piece that costs `products` for each row, of which there are `n_rows`.
pub(super) fn rows_per_piece(products: usize, n_rows: usize) -> usize {
    (PIECE_PRODUCTS / products.max(1)).clamp(8, n_rows.max(8))
}
