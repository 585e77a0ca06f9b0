//! Separable resampling weights: a triangle filter that widens when it shrinks a picture (antialias).

/// The taps of one output position: source positions `first..first + weights.len()`, weights that sum to 1.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Taps {
    pub(crate) first: usize,
    pub(crate) weights: Vec<f32>,
}

/// Taps for `n_output` positions over the part of a line of `n_source` pixels that begins at `start` (in pixels, a
/// pixel's centre lies at `+ 0.5`) and is `length` pixels long.
///
/// With `scale = length / n_output`, output `i` is centred at `start + (i + 0.5) * scale`; a source pixel at distance
/// `d` from it weighs `max(0, 1 - d / max(scale, 1))`, and the weights are normalised. At scale 1 on whole pixels
/// this is the identity. Pixels outside the line do not count.
///
/// Source: the antialiased "bilinear" of common imaging libraries.
pub(crate) fn taps(n_source: usize, start: f64, length: f64, n_output: usize) -> Vec<Taps> {
    let scale = length / n_output as f64;
    let support = scale.max(1.0);
    (0..n_output)
        .map(|i| {
            let centre = start + (i as f64 + 0.5) * scale;
            let first = ((centre - support - 0.5).floor().max(0.0) as usize).min(n_source - 1);
            let last = ((centre + support + 0.5).ceil().max(0.0) as usize).clamp(first + 1, n_source);
            let weight = |x: usize| (1.0 - (x as f64 + 0.5 - centre).abs() / support).max(0.0);
            let begin = (first..last).find(|&x| weight(x) > 1e-9).unwrap_or(first);
            let end = (begin..last).rev().find(|&x| weight(x) > 1e-9).unwrap_or(begin) + 1;
            let sum: f64 = (begin..end).map(weight).sum();
            let weights = match sum > 0.0 {
                true => (begin..end).map(|x| (weight(x) / sum) as f32).collect(),
                false => vec![1.0],
            };
            Taps { first: begin, weights }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scale_one_is_the_identity() {
        for (i, taps) in taps(256, 16.0, 224.0, 224).into_iter().enumerate() {
            assert_eq!(taps, Taps { first: i + 16, weights: vec![1.0] });
        }
    }

    #[test]
    fn halving_weighs_four_pixels() {
        let middle = &taps(8, 0.0, 8.0, 4)[1];
        assert_eq!(middle.first, 1);
        assert_eq!(middle.weights, [0.125, 0.375, 0.375, 0.125]);
    }

    #[test]
    fn weights_sum_to_one_and_stay_inside() {
        for (n_source, start, length, n_output) in [
            (1, 0.0, 1.0, 7),
            (3, 0.4, 2.1, 9),
            (480, 0.0, 480.0, 224),
            (64, 10.7, 20.9, 96),
            (2000, 1.0, 1999.0, 3),
        ] {
            for taps in taps(n_source, start, length, n_output) {
                assert!((taps.weights.iter().sum::<f32>() - 1.0).abs() < 1e-5);
                assert!(taps.first + taps.weights.len() <= n_source);
            }
        }
    }
}
