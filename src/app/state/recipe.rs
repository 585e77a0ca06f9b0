//! The recipe: what is wanted, what runs, what is finished, and how one becomes the other.

use std::rc::Rc;

use super::fixed::cancel_fixed;
use super::reduce::other_models;
use super::{Action, Draft, Effect, FixedState, Progress, State};
use crate::bridge::{CompressedFacts, Failure, Request, RequestId};

/// A change of the recipe waits this long for the next one, milliseconds.
pub const SETTLE_MILLIS: u32 = 150;

/// Wanted, running, finished.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecipeState {
    /// What the rail shows.
    pub wanted: Draft,
    /// Rises with every change of the wanted recipe.
    pub revision: u32,
    /// The recipe that the worker runs.
    pub running: Option<Attempt>,
    /// The compressed model that answers, and the draft of its recipe.
    pub finished: Option<(Draft, Rc<CompressedFacts>)>,
    /// Why the wanted recipe came to nothing.
    pub failure: Option<Failure>,
    /// What was wanted before, the last one at the end.
    pub before: Vec<Draft>,
    /// The last change waits for the next one and is one with it.
    pub(super) settling: bool,
}

/// A running recipe.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// The request.
    pub id: RequestId,
    /// What it makes.
    pub draft: Draft,
    /// How far.
    pub progress: Progress,
}

/// Changes that can be undone; the oldest go first.
const MAX_UNDO: usize = 50;

impl RecipeState {
    /// Remembers what is wanted before it changes. Changes of one movement, such as those of a slider, are one.
    pub(super) fn remember(&mut self) {
        if self.settling {
            return;
        }
        self.before.push(self.wanted.clone());
        if self.before.len() > MAX_UNDO {
            self.before.remove(0);
        }
    }

    /// The compressed model's facts where they belong to what the rail shows, never older ones.
    pub fn current(&self) -> Option<&Rc<CompressedFacts>> {
        let wanted = self.wanted.recipe();
        self.finished.as_ref().map(|(_, facts)| facts).filter(|facts| facts.recipe == wanted)
    }

    /// The rail shows what answers.
    pub fn is_current(&self) -> bool {
        self.current().is_some()
    }
}

/// The rail shows something else: what runs is cancelled, and after a rest the wanted recipe runs, unless it is refused.
pub(super) fn want(state: &mut State, wanted: Draft, effects: &mut Vec<Effect>) {
    let same = wanted.recipe() == state.recipe.wanted.recipe();
    if wanted != state.recipe.wanted {
        state.recipe.remember();
    }
    state.recipe.wanted = wanted;
    if same && state.recipe.failure.is_none() {
        return;
    }
    state.recipe.failure = None;
    state.recipe.settling = false;
    state.recipe.revision = state.recipe.revision.wrapping_add(1);
    cancel_recipe(state, effects);
    if !state.recipe.is_current() {
        cancel_fixed(state, effects);
        if state.recipe.wanted.refusal().is_none() {
            let action = Action::RecipeDue { revision: state.recipe.revision };
            effects.push(Effect::After { millis: SETTLE_MILLIS, action: Box::new(action) });
            state.recipe.settling = true;
        }
    }
}

pub(super) fn compress(state: &mut State, effects: &mut Vec<Effect>) {
    cancel_recipe(state, effects);
    if !state.recipe.is_current() {
        run_recipe(state, effects);
    }
}

/// Runs the wanted recipe, also where it has run already: calibration frames may be others now.
pub(super) fn run_recipe(state: &mut State, effects: &mut Vec<Effect>) {
    cancel_recipe(state, effects);
    let recipe = &state.recipe;
    if recipe.wanted.refusal().is_some() || state.model.current.is_none() || !state.worker_ready() {
        return;
    }
    let (id, draft) = (state.request_id(), state.recipe.wanted.clone());
    effects.push(Effect::Post(Request::Compress { id, recipe: draft.recipe() }));
    state.recipe.running = Some(Attempt { id, draft, progress: Progress::default() });
}

pub(super) fn cancel_recipe(state: &mut State, effects: &mut Vec<Effect>) {
    if let Some(attempt) = state.recipe.running.take() {
        effects.push(Effect::Post(Request::Cancel { id: attempt.id }));
    }
}

/// Back to the finished recipe, or, where there is none, a stop that says so.
pub(super) fn cancel_recipe_by_hand(state: &mut State, effects: &mut Vec<Effect>) {
    if state.recipe.running.is_none() {
        return;
    }
    cancel_recipe(state, effects);
    match &state.recipe.finished {
        Some((draft, _)) => state.recipe.wanted = draft.clone(),
        None => state.recipe.failure = Some(Failure::Cancelled),
    }
}

pub(super) fn compressed(
    state: &mut State,
    id: RequestId,
    facts: CompressedFacts,
    effects: &mut Vec<Effect>,
) {
    let attempt = state.recipe.running.take_if(|attempt| attempt.id == id);
    let expected = attempt.is_some();
    let draft = attempt.map_or_else(|| Draft::of(&facts.recipe), |attempt| attempt.draft);
    cancel_fixed(state, effects);
    state.recipe.finished = Some((draft, Rc::new(facts)));
    state.recipe.failure = None;
    state.fixed = FixedState::default();
    other_models(state);
    if !expected && state.recipe.running.is_none() {
        // Its cancellation came too late: the worker runs it, and the page asks again for what is wanted.
        compress(state, effects);
    }
}
