//! The arithmetic behind the three numbers: windows over the last frames, median, 95th percentile and the interval of
//! a share. It knows numbers only: no clock, no state, no words.

use std::collections::VecDeque;

use pipeline::quality::Share;

/// Frames that a live number looks back on.
pub const WINDOW_FRAMES: usize = 120;

/// Frames left out of the latency after each change of model or recipe.
pub const WARM_UP_FRAMES: u32 = 10;

/// Frames before a live agreement is shown.
pub const AGREEMENT_FRAMES: usize = 30;

/// The last [`WINDOW_FRAMES`] measured times of one side, milliseconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LatencyWindow {
    millis: VecDeque<f64>,
}

/// Median and 95th percentile of a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latency {
    /// Median, milliseconds.
    pub median: f64,
    /// 95th percentile, milliseconds.
    pub p95: f64,
    /// Frames in the window.
    pub n: usize,
}

impl LatencyWindow {
    /// Adds one time; the oldest one leaves a full window. What is not a time (negative, NaN, infinite) is ignored.
    pub fn push(&mut self, millis: f64) {
        if millis.is_finite() && millis >= 0.0 {
            if self.millis.len() == WINDOW_FRAMES {
                self.millis.pop_front();
            }
            self.millis.push_back(millis);
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.millis.clear();
    }

    /// Median and 95th percentile, or `None` for an empty window.
    pub fn latency(&self) -> Option<Latency> {
        let mut sorted: Vec<f64> = self.millis.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len();
        let (upper, lower) = (sorted.get(n / 2)?, sorted.get(n.saturating_sub(1) / 2)?);
        // Nearest rank: the smallest value that at least 95 % of the values do not exceed.
        let rank = (n * 95).div_ceil(100).max(1);
        Some(Latency { median: (lower + upper) / 2.0, p95: *sorted.get(rank - 1)?, n })
    }
}

/// Whether both models gave the same first answer, over the last [`WINDOW_FRAMES`] frames.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparisons {
    frames: VecDeque<Comparison>,
}

/// One compared frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// Both first answers name the same class.
    pub same: bool,
    /// When it was answered, milliseconds on the page's clock.
    pub at: f64,
}

impl Comparisons {
    /// Adds one frame; the oldest one leaves a full window.
    pub fn push(&mut self, comparison: Comparison) {
        if self.frames.len() == WINDOW_FRAMES {
            self.frames.pop_front();
        }
        self.frames.push_back(comparison);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.frames.clear();
    }

    /// The frames, oldest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Comparison> {
        self.frames.iter()
    }

    /// How many frames are in the window.
    pub fn n(&self) -> usize {
        self.frames.len()
    }

    /// How many of them agree.
    pub fn same(&self) -> usize {
        self.frames.iter().filter(|frame| frame.same).count()
    }

    /// Seconds between the oldest and the newest frame.
    pub fn span_seconds(&self) -> f64 {
        match (self.frames.front(), self.frames.back()) {
            (Some(first), Some(last)) => (last.at - first.at).max(0.0) / 1000.0,
            _ => 0.0,
        }
    }
}

/// The 95 % interval of a share by Wilson's score, `(low, high)` within `0..=1`; `(0, 1)` where `n` is 0.
pub fn wilson_interval(same: u32, n: u32) -> (f64, f64) {
    Share { hits: same.min(n) as usize, n: n as usize }.interval()
}

/// A share in per cent with one decimal that never rounds a difference away: 100 only where all are the same, 0 only
/// where none is.
pub fn honest_percent(same: u32, n: u32) -> f64 {
    if n == 0 {
        return 0.0;
    }
    let percent = (1000.0 * f64::from(same) / f64::from(n)).round() / 10.0;
    match same {
        0 => 0.0,
        same if same >= n => 100.0,
        _ => percent.clamp(0.1, 99.9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latency(millis: &[f64]) -> Option<Latency> {
        let mut window = LatencyWindow::default();
        millis.iter().for_each(|&value| window.push(value));
        window.latency()
    }

    #[test]
    fn median_and_p95_of_small_windows() {
        assert_eq!(latency(&[]), None);
        assert_eq!(latency(&[3.0]), Some(Latency { median: 3.0, p95: 3.0, n: 1 }));
        assert_eq!(latency(&[4.0, 1.0]), Some(Latency { median: 2.5, p95: 4.0, n: 2 }));
        assert_eq!(latency(&[9.0, 1.0, 2.0]), Some(Latency { median: 2.0, p95: 9.0, n: 3 }));
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(latency(&hundred), Some(Latency { median: 50.5, p95: 95.0, n: 100 }));
    }

    #[test]
    fn the_window_forgets_the_oldest_and_ignores_what_is_no_time() {
        let mut window = LatencyWindow::default();
        for _ in 0..WINDOW_FRAMES {
            window.push(1.0);
        }
        for _ in 0..WINDOW_FRAMES {
            window.push(2.0);
            window.push(f64::NAN);
            window.push(-1.0);
            window.push(f64::INFINITY);
        }
        assert_eq!(window.latency(), Some(Latency { median: 2.0, p95: 2.0, n: WINDOW_FRAMES }));
        window.clear();
        assert_eq!(window.latency(), None);
    }

    #[test]
    fn comparisons_count_over_the_window() {
        let mut comparisons = Comparisons::default();
        assert_eq!((comparisons.n(), comparisons.same(), comparisons.span_seconds()), (0, 0, 0.0));
        for frame in 0..WINDOW_FRAMES + 6 {
            comparisons.push(Comparison { same: frame >= 12, at: 50.0 * frame as f64 });
        }
        assert_eq!((comparisons.n(), comparisons.same()), (WINDOW_FRAMES, WINDOW_FRAMES - 6));
        assert!((comparisons.span_seconds() - 5.95).abs() < 1e-9);
    }

    #[test]
    fn wilson_agrees_with_the_published_values() {
        let rounded = |(low, high): (f64, f64)| ((low * 1000.0).round(), (high * 1000.0).round());
        assert_eq!(rounded(wilson_interval(114, 120)), (895.0, 977.0));
        assert_eq!(rounded(wilson_interval(12, 12)), (758.0, 1000.0));
        assert_eq!(rounded(wilson_interval(0, 10)), (0.0, 278.0));
        assert_eq!(wilson_interval(0, 0), (0.0, 1.0));
        assert_eq!(wilson_interval(9, 3), wilson_interval(3, 3));
    }

    #[test]
    fn per_cent_never_hides_a_difference() {
        assert_eq!(honest_percent(114, 120), 95.0);
        assert_eq!(honest_percent(2999, 3000), 99.9);
        assert_eq!(honest_percent(3000, 3000), 100.0);
        assert_eq!(honest_percent(1, 3000), 0.1);
        assert_eq!(honest_percent(0, 3000), 0.0);
        assert_eq!(honest_percent(0, 0), 0.0);
    }
}
