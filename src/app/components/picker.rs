//! One choice from a list: a native select in the page's look, which always shows what the state says.

use web_sys::HtmlSelectElement;
use yew::prelude::*;

/// One entry.
#[derive(Clone, PartialEq)]
pub struct Entry {
    /// Given to `onchoose`.
    pub value: AttrValue,
    /// What it says.
    pub label: AttrValue,
    /// It cannot be chosen now; its label says why.
    pub disabled: bool,
}

/// Properties of [`Picker`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// What is being chosen.
    pub label: AttrValue,
    /// The entries.
    pub entries: Vec<Entry>,
    /// The value of the chosen one; where no entry has it, nothing is shown as chosen.
    pub chosen: AttrValue,
    /// Hears of another choice.
    pub onchoose: Callback<String>,
    /// A handle for tests.
    #[prop_or_default]
    pub testid: Option<&'static str>,
}

/// See the module.
#[component]
pub fn Picker(props: &Props) -> Html {
    let select = use_node_ref();
    {
        let select = select.clone();
        use_effect_with((props.chosen.clone(), props.entries.clone()), move |(chosen, _)| {
            if let Some(select) = select.cast::<HtmlSelectElement>() {
                select.set_value(chosen);
            }
        });
    }
    let onchange = {
        let (onchoose, chosen) = (props.onchoose.clone(), props.chosen.clone());
        Callback::from(move |event: Event| {
            let select: HtmlSelectElement = event.target_unchecked_into();
            let value = select.value();
            // Back to what is; the state decides whether the choice holds.
            select.set_value(&chosen);
            onchoose.emit(value);
        })
    };
    html! {
        <span class="pick">
            <select ref={&select} class="select" aria-label={&props.label} data-testid={props.testid} {onchange}>
                { for props.entries.iter().map(|entry| html! {
                    <option key={entry.value.to_string()} value={&entry.value} disabled={entry.disabled}>{ &entry.label }</option>
                }) }
            </select>
            <svg class="ico" viewBox="0 0 20 20" aria-hidden="true"><path d="M5 7.5l5 5 5-5" /></svg>
        </span>
    }
}
