//! Element by element: clamp, sum, softmax.

use crate::KernelError;
use crate::error::check_len;
use crate::lanes::F32x4;

/// Bounds of an activation function.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clamp {
    /// Smallest output.
    pub min: f32,
    /// Largest output.
    pub max: f32,
}

impl Clamp {
    /// No bounds.
    pub const NONE: Self = Self { min: f32::NEG_INFINITY, max: f32::INFINITY };
    /// `max(x, 0)`.
    pub const RELU: Self = Self { min: 0.0, max: f32::INFINITY };
    /// `min(max(x, 0), 6)`.
    pub const RELU6: Self = Self { min: 0.0, max: 6.0 };

    /// `x` within the bounds; NaN stays NaN.
    pub(crate) fn apply(self, x: f32) -> f32 {
        let raised = if x < self.min { self.min } else { x };
        if self.max < raised { self.max } else { raised }
    }
}

/// `out = clamp(a + b)`, all of one length.
///
/// # Errors
/// [`KernelError::Length`] when lengths differ.
pub fn add_f32(a: &[f32], b: &[f32], clamp: Clamp, out: &mut [f32]) -> Result<(), KernelError> {
    check_len("b", b.len(), a.len())?;
    check_len("out", out.len(), a.len())?;
    let (min, max) = (F32x4::splat(clamp.min), F32x4::splat(clamp.max));
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<4>(), b.as_chunks::<4>());
    let (out, out_rest) = out.as_chunks_mut::<4>();
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        F32x4::load(a).add(F32x4::load(b)).clamp(min, max).store(out);
    }
    for ((out, a), b) in out_rest.iter_mut().zip(a_rest).zip(b_rest) {
        *out = clamp.apply(a + b);
    }
    Ok(())
}

/// `out = clamp(x)`, of one length.
///
/// # Errors
/// [`KernelError::Length`] when lengths differ.
pub fn clamp_f32(x: &[f32], clamp: Clamp, out: &mut [f32]) -> Result<(), KernelError> {
    check_len("out", out.len(), x.len())?;
    for (out, x) in out.iter_mut().zip(x) {
        *out = clamp.apply(*x);
    }
    Ok(())
}

/// `out[i] = exp(x[i] - max) / sum`, of one length. Sums to 1 within rounding; any NaN makes all NaN.
///
/// # Errors
/// [`KernelError::Length`] when lengths differ.
pub fn softmax_f32(x: &[f32], out: &mut [f32]) -> Result<(), KernelError> {
    check_len("out", out.len(), x.len())?;
    let largest = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0_f64;
    for (out, x) in out.iter_mut().zip(x) {
        *out = (x - largest).exp();
        sum += f64::from(*out);
    }
    let scale = (1.0 / sum) as f32;
    out.iter_mut().for_each(|out| *out *= scale);
    Ok(())
}
