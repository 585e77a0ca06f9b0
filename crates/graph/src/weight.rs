//! Weights in the number format in which they ship.

use std::borrow::Cow;

use half::f16;

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
    /// Half precision.
    F16(Vec<f16>),
    /// Symmetric int8: `real = scales[out] * level`, levels in `-127..=127`.
    I8 {
        /// Row-major as the shape says.
        levels: Vec<i8>,
        /// One scale for each output channel, or a single one for all.
        scales: Vec<f32>,
    },
}

impl Weight {
    /// Single-precision weights.
    pub fn f32(shape: Vec<usize>, values: Vec<f32>) -> Self {
        Self { shape, values: WeightValues::F32(values) }
    }

    /// Number of stored weights.
    #[expect(clippy::len_without_is_empty, reason = "a validated weight is never empty")]
    pub fn len(&self) -> usize {
        match &self.values {
            WeightValues::F32(values) => values.len(),
            WeightValues::F16(values) => values.len(),
            WeightValues::I8 { levels, .. } => levels.len(),
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
            WeightValues::I8 { levels, scales } => {
                let channel_len = self.channel_len().max(1);
                let scale =
                    |idx: usize| if scales.len() == 1 { scales[0] } else { scales[idx / channel_len] };
                levels.iter().enumerate().map(|(idx, &level)| scale(idx) * f32::from(level)).collect()
            }
        }
    }

    /// How many weights are exactly zero.
    pub fn count_zeros(&self) -> usize {
        match &self.values {
            WeightValues::F32(values) => values.iter().filter(|value| **value == 0.0).count(),
            WeightValues::F16(values) => values.iter().filter(|value| value.to_f32() == 0.0).count(),
            WeightValues::I8 { levels, .. } => levels.iter().filter(|level| **level == 0).count(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn int8_has_a_scale_per_channel_or_one_for_all() {
        let levels = vec![1, -2, 3, 0];
        let per_channel = Weight {
            shape: vec![2, 2],
            values: WeightValues::I8 { levels: levels.clone(), scales: vec![0.5, 2.0] },
        };
        assert_eq!(per_channel.to_f32().as_ref(), [0.5, -1.0, 6.0, 0.0]);
        let per_tensor = Weight { shape: vec![2, 2], values: WeightValues::I8 { levels, scales: vec![0.5] } };
        assert_eq!(per_tensor.to_f32().as_ref(), [0.5, -1.0, 1.5, 0.0]);
        assert_eq!(per_tensor.count_zeros(), 1);
    }

    #[test]
    fn negative_zero_is_a_zero() {
        assert_eq!(Weight::f32(vec![1, 3], vec![-0.0, 0.0, 1.0]).count_zeros(), 2);
    }
}
