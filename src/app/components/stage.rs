//! The square that both models see. The canvas lives in the frame loop and moves into whichever view shows it.

use web_sys::{Element, HtmlCanvasElement};
use yew::prelude::*;

use crate::app::tools::use_words;

/// Properties of [`Stage`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The frame loop's canvas.
    pub canvas: Option<HtmlCanvasElement>,
    /// Classes of the box around it.
    pub class: Classes,
    /// It is the copy beside the first one.
    #[prop_or_default]
    pub twin: bool,
}

/// See the module.
#[component]
pub fn Stage(props: &Props) -> Html {
    let (words, host) = (use_words(), use_node_ref());
    {
        let host = host.clone();
        use_effect_with(props.canvas.clone(), move |canvas| {
            if let (Some(host), Some(canvas)) = (host.cast::<Element>(), canvas) {
                let _ = host.append_child(canvas);
            }
        });
    }
    html! { <div ref={&host} class={props.class.clone()} role="img" aria-label={words.text("stage-label")} data-testid={if props.twin { "stage-twin" } else { "stage" }}></div> }
}
