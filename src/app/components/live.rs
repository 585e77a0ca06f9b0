//! The view *Live*: one picture, both answers at its sides, the tape of the last frames, the recipe.

use std::rc::Rc;

use web_sys::HtmlCanvasElement;
use yew::prelude::*;

use super::compare::{Compare, CompareBar};
use super::controls::Controls;
use super::predictions::{Predictions, Side};
use super::recipe_rail::RecipeRail;
use super::side_head::{CompressedHead, OriginalHead};
use super::tape::Tape;
use crate::app::state::{Cell, State, WorkerState};
use crate::app::tools::use_words;
use crate::app::words::Words;

/// Properties of [`Live`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The frame loop's canvas, and the copy of it.
    pub canvas: Option<(HtmlCanvasElement, HtmlCanvasElement)>,
    /// Everything.
    pub state: Rc<State>,
}

/// See the module.
#[component]
pub fn Live(props: &Props) -> Html {
    let words = use_words();
    let state = &props.state;
    let live = &state.live;
    let counted = match state.numbers.agreement {
        Cell::Known(agreement) => Some((agreement.same, agreement.n)),
        Cell::Missing(_) => None,
    };
    let model = state.model.current.as_ref();
    let named = model.map(|model| state.experiments.recipes(&model.name)).unwrap_or_default();
    let former = state.recipe.finished.is_some() && !state.recipe.is_current();
    html! {
        <>
        <h1 class="sr">{ words.text("live-heading") }</h1>
        <div class="live">
            <section aria-label={words.text("live-heading")}>
                <div class="stage">
                    <OriginalHead served={state.served.clone().unwrap_or_default()} catalog={state.catalog.clone()} model={state.model.clone()} left={state.compare.left.clone()} experiments={named.clone()} />
                    <CompareBar mode={state.compare.mode} heat={state.compare.heat} />
                    <CompressedHead wanted={state.recipe.wanted.clone()} experiments={named} />
                    <Predictions side={Side::Original} shown={live.shown.clone()} latest={live.latest.clone()} naming={state.naming.clone()} waiting={waiting(state, Side::Original, &words)} other_left={state.compare.left.facts.is_some()} />
                    <Compare canvas={props.canvas.clone()} compare={state.compare.clone()} shown={live.shown.clone()} latest={live.latest.clone()} naming={state.naming.clone()} source={state.source.clone()} has_pictures={state.has_pictures()} {counted} />
                    <Predictions side={Side::Compressed} shown={live.shown.clone()} latest={live.latest.clone()} naming={state.naming.clone()} waiting={waiting(state, Side::Compressed, &words)} {former} />
                    <Tape comparisons={live.comparisons.clone()} pair={live.shown.clone()} />
                    <Controls paused={state.paused} mirrored={state.mirrored()} source={state.source.clone()} camera={state.camera.clone()} has_pictures={state.has_pictures()} />
                </div>
            </section>
            <RecipeRail
                recipe={state.recipe.clone()}
                model={state.model.current.clone()}
                fixed={state.fixed.clone()}
                n_pictures={state.pictures.as_ref().map_or(0, Vec::len)}
                n_own={state.n_own_pictures}
            />
        </div>
        </>
    }
}

/// Why a side has no answer.
fn waiting(state: &State, side: Side, words: &Words) -> String {
    match state.worker {
        WorkerState::Starting => words.text("waiting-worker"),
        WorkerState::Lost => words.text("waiting-lost"),
        WorkerState::Ready(_) if state.model.current.is_none() => words.text("waiting-model"),
        WorkerState::Ready(_) if side == Side::Compressed && state.recipe.finished.is_none() => {
            if state.recipe.failure.is_some() || state.recipe.wanted.refusal().is_some() {
                words.text("waiting-stopped")
            } else {
                words.text("waiting-recipe")
            }
        }
        WorkerState::Ready(_) => words.text("waiting-frame"),
    }
}
