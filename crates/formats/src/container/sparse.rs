//! Sparse coding: a bit for each weight and the weights that are not zero.
//!
//! ```text
//! weights  0.5  0  0  -1  0  0  0  0  2      mask    0b0000_1001  0b0000_0001
//!                                            values  0.5  -1  2
//! ```

use std::borrow::Cow;

use graph::{IntegerWeights, WeightValues};
use half::{bf16, f16};
use safetensors::Dtype;

use super::forms;
use crate::FormatError;
use crate::tensors::{Tensor, bytes_of_bf16s, bytes_of_f16s, bytes_of_f32s};

/// What the second tensor costs in the file's header, about: name, type, shape and offsets as JSON text.
const HEADER_BYTES: usize = 90;

/// Coded weights.
pub(super) struct Sparse {
    /// Bit `i % 8` of byte `i / 8` is set where weight `i` is not zero.
    pub(super) mask: Vec<u8>,
    /// Of [`Self::values`].
    pub(super) dtype: Dtype,
    /// Little-endian bytes of the weights that are not zero.
    pub(super) values: Vec<u8>,
}

/// Codes the weights, or gives `None` where the file would not be smaller, and for clusters.
pub(super) fn encode(values: &WeightValues) -> Option<Sparse> {
    match values {
        WeightValues::F32(values) => coded(values, is_zero_f32, 32, |kept| (Dtype::F32, bytes_of_f32s(kept))),
        WeightValues::F16(values) => coded(values, is_zero_f16, 16, |kept| (Dtype::F16, bytes_of_f16s(kept))),
        WeightValues::Bf16(values) => {
            coded(values, is_zero_bf16, 16, |kept| (Dtype::BF16, bytes_of_bf16s(kept)))
        }
        WeightValues::Integer(IntegerWeights { bits, levels, .. }) => {
            coded(levels, is_zero_i8, usize::from(*bits), |kept| forms::levels(kept, *bits))
        }
        WeightValues::Clustered(_) => None,
    }
}

/// How many weights are not zero.
pub(super) fn n_set(mask: &Tensor<'_>) -> Result<usize, FormatError> {
    Ok(mask.u8s()?.iter().map(|byte| byte.count_ones() as usize).sum())
}

/// Puts `values` where the mask has bits and zeros elsewhere. `tensor` holds the values, for messages.
///
/// # Errors
/// [`FormatError::Malformed`] when the mask has another number of bits than there are values, bits after the last
/// of `n` weights, or a bit for a zero.
pub(super) fn decode(
    mask: &Tensor<'_>,
    tensor: &Tensor<'_>,
    values: WeightValues,
    n: usize,
) -> Result<WeightValues, FormatError> {
    let merge = Merge { mask, tensor, bits: mask.u8s()?, n_set: n_set(mask)?, n };
    Ok(match values {
        WeightValues::F32(values) => WeightValues::F32(merge.merged(&values, is_zero_f32)?),
        WeightValues::F16(values) => WeightValues::F16(merge.merged(&values, is_zero_f16)?),
        WeightValues::Bf16(values) => WeightValues::Bf16(merge.merged(&values, is_zero_bf16)?),
        WeightValues::Integer(weights) => {
            let levels = merge.merged(&weights.levels, is_zero_i8)?;
            WeightValues::Integer(IntegerWeights { levels, ..weights })
        }
        WeightValues::Clustered(_) => {
            return Err(tensor.malformed("holds sparse codes, which are always dense".to_owned()));
        }
    })
}

fn is_zero_f32(value: f32) -> bool {
    value == 0.0
}

fn is_zero_f16(value: f16) -> bool {
    value.to_bits() & 0x7fff == 0
}

fn is_zero_bf16(value: bf16) -> bool {
    value.to_bits() & 0x7fff == 0
}

fn is_zero_i8(value: i8) -> bool {
    value == 0
}

fn coded<T: Copy>(
    values: &[T],
    is_zero: fn(T) -> bool,
    bits: usize,
    encode: impl for<'k> Fn(&'k [T]) -> (Dtype, Cow<'k, [u8]>),
) -> Option<Sparse> {
    let kept: Vec<T> = values.iter().copied().filter(|&value| !is_zero(value)).collect();
    let bytes = |n: usize| (n * bits).div_ceil(8);
    let mask_len = values.len().div_ceil(8);
    if mask_len + bytes(kept.len()) + HEADER_BYTES >= bytes(values.len()) {
        return None;
    }
    let mask = values
        .chunks(8)
        .map(|chunk| {
            chunk.iter().enumerate().fold(0, |byte, (bit, &value)| byte | (u8::from(!is_zero(value)) << bit))
        })
        .collect();
    let (dtype, values) = encode(&kept);
    Some(Sparse { mask, dtype, values: values.into_owned() })
}

struct Merge<'a> {
    mask: &'a Tensor<'a>,
    tensor: &'a Tensor<'a>,
    bits: &'a [u8],
    n_set: usize,
    n: usize,
}

impl Merge<'_> {
    fn merged<T: Copy + Default>(&self, values: &[T], is_zero: fn(T) -> bool) -> Result<Vec<T>, FormatError> {
        let Self { mask, tensor, bits, n_set, n } = *self;
        if tensor.dtype != Dtype::U8 {
            tensor.expect_shape(&[values.len()])?;
        }
        if n_set != values.len() {
            return Err(
                mask.malformed(format!("has {n_set} bits, expected one for each of {} values", values.len()))
            );
        }
        if let Some(&last) = bits.last()
            && !n.is_multiple_of(8)
            && last >> (n % 8) != 0
        {
            return Err(mask.malformed(format!("has bits after the last of {n} weights, expected zeros")));
        }
        if values.iter().any(|&value| is_zero(value)) {
            return Err(tensor.malformed("has a zero, expected only weights that are not zero".to_owned()));
        }
        let mut values = values.iter().copied();
        Ok((0..n)
            .map(|idx| match bits[idx / 8] >> (idx % 8) & 1 {
                1 => values.next().unwrap_or_default(),
                _ => T::default(),
            })
            .collect())
    }
}
