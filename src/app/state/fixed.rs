//! The check on a fixed set: the running one, and the last result.

use std::rc::Rc;

use super::{Agreement, Effect, State};
use crate::bridge::{Failure, FixedSet, Flip, Request, RequestId};

/// The check on a fixed set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FixedState {
    /// The running check.
    pub running: Option<FixedRun>,
    /// The last complete result for the present pair of models.
    pub result: Option<FixedResult>,
    /// The pictures of the last complete run whose first answers differ.
    pub flips: Rc<Vec<Flip>>,
    /// Why the last one came to nothing.
    pub failure: Option<Failure>,
}

/// A running check on a fixed set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FixedRun {
    /// The request.
    pub id: RequestId,
    /// Pictures done.
    pub done: u64,
    /// Pictures in all.
    pub total: Option<u64>,
}

/// The result of a fixed set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FixedResult {
    /// Which set.
    pub set: FixedSet,
    /// Both counts.
    pub agreement: Agreement,
}

pub(super) fn run_fixed(state: &mut State, set: FixedSet, effects: &mut Vec<Effect>) {
    cancel_fixed(state, effects);
    if state.recipe.is_current() && state.worker_ready() {
        let id = state.request_id();
        let running = Some(FixedRun { id, done: 0, total: None });
        state.fixed = FixedState { running, ..FixedState::default() };
        effects.push(Effect::Post(Request::RunFixedSet { id, set }));
    }
}

pub(super) fn cancel_fixed(state: &mut State, effects: &mut Vec<Effect>) {
    if let Some(run) = state.fixed.running.take() {
        effects.push(Effect::Post(Request::Cancel { id: run.id }));
    }
}
