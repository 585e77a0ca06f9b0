//! A guess: first the slider, then, once it is made, the guess beside what was measured. It is never scored.

use ::course::{Guess, Outcome};
use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::figure::{guess_text, recipe_name};
use crate::app::state::{Absent, Action};
use crate::app::tools::{use_tools, use_words};

/// Properties of [`GuessBox`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The guess.
    pub guess: Guess,
    /// What was guessed.
    pub made: Option<f64>,
    /// What was measured, in the slider's unit.
    pub truth: Option<f64>,
    /// Why it was not.
    pub missing: Option<Absent>,
    /// A recipe is being measured.
    pub waits: bool,
}

/// See the module.
#[component]
pub fn GuessBox(props: &Props) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let guess = &props.guess;
    let range = guess.slider;
    let step = if range.high - range.low <= 10.0 { 0.1 } else { 1.0 };
    let value = use_state(|| ((range.low + range.high) / 2.0 / step).round() * step);
    let id = format!("guess-{}", guess.id.replace('.', "-"));
    let share = |it: f64| 100.0 * ((it - range.low) / (range.high - range.low)).clamp(0.0, 1.0);
    let Some(made) = props.made else {
        let oninput = {
            let value = value.clone();
            Callback::from(move |event: InputEvent| {
                let input: HtmlInputElement = event.target_unchecked_into();
                if let Ok(number) = input.value().parse() {
                    value.set(number);
                }
            })
        };
        let done = Action::Guess { id: guess.id.clone(), value: *value };
        let text = guess_text(&words, range.unit, *value);
        return html! {
            <section class="ask" data-testid="ask">
                <div class="slider">
                    <label for={id.clone()}><h3>{ &guess.text }</h3></label>
                    <output for={id.clone()} class="num"><b>{ &text }</b></output>
                    <span class="scale"><input {id} type="range" data-testid="guess" min={range.low.to_string()} max={range.high.to_string()} step={step.to_string()} value={value.to_string()} aria-valuetext={text.clone()} ~style={format!("--v:{:.1}%", share(*value))} {oninput} /></span>
                </div>
                <button type="button" class="btn main" data-testid="make-guess" onclick={tools.on(done)}>{ words.text("course-make-guess") }</button>
            </section>
        };
    };
    let mine = guess_text(&words, range.unit, made);
    let (line, said) = match props.truth {
        Some(truth) => {
            let real = guess_text(&words, range.unit, truth);
            let feedback = match guess.outcome(made, truth) {
                Outcome::Low => &guess.feedback.low,
                Outcome::Close => &guess.feedback.close,
                Outcome::High => &guess.feedback.high,
            };
            let (left, right) = (share(made).min(share(truth)), share(made).max(share(truth)));
            let values = [("guess", (&mine).into()), ("truth", (&real).into())];
            let line = html! {
                <>
                <dl class="guessed"><div><dt>{ words.text("course-your-guess") }</dt><dd>{ &mine }</dd></div><div class="b"><dt>{ words.text("course-measured") }</dt><dd data-testid="truth" data-value={truth.to_string()}>{ &real }</dd></div></dl>
                <div class="line" role="img" aria-label={words.text_with("course-guess-label", &values)}>
                    <span class="axis" />
                    <span class="gap" ~style={format!("left:{left:.1}%;width:{:.1}%", right - left)} />
                    <span class="mine" ~style={format!("left:{:.1}%", share(made))} />
                    <span class="dot" ~style={format!("left:{:.1}%", share(truth))} />
                    <span class="low">{ guess_text(&words, range.unit, range.low) }</span>
                    <span class="high">{ guess_text(&words, range.unit, range.high) }</span>
                </div>
                </>
            };
            (line, html! { feedback })
        }
        None => {
            let line = html! { <dl class="guessed"><div><dt>{ words.text("course-your-guess") }</dt><dd>{ &mine }</dd></div></dl> };
            let said = match props.missing {
                Some(Absent::NotRun(_)) if props.waits => html! { { words.text("course-waits") } },
                Some(Absent::NotRun(name)) => {
                    let recipe = recipe_name(&words, name);
                    let run = Action::RunRecipes(vec![name]);
                    html! { <button type="button" class="btn main" data-testid="run-guess" onclick={tools.on(run)}>{ words.text_with("course-run", &[("recipe", (&recipe).into())]) }</button> }
                }
                _ => html! { { words.text("course-not-measured") } },
            };
            (line, said)
        }
    };
    html! {
        <section class="ask" data-testid="ask" aria-labelledby={id.clone()}>
            <h3 {id}>{ &guess.text }</h3>
            { line }
            <p class="feedback" role="status">{ said }</p>
        </section>
    }
}
