//! A link for others: what they see, what it opens, its QR code.

use std::rc::Rc;

use course::N_LESSONS;
use web_sys::{HtmlDialogElement, HtmlInputElement};
use yew::prelude::*;

use super::icon::{Icon, icon};
use super::picker::{Entry, Picker};
use super::qr::Qr;
use super::recipe_words::{draft_name, preset_name};
use crate::app::state::{Action, Control, LinkAction, PRESETS, RoomAction, Share, State, TeacherAction};
use crate::app::tools::{Tools, use_tools, use_words};
use crate::app::words::{Words, key};

/// The value of the list of lessons for the present view, and of the list of presets for the present recipe.
const PRESENT: &str = "present";

/// Properties of [`ShareDialog`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Everything.
    pub state: Rc<State>,
    /// The page's address without a fragment.
    pub base: AttrValue,
}

/// See the module.
#[component]
pub fn ShareDialog(props: &Props) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let open = props.state.link.share.is_some();
    let dialog = use_dialog(open);
    html! {
        <dialog ref={&dialog} class="dialog models share" aria-labelledby="share-heading" onclose={tools.on(Action::Link(LinkAction::Open(false)))}>
            <header class="row between">
                <h2 id="share-heading">{ words.text("share-title") }</h2>
                <button class="btn quiet icon" type="button" aria-label={words.text("close")} onclick={tools.on(Action::Link(LinkAction::Open(false)))}>{ icon(Icon::Close) }</button>
            </header>
            if let Some(share) = &props.state.link.share { { link(&words, &tools, props, share) } }
            if props.state.link.share.is_some() { { result(&words, &tools, &props.state) } }
        </dialog>
    }
}

/// This browser's run as a code.
fn result(words: &Words, tools: &Tools, state: &State) -> Html {
    let dispatch = tools.dispatch.clone();
    let oninput = Callback::from(move |event: InputEvent| {
        let field: HtmlInputElement = event.target_unchecked_into();
        dispatch.emit(Action::Room(RoomAction::Name(field.value())));
    });
    let copied = state.link.share.as_ref().and_then(|share| share.copied.clone());
    html! {
        <section class="share-result" aria-labelledby="result-heading">
            <h3 id="result-heading">{ words.text("result-title") }</h3>
            if let Some(run) = state.own_run() {
                <p class="note">{ words.text(if run.agreement.is_some() { key("result-lead") } else { key("result-early") }) }</p>
                <div class="share-out">
                    <Qr text={run.code()} label={words.text("result-qr")} />
                    <div>
                        <label class="note" for="result-name">{ words.text("result-name") }</label>
                        <input id="result-name" class="select" type="text" maxlength="24" autocomplete="off" data-testid="result-name" value={state.room.name.clone()} {oninput} />
                        <Copyable text={run.code()} label={words.text("result-title")} testid="result-code" {copied} />
                    </div>
                </div>
            } else {
                <p class="note">{ words.text("result-none") }</p>
            }
            <p class="note"><a href="#class" data-testid="view-class" onclick={tools.on(Action::Link(LinkAction::Open(false)))}>{ words.text("class-open") }</a></p>
        </section>
    }
}

/// Opens and closes a dialog element as the state says.
#[hook]
pub fn use_dialog(open: bool) -> NodeRef {
    let dialog = use_node_ref();
    let element = dialog.clone();
    use_effect_with(open, move |open| {
        if let Some(dialog) = element.cast::<HtmlDialogElement>() {
            match (*open, dialog.open()) {
                (true, false) => drop(dialog.show_modal()),
                (false, true) => dialog.close(),
                _ => {}
            }
        }
    });
    dialog
}

fn link(words: &Words, tools: &Tools, props: &Props, share: &Share) -> Html {
    let state = &props.state;
    let address = format!("{}#{}", props.base, state.share_fragment(share));
    let entry =
        |value: String, label: String| Entry { value: value.into(), label: label.into(), disabled: false };
    let mut lessons = vec![entry(PRESENT.to_owned(), words.text("share-present-view"))];
    lessons.extend((1..=N_LESSONS).map(|lesson| {
        let number = lesson.to_string();
        let label = words.text_with("share-lesson", &[("n", (&number).into())]);
        entry(number, label)
    }));
    let lesson = share.lesson.map_or_else(|| PRESENT.to_owned(), |lesson| lesson.to_string());
    let dispatch = tools.dispatch.clone();
    let onlesson = Callback::from(move |value: String| {
        dispatch.emit(Action::Link(LinkAction::Lesson(value.parse().ok())))
    });
    let present = words
        .text_with("share-present-recipe", &[("name", (&draft_name(words, &state.recipe.wanted)).into())]);
    let mut presets = vec![entry(PRESENT.to_owned(), present)];
    presets.extend(PRESETS.iter().map(|name| entry((*name).to_owned(), preset_name(words, name))));
    let preset = share.preset.unwrap_or(PRESENT);
    let dispatch = tools.dispatch.clone();
    let onpreset = Callback::from(move |value: String| {
        let preset = PRESETS.into_iter().find(|preset| *preset == value);
        dispatch.emit(Action::Link(LinkAction::Preset(preset)));
    });
    html! {
        <>
        <p class="note">{ words.text("share-lead") }</p>
        <div class="share-choices">
            <label><span class="note">{ words.text("share-opens") }</span><Picker label={words.text("share-opens")} entries={lessons} chosen={lesson} onchoose={onlesson} testid="share-lesson" /></label>
            <label><span class="note">{ words.text("share-with") }</span><Picker label={words.text("share-with")} entries={presets} chosen={preset} onchoose={onpreset} testid="share-preset" /></label>
        </div>
        <fieldset class="share-controls">
            <legend class="note">{ words.text("share-visible") }</legend>
            { for Control::ALL.into_iter().map(|control| html! {
                <label key={control.letter().to_string()}>
                    <input type="checkbox" checked={!share.hidden.contains(&control)} data-testid={format!("share-{}", control.letter())} onchange={tools.on(Action::Link(LinkAction::Toggle(control)))} />
                    { words.text(control_name(control)) }
                </label>
            }) }
        </fieldset>
        <div class="share-out">
            <Qr text={address.clone()} label={words.text("share-qr")} />
            <div>
                <Copyable text={address.clone()} label={words.text("share-address")} testid="share-url" copied={share.copied.clone()} />
                // One of both: a line more would push the way to the class out of the dialog's sight.
                if leads_to_this_device(&address) {
                    <p class="note" data-testid="share-loopback">{ words.text("share-loopback") }</p>
                } else {
                    <p class="note">{ words.text("share-holds") }</p>
                }
                <button class="btn" type="button" data-testid="project" onclick={tools.on(Action::Teacher(TeacherAction::ToggleProjector))}>{ words.text("project") }</button>
            </div>
        </div>
        </>
    }
}

/// Whether an address names the device that opens it, as that of a server on the own machine does.
fn leads_to_this_device(address: &str) -> bool {
    let host = address.split_once("://").map_or(address, |(_, rest)| rest);
    ["localhost", "127.", "[::1]"].iter().any(|own| host.starts_with(own))
}

fn control_name(control: Control) -> &'static str {
    match control {
        Control::Models => key("control-models"),
        Control::Presets => key("control-presets"),
        Control::Steps => key("control-steps"),
        Control::Sizes => key("control-sizes"),
        Control::FixedSet => key("control-fixed-set"),
        Control::Layers => key("control-layers"),
        Control::Experiments => key("control-experiments"),
        Control::Course => key("control-course"),
    }
}

/// Properties of [`Copyable`].
#[derive(Properties, PartialEq)]
pub struct CopyableProps {
    /// What can be copied.
    pub text: AttrValue,
    /// What it is.
    pub label: AttrValue,
    /// The field's handle; the button's ends in `-copy`.
    pub testid: &'static str,
    /// The text that was copied last.
    pub copied: Option<String>,
}

/// A text in a field, which can also be marked by hand, and a button that copies it.
#[component]
pub fn Copyable(props: &CopyableProps) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let copied = props.copied.as_deref() == Some(&*props.text);
    html! {
        <div class="copyable">
            <input class="select mono" type="text" readonly=true aria-label={&props.label} value={&props.text} data-testid={props.testid} />
            <button class="btn" type="button" data-testid={format!("{}-copy", props.testid)} onclick={tools.on(Action::Link(LinkAction::Copy(props.text.to_string())))}>
                if copied { { icon(Icon::Check) } }{ words.text("copy") }
            </button>
            <span class="sr" role="status">{ copied.then(|| words.text("copied")) }</span>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::leads_to_this_device;

    #[test]
    fn own_addresses_lead_nobody_else_here() {
        for own in ["http://127.0.0.1:8080/#live", "http://localhost:8080/", "http://[::1]:8080/"] {
            assert!(leads_to_this_device(own), "{own}");
        }
        for other in ["https://example.org/localhost/", "http://192.168.0.7:8080/#live"] {
            assert!(!leads_to_this_device(other), "{other}");
        }
    }
}
