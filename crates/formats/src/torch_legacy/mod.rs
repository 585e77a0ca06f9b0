//! Reader of torch's legacy checkpoints: the layout before the zip archives of torch 1.6.
//!
//! Gives tensors by name and knows nothing of the network that they belong to. Start with [`read`].
//!
//! # The format
//!
//! Five pickles of protocol 2, one after another, then raw data:
//!
//! 1. the integer `0x1950a86a20f9469cfc6c`;
//! 2. the integer 1001;
//! 3. a dict: `protocol_version` 1001, `little_endian` true, and sizes of C types, which do not matter;
//! 4. a dict from names to tensors `_rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks)`, where
//!    a storage is the persistent id `('storage', class, key, location, element_count, None)`;
//! 5. the list of the storages' keys.
//!
//! Then for each key of the list, in its order: the element count (int64) and the elements, little endian. The file
//! ends with the last. Element `[i, j, …]` of a tensor is number `offset + i * strides[0] + j * strides[1] + …` of its
//! storage; strides of published checkpoints do differ from row-major order.
//!
//! Classes are `torch.FloatStorage` and `torch.LongStorage`. Tensors of whole numbers (a batch norm's
//! `num_batches_tracked`) are left out. A pickle can name any function; every name and opcode that this layout does
//! not need is refused. A tensor that repeats elements by a stride of 0 is refused, too.
//!
//! Source: `torch/serialization.py`, `_legacy_load`.

mod pickle;

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use self::pickle::{Elements, Object, Pickle, StorageRef, TensorRef, Value};
use crate::FormatError;
use crate::limits::{ParameterBudget, check_file, element_count};

const WHAT: &str = "torch checkpoint";

/// First number of the file.
const MAGIC: i128 = 0x1950_a86a_20f9_469c_fc6c;

/// Second number of the file.
const PROTOCOL: i128 = 1001;

/// A tensor of a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct TorchTensor {
    /// Sizes, outermost first; empty for a single number.
    pub shape: Vec<usize>,
    /// Row-major, whatever the strides in the file.
    pub values: Vec<f32>,
}

/// Reads all single-precision tensors of a checkpoint by name.
///
/// # Errors
/// [`FormatError::CutOff`], [`FormatError::TooLarge`] for a pickle over 4 MiB or 2^27 elements,
/// [`FormatError::Malformed`] with the byte's offset or the tensor's name.
pub fn read(bytes: &[u8]) -> Result<BTreeMap<String, TorchTensor>, FormatError> {
    check_file(WHAT, bytes)?;
    if bytes.starts_with(b"PK") {
        let detail = "a zip archive, as torch writes since 1.6; accepted is the layout before it";
        return Err(malformed("byte 0".to_owned(), detail.to_owned()));
    }
    let mut position = 0;
    let mut next = || {
        let pickle = Pickle::read(bytes, position)?;
        let start = std::mem::replace(&mut position, pickle.end);
        Ok::<_, FormatError>((pickle, start))
    };
    for (expected, what) in [(MAGIC, "magic number"), (PROTOCOL, "protocol")] {
        let (pickle, start) = next()?;
        if pickle.root != Value::Int(expected) {
            return Err(malformed(format!("byte {start}"), format!("the {what} is not {expected}")));
        }
    }
    let (system, start) = next()?;
    check_system(&system, start)?;
    let (state, start) = next()?;
    let tensors = named_tensors(&state, start)?;
    let (keys, start) = next()?;
    let keys = storage_keys(&keys, start)?;
    let storages = storages(bytes, position, &keys, &tensors)?;

    let mut budget = ParameterBudget::default();
    let mut read = BTreeMap::new();
    for (name, tensor) in tensors {
        match tensor.storage.elements {
            Elements::I64 => {}
            Elements::F32 => {
                // Every tensor's storage is among those that were found.
                let data = storages.get(&tensor.storage.key).copied().unwrap_or_default();
                let values = gather(data, tensor, &mut budget).map_err(|error| at_tensor(&name, error))?;
                read.insert(name.as_ref().to_owned(), TorchTensor { shape: tensor.shape.clone(), values });
            }
        }
    }
    Ok(read)
}

fn malformed(place: String, detail: String) -> FormatError {
    FormatError::Malformed { what: WHAT, place, detail }
}

/// `len` bytes at `position`.
fn slice(bytes: &[u8], position: usize, len: usize) -> Result<&[u8], FormatError> {
    let slice = position.checked_add(len).and_then(|end| bytes.get(position..end));
    slice.ok_or_else(|| FormatError::CutOff {
        what: WHAT.to_owned(),
        expected: Some((position as u64).saturating_add(len as u64)),
        actual: bytes.len() as u64,
    })
}

fn check_system(pickle: &Pickle, start: usize) -> Result<(), FormatError> {
    let place = || format!("byte {start}");
    let Some(Object::Dict(entries)) = pickle.object(&pickle.root) else {
        return Err(malformed(place(), "expected a dict that describes the system".to_owned()));
    };
    for (key, expected) in [("protocol_version", Value::Int(PROTOCOL)), ("little_endian", Value::Bool(true))]
    {
        let found = entries.iter().any(|entry| *entry == (Value::Text(key.into()), expected.clone()));
        if !found {
            return Err(malformed(place(), format!("`{key}` is not {expected:?}")));
        }
    }
    Ok(())
}

fn named_tensors(pickle: &Pickle, start: usize) -> Result<BTreeMap<Rc<str>, &TensorRef>, FormatError> {
    let Some(Object::Dict(entries)) = pickle.object(&pickle.root) else {
        return Err(malformed(format!("byte {start}"), "expected a dict of tensors".to_owned()));
    };
    let mut tensors = BTreeMap::new();
    for (key, value) in entries {
        let (Value::Text(name), Some(Object::Tensor(tensor))) = (key, pickle.object(value)) else {
            let detail = format!("entry {key:.80?} is no tensor with a name");
            return Err(malformed(format!("byte {start}"), detail));
        };
        if tensors.insert(Rc::clone(name), tensor.as_ref()).is_some() {
            return Err(malformed(format!("tensor {name:.80?}"), "stands twice".to_owned()));
        }
    }
    Ok(tensors)
}

fn storage_keys(pickle: &Pickle, start: usize) -> Result<Vec<Rc<str>>, FormatError> {
    let keys = match pickle.object(&pickle.root) {
        Some(Object::List(keys)) => keys.iter().map(|key| match key {
            Value::Text(key) => Some(Rc::clone(key)),
            Value::None | Value::Bool(_) | Value::Int(_) | Value::Global(_) | Value::Object(_) => None,
        }),
        _ => return Err(malformed(format!("byte {start}"), "expected a list of storage keys".to_owned())),
    };
    keys.collect::<Option<_>>()
        .ok_or_else(|| malformed(format!("byte {start}"), "a storage key is no text".to_owned()))
}

/// The bytes of each storage.
fn storages<'data>(
    bytes: &'data [u8],
    mut position: usize,
    keys: &[Rc<str>],
    tensors: &BTreeMap<Rc<str>, &TensorRef>,
) -> Result<HashMap<Rc<str>, &'data [u8]>, FormatError> {
    let mut declared: HashMap<&str, &StorageRef> = HashMap::new();
    for tensor in tensors.values() {
        let storage = tensor.storage.as_ref();
        if *declared.entry(&storage.key).or_insert(storage) != storage {
            let detail = "is declared with two types or sizes".to_owned();
            return Err(malformed(format!("storage {:.80?}", storage.key), detail));
        }
    }
    let mut found = HashMap::new();
    for key in keys {
        let place = || format!("storage {key:.80?}");
        let storage = declared
            .remove(key.as_ref())
            .ok_or_else(|| malformed(place(), "is used by no tensor or listed twice".to_owned()))?;
        let count = slice(bytes, position, 8)?;
        let count = i64::from_le_bytes(*count.first_chunk().expect("eight bytes were asked for"));
        position += 8;
        if usize::try_from(count) != Ok(storage.n_elements) {
            let detail = format!("has {count} elements, expected {}", storage.n_elements);
            return Err(malformed(place(), detail));
        }
        let width = match storage.elements {
            Elements::F32 => 4,
            Elements::I64 => 8,
        };
        let len = storage
            .n_elements
            .checked_mul(width)
            .ok_or_else(|| malformed(place(), format!("{count} elements are too many")))?;
        found.insert(Rc::clone(key), slice(bytes, position, len)?);
        position += len;
    }
    if let Some(key) = declared.keys().next() {
        return Err(malformed(format!("storage {key:.80?}"), "is not listed".to_owned()));
    }
    if position != bytes.len() {
        let detail = format!("{} bytes follow the last storage", bytes.len() - position);
        return Err(malformed(format!("byte {position}"), detail));
    }
    Ok(found)
}

/// Either an error as it is, or what is wrong with a tensor.
enum GatherError {
    Format(FormatError),
    Detail(String),
}

fn at_tensor(name: &str, error: GatherError) -> FormatError {
    match error {
        GatherError::Format(error) => error,
        GatherError::Detail(detail) => malformed(format!("tensor {name:.80?}"), detail),
    }
}

/// The elements of a view in row-major order.
fn gather(data: &[u8], tensor: &TensorRef, budget: &mut ParameterBudget) -> Result<Vec<f32>, GatherError> {
    let TensorRef { storage, offset, shape, strides } = tensor;
    let n = element_count(shape).filter(|&n| n <= storage.n_elements).ok_or_else(|| {
        GatherError::Detail(format!(
            "shape {shape:?} has more elements than the storage's {}",
            storage.n_elements
        ))
    })?;
    if n == 0 {
        return Ok(Vec::new());
    }
    let last = shape.iter().zip(strides).try_fold(*offset, |position, (&size, &stride)| {
        position.checked_add((size - 1).checked_mul(stride)?)
    });
    if last.is_none_or(|last| last >= storage.n_elements) {
        return Err(GatherError::Detail(format!(
            "shape {shape:?} with strides {strides:?} and offset {offset} goes beyond the storage's {} elements",
            storage.n_elements
        )));
    }
    budget.take(n).map_err(GatherError::Format)?;
    let elements: &[[u8; 4]] = data.as_chunks().0;
    let mut index = vec![0; shape.len()];
    let mut position = *offset;
    let mut values = Vec::with_capacity(n);
    for _ in 0..n {
        values.push(f32::from_le_bytes(elements[position]));
        for (axis, step) in index.iter_mut().enumerate().rev() {
            *step += 1;
            // One step beyond the last element may not fit; the subtraction takes it back.
            position = position.wrapping_add(strides[axis]);
            if *step < shape[axis] {
                break;
            }
            position = position.wrapping_sub(strides[axis].wrapping_mul(shape[axis]));
            *step = 0;
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests;
