//! The recipes of a step with what was measured of them: bytes, milliseconds, agreement.

use ::course::{CourseRecipe, Figure, FigureAt};
use yew::prelude::*;

use super::super::progress_bar::ProgressBar;
use super::Context;
use super::figure::{Wording, figure_with, recipe_name, run_button};
use crate::app::state::{Action, Progress};
use crate::bridge::Stage;

/// The recipes of the step, each with its three numbers or a button; what runs stands below.
pub fn runs(context: &Context<'_>) -> Html {
    let Context { words, tools, state, step, .. } = context;
    let names: Vec<CourseRecipe> =
        step.control.recipes().into_iter().filter(|name| *name != CourseRecipe::Original).collect();
    if names.is_empty() {
        return html! {};
    }
    let row = |name: CourseRecipe| {
        let shown =
            |of: Figure| figure_with(context, &FigureAt { figure: of, recipe: Some(name) }, Wording::Short);
        let about = match (state.course.recipe(name), state.course.measured(name)) {
            (None, _) => html! { <span class="note">{ words.text("course-recipe-not-here") }</span> },
            (Some(_), None) => run_button(words, tools, state, name, Wording::Full),
            (Some(_), Some(_)) => html! {
                <span class="three-numbers">
                    <span>{ shown(Figure::BytesCompressed) }</span>
                    <span>{ shown(Figure::MsCompressed) }</span>
                    <span>{ shown(Figure::AgreementFixed) }</span>
                </span>
            },
        };
        html! { <li key={name.name()}><b>{ recipe_name(words, name) }</b>{ about }</li> }
    };
    let first = state.course.queue.front().copied();
    let missing: Vec<CourseRecipe> = names
        .iter()
        .copied()
        .filter(|name| state.course.recipe(*name).is_some() && state.course.measured(*name).is_none())
        .collect();
    html! {
        <>
        <ul class="runs">{ for names.iter().map(|name| row(*name)) }</ul>
        if let Some(name) = first {
            <ProgressBar title={words.text_with("course-running", &[("recipe", (&recipe_name(words, name)).into())])} progress={progress(context)} oncancel={tools.on(Action::CancelRuns)} />
        } else if missing.len() > 1 {
            <button type="button" class="btn" data-testid="run-all" disabled={!state.has_pictures()} onclick={tools.on(Action::RunRecipes(missing))}>{ words.text("course-run-all") }</button>
        }
        if !state.has_pictures() { <p class="note">{ words.text("no-pictures-reason") }</p> }
        </>
    }
}

fn progress(context: &Context<'_>) -> Progress {
    let state = context.state;
    match (&state.recipe.running, &state.fixed.running) {
        (Some(attempt), _) => attempt.progress,
        (None, Some(run)) => Progress { stage: Some(Stage::FixedSet), done: run.done, total: run.total },
        (None, None) => Progress::default(),
    }
}
