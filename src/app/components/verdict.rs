//! The registration mark: a disc and a square on each other where both answer the same, apart where they differ.

use yew::prelude::*;

/// Draws the mark; `None` before both have answered. Words always stand beside it.
pub fn registration_mark(same: Option<bool>) -> Html {
    let (class, circle, square) = match same {
        Some(true) => ("reg", "22", "13.2"),
        Some(false) => ("reg off", "13", "22.2"),
        None => ("reg none", "22", "13.2"),
    };
    html! {
        <svg {class} viewBox="0 0 44 28" aria-hidden="true">
            <circle class="ra" cx={circle} cy="14" r="10" />
            <rect class="rb" x={square} y="5.2" width="17.6" height="17.6" />
        </svg>
    }
}
