//! Which part of a distribution an int8 grid should cover.

use graph::{Bin, Range};

use super::activation_quantization;

/// Share of the values that lies outside the range at either end.
const OUTSIDE: f64 = 0.000_05;
/// Ranges that are tried: the whole one and shorter ones down to a fifth.
const CANDIDATES: usize = 80;
const SHORTEST: f64 = 0.2;

/// The range without the share [`OUTSIDE`] of the values at either end.
///
/// Source: Wu et al. 2020 (arXiv 2004.09602), section 3.3.
pub(super) fn percentile(bins: &[Bin]) -> Range {
    let total: u64 = bins.iter().map(|bin| bin.count).sum();
    let allowed = (OUTSIDE * total as f64) as u64;
    let end = |bins: &mut dyn Iterator<Item = &Bin>| {
        let mut passed = 0;
        for bin in bins {
            passed += bin.count;
            if passed > allowed {
                return bin.value as f32;
            }
        }
        0.0
    };
    Range { min: end(&mut bins.iter()), max: end(&mut bins.iter().rev()) }
}

/// The range whose grid has the least squared error.
///
/// Source: Nagel et al. 2021 (arXiv 2106.08295), section 3.1.
pub(super) fn least_squares(range: Range, bins: &[Bin]) -> Range {
    shortened(range, |range| {
        let Some(grid) = activation_quantization(range) else { return f64::INFINITY };
        let (scale, zero_point) = (f64::from(grid.scale), f64::from(grid.zero_point));
        let error = |value: f64| {
            let level = ((value / scale).round_ties_even() + zero_point).clamp(-128.0, 127.0);
            (value - scale * (level - zero_point)).powi(2)
        };
        bins.iter().map(|bin| bin.count as f64 * error(bin.value)).sum()
    })
}

/// The range for which the distribution of the rounded values diverges least (Kullback-Leibler) from the one of the
/// values, those outside counted at its ends.
///
/// Source: Migacz 2017, 8-bit inference with TensorRT; Wu et al. 2020 (arXiv 2004.09602), section 3.3.
pub(super) fn least_divergence(range: Range, bins: &[Bin]) -> Range {
    let total: f64 = bins.iter().map(|bin| bin.count as f64).sum();
    shortened(range, |range| {
        let Some(grid) = activation_quantization(range) else { return f64::INFINITY };
        let scale = f64::from(grid.scale);
        let (min, max) = (f64::from(range.min.min(0.0)), f64::from(range.max.max(0.0)));
        let below: f64 = bins.iter().take_while(|bin| bin.value < min).map(|bin| bin.count as f64).sum();
        let inside: Vec<Bin> = bins.iter().filter(|bin| (min..=max).contains(&bin.value)).copied().collect();
        let mass: f64 = inside.iter().map(|bin| bin.count as f64).sum();
        let above = total - below - mass;
        let level = |bin: &Bin| ((bin.value - min) / scale) as usize;
        let mut divergence = 0.0;
        let mut first = 0;
        for sharing in inside.chunk_by(|a, b| level(a) == level(b)) {
            // The grid tells the bins of a level not apart.
            let q = sharing.iter().map(|bin| bin.count as f64).sum::<f64>() / sharing.len() as f64 / mass;
            for (position, bin) in (first..).zip(sharing) {
                let cut = if position == 0 { below } else { 0.0 }
                    + if position + 1 == inside.len() { above } else { 0.0 };
                let p = (bin.count as f64 + cut) / total;
                divergence += p * (p / q).ln();
            }
            first += sharing.len();
        }
        if inside.is_empty() { f64::INFINITY } else { divergence }
    })
}

/// The range of least `cost`: first with both ends drawn in alike, then each for itself.
fn shortened(range: Range, cost: impl Fn(Range) -> f64) -> Range {
    let mut best = (cost(range), range);
    for (min_moves, max_moves) in [(true, true), (false, true), (true, false)] {
        let from = best.1;
        for i in 1..CANDIDATES {
            let factor = (1.0 - (1.0 - SHORTEST) * i as f64 / CANDIDATES as f64) as f32;
            let candidate = Range {
                min: if min_moves { from.min * factor } else { from.min },
                max: if max_moves { from.max * factor } else { from.max },
            };
            let cost = cost(candidate);
            if cost < best.0 {
                best = (cost, candidate);
            }
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bell between -1 and 1 with a few values far outside.
    fn outliers() -> (Range, Vec<Bin>) {
        let bell = (-100..=100).map(|i| {
            let value = f64::from(i) / 100.0;
            Bin { value, count: (1e6 * (-8.0 * value * value).exp()) as u64 }
        });
        let mut bins: Vec<Bin> = bell.collect();
        bins.push(Bin { value: 40.0, count: 3 });
        (Range { min: -1.0, max: 40.0 }, bins)
    }

    #[test]
    fn a_few_outliers_do_not_set_the_range() {
        let (range, bins) = outliers();
        for found in [percentile(&bins), least_squares(range, &bins), least_divergence(range, &bins)] {
            assert!(found.max < 0.5 * range.max, "{found:?}");
            assert!(found.min <= -0.2 && found.min >= -1.0, "{found:?}");
        }
        assert!(percentile(&bins).max <= 1.0);
    }

    #[test]
    fn what_fills_its_range_keeps_it() {
        let bins: Vec<Bin> = (0..=600).map(|i| Bin { value: f64::from(i) / 100.0, count: 1000 }).collect();
        let range = Range { min: 0.0, max: 6.0 };
        for found in [percentile(&bins), least_squares(range, &bins), least_divergence(range, &bins)] {
            assert!(found.max > 5.8 && found.min == 0.0, "{found:?}");
        }
    }
}
