//! A message in the page's flow: what is, why, and what to do; one main action.

use web_sys::HtmlElement;
use yew::prelude::*;

use super::icon::{Icon, icon};
use crate::app::browser;

/// Properties of [`Card`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The drawing beside it.
    pub icon: Icon,
    /// What is.
    pub title: AttrValue,
    /// Why, and what to do.
    pub text: AttrValue,
    /// Something went wrong: danger line, `role=alert`, the handle `error`.
    #[prop_or_default]
    pub error: bool,
    /// Technical details, folded.
    #[prop_or_default]
    pub details: Option<(AttrValue, AttrValue)>,
    /// Its first button takes the focus when it appears.
    #[prop_or_default]
    pub takes_focus: bool,
    /// Buttons.
    #[prop_or_default]
    pub children: Html,
}

/// See the module.
#[component]
pub fn Card(props: &Props) -> Html {
    let actions = use_node_ref();
    {
        let actions = actions.clone();
        use_effect_with((props.takes_focus, props.title.clone()), move |(takes_focus, _)| {
            let first = actions.cast::<HtmlElement>().filter(|_| *takes_focus);
            let first = first.and_then(|row| row.query_selector("button:not([disabled])").ok().flatten());
            if let Some(button) = first.and_then(|it| wasm_bindgen::JsCast::dyn_into::<HtmlElement>(it).ok())
            {
                browser::focus(&button);
            }
        });
    }
    let role = if props.error { "alert" } else { "status" };
    html! {
        <div class={classes!("card", props.error.then_some("err"))} {role} data-testid={props.error.then_some("error")}>
            { icon(props.icon) }
            <div>
                <h3>{ &props.title }</h3>
                <p>{ &props.text }</p>
                if let Some((summary, text)) = &props.details {
                    <details><summary>{ summary }</summary><span class="mono">{ text }</span></details>
                }
                <div class="row" ref={&actions}>{ props.children.clone() }</div>
            </div>
        </div>
    }
}
