//! The frame of a chart: where the axes lie, lines across with their labels, titles.

use yew::prelude::*;

/// Size of a drawing and the space around its axes, pixels.
#[derive(Clone, Copy, Debug)]
pub struct Plot {
    /// Of the drawing.
    pub width: f64,
    /// Of the drawing.
    pub height: f64,
    /// Space beside the axes, as are the three that follow.
    pub left: f64,
    /// See `left`.
    pub right: f64,
    /// See `left`.
    pub top: f64,
    /// See `left`.
    pub bottom: f64,
}

impl Plot {
    /// The horizontal place of a share of the axis.
    pub fn x(&self, share: f64) -> f64 {
        self.left + share * (self.width - self.left - self.right)
    }

    /// The vertical place of a share of the axis, which begins below.
    pub fn y(&self, share: f64) -> f64 {
        self.height - self.bottom - share * (self.height - self.top - self.bottom)
    }

    /// The drawing's `viewBox`.
    pub fn view_box(&self) -> String {
        format!("0 0 {} {}", self.width, self.height)
    }

    /// A line from left to right at `y`.
    pub fn row(&self, y: f64, label: String) -> Html {
        let (from, to) = (self.left, self.x(1.0));
        html! {
            <>
            <path class="grid" d={format!("M{from} {y:.1}H{to:.1}")} />
            <text x={(from - 6.0).to_string()} y={format!("{:.1}", y + 4.0)} text-anchor="end">{ label }</text>
            </>
        }
    }

    /// A line from top to bottom at `x`.
    pub fn column(&self, x: f64, label: String) -> Html {
        let (from, to) = (self.top, self.y(0.0));
        html! {
            <>
            <path class="grid" d={format!("M{x:.1} {from}V{to:.1}")} />
            <text x={format!("{x:.1}")} y={format!("{:.1}", to + 16.0)} text-anchor="middle">{ label }</text>
            </>
        }
    }

    /// The titles of both axes.
    pub fn titles(&self, across: String, up: String) -> Html {
        html! {
            <>
            <text class="strong" x={self.left.to_string()} y="14">{ up }</text>
            <text class="strong" x={self.left.to_string()} y={(self.height - 8.0).to_string()}>{ across }</text>
            </>
        }
    }
}
