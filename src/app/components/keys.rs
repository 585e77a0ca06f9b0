//! The map of keys.

use yew::prelude::*;

use super::icon::{Icon, icon};
use super::share::use_dialog;
use crate::app::state::{Action, TeacherAction};
use crate::app::tools::{use_tools, use_words};
use crate::app::words::key;

/// Keys as they are written on them, and what they do. `page/listeners.rs` listens to them.
const KEYS: [(&[&str], &str); 11] = [
    (&["?"], key("key-map")),
    (&["Space"], key("key-pause")),
    (&["M"], key("key-mirror")),
    (&["1", "2", "3"], key("key-formats")),
    (&["D"], key("key-divider")),
    (&["Z"], key("key-undo")),
    (&["L"], key("key-layers")),
    (&["E"], key("key-experiments")),
    (&["←", "→"], key("key-steps")),
    (&["P"], key("key-projector")),
    (&["Esc"], key("key-escape")),
];

/// Properties of [`KeyMap`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// It is open.
    pub open: bool,
}

/// See the module.
#[component]
pub fn KeyMap(props: &Props) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let dialog = use_dialog(props.open);
    let close = || tools.on(Action::Teacher(TeacherAction::Keys(false)));
    html! {
        <dialog ref={&dialog} class="dialog models" aria-labelledby="keys-heading" data-testid="keys" onclose={tools.on(Action::Teacher(TeacherAction::Keys(false)))}>
            <header class="row between">
                <h2 id="keys-heading">{ words.text("keys-title") }</h2>
                <button class="btn quiet icon" type="button" aria-label={words.text("close")} onclick={close()}>{ icon(Icon::Close) }</button>
            </header>
            <table class="t wrapped keys"><tbody>
                { for KEYS.iter().map(|(keys, action)| html! {
                    <tr key={*action}><th scope="row">{ for keys.iter().map(|it| html! { <kbd>{ *it }</kbd> }) }</th><td>{ words.text(action) }</td></tr>
                }) }
            </tbody></table>
            <p class="note">{ words.text("keys-note") }</p>
        </dialog>
    }
}
