//! Weights in the number format in which they ship.

use std::borrow::Cow;

use half::{bf16, f16};

use crate::{ClusteredWeights, IntegerWeights};

/// The weights of one convolution (`oihw`) or linear layer (`[out, in]`).
#[derive(Clone, Debug, PartialEq)]
pub struct Weight {
    /// First dimension: output channels.
    pub shape: Vec<usize>,
    /// As many as the shape says.
    pub values: WeightValues,
}

/// Number formats of weights.
#[derive(Clone, Debug, PartialEq)]
pub enum WeightValues {
    /// Single precision.
    F32(Vec<f32>),
    /// Half precision: IEEE 754 binary16.
    F16(Vec<f16>),
    /// The upper half of single precision: eight bits of exponent, seven of fraction.
    Bf16(Vec<bf16>),
    /// Levels of 8, 4 or 2 bits and their scales.
    Integer(IntegerWeights),
    /// Positions in a codebook.
    Clustered(ClusteredWeights),
}

impl Weight {
    /// Single-precision weights.
    pub fn f32(shape: Vec<usize>, values: Vec<f32>) -> Self {
        Self { shape, values: WeightValues::F32(values) }
    }

    /// Symmetric int8 weights: `real = scales[out] * level`. `scales` holds one for each output channel or a single one.
    pub fn int8(shape: Vec<usize>, levels: Vec<i8>, scales: Vec<f32>) -> Self {
        Self { shape, values: WeightValues::Integer(IntegerWeights::int8(levels, scales)) }
    }

    /// Number of stored weights.
    #[expect(clippy::len_without_is_empty, reason = "a validated weight is never empty")]
    pub fn len(&self) -> usize {
        match &self.values {
            WeightValues::F32(values) => values.len(),
            WeightValues::F16(values) => values.len(),
            WeightValues::Bf16(values) => values.len(),
            WeightValues::Integer(weights) => weights.levels.len(),
            WeightValues::Clustered(weights) => weights.codes.len(),
        }
    }

    /// Output channels.
    pub fn out_channels(&self) -> usize {
        self.shape.first().copied().unwrap_or(0)
    }

    /// Weights for each output channel.
    pub fn channel_len(&self) -> usize {
        self.shape.iter().skip(1).product()
    }

    /// The real values, row-major as the shape says.
    pub fn to_f32(&self) -> Cow<'_, [f32]> {
        match &self.values {
            WeightValues::F32(values) => Cow::Borrowed(values),
            WeightValues::F16(values) => values.iter().map(|value| value.to_f32()).collect(),
            WeightValues::Bf16(values) => values.iter().map(|value| value.to_f32()).collect(),
            WeightValues::Integer(weights) => Cow::Owned(weights.to_f32(self.channel_len())),
            WeightValues::Clustered(weights) => Cow::Owned(weights.to_f32(self.channel_len())),
        }
    }

    /// How many weights are exactly zero.
    pub fn count_zeros(&self) -> usize {
        match &self.values {
            WeightValues::F32(values) => values.iter().filter(|value| **value == 0.0).count(),
            WeightValues::F16(values) => values.iter().filter(|value| value.to_f32() == 0.0).count(),
            WeightValues::Bf16(values) => values.iter().filter(|value| value.to_f32() == 0.0).count(),
            WeightValues::Integer(weights) => {
                weights.effective_levels(self.channel_len()).iter().filter(|level| **level == 0).count()
            }
            WeightValues::Clustered(_) => self.to_f32().iter().filter(|value| **value == 0.0).count(),
        }
    }

    /// Bits of each weight in a file that codes every weight alike, without [`Self::side_bytes`].
    pub fn stored_bits(&self) -> u32 {
        match &self.values {
            WeightValues::F32(_) => 32,
            WeightValues::F16(_) | WeightValues::Bf16(_) => 16,
            WeightValues::Integer(weights) => u32::from(weights.bits),
            WeightValues::Clustered(weights) => weights.code_bits(),
        }
    }

    /// Bytes of what belongs to the weights besides them: scales and codebooks in single precision, multipliers in a
    /// byte each.
    pub fn side_bytes(&self) -> usize {
        match &self.values {
            WeightValues::F32(_) | WeightValues::F16(_) | WeightValues::Bf16(_) => 0,
            WeightValues::Integer(IntegerWeights { scales, groups, .. }) => {
                size_of_val(scales.as_slice()) + groups.as_ref().map_or(0, |groups| groups.multipliers.len())
            }
            WeightValues::Clustered(weights) => size_of_val(weights.codebooks.as_slice()),
        }
    }

    /// Checks lengths and ranges against the shape, which must have a first dimension.
    pub(crate) fn check(&self) -> Result<(), String> {
        let shape = &self.shape;
        let expected = shape.iter().try_fold(1_usize, |product, &size| product.checked_mul(size));
        if expected != Some(self.len()) || self.len() == 0 {
            return Err(format!("weight of shape {shape:?} holds {} values", self.len()));
        }
        match &self.values {
            WeightValues::F32(_) | WeightValues::F16(_) | WeightValues::Bf16(_) => Ok(()),
            WeightValues::Integer(weights) => weights.check(self.out_channels(), self.channel_len()),
            WeightValues::Clustered(weights) => weights.check(self.out_channels()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_zero_is_a_zero() {
        assert_eq!(Weight::f32(vec![1, 3], vec![-0.0, 0.0, 1.0]).count_zeros(), 2);
        let halves = [-0.0, 0.0, 1.0].map(bf16::from_f32).to_vec();
        assert_eq!(Weight { shape: vec![1, 3], values: WeightValues::Bf16(halves) }.count_zeros(), 2);
    }

    #[test]
    fn bits_and_side_bytes_are_those_of_a_dense_file() {
        let bits = |values| Weight { shape: vec![1, 1], values }.stored_bits();
        assert_eq!(bits(WeightValues::F32(vec![0.0])), 32);
        assert_eq!(bits(WeightValues::F16(vec![f16::ZERO])), 16);
        assert_eq!(bits(WeightValues::Bf16(vec![bf16::ZERO])), 16);
        let int8 = Weight::int8(vec![2, 2], vec![1; 4], vec![0.5, 0.5]);
        assert_eq!((int8.stored_bits(), int8.side_bytes()), (8, 8));
    }
}
