//! A live figure in the text: the value, a button that measures it, or a dash. Never anything else.

use ::course::{CourseRecipe, Figure, FigureAt, Lesson, Unit};
use yew::prelude::*;

use super::Context;
use crate::app::state::{Absent, Action, Agreement, State, Value};
use crate::app::statistics::{honest_percent, wilson_interval};
use crate::app::tools::Tools;
use crate::app::words::Words;

/// A figure as it stands in the text.
pub fn figure(context: &Context<'_>, at: &FigureAt) -> Html {
    figure_with(context, at, Wording::Full)
}

/// How much a button says; screen readers hear all of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wording {
    /// What runs.
    Full,
    /// That it runs: the row beside it says what.
    Short,
}

/// A figure, with more or less words on its button.
pub fn figure_with(context: &Context<'_>, at: &FigureAt, wording: Wording) -> Html {
    let Context { words, tools, state, lesson, step, .. } = context;
    if context.is_masked(at) {
        return html! { <span class="meas off" title={words.text("course-masked")}><span aria-hidden="true">{ "–" }</span><span class="sr">{ words.text("course-masked") }</span></span> };
    }
    match state.figure(at) {
        Ok(value) => html! {
            <span class="meas" data-figure={at.to_string()} data-value={value.number().map(|it| it.to_string())} title={words.text("course-measured-here")}>{ value_text(words, lesson, &at.figure, value) }</span>
        },
        Err(Absent::NotRun(name)) => run_button(words, tools, state, name, wording),
        Err(Absent::NoRun) => {
            match step.control.recipe.iter().copied().find(|name| state.course.recipe(*name).is_some()) {
                Some(name) => run_button(words, tools, state, name, wording),
                None => dash(words.text("course-no-run")),
            }
        }
        Err(Absent::Soon) => dash(words.text("course-soon")),
        Err(Absent::NoGuess) => dash(words.text("course-no-guess")),
        Err(Absent::NotHere) => dash(words.text("course-not-measured")),
    }
}

/// Measures a recipe, or says that it waits to be.
pub fn run_button(words: &Words, tools: &Tools, state: &State, name: CourseRecipe, wording: Wording) -> Html {
    let recipe = recipe_name(words, name);
    let values = [("recipe", (&recipe).into())];
    let (shown, whole) = match (wording, state.course.queue.contains(&name)) {
        (Wording::Full, true) => (words.text_with("course-running", &values), None),
        (Wording::Short, true) => (words.text("course-running-short"), None),
        (Wording::Full, false) => (words.text_with("course-run", &values), None),
        (Wording::Short, false) => {
            (words.text("course-run-short"), Some(words.text_with("course-run", &values)))
        }
    };
    if state.course.queue.contains(&name) {
        return html! { <span class="meas off">{ shown }</span> };
    }
    html! {
        <button type="button" class="btn run" data-testid={format!("run-{}", id_of(name))} aria-label={whole} disabled={!state.has_pictures()} onclick={tools.on(Action::RunRecipes(vec![name]))}>{ shown }</button>
    }
}

/// Its name as a part of keys and handles, which hold no slash.
fn id_of(name: CourseRecipe) -> String {
    name.name().replace('/', "--")
}

fn dash(why: String) -> Html {
    html! { <span class="meas off" title={why.clone()}><span aria-hidden="true">{ "–" }</span><span class="sr">{ why }</span></span> }
}

/// A recipe of the course in words.
pub fn recipe_name(words: &Words, name: CourseRecipe) -> String {
    let id = id_of(name);
    let text = words.optional_text(&format!("course-recipe-{id}"));
    text.or_else(|| words.optional_text(&format!("preset-name-{id}"))).unwrap_or(id)
}

fn value_text(words: &Words, lesson: &Lesson, figure: &Figure, value: Value) -> String {
    let unit = |digits: String, text: &'static str| format!("{digits}\u{a0}{}", words.text(text));
    match value {
        Value::Count(count) => words.number(count, 0),
        Value::Bytes(bytes) => words.size(bytes as u64),
        Value::Share(share) => words.percent(share, 1),
        Value::Factor(factor) => words.number(factor, if factor < 9.95 { 2 } else { 0 }),
        Value::Latency(latency) => {
            let (median, p95) = (words.millis(latency.median), words.millis(latency.p95));
            words.text_with("course-latency", &[("median", (&median).into()), ("p95", (&p95).into())])
        }
        Value::Agreement(agreement) => agreement_text(words, agreement),
        Value::Minutes(minutes) => unit(words.number(minutes, 1), crate::app::words::key("unit-minutes")),
        Value::Bits(bits) => words.number(bits, 2),
        Value::Small(value) => words.number(value, 5),
        Value::Layer(position) => {
            let number = words.count(position as u64);
            words.text_with("layer-number", &[("number", (&number).into())])
        }
        Value::Runtime(runtime) => {
            let threads = words.count(runtime.threads.into());
            let values = [("n", u64::from(runtime.threads).into()), ("threads", (&threads).into())];
            match runtime.relaxed_simd_used {
                true => words.text_with("course-runtime-relaxed", &values),
                false => words.text_with("course-runtime", &values),
            }
        }
        Value::Guess(guess) => {
            let Figure::Guess(id) = figure else { return words.number(guess, 0) };
            let mut guesses = lesson.steps.iter().filter_map(|step| step.control.guess.as_ref());
            let unit = guesses.find(|it| it.id == *id).map_or(Unit::Percent, |it| it.slider.unit);
            guess_text(words, unit, guess)
        }
    }
}

/// `99.2 % (119 of 120, 95 % interval 95.4 to 99.9 %)`.
pub fn agreement_text(words: &Words, agreement: Agreement) -> String {
    let Agreement { same, n, .. } = agreement;
    let (low, high) = wilson_interval(same, n);
    let percent = words.percent(honest_percent(same, n) / 100.0, 1);
    let n = words.count(n.into());
    let (low, high) = (words.number(100.0 * low, 1), words.percent(high, 1));
    let values = [
        ("percent", (&percent).into()),
        ("n", (&n).into()),
        ("low", (&low).into()),
        ("high", (&high).into()),
    ];
    words.text_with("course-agreement", &values)
}

/// A guess or its truth, with the slider's unit.
pub fn guess_text(words: &Words, unit: Unit, value: f64) -> String {
    match unit {
        Unit::Percent => words.percent(value / 100.0, 0),
        Unit::Points => {
            let digits = words.number(value, 0);
            words.text_with("course-points", &[("points", (&digits).into())])
        }
        Unit::Factor => format!("{}\u{a0}×", words.number(value, 1)),
    }
}
