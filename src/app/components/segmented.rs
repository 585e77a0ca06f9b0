//! One choice among few: a radio group with one tab stop, in which arrows move and choose.

use web_sys::HtmlElement;
use yew::prelude::*;

use crate::app::browser;

/// One choice.
#[derive(Clone, PartialEq)]
pub struct Choice {
    /// Given to `onchoose`, and the button's value.
    pub value: &'static str,
    /// What it says.
    pub label: AttrValue,
    /// What it is called where the label is an abbreviation.
    pub name: Option<AttrValue>,
    /// The language of its label, where it is not the page's.
    pub lang: Option<&'static str>,
    /// A handle for tests.
    pub testid: Option<&'static str>,
}

/// Properties of [`Segmented`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// What is being chosen.
    pub label: AttrValue,
    /// The choices.
    pub choices: Vec<Choice>,
    /// The value of the chosen one; where no choice has it, none is shown as chosen.
    pub chosen: &'static str,
    /// Hears of another choice.
    pub onchoose: Callback<&'static str>,
    /// Classes of the group.
    #[prop_or_default]
    pub class: Classes,
    /// A handle for tests.
    #[prop_or_default]
    pub testid: Option<&'static str>,
}

/// See the module.
#[component]
pub fn Segmented(props: &Props) -> Html {
    let group = use_node_ref();
    let onkeydown = {
        let (group, choices, chosen) = (group.clone(), props.choices.clone(), props.chosen);
        let onchoose = props.onchoose.clone();
        Callback::from(move |event: KeyboardEvent| {
            let n = choices.len();
            let at = choices.iter().position(|choice| choice.value == chosen).unwrap_or(0);
            let to = match event.key().as_str() {
                "ArrowRight" | "ArrowDown" => (at + 1) % n.max(1),
                "ArrowLeft" | "ArrowUp" => (at + n.saturating_sub(1)) % n.max(1),
                "Home" => 0,
                "End" => n.saturating_sub(1),
                _ => return,
            };
            event.prevent_default();
            if let Some(choice) = choices.get(to) {
                onchoose.emit(choice.value);
                focus_child(&group, to);
            }
        })
    };
    let none = props.choices.iter().all(|choice| choice.value != props.chosen);
    let buttons = props.choices.iter().enumerate().map(|(idx, choice)| {
        let checked = choice.value == props.chosen;
        let reachable = checked || none && idx == 0;
        let (value, onchoose) = (choice.value, props.onchoose.clone());
        html! {
            <button
                key={value}
                type="button"
                role="radio"
                aria-checked={checked.to_string()}
                aria-label={choice.name.clone()}
                tabindex={if reachable { "0" } else { "-1" }}
                lang={choice.lang}
                data-value={value}
                data-preset={value}
                data-testid={choice.testid}
                onclick={Callback::from(move |_: MouseEvent| onchoose.emit(value))}
            >{ &choice.label }</button>
        }
    });
    html! {
        <span ref={&group} class={classes!("seg", props.class.clone())} role="radiogroup" aria-label={&props.label} data-testid={props.testid} {onkeydown}>
            { for buttons }
        </span>
    }
}

fn focus_child(group: &NodeRef, position: usize) {
    let children = group.cast::<HtmlElement>().map(|group| group.children());
    let child = children.and_then(|children| children.item(u32::try_from(position).ok()?));
    if let Some(child) = child.and_then(|child| wasm_bindgen::JsCast::dyn_into::<HtmlElement>(child).ok()) {
        browser::focus(&child);
    }
}
