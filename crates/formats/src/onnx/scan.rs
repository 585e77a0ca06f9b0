//! Walks the wire format before anything is decoded: tells a file that is cut off from one that is broken, and
//! bounds what decoding may allocate.
//!
//! A message of two bytes becomes a structure of hundreds when it is decoded. So bytes that decode to structure are
//! counted and bounded, and those that decode to as much memory as they have (the numbers of tensors) or to nothing
//! (fields that nobody reads) are not.
//!
//! Source: protobuf's encoding document; field numbers of `onnx.proto`.

use super::WHAT;
use crate::FormatError;
use crate::limits::check_file;

/// Bytes of nodes, names, attributes and shapes. A MobileNet has about 50 thousand.
const MAX_STRUCTURE: u64 = 8 << 20;

/// Messages that are walked into.
#[derive(Clone, Copy)]
enum Level {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
}

enum Field {
    Message(Level),
    Structure,
    Free,
}

impl Level {
    fn field(self, number: u64) -> Field {
        match (self, number) {
            (Self::Model, 7) => Field::Message(Self::Graph),
            (Self::Graph, 1) => Field::Message(Self::Node),
            (Self::Graph, 5) | (Self::Attribute, 5) => Field::Message(Self::Tensor),
            (Self::Node, 5) => Field::Message(Self::Attribute),
            (Self::Model, 1..=3 | 8 | 14)
            | (Self::Graph, 2 | 11 | 12)
            | (Self::Node, 1..=4 | 7)
            | (Self::Attribute, 1..=4 | 7 | 8 | 20)
            | (Self::Tensor, 1 | 2 | 7 | 8 | 14) => Field::Structure,
            (Self::Model | Self::Graph | Self::Node | Self::Attribute | Self::Tensor, _) => Field::Free,
        }
    }
}

/// Checks that the file is complete and its structure bounded.
///
/// # Errors
/// [`FormatError::CutOff`], [`FormatError::TooLarge`], [`FormatError::Malformed`].
pub(super) fn check(bytes: &[u8]) -> Result<(), FormatError> {
    check_file(WHAT, bytes)?;
    let mut scan = Scan { bytes, structure: 0 };
    scan.message(Level::Model, 0, bytes.len())?;
    if scan.structure > MAX_STRUCTURE {
        let what = "onnx file, bytes of nodes, names and attributes".to_owned();
        return Err(FormatError::TooLarge { what, actual: scan.structure, limit: MAX_STRUCTURE });
    }
    Ok(())
}

/// Whether `bytes` start like a model: with its `ir_version`, then fields that a model has.
pub(crate) fn looks_like_onnx(bytes: &[u8]) -> bool {
    const VARINT: u64 = 0;
    const LENGTH: u64 = 2;
    if bytes.first() != Some(&0x08) {
        return false;
    }
    let mut position = 0;
    while let Some((key, after)) = varint(bytes, position, bytes.len()) {
        match (key >> 3, key & 7) {
            (7, LENGTH) => return true,
            (1 | 5, VARINT) => match varint(bytes, after, bytes.len()) {
                Some((_, after)) => position = after,
                None => return true,
            },
            (2..=4 | 6 | 8 | 14 | 20 | 25 | 26, LENGTH) => {
                let end = varint(bytes, after, bytes.len())
                    .and_then(|(len, after)| after.checked_add(usize::try_from(len).ok()?));
                match end {
                    Some(end) if end < bytes.len() => position = end,
                    _ => return true,
                }
            }
            _ => return false,
        }
    }
    true
}

struct Scan<'a> {
    bytes: &'a [u8],
    structure: u64,
}

impl Scan<'_> {
    /// Walks one message, which lies at `start..end`. The recursion is as deep as the levels.
    fn message(&mut self, level: Level, start: usize, end: usize) -> Result<(), FormatError> {
        let mut position = start;
        while position < end {
            let field_start = position;
            let (key, after) = self.varint(level, position, end)?;
            let field = level.field(key >> 3);
            position = match key & 7 {
                0 => self.varint(level, after, end)?.1,
                1 => self.bounded(level, after, 8, end)?,
                5 => self.bounded(level, after, 4, end)?,
                2 => {
                    let (len, content) = self.varint(level, after, end)?;
                    let content_end = self.bounded(level, content, len, end)?;
                    if let Field::Message(inner) = field {
                        self.structure += (content - field_start) as u64;
                        self.message(inner, content, content_end)?;
                        position = content_end;
                        continue;
                    }
                    content_end
                }
                wire_type => {
                    let detail = format!("wire type {wire_type}, expected 0, 1, 2 or 5");
                    return Err(malformed(field_start, detail));
                }
            };
            if matches!(field, Field::Structure) {
                self.structure += (position - field_start) as u64;
            }
        }
        Ok(())
    }

    fn varint(&self, level: Level, position: usize, end: usize) -> Result<(u64, usize), FormatError> {
        varint(self.bytes, position, end).ok_or_else(|| {
            if end - position >= 10 {
                return malformed(position, "a number is longer than 10 bytes".to_owned());
            }
            self.beyond(level, position, None)
        })
    }

    fn bounded(&self, level: Level, start: usize, len: u64, end: usize) -> Result<usize, FormatError> {
        let content_end = (start as u64).saturating_add(len);
        if content_end > end as u64 {
            return Err(self.beyond(level, start, Some(content_end)));
        }
        // `content_end` is at most `end`, which is a `usize`.
        Ok(content_end as usize)
    }

    /// A field that ends behind its message: the file is cut off where the message is the file itself.
    fn beyond(&self, level: Level, position: usize, expected: Option<u64>) -> FormatError {
        match level {
            Level::Model => {
                FormatError::CutOff { what: WHAT.to_owned(), expected, actual: self.bytes.len() as u64 }
            }
            Level::Graph | Level::Node | Level::Attribute | Level::Tensor => {
                malformed(position, "a field ends behind its message".to_owned())
            }
        }
    }
}

fn malformed(offset: usize, detail: String) -> FormatError {
    FormatError::Malformed { what: WHAT, place: format!("byte {offset}"), detail }
}

/// The number at `position` and the position behind it.
fn varint(bytes: &[u8], position: usize, end: usize) -> Option<(u64, usize)> {
    let mut value = 0;
    for (idx, &byte) in bytes.get(position..end)?.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f).checked_shl(7 * idx as u32)?;
        if byte & 0x80 == 0 {
            return Some((value, position + idx + 1));
        }
    }
    None
}
