//! One side's answer: its first class large, then five classes with bars. Ink is what both models give a class, colour
//! is the surplus of this one. Words change at most twice a second; bars follow every frame.

use std::rc::Rc;

use yew::prelude::*;

use super::{class_name, width_style};
use crate::app::lists::Naming;
use crate::app::state::Pair;
use crate::app::tools::use_words;
use crate::app::words::key;
use crate::bridge::{Prediction, SideResult};

/// Rows of a list.
const ROWS: usize = 5;

/// The two models.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The model as it is.
    Original,
    /// The smaller one.
    Compressed,
}

impl Side {
    /// Its part of a pair of answers.
    pub fn of(self, pair: &Pair) -> Option<&SideResult> {
        match self {
            Self::Original => Some(&pair.original),
            Self::Compressed => pair.compressed.as_ref(),
        }
    }
}

/// Properties of [`Predictions`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Which side.
    pub side: Side,
    /// What the words show.
    pub shown: Option<Rc<Pair>>,
    /// What the bars show.
    pub latest: Option<Rc<Pair>>,
    /// Names of classes.
    pub naming: Naming,
    /// Why there is no answer, while there is none.
    pub waiting: AttrValue,
    /// The left side is another recipe than the original.
    #[prop_or_default]
    pub other_left: bool,
    /// The answer is still that of the former recipe.
    #[prop_or_default]
    pub former: bool,
}

/// See the module.
#[component]
pub fn Predictions(props: &Props) -> Html {
    let words = use_words();
    let (list_class, track_class, testid, only) = match props.side {
        Side::Original => (
            "list-a",
            "track ta",
            "predictions-original",
            words.text(if props.other_left { key("legend-only-left") } else { key("legend-only-original") }),
        ),
        Side::Compressed => {
            ("list-b", "track tb", "predictions-compressed", words.text("legend-only-compressed"))
        }
    };
    let shown =
        props.shown.as_deref().and_then(|pair| props.side.of(pair)).filter(|side| !side.top.is_empty());
    let latest = props.latest.as_deref().and_then(|pair| props.side.of(pair));
    let row = |idx: usize| match shown.and_then(|side| side.top.get(idx)) {
        Some(prediction) => {
            let name = class_name(&props.naming, prediction.class, &words);
            let now = latest.and_then(|side| side.top.iter().find(|other| other.class == prediction.class));
            html! {
                <li class="pred" key={idx}>
                    <span class="name" title={name.clone()}>{ &name }</span>
                    <span class="pct">{ words.percent(prediction.probability.into(), 1) }</span>
                    { bar(track_class, now.unwrap_or(prediction)) }
                </li>
            }
        }
        None => html! {
            <li class="pred wait" key={idx}>
                <span class="name" /><span class="pct">{ "–" }</span><span class={track_class}><i class="both" /><i class="only" /></span>
            </li>
        },
    };
    let first = shown.and_then(|side| side.top.first());
    let caption = match first {
        Some(_) if props.former => words.text("first-answer-former"),
        Some(_) => words.text("first-answer"),
        None => props.waiting.to_string(),
    };
    html! {
        <div class={list_class}>
            <p class="answer">
                <small>{ caption }</small>
                { first.map_or_else(|| "–".to_owned(), |first| class_name(&props.naming, first.class, &words)) }
            </p>
            <ol class="preds" data-testid={testid}>{ for (0..ROWS).map(row) }</ol>
            <p class="legend">
                <span><i class="sw" />{ words.text("legend-both") }</span>
                <span><i class={if props.side == Side::Original { "sw a" } else { "sw b" }} />{ only }</span>
            </p>
        </div>
    }
}

/// Ink up to the smaller of both probabilities, colour for the surplus of this side.
fn bar(class: &'static str, prediction: &Prediction) -> Html {
    let own = f64::from(prediction.probability).clamp(0.0, 1.0);
    let both = prediction.other.map_or(own, |other| f64::from(other).clamp(0.0, own));
    let surplus = own - both;
    let only = if surplus < 0.001 {
        "display:none".to_owned()
    } else {
        format!("left:{:.2}%;{}", 100.0 * both, width_style(surplus))
    };
    html! {
        <span {class}>
            <i class={classes!("both", (surplus < 0.001).then_some("end"))} ~style={width_style(both)} />
            <i class="only end" ~style={only} />
        </span>
    }
}
