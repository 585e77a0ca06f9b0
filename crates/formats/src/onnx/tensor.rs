//! The numbers of a constant tensor.

use half::{bf16, f16};

use super::proto::{TensorProto, data_type};
use super::{WHAT, list};
use crate::FormatError;
use crate::limits::{ParameterBudget, element_count};

/// Whole numbers in a tensor that is read: far more than a shape has.
const MAX_INTS: usize = 64;

impl TensorProto {
    /// The sizes.
    ///
    /// # Errors
    /// [`FormatError::Malformed`] for a negative size or one beyond 32 bits on the web.
    pub(super) fn shape(&self) -> Result<Vec<usize>, FormatError> {
        self.dims
            .iter()
            .map(|&size| {
                usize::try_from(size).map_err(|_| self.malformed(format!("has a dimension of {size}")))
            })
            .collect()
    }

    /// Floating-point values, row-major, as single precision.
    ///
    /// # Errors
    /// [`FormatError::UnsupportedModel`] for other types of numbers and data in other files,
    /// [`FormatError::Malformed`] when there are more or fewer than the shape says, [`FormatError::TooLarge`].
    pub(super) fn f32s(&self, budget: &mut ParameterBudget) -> Result<Vec<f32>, FormatError> {
        let n = self.checked_len()?;
        budget.take(n)?;
        let raw = self.raw_data.as_slice();
        let has_raw = !raw.is_empty();
        let values: Vec<f32> = match self.data_type {
            data_type::FLOAT if has_raw => self.chunks(n)?.iter().map(|x| f32::from_le_bytes(*x)).collect(),
            data_type::FLOAT => self.float_data.clone(),
            data_type::DOUBLE if has_raw => {
                self.chunks(n)?.iter().map(|x| f64::from_le_bytes(*x) as f32).collect()
            }
            data_type::DOUBLE => self.double_data.iter().map(|&x| x as f32).collect(),
            data_type::FLOAT16 if has_raw => {
                self.chunks(n)?.iter().map(|x| f16::from_le_bytes(*x).to_f32()).collect()
            }
            // Halves stand in the lower sixteen bits.
            data_type::FLOAT16 => {
                self.int32_data.iter().map(|&x| f16::from_bits(x as u16).to_f32()).collect()
            }
            data_type::BFLOAT16 if has_raw => {
                self.chunks(n)?.iter().map(|x| bf16::from_le_bytes(*x).to_f32()).collect()
            }
            data_type::BFLOAT16 => {
                self.int32_data.iter().map(|&x| bf16::from_bits(x as u16).to_f32()).collect()
            }
            other => return Err(self.wrong_type(other, "float32, float16, bfloat16 and float64")),
        };
        self.counted(values, n)
    }

    /// Whole numbers and truth values: sizes, axes and switches, hence few.
    ///
    /// # Errors
    /// As [`Self::f32s`]; [`FormatError::Malformed`] for more than 64.
    pub(super) fn i64s(&self) -> Result<Vec<i64>, FormatError> {
        let n = self.checked_len()?;
        if n > MAX_INTS {
            return Err(self.malformed(format!("has {n} whole numbers, accepted are at most {MAX_INTS}")));
        }
        let has_raw = !self.raw_data.is_empty();
        let values: Vec<i64> = match self.data_type {
            data_type::INT64 if has_raw => self.chunks(n)?.iter().map(|x| i64::from_le_bytes(*x)).collect(),
            data_type::INT64 => self.int64_data.clone(),
            data_type::INT32 if has_raw => {
                self.chunks(n)?.iter().map(|x| i64::from(i32::from_le_bytes(*x))).collect()
            }
            data_type::BOOL if has_raw => self.chunks::<1>(n)?.iter().map(|x| i64::from(x[0])).collect(),
            data_type::INT32 | data_type::BOOL => self.int32_data.iter().map(|&x| i64::from(x)).collect(),
            other => return Err(self.wrong_type(other, "int64, int32 and bool")),
        };
        self.counted(values, n)
    }

    /// An error about this tensor.
    pub(super) fn malformed(&self, detail: String) -> FormatError {
        FormatError::Malformed { what: WHAT, place: format!("tensor {:.80?}", self.name), detail }
    }

    fn checked_len(&self) -> Result<usize, FormatError> {
        if self.data_location != 0 {
            let feature = format!(
                "the data of tensor {:.80?} lies in another file; save the model as one file, in Python: \
                 onnx.save(onnx.load(path), path_of_one_file)",
                self.name
            );
            return Err(FormatError::UnsupportedModel { feature });
        }
        element_count(&self.shape()?)
            .ok_or_else(|| self.malformed(format!("shape {} has too many elements", list(&self.dims))))
    }

    fn chunks<const WIDTH: usize>(&self, n: usize) -> Result<&[[u8; WIDTH]], FormatError> {
        match self.raw_data.as_chunks() {
            (chunks, []) if chunks.len() == n => Ok(chunks),
            _ => Err(self.malformed(format!(
                "has {} bytes, expected {} for shape {}",
                self.raw_data.len(),
                n.saturating_mul(WIDTH),
                list(&self.dims)
            ))),
        }
    }

    fn counted<T>(&self, values: Vec<T>, n: usize) -> Result<Vec<T>, FormatError> {
        if values.len() != n {
            let detail = format!("has {} values, expected {n} for shape {}", values.len(), list(&self.dims));
            return Err(self.malformed(detail));
        }
        Ok(values)
    }

    fn wrong_type(&self, actual: i32, expected: &str) -> FormatError {
        let actual = data_type::name(actual);
        let feature = format!("tensor {:.80?} has type {actual}, accepted are {expected}", self.name);
        FormatError::UnsupportedModel { feature }
    }
}
