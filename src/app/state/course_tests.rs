//! The course's transitions, without a browser.

use std::rc::Rc;

use ::course::{CourseRecipe, FigureAt, Lesson, Settings};

use super::tests::Page;
use super::*;
use crate::bridge::{Answer, FixedSet};

const LESSON: &str = "---\nlesson: 1\ntitle: T\nminutes: 1\naim: A\nkeep: K\n---\n\n# T\n\n## 1. One\n\nText.\n\n```control\nstep: l1.1\nview: compare\nlive: []\n```\n\n## 2. Two\n\nText.\n\n```control\nstep: l1.2\nview: compare\nlive: []\n```\n";

fn at(page: &Page, figure: &str) -> Result<Value, Absent> {
    page.state.figure(&figure.parse::<FigureAt>().unwrap())
}

fn in_lesson() -> Page {
    let mut page = Page::ready();
    page.act(Action::ShowStep(Place { lesson: 1, step: 1 }));
    assert!(page.effects.contains(&Effect::FetchLesson(Language::English, 1)));
    let lesson = Rc::new(Lesson::parse(LESSON).unwrap());
    page.act(Action::CourseArrived(Language::English, CourseText::Lesson(1, lesson)));
    page
}

#[test]
fn an_address_names_a_step() {
    for (fragment, place) in [
        ("#course", None),
        ("#course/3", Some((3, 1))),
        ("#course/3/2", Some((3, 2))),
        ("#course/9/0", Some((1, 1))),
        ("#courses", None),
        ("#live", None),
    ] {
        let found = Place::from_fragment(fragment).map(|place| (place.lesson, place.step));
        assert_eq!(found, place, "{fragment}");
    }
}

#[test]
fn steps_turn_over_the_ends_of_lessons() {
    let mut page = in_lesson();
    page.act(Action::TurnSteps(Turn::Back));
    assert_eq!(page.state.course.place, Place { lesson: 1, step: 1 }, "nothing lies before the first step");
    page.act(Action::TurnSteps(Turn::On));
    assert_eq!(page.state.fragment(), "course/1/2");
    assert!(page.state.course.progress.steps.contains("l1.2"));
    page.act(Action::TurnSteps(Turn::On));
    assert_eq!(page.state.course.place, Place { lesson: 2, step: 1 });
    assert!(page.effects.contains(&Effect::FetchLesson(Language::English, 2)));
    page.act(Action::ShowStep(Place { lesson: 1, step: u8::MAX }));
    assert_eq!(page.state.course.place, Place { lesson: 1, step: 2 }, "a lesson has no more steps");
    page.act(Action::Show(View::Live)).act(Action::TurnSteps(Turn::Back));
    assert_eq!(page.state.view, View::Live, "keys of the course mean nothing elsewhere");
}

#[test]
fn a_figure_stays_away_until_its_recipe_has_run_to_the_end() {
    let mut page = in_lesson();
    let run = Err(Absent::NotRun(CourseRecipe::Fp16));
    assert_eq!(at(&page, "agreement.fixed @ fp16"), run);
    page.act(Action::RunRecipes(vec![CourseRecipe::Fp16]));
    page.act(Action::RecipeDue { revision: page.state.recipe.revision });
    assert_eq!(at(&page, "bytes.compressed @ fp16"), run);
    page.finish_recipe();
    assert_eq!(at(&page, "bytes.compressed @ fp16"), Ok(Value::Bytes(1_000_000.0)));
    assert_eq!(at(&page, "agreement.fixed @ fp16"), run);
    let id = page.state.fixed.running.expect("the fixed set follows by itself").id;
    page.hear(Answer::FixedSetResult { id, set: FixedSet::BuiltIn, n: 120, same: 119, flips: Vec::new() });
    assert_eq!(page.state.figure_number(&"agreement.fixed @ fp16".parse().unwrap()), Some(119.0 / 120.0));
    assert_eq!(page.state.course.queue.len(), 1, "times are still to be measured");
    page.act(Action::TogglePause);
    assert!(page.state.course.queue.is_empty(), "no frames, no times, no waiting for them");
}

#[test]
fn what_was_measured_belongs_to_one_model() {
    let mut page = in_lesson();
    assert_eq!(
        at(&page, "bytes.compressed @ int8"),
        Ok(Value::Bytes(1_000_000.0)),
        "what ran elsewhere counts"
    );
    page.act(Action::ChooseModel("everyday-60".to_owned()));
    let id = page.state.model.loading.as_ref().unwrap().id;
    let model = crate::bridge::ModelFacts::clone(page.state.model.current.as_ref().unwrap());
    page.hear(Answer::ModelLoaded { id, model });
    assert_eq!(at(&page, "bytes.compressed @ int8"), Err(Absent::NotRun(CourseRecipe::Int8)));
}

#[test]
fn what_was_asked_for_before_the_model_came_runs_on_it() {
    let mut page = Page::loading();
    page.act(Action::RunRecipes(vec![CourseRecipe::Fp16]));
    let id = page.state.model.loading.as_ref().unwrap().id;
    page.hear(Answer::ModelLoaded { id, model: super::tests::model(4_000_000) });
    page.finish_recipe();
    assert!(page.state.fixed.running.is_some());
}

#[test]
fn cancelling_and_choosing_something_else_end_the_runs() {
    let mut page = in_lesson();
    page.act(Action::RunRecipes(vec![CourseRecipe::Fp16, CourseRecipe::Bf16]));
    page.act(Action::RecipeDue { revision: page.state.recipe.revision });
    page.act(Action::CancelRuns);
    assert!(page.state.course.queue.is_empty() && page.state.recipe.running.is_none());
    page.act(Action::RunRecipes(vec![CourseRecipe::Fp16]));
    page.act(Action::Preset("int4"));
    assert!(page.state.course.queue.is_empty());
}

#[test]
fn answers_are_kept_and_unlock_what_is_hidden() {
    let mut page = in_lesson();
    page.act(Action::ChooseOption { id: "q".to_owned(), position: 2 });
    page.act(Action::ChooseOption { id: "q".to_owned(), position: 0 });
    page.act(Action::Guess { id: "g".to_owned(), value: 90.0 });
    assert_eq!(page.effects, [Effect::RememberCourse]);
    assert_eq!(page.state.course.progress.options["q"], [2, 0]);
    assert_eq!(at(&page, "guess.g"), Ok(Value::Guess(90.0)));
    let json = serde_json::to_string(&page.state.course.progress).unwrap();
    assert_eq!(serde_json::from_str::<CourseProgress>(&json).unwrap(), page.state.course.progress);
}

#[test]
fn every_recipe_of_the_course_is_a_draft_unchanged() {
    for name in CourseRecipe::ALL {
        if let Some(recipe) = name.recipe(Settings::default()) {
            assert_eq!(Draft::of(&recipe).recipe(), recipe, "{}", name.name());
        }
    }
}
