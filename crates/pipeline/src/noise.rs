//! How far numbers are from those that they stand for.

use serde::Serialize;

/// Squares of a signal and of the noise in it, summed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Noise {
    /// `Σ x²` of the original.
    pub signal: f64,
    /// `Σ (x' - x)²`.
    pub noise: f64,
}

impl Noise {
    /// The signal-to-quantization-noise ratio in decibels, `10 log10(signal / noise)`; `None` where there is no noise, or no
    /// signal.
    pub fn sqnr_db(self) -> Option<f64> {
        (self.noise > 0.0 && self.signal > 0.0).then(|| 10.0 * (self.signal / self.noise).log10())
    }

    /// Root of the mean square of the noise over that of the signal; 0 without a signal.
    pub fn relative(self) -> f64 {
        if self.signal > 0.0 { (self.noise / self.signal).sqrt() } else { 0.0 }
    }

    /// Takes in numbers of the original and what became of them.
    pub(crate) fn add(&mut self, original: &[f32], changed: &[f32]) {
        for (x, y) in original.iter().zip(changed) {
            self.signal += f64::from(*x).powi(2);
            self.noise += (f64::from(*y) - f64::from(*x)).powi(2);
        }
    }
}
