//! The promise that pictures stay on the device, and how to check it.

use yew::prelude::*;

use crate::app::tools::use_words;

/// See the module.
#[component]
pub fn Privacy() -> Html {
    let words = use_words();
    html! {
        <div class="privacy note">
            <p>{ words.text("privacy") }</p>
            <details><summary>{ words.text("privacy-check") }</summary><p>{ words.text("privacy-how") }</p></details>
        </div>
    }
}
