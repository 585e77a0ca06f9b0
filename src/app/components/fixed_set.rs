//! Agreement over pictures that do not change: views of the built-in ones, or the visitor's own.

use vision::{n_fixed_views, n_judged};
use yew::prelude::*;

use super::progress_bar::ProgressBar;
use crate::app::state::{Action, FixedState, Progress};
use crate::app::statistics::{honest_percent, wilson_interval};
use crate::app::tools::{use_tools, use_words};
use crate::app::words::Words;
use crate::bridge::{Failure, FixedSet, Stage};

/// Properties of [`FixedSetCheck`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// What runs, what is known.
    pub fixed: FixedState,
    /// Built-in pictures.
    pub n_pictures: usize,
    /// The visitor's own pictures that the worker has.
    pub n_own: u32,
    /// Both models are there.
    pub ready: bool,
}

/// See the module.
#[component]
pub fn FixedSetCheck(props: &Props) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let set = if props.n_own >= 2 { FixedSet::Own } else { FixedSet::BuiltIn };
    let judged = n_judged(props.n_pictures);
    let n = match set {
        FixedSet::Own => u64::from(props.n_own),
        FixedSet::BuiltIn => n_fixed_views(props.n_pictures) as u64,
    };
    let (count, pictures) = (words.count(n), words.count(judged as u64));
    let values = [("n", (&count).into()), ("pictures", (&pictures).into())];
    let (button, about) = match set {
        FixedSet::BuiltIn => {
            (words.text_with("fixed-button", &values), words.text_with("fixed-about", &values))
        }
        FixedSet::Own => {
            (words.text_with("fixed-button-own", &values), words.text_with("fixed-about-own", &values))
        }
    };
    let result = props.fixed.result.filter(|result| result.set == set).map(|result| result.agreement);
    let share =
        result.filter(|result| result.n > 0).map(|result| f64::from(result.same) / f64::from(result.n));
    let no_set = n == 0;
    let status = match (&props.fixed.failure, result) {
        (Some(failure), _) => failure_text(&words, failure),
        (None, Some(result)) => {
            let (low, high) = wilson_interval(result.same, result.n);
            let percent = words.percent(honest_percent(result.same, result.n) / 100.0, 1);
            let (same, n) = (words.count(result.same.into()), words.count(result.n.into()));
            let (low, high) = (words.number(100.0 * low, 1), words.percent(high, 1));
            let values = [
                ("percent", (&percent).into()),
                ("same", (&same).into()),
                ("n", (&n).into()),
                ("low", (&low).into()),
                ("high", (&high).into()),
            ];
            words.text_with("fixed-result", &values)
        }
        (None, None) if no_set => words.text("no-pictures-reason"),
        (None, None) if !props.ready => words.text("fixed-needs-recipe"),
        (None, None) => String::new(),
    };
    html! {
        <div class="fixed">
            <h3>{ words.text("fixed-title") }</h3>
            if !no_set { <p class="note about">{ about }</p> }
            if let Some(run) = props.fixed.running {
                <ProgressBar title={button} progress={Progress { stage: Some(Stage::FixedSet), done: run.done, total: run.total }} oncancel={tools.on(Action::CancelFixed)} />
            } else {
                <button
                    class="btn"
                    type="button"
                    data-testid="fixed-set"
                    data-value={share.map(|share| share.to_string())}
                    data-n={result.map(|result| result.n.to_string())}
                    disabled={!props.ready || no_set}
                    onclick={tools.on(Action::RunFixed(set))}
                >{ button }</button>
                <p class="note outcome" role="status">{ status }</p>
            }
        </div>
    }
}

fn failure_text(words: &Words, failure: &Failure) -> String {
    match failure {
        Failure::NoPictures => words.text("no-pictures-reason"),
        _ => words.text("fixed-failed"),
    }
}
