//! Weights in fewer bits than a byte, and what belongs to them.
//!
//! ```text
//! levels  1  -8  7      4 bits each     0x81  0x07
//! codes   1  2  7  4    3 bits each     0b00_111_010_001 → 0xd1  0x09        (from the least significant bit on)
//! ```

use std::borrow::Cow;

use graph::{ClusteredWeights, Groups, IntegerWeights, WeightValues};
use safetensors::Dtype;

use super::Reader;
use super::dto::{FormDto, GroupsDto};
use super::network::TensorReader;
use crate::FormatError;
use crate::tensors::{Tensor, Writer, bytes_of_bf16s, bytes_of_f16s, bytes_of_f32s, bytes_of_i8s};

/// The form that a file of version 2 names, `None` for those that version 1 has. Writes multipliers and codebooks.
pub(super) fn write_form(values: &WeightValues, name: &str, writer: &mut Writer<'_>) -> Option<FormDto> {
    match values {
        WeightValues::F32(_) | WeightValues::F16(_) => None,
        WeightValues::Integer(IntegerWeights { bits: 8, groups: None, .. }) => None,
        WeightValues::Bf16(_) => Some(FormDto::Bf16),
        WeightValues::Integer(IntegerWeights { bits, groups, .. }) => {
            let groups = groups.as_ref().map(|Groups { len, multipliers }| {
                let name = format!("{name}.multipliers");
                writer.add(&name, Dtype::U8, &[multipliers.len()], multipliers.clone());
                GroupsDto { len: *len, multipliers: name }
            });
            Some(FormDto::Integer { bits: *bits, groups })
        }
        WeightValues::Clustered(ClusteredWeights { codebooks, n_clusters, .. }) => {
            let name = format!("{name}.codebooks");
            writer.add_f32s(&name, codebooks);
            Some(FormDto::Clusters { n: *n_clusters, codebooks: name })
        }
    }
}

/// Data type and bytes of all weights.
pub(super) fn dense(values: &WeightValues) -> (Dtype, Cow<'_, [u8]>) {
    match values {
        WeightValues::F32(values) => (Dtype::F32, bytes_of_f32s(values)),
        WeightValues::F16(values) => (Dtype::F16, bytes_of_f16s(values)),
        WeightValues::Bf16(values) => (Dtype::BF16, bytes_of_bf16s(values)),
        WeightValues::Integer(weights) => levels(&weights.levels, weights.bits),
        WeightValues::Clustered(weights) => {
            let bits = weights.code_bits();
            (Dtype::U8, packed(weights.codes.iter().copied(), bits).into())
        }
    }
}

/// Data type and bytes of levels.
pub(super) fn levels(levels: &[i8], bits: u8) -> (Dtype, Cow<'_, [u8]>) {
    let mask = u8::MAX >> (8 - bits);
    match bits {
        8 => (Dtype::I8, bytes_of_i8s(levels)),
        _ => (Dtype::U8, packed(levels.iter().map(|level| level.cast_unsigned() & mask), bits.into()).into()),
    }
}

/// Bits of an element where several share a byte, or where a code has one; `None` for elements with a data type.
///
/// # Errors
/// What is wrong with the form.
pub(super) fn packed_bits(form: Option<&FormDto>) -> Result<Option<u32>, String> {
    match form {
        None | Some(FormDto::Bf16) => Ok(None),
        Some(FormDto::Integer { bits: 8, .. }) => Ok(None),
        Some(FormDto::Integer { bits: bits @ (4 | 2), .. }) => Ok(Some(u32::from(*bits))),
        Some(FormDto::Integer { bits, .. }) => {
            Err(format!("has levels of {bits} bits, accepted are 8, 4 and 2"))
        }
        Some(FormDto::Clusters { n: n @ 2..=256, .. }) => Ok(Some(n.next_power_of_two().ilog2())),
        Some(FormDto::Clusters { n, .. }) => Err(format!("has {n} clusters, accepted are 2..=256")),
    }
}

/// `n` elements of a tensor, or as many as it has where they are not packed; what belongs to them stays empty.
pub(super) fn elements(
    tensor: &Tensor<'_>,
    form: Option<&FormDto>,
    n: usize,
) -> Result<WeightValues, FormatError> {
    let bits = packed_bits(form).map_err(|detail| tensor.malformed(detail))?;
    let whole_levels = || {
        let levels = tensor.i8s()?;
        if levels.contains(&i8::MIN) {
            return Err(tensor.malformed("has a level of -128, accepted are -127..=127".to_owned()));
        }
        Ok(WeightValues::Integer(IntegerWeights::int8(levels, Vec::new())))
    };
    match (form, bits) {
        (Some(FormDto::Integer { bits, .. }), Some(width)) => {
            let sign = 8 - bits;
            let levels = unpacked(tensor, width, n)?;
            let levels = levels.into_iter().map(|level| (level << sign).cast_signed() >> sign).collect();
            let weights = IntegerWeights { bits: *bits, levels, scales: Vec::new(), groups: None };
            Ok(WeightValues::Integer(weights))
        }
        (Some(FormDto::Clusters { n: n_clusters, .. }), Some(width)) => {
            let (codes, n_clusters) = (unpacked(tensor, width, n)?, *n_clusters);
            Ok(WeightValues::Clustered(ClusteredWeights { codes, codebooks: Vec::new(), n_clusters }))
        }
        (Some(FormDto::Bf16), _) => tensor.bf16s().map(WeightValues::Bf16),
        (Some(FormDto::Integer { .. } | FormDto::Clusters { .. }), None) => whole_levels(),
        (None, _) => match tensor.dtype {
            Dtype::F32 => tensor.f32s().map(WeightValues::F32),
            Dtype::F16 => tensor.f16s().map(WeightValues::F16),
            Dtype::I8 => whole_levels(),
            _ => Err(tensor.wrong_dtype("F32, F16 or I8")),
        },
    }
}

/// Adds scales, multipliers and codebooks to the elements of `tensor`.
pub(super) fn complete(
    values: WeightValues,
    scales: Option<String>,
    form: Option<FormDto>,
    tensor: &Tensor<'_>,
    reader: &mut Reader<'_, '_>,
) -> Result<WeightValues, FormatError> {
    Ok(match (values, scales, form) {
        (WeightValues::Integer(weights), Some(scales), form) => {
            let groups = match form {
                Some(FormDto::Integer { groups: Some(GroupsDto { len, multipliers }), .. }) => {
                    Some(Groups { len, multipliers: reader.bytes(&multipliers)? })
                }
                _ => None,
            };
            WeightValues::Integer(IntegerWeights { scales: reader.vector(scales)?, groups, ..weights })
        }
        (WeightValues::Integer(_), None, _) => {
            return Err(tensor.malformed(format!("is {:?} without scales", tensor.dtype)));
        }
        (_, Some(_), _) => {
            return Err(tensor.malformed(format!("is {:?} with scales, expected I8", tensor.dtype)));
        }
        (WeightValues::Clustered(weights), None, Some(FormDto::Clusters { codebooks, .. })) => {
            let codebooks = reader.vector(codebooks)?;
            WeightValues::Clustered(ClusteredWeights { codebooks, ..weights })
        }
        (values, None, _) => values,
    })
}

/// Puts values of `bits` bits, 1 to 8, side by side.
fn packed(values: impl ExactSizeIterator<Item = u8>, bits: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(packed_len(values.len(), bits).unwrap_or_default());
    let (mut buffer, mut held) = (0_u32, 0);
    for value in values {
        buffer |= u32::from(value) << held;
        held += bits;
        if held >= 8 {
            bytes.push(buffer as u8);
            buffer >>= 8;
            held -= 8;
        }
    }
    if held > 0 {
        bytes.push(buffer as u8);
    }
    bytes
}

fn packed_len(n: usize, bits: u32) -> Option<usize> {
    n.checked_mul(bits as usize).map(|bits| bits.div_ceil(8))
}

/// The opposite of [`packed`]; `n` is held against the tensor's length before anything is allocated.
fn unpacked(tensor: &Tensor<'_>, bits: u32, n: usize) -> Result<Vec<u8>, FormatError> {
    let bytes = tensor.u8s()?;
    tensor.expect_shape(&[packed_len(n, bits).unwrap_or(usize::MAX)])?;
    let mask = (1_u32 << bits) - 1;
    let (mut buffer, mut held, mut bytes) = (0_u32, 0, bytes.iter());
    let values = (0..n)
        .map(|_| {
            if held < bits {
                buffer |= u32::from(bytes.next().copied().unwrap_or_default()) << held;
                held += 8;
            }
            let value = (buffer & mask) as u8;
            buffer >>= bits;
            held -= bits;
            value
        })
        .collect();
    if buffer != 0 {
        return Err(tensor.malformed(format!("has bits after the last of {n} weights, expected zeros")));
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_packed_as_drawn_and_come_back() {
        assert_eq!(levels(&[1, -8, 7], 4), (Dtype::U8, vec![0x81, 0x07].into()));
        assert_eq!(packed([1, 2, 7, 4].into_iter(), 3), [0xd1, 0x09]);
        for bits in 1..=8 {
            for n in [0, 1, 7, 8, 9, 100] {
                let values: Vec<u8> = (0..n).map(|i| (i * 37 % (1 << bits)) as u8).collect();
                let data = packed(values.iter().copied(), bits);
                let tensor = Tensor {
                    what: "test",
                    name: "t".to_owned(),
                    dtype: Dtype::U8,
                    shape: vec![data.len()],
                    data: &data,
                };
                assert_eq!(unpacked(&tensor, bits, n).unwrap(), values, "{n} of {bits} bits");
                assert!(unpacked(&tensor, bits, n + 9).is_err());
            }
        }
    }
}
