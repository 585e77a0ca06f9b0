//! What was seen when the float model ran on calibration frames.

use std::collections::BTreeMap;

use crate::{Histogram, ValueId};

/// Ranges, means and variances of activations over calibration frames. The engine observes, the passes read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    seen: BTreeMap<ValueId, Seen>,
    n_frames: usize,
    counts_values: bool,
}

/// One entry for each channel.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    mins: Vec<f32>,
    maxes: Vec<f32>,
    sums: Vec<f64>,
    squares: Vec<f64>,
    n_pixels: u64,
    histogram: Option<Histogram>,
}

/// Smallest and largest value seen; infinite and out of order where every value was NaN.
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
        if channels == 0 {
            return;
        }
        let histogram = self.counts_values.then(Histogram::default);
        let seen = self.seen.entry(value).or_insert_with(|| Seen::new(channels, histogram));
        if let Some(histogram) = &mut seen.histogram {
            histogram.observe(activations);
        }
        // Slices of one length, and comparisons that NaN fails: then the loop runs in vectors.
        let Seen { mins, maxes, sums, squares, n_pixels, .. } = seen;
        let (mins, maxes) = (&mut mins[..channels], &mut maxes[..channels]);
        let (sums, squares) = (&mut sums[..channels], &mut squares[..channels]);
        for pixel in activations.chunks_exact(channels) {
            for c in 0..channels {
                let x = pixel[c];
                mins[c] = if x < mins[c] { x } else { mins[c] };
                maxes[c] = if x > maxes[c] { x } else { maxes[c] };
                let wide = f64::from(x);
                sums[c] += wide;
                squares[c] += wide * wide;
            }
        }
        *n_pixels += (activations.len() / channels) as u64;
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
        let ranges = self.channel_ranges(value)?;
        let widen = |a: Range, b: Range| Range { min: a.min.min(b.min), max: a.max.max(b.max) };
        ranges.into_iter().reduce(widen).filter(|range| range.min <= range.max)
    }

    /// The range of each channel of `value`, or `None` where it was never observed.
    pub fn channel_ranges(&self, value: ValueId) -> Option<Vec<Range>> {
        let seen = self.seen.get(&value)?;
        Some(seen.mins.iter().zip(&seen.maxes).map(|(&min, &max)| Range { min, max }).collect())
    }

    /// How often `value` takes which values; `None` where that was not counted.
    pub fn histogram(&self, value: ValueId) -> Option<&Histogram> {
        self.seen.get(&value)?.histogram.as_ref()
    }

    /// The mean of each channel of `value` over all pixels and frames, or `None` where it was never observed.
    pub fn channel_means(&self, value: ValueId) -> Option<Vec<f64>> {
        let seen = self.seen.get(&value)?;
        Some(seen.sums.iter().map(|sum| sum / seen.n_pixels as f64).collect())
    }

    /// The variance of each channel of `value` over all pixels and frames, `E[x²] - E[x]²`, or `None` where it was never
    /// observed.
    pub fn channel_variances(&self, value: ValueId) -> Option<Vec<f64>> {
        let seen = self.seen.get(&value)?;
        let n = seen.n_pixels as f64;
        let variance = |(sum, square): (&f64, &f64)| (square / n - (sum / n) * (sum / n)).max(0.0);
        Some(seen.sums.iter().zip(&seen.squares).map(variance).collect())
    }
}

impl Seen {
    fn new(channels: usize, histogram: Option<Histogram>) -> Self {
        Self {
            mins: vec![f32::INFINITY; channels],
            maxes: vec![f32::NEG_INFINITY; channels],
            sums: vec![0.0; channels],
            squares: vec![0.0; channels],
            n_pixels: 0,
            histogram,
        }
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
    fn ranges_and_variances_are_those_of_each_channel() {
        let mut evidence = Evidence::default();
        evidence.observe(ValueId(0), &[1.0, 7.0, 3.0, 7.0, f32::NAN, 7.0], 2);
        evidence.observe(ValueId(1), &[1.0, 7.0, 3.0, 7.0], 2);
        let ranges = [Range { min: 1.0, max: 3.0 }, Range { min: 7.0, max: 7.0 }];
        assert_eq!(evidence.channel_ranges(ValueId(0)), Some(ranges.to_vec()));
        assert_eq!(evidence.channel_variances(ValueId(1)), Some(vec![1.0, 0.0]));
        assert_eq!(evidence.channel_variances(ValueId(2)), None);
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
