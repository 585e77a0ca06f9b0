//! Separable resampling weights: a triangle filter that widens when it shrinks a picture (antialias).

use std::ops::Range;

use kernels::RESAMPLE_ONE;

/// For each output position the source positions that it is made of and their weights, in flat tables that are
/// rebuilt in place.
///
/// ```text
/// firsts   f0      f1      f2          from span.start
/// weights  w w w 0 w w 0 0 w w w 0     [n_outputs, stride], RESAMPLE_ONE stands for 1
/// counts   3       2       3
/// ```
#[derive(Debug, Default)]
pub(crate) struct Taps {
    pub(crate) firsts: Vec<u32>,
    pub(crate) weights: Vec<i16>,
    counts: Vec<usize>,
    stride: usize,
    /// The source positions that count at all.
    pub(crate) span: Range<usize>,
}

/// A part of a line of `n_source` pixels, resampled to `n_output` positions: it begins at `start` (in pixels, a
/// pixel's centre lies at `+ 0.5`) and is `length` pixels long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section {
    pub(crate) n_source: usize,
    pub(crate) start: f64,
    pub(crate) length: f64,
    pub(crate) n_output: usize,
    /// The first output comes from the section's end.
    pub(crate) mirrored: bool,
}

impl Taps {
    /// Fills the tables.
    ///
    /// With `scale = length / n_output`, output `i` is centred at `start + (i + 0.5) * scale`; a source pixel at
    /// distance `d` from it weighs `max(0, 1 - d / max(scale, 1))`, and the weights are normalised. At scale 1 on
    /// whole pixels this is the identity. Pixels outside the line do not count. The integers are differences of
    /// rounded partial sums, so each is within 2^-14 of its weight and their sum is exact.
    ///
    /// Source: the antialiased "bilinear" of common imaging libraries.
    pub(crate) fn rebuild(&mut self, section: Section) {
        let Section { n_source, start, length, n_output, mirrored } = section;
        let scale = length / n_output as f64;
        let support = scale.max(1.0);
        let centre = |i: usize| {
            let i = if mirrored { n_output - 1 - i } else { i };
            start + (i as f64 + 0.5) * scale
        };
        let weight = |x: usize, centre: f64| (1.0 - (x as f64 + 0.5 - centre).abs() / support).max(0.0);

        self.firsts.clear();
        self.counts.clear();
        for centre in (0..n_output).map(centre) {
            let first = ((centre - support - 0.5).floor().max(0.0) as usize).min(n_source - 1);
            let last = ((centre + support + 0.5).ceil().max(0.0) as usize).clamp(first + 1, n_source);
            let begin = (first..last).find(|&x| weight(x, centre) > 1e-9).unwrap_or(first);
            let end = (begin..last).rev().find(|&x| weight(x, centre) > 1e-9).unwrap_or(begin) + 1;
            self.firsts.push(begin as u32);
            self.counts.push(end - begin);
        }
        let begin = self.firsts.iter().min().map_or(0, |first| *first as usize);
        let ends = self.firsts.iter().zip(&self.counts).map(|(first, count)| *first as usize + count);
        self.span = begin..ends.max().unwrap_or(begin);

        let most = self.counts.iter().max().copied().unwrap_or(1);
        self.stride = if most <= 4 { 4 } else { most.next_multiple_of(8) };
        self.weights.clear();
        self.weights.resize(n_output * self.stride, 0);
        let tables = self.weights.chunks_exact_mut(self.stride).zip(&mut self.firsts).zip(&self.counts);
        for (i, ((weights, first), &count)) in tables.enumerate() {
            let (from, centre) = (*first as usize, centre(i));
            let total: f64 = (from..from + count).map(|x| weight(x, centre)).sum();
            let (mut sum, mut written) = (0.0, 0);
            for (k, fixed) in weights[..count].iter_mut().enumerate() {
                sum += weight(from + k, centre);
                let so_far = (sum / total * f64::from(RESAMPLE_ONE)).round() as i16;
                let so_far = if k + 1 == count { RESAMPLE_ONE } else { so_far };
                *fixed = so_far - written;
                written = so_far;
            }
            *first -= begin as u32;
        }
    }

    /// Output `i`: the first source position, and the weights from there on.
    pub(crate) fn line(&self, i: usize) -> (usize, &[i16]) {
        let weights = &self.weights[i * self.stride..];
        (self.span.start + self.firsts[i] as usize, &weights[..self.counts[i]])
    }

    /// Elements of a row that holds the span and whatever zeros may fall on behind it.
    pub(crate) fn row_len(&self) -> usize {
        self.span.len() + self.stride
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taps(n_source: usize, start: f64, length: f64, n_output: usize, mirrored: bool) -> Taps {
        let mut taps = Taps::default();
        taps.rebuild(Section { n_source, start, length, n_output, mirrored });
        taps
    }

    #[test]
    fn scale_one_is_the_identity() {
        let forwards = taps(256, 16.0, 224.0, 224, false);
        let backwards = taps(256, 16.0, 224.0, 224, true);
        for i in 0..224 {
            assert_eq!(forwards.line(i), (i + 16, &[RESAMPLE_ONE][..]));
            assert_eq!(backwards.line(223 - i), forwards.line(i));
        }
    }

    #[test]
    fn halving_weighs_four_pixels() {
        let all = taps(8, 0.0, 8.0, 4, false);
        assert_eq!(all.line(1), (1, &[1, 3, 3, 1].map(|eighths| eighths * (RESAMPLE_ONE / 8))[..]));
    }

    #[test]
    fn weights_sum_to_one_and_stay_inside() {
        for (n_source, start, length, n_output) in [
            (1, 0.0, 1.0, 7),
            (3, 0.4, 2.1, 9),
            (480, 0.0, 480.0, 224),
            (64, 10.7, 20.9, 96),
            (2000, 1.0, 1999.0, 3),
            (60_000, 0.0, 60_000.0, 1),
            (5, f64::NAN, f64::NAN, 2),
        ] {
            let all = taps(n_source, start, length, n_output, true);
            for i in 0..n_output {
                let (first, weights) = all.line(i);
                assert_eq!(weights.iter().map(|&w| i32::from(w)).sum::<i32>(), i32::from(RESAMPLE_ONE));
                assert!(weights.iter().all(|&w| w >= 0));
                assert!(all.span.start <= first && first + weights.len() <= all.span.end);
                assert!(all.span.end <= n_source);
            }
        }
    }
}
