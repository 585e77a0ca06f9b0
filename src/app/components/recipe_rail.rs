//! The recipe: presets, its steps, how far it is, the sizes of the result, and the check on a fixed set.

use std::rc::Rc;

use pipeline::NumberFormat;
use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::fixed_set::FixedSetCheck;
use super::progress_bar::ProgressBar;
use super::segmented::{Choice, Segmented};
use super::side_head::preset_name;
use super::size_ladder::SizeLadder;
use crate::app::state::{Action, FixedState, MAX_SPARSITY_PERCENT, RecipeState};
use crate::app::tools::{Tools, use_tools, use_words};
use crate::app::words::{Words, key};
use crate::bridge::{CalibrationSource, CompressedFacts, Failure, ModelFacts};

/// The presets in their order.
const FORMATS: [NumberFormat; 3] = [NumberFormat::Float32, NumberFormat::Float16, NumberFormat::Int8];

/// Properties of [`RecipeRail`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Wanted, running, finished.
    pub recipe: RecipeState,
    /// The original.
    pub model: Option<Rc<ModelFacts>>,
    /// The check on a fixed set.
    pub fixed: FixedState,
    /// Built-in pictures.
    pub n_pictures: usize,
    /// The visitor's own pictures that the worker has.
    pub n_own: u32,
}

/// See the module.
#[component]
pub fn RecipeRail(props: &Props) -> Html {
    let (words, tools) = (use_words(), use_tools());
    let recipe = &props.recipe;
    let choices = FORMATS
        .map(|format| Choice {
            value: format_value(format),
            label: preset_name(&words, format).into(),
            name: None,
            lang: None,
            testid: None,
        })
        .to_vec();
    let dispatch = tools.dispatch.clone();
    let onchoose = Callback::from(move |value: &'static str| {
        if let Some(format) = format_of(value) {
            dispatch.emit(Action::Preset(format));
        }
    });
    html! {
        <aside class="rail box" id="recipe" aria-label={words.text("recipe")}>
            <header><h2>{ words.text("recipe") }</h2></header>
            <Segmented label={words.text("recipe-choice")} {choices} chosen={format_value(recipe.wanted.format)} {onchoose} class="full" testid="recipe" />
            <div class="rail-2">
                <div>
                    <ol class="steps">
                        { prune_step(&words, &tools, recipe) }
                        { format_step(&words, recipe) }
                        { storage_step(&words, recipe) }
                    </ol>
                    <div class="recipe-status">{ status(&words, &tools, props) }</div>
                </div>
                <div>
                    <h3>{ words.text("sizes-title") }</h3>
                    <SizeLadder facts={recipe.current().cloned()} />
                    <FixedSetCheck fixed={props.fixed.clone()} n_pictures={props.n_pictures} n_own={props.n_own} ready={recipe.is_current()} />
                </div>
            </div>
        </aside>
    }
}

/// The name of a preset in `data-value`.
pub fn format_value(format: NumberFormat) -> &'static str {
    match format {
        NumberFormat::Float32 => "fp32",
        NumberFormat::Float16 => "fp16",
        NumberFormat::Int8 => "int8",
    }
}

/// The preset of a `data-value`.
pub fn format_of(value: &str) -> Option<NumberFormat> {
    FORMATS.into_iter().find(|format| format_value(*format) == value)
}

fn prune_step(words: &Words, tools: &Tools, recipe: &RecipeState) -> Html {
    let percent = recipe.wanted.sparsity_percent;
    let note = if percent == 0 { key("step-prune-off") } else { key("step-prune-note") };
    let slide = {
        let dispatch = tools.dispatch.clone();
        Callback::from(move |event: InputEvent| {
            let input: HtmlInputElement = event.target_unchecked_into();
            if let Ok(percent) = input.value().parse::<f64>() {
                dispatch.emit(Action::Sparsity(percent.round() as u32));
            }
        })
    };
    let label = words.text("sparsity");
    let shown = words.percent(f64::from(percent) / 100.0, 0);
    html! {
        <li class={classes!("stepi", (percent == 0).then_some("off"))}>
            <span class="name">{ words.text("step-prune") }<small>{ words.text(note) }</small></span>
            <div class="more"><div class="slider">
                <input
                    type="range" min="0" max={MAX_SPARSITY_PERCENT.to_string()} step="1" value={percent.to_string()}
                    ~style={format!("--v:{:.2}%", 100.0 * f64::from(percent) / f64::from(MAX_SPARSITY_PERCENT))}
                    aria-label={label.clone()} aria-valuetext={shown} data-testid="sparsity" oninput={slide}
                />
                <span class="field"><PercentField {percent} {label} /><span>{ words.text("unit-percent") }</span></span>
            </div></div>
        </li>
    }
}

#[derive(Properties, PartialEq)]
struct PercentProps {
    percent: u32,
    label: String,
}

/// The sparsity to be typed. What is being typed stays until it is left or entered, whatever the page draws meanwhile.
#[component]
fn PercentField(props: &PercentProps) -> Html {
    let (tools, field) = (use_tools(), use_node_ref());
    let percent = props.percent;
    {
        let field = field.clone();
        use_effect_with(percent, move |percent| {
            if let Some(input) = field.cast::<HtmlInputElement>() {
                input.set_value(&percent.to_string());
            }
        });
    }
    let type_in = {
        let dispatch = tools.dispatch.clone();
        Callback::from(move |event: Event| {
            let input: HtmlInputElement = event.target_unchecked_into();
            let typed = input.value().trim().trim_end_matches('%').replace(',', ".").trim().parse::<f64>();
            let percent = typed
                .map_or(percent, |typed| typed.round().clamp(0.0, f64::from(MAX_SPARSITY_PERCENT)) as u32);
            // What was typed is replaced by what holds, also where that has not changed.
            input.set_value(&percent.to_string());
            dispatch.emit(Action::Sparsity(percent));
        })
    };
    html! { <input ref={field} inputmode="numeric" aria-label={props.label.clone()} onchange={type_in} /> }
}

fn format_step(words: &Words, recipe: &RecipeState) -> Html {
    let (name, note) = match recipe.wanted.format {
        NumberFormat::Float32 => (key("step-fp32"), key("step-fp32-note")),
        NumberFormat::Float16 => (key("step-fp16"), key("step-fp16-note")),
        NumberFormat::Int8 => (key("step-int8"), key("step-int8-note")),
    };
    let off = (recipe.wanted.format == NumberFormat::Float32).then_some("off");
    html! { <li class={classes!("stepi", off)}><span class="name">{ words.text(name) }<small>{ words.text(note) }</small></span></li> }
}

fn storage_step(words: &Words, recipe: &RecipeState) -> Html {
    let (name, note) = if recipe.wanted.sparsity_percent == 0 {
        (key("step-plain"), key("step-plain-note"))
    } else {
        (key("step-sparse"), key("step-sparse-note"))
    };
    html! { <li class="stepi"><span class="name">{ words.text(name) }<small>{ words.text(note) }</small></span></li> }
}

fn status(words: &Words, tools: &Tools, props: &Props) -> Html {
    let recipe = &props.recipe;
    if let Some(attempt) = recipe.running {
        return html! { <ProgressBar title={words.text("recipe-runs")} progress={attempt.progress} oncancel={tools.on(Action::CancelRecipe)} /> };
    }
    if let Some(failure) = &recipe.failure {
        let again = html! { <button class="btn" type="button" onclick={tools.on(Action::RetryRecipe)}>{ words.text("compute") }</button> };
        return match failure {
            Failure::Cancelled => {
                html! { <div class="row between"><span class="note">{ words.text("recipe-cancelled") }</span>{ again }</div> }
            }
            other => html! {
                <div class="row between"><span class="note failed" role="alert" data-testid="error">{ failure_text(words, other) }</span>{ again }</div>
            },
        };
    }
    let text = match recipe.current() {
        Some(facts) => finished(words, facts),
        None if props.model.is_none() => words.text("waiting-model"),
        None => words.text("recipe-waits"),
    };
    html! { <p class="note" role="status">{ text }</p> }
}

fn finished(words: &Words, facts: &CompressedFacts) -> String {
    let seconds = words.number(facts.millis / 1000.0, 1);
    let frames = words.count(facts.n_calibration.into());
    let zeros = words.percent(facts.sparsity, 0);
    let done = words.text_with("recipe-done", &[("seconds", (&seconds).into()), ("zeros", (&zeros).into())]);
    let values = [("n", (&frames).into())];
    match facts.calibration {
        CalibrationSource::None => done,
        CalibrationSource::Frames => format!("{done} {}", words.text_with("calibrated-frames", &values)),
        CalibrationSource::BuiltIn => format!("{done} {}", words.text_with("calibrated-built-in", &values)),
    }
}

fn failure_text(words: &Words, failure: &Failure) -> String {
    match failure {
        Failure::NoPictures => words.text("recipe-no-pictures"),
        Failure::Compression { detail } | Failure::Internal { detail } => {
            words.text_with("recipe-failed", &[("detail", detail.into())])
        }
        _ => words.text_with("recipe-failed", &[("detail", "–".into())]),
    }
}
