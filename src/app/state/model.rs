//! The original: which model is loaded, which one is on its way, and how one is loaded.

use std::rc::Rc;

use super::fixed::cancel_fixed;
use super::recipe::compress;
use super::reduce::other_models;
use super::{Effect, FixedState, LeftSide, Notice, Progress, State};
use crate::app::lists::{Naming, labels_path};
use crate::bridge::{ModelFacts, ModelSource, Request, RequestId};

/// The served model that opens first, where it is there.
pub(super) const DEFAULT_MODEL: &str = "efficientnet-lite0";

/// The served model that opens first otherwise.
const SMALL_MODEL: &str = "everyday-60";

/// The original, and what may become it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelState {
    /// The loaded model.
    pub current: Option<Rc<ModelFacts>>,
    /// Where the loaded model comes from.
    pub choice: Option<ModelChoice>,
    /// The model on its way.
    pub loading: Option<Loading>,
    /// The model that was chosen before the worker was there.
    pub queued: Option<ModelChoice>,
    /// The model that was on its way when it was cancelled. The worker may have been done by then.
    pub abandoned: Option<Loading>,
}

/// A model on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Loading {
    /// The request.
    pub id: RequestId,
    /// Which model.
    pub choice: ModelChoice,
    /// How far.
    pub progress: Progress,
}

/// Where a model comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelChoice {
    /// The served folder, by id.
    Served(String),
    /// The catalogue, by id.
    Catalog(String),
    /// The visitor's own file, by name.
    Own(String),
}

/// The key of an own file in the list of models; no id may be this.
pub const OWN_MODEL_KEY: &str = "own";

impl ModelChoice {
    /// Its key in the list of models.
    pub fn key(&self) -> &str {
        match self {
            Self::Served(id) | Self::Catalog(id) => id,
            Self::Own(_) => OWN_MODEL_KEY,
        }
    }

    /// As the worker is asked for it.
    pub fn source(&self) -> ModelSource {
        match self.clone() {
            Self::Served(id) => ModelSource::Served { id },
            Self::Catalog(id) => ModelSource::Catalog { id },
            Self::Own(name) => ModelSource::File { name },
        }
    }
}

impl ModelState {
    /// What the list of models shows as chosen: the model on its way, else the loaded one.
    pub fn shown_choice(&self) -> Option<&ModelChoice> {
        self.queued.as_ref().or(self.loading.as_ref().map(|loading| &loading.choice)).or(self.choice.as_ref())
    }
}

/// Loads the first served model that has not been tried, when nothing is loaded or on its way.
pub(super) fn load_default(state: &mut State, effects: &mut Vec<Effect>) {
    if !state.worker_ready() || state.model.current.is_some() || state.model.loading.is_some() {
        return;
    }
    let Some(served) = &state.served else { return };
    let wanted = [DEFAULT_MODEL, SMALL_MODEL].into_iter();
    let others = served.iter().map(|model| model.id.as_str());
    let next = wanted.chain(others).find(|id| {
        served.iter().any(|model| model.id == *id) && !state.tried_models.iter().any(|tried| tried == id)
    });
    match next.map(str::to_owned) {
        Some(id) => load(state, ModelChoice::Served(id), effects),
        None if state.notice.is_none() => state.notice = Some(Notice::NoModels),
        None => {}
    }
}

pub(super) fn choose_model(state: &mut State, key: &str, effects: &mut Vec<Effect>) {
    let served = state.served.iter().flatten().any(|model| model.id == key);
    let choice = if served {
        ModelChoice::Served(key.to_owned())
    } else if state.catalog.iter().any(|entry| entry.id == key) {
        ModelChoice::Catalog(key.to_owned())
    } else {
        return;
    };
    if state.model.loading.is_none()
        && state.model.current.is_some()
        && state.model.choice.as_ref() == Some(&choice)
    {
        return;
    }
    load_chosen(state, choice, effects);
}

/// Loads what the visitor chose; a message about an earlier model is done with.
pub(super) fn load_chosen(state: &mut State, choice: ModelChoice, effects: &mut Vec<Effect>) {
    if matches!(state.notice, Some(Notice::Model { .. } | Notice::NoModels)) {
        state.notice = None;
    }
    load(state, choice, effects);
}

pub(super) fn load(state: &mut State, choice: ModelChoice, effects: &mut Vec<Effect>) {
    if !state.worker_ready() {
        state.model.queued = Some(choice);
        return;
    }
    cancel_loading(state, effects);
    if let ModelChoice::Served(id) = &choice {
        state.tried_models.push(id.clone());
    }
    let (id, source) = (state.request_id(), choice.source());
    state.model.loading = Some(Loading { id, choice, progress: Progress::default() });
    effects.push(Effect::Post(Request::LoadModel { id, source }));
}

pub(super) fn cancel_loading(state: &mut State, effects: &mut Vec<Effect>) {
    if let Some(loading) = state.model.loading.take() {
        effects.push(Effect::Post(Request::Cancel { id: loading.id }));
        state.model.abandoned = Some(loading);
    }
}

pub(super) fn model_loaded(state: &mut State, id: RequestId, model: ModelFacts, effects: &mut Vec<Effect>) {
    let arrived = |loading: &mut Loading| loading.id == id;
    let loading = state.model.loading.take_if(arrived).or_else(|| state.model.abandoned.take_if(arrived));
    // A model whose cancellation came too late is the worker's model all the same.
    let Some(loading) = loading else { return };
    if state.naming.labels != Some(model.labels) {
        state.naming = Naming { labels: Some(model.labels), names: None };
        if labels_path(model.labels).is_some() {
            effects.push(Effect::FetchNames(model.labels));
        }
    }
    let other = state.model.choice.as_ref() != Some(&loading.choice);
    state.model.choice = Some(loading.choice);
    state.course.layers = Rc::new(
        (model.layers.iter())
            .filter_map(|layer| Some((super::kind_of_layer(layer)?, layer.node.clone())))
            .collect(),
    );
    state.model.current = Some(Rc::new(model));
    if let Some(attempt) = state.recipe.running.take() {
        effects.push(Effect::Post(Request::Cancel { id: attempt.id }));
    }
    state.recipe.finished = None;
    state.recipe.failure = None;
    // The new model is its own original.
    state.compare.left = LeftSide::default();
    // What was measured belongs to the former model; what waits is measured on this one.
    state.course.measured.clear();
    cancel_fixed(state, effects);
    state.fixed = FixedState::default();
    other_models(state);
    if other {
        // Class numbers of another model mean something else.
        state.live.latest = None;
        state.live.shown = None;
        state.live.spoken = None;
    }
    compress(state, effects);
}
