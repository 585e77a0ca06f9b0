//! How often an activation takes which values.

use crate::Range;

/// Bins of a histogram.
const BINS: usize = 4096;

/// Counts of values in bins of one width between `-limit` and `limit`; the limit doubles when a larger value comes.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    limit: f32,
    counts: Vec<u64>,
}

/// A bin that is not empty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// The value in its middle.
    pub value: f64,
    /// How many values fell into it.
    pub count: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { limit: f32::MIN_POSITIVE, counts: vec![0; BINS] }
    }
}

impl Histogram {
    /// Takes values in. NaN and infinities are left out.
    pub fn observe(&mut self, values: &[f32]) {
        let largest =
            values.iter().filter(|value| value.is_finite()).fold(0.0_f32, |a, value| a.max(value.abs()));
        while largest >= self.limit {
            self.double();
        }
        let scale = (BINS / 2) as f32 / self.limit;
        for value in values.iter().filter(|value| value.is_finite()) {
            let bin = (value * scale + (BINS / 2) as f32) as usize;
            self.counts[bin.min(BINS - 1)] += 1;
        }
    }

    fn double(&mut self) {
        if self.counts.iter().any(|count| *count > 0) {
            let mut wide = vec![0; BINS];
            for (bin, count) in self.counts.iter().enumerate() {
                wide[BINS / 4 + bin / 2] += count;
            }
            self.counts = wide;
        }
        self.limit *= 2.0;
    }

    /// The bins that are not empty, from the smallest value on; a bin that reaches beyond `range`, the range of the
    /// values seen, is moved into it.
    pub fn bins(&self, range: Range) -> Vec<Bin> {
        let width = f64::from(self.limit) / (BINS / 2) as f64;
        let (min, max) = (f64::from(range.min), f64::from(range.max));
        self.counts
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0)
            .map(|(bin, &count)| {
                let value = (bin as f64 + 0.5 - (BINS / 2) as f64) * width;
                Bin { value: value.clamp(min.min(max), max), count }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widening_keeps_every_count_near_its_value() {
        let mut histogram = Histogram::default();
        histogram.observe(&[0.5, -0.25, f32::NAN]);
        histogram.observe(&[100.0, 0.5]);
        let bins = histogram.bins(Range { min: -0.25, max: 100.0 });
        assert_eq!(bins.iter().map(|bin| bin.count).collect::<Vec<_>>(), [1, 2, 1]);
        for (bin, value) in bins.iter().zip([-0.25, 0.5, 100.0]) {
            assert!((bin.value - value).abs() <= 128.0 / 2048.0, "{bin:?} {value}");
        }
    }

    #[test]
    fn zeros_alone_are_counted() {
        let mut histogram = Histogram::default();
        histogram.observe(&[0.0; 7]);
        assert_eq!(histogram.bins(Range { min: 0.0, max: 0.0 }), [Bin { value: 0.0, count: 7 }]);
    }
}
