//! What was seen when the float model ran on calibration frames.

use std::collections::BTreeMap;

use crate::{Histogram, ValueId};

/// Ranges and channel means of activations over calibration frames. The engine observes, the passes read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    seen: BTreeMap<ValueId, Seen>,
    n_frames: usize,
    counts_values: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct Seen {
    range: Range,
    channel_sums: Vec<f64>,
    n_pixels: u64,
    histogram: Option<Histogram>,
}

/// Smallest and largest value seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// Smallest.
    pub min: f32,
    /// Largest.
    pub max: f32,
}

impl Evidence {
    /// Evidence that also counts how often each value is taken, which costs about as much time as the network.
    pub fn with_histograms() -> Self {
        Self { counts_values: true, ..Self::default() }
    }

    /// Takes in what one frame gave for `value`: `activations` with `channels` innermost. NaN widens no range.
    pub fn observe(&mut self, value: ValueId, activations: &[f32], channels: usize) {
        let range =
            activations.iter().fold(Range { min: f32::INFINITY, max: f32::NEG_INFINITY }, |range, &x| {
                Range { min: range.min.min(x), max: range.max.max(x) }
            });
        if range.min > range.max || channels == 0 {
            return;
        }
        let seen = self.seen.entry(value).or_insert_with(|| Seen {
            range,
            channel_sums: vec![0.0; channels],
            n_pixels: 0,
            histogram: self.counts_values.then(Histogram::default),
        });
        if let Some(histogram) = &mut seen.histogram {
            histogram.observe(activations);
        }
        seen.range = Range { min: seen.range.min.min(range.min), max: seen.range.max.max(range.max) };
        for pixel in activations.chunks_exact(channels) {
            for (sum, x) in seen.channel_sums.iter_mut().zip(pixel) {
                *sum += f64::from(*x);
            }
        }
        seen.n_pixels += (activations.len() / channels) as u64;
    }

    /// Counts a frame as done.
    pub fn end_frame(&mut self) {
        self.n_frames += 1;
    }

    /// Frames observed to their end.
    pub fn n_frames(&self) -> usize {
        self.n_frames
    }

    /// The range of `value`, or `None` where it was never observed.
    pub fn range(&self, value: ValueId) -> Option<Range> {
        self.seen.get(&value).map(|seen| seen.range)
    }

    /// How often `value` takes which values; `None` where that was not counted.
    pub fn histogram(&self, value: ValueId) -> Option<&Histogram> {
        self.seen.get(&value)?.histogram.as_ref()
    }

    /// The mean of each channel of `value` over all pixels and frames, or `None` where it was never observed.
    pub fn channel_means(&self, value: ValueId) -> Option<Vec<f64>> {
        let seen = self.seen.get(&value)?;
        Some(seen.channel_sums.iter().map(|sum| sum / seen.n_pixels as f64).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_widen_and_ignore_nan() {
        let mut evidence = Evidence::default();
        evidence.observe(ValueId(3), &[f32::NAN], 1);
        assert_eq!(evidence.range(ValueId(3)), None);
        evidence.observe(ValueId(3), &[1.0, f32::NAN, 2.0], 1);
        evidence.observe(ValueId(3), &[-1.0], 1);
        assert_eq!(evidence.range(ValueId(3)), Some(Range { min: -1.0, max: 2.0 }));
    }

    #[test]
    fn means_are_those_of_each_channel() {
        let mut evidence = Evidence::default();
        assert_eq!(evidence.channel_means(ValueId(0)), None);
        evidence.observe(ValueId(0), &[1.0, 10.0, 3.0, 20.0], 2);
        evidence.observe(ValueId(0), &[5.0, 60.0], 2);
        assert_eq!(evidence.channel_means(ValueId(0)), Some(vec![3.0, 30.0]));
    }
}
