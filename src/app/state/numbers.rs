//! The three numbers of the dock. A number is either known for the present pair of models, or missing with a reason;
//! an old one never poses as current.

use super::{CameraState, Source, State, WorkerState};
use crate::app::statistics::{AGREEMENT_FRAMES, Latency, WARM_UP_FRAMES};
use crate::bridge::{FixedSet, Stage};

/// Frames of latency before a median is shown.
const LATENCY_FRAMES: usize = 5;

/// What the dock shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbers {
    /// Shipped bytes of the left side, which is the original unless the visitor chose another one.
    pub bytes_original: Cell<u64>,
    /// Shipped bytes of the compressed model.
    pub bytes_compressed: Cell<u64>,
    /// Latency of the left side.
    pub latency_original: Cell<Latency>,
    /// Latency of the compressed model.
    pub latency_compressed: Cell<Latency>,
    /// Frames with the same first answer.
    pub agreement: Cell<Agreement>,
}

/// A number, or why there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<T> {
    /// The number.
    Known(T),
    /// The reason.
    Missing(Reason),
}

/// How often both gave the same first answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// Frames or views with the same answer.
    pub same: u32,
    /// All of them.
    pub n: u32,
    /// The fixed set that was counted, or `None` for live frames.
    pub set: Option<FixedSet>,
}

/// Why a number is missing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reason {
    /// The worker starts.
    WorkerStarts,
    /// The worker is gone.
    WorkerLost,
    /// The model is on its way.
    ModelLoads,
    /// No model is chosen.
    NoModel,
    /// The recipe waits or runs.
    RecipeRuns(Option<Stage>),
    /// The recipe failed or was cancelled.
    RecipeStopped,
    /// No source is chosen, or the camera is not there.
    NoFrames,
    /// Frames stand still, and too few were counted before.
    Paused,
    /// Too few frames for a latency.
    WarmingUp {
        /// Frames so far.
        done: u32,
        /// Frames needed.
        of: u32,
    },
    /// Too few frames for an agreement.
    Counting {
        /// Frames so far.
        done: u32,
        /// Frames needed.
        of: u32,
    },
}

impl Default for Numbers {
    fn default() -> Self {
        let missing = Reason::WorkerStarts;
        Self {
            bytes_original: Cell::Missing(missing),
            bytes_compressed: Cell::Missing(missing),
            latency_original: Cell::Missing(missing),
            latency_compressed: Cell::Missing(missing),
            agreement: Cell::Missing(missing),
        }
    }
}

impl Numbers {
    /// The numbers of a state.
    pub fn of(state: &State) -> Self {
        let no_model = no_model(state);
        let no_left = no_model.or_else(|| no_left(state));
        let no_compressed = no_model.or_else(|| no_compressed(state));
        let model = state.model.current.as_ref();
        let left = state.compare.left.facts.as_ref().map(|facts| facts.sizes.shipped);
        let compressed = state.recipe.current();
        Self {
            bytes_original: cell(
                no_left,
                || left.or(model.map(|model| model.shipped_bytes)),
                Reason::NoModel,
            ),
            bytes_compressed: cell(
                no_compressed,
                || compressed.map(|facts| facts.sizes.shipped),
                Reason::NoModel,
            ),
            latency_original: latency(state, no_left, state.live.latency_original.latency()),
            latency_compressed: latency(state, no_compressed, state.live.latency_compressed.latency()),
            agreement: agreement(state, no_left.or(no_compressed)),
        }
    }
}

fn cell<T>(missing: Option<Reason>, value: impl FnOnce() -> Option<T>, otherwise: Reason) -> Cell<T> {
    match missing {
        Some(reason) => Cell::Missing(reason),
        None => value().map_or(Cell::Missing(otherwise), Cell::Known),
    }
}

fn latency(state: &State, missing: Option<Reason>, window: Option<Latency>) -> Cell<Latency> {
    let enough = window.filter(|latency| latency.n >= LATENCY_FRAMES);
    cell(
        missing,
        || enough,
        waiting_for_frames(state, warming_up(state, window.map_or(0, |latency| latency.n))),
    )
}

fn warming_up(state: &State, n: usize) -> Reason {
    let of = WARM_UP_FRAMES + LATENCY_FRAMES as u32;
    Reason::WarmingUp { done: (WARM_UP_FRAMES - state.live.warm_up_left + n as u32).min(of), of }
}

fn agreement(state: &State, missing: Option<Reason>) -> Cell<Agreement> {
    if state.view == super::View::Start
        && let (None, Some(result)) = (missing, &state.fixed.result)
    {
        return Cell::Known(result.agreement);
    }
    let (n, same) = (state.live.comparisons.n(), state.live.comparisons.same());
    let enough = (n >= AGREEMENT_FRAMES).then_some(Agreement { same: same as u32, n: n as u32, set: None });
    let counting = Reason::Counting { done: n as u32, of: AGREEMENT_FRAMES as u32 };
    cell(missing, || enough, waiting_for_frames(state, counting))
}

fn waiting_for_frames(state: &State, otherwise: Reason) -> Reason {
    match &state.source {
        Source::None | Source::Camera(CameraState::Asking | CameraState::Failed(_)) => Reason::NoFrames,
        _ if state.paused => Reason::Paused,
        _ => otherwise,
    }
}

fn no_model(state: &State) -> Option<Reason> {
    match state.worker {
        WorkerState::Starting => Some(Reason::WorkerStarts),
        WorkerState::Lost => Some(Reason::WorkerLost),
        WorkerState::Ready(_) if state.model.current.is_some() => None,
        WorkerState::Ready(_) if state.model.loading.is_some() || state.served.is_none() => {
            Some(Reason::ModelLoads)
        }
        WorkerState::Ready(_) => Some(Reason::NoModel),
    }
}

fn no_left(state: &State) -> Option<Reason> {
    state.compare.left.running.map(|(_, progress)| Reason::RecipeRuns(progress.stage))
}

fn no_compressed(state: &State) -> Option<Reason> {
    let recipe = &state.recipe;
    match &recipe.running {
        _ if recipe.is_current() => None,
        Some(attempt) => Some(Reason::RecipeRuns(attempt.progress.stage)),
        None if recipe.failure.is_some() || recipe.wanted.refusal().is_some() => Some(Reason::RecipeStopped),
        None => Some(Reason::RecipeRuns(None)),
    }
}
