//! From a graph's weights to packed ones that keep their storage.
//!
//! Halves, codes and levels of few bits stay what they are in memory; the products unpack a panel at a time. What is
//! expanded: depthwise filters, which are few, clusters whose codebooks outweigh what they save, clusters in windows over
//! channels that do not fill their blocks, because a code of the filling would stand for some value, and on integers first convolutions, whose runs are too short. Groups
//! whose length is not a multiple of four and those in windows become int8 levels, one byte each.

use graph::{ClusteredWeights, Groups, IntegerWeights, Weight, WeightValues};
use kernels::{
    BLOCK, ImageShape, KernelError, Layout, LevelGroups, PackedWeightsF32, PackedWeightsI8, Products,
    StoredLevels, StoredWeights, Window,
};

use crate::lower::POINTWISE;

/// The input of a dense layer.
#[derive(Clone, Copy)]
pub(crate) struct Source {
    pub(crate) layout: Layout,
    pub(crate) image: ImageShape,
    pub(crate) window: Window,
}

impl Source {
    /// A vector.
    pub(crate) fn vector(length: usize) -> Self {
        let image = ImageShape { height: 1, width: 1, channels: length };
        Self { layout: Layout::Interleaved, image, window: POINTWISE }
    }

    /// Length of the reduction.
    fn reduction(&self) -> usize {
        self.layout.reduction(self.image, &self.window)
    }

    /// Whether the weights' order is the graph's, filled up at the end.
    fn keeps_order(&self) -> bool {
        self.window.kernel == [1, 1]
    }

    /// Whether no channel is filled up.
    fn has_whole_blocks(&self) -> bool {
        self.layout == Layout::Interleaved || self.image.channels.is_multiple_of(BLOCK)
    }

    /// `oihw` to the order of the layout; the filling is `T::default()`.
    fn ordered<T: Copy + Default>(&self, weights: &[T], n: usize) -> Result<Vec<T>, KernelError> {
        let Self { layout, image, ref window } = *self;
        let (channels, taps) = (image.channels, window.kernel[0] * window.kernel[1]);
        let tap =
            |filter: &[T], tap: usize| (0..channels).map(|c| filter[c * taps + tap]).collect::<Vec<_>>();
        let innermost: Vec<T> = weights
            .chunks_exact((channels * taps).max(1))
            .flat_map(|filter| (0..taps).flat_map(move |i| tap(filter, i)))
            .collect();
        layout.order_weights(&innermost, n, image, window)
    }
}

/// Weights of a float32 product.
pub(crate) fn packed_f32(
    weight: &Weight,
    source: &Source,
    bias: &[f32],
) -> Result<PackedWeightsF32, KernelError> {
    let (n, k) = (weight.out_channels(), source.reduction());
    let pack = |weights: &StoredWeights<'_>| PackedWeightsF32::pack_stored(weights, n, k, bias);
    let ordered_bits = |halves: Vec<u16>| match source.keeps_order() {
        true => Ok(halves),
        false => source.ordered(&halves, n),
    };
    match &weight.values {
        WeightValues::F16(halves) => {
            pack(&StoredWeights::F16(&ordered_bits(halves.iter().map(|half| half.to_bits()).collect())?))
        }
        WeightValues::Bf16(halves) => {
            pack(&StoredWeights::Bf16(&ordered_bits(halves.iter().map(|half| half.to_bits()).collect())?))
        }
        WeightValues::Clustered(ClusteredWeights { codes, codebooks, n_clusters })
            if codes.len() + 4 * codebooks.len() < 4 * codes.len()
                && (source.keeps_order() || source.has_whole_blocks()) =>
        {
            let ordered = if source.keeps_order() { None } else { Some(source.ordered(codes, n)?) };
            let codes = ordered.as_deref().unwrap_or(codes);
            pack(&StoredWeights::Codes { codes, codebooks, n_clusters: *n_clusters })
        }
        WeightValues::Integer(weights) => {
            with_stored_levels(weights, weight.channel_len(), source, |levels| {
                pack(&StoredWeights::Levels { levels, scales: &weights.scales })
            })
        }
        WeightValues::F32(_) | WeightValues::Clustered(_) => {
            PackedWeightsF32::pack(&source.ordered(&weight.to_f32(), n)?, n, k, bias)
        }
    }
}

/// Weights of an int8 product.
pub(crate) fn packed_i8(
    weights: &IntegerWeights,
    channel_len: usize,
    source: &Source,
    bias: &[i32],
    zero_point: u8,
    products: Products,
) -> Result<PackedWeightsI8, KernelError> {
    let (n, k) = (bias.len(), source.reduction());
    let run = source.layout.run(source.image, &source.window);
    let groups_stay = weights.groups.is_none() || stored_groups(weights, source).is_some();
    if weights.bits < 8 && groups_stay && (run == k || run.is_multiple_of(BLOCK)) {
        return with_stored_levels(weights, channel_len, source, |levels| {
            PackedWeightsI8::pack_stored(&levels, n, k, run, bias, zero_point, products)
        });
    }
    let effective = weights.effective_levels(channel_len);
    PackedWeightsI8::pack(&source.ordered(&effective, n)?, n, k, run, bias, zero_point, products)
}

/// The groups that panels can hold.
fn stored_groups<'w>(weights: &'w IntegerWeights, source: &Source) -> Option<LevelGroups<'w>> {
    let Groups { len, multipliers } = weights.groups.as_ref()?;
    Some(LevelGroups { len: *len, multipliers }).filter(|groups| source.keeps_order() && groups.fit())
}

/// Calls `pack` with the levels in the order of the source, as they are stored where panels can hold that.
fn with_stored_levels<T>(
    weights: &IntegerWeights,
    channel_len: usize,
    source: &Source,
    pack: impl FnOnce(StoredLevels<'_>) -> Result<T, KernelError>,
) -> Result<T, KernelError> {
    let groups = stored_groups(weights, source);
    if source.keeps_order() && groups.is_some() == weights.groups.is_some() {
        return pack(StoredLevels { levels: &weights.levels, bits: weights.bits, groups });
    }
    let bits = if weights.groups.is_some() { 8 } else { weights.bits };
    let effective = weights.effective_levels(channel_len);
    let n = effective.len() / channel_len.max(1);
    let levels = &source.ordered(&effective, n)?;
    pack(StoredLevels { levels, bits, groups: None })
}
