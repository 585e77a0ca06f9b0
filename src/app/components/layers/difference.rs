//! What differs between both models in the open layer's channels: a disc where the original's value is higher, a square
//! where the compressed model's is, and nothing where they are equal. Areas are to one scale for all channels shown, so
//! that they can be compared.

use yew::prelude::*;

use super::super::marks;
use super::super::predictions::Side;
use super::maps::channel_name;
use crate::app::tools::use_words;
use crate::bridge::MapPair;

/// Marks on each side of a channel; more would be too small to tell their shapes. Cells between are averaged.
const MOST_MARKS: u32 = 14;

/// Marks below this share of the largest one are left out.
const FAINT: f32 = 0.02;

/// Properties of [`Differences`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The channels.
    pub pairs: Vec<MapPair>,
}

/// See the module.
#[component]
pub fn Differences(props: &Props) -> Html {
    let words = use_words();
    let grids: Vec<Option<Grid>> = props.pairs.iter().map(Grid::of).collect();
    if grids.iter().all(Option::is_none) {
        // No compressed model yet, or it lacks the layer.
        return html! { <p class="note">{ words.text("maps-difference-none") }</p> };
    }
    let known = grids.iter().flatten();
    let largest = known.flat_map(|grid| &grid.values).fold(0.0_f32, |most, value| most.max(value.abs()));
    let original = props.pairs.iter().flat_map(|pair| &pair.original);
    let strongest = original.fold(0.0_f32, |most, value| most.max(value.abs()));
    let scale = (strongest > 0.0).then(|| {
        let percent = words.percent(f64::from(largest / strongest), 1);
        words.text_with("maps-difference-scale", &[("percent", (&percent).into())])
    });
    html! {
        <>
        <ul class="maps">
            { for props.pairs.iter().zip(&grids).map(|(pair, grid)| {
                let share = relative(pair).map(|share| words.percent(share, 1));
                let name = channel_name(&words, pair);
                let text = match &share {
                    Some(share) => words.text_with("maps-channel-differs", &[("channel", (&name).into()), ("percent", share.into())]),
                    None => words.text_with("maps-channel-removed", &[("channel", (&name).into())]),
                };
                html! {
                    <li key={pair.channel} data-channel={pair.channel.to_string()} data-value={relative(pair).map(|share| share.to_string())}>
                        if let Some(grid) = grid {
                            <svg class="map difference" viewBox={format!("0 0 {} {}", grid.width, grid.height)} preserveAspectRatio="none" aria-hidden="true">
                                <path class="a" d={grid.path(Side::Original, largest)} />
                                <path class="b" d={grid.path(Side::Compressed, largest)} />
                            </svg>
                        } else {
                            <span class="map difference" aria-hidden="true" />
                        }
                        <span class="note">{ text }</span>
                    </li>
                }
            }) }
        </ul>
        <p class="legend">
            <span><i class="mk a" aria-hidden="true" />{ words.text("maps-original-higher") }</span>
            <span><i class="mk b" aria-hidden="true" />{ words.text("maps-compressed-higher") }</span>
            if let Some(scale) = scale { <span>{ scale }</span> }
        </p>
        </>
    }
}

/// Original less compressed, row by row, in at most [`MOST_MARKS`] rows and columns.
#[derive(Debug, PartialEq)]
struct Grid {
    height: u32,
    width: u32,
    values: Vec<f32>,
}

impl Grid {
    /// `None` where the compressed model lacks the channel.
    fn of(pair: &MapPair) -> Option<Self> {
        let compressed = pair.compressed.as_ref()?;
        let block = |cells: u32| cells.div_ceil(MOST_MARKS).max(1);
        let (tall, wide) = (block(pair.height), block(pair.width));
        let (height, width) = (pair.height.div_ceil(tall), pair.width.div_ceil(wide));
        let mut values = Vec::with_capacity((height * width) as usize);
        for row in 0..height {
            for column in 0..width {
                let rows = row * tall..((row + 1) * tall).min(pair.height);
                let columns = column * wide..((column + 1) * wide).min(pair.width);
                let mut sum = 0.0;
                for idx in rows.clone().flat_map(|row| columns.clone().map(move |it| row * pair.width + it)) {
                    sum += pair.original.get(idx as usize)? - compressed.get(idx as usize)?;
                }
                values.push(sum / (rows.len() * columns.len()) as f32);
            }
        }
        Some(Self { height, width, values })
    }

    /// The marks of the side whose values are higher.
    fn path(&self, side: Side, largest: f32) -> String {
        let mut path = String::new();
        for (idx, value) in self.values.iter().enumerate() {
            let higher = if side == Side::Original { *value } else { -value };
            let share = higher / largest;
            if higher > 0.0 && share >= FAINT {
                let (column, row) = (idx as u32 % self.width, idx as u32 / self.width);
                let (x, y) = (f64::from(column) + 0.5, f64::from(row) + 0.5);
                marks::add(&mut path, side, x, y, 0.48 * f64::from(share).sqrt());
            }
        }
        path
    }
}

/// Root of the mean square of a channel's difference over that of the original; `None` where the compressed model lacks
/// the channel.
fn relative(pair: &MapPair) -> Option<f64> {
    let compressed = pair.compressed.as_ref()?;
    let square = |value: f32| f64::from(value) * f64::from(value);
    let difference: f64 = pair.original.iter().zip(compressed).map(|(a, b)| square(a - b)).sum();
    let original: f64 = pair.original.iter().map(|value| square(*value)).sum();
    if original > 0.0 { Some((difference / original).sqrt()) } else { Some(0.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(side: u32, original: Vec<f32>, compressed: Option<Vec<f32>>) -> MapPair {
        MapPair { channel: 0, height: side, width: side, original, compressed }
    }

    #[test]
    fn each_side_marks_where_it_is_higher_and_nobody_where_both_are_equal() {
        let pair = pair(2, vec![1.0, 0.0, 2.0, 3.0], Some(vec![0.0, 4.0, 2.0, 3.0]));
        let grid = Grid::of(&pair).unwrap();
        assert_eq!(grid.values, [1.0, -4.0, 0.0, 0.0]);
        assert_eq!(
            grid.path(Side::Original, 4.0),
            "M0.26 0.50a0.24 0.24 0 1 0 0.48 0a0.24 0.24 0 1 0 -0.48 0z"
        );
        assert_eq!(grid.path(Side::Compressed, 4.0), "M1.02 0.02h0.96v0.96h-0.96z");
        let share = relative(&pair).unwrap();
        assert!((share - (17.0_f64 / 14.0).sqrt()).abs() < 1e-12, "{share}");
    }

    #[test]
    fn large_channels_are_averaged_and_equal_ones_have_no_marks() {
        let side = 28;
        let values: Vec<f32> = (0..side * side).map(|idx| idx as f32).collect();
        let same = Grid::of(&pair(side, values.clone(), Some(values.clone()))).unwrap();
        assert_eq!((same.height, same.width), (14, 14));
        assert_eq!(same.path(Side::Original, 0.0) + &same.path(Side::Compressed, 0.0), "");
        let higher = values.iter().map(|value| value - 0.5).collect();
        let grid = Grid::of(&pair(side, values, Some(higher))).unwrap();
        assert!(grid.values.iter().all(|value| (value - 0.5).abs() < 1e-4));
        assert_eq!(Grid::of(&pair(side, vec![0.0; 784], None)), None, "the channel was removed");
    }
}
