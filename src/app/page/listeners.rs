//! What the root hears of the window: the address, keys, files that are dragged in, cameras that come and go.

use pipeline::NumberFormat;
use wasm_bindgen::prelude::*;
use web_sys::{DragEvent, Event, HtmlElement, KeyboardEvent};
use yew::prelude::*;

use super::files::files_of;
use super::{Message, Page};
use crate::app::browser::{self, Listener};
use crate::app::camera;
use crate::app::state::{self, Action, LinkAction, TeacherAction, View};

pub(super) fn listeners(context: &Context<Page>) -> Vec<Listener> {
    let Some(window) = browser::window() else { return Vec::new() };
    let link = context.link();
    let mut listeners = Vec::new();
    let act = link.callback(Message::Act);

    let show = act.clone();
    listeners.push(Listener::new(&window, "hashchange", move |_| {
        let fragment = browser::window().and_then(|window| window.location().hash().ok()).unwrap_or_default();
        follow_fragment(&fragment, &show);
    }));

    let press = act.clone();
    listeners.push(Listener::new(&window, "keydown", move |event| {
        if let Some(event) = event.dyn_ref::<KeyboardEvent>()
            && let Some(action) = key_action(event)
        {
            event.prevent_default();
            press.emit(action);
        }
    }));

    let over = act.clone();
    listeners.push(Listener::new(&window, "dragover", move |event| {
        if carries_files(&event) {
            event.prevent_default();
            over.emit(Action::Dragging(true));
        }
    }));
    let leave = act.clone();
    listeners.push(Listener::new(&window, "dragleave", move |event| {
        // Leaving one element for another names the other one; leaving the window names none.
        if event.dyn_ref::<DragEvent>().is_some_and(|event| event.related_target().is_none()) {
            leave.emit(Action::Dragging(false));
        }
    }));
    let files = link.callback(Message::Files);
    listeners.push(Listener::new(&window, "drop", move |event| {
        event.prevent_default();
        act.emit(Action::Dragging(false));
        let list =
            event.dyn_ref::<DragEvent>().and_then(DragEvent::data_transfer).and_then(|data| data.files());
        files.emit(list.map(files_of).unwrap_or_default());
    }));

    if let Some(document) = browser::document() {
        let left = link.callback(|()| Message::Act(Action::Teacher(TeacherAction::LeftFullScreen)));
        listeners.push(Listener::new(&document, "fullscreenchange", move |_| {
            if browser::document().is_some_and(|document| document.fullscreen_element().is_none()) {
                left.emit(());
            }
        }));
    }
    listeners.extend(camera::on_change(link.callback(|()| Message::DevicesChanged)));
    listeners
}

/// Where the link to the content leads.
const ANCHOR: &str = "main";

/// Does what an address's fragment asks for; an anchor of the page asks for nothing.
pub(super) fn follow_fragment(fragment: &str, act: &Callback<Action>) {
    let (place, query) = fragment.split_once('?').unwrap_or((fragment, ""));
    let step = state::Place::from_fragment(place).map(Action::ShowStep);
    let layer =
        || state::layer_of_fragment(place).map(|layer| Action::Layers(state::LayersAction::Visit(layer)));
    if let Some(show) = step.or_else(layer).or_else(|| View::from_fragment(place).map(Action::Show)) {
        act.emit(show);
        act.emit(Action::Link(LinkAction::Arrived(query.to_owned())));
    } else if !["", ANCHOR].contains(&place.trim_start_matches('#')) {
        act.emit(Action::Link(LinkAction::Nowhere(place.to_owned())));
    }
}

fn carries_files(event: &Event) -> bool {
    let types = event.dyn_ref::<DragEvent>().and_then(DragEvent::data_transfer).map(|data| data.types());
    types.is_some_and(|types| types.includes(&"Files".into(), 0))
}

/// What a key means, when it is not meant for the element that has the focus.
fn key_action(event: &KeyboardEvent) -> Option<Action> {
    if event.ctrl_key() || event.alt_key() || event.meta_key() || event.repeat() || event.default_prevented()
    {
        return None;
    }
    let focused = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok());
    let inside =
        |selector| focused.as_ref().and_then(|element| element.closest(selector).ok().flatten()).is_some();
    if inside("input:not([type=range]), select, textarea, dialog") {
        return None;
    }
    match event.key().as_str() {
        " " if !inside("button, a, summary, input, [role]") => Some(Action::TogglePause),
        "m" | "M" => Some(Action::ToggleMirror),
        "p" | "P" => Some(Action::Teacher(TeacherAction::ToggleProjector)),
        "Escape" => Some(Action::Teacher(TeacherAction::LeftFullScreen)),
        "?" => Some(Action::Teacher(TeacherAction::Keys(true))),
        "ArrowRight" if !inside("input, [role], .wide") => Some(Action::TurnSteps(state::Turn::On)),
        "ArrowLeft" if !inside("input, [role], .wide") => Some(Action::TurnSteps(state::Turn::Back)),
        "z" | "Z" => Some(Action::UndoRecipe),
        "d" | "D" => Some(Action::Compare(state::CompareAction::Turn)),
        "l" | "L" => Some(Action::Show(View::Layers)),
        "e" | "E" => Some(Action::Show(View::Experiments)),
        "1" => Some(Action::Format(NumberFormat::Float32)),
        "2" => Some(Action::Format(NumberFormat::Float16)),
        "3" => Some(Action::Format(NumberFormat::Int8)),
        _ => None,
    }
}
