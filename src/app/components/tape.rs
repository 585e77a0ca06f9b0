//! The last 120 frames: a short grey tick where both answered the same, a split blue and orange one where not.

use yew::prelude::*;

use super::verdict::registration_mark;
use crate::app::state::Pair;
use crate::app::statistics::{Comparisons, WINDOW_FRAMES};
use crate::app::tools::use_words;

/// Units of the drawing for one frame.
const STEP: usize = 4;

/// Properties of [`Tape`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The last frames.
    pub comparisons: Comparisons,
    /// The answers that the words show.
    pub pair: Option<std::rc::Rc<Pair>>,
}

/// See the module.
#[component]
pub fn Tape(props: &Props) -> Html {
    let words = use_words();
    let comparisons = &props.comparisons;
    let (n, same) = (comparisons.n(), comparisons.same());
    let (same_text, different_text) = (words.count(same as u64), words.count((n - same) as u64));
    let counts = words
        .text_with("tape-counts", &[("same", (&same_text).into()), ("different", (&different_text).into())]);
    let verdict = props.pair.as_ref().and_then(|pair| pair.same());
    let verdict_words = match verdict {
        Some(true) => words.text("verdict-same"),
        Some(false) => words.text("verdict-different"),
        None => words.text("verdict-none"),
    };
    let n_text = words.count(n as u64);
    let label = words.text_with("tape-label", &[("n", (&n_text).into()), ("counts", (&counts).into())]);
    let seconds = words.count(comparisons.span_seconds().round() as u64);
    let paths = Paths::of(comparisons);
    html! {
        <div class="tape-wrap">
            <div class="verdict">
                { registration_mark(verdict) }
                <b data-testid="verdict">{ verdict_words }</b>
                <span class="grow" />
                <span class="note">{ &counts }</span>
            </div>
            <div class="tape" role="img" aria-label={label}>
                <svg viewBox={format!("0 0 {} 26", STEP * WINDOW_FRAMES)} preserveAspectRatio="none" aria-hidden="true">
                    <path class="rest" d="M0 13H480" />
                    <path class="same" d={paths.same} /><path class="fa" d={paths.original} /><path class="fb" d={paths.compressed} />
                </svg>
            </div>
            <div class="row note dim between">
                <span>{ if n > 0 { words.text_with("tape-ago", &[("seconds", (&seconds).into())]) } else { words.text("tape-empty") } }</span>
                if n > 0 { <span>{ words.text_with("tape-last", &[("n", (&n_text).into())]) }</span> }
                <span>{ words.text("tape-now") }</span>
            </div>
        </div>
    }
}

#[derive(Default)]
struct Paths {
    same: String,
    original: String,
    compressed: String,
}

impl Paths {
    fn of(comparisons: &Comparisons) -> Self {
        use std::fmt::Write;
        let mut paths = Self::default();
        let first = WINDOW_FRAMES - comparisons.n().min(WINDOW_FRAMES);
        for (idx, frame) in comparisons.iter().enumerate() {
            let x = STEP * (first + idx);
            // Writing to a string cannot fail.
            if frame.same {
                let _ = write!(paths.same, "M{x} 8h2.2v10h-2.2z");
            } else {
                let _ = write!(paths.original, "M{x} 0h2.7v12h-2.7z");
                let _ = write!(paths.compressed, "M{} 14h2.7v12h-2.7z", x as f64 + 1.3);
            }
        }
        paths
    }
}
