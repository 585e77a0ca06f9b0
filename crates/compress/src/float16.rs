//! Weights in sixteen bits.

use graph::{Graph, WeightValues};
use half::{bf16, f16};

use crate::CompressError;

/// Rounds every weight of convolutions and linear layers to half precision (IEEE 754 binary16, ties to even).
///
/// Biases and batch norms stay in single precision: they are under 2 % of a MobileNet's bytes. Values beyond the
/// largest finite half (65504) become it. int8 weights stay as they are: they are smaller already.
///
/// # Errors
/// [`CompressError::NotFinite`] when a weight is NaN or infinite.
pub fn to_float16(graph: &Graph) -> Result<Graph, CompressError> {
    let (min, max) = (f16::MIN.to_f32(), f16::MAX.to_f32());
    convert(graph, |values| {
        WeightValues::F16(values.iter().map(|value| f16::from_f32(value.clamp(min, max))).collect())
    })
}

/// Rounds every weight of convolutions and linear layers to bfloat16 (ties to even), which keeps single precision's
/// range and 8 of its 24 bits of significand.
///
/// # Errors
/// [`CompressError::NotFinite`] when a weight is NaN or infinite.
pub fn to_bfloat16(graph: &Graph) -> Result<Graph, CompressError> {
    let (min, max) = (bf16::MIN.to_f32(), bf16::MAX.to_f32());
    convert(graph, |values| {
        WeightValues::Bf16(values.iter().map(|value| bf16::from_f32(value.clamp(min, max))).collect())
    })
}

fn convert(graph: &Graph, form: impl Fn(&[f32]) -> WeightValues) -> Result<Graph, CompressError> {
    let mut graph = graph.clone();
    for node in &mut graph.nodes {
        let Some(weight) = node.op.weight_mut() else { continue };
        let WeightValues::F32(values) = &weight.values else { continue };
        if values.iter().any(|value| !value.is_finite()) {
            return Err(CompressError::NotFinite(node.name.clone()));
        }
        weight.values = form(values);
    }
    graph.validate()?;
    Ok(graph)
}
