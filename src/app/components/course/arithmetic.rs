//! One weight by hand: the learner's own number and scale, not the model's.

use yew::prelude::*;

use super::slider::CourseSlider;
use crate::app::tools::use_words;

/// The largest code of 8 bits.
const LARGEST: f64 = 127.0;

/// See the module.
#[component]
pub fn Arithmetic() -> Html {
    let words = use_words();
    let (weight, scale) = (use_state(|| 0.137), use_state(|| 0.02));
    let quotient: f64 = *weight / *scale;
    let code = quotient.round_ties_even().clamp(-LARGEST, LARGEST);
    let restored = code * *scale;
    let set = |state: &UseStateHandle<f64>| {
        let state = state.clone();
        Callback::from(move |value| state.set(value))
    };
    let row =
        |name: String, value: String| html! { <tr><th scope="row">{ name }</th><td>{ value }</td></tr> };
    html! {
        <>
        <p class="note">{ words.text("course-own-numbers") }</p>
        <CourseSlider label={words.text("course-weight")} text={words.number(*weight, 3)} low={-1.0} high=1.0 step=0.001 value={*weight} onslide={set(&weight)} testid="weight" />
        <CourseSlider label={words.text("course-scale")} text={words.number(*scale, 3)} low=0.001 high=0.1 step=0.001 value={*scale} onslide={set(&scale)} testid="scale" />
        <table class="t">
            <tbody>
                { row(words.text("course-quotient"), words.number(quotient, 2)) }
                { row(words.text("course-code"), words.number(code, 0)) }
                { row(words.text("course-restored"), words.number(restored, 3)) }
                { row(words.text("course-error"), words.number(restored - *weight, 3)) }
            </tbody>
        </table>
        </>
    }
}
