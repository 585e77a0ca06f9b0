//! A slider of the course with its name and value.

use web_sys::HtmlInputElement;
use yew::prelude::*;

/// Properties of [`CourseSlider`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// What it sets.
    pub label: AttrValue,
    /// Its value in words.
    pub text: AttrValue,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The distance of two values.
    pub step: f64,
    /// Its value.
    pub value: f64,
    /// Hears of another value.
    pub onslide: Callback<f64>,
    /// A handle for tests.
    pub testid: AttrValue,
}

/// See the module.
#[component]
pub fn CourseSlider(props: &Props) -> Html {
    let id = format!("slide-{}", props.testid);
    let onslide = props.onslide.clone();
    let oninput = Callback::from(move |event: InputEvent| {
        let input: HtmlInputElement = event.target_unchecked_into();
        if let Ok(value) = input.value().parse() {
            onslide.emit(value);
        }
    });
    let share = 100.0 * ((props.value - props.low) / (props.high - props.low)).clamp(0.0, 1.0);
    html! {
        <div class="slider">
            <label for={id.clone()}>{ &props.label }</label>
            <output for={id.clone()} class="num"><b>{ &props.text }</b></output>
            <span class="scale"><input {id} type="range" data-testid={&props.testid} min={props.low.to_string()} max={props.high.to_string()} step={props.step.to_string()} value={props.value.to_string()} aria-valuetext={&props.text} ~style={format!("--v:{share:.1}%")} {oninput} /></span>
        </div>
    }
}
