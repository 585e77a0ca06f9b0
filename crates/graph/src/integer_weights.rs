//! Weights as levels of a few bits: per channel, per tensor, and in groups.

use std::borrow::Cow;

/// Symmetric integer weights: `real = scales[out] * level`, with groups `scales[out] * multiplier * level`.
#[derive(Clone, Debug, PartialEq)]
pub struct IntegerWeights {
    /// Bits of a level: 8, 4 or 2.
    pub bits: u8,
    /// Row-major as the weight's shape says, `-2^(bits-1) ..= 2^(bits-1)-1`, for 8 bits `-127..=127`.
    pub levels: Vec<i8>,
    /// One scale for each output channel, or a single one for all; finite and `> 0`.
    pub scales: Vec<f32>,
    /// A second, whole-numbered scale for runs of weights.
    pub groups: Option<Groups>,
}

/// Multipliers that runs of weights share, so that few bits follow the size of the weights within a channel.
///
/// `|multiplier * level| <= 127` for every weight: the products are int8 levels with a single scale for each channel,
/// and a layer in groups runs on the same integer kernels as one without.
///
/// Source: QServe (Lin et al. 2024, arXiv 2405.04532), section 4.1: two-level progressive quantization, here with
/// symmetric levels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Groups {
    /// Weights of a group, `>= 1`: neighbours in a channel's reduction, in the order of the weight's shape. The last
    /// group of a channel may be shorter.
    pub len: usize,
    /// `[out, ceil(channel_len / len)]`, row-major.
    pub multipliers: Vec<u8>,
}

impl IntegerWeights {
    /// Levels of 8 bits without groups.
    pub fn int8(levels: Vec<i8>, scales: Vec<f32>) -> Self {
        Self { bits: 8, levels, scales, groups: None }
    }

    /// Smallest and largest level of so many bits.
    pub fn level_range(bits: u8) -> (i8, i8) {
        match bits {
            2 => (-2, 1),
            4 => (-8, 7),
            _ => (-127, 127),
        }
    }

    /// The scale of an output channel.
    pub fn scale(&self, channel: usize) -> f32 {
        if self.scales.len() == 1 { self.scales[0] } else { self.scales[channel] }
    }

    /// The int8 level of each weight, `multiplier * level`, so that `real = scale * effective level`. `channel_len` is
    /// the number of weights of an output channel.
    pub fn effective_levels(&self, channel_len: usize) -> Cow<'_, [i8]> {
        let Some(Groups { len, multipliers }) = &self.groups else { return Cow::Borrowed(&self.levels) };
        let (len, channel_len) = ((*len).max(1), channel_len.max(1));
        let groups = self.levels.chunks(channel_len).flat_map(|channel| channel.chunks(len));
        groups
            .zip(multipliers)
            .flat_map(|(group, &multiplier)| {
                group
                    .iter()
                    .map(move |&level| (i16::from(level) * i16::from(multiplier)).clamp(-127, 127) as i8)
            })
            .collect()
    }

    /// The real values: scales times effective levels.
    pub(crate) fn to_f32(&self, channel_len: usize) -> Vec<f32> {
        let levels = self.effective_levels(channel_len);
        let channels = levels.chunks(channel_len.max(1)).enumerate();
        channels
            .flat_map(|(channel, levels)| {
                let scale = self.scale(channel);
                levels.iter().map(move |&level| scale * f32::from(level))
            })
            .collect()
    }

    pub(crate) fn check(&self, out_channels: usize, channel_len: usize) -> Result<(), String> {
        let Self { bits, levels, scales, groups } = self;
        if ![8, 4, 2].contains(bits) {
            return Err(format!("levels of {bits} bits, accepted are 8, 4 and 2"));
        }
        let (min, max) = Self::level_range(*bits);
        if let Some(level) = levels.iter().find(|level| !(min..=max).contains(level)) {
            return Err(format!("level {level} of {bits} bits, accepted are {min}..={max}"));
        }
        if scales.len() != 1 && scales.len() != out_channels {
            return Err(format!("{} scales, expected 1 or {out_channels}", scales.len()));
        }
        if scales.iter().any(|scale| !(scale.is_finite() && *scale > 0.0)) {
            return Err("a weight scale is not finite and positive".to_owned());
        }
        let Some(Groups { len, multipliers }) = groups else { return Ok(()) };
        if *len == 0 {
            return Err("groups of 0 weights, expected at least 1".to_owned());
        }
        let expected = out_channels * channel_len.div_ceil(*len);
        if multipliers.len() != expected {
            return Err(format!("{} multipliers of groups, expected {expected}", multipliers.len()));
        }
        let products = levels.chunks(channel_len).flat_map(|channel| channel.chunks(*len)).zip(multipliers);
        for (group, multiplier) in products {
            let largest = group.iter().map(|level| level.unsigned_abs()).max().unwrap_or(0);
            if u16::from(largest) * u16::from(*multiplier) > 127 {
                return Err(format!("level {largest} times multiplier {multiplier} is beyond 127"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Weight, WeightValues};

    #[test]
    fn int8_has_a_scale_per_channel_or_one_for_all() {
        let levels = vec![1, -2, 3, 0];
        let per_channel = Weight::int8(vec![2, 2], levels.clone(), vec![0.5, 2.0]);
        assert_eq!(per_channel.to_f32().as_ref(), [0.5, -1.0, 6.0, 0.0]);
        let per_tensor = Weight::int8(vec![2, 2], levels, vec![0.5]);
        assert_eq!(per_tensor.to_f32().as_ref(), [0.5, -1.0, 1.5, 0.0]);
        assert_eq!(per_tensor.count_zeros(), 1);
    }

    /// Two channels of five weights in groups of two, the last of a channel alone.
    fn grouped() -> IntegerWeights {
        IntegerWeights {
            bits: 4,
            levels: vec![1, -8, 7, 0, 3, -1, 2, -3, 4, 5],
            scales: vec![0.5, 0.25],
            groups: Some(Groups { len: 2, multipliers: vec![2, 10, 1, 15, 0, 25] }),
        }
    }

    #[test]
    fn groups_end_with_their_channel() {
        let weights = grouped();
        weights.check(2, 5).unwrap();
        let effective = [2, -16, 70, 0, 3, -15, 30, 0, 0, 125];
        assert_eq!(weights.effective_levels(5).as_ref(), effective);
        let weight = Weight { shape: vec![2, 5], values: WeightValues::Integer(weights) };
        let scales = [0.5, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.25];
        let expected: Vec<f32> =
            effective.iter().zip(scales).map(|(level, s)| s * f32::from(*level)).collect();
        assert_eq!(weight.to_f32().as_ref(), expected);
        assert_eq!((weight.stored_bits(), weight.side_bytes(), weight.count_zeros()), (4, 8 + 6, 3));
    }

    #[test]
    fn what_kernels_cannot_take_is_refused() {
        type Edit = fn(&mut IntegerWeights);
        let edits: [(&str, Edit); 9] = [
            ("levels of 3 bits", |weights| weights.bits = 3),
            ("level -8 of 2 bits", |weights| weights.bits = 2),
            ("level 8 of 4 bits", |weights| weights.levels[0] = 8),
            ("3 scales, expected 1 or 2", |weights| weights.scales.push(1.0)),
            ("not finite and positive", |weights| weights.scales[1] = 0.0),
            ("not finite and positive", |weights| weights.scales[1] = f32::NAN),
            ("groups of 0", |weights| weights.groups = Some(Groups { len: 0, multipliers: vec![] })),
            ("6 multipliers of groups, expected 4", |weights| {
                weights.groups.as_mut().unwrap().len = 3;
            }),
            ("beyond 127", |weights| weights.groups.as_mut().unwrap().multipliers[5] = 26),
        ];
        for (expected, edit) in edits {
            let mut weights = grouped();
            edit(&mut weights);
            let message = weights.check(2, 5).unwrap_err();
            assert!(message.contains(expected), "{expected}: {message}");
        }
        let lowest = IntegerWeights::int8(vec![i8::MIN], vec![1.0]);
        assert!(lowest.check(1, 1).is_err());
    }
}
