//! The recipe: presets, its steps, how far it is, the sizes of the result, and the check on a fixed set.

use std::rc::Rc;

use pipeline::NumberFormat;
use yew::prelude::*;

use super::fixed_set::FixedSetCheck;
use super::icon::{Icon, icon};
use super::picker::Picker;
use super::progress_bar::ProgressBar;
use super::recipe_steps::RecipeSteps;
use super::recipe_words::{preset_about, preset_name, refusal, warning};
use super::segmented::{Choice, Segmented};
use super::side_head::preset_entries;
use super::size_ladder::SizeLadder;
use crate::app::state::{Action, FixedState, PRESETS, RecipeState, format_preset};
use crate::app::tools::{Tools, use_tools, use_words};
use crate::app::words::Words;
use crate::bridge::{CalibrationSource, CompressedFacts, Failure, ModelFacts};

/// The number formats that have a button.
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
    let draft = &recipe.wanted;
    let choices = FORMATS
        .map(format_preset)
        .map(|value| Choice {
            value,
            label: preset_name(&words, value).into(),
            name: None,
            lang: None,
            testid: None,
        })
        .to_vec();
    let dispatch = tools.dispatch.clone();
    let onformat = Callback::from(move |value: &'static str| {
        if let Some(format) = FORMATS.into_iter().find(|format| format_preset(*format) == value) {
            dispatch.emit(Action::Format(format));
        }
    });
    let format = draft.plain_format().map_or("", format_preset);
    let (entries, chosen) = preset_entries(&words, draft);
    html! {
        <aside class="rail box" id="recipe" aria-label={words.text("recipe")}>
            <header class="row between">
                <h2>{ words.text("recipe") }</h2>
                <span class="row">
                    <button class="btn quiet icon" type="button" aria-label={words.text("recipe-undo")} title={words.text("recipe-undo")} data-testid="undo" disabled={recipe.before.is_empty()} onclick={tools.on(Action::UndoRecipe)}>{ icon(Icon::Undo) }</button>
                    <button class="btn quiet icon" type="button" aria-label={words.text("recipe-run")} title={words.text("recipe-run")} data-testid="run-recipe" disabled={draft.refusal().is_some() || recipe.running.is_some() || props.model.is_none()} onclick={tools.on(Action::RetryRecipe)}>{ icon(Icon::Play) }</button>
                    <button class="btn quiet icon" type="button" aria-label={words.text("recipe-open")} title={words.text("recipe-open")} data-testid="open-recipe" onclick={tools.open_file.reform(|_: MouseEvent| ())}>{ icon(Icon::File) }</button>
                    <button class="btn quiet icon" type="button" aria-label={words.text("recipe-save")} title={words.text("recipe-save")} data-testid="save-recipe" disabled={draft.refusal().is_some()} onclick={tools.on(Action::SaveRecipe)}>{ icon(Icon::Save) }</button>
                </span>
            </header>
            <Segmented label={words.text("format-choice")} {choices} chosen={format} onchoose={onformat} class="full" testid="recipe" />
            <div class="presets">
                <Picker label={words.text("recipe-choice")} {entries} {chosen} onchoose={on_preset(&tools)} testid="preset" />
                <p class="note">{ draft.origin.map(|origin| preset_about(&words, origin)) }</p>
            </div>
            <div class="rail-2">
                <div>
                    <div class="recipe-status">{ status(&words, &tools, props) }</div>
                    <RecipeSteps draft={draft.clone()} facts={recipe.current().cloned()} />
                    { for draft.recipe().warnings().into_iter().map(|it| html! {
                        <p class="note" data-testid="recipe-warning">{ warning(&words, it) }</p>
                    }) }
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

/// Takes the name of a preset; what is one's own already changes nothing.
pub fn on_preset(tools: &Tools) -> Callback<String> {
    let dispatch = tools.dispatch.clone();
    Callback::from(move |value: String| {
        if let Some(preset) = PRESETS.into_iter().find(|preset| *preset == value) {
            dispatch.emit(Action::Preset(preset));
        }
    })
}

fn status(words: &Words, tools: &Tools, props: &Props) -> Html {
    let recipe = &props.recipe;
    if let Some(error) = recipe.wanted.refusal() {
        return html! { <p class="note failed" role="alert" data-testid="error">{ refusal(words, &error) }</p> };
    }
    if let Some(attempt) = &recipe.running {
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
