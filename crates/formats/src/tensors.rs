//! Safetensors files as named tensors, each handed out once.
//!
//! Handing each tensor out once keeps a small file from asking for the same megabytes many times, and lets
//! [`Tensors::finish`] refuse what nobody asked for.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::FormatError;
use crate::limits::{MAX_HEADER, check_file};

/// Bytes of the header's length.
const PREFIX: usize = 8;

/// The tensors of one file.
#[derive(Debug)]
pub(crate) struct Tensors<'data> {
    what: &'static str,
    metadata: HashMap<String, String>,
    left: BTreeMap<String, TensorInfo>,
    data: &'data [u8],
}

/// One tensor of a file.
#[derive(Debug)]
pub(crate) struct Tensor<'data> {
    pub(crate) what: &'static str,
    pub(crate) name: String,
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    pub(crate) data: &'data [u8],
}

/// Whether `bytes` start like a safetensors file: a length below 4 GiB and a JSON object.
pub(crate) fn looks_like_safetensors(bytes: &[u8]) -> bool {
    bytes.get(4..=PREFIX) == Some(&[0, 0, 0, 0, b'{'])
}

impl<'data> Tensors<'data> {
    /// Reads the header. Offsets must cover the data without gaps or overlaps, as the format asks.
    ///
    /// # Errors
    /// [`FormatError::CutOff`], [`FormatError::TooLarge`] for a header over 16 MiB, [`FormatError::Malformed`].
    pub(crate) fn parse(bytes: &'data [u8], what: &'static str) -> Result<Self, FormatError> {
        check_file(what, bytes)?;
        let cut_off = |expected: u64| FormatError::CutOff {
            what: what.to_owned(),
            expected: Some(expected),
            actual: bytes.len() as u64,
        };
        let (prefix, rest) = bytes.split_first_chunk::<PREFIX>().ok_or_else(|| cut_off(PREFIX as u64))?;
        let header_len = u64::from_le_bytes(*prefix);
        if header_len > MAX_HEADER {
            let what = format!("{what}, bytes of the header");
            return Err(FormatError::TooLarge { what, actual: header_len, limit: MAX_HEADER });
        }
        let (header, data) = usize::try_from(header_len)
            .ok()
            .and_then(|header_len| rest.split_at_checked(header_len))
            .ok_or_else(|| cut_off(PREFIX as u64 + header_len))?;
        let malformed = |detail: String| FormatError::Malformed { what, place: "header".to_owned(), detail };
        let header: Metadata =
            serde_json::from_slice(header).map_err(|error| malformed(error.to_string()))?;
        if header.data_len() > data.len() {
            return Err(cut_off(PREFIX as u64 + header_len + header.data_len() as u64));
        }
        if header.data_len() < data.len() {
            let detail = format!("tensors end after {} of {} bytes of data", header.data_len(), data.len());
            return Err(malformed(detail));
        }
        let left = header.tensors().into_iter().map(|(name, info)| (name, info.clone())).collect();
        Ok(Self { what, metadata: header.metadata().clone().unwrap_or_default(), left, data })
    }

    /// An entry of `__metadata__`.
    pub(crate) fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata.get(key).map(String::as_str)
    }

    /// An entry of `__metadata__` that must be there.
    pub(crate) fn required_metadata(&self, key: &str) -> Result<&str, FormatError> {
        self.metadata(key).ok_or_else(|| FormatError::Malformed {
            what: self.what,
            place: "header".to_owned(),
            detail: format!("metadata entry `{key}` is missing"),
        })
    }

    /// Hands out the tensor of this name; a second time it is missing.
    pub(crate) fn take(&mut self, name: &str) -> Result<Tensor<'data>, FormatError> {
        let malformed = |detail: &str| FormatError::Malformed {
            what: self.what,
            place: format!("tensor `{name}`"),
            detail: detail.to_owned(),
        };
        let info = self.left.remove(name).ok_or_else(|| malformed("is missing or used twice"))?;
        let (start, end) = info.data_offsets;
        let data = self.data.get(start..end).ok_or_else(|| malformed("lies outside the file"))?;
        Ok(Tensor { what: self.what, name: name.to_owned(), dtype: info.dtype, shape: info.shape, data })
    }

    /// The same, or `None` where the file has no such tensor.
    pub(crate) fn take_optional(&mut self, name: &str) -> Result<Option<Tensor<'data>>, FormatError> {
        if self.left.contains_key(name) { self.take(name).map(Some) } else { Ok(None) }
    }

    /// Names and bytes of the tensors that nobody took yet.
    pub(crate) fn sizes(&self) -> impl Iterator<Item = (&str, usize)> {
        self.left.iter().map(|(name, info)| (name.as_str(), info.data_offsets.1 - info.data_offsets.0))
    }

    /// Refuses tensors that nobody took.
    pub(crate) fn finish(self) -> Result<(), FormatError> {
        match self.left.keys().next() {
            None => Ok(()),
            Some(name) => Err(FormatError::Malformed {
                what: self.what,
                place: format!("tensor `{name}`"),
                detail: "is used by no node".to_owned(),
            }),
        }
    }
}

impl Tensor<'_> {
    /// An error about this tensor.
    pub(crate) fn malformed(&self, detail: String) -> FormatError {
        FormatError::Malformed { what: self.what, place: format!("tensor `{}`", self.name), detail }
    }

    /// An error about its data type.
    pub(crate) fn wrong_dtype(&self, expected: &str) -> FormatError {
        self.malformed(format!("has data type {:?}, expected {expected}", self.dtype))
    }

    /// Checks the shape.
    pub(crate) fn expect_shape(&self, shape: &[usize]) -> Result<(), FormatError> {
        if self.shape != shape {
            return Err(self.malformed(format!("has shape {:?}, expected {shape:?}", self.shape)));
        }
        Ok(())
    }

    /// The values of an `F32` tensor.
    pub(crate) fn f32s(&self) -> Result<Vec<f32>, FormatError> {
        if self.dtype != Dtype::F32 {
            return Err(self.wrong_dtype("F32"));
        }
        Ok(self.data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    /// The values of an `F16` tensor.
    pub(crate) fn f16s(&self) -> Result<Vec<f16>, FormatError> {
        if self.dtype != Dtype::F16 {
            return Err(self.wrong_dtype("F16"));
        }
        Ok(self.data.as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes)).collect())
    }

    /// The values of a `BF16` tensor.
    pub(crate) fn bf16s(&self) -> Result<Vec<bf16>, FormatError> {
        if self.dtype != Dtype::BF16 {
            return Err(self.wrong_dtype("BF16"));
        }
        Ok(self.data.as_chunks().0.iter().map(|bytes| bf16::from_le_bytes(*bytes)).collect())
    }

    /// The values of an `I8` tensor.
    pub(crate) fn i8s(&self) -> Result<Vec<i8>, FormatError> {
        if self.dtype != Dtype::I8 {
            return Err(self.wrong_dtype("I8"));
        }
        Ok(self.data.iter().map(|&byte| byte.cast_signed()).collect())
    }

    /// The bytes of a `U8` tensor.
    pub(crate) fn u8s(&self) -> Result<&[u8], FormatError> {
        if self.dtype != Dtype::U8 {
            return Err(self.wrong_dtype("U8"));
        }
        Ok(self.data)
    }
}

/// Collects tensors and writes them as one file. The same calls give the same bytes.
#[derive(Debug, Default)]
pub(crate) struct Writer<'data> {
    tensors: Vec<NewTensor<'data>>,
}

#[derive(Debug)]
struct NewTensor<'data> {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    data: Cow<'data, [u8]>,
}

impl<'data> Writer<'data> {
    /// Adds a tensor. Names must differ.
    pub(crate) fn add(
        &mut self,
        name: &str,
        dtype: Dtype,
        shape: &[usize],
        data: impl Into<Cow<'data, [u8]>>,
    ) {
        self.tensors.push(NewTensor {
            name: name.to_owned(),
            dtype,
            shape: shape.to_vec(),
            data: data.into(),
        });
    }

    /// Adds an `F32` vector.
    pub(crate) fn add_f32s(&mut self, name: &str, values: &[f32]) {
        self.add(name, Dtype::F32, &[values.len()], bytes_of_f32s(values).into_owned());
    }

    /// The file: wide elements first, so that every tensor is aligned to its elements; the header is padded with
    /// blanks to a multiple of eight bytes.
    pub(crate) fn finish(mut self, metadata: &[(&str, &str)]) -> Vec<u8> {
        let (header, data_len) = self.header(metadata);
        let mut bytes = Vec::with_capacity(PREFIX + header.len() + data_len);
        bytes.extend((header.len() as u64).to_le_bytes());
        bytes.extend(header);
        for tensor in self.tensors {
            bytes.extend_from_slice(&tensor.data);
        }
        bytes
    }

    /// Bytes of the file, which is not made for it.
    pub(crate) fn file_len(&mut self, metadata: &[(&str, &str)]) -> usize {
        let (header, data_len) = self.header(metadata);
        PREFIX + header.len() + data_len
    }

    /// Bytes of a tensor's data; `None` for a name that no tensor has.
    pub(crate) fn data_len(&self, name: &str) -> Option<usize> {
        self.tensors.iter().find(|tensor| tensor.name == name).map(|tensor| tensor.data.len())
    }

    /// Orders the tensors; gives the header and the bytes of all data.
    fn header(&mut self, metadata: &[(&str, &str)]) -> (Vec<u8>, usize) {
        self.tensors.sort_by_key(|tensor| std::cmp::Reverse(tensor.dtype.bitsize()));
        let mut offset = 0;
        let mut infos = Vec::with_capacity(self.tensors.len());
        for tensor in &self.tensors {
            let data_offsets = (offset, offset + tensor.data.len());
            offset = data_offsets.1;
            infos.push(TensorInfo { dtype: tensor.dtype, shape: tensor.shape.clone(), data_offsets });
        }
        let entries = self.tensors.iter().map(|tensor| tensor.name.as_str()).zip(&infos);
        let header = Header { metadata, tensors: entries.collect() };
        let mut header = serde_json::to_vec(&header).expect("strings and numbers are always written");
        header.resize(header.len().next_multiple_of(PREFIX), b' ');
        (header, offset)
    }
}

/// Little-endian bytes: the numbers themselves where the processor has them so.
pub(crate) fn bytes_of_f32s(values: &[f32]) -> Cow<'_, [u8]> {
    match cfg!(target_endian = "little") {
        true => Cow::Borrowed(bytemuck::cast_slice(values)),
        false => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
    }
}

/// The same.
pub(crate) fn bytes_of_f16s(values: &[f16]) -> Cow<'_, [u8]> {
    bytes_of_u16s(values.reinterpret_cast())
}

/// The same.
pub(crate) fn bytes_of_bf16s(values: &[bf16]) -> Cow<'_, [u8]> {
    bytes_of_u16s(values.reinterpret_cast())
}

fn bytes_of_u16s(values: &[u16]) -> Cow<'_, [u8]> {
    match cfg!(target_endian = "little") {
        true => Cow::Borrowed(bytemuck::cast_slice(values)),
        false => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
    }
}

/// Two's complement bytes.
pub(crate) fn bytes_of_i8s(values: &[i8]) -> Cow<'_, [u8]> {
    Cow::Borrowed(bytemuck::cast_slice(values))
}

struct Header<'a> {
    metadata: &'a [(&'a str, &'a str)],
    tensors: Vec<(&'a str, &'a TensorInfo)>,
}

impl Serialize for Header<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.tensors.len() + 1))?;
        map.serialize_entry("__metadata__", &Pairs(self.metadata))?;
        for (name, info) in &self.tensors {
            map.serialize_entry(name, info)?;
        }
        map.end()
    }
}

/// Writes pairs as an object in their order, which a hash map would not keep.
struct Pairs<'a>(&'a [(&'a str, &'a str)]);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}
