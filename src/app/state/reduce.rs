//! The transition: a state and an action give a state and effects.

use std::rc::Rc;

use pipeline::Recipe;

use super::{
    Action, Agreement, Attempt, CameraState, CameraTrouble, Draft, Effect, FixedResult, FixedRun, FixedState,
    LayersState, LeftSide, Live, Loading, ModelChoice, Notice, Numbers, OfflineEffect, Profile, Progress,
    Source, State, Support, View, WorkerState, compare, course_steps, experiments, layers, link, offline,
    room, scans, teacher,
};
use crate::app::lists::{Naming, labels_path};
use crate::bridge::{Answer, CompressedFacts, Failure, FixedSet, ModelFacts, Request, RequestId};

/// A change of the recipe waits this long for the next one, milliseconds.
pub const SETTLE_MILLIS: u32 = 150;

/// The served model that opens first, where it is there.
pub(super) const DEFAULT_MODEL: &str = "efficientnet-lite0";

/// The served model that opens first otherwise.
const SMALL_MODEL: &str = "everyday-60";

/// The state after `action`, and what has to be done in the browser.
pub fn reduce(mut state: State, action: Action) -> (State, Vec<Effect>) {
    let mut effects = Vec::new();
    let numbers_due = match action {
        Action::Frame(answer) => {
            let counted = answer.pair == state.pair
                && !state.paused
                && state.recipe.running.is_none()
                && state.compare.left.running.is_none();
            let due = state.live.take(answer, counted);
            if due {
                scans::show_maps(&mut state, &mut effects);
            }
            due
        }
        other => {
            step(&mut state, other, &mut effects);
            layers::follow(&mut state, &mut effects);
            offline::follow(&mut state, &mut effects);
            link::follow(&mut state, &mut effects);
            true
        }
    };
    if numbers_due {
        state.numbers = Numbers::of(&state);
        experiments::follow(&mut state, &mut effects);
        course_steps::follow(&mut state, &mut effects);
    }
    (state, effects)
}

fn step(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    if link::refuses(state, &action) {
        return;
    }
    match action {
        Action::Frame(_) => {}
        Action::Show(view) => {
            show(state, view, effects);
            course_steps::fetch(state, effects);
        }
        Action::ShowStep(_)
        | Action::TurnSteps(_)
        | Action::CourseArrived(..)
        | Action::ChooseOption { .. }
        | Action::Guess { .. }
        | Action::Slide(..)
        | Action::RunRecipes(_)
        | Action::CancelRuns => course_steps::step(state, action, effects),
        Action::Speak(language) => {
            state.language = language;
            effects.push(Effect::Remember);
            course_steps::fetch(state, effects);
        }
        Action::NextTheme => {
            state.theme = state.theme.next();
            effects.push(Effect::Remember);
        }
        Action::WorkerLate => {
            if state.worker == WorkerState::Starting {
                state.notice = Some(Notice::WorkerSlow);
            }
        }
        Action::WorkerDied => lose_worker(state),
        Action::RestartWorker => {
            lose_worker(state);
            state.worker = WorkerState::Starting;
            state.notice = None;
            state.tried_models.clear();
            effects.push(Effect::StartWorker);
        }
        Action::Worker(answer) => hear(state, answer, effects),
        Action::FrameOverdue => {
            if state.worker_ready() && state.notice.is_none() {
                state.notice = Some(Notice::WorkerSilent);
            }
        }
        Action::ServedListed(served) => {
            state.served = Some(served);
            link::choose_model(state, effects);
            load_default(state, effects);
        }
        Action::CatalogListed(catalog) => state.catalog = catalog,
        Action::PicturesListed(pictures) => {
            state.pictures = Some(pictures);
            if state.source == Source::None && state.has_pictures() {
                play(state, Source::Pictures, Effect::PlayPictures, effects);
            }
        }
        Action::NamesArrived(labels, names) => {
            if state.naming.labels == Some(labels) {
                state.naming.names = Some(names);
            }
        }
        Action::Models(open) => {
            state.models_open = open;
            if open && state.offline.support == Support::Ready {
                effects.push(Effect::Offline(OfflineEffect::List));
            }
        }
        Action::ChooseModel(key) => choose_model(state, &key, effects),
        Action::OwnModelRead { name } => load_chosen(state, ModelChoice::Own(name), effects),
        Action::Normalize(normalization) => {
            if let Some(choice) = state.model.choice.clone().filter(|_| state.model.current.is_some()) {
                cancel_loading(state, effects);
                let id = state.request_id();
                state.model.loading = Some(Loading { id, choice, progress: Progress::default() });
                effects.push(Effect::Post(Request::SetNormalization { id, normalization }));
            }
        }
        Action::CancelLoading => cancel_loading(state, effects),
        Action::Preset(name) => {
            if let Some(draft) = Draft::preset(name) {
                want(state, draft, effects);
            }
        }
        Action::Format(format) => want(state, state.recipe.wanted.with_format(format), effects),
        Action::ChangeStep(position, change) => {
            want(state, state.recipe.wanted.clone().with_change(position, change), effects);
        }
        Action::AddStep(pass) => want(state, state.recipe.wanted.clone().with_pass(pass), effects),
        Action::MoveStep(from, to) => want(state, state.recipe.wanted.clone().with_move(from, to), effects),
        Action::RemoveStep(position) => want(state, state.recipe.wanted.clone().without(position), effects),
        Action::UndoRecipe => {
            if let Some(former) = state.recipe.before.pop() {
                want(state, former, effects);
                // What was undone is gone, not remembered.
                state.recipe.before.pop();
                state.recipe.settling = false;
            }
        }
        Action::Ship(storage) => want(state, state.recipe.wanted.clone().with_storage(storage), effects),
        Action::RecipeRead { name, json } => match Recipe::from_json(&json) {
            Ok(recipe) => {
                state.notice.take_if(|notice| matches!(notice, Notice::NoRecipe { .. }));
                want(state, Draft::of(&recipe), effects);
            }
            Err(error) => state.notice = Some(Notice::NoRecipe { name, error: Rc::new(error) }),
        },
        Action::SaveRecipe => {
            let wanted = &state.recipe.wanted;
            let name = format!("tinylens-{}.json", wanted.unedited().unwrap_or("recipe"));
            // A recipe is always JSON: it holds names, numbers and lists of them.
            let text = serde_json::to_string_pretty(&wanted.recipe()).unwrap_or_default();
            effects.push(Effect::Save { name, text });
        }
        Action::KeepRecipe(name) => {
            if let Some(recipe) = state.course.recipe(name) {
                let name = format!("tinylens-{}.json", name.name().replace('/', "-"));
                // A recipe is always JSON: it holds names, numbers and lists of them.
                let text = serde_json::to_string_pretty(&recipe).unwrap_or_default();
                effects.push(Effect::Save { name, text });
            }
        }
        Action::KeepText(name, text) => effects.push(Effect::Save { name, text }),
        Action::RecipeDue { revision } => {
            if revision == state.recipe.revision {
                state.recipe.settling = false;
                compress(state, effects);
            }
        }
        Action::RetryRecipe => {
            state.recipe.failure = None;
            run_recipe(state, effects);
        }
        Action::CancelRecipe => cancel_recipe_by_hand(state, effects),
        Action::Compare(action) => compare::act(state, action, effects),
        Action::Experiments(action) => experiments::act(state, action, effects),
        Action::Layers(action) => layers::act(state, action, effects),
        Action::Offline(action) => offline::act(state, action, effects),
        Action::Link(action) => link::act(state, action, effects),
        Action::Room(action) => room::act(state, action, effects),
        Action::Teacher(action) => teacher::act(state, action, effects),
        Action::RunFixed(set) => run_fixed(state, set, effects),
        Action::CancelFixed => cancel_fixed(state, effects),
        Action::StartCamera => open_camera(state, effects),
        Action::ChooseCamera(device) => {
            state.camera.device = Some(device);
            open_camera(state, effects);
        }
        Action::CameraRuns { device, towards_user } => {
            // The visitor may have chosen something else while the browser asked.
            if matches!(state.source, Source::Camera(_)) {
                state.camera.device = device.or_else(|| state.camera.device.take());
                state.source = Source::Camera(CameraState::Running { towards_user });
                other_source(state);
            }
        }
        Action::CameraFailed(trouble) => {
            if matches!(state.source, Source::Camera(_)) {
                state.source = Source::Camera(CameraState::Failed(trouble));
            }
        }
        Action::CameraEnded => {
            if let Source::Camera(CameraState::Running { towards_user }) = state.source {
                state.source = Source::Camera(CameraState::Unplugged { towards_user });
            }
        }
        Action::CamerasListed(devices) => list_cameras(state, devices, effects),
        Action::UsePictures => {
            if state.has_pictures() {
                play(state, Source::Pictures, Effect::PlayPictures, effects);
                show(state, View::Live, effects);
            }
        }
        Action::OwnPicturesRead { n } => {
            play(state, Source::OwnPictures { n }, Effect::PlayOwnPictures, effects);
            show(state, View::Live, effects);
            let id = state.request_id();
            effects.push(Effect::Post(Request::SetOwnPictures { id }));
        }
        Action::OwnVideoPlays { name } => {
            state.source = Source::OwnVideo { name };
            state.paused = false;
            other_source(state);
            show(state, View::Live, effects);
        }
        Action::FileUnknown { name } => state.notice = Some(Notice::FileUnknown { name }),
        Action::FileUnreadable { name } => state.notice = Some(Notice::FileUnreadable { name }),
        Action::TogglePause => state.paused = !state.paused,
        Action::ToggleMirror => state.mirror = Some(!state.mirrored()),
        Action::Dragging(dragging) => state.dragging = dragging,
        Action::CloseNotice => state.notice = None,
    }
}

pub(super) fn show(state: &mut State, view: View, effects: &mut Vec<Effect>) {
    if state.view != view {
        state.view = view;
        effects.push(Effect::PutView(view));
    }
}

// ---- worker ----

fn lose_worker(state: &mut State) {
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

fn hear(state: &mut State, answer: Answer, effects: &mut Vec<Effect>) {
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

// ---- model ----

/// Loads the first served model that has not been tried, when nothing is loaded or on its way.
fn load_default(state: &mut State, effects: &mut Vec<Effect>) {
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
fn load_chosen(state: &mut State, choice: ModelChoice, effects: &mut Vec<Effect>) {
    if matches!(state.notice, Some(Notice::Model { .. } | Notice::NoModels)) {
        state.notice = None;
    }
    load(state, choice, effects);
}

fn load(state: &mut State, choice: ModelChoice, effects: &mut Vec<Effect>) {
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

fn cancel_loading(state: &mut State, effects: &mut Vec<Effect>) {
    if let Some(loading) = state.model.loading.take() {
        effects.push(Effect::Post(Request::Cancel { id: loading.id }));
        state.model.abandoned = Some(loading);
    }
}

fn model_loaded(state: &mut State, id: RequestId, model: ModelFacts, effects: &mut Vec<Effect>) {
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

// ---- recipe ----

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

fn compress(state: &mut State, effects: &mut Vec<Effect>) {
    cancel_recipe(state, effects);
    if !state.recipe.is_current() {
        run_recipe(state, effects);
    }
}

/// Runs the wanted recipe, also where it has run already: calibration frames may be others now.
fn run_recipe(state: &mut State, effects: &mut Vec<Effect>) {
    cancel_recipe(state, effects);
    let recipe = &state.recipe;
    if recipe.wanted.refusal().is_some() || state.model.current.is_none() || !state.worker_ready() {
        return;
    }
    let (id, draft) = (state.request_id(), state.recipe.wanted.clone());
    effects.push(Effect::Post(Request::Compress { id, recipe: draft.recipe() }));
    state.recipe.running = Some(Attempt { id, draft, progress: Progress::default() });
}

fn cancel_recipe(state: &mut State, effects: &mut Vec<Effect>) {
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

fn compressed(state: &mut State, id: RequestId, facts: CompressedFacts, effects: &mut Vec<Effect>) {
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

// ---- source ----

pub(super) fn open_camera(state: &mut State, effects: &mut Vec<Effect>) {
    state.source = Source::Camera(CameraState::Asking);
    state.paused = false;
    other_source(state);
    show(state, View::Live, effects);
    effects.push(Effect::OpenCamera { device: state.camera.device.clone() });
}

fn list_cameras(state: &mut State, devices: Vec<(String, String)>, effects: &mut Vec<Effect>) {
    let plugged_in = devices.len() > state.camera.devices.len();
    state.camera.devices = devices;
    let waits = matches!(
        state.source,
        Source::Camera(CameraState::Failed(CameraTrouble::NotFound) | CameraState::Unplugged { .. })
    );
    if waits && plugged_in {
        state.camera.device = None;
        open_camera(state, effects);
    }
}

fn play(state: &mut State, source: Source, effect: Effect, effects: &mut Vec<Effect>) {
    state.source = source;
    state.paused = false;
    other_source(state);
    effects.push(effect);
}

fn other_source(state: &mut State) {
    state.pair = state.pair.wrapping_add(1);
    state.live.other_source();
}

pub(super) fn other_models(state: &mut State) {
    layers::other_models(&mut state.layers);
    state.pair = state.pair.wrapping_add(1);
    state.live.other_models();
}
