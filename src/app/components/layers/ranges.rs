//! Charts of one layer's weights: how wide each channel is, and how the weights are spread. Plain SVG that stretches; every
//! text is outside, so that none is.

use pipeline::{Spread, reach};
use yew::prelude::*;

/// Size of the drawings' own units.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 200.0;

/// Levels on either side of zero, of int8.
const LEVELS: f64 = 127.0;

/// A channel within so many levels keeps little of its shape.
pub const FEW_LEVELS: f64 = 8.0;

/// Channels of which one scale for the whole layer makes fewer than [`FEW_LEVELS`] levels of int8; dead ones had no shape to
/// lose.
pub fn narrow_channels(spread: &Spread) -> usize {
    let step = f64::from(spread.widest()) / LEVELS;
    spread.live().filter(|[low, high]| f64::from(high - low) < FEW_LEVELS * step).count()
}

/// Channels from the widest to the narrowest.
pub fn order(spread: &Spread) -> Vec<usize> {
    let width = |channel: usize| reach(spread.ranges[channel]);
    let mut channels: Vec<usize> = (0..spread.ranges.len()).collect();
    channels.sort_by(|&a, &b| width(b).total_cmp(&width(a)));
    channels
}

/// One line for each channel from its smallest to its largest weight, in levels of one scale for all.
pub fn ranges_chart(spread: &Spread, order: &[usize], class: &'static str, label: String) -> Html {
    let limit = f64::from(spread.widest()).max(f64::MIN_POSITIVE);
    let y = |value: f64| HEIGHT / 2.0 * (1.0 - value);
    let n = order.len().max(1) as f64;
    let lines: String = order
        .iter()
        .enumerate()
        .filter_map(|(place, &channel)| Some((place, spread.ranges.get(channel)?)))
        .map(|(place, [low, high])| {
            let x = WIDTH * (place as f64 + 0.5) / n;
            let (top, bottom) = (y(f64::from(*high) / limit), y(f64::from(*low) / limit));
            format!("M{x:.1} {top:.1}V{:.1}", bottom.max(top + 0.5))
        })
        .collect();
    let band = HEIGHT * FEW_LEVELS / 2.0 / (2.0 * LEVELS);
    let stroke = (0.8 * WIDTH / n).clamp(0.8, 24.0);
    html! {
        <svg class="weights-plot" viewBox={format!("0 0 {WIDTH} {HEIGHT}")} preserveAspectRatio="none" role="img" aria-label={label}>
            <rect class={classes!("band", class)} x="0" y={format!("{:.2}", HEIGHT / 2.0 - band)} width={WIDTH.to_string()} height={format!("{:.2}", 2.0 * band)} />
            <path class="zero" d={format!("M0 {0}H{WIDTH}", HEIGHT / 2.0)} />
            <path class={classes!("ranges", class)} d={lines} stroke-width={format!("{stroke:.2}")} />
        </svg>
    }
}

/// Both sides' weights by size: the original as a line, the compressed ones as bars, on a square-root axis.
pub fn histogram_chart(original: &Spread, compressed: Option<&Spread>, label: String) -> Html {
    let counts = |spread: &Spread| spread.histogram.clone();
    let all = original.histogram.iter().chain(compressed.iter().flat_map(|spread| &spread.histogram));
    let largest = all.copied().max().unwrap_or(0).max(1);
    let height = |count: u32| HEIGHT * (f64::from(count) / f64::from(largest)).sqrt();
    let n = original.histogram.len().max(1) as f64;
    let width = WIDTH / n;
    let line: String = counts(original)
        .into_iter()
        .enumerate()
        .map(|(bin, count)| {
            let start = if bin == 0 { 'M' } else { 'L' };
            format!("{start}{:.1} {:.1}", (bin as f64 + 0.5) * width, HEIGHT - height(count))
        })
        .collect();
    let bars: String = compressed
        .map(counts)
        .unwrap_or_default()
        .into_iter()
        .enumerate()
        .filter(|(_, count)| *count > 0)
        .map(|(bin, count)| {
            let (x, w) = ((bin as f64 + 0.1) * width, 0.8 * width);
            format!("M{x:.1} {HEIGHT}h{w:.1}V{:.1}h-{w:.1}z", HEIGHT - height(count))
        })
        .collect();
    html! {
        <svg class="weights-plot" viewBox={format!("0 0 {WIDTH} {HEIGHT}")} preserveAspectRatio="none" role="img" aria-label={label}>
            <path class="bars b" d={bars} />
            <path class="line a" d={line} />
            <path class="zero" d={format!("M0 {HEIGHT}H{WIDTH}")} />
        </svg>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_beside_a_wide_one_have_few_levels() {
        let ranges = vec![[-0.01, 0.01], [-1.0, 12.7], [-0.5, 0.5], [-0.3, 0.4], [0.0, 0.0], [0.0, 1e-8]];
        let spread = Spread { histogram: Vec::new(), ranges };
        assert_eq!(spread.widest(), 12.7);
        assert_eq!(narrow_channels(&spread), 2, "0.02 and 0.7 of steps of 0.1");
        assert_eq!(order(&spread), [1, 2, 3, 0, 5, 4]);
        let none = Spread { histogram: Vec::new(), ranges: Vec::new() };
        assert_eq!((narrow_channels(&none), order(&none).len()), (0, 0));
    }
}
