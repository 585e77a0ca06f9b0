//! What becomes of the accumulators of an int8 product: levels or real numbers.

#![allow(unsafe_code, reason = "outputs are written through pointers whose ranges the product checks")]

use super::requantize::{BlockRequantization, Requantization};
use crate::lanes::{F32x4, I32x4};
use crate::packed::NR;

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
