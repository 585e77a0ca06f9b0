//! What both models see and say: the live picture, small, and three names with both bars.

use std::rc::Rc;

use web_sys::HtmlCanvasElement;
use yew::prelude::*;

use super::super::stage::Stage;
use super::super::verdict::registration_mark;
use super::super::{class_name, width_style};
use crate::app::lists::Naming;
use crate::app::state::Pair;
use crate::app::tools::use_words;

/// Names that are shown.
const ROWS: usize = 3;

/// Properties of [`Both`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The frame loop's canvas.
    pub canvas: Option<HtmlCanvasElement>,
    /// Both answers.
    pub pair: Option<Rc<Pair>>,
    /// Names of classes.
    pub naming: Naming,
}

/// See the module.
#[component]
pub fn Both(props: &Props) -> Html {
    let words = use_words();
    let same = props.pair.as_ref().and_then(|pair| pair.same());
    let verdict = match same {
        Some(true) => words.text("verdict-same"),
        Some(false) => words.text("verdict-different"),
        None => words.text("verdict-none"),
    };
    let top = props.pair.iter().flat_map(|pair| pair.original.top.iter().take(ROWS));
    let rows = top.enumerate().map(|(idx, prediction)| {
        let (original, compressed) = (f64::from(prediction.probability), prediction.other.map(f64::from));
        let both = compressed.map_or(original, |it| it.min(original));
        let bar = |class: &'static str, value: f64| {
            let only = format!("left:{:.2}%;{}", 100.0 * both, width_style(value - both));
            html! { <span {class}><i class="both" ~style={width_style(both)} /><i class="only end" ~style={only} /></span> }
        };
        let percent = match compressed {
            Some(it) => format!("{} | {}", words.number(100.0 * original, 0), words.percent(it, 0)),
            None => words.percent(original, 0),
        };
        html! {
            <li class="pred" key={idx}>
                <span class="name">{ class_name(&props.naming, prediction.class, &words) }</span>
                <span class="pct">{ percent }</span>
                { bar("track ta", original) }
                { compressed.map(|it| bar("track tb", it)) }
            </li>
        }
    });
    html! {
        <div class="both-see">
            <Stage canvas={props.canvas.clone()} class="frame" />
            <div>
                <p class="row">{ registration_mark(same) }<b>{ verdict }</b></p>
                <ul class="preds">{ for rows }</ul>
            </div>
        </div>
    }
}
