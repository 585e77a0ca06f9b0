//! Where both first answers come from, over the picture: discs for the left side, squares for the right one, to one
//! scale. A divider may share the picture between them.

use std::rc::Rc;

use yew::prelude::*;

use super::marks;
use super::predictions::Side;
use crate::app::state::Pair;
use crate::bridge::Heat;

/// Cells below this share of the strongest one are left out.
const FAINT: f32 = 0.02;

/// Properties of [`HeatMap`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The answers to the last frame.
    pub pair: Option<Rc<Pair>>,
    /// Which side is shown where, as shares of the width: `(Original, 0.0, 0.5)` for the left half.
    pub parts: Vec<(Side, f64, f64)>,
}

/// See the module. Cells whose centre lies in a part are that side's.
#[component]
pub fn HeatMap(props: &Props) -> Html {
    let Some(pair) = &props.pair else { return html! {} };
    let heat = |side: Side| side.of(pair).and_then(|side| side.heat.as_ref());
    let largest = [Side::Original, Side::Compressed].into_iter().filter_map(heat);
    let largest = largest.flat_map(|heat| &heat.values).fold(0.0_f32, |a, b| a.max(*b));
    if largest <= 0.0 {
        return html! {};
    }
    let parts = props.parts.iter().filter_map(|(side, from, to)| Some((*side, heat(*side)?, *from, *to)));
    html! {
        <svg class="heat" viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true" data-testid="heat">
            { for parts.map(|(side, heat, from, to)| {
                let d = path(heat, side, largest, from, to);
                html! { <path class={if side == Side::Original { "a" } else { "b" }} {d} data-class={heat.class.to_string()} /> }
            }) }
        </svg>
    }
}

/// The marks of a side: areas are to the scale of `largest`.
fn path(heat: &Heat, side: Side, largest: f32, from: f64, to: f64) -> String {
    let (width, height) = (heat.width.max(1), heat.height.max(1));
    let cell = (100.0 / f64::from(width), 100.0 / f64::from(height));
    let mut path = String::new();
    for (idx, value) in heat.values.iter().enumerate() {
        let (column, row) = (idx as u32 % width, idx as u32 / width);
        let (x, y) = ((f64::from(column) + 0.5) * cell.0, (f64::from(row) + 0.5) * cell.1);
        let share = value / largest;
        // The last part also has the right edge.
        let within = x >= 100.0 * from && (x < 100.0 * to || to >= 1.0);
        if share < FAINT || !within || row >= height {
            continue;
        }
        marks::add(&mut path, side, x, y, 0.42 * cell.0.min(cell.1) * f64::from(share).sqrt());
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heat(values: &[f32]) -> Heat {
        Heat { class: 0, height: 2, width: 2, values: values.to_vec() }
    }

    #[test]
    fn the_divider_shares_the_cells() {
        let heat = heat(&[1.0, 0.25, -1.0, 0.001]);
        let marks = |from, to| path(&heat, Side::Compressed, 1.0, from, to).matches('M').count();
        assert_eq!((marks(0.0, 1.0), marks(0.0, 0.5), marks(0.5, 1.0), marks(0.9, 1.0)), (2, 1, 1, 0));
    }

    #[test]
    fn areas_are_to_scale() {
        let side = |value: f32| {
            let path = path(&heat(&[value, 0.0, 0.0, 0.0]), Side::Compressed, 1.0, 0.0, 1.0);
            path.split('h').nth(1).unwrap().split('v').next().unwrap().parse::<f64>().unwrap()
        };
        assert!((side(1.0) / side(0.25) - 2.0).abs() < 0.01);
    }
}
