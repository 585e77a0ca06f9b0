//! One layer's weights from inside, before and after a recipe: how they are spread, how wide each channel is, and what
//! became of one of them.
//!
//! "Before" are the weights with batch norms folded, as every recipe starts from them. "After" are those that the
//! compressed model runs with, all steps of its recipe together: a repair or a rewrite changes weights too.

use graph::{Graph, Weight, WeightValues};
use serde::{Deserialize, Serialize};

use crate::layer_facts::layers;
use crate::symbols::symbols;

/// Bins of a histogram; odd, so that zero is in the middle of one.
pub const BINS: usize = 41;

/// One layer of both models.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerView {
    /// The layer's node.
    pub node: String,
    /// The histograms' bins divide `-limit..=limit`: the largest magnitude of both sides.
    pub limit: f32,
    /// Before.
    pub original: Spread,
    /// After, where there is a compressed model that has the layer.
    pub compressed: Option<Spread>,
    /// One weight.
    pub weight: WeightStep,
    /// Levels or codes of the compressed weights with how many have each, as [`symbols`] counts them.
    pub symbols: Option<Vec<(i16, u32)>>,
}

/// How the weights of a layer are spread.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Weights in each of [`BINS`] bins.
    pub histogram: Vec<u32>,
    /// `[smallest, largest]` weight of each output channel.
    pub ranges: Vec<[f32; 2]>,
}

/// Beside its layer's widest channel, one that reaches no further than this share of it is as good as zero: dead, and nothing
/// to compare.
const NOTHING: f32 = 1e-6;

impl Spread {
    /// How far the widest channel reaches: the largest magnitude of all weights.
    pub fn widest(&self) -> f32 {
        widest(&self.ranges)
    }

    /// `[smallest, largest]` weight of each channel that is not dead: that reaches further than a millionth of the widest.
    pub fn live(&self) -> impl Iterator<Item = [f32; 2]> {
        live(&self.ranges)
    }

    /// How far the widest and the narrowest live channel reach; `None` without any.
    pub fn extremes(&self) -> Option<(f32, f32)> {
        extremes(&self.ranges)
    }
}

/// What became of one weight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeightStep {
    /// Its output channel.
    pub channel: usize,
    /// Its position among the channel's weights.
    pub position: usize,
    /// Weights of the channel.
    pub channel_len: usize,
    /// Its value before.
    pub value: f32,
    /// What is stored, where the compressed model still has it.
    pub stored: Option<StoredWeight>,
}

/// A stored weight and the value that it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum StoredWeight {
    /// A number of 32 or 16 bits.
    Float {
        /// Its bits.
        bits: u32,
        /// The value.
        value: f32,
    },
    /// `value = scale * multiplier * level`; the zero point is 0.
    Level {
        /// Bits of the level.
        bits: u32,
        /// The channel's or the layer's.
        scale: f32,
        /// The group's, 1 without groups.
        multiplier: u8,
        /// The level.
        level: i8,
        /// The value.
        value: f32,
    },
    /// A position in a codebook.
    Code {
        /// The position.
        code: u8,
        /// Values in the codebook.
        n_clusters: usize,
        /// The value.
        value: f32,
    },
}

impl StoredWeight {
    /// The value that it stands for.
    pub fn value(self) -> f32 {
        match self {
            Self::Float { value, .. } | Self::Level { value, .. } | Self::Code { value, .. } => value,
        }
    }
}

/// Looks into the layer of this node; `None` where `original` has no such layer.
///
/// - `original`: with its batch norms folded.
/// - `channel`: whose largest weight is followed; without one, the channel of median width.
pub fn layer_view(
    original: &Graph,
    compressed: Option<&Graph>,
    node: &str,
    channel: Option<usize>,
) -> Option<LayerView> {
    let find = |graph| layers(graph).find(|(layer, _)| layer.name == node).map(|(_, weight)| weight);
    let before: &Weight = find(original)?;
    let after: Option<&Weight> = compressed.and_then(find);
    let values = before.to_f32();
    let restored = after.map(Weight::to_f32);
    let limit =
        values.iter().chain(restored.iter().flat_map(|it| it.iter())).fold(0.0_f32, |a, w| a.max(w.abs()));
    let original = spread(&values, before.channel_len(), limit);
    let channel = channel.filter(|&channel| channel < before.out_channels());
    let channel = channel.unwrap_or_else(|| median_channel(&original.ranges));
    let channel_len = before.channel_len().max(1);
    let weights = values.get(channel * channel_len..)?.get(..channel_len)?;
    let position = (0..channel_len).max_by(|&a, &b| weights[a].abs().total_cmp(&weights[b].abs()))?;
    Some(LayerView {
        node: node.to_owned(),
        limit,
        original,
        compressed: after
            .zip(restored)
            .map(|(weight, restored)| spread(&restored, weight.channel_len(), limit)),
        symbols: after.and_then(symbols),
        weight: WeightStep {
            channel,
            position,
            channel_len,
            value: weights[position],
            stored: after
                .filter(|after| after.shape == before.shape)
                .map(|after| stored(after, channel, position)),
        },
    })
}

/// The depthwise layer whose channels differ most: how far its widest channel reaches over how far its narrowest one does,
/// dead ones left out. `None` for a model without depthwise layers.
///
/// - `original`: with its batch norms folded.
pub fn most_uneven(original: &Graph) -> Option<String> {
    let depthwise = layers(original)
        .filter(|(node, _)| matches!(&node.op, graph::Op::Conv2d(conv) if conv.is_depthwise()));
    let ratio = |weight: &Weight| {
        let ranges = channel_ranges(&weight.to_f32(), weight.channel_len());
        extremes(&ranges).map_or(1.0, |(widest, narrowest)| widest / narrowest)
    };
    let uneven = depthwise.max_by(|a, b| ratio(a.1).total_cmp(&ratio(b.1)));
    uneven.map(|(node, _)| node.name.clone())
}

fn spread(values: &[f32], channel_len: usize, limit: f32) -> Spread {
    let mut histogram = vec![0; BINS];
    for value in values {
        let share = if limit > 0.0 { (value / limit + 1.0) / 2.0 } else { 0.5 };
        histogram[((share * BINS as f32) as usize).min(BINS - 1)] += 1;
    }
    Spread { histogram, ranges: channel_ranges(values, channel_len) }
}

/// `[smallest, largest]` weight of each channel.
fn channel_ranges(values: &[f32], channel_len: usize) -> Vec<[f32; 2]> {
    let smallest_and_largest = |channel: &[f32]| {
        channel.iter().fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], w| [low.min(*w), high.max(*w)])
    };
    values.chunks(channel_len.max(1)).map(smallest_and_largest).collect()
}

/// How far the weights of a channel reach from zero.
pub fn reach([low, high]: [f32; 2]) -> f32 {
    low.abs().max(high.abs())
}

fn widest(ranges: &[[f32; 2]]) -> f32 {
    ranges.iter().copied().map(reach).fold(0.0, f32::max)
}

/// The channels that are not dead.
fn live(ranges: &[[f32; 2]]) -> impl Iterator<Item = [f32; 2]> {
    let least = NOTHING * widest(ranges);
    ranges.iter().copied().filter(move |range| reach(*range) > least)
}

/// How far the widest and the narrowest live channel reach.
fn extremes(ranges: &[[f32; 2]]) -> Option<(f32, f32)> {
    let narrowest = live(ranges).map(reach).min_by(f32::total_cmp)?;
    Some((widest(ranges), narrowest))
}

fn median_channel(ranges: &[[f32; 2]]) -> usize {
    let mut channels: Vec<usize> = (0..ranges.len()).collect();
    channels.sort_by(|&a, &b| reach(ranges[a]).total_cmp(&reach(ranges[b])));
    channels.get(channels.len() / 2).copied().unwrap_or(0)
}

fn stored(weight: &Weight, channel: usize, position: usize) -> StoredWeight {
    let channel_len = weight.channel_len();
    let at = channel * channel_len + position;
    let value = weight.to_f32()[at];
    match &weight.values {
        WeightValues::F32(_) | WeightValues::F16(_) | WeightValues::Bf16(_) => {
            StoredWeight::Float { bits: weight.stored_bits(), value }
        }
        WeightValues::Integer(integer) => {
            let multiplier = integer.groups.as_ref().map_or(1, |groups| {
                let len = groups.len.max(1);
                groups.multipliers[channel * channel_len.div_ceil(len) + position / len]
            });
            let (bits, scale) = (weight.stored_bits(), integer.scale(channel));
            StoredWeight::Level { bits, scale, multiplier, level: integer.levels[at], value }
        }
        WeightValues::Clustered(clustered) => {
            StoredWeight::Code { code: clustered.codes[at], n_clusters: clustered.n_clusters, value }
        }
    }
}

#[cfg(test)]
mod tests {
    use compress::{Granularity, quantize_weights};

    use super::*;
    use crate::zoo;

    #[test]
    fn every_weight_is_counted_and_one_is_followed() {
        let original = graph::fold_batch_norms(&zoo::mobilenet_v1(0.25, 64, 1)).unwrap();
        for granularity in [Granularity::PerTensor, Granularity::PerChannel, Granularity::Groups32] {
            let bits = if granularity == Granularity::Groups32 { 4 } else { 8 };
            let rounded = quantize_weights(&original, bits, granularity, &Default::default()).unwrap();
            for (node, weight) in layers(&original) {
                let view = layer_view(&original, Some(&rounded), &node.name, None).unwrap();
                let after = view.compressed.unwrap();
                for spread in [&view.original, &after] {
                    assert_eq!(spread.histogram.iter().sum::<u32>() as usize, weight.len());
                    assert_eq!(spread.ranges.len(), weight.out_channels());
                }
                let StoredWeight::Level { scale, multiplier, level, value, .. } = view.weight.stored.unwrap()
                else {
                    panic!("{node:?} has no levels");
                };
                let product = scale * f32::from(multiplier) * f32::from(level);
                assert!((value - product).abs() <= 1e-6 * value.abs(), "{value} and {product}");
                assert!((value - view.weight.value).abs() <= 0.5001 * scale * f32::from(multiplier));
            }
        }
    }

    #[test]
    fn the_most_uneven_layer_is_the_one_with_a_wide_and_a_narrow_channel() {
        let mut graph = zoo::mobilenet_v1(0.25, 64, 1);
        let depthwise =
            |node: &graph::Node| matches!(&node.op, graph::Op::Conv2d(conv) if conv.is_depthwise());
        let node = graph.nodes.iter_mut().filter(|node| depthwise(node)).nth(3).unwrap();
        let name = node.name.clone();
        let weight = node.op.weight_mut().unwrap();
        let (mut values, len) = (weight.to_f32().into_owned(), weight.channel_len());
        values[..len].iter_mut().for_each(|w| *w *= 1e4);
        values[len..2 * len].fill(0.0);
        *weight = Weight::f32(weight.shape.clone(), values);
        let with_dead_channel =
            graph.nodes.iter_mut().find(|node| depthwise(node)).unwrap().op.weight_mut().unwrap();
        let (mut values, len) = (with_dead_channel.to_f32().into_owned(), with_dead_channel.channel_len());
        values[..len].iter_mut().for_each(|w| *w *= 1e-9);
        *with_dead_channel = Weight::f32(with_dead_channel.shape.clone(), values);
        assert_eq!(most_uneven(&graph), Some(name), "a dead channel makes no layer uneven");
    }

    #[test]
    fn a_layer_that_is_not_there_has_no_view_and_a_channel_can_be_chosen() {
        let graph = zoo::mobilenet_v1(0.25, 64, 1);
        assert_eq!(layer_view(&graph, None, "elsewhere", None), None);
        let (first, weight) = layers(&graph).next().unwrap();
        let view = layer_view(&graph, None, &first.name, Some(3)).unwrap();
        assert_eq!((view.weight.channel, view.compressed, view.weight.stored), (3, None, None));
        let channel = &weight.to_f32()[3 * weight.channel_len()..4 * weight.channel_len()];
        assert!(channel.iter().all(|w| w.abs() <= view.weight.value.abs()));
        assert!(view.original.ranges.iter().all(|[low, high]| low <= high));
        let far = layer_view(&graph, None, &first.name, Some(9999)).unwrap();
        assert!(far.weight.channel < weight.out_channels());
    }
}
