//! Weights of a float32 product, packed in panels.

use std::ops::Range;

use crate::KernelError;
use crate::blocks::{Aligned, BLOCK, zeros};
use crate::error::{check_at_least, check_fits, check_len, checked_len};
use crate::parts::{Lanes, lanes_that_fit, scratch_of_all};
use crate::storage::{StoredPanels, StoredWeights};

/// Columns of the tile: output channels of a panel, and channels of a block of the output.
pub(crate) const NR: usize = BLOCK;
/// Panels that are multiplied with one block of rows before the next: few rows left over take them side by side.
pub(crate) const GROUP: usize = 4;

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

    /// Where the panels of a group lie as floats, [`Self::stride`] apart: in the weights, or in `unpacked`.
    pub(crate) fn panels(&self, group: &Range<usize>, unpacked: &mut [f32]) -> *const f32 {
        let stride = self.stride();
        match &self.storage {
            Storage::Plain(panels) => panels[group.start * stride..group.end * stride].as_ptr(),
            Storage::Stored(panels) => {
                let unpacked = &mut unpacked[..group.len() * stride];
                for (panel, unpacked) in group.clone().zip(unpacked.chunks_exact_mut(stride)) {
                    panels.unpack(panel, unpacked);
                }
                unpacked.as_ptr()
            }
        }
    }

    /// Floats from a panel to the next one, unpacked.
    pub(crate) fn stride(&self) -> usize {
        match &self.storage {
            Storage::Plain(_) => (self.k + 1) * NR,
            Storage::Stored(panels) => panels.panel_len(),
        }
    }

    pub(crate) fn n_panels(&self) -> usize {
        self.n.div_ceil(NR)
    }
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
