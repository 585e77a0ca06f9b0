//! The worker: how it is, and what it says about anything but frames.

use std::rc::Rc;

use super::layers;
use super::model::{load, load_default, model_loaded};
use super::recipe::compressed;
use super::{
    Agreement, Effect, FixedResult, FixedRun, FixedState, LayersState, LeftSide, Live, Notice, Profile,
    Progress, State, compare, scans,
};
use crate::bridge::{Answer, Failure, FixedSet, RequestId, Runtime};

/// How the worker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerState {
    /// Started; it has not said that it listens.
    Starting,
    /// It listens.
    Ready(Runtime),
    /// It is gone.
    Lost,
}

pub(super) fn lose_worker(state: &mut State) {
    state.worker = WorkerState::Lost;
    state.notice = Some(Notice::WorkerLost);
    state.model.current = None;
    state.model.loading = None;
    state.recipe.running = None;
    state.recipe.finished = None;
    state.recipe.failure = None;
    state.course.queue.clear();
    state.compare.left = LeftSide::default();
    state.fixed = FixedState::default();
    state.layers = LayersState { metric: state.layers.metric, ..LayersState::default() };
    state.n_own_pictures = 0;
    state.live = Live::default();
    state.pair = state.pair.wrapping_add(1);
}

pub(super) fn hear(state: &mut State, answer: Answer, effects: &mut Vec<Effect>) {
    match answer {
        Answer::Ready { runtime } => {
            state.worker = WorkerState::Ready(runtime);
            if matches!(state.notice, Some(Notice::WorkerSlow)) {
                state.notice = None;
            }
            match state.model.queued.take() {
                Some(choice) => load(state, choice, effects),
                None => load_default(state, effects),
            }
        }
        Answer::ModelLoaded { id, model } => model_loaded(state, id, model, effects),
        Answer::Compressed { id, facts } => compressed(state, id, facts, effects),
        Answer::LeftSet { id, facts } => compare::left_set(state, id, facts, effects),
        Answer::Progress { id, stage, done, total } => {
            let progress = Progress { stage: Some(stage), done, total };
            if let Some(loading) = state.model.loading.as_mut().filter(|loading| loading.id == id) {
                loading.progress = progress;
            } else if let Some(attempt) = state.recipe.running.as_mut().filter(|attempt| attempt.id == id) {
                attempt.progress = progress;
            } else if let Some(run) = state.fixed.running.as_mut().filter(|run| run.id == id) {
                *run = FixedRun { id, done, total };
            } else if !compare::progressed(state, id, progress) {
                scans::progressed(&mut state.layers.scans, id, progress);
            }
        }
        // Frames come as `Action::Frame`; an answer that lost its way there changes nothing.
        Answer::FrameResult { .. } => {}
        Answer::FixedSetResult { id, set, n, same, flips } => {
            if state.fixed.running.is_some_and(|run| run.id == id) {
                let agreement = Agreement { same: same.min(n), n, set: Some(set) };
                state.fixed = FixedState {
                    result: Some(FixedResult { set, agreement }),
                    flips: Rc::new(flips),
                    ..FixedState::default()
                };
            }
        }
        // The page does not ask; a benchmark does.
        Answer::Measured { .. } => {}
        Answer::LayersProfiled { id, runs, original, compressed, memory } => {
            layers::profiled(state, id, Profile { runs, original, compressed, memory });
        }
        Answer::OutputsScanned { id, n, layers } => {
            scans::outputs_scanned(&mut state.layers.scans, id, n, layers);
        }
        Answer::SensitivityScanned { id, n, layers } => {
            scans::sensitivity_scanned(&mut state.layers.scans, id, n, layers);
        }
        Answer::MapsShown { id, maps } => scans::maps_shown(&mut state.layers.scans, id, maps),
        Answer::LayerInspected { id, view } => layers::inspected(state, id, view),
        Answer::OwnPicturesSet { id: _, n } => {
            state.n_own_pictures = n;
            if state.fixed.result.is_some_and(|result| result.set == FixedSet::Own) {
                state.fixed.result = None;
            }
        }
        Answer::Failed { id, failure } => failed(state, id, failure, effects),
    }
}

fn failed(state: &mut State, id: RequestId, failure: Failure, effects: &mut Vec<Effect>) {
    if layers::failed(state, id)
        || compare::failed(state, id)
        || scans::failed(&mut state.layers.scans, id, &failure)
    {
        return;
    }
    if let Some(loading) = state.model.loading.take_if(|loading| loading.id == id) {
        let former = state.model.current.is_some();
        if failure != Failure::Cancelled {
            state.notice = Some(Notice::Model { choice: loading.choice, failure, former });
            // The list would hide it.
            state.models_open = false;
        }
        if !former {
            load_default(state, effects);
        }
    } else if state.model.abandoned.take_if(|loading| loading.id == id).is_some() {
        // Without any model the next served one is better than none.
        load_default(state, effects);
    } else if state.recipe.running.take_if(|attempt| attempt.id == id).is_some() {
        state.recipe.failure = Some(failure);
    } else if state.fixed.running.take_if(|run| run.id == id).is_some() && failure != Failure::Cancelled {
        state.fixed.failure = Some(failure);
    }
}
