//! The projector layout: the task, the picture with both answers, the tape, a code to join. Everything scales with the
//! wall (`data-projector` in `style.css`).

use std::rc::Rc;

use web_sys::HtmlCanvasElement;
use yew::prelude::*;

use super::icon::{Icon, icon};
use super::predictions::{Predictions, Side};
use super::qr::Qr;
use super::recipe_words::draft_name;
use super::stage::Stage;
use super::tape::Tape;
use crate::app::state::{Action, Share, State, TeacherAction, View};
use crate::app::tools::{use_tools, use_words};

/// Properties of [`Projector`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The frame loop's canvas.
    pub canvas: Option<HtmlCanvasElement>,
    /// Everything.
    pub state: Rc<State>,
    /// The page's address without a fragment.
    pub base: AttrValue,
}

/// See the module.
#[component]
pub fn Projector(props: &Props) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let state = &*props.state;
    let course = state.view == View::Course;
    let lesson = state.course.lesson(state.language).filter(|_| course);
    let step = state.course.step(state.language).filter(|_| course);
    let (above, task) = match (lesson, step) {
        (Some(lesson), Some(step)) => {
            let number = words.count(state.course.place.step.into());
            let of = words.count(lesson.steps.len() as u64);
            let lesson = words.count(lesson.number.into());
            let values = [("lesson", (&lesson).into()), ("step", (&number).into()), ("of", (&of).into())];
            (words.text_with("projector-step", &values), step.title.clone())
        }
        _ => (words.text("live-heading"), draft_name(&words, &state.recipe.wanted)),
    };
    let hidden = state.link.hidden.clone();
    let share = Share { hidden, lesson: course.then_some(state.course.place.lesson), ..Share::default() };
    let address = format!("{}#{}", props.base, state.share_fragment(&share));
    let shown = || state.live.shown.clone();
    let latest = || state.live.latest.clone();
    html! {
        <div class="projector" data-testid="projector">
            <div class="task">
                <div><p class="note">{ above }</p><h1>{ task }</h1></div>
                <span class="grow" />
                <div class="join"><b>{ words.text("projector-join") }</b><p class="note mono">{ &props.base }</p>
                    <button class="btn quiet" type="button" data-testid="projector-leave" onclick={tools.on(Action::Teacher(TeacherAction::ToggleProjector))}>{ icon(Icon::Close) }{ words.text("projector-leave") }</button>
                </div>
                <Qr text={address} label={words.text("share-qr")} />
            </div>
            <div class="wall">
                <div class="wall-side"><p class="row"><span class="mk a" />{ words.text("original") }</p>
                    <Predictions side={Side::Original} shown={shown()} latest={latest()} naming={state.naming.clone()} waiting={words.text("waiting-frame")} /></div>
                <Stage canvas={props.canvas.clone()} class="frame" />
                <div class="wall-side"><p class="row"><span class="mk b" />{ draft_name(&words, &state.recipe.wanted) }</p>
                    <Predictions side={Side::Compressed} shown={shown()} latest={latest()} naming={state.naming.clone()} waiting={words.text("waiting-recipe")} /></div>
                <Tape comparisons={state.live.comparisons.clone()} pair={shown()} />
            </div>
        </div>
    }
}
