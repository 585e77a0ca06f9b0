//! Transitions of the course.

use super::compare;
use super::course::{self, Next};
use super::fixed::{cancel_fixed, run_fixed};
use super::recipe::{cancel_recipe_by_hand, want};
use super::reduce::show;
use super::{Action, CourseText, Draft, Effect, Numbers, Place, State, View};
use crate::bridge::FixedSet;

/// An action of the course.
pub(super) fn step(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    match action {
        Action::ShowStep(place) => go(state, place, effects),
        Action::TurnSteps(turn) => {
            if state.view == View::Course
                && let Some(place) = state.course.turned(state.language, turn)
            {
                go(state, place, effects);
            }
        }
        Action::CourseArrived(language, text) => {
            let same = |known: &CourseText| match (known, &text) {
                (CourseText::References(_), CourseText::References(_)) => true,
                (
                    CourseText::Lesson(known, _) | CourseText::Missing(known, _),
                    CourseText::Lesson(number, _) | CourseText::Missing(number, _),
                ) => known == number,
                _ => false,
            };
            state.course.texts.retain(|(of, known)| *of != language || !same(known));
            state.course.texts.push((language, text));
            see(state, effects);
        }
        Action::ChooseOption { id, position } => {
            let chosen = state.course.progress.options.entry(id).or_default();
            if !chosen.contains(&position) {
                chosen.push(position);
            }
            effects.push(Effect::RememberCourse);
        }
        Action::Guess { id, value } => {
            state.course.progress.guesses.insert(id, value);
            effects.push(Effect::RememberCourse);
        }
        Action::Slide(name, value) => state.course.slide(name, value),
        Action::RunRecipes(names) => {
            let idle = state.course.queue.is_empty();
            for name in names {
                if state.course.recipe(name).is_some() && !state.course.queue.contains(&name) {
                    state.course.queue.push_back(name);
                }
            }
            if idle {
                begin(state, effects);
            }
        }
        Action::CancelRuns => {
            state.course.queue.clear();
            cancel_recipe_by_hand(state, effects);
            cancel_fixed(state, effects);
        }
        _ => {}
    }
}

/// Keeps what was measured, and goes on with the recipes that wait.
pub(super) fn follow(state: &mut State, effects: &mut Vec<Effect>) {
    course::record(state);
    match course::next(state) {
        Next::Wait => return,
        Next::RunFixed => run_fixed(state, FixedSet::BuiltIn, effects),
        Next::Done => {
            state.course.queue.pop_front();
            begin(state, effects);
        }
        Next::Stop => state.course.queue.clear(),
    }
    state.numbers = Numbers::of(state);
}

/// Asks for what the view shows and has not.
pub(super) fn fetch(state: &mut State, effects: &mut Vec<Effect>) {
    if state.view != View::Course {
        return;
    }
    if state.course.lesson(state.language).is_none() {
        effects.push(Effect::FetchLesson(state.language, state.course.place.lesson));
    }
    see(state, effects);
}

fn go(state: &mut State, place: Place, effects: &mut Vec<Effect>) {
    let moved = state.course.place != place;
    state.course.place = place;
    if state.view == View::Course && moved {
        effects.push(Effect::PutView(View::Course));
    }
    show(state, View::Course, effects);
    fetch(state, effects);
}

/// The step on screen has been seen. An address may name a step that the lesson has not.
fn see(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(n_steps) = state.course.lesson(state.language).map(|lesson| lesson.steps.len()) else { return };
    let last = u8::try_from(n_steps).unwrap_or(u8::MAX);
    if state.course.place.step > last {
        state.course.place.step = last;
        effects.push(Effect::CorrectAddress);
    }
    let Some(id) = state.course.step(state.language).map(|step| step.control.step.clone()) else { return };
    let Place { lesson, step } = state.course.place;
    state.course.progress.place = (lesson, step);
    state.course.progress.steps.insert(id);
    effects.push(Effect::RememberCourse);
}

/// Wants the first recipe of the queue.
fn begin(state: &mut State, effects: &mut Vec<Effect>) {
    let recipe = state.course.queue.front().and_then(|name| state.course.recipe(*name));
    if let Some(recipe) = recipe {
        // The course measures against the original.
        compare::set_left(state, None, effects);
        want(state, Draft::of(&recipe), effects);
    }
}
