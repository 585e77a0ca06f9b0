//! Readers and writers of model files.
//!
//! Everything here turns bytes into a [`graph::Graph`] or back, and trusts no byte: whatever is read, the answer is
//! a graph that holds its invariants or a [`FormatError`]. It knows no other area than `graph`. Start with
//! [`read_model`].

#![forbid(unsafe_code)]

mod blocks;
pub mod container;
mod entropy;
mod error;
mod gzip;
pub mod layered;
mod limits;
pub mod onnx;
mod sniff;
mod tensors;
#[cfg(test)]
mod testing;
pub mod tflite;
pub mod torch_legacy;

pub use error::FormatError;
pub use onnx::SUPPORTED_OPERATORS;
pub use sniff::read_model;
