//! A pickle reader that knows thirty opcodes and four names, and can therefore do nothing but build data.
//!
//! A pickle is a program: a general reader lets it call any function. This one refuses every opcode and name that a
//! torch checkpoint of plain tensors does not need, with its offset. Objects live in a list and refer to one another
//! by position, so that no nesting is too deep to be dropped.
//!
//! Source: the table of opcodes in CPython's `pickletools.py`, protocol 2.

use std::collections::HashMap;
use std::rc::Rc;

use super::{WHAT, malformed};
use crate::FormatError;

/// Bytes of one pickle. Those of a network with 296 tensors have 47 thousand together.
const MAX_PICKLE: usize = 4 << 20;

/// Dimensions of a tensor.
const MAX_RANK: usize = 8;

/// What the program leaves behind.
#[derive(Debug)]
pub(super) struct Pickle {
    pub(super) root: Value,
    objects: Vec<Object>,
    /// Offset of the first byte behind it.
    pub(super) end: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i128),
    Text(Rc<str>),
    Global(Global),
    /// Position among the objects.
    Object(usize),
}

/// The only names that a pickle may use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Global {
    OrderedDict,
    RebuildTensorV2,
    FloatStorage,
    LongStorage,
}

#[derive(Debug)]
pub(super) enum Object {
    Tuple(Vec<Value>),
    List(Vec<Value>),
    Dict(Vec<(Value, Value)>),
    Storage(Rc<StorageRef>),
    Tensor(Box<TensorRef>),
}

/// A block of numbers that follows the pickles.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct StorageRef {
    pub(super) key: Rc<str>,
    pub(super) elements: Elements,
    pub(super) n_elements: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Elements {
    F32,
    I64,
}

/// A view of a storage; strides in elements.
#[derive(Debug)]
pub(super) struct TensorRef {
    pub(super) storage: Rc<StorageRef>,
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

impl Pickle {
    /// Runs the program at `start`.
    ///
    /// # Errors
    /// [`FormatError::CutOff`], [`FormatError::TooLarge`], [`FormatError::Malformed`].
    pub(super) fn read(bytes: &[u8], start: usize) -> Result<Self, FormatError> {
        let mut machine = Machine {
            bytes,
            start,
            position: start,
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            objects: Vec::new(),
        };
        let root = machine.run()?;
        Ok(Self { root, objects: machine.objects, end: machine.position })
    }

    /// The object that a value refers to.
    pub(super) fn object(&self, value: &Value) -> Option<&Object> {
        match value {
            Value::Object(idx) => self.objects.get(*idx),
            Value::None | Value::Bool(_) | Value::Int(_) | Value::Text(_) | Value::Global(_) => None,
        }
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    start: usize,
    position: usize,
    stack: Vec<Value>,
    /// Heights of the stack at which marks were set.
    marks: Vec<usize>,
    memo: HashMap<u32, Value>,
    objects: Vec<Object>,
}

impl<'a> Machine<'a> {
    fn run(&mut self) -> Result<Value, FormatError> {
        loop {
            let offset = self.position;
            let [opcode] = self.array()?;
            match opcode {
                // PROTO
                0x80 => {
                    let [version] = self.array()?;
                    if version != 2 {
                        return Err(self.refuse(offset, format!("pickle protocol {version}, accepted is 2")));
                    }
                }
                // STOP
                b'.' => {
                    let root = self.pop(offset)?;
                    if !self.stack.is_empty() || !self.marks.is_empty() {
                        return Err(self.refuse(offset, "the pickle leaves more than one value".to_owned()));
                    }
                    return Ok(root);
                }
                b'N' => self.stack.push(Value::None),
                0x88 => self.stack.push(Value::Bool(true)),
                0x89 => self.stack.push(Value::Bool(false)),
                b'K' => {
                    let number = u8::from_le_bytes(self.array()?);
                    self.stack.push(Value::Int(number.into()));
                }
                b'M' => {
                    let number = u16::from_le_bytes(self.array()?);
                    self.stack.push(Value::Int(number.into()));
                }
                b'J' => {
                    let number = i32::from_le_bytes(self.array()?);
                    self.stack.push(Value::Int(number.into()));
                }
                // LONG1
                0x8a => {
                    let [len] = self.array()?;
                    let bytes = self.take(len.into())?;
                    let number = long(bytes).ok_or_else(|| {
                        self.refuse(offset, format!("a number of {len} bytes, accepted are 16"))
                    })?;
                    self.stack.push(Value::Int(number));
                }
                // BINUNICODE
                b'X' => {
                    let len = u32::from_le_bytes(self.array()?);
                    let text = self.take(len as usize)?;
                    let text = std::str::from_utf8(text)
                        .map_err(|_| self.refuse(offset, "a text is not UTF-8".to_owned()))?;
                    self.stack.push(Value::Text(text.into()));
                }
                b'(' => self.marks.push(self.stack.len()),
                b')' => self.push_object(Object::Tuple(Vec::new())),
                b']' => self.push_object(Object::List(Vec::new())),
                b'}' => self.push_object(Object::Dict(Vec::new())),
                b't' => {
                    let items = self.pop_to_mark(offset)?;
                    self.push_object(Object::Tuple(items));
                }
                // TUPLE1, TUPLE2, TUPLE3
                0x85..=0x87 => {
                    let n = usize::from(opcode - 0x84);
                    let items = (self.floor() + n <= self.stack.len())
                        .then(|| self.stack.split_off(self.stack.len() - n))
                        .ok_or_else(|| self.underflow(offset))?;
                    self.push_object(Object::Tuple(items));
                }
                // APPEND, APPENDS
                b'a' | b'e' => {
                    let items =
                        if opcode == b'a' { vec![self.pop(offset)?] } else { self.pop_to_mark(offset)? };
                    match self.top_object(offset)? {
                        Object::List(list) => list.extend(items),
                        _ => {
                            return Err(
                                self.refuse(offset, "appends to something that is no list".to_owned())
                            );
                        }
                    }
                }
                // SETITEM, SETITEMS
                b's' | b'u' => {
                    let items = if opcode == b's' {
                        let value = self.pop(offset)?;
                        vec![self.pop(offset)?, value]
                    } else {
                        self.pop_to_mark(offset)?
                    };
                    let (pairs, rest) = items.as_chunks::<2>();
                    match self.top_object(offset)? {
                        Object::Dict(dict) if rest.is_empty() => {
                            dict.extend(pairs.iter().map(|[key, value]| (key.clone(), value.clone())));
                        }
                        _ => {
                            return Err(
                                self.refuse(offset, "sets items of something that is no dict".to_owned())
                            );
                        }
                    }
                }
                // BINPUT, LONG_BINPUT
                b'q' | b'r' => {
                    let key = self.memo_key(opcode == b'r')?;
                    let top = self.stack.last().cloned().ok_or_else(|| self.underflow(offset))?;
                    self.memo.insert(key, top);
                }
                // BINGET, LONG_BINGET
                b'h' | b'j' => {
                    let key = self.memo_key(opcode == b'j')?;
                    let value = self.memo.get(&key).cloned();
                    let value = value.ok_or_else(|| {
                        self.refuse(offset, format!("memo {key} is read and never written"))
                    })?;
                    self.stack.push(value);
                }
                b'c' => {
                    let module = self.line()?;
                    let name = self.line()?;
                    let global = match (module, name) {
                        (b"collections", b"OrderedDict") => Global::OrderedDict,
                        (b"torch._utils", b"_rebuild_tensor_v2") => Global::RebuildTensorV2,
                        (b"torch", b"FloatStorage") => Global::FloatStorage,
                        (b"torch", b"LongStorage") => Global::LongStorage,
                        (module, name) => {
                            let (module, name) =
                                (String::from_utf8_lossy(module), String::from_utf8_lossy(name));
                            return Err(self.refuse(
                                offset,
                                format!(
                                    "the name {module:.80}.{name:.80}, accepted are collections.OrderedDict, \
                                     torch._utils._rebuild_tensor_v2, torch.FloatStorage and torch.LongStorage"
                                ),
                            ));
                        }
                    };
                    self.stack.push(Value::Global(global));
                }
                // REDUCE
                b'R' => {
                    let arguments = self.pop(offset)?;
                    let function = self.pop(offset)?;
                    let object = self.call(offset, &function, &arguments)?;
                    self.push_object(object);
                }
                // BINPERSID
                b'Q' => {
                    let id = self.pop(offset)?;
                    let storage = self.storage(&id).ok_or_else(|| {
                        self.refuse(offset, "a persistent id that is no storage".to_owned())
                    })?;
                    self.push_object(Object::Storage(Rc::new(storage)));
                }
                // BUILD: attributes of a dict, which nobody reads.
                b'b' => {
                    self.pop(offset)?;
                    match self.top_object(offset)? {
                        Object::Dict(_) => {}
                        _ => {
                            return Err(
                                self.refuse(offset, "attributes of something that is no dict".to_owned())
                            );
                        }
                    }
                }
                other => {
                    let symbol = char::from(other);
                    let detail = format!(
                        "opcode 0x{other:02x} ({symbol:?}), accepted are those of a checkpoint of plain tensors"
                    );
                    return Err(self.refuse(offset, detail));
                }
            }
        }
    }

    /// Calls one of the two functions.
    fn call(&self, offset: usize, function: &Value, arguments: &Value) -> Result<Object, FormatError> {
        match (function, self.tuple(arguments)) {
            (Value::Global(Global::OrderedDict), Some([])) => Ok(Object::Dict(Vec::new())),
            (Value::Global(Global::RebuildTensorV2), Some(arguments)) => self
                .tensor(arguments)
                .map(|tensor| Object::Tensor(Box::new(tensor)))
                .ok_or_else(|| self.refuse(offset, "arguments that make no tensor".to_owned())),
            _ => Err(self.refuse(offset, "a call that makes neither a dict nor a tensor".to_owned())),
        }
    }

    /// `(storage, offset, shape, strides, requires_grad, hooks)`.
    fn tensor(&self, arguments: &[Value]) -> Option<TensorRef> {
        let [storage, offset, shape, strides, Value::Bool(_), _] = arguments else {
            return None;
        };
        let Object::Storage(storage) = self.object(storage)? else {
            return None;
        };
        let sizes = |value: &Value| -> Option<Vec<usize>> { self.tuple(value)?.iter().map(size).collect() };
        let (shape, strides) = (sizes(shape)?, sizes(strides)?);
        (shape.len() == strides.len() && shape.len() <= MAX_RANK).then_some(TensorRef {
            storage: Rc::clone(storage),
            offset: size(offset)?,
            shape,
            strides,
        })
    }

    /// `('storage', class, key, location, element_count, None)`.
    fn storage(&self, id: &Value) -> Option<StorageRef> {
        match self.tuple(id)? {
            [
                Value::Text(tag),
                Value::Global(class),
                Value::Text(key),
                Value::Text(_),
                n_elements,
                Value::None,
            ] if tag.as_ref() == "storage" => {
                let elements = match class {
                    Global::FloatStorage => Elements::F32,
                    Global::LongStorage => Elements::I64,
                    Global::OrderedDict | Global::RebuildTensorV2 => return None,
                };
                Some(StorageRef { key: Rc::clone(key), elements, n_elements: size(n_elements)? })
            }
            _ => None,
        }
    }

    fn object(&self, value: &Value) -> Option<&Object> {
        match value {
            Value::Object(idx) => self.objects.get(*idx),
            Value::None | Value::Bool(_) | Value::Int(_) | Value::Text(_) | Value::Global(_) => None,
        }
    }

    fn tuple(&self, value: &Value) -> Option<&[Value]> {
        match self.object(value)? {
            Object::Tuple(items) => Some(items),
            Object::List(_) | Object::Dict(_) | Object::Storage(_) | Object::Tensor(_) => None,
        }
    }

    fn push_object(&mut self, object: Object) {
        self.stack.push(Value::Object(self.objects.len()));
        self.objects.push(object);
    }

    fn top_object(&mut self, offset: usize) -> Result<&mut Object, FormatError> {
        let idx = match self.stack.last() {
            Some(Value::Object(idx)) if self.stack.len() > self.floor() => *idx,
            _ => return Err(self.refuse(offset, "no container where one is needed".to_owned())),
        };
        // Values refer to objects that are there.
        Ok(&mut self.objects[idx])
    }

    /// Height of the stack below which nothing may be taken.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn pop(&mut self, offset: usize) -> Result<Value, FormatError> {
        if self.stack.len() <= self.floor() {
            return Err(self.underflow(offset));
        }
        self.stack.pop().ok_or_else(|| self.underflow(offset))
    }

    fn pop_to_mark(&mut self, offset: usize) -> Result<Vec<Value>, FormatError> {
        match self.marks.pop() {
            // Nothing is taken from below a mark, so the stack is at least as high.
            Some(mark) => Ok(self.stack.split_off(mark)),
            None => Err(self.underflow(offset)),
        }
    }

    fn memo_key(&mut self, long: bool) -> Result<u32, FormatError> {
        Ok(if long { u32::from_le_bytes(self.array()?) } else { u8::from_le_bytes(self.array()?).into() })
    }

    fn line(&mut self) -> Result<&'a [u8], FormatError> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let len = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
        let line = self.take(len)?;
        let [_] = self.array()?;
        Ok(line)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], FormatError> {
        let bytes = self.take(N)?;
        Ok(*bytes.first_chunk().expect("as many bytes as were asked for"))
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], FormatError> {
        let bytes = super::slice(self.bytes, self.position, len)?;
        self.position += len;
        if self.position - self.start > MAX_PICKLE {
            return Err(FormatError::TooLarge {
                what: format!("{WHAT}, bytes of the pickle at {}", self.start),
                actual: (self.position - self.start) as u64,
                limit: MAX_PICKLE as u64,
            });
        }
        Ok(bytes)
    }

    fn refuse(&self, offset: usize, detail: String) -> FormatError {
        malformed(format!("byte {offset}"), detail)
    }

    fn underflow(&self, offset: usize) -> FormatError {
        self.refuse(offset, "the pickle takes more values than it has".to_owned())
    }
}

/// Two's complement, little endian, of any length that fits.
fn long(bytes: &[u8]) -> Option<i128> {
    let fill = if bytes.last().is_some_and(|&byte| byte >= 0x80) { 0xff } else { 0 };
    let mut filled = [fill; 16];
    filled.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(i128::from_le_bytes(filled))
}

fn size(value: &Value) -> Option<usize> {
    match value {
        Value::Int(number) => usize::try_from(*number).ok(),
        Value::None | Value::Bool(_) | Value::Text(_) | Value::Global(_) | Value::Object(_) => None,
    }
}
