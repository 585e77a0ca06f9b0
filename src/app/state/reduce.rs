//! The transition: a state and an action give a state and effects.

use std::rc::Rc;

use pipeline::Recipe;

use super::fixed::{cancel_fixed, run_fixed};
use super::model::{cancel_loading, choose_model, load_chosen, load_default};
use super::recipe::{cancel_recipe_by_hand, compress, run_recipe, want};
use super::source::{list_cameras, open_camera, other_source, play};
use super::{
    Action, CameraState, Draft, Effect, Loading, ModelChoice, Notice, Numbers, OfflineEffect, Progress,
    Source, State, Support, View, WorkerState, compare, course_steps, experiments, layers, link, offline,
    room, scans, teacher, worker,
};
use crate::bridge::Request;

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
        Action::WorkerDied => worker::lose_worker(state),
        Action::RestartWorker => {
            worker::lose_worker(state);
            state.worker = WorkerState::Starting;
            state.notice = None;
            state.tried_models.clear();
            effects.push(Effect::StartWorker);
        }
        Action::Worker(answer) => worker::hear(state, answer, effects),
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

/// Either side is another model: what was counted and looked into belongs to the former pair.
pub(super) fn other_models(state: &mut State) {
    layers::other_models(&mut state.layers);
    state.pair = state.pair.wrapping_add(1);
    state.live.other_models();
}
