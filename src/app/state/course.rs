//! The course: where the learner is, what was answered, which recipes were measured, and the queue of those that wait
//! to be.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use course::{CourseRecipe, Glossary, Kind, Lesson, N_LESSONS, Settings, SliderName, Sources, Step};
use pipeline::Recipe;
use serde::{Deserialize, Serialize};

use super::{Agreement, Cell, Reason, State};
use crate::app::statistics::Latency;
use crate::app::words::Language;
use crate::bridge::{CompressedFacts, FixedSet};

/// Frames behind a latency that the course keeps.
const LATENCY_FRAMES: usize = 20;

/// A lesson and a step in it, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The lesson.
    pub lesson: u8,
    /// The step.
    pub step: u8,
}

impl Default for Place {
    fn default() -> Self {
        Self { lesson: 1, step: 1 }
    }
}

impl Place {
    /// The place that an address's fragment names: `#course/3`, `#course/3/2`. A number that is no lesson or step is the
    /// first one. `#course` names none: the learner goes on where it was.
    pub fn from_fragment(fragment: &str) -> Option<Self> {
        let mut parts = fragment.trim_start_matches('#').split('/');
        if parts.next() != Some("course") {
            return None;
        }
        let number = |part: &str, most| part.parse().ok().filter(|it| (1..=most).contains(it)).unwrap_or(1);
        let lesson = number(parts.next()?, N_LESSONS);
        Some(Self { lesson, step: parts.next().map_or(1, |part| number(part, u8::MAX)) })
    }

    /// Its fragment, without `#`.
    pub fn fragment(self) -> String {
        format!("course/{}/{}", self.lesson, self.step)
    }
}

/// Which way to turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// To the step before.
    Back,
    /// To the next one.
    On,
}

/// What the course shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CourseState {
    /// Where the learner is.
    pub place: Place,
    /// What has arrived, by language.
    pub texts: Vec<(Language, CourseText)>,
    /// What was answered and seen; kept in the browser.
    pub progress: CourseProgress,
    /// Recipes that were measured on the loaded model, in the order of their first run.
    pub measured: Vec<(Recipe, Measured)>,
    /// Recipes to be measured; the first one runs.
    pub queue: VecDeque<CourseRecipe>,
    /// Laptops in the room, and its network in Mbit/s.
    pub room: (f64, f64),
    /// What sliders set for recipes.
    pub settings: Settings,
    /// Kind and name of the loaded model's layers, for recipes that name them.
    pub layers: Rc<Vec<(Kind, String)>>,
}

/// A text of the course, or why it is not there.
#[derive(Clone, Debug, PartialEq)]
pub enum CourseText {
    /// Glossary and sources.
    References(Rc<(Glossary, Sources)>),
    /// A lesson.
    Lesson(u8, Rc<Lesson>),
    /// A lesson that could not be had, and why.
    Missing(u8, String),
}

/// What was answered and seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CourseProgress {
    /// Options that were chosen, by question, in their order.
    pub options: BTreeMap<String, Vec<usize>>,
    /// Guesses, in the unit of their slider.
    pub guesses: BTreeMap<String, f64>,
    /// Steps that were on screen, by their id.
    pub steps: BTreeSet<String>,
    /// The last place.
    pub place: (u8, u8),
}

/// What a run of a recipe measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// Facts about the compressed model.
    pub facts: Rc<CompressedFacts>,
    /// Agreement on the built-in pictures.
    pub agreement: Option<Agreement>,
    /// Times of the original and of the compressed model, on the same frames.
    pub latency: Option<(Latency, Latency)>,
}

impl CourseState {
    /// A course at its beginning.
    pub fn new() -> Self {
        Self { room: (30.0, 50.0), ..Self::default() }
    }

    /// Goes on with what the browser has kept, where it was.
    pub fn go_on(&mut self, kept: CourseProgress) {
        let (lesson, step) = kept.place;
        if (1..=N_LESSONS).contains(&lesson) && step > 0 {
            self.place = Place { lesson, step };
        }
        self.progress = kept;
    }

    /// The lesson on screen.
    pub fn lesson(&self, language: Language) -> Option<&Rc<Lesson>> {
        self.texts.iter().find_map(|(of, text)| match text {
            CourseText::Lesson(number, lesson) if *of == language && *number == self.place.lesson => {
                Some(lesson)
            }
            _ => None,
        })
    }

    /// Why the lesson on screen is not there.
    pub fn missing(&self, language: Language) -> Option<&str> {
        self.texts.iter().find_map(|(of, text)| match text {
            CourseText::Missing(number, why) if *of == language && *number == self.place.lesson => {
                Some(&**why)
            }
            _ => None,
        })
    }

    /// Glossary and sources.
    pub fn references(&self, language: Language) -> Option<&Rc<(Glossary, Sources)>> {
        self.texts.iter().find_map(|(of, text)| match text {
            CourseText::References(references) if *of == language => Some(references),
            _ => None,
        })
    }

    /// The step on screen; the last one where the address names a later one.
    pub fn step(&self, language: Language) -> Option<&Step> {
        let lesson = self.lesson(language)?;
        lesson.steps.get(usize::from(self.place.step) - 1).or(lesson.steps.last())
    }

    /// What a recipe of the course is on the loaded model; `None` where it cannot run.
    pub fn recipe(&self, name: CourseRecipe) -> Option<Recipe> {
        name.recipe_for(self.settings, self.layers.iter().map(|(kind, node)| (*kind, node.as_str())))
    }

    /// What a recipe's latest run measured.
    pub fn measured(&self, name: CourseRecipe) -> Option<&Measured> {
        let recipe = self.recipe(name)?;
        self.measured.iter().find(|(of, _)| *of == recipe).map(|(_, measured)| measured)
    }

    /// The question and the guess of a step are answered, where it has them.
    pub fn answered(&self, step: &Step) -> bool {
        let ask = step.control.ask.as_ref().is_none_or(|ask| self.progress.options.contains_key(&ask.id));
        ask && step.control.guess.as_ref().is_none_or(|guess| self.progress.guesses.contains_key(&guess.id))
    }

    /// Sets what a slider stands for; others belong to their view alone.
    pub fn slide(&mut self, name: SliderName, value: f64) {
        match name {
            SliderName::RoomLaptops => self.room.0 = value,
            SliderName::RoomMbit => self.room.1 = value,
            SliderName::Sparsity => {
                self.settings.sparsity = (value / 100.0).clamp(0.0, pipeline::MAX_SPARSITY)
            }
            SliderName::Clusters => self.settings.clusters = (value as usize).clamp(2, 256),
            SliderName::ChannelsRemoved
            | SliderName::ChannelScale
            | SliderName::Time
            | SliderName::Temperature => {}
        }
    }

    /// The place one step further, over the ends of lessons; `None` at the ends of the course or before the lesson has
    /// arrived.
    pub fn turned(&self, language: Language, turn: Turn) -> Option<Place> {
        let n_steps = u8::try_from(self.lesson(language)?.steps.len()).unwrap_or(u8::MAX);
        let Place { lesson, step } = self.place;
        match turn {
            Turn::On if step < n_steps => Some(Place { lesson, step: step + 1 }),
            Turn::On if lesson < N_LESSONS => Some(Place { lesson: lesson + 1, step: 1 }),
            Turn::Back if step > 1 => {
                Some(Place { lesson, step: step.min(n_steps).saturating_sub(1).max(1) })
            }
            // The last step: no lesson has as many.
            Turn::Back if lesson > 1 => Some(Place { lesson: lesson - 1, step: u8::MAX }),
            Turn::On | Turn::Back => None,
        }
    }
}

/// Keeps what is known of the present pair of models.
pub(super) fn record(state: &mut State) {
    if !state.compare.left.is_original() {
        return;
    }
    let Some(facts) = state.recipe.current().cloned() else { return };
    let fixed = state.fixed.result.filter(|result| result.set == FixedSet::BuiltIn);
    let agreement = fixed.map(|result| result.agreement);
    let latency = match (state.numbers.latency_original, state.numbers.latency_compressed) {
        (Cell::Known(original), Cell::Known(compressed)) if compressed.n >= LATENCY_FRAMES => {
            Some((original, compressed))
        }
        _ => None,
    };
    let measured = &mut state.course.measured;
    match measured.iter_mut().find(|(recipe, _)| *recipe == facts.recipe) {
        Some((_, known)) => {
            known.agreement = agreement.or(known.agreement);
            known.latency = latency.or(known.latency);
            known.facts = facts;
        }
        None => measured.push((facts.recipe.clone(), Measured { facts, agreement, latency })),
    }
}

/// What the first recipe of the queue needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing but time, or nothing runs.
    Wait,
    /// The fixed set.
    RunFixed,
    /// The next recipe: it is measured.
    Done,
    /// No more: it failed, or the learner wants something else.
    Stop,
}

/// See [`Next`].
pub(super) fn next(state: &State) -> Next {
    let Some(name) = state.course.queue.front() else { return Next::Wait };
    let Some(recipe) = state.course.recipe(*name) else { return Next::Stop };
    if !state.compare.left.is_original() {
        return Next::Wait;
    }
    if state.recipe.wanted.recipe() != recipe || state.recipe.failure.is_some() {
        return Next::Stop;
    }
    if !state.recipe.is_current() || state.fixed.running.is_some() {
        return Next::Wait;
    }
    if state.fixed.failure.is_some() || !state.has_pictures() {
        return Next::Stop;
    }
    match state.course.measured(*name) {
        Some(Measured { agreement: None, .. }) | None => Next::RunFixed,
        Some(Measured { latency: Some(_), .. }) => Next::Done,
        Some(Measured { latency: None, .. }) => match state.numbers.latency_compressed {
            Cell::Missing(Reason::Paused | Reason::NoFrames) => Next::Done,
            Cell::Known(_) | Cell::Missing(_) => Next::Wait,
        },
    }
}
