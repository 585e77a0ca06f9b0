//! What was seen when the float model ran on calibration frames.

use std::collections::BTreeMap;

use crate::ValueId;

/// Ranges of activations over calibration frames. The engine observes, the passes read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    ranges: BTreeMap<ValueId, Range>,
    n_frames: usize,
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
    /// Widens the range of `value` by what one frame gave. NaN is ignored.
    pub fn observe(&mut self, value: ValueId, activations: &[f32]) {
        let seen =
            activations.iter().fold(Range { min: f32::INFINITY, max: f32::NEG_INFINITY }, |range, &x| {
                Range { min: range.min.min(x), max: range.max.max(x) }
            });
        if seen.min > seen.max {
            return;
        }
        let range = self.ranges.entry(value).or_insert(seen);
        range.min = range.min.min(seen.min);
        range.max = range.max.max(seen.max);
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
        self.ranges.get(&value).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_widen_and_ignore_nan() {
        let mut evidence = Evidence::default();
        evidence.observe(ValueId(3), &[f32::NAN]);
        assert_eq!(evidence.range(ValueId(3)), None);
        evidence.observe(ValueId(3), &[1.0, f32::NAN, 2.0]);
        evidence.observe(ValueId(3), &[-1.0]);
        assert_eq!(evidence.range(ValueId(3)), Some(Range { min: -1.0, max: 2.0 }));
    }
}
