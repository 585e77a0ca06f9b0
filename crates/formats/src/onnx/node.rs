//! One node as an operator's reader sees it: inputs by position, attributes by name, each looked at.

use std::collections::BTreeMap;

use graph::GraphError;

use super::WHAT;
use super::proto::{AttributeProto, NodeProto, TensorProto, attribute_type};
use crate::FormatError;

/// A node whose attributes are taken one by one; what is left at the end is refused, so that no setting is ignored
/// by accident.
#[derive(Debug)]
pub(super) struct Node<'a> {
    /// Position among the graph's nodes.
    pub(super) position: usize,
    /// The message.
    pub(super) proto: &'a NodeProto,
    /// Position and name, such as `212, "Resize_3"`.
    pub(super) label: String,
    /// The version of the operator set.
    pub(super) opset: i64,
    attributes: BTreeMap<&'a str, &'a AttributeProto>,
}

impl<'a> Node<'a> {
    /// # Errors
    /// [`FormatError::Malformed`] when an attribute stands twice.
    pub(super) fn new(position: usize, proto: &'a NodeProto, opset: i64) -> Result<Self, FormatError> {
        let name = if proto.name.is_empty() { proto.output.first() } else { Some(&proto.name) };
        let label = format!("{position}, {:.80?}", name.map_or("", String::as_str));
        let mut node = Self { position, proto, label, opset, attributes: BTreeMap::new() };
        for attribute in &proto.attribute {
            if node.attributes.insert(&attribute.name, attribute).is_some() {
                return Err(node.malformed(format!("attribute {:.80?} stands twice", attribute.name)));
            }
        }
        Ok(node)
    }

    /// The name of an input, `None` where it is left out.
    pub(super) fn input(&self, idx: usize) -> Option<&'a str> {
        self.proto.input.get(idx).map(String::as_str).filter(|name| !name.is_empty())
    }

    /// The name of an input that must be there.
    pub(super) fn required_input(&self, idx: usize) -> Result<&'a str, FormatError> {
        self.input(idx).ok_or_else(|| self.malformed(format!("{} lacks input {idx}", self.proto.op_type)))
    }

    /// The name of the output that is read.
    pub(super) fn output(&self) -> Result<&'a str, FormatError> {
        let name = self.proto.output.first().map(String::as_str).filter(|name| !name.is_empty());
        name.ok_or_else(|| self.malformed(format!("{} has no output", self.proto.op_type)))
    }

    /// A whole number.
    pub(super) fn int(&mut self, name: &str, default: i64) -> Result<i64, FormatError> {
        Ok(self.attribute(name, attribute_type::INT)?.map_or(default, |attribute| attribute.i))
    }

    /// A real number.
    pub(super) fn float(&mut self, name: &str) -> Result<Option<f32>, FormatError> {
        Ok(self.attribute(name, attribute_type::FLOAT)?.map(|attribute| attribute.f))
    }

    /// Whole numbers.
    pub(super) fn ints(&mut self, name: &str) -> Result<Option<&'a [i64]>, FormatError> {
        Ok(self.attribute(name, attribute_type::INTS)?.map(|attribute| attribute.ints.as_slice()))
    }

    /// Real numbers.
    pub(super) fn floats(&mut self, name: &str) -> Result<Option<&'a [f32]>, FormatError> {
        Ok(self.attribute(name, attribute_type::FLOATS)?.map(|attribute| attribute.floats.as_slice()))
    }

    /// Text, as bytes.
    pub(super) fn string(&mut self, name: &str) -> Result<Option<&'a [u8]>, FormatError> {
        Ok(self.attribute(name, attribute_type::STRING)?.map(|attribute| attribute.s.as_slice()))
    }

    /// A tensor.
    pub(super) fn tensor(&mut self, name: &str) -> Result<Option<&'a TensorProto>, FormatError> {
        Ok(self.attribute(name, attribute_type::TENSOR)?.and_then(|attribute| attribute.t.as_ref()))
    }

    /// Whether an attribute is there and not taken yet.
    pub(super) fn has(&self, name: &str) -> bool {
        self.attributes.contains_key(name)
    }

    /// Drops an attribute that changes nothing here.
    pub(super) fn ignore(&mut self, name: &str) {
        self.attributes.remove(name);
    }

    /// Drops all.
    pub(super) fn ignore_all(&mut self) {
        self.attributes.clear();
    }

    /// Refuses an attribute unless it has the only accepted value.
    pub(super) fn expect_int(&mut self, name: &str, default: i64, accepted: i64) -> Result<(), FormatError> {
        let actual = self.int(name, default)?;
        if actual != accepted {
            return Err(self.unsupported(format!(
                "{} with {name} = {actual}, accepted is {accepted}",
                self.proto.op_type
            )));
        }
        Ok(())
    }

    /// Refuses an attribute that is there and differs from 1.
    pub(super) fn expect_one(&mut self, name: &str) -> Result<(), FormatError> {
        match self.float(name)? {
            Some(actual) if actual != 1.0 => {
                let feature = format!("{} with {name} = {actual}, accepted is 1", self.proto.op_type);
                Err(self.unsupported(feature))
            }
            _ => Ok(()),
        }
    }

    /// Refuses attributes that nobody took.
    pub(super) fn finish(&self) -> Result<(), FormatError> {
        match self.attributes.keys().next() {
            None => Ok(()),
            Some(name) => {
                Err(self.unsupported(format!("attribute {name:.80?} of {} is not known", self.proto.op_type)))
            }
        }
    }

    /// An error about something that is not computed here.
    pub(super) fn unsupported(&self, feature: String) -> FormatError {
        FormatError::Unsupported { node: self.label.clone(), feature }
    }

    /// An error about something that no exporter should write.
    pub(super) fn malformed(&self, detail: String) -> FormatError {
        FormatError::Malformed { what: WHAT, place: format!("node {}", self.label), detail }
    }

    /// Adds the node to an error of the graph.
    pub(super) fn refused(&self, source: GraphError) -> FormatError {
        FormatError::Node { node: self.label.clone(), source: Box::new(source) }
    }

    fn attribute(&mut self, name: &str, expected: i32) -> Result<Option<&'a AttributeProto>, FormatError> {
        match self.attributes.remove(name) {
            Some(attribute) if attribute.r#type != 0 && attribute.r#type != expected => Err(self
                .malformed(format!("attribute {name:?} has type {}, expected {expected}", attribute.r#type))),
            found => Ok(found),
        }
    }
}
