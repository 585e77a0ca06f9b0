//! The transition, without a browser.

use pipeline::NumberFormat;

use super::*;
use crate::app::statistics::{AGREEMENT_FRAMES, WARM_UP_FRAMES, WINDOW_FRAMES};
use crate::bridge::{
    Answer, CalibrationSource, CompressedFacts, Failure, FixedSet, Labels, ModelFacts, Normalization,
    Prediction, Request, Runtime, SideResult, Sizes,
};

/// A state that remembers the effects of the last action.
pub(super) struct Page {
    pub(super) state: State,
    pub(super) effects: Vec<Effect>,
    now: f64,
}

impl Page {
    fn new() -> Self {
        let state = State::new(View::Start, Language::English, Theme::Auto);
        Self { state, effects: Vec::new(), now: 0.0 }
    }

    /// A worker, both served models, pictures; the default model is on its way.
    pub(super) fn loading() -> Self {
        let mut page = Self::new();
        page.act(Action::PicturesListed(vec![picture()]));
        page.act(Action::ServedListed(vec![served("everyday-60"), served("efficientnet-lite0")]));
        page.hear(Answer::Ready { runtime: runtime() });
        page
    }

    /// The default model is loaded and the first recipe runs.
    pub(super) fn loaded() -> Self {
        let mut page = Self::loading();
        let id = page.state.model.loading.as_ref().unwrap().id;
        page.hear(Answer::ModelLoaded { id, model: model(4_000_000) });
        page
    }

    /// Both models are there.
    pub(super) fn ready() -> Self {
        let mut page = Self::loaded();
        page.finish_recipe();
        page
    }

    pub(super) fn act(&mut self, action: Action) -> &mut Self {
        (self.state, self.effects) = reduce(self.state.clone(), action);
        self
    }

    pub(super) fn hear(&mut self, answer: Answer) -> &mut Self {
        self.act(Action::Worker(answer))
    }

    pub(super) fn finish_recipe(&mut self) {
        let Attempt { id, draft, .. } = self.state.recipe.running.clone().unwrap();
        self.hear(Answer::Compressed { id, facts: facts_of(&draft, 1_000_000) });
    }

    pub(super) fn running(&self) -> RequestId {
        self.state.recipe.running.as_ref().unwrap().id
    }

    fn frame(&mut self, original: u32, compressed: Option<u32>) {
        self.frame_of(self.state.pair, original, compressed, false);
    }

    fn frame_of(&mut self, pair: u32, original: u32, compressed: Option<u32>, hidden: bool) {
        self.now += 33.0;
        let side = |class| SideResult {
            top: vec![Prediction { class, probability: 0.5, other: None }],
            millis: 2.0,
            heat: None,
        };
        let answer = FrameAnswer {
            pair,
            now: self.now,
            hidden,
            original: Some(side(original)),
            compressed: compressed.map(side),
        };
        self.act(Action::Frame(answer));
    }

    pub(super) fn frames(&mut self, n: usize, original: u32, compressed: u32) {
        (0..n).for_each(|_| self.frame(original, Some(compressed)));
    }

    pub(super) fn posted(&self) -> Vec<&Request> {
        self.effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Post(request) => Some(request),
                _ => None,
            })
            .collect()
    }
}

fn served(id: &str) -> ServedModel {
    ServedModel { id: id.into(), bytes: 1 }
}

fn picture() -> PictureFacts {
    serde_json::from_str(r#"{"file":"a.png","title":{"en":"a","de":"a"},"licence":"CC0"}"#).unwrap()
}

fn runtime() -> Runtime {
    Runtime {
        simd128: true,
        relaxed_simd_available: true,
        relaxed_simd_used: false,
        isolated: true,
        hardware_threads: 8,
        threads: 1,
        single_thread: None,
    }
}

fn sizes(bytes: u64) -> Sizes {
    Sizes { dense: bytes, gzip: bytes, sparse: bytes, coded: bytes, shipped: bytes }
}

pub(super) fn model(bytes: u64) -> ModelFacts {
    ModelFacts {
        name: "Model".into(),
        origin: "here".into(),
        licence: "MIT".into(),
        file_bytes: bytes,
        input_size: 96,
        n_classes: 60,
        n_parameters: 1,
        n_multiply_adds: 1,
        labels: Labels::Everyday60,
        normalization_assumed: false,
        normalization: Normalization::Recorded,
        shipped_bytes: bytes,
        layers: Vec::new(),
    }
}

fn facts(bytes: u64) -> CompressedFacts {
    facts_of(&Draft::default(), bytes)
}

/// The slider of a plain format.
fn sparsity(percent: u32) -> Action {
    Action::ChangeStep(0, StepChange::Sparsity(percent))
}

pub(super) fn facts_of(draft: &Draft, bytes: u64) -> CompressedFacts {
    let recipe = draft.recipe();
    CompressedFacts {
        entropy_bits: None,
        format: recipe.number_format(),
        recipe,
        sizes: sizes(bytes),
        sparsity: 0.0,
        millis: 400.0,
        n_calibration: 64,
        calibration: CalibrationSource::BuiltIn,
        steps: Vec::new(),
        layers: Vec::new(),
    }
}

#[test]
fn the_default_model_loads_once_worker_and_list_are_there_in_any_order() {
    for worker_first in [true, false] {
        let mut page = Page::new();
        let list = Action::ServedListed(vec![served("everyday-60"), served("efficientnet-lite0")]);
        let ready = Action::Worker(Answer::Ready { runtime: runtime() });
        let (first, second) = if worker_first { (ready, list) } else { (list, ready) };
        page.act(first);
        assert!(page.posted().is_empty());
        page.act(second);
        let wanted = crate::bridge::ModelSource::Served { id: "efficientnet-lite0".into() };
        assert!(matches!(page.posted()[..], [Request::LoadModel { source, .. }] if *source == wanted));
    }
}

#[test]
fn where_the_default_fails_the_small_one_follows_and_then_a_message_stays() {
    let mut page = Page::loading();
    let failure = Failure::Http { name: "efficientnet-lite0".into(), status: 404 };
    let id = page.state.model.loading.as_ref().unwrap().id;
    page.hear(Answer::Failed { id, failure: failure.clone() });
    let loading = page.state.model.loading.clone().unwrap();
    assert_eq!(loading.choice.key(), "everyday-60");
    assert!(matches!(page.state.notice, Some(Notice::Model { former: false, .. })));
    page.hear(Answer::Failed { id: loading.id, failure });
    assert!(page.state.model.loading.is_none() && page.posted().is_empty());
    assert_eq!(page.state.numbers.bytes_original, Cell::Missing(Reason::NoModel));
}

#[test]
fn without_served_models_the_page_says_so() {
    let mut page = Page::new();
    page.hear(Answer::Ready { runtime: runtime() });
    page.act(Action::ServedListed(vec![]));
    assert_eq!(page.state.notice, Some(Notice::NoModels));
}

#[test]
fn pictures_play_at_once_and_only_where_they_are_served() {
    let mut page = Page::new();
    page.act(Action::PicturesListed(vec![]));
    assert_eq!(page.state.source, Source::None);
    page.act(Action::UsePictures);
    assert_eq!((page.state.view, page.effects.len()), (View::Start, 0));
    let mut page = Page::new();
    page.act(Action::PicturesListed(vec![picture()]));
    assert_eq!(page.state.source, Source::Pictures);
    assert_eq!(page.effects, [Effect::PlayPictures]);
    page.act(Action::UsePictures);
    assert_eq!(page.state.view, View::Live);
}

#[test]
fn a_loaded_model_is_compressed_to_int8_without_a_click() {
    let page = Page::loaded();
    let wanted = Draft::preset("int8").unwrap();
    assert!(page.effects.contains(&Effect::FetchNames(Labels::Everyday60)));
    assert!(matches!(page.posted()[..], [Request::Compress { recipe, .. }] if *recipe == wanted.recipe()));
    assert_eq!(page.state.numbers.bytes_original, Cell::Known(4_000_000));
    assert_eq!(page.state.numbers.bytes_compressed, Cell::Missing(Reason::RecipeRuns(None)));
}

#[test]
fn a_change_waits_cancels_what_runs_and_never_shows_older_answers() {
    let mut page = Page::loaded();
    let old = page.running();
    page.act(sparsity(30));
    assert_eq!(page.posted(), [&Request::Cancel { id: old }]);
    let revision = page.state.recipe.revision;
    assert!(page.effects.iter().any(|effect| matches!(effect, Effect::After { millis: 150, .. })));
    page.act(sparsity(31));
    page.act(Action::RecipeDue { revision });
    assert!(page.posted().is_empty(), "a newer change waits");
    page.act(Action::RecipeDue { revision: page.state.recipe.revision });
    assert!(matches!(page.posted()[..], [Request::Compress { .. }]));
    page.hear(Answer::Compressed { id: old, facts: facts(5) });
    assert!(!page.state.recipe.is_current(), "an older answer is not the wanted one");
    assert_eq!(page.state.numbers.bytes_compressed, Cell::Missing(Reason::RecipeRuns(None)));
    page.finish_recipe();
    assert_eq!(page.state.recipe.current().unwrap().sizes.shipped, 1_000_000);
}

#[test]
fn an_old_number_never_poses_as_current() {
    let mut page = Page::ready();
    page.frames(60, 1, 1);
    assert!(matches!(page.state.numbers.latency_compressed, Cell::Known(_)));
    assert!(matches!(page.state.numbers.agreement, Cell::Known(_)));
    page.act(Action::Format(NumberFormat::Float16));
    let numbers = &page.state.numbers;
    assert!(matches!(numbers.bytes_original, Cell::Known(_)));
    assert!(matches!(numbers.bytes_compressed, Cell::Missing(Reason::RecipeRuns(_))));
    assert!(matches!(numbers.latency_compressed, Cell::Missing(_)));
    assert!(matches!(numbers.agreement, Cell::Missing(_)));
    page.act(Action::Format(NumberFormat::Int8));
    assert!(matches!(page.state.numbers.bytes_compressed, Cell::Known(_)), "back to what is finished");
    assert!(page.posted().is_empty());
}

#[test]
fn sparsity_stays_in_its_range() {
    let mut page = Page::ready();
    page.act(sparsity(4_000_000_000));
    assert_eq!(page.state.recipe.wanted.sparsity_percent(), MAX_SPARSITY_PERCENT);
}

#[test]
fn cancelling_by_hand_returns_to_the_finished_recipe_or_says_that_there_is_none() {
    let mut page = Page::loaded();
    page.act(Action::CancelRecipe);
    assert_eq!(page.state.recipe.failure, Some(Failure::Cancelled));
    assert_eq!(page.state.numbers.bytes_compressed, Cell::Missing(Reason::RecipeStopped));
    page.act(Action::RetryRecipe);
    page.finish_recipe();
    page.act(sparsity(80));
    page.act(Action::RecipeDue { revision: page.state.recipe.revision });
    page.act(Action::CancelRecipe);
    assert_eq!(page.state.recipe.wanted, Draft::default());
    assert!(page.state.recipe.is_current());
}

#[test]
fn a_failed_recipe_shows_why_and_a_new_choice_clears_it() {
    let mut page = Page::loaded();
    let id = page.running();
    page.hear(Answer::Failed { id, failure: Failure::NoPictures });
    assert_eq!(page.state.recipe.failure, Some(Failure::NoPictures));
    page.act(Action::Format(NumberFormat::Float16));
    assert_eq!(page.state.recipe.failure, None);
}

#[test]
fn latency_leaves_out_the_warm_up_and_hidden_frames() {
    let mut page = Page::ready();
    page.frames(WARM_UP_FRAMES as usize, 1, 1);
    assert_eq!(page.state.live.latency_original.latency(), None);
    page.frame_of(page.state.pair, 1, Some(1), true);
    assert_eq!(page.state.live.latency_original.latency(), None);
    page.frames(WINDOW_FRAMES + 20, 1, 1);
    assert_eq!(page.state.live.latency_original.latency().unwrap().n, WINDOW_FRAMES);
    assert_eq!(page.state.live.latency_compressed.latency().unwrap().n, WINDOW_FRAMES);
}

#[test]
fn agreement_is_shown_from_thirty_frames_on_with_its_n() {
    let mut page = Page::ready();
    page.act(Action::Show(View::Live));
    page.frames(AGREEMENT_FRAMES - 1, 1, 1);
    page.act(Action::CloseNotice);
    let counting = Reason::Counting { done: AGREEMENT_FRAMES as u32 - 1, of: AGREEMENT_FRAMES as u32 };
    assert_eq!(page.state.numbers.agreement, Cell::Missing(counting));
    page.frames(1, 1, 2);
    page.act(Action::CloseNotice);
    let agreement = Agreement { same: 29, n: 30, set: None };
    assert_eq!(page.state.numbers.agreement, Cell::Known(agreement));
}

#[test]
fn frames_of_another_pair_or_while_paused_are_shown_but_not_counted() {
    let mut page = Page::ready();
    let old = page.state.pair;
    page.act(Action::StartCamera);
    page.frame_of(old, 7, Some(7), false);
    assert_eq!(page.state.live.comparisons.n(), 0);
    assert_eq!(page.state.live.latest.as_ref().unwrap().original.top[0].class, 7);
    page.act(Action::CameraRuns { device: None, towards_user: false });
    page.act(Action::TogglePause);
    assert_eq!(page.state.numbers.agreement, Cell::Missing(Reason::Paused));
    page.frames(3, 1, 1);
    assert_eq!(page.state.live.comparisons.n(), 0);
    page.act(Action::TogglePause);
    page.frames(3, 1, 1);
    assert_eq!(page.state.live.comparisons.n(), 3);
}

#[test]
fn words_change_at_most_twice_a_second_and_are_read_out_at_most_every_two() {
    let mut page = Page::ready();
    let (mut shown, mut spoken) = (0, 0);
    for class in 0..300 {
        let before = (page.state.live.shown.clone(), page.state.live.spoken);
        page.frame(class, Some(class));
        shown += u32::from(before.0 != page.state.live.shown);
        spoken += u32::from(before.1 != page.state.live.spoken);
    }
    let seconds = 300.0 * 0.033;
    assert!(shown > 10 && f64::from(shown) <= 2.0 * seconds + 1.0, "{shown}");
    assert!(spoken > 2 && f64::from(spoken) <= seconds / 2.0 + 1.0, "{spoken}");
}

#[test]
fn the_same_answer_is_read_out_once() {
    let mut page = Page::ready();
    page.frame(1, Some(1));
    let first = page.state.live.spoken;
    page.frames(200, 1, 1);
    assert_eq!(page.state.live.spoken, first);
}

#[test]
fn an_original_without_a_compressed_model_is_shown_and_timed() {
    let mut page = Page::loaded();
    page.frame(1, None);
    assert!(page.state.live.latest.is_some());
    assert_eq!(page.state.live.comparisons.n(), 0);
    page.act(Action::CancelRecipe);
    (0..40).for_each(|_| page.frame(1, None));
    assert!(matches!(page.state.numbers.latency_original, Cell::Known(_)));
}

#[test]
fn a_camera_says_what_is_wrong_and_tries_again() {
    let mut page = Page::ready();
    page.act(Action::StartCamera);
    assert_eq!(
        (page.state.view, page.state.source.clone()),
        (View::Live, Source::Camera(CameraState::Asking))
    );
    page.act(Action::CameraFailed(CameraTrouble::Denied));
    assert_eq!(page.state.source, Source::Camera(CameraState::Failed(CameraTrouble::Denied)));
    assert_eq!(page.state.numbers.agreement, Cell::Missing(Reason::NoFrames));
    page.act(Action::StartCamera);
    page.act(Action::CameraRuns { device: Some("one".into()), towards_user: true });
    assert!(page.state.source.gives_frames() && page.state.mirrored());
    page.act(Action::CameraEnded);
    assert!(matches!(page.state.source, Source::Camera(CameraState::Unplugged { .. })));
}

#[test]
fn a_camera_plugged_in_later_starts_by_itself() {
    let mut page = Page::ready();
    page.act(Action::StartCamera).act(Action::CameraFailed(CameraTrouble::NotFound));
    page.act(Action::CamerasListed(vec![]));
    assert!(page.effects.is_empty());
    page.act(Action::CamerasListed(vec![("one".into(), "Camera".into())]));
    assert!(page.effects.contains(&Effect::OpenCamera { device: None }));
    page.act(Action::CameraFailed(CameraTrouble::Denied));
    page.act(Action::CamerasListed(vec![("a".into(), "".into()), ("b".into(), "".into())]));
    assert!(page.effects.is_empty(), "a blocked camera does not ask again");
}

#[test]
fn a_camera_that_answers_after_another_choice_is_ignored() {
    let mut page = Page::ready();
    page.act(Action::StartCamera).act(Action::UsePictures);
    page.act(Action::CameraRuns { device: None, towards_user: true });
    page.act(Action::CameraFailed(CameraTrouble::InUse));
    assert_eq!(page.state.source, Source::Pictures);
}

#[test]
fn mirroring_follows_the_source_until_the_visitor_chooses() {
    let mut page = Page::ready();
    assert!(!page.state.mirrored());
    page.act(Action::ToggleMirror);
    assert!(page.state.mirrored());
    page.act(Action::StartCamera).act(Action::CameraRuns { device: None, towards_user: false });
    assert!(page.state.mirrored());
    page.act(Action::ToggleMirror);
    assert!(!page.state.mirrored());
}

#[test]
fn a_refused_file_keeps_the_former_model() {
    let mut page = Page::ready();
    page.act(Action::OwnModelRead { name: "a.onnx".into() });
    let id = page.state.model.loading.as_ref().unwrap().id;
    let failure = Failure::CutOff { name: "a.onnx".into(), expected: Some(9), actual: 5 };
    page.hear(Answer::Failed { id, failure });
    assert!(matches!(page.state.notice, Some(Notice::Model { former: true, .. })));
    assert_eq!(page.state.numbers.bytes_original, Cell::Known(4_000_000));
    assert_eq!(page.state.model.shown_choice().unwrap().key(), "efficientnet-lite0");
    assert!(page.state.recipe.is_current());
}

#[test]
fn a_cancelled_download_leaves_no_message() {
    let mut page = Page::ready();
    page.act(Action::ChooseModel("everyday-60".into()));
    let id = page.state.model.loading.as_ref().unwrap().id;
    page.hear(Answer::Progress { id, stage: Stage::Download, done: 5, total: Some(10) });
    assert_eq!(page.state.model.loading.as_ref().unwrap().progress.share(), Some(0.5));
    page.act(Action::CancelLoading);
    assert_eq!(page.posted(), [&Request::Cancel { id }]);
    page.hear(Answer::Failed { id, failure: Failure::Cancelled });
    assert_eq!(page.state.notice, None);
    assert_eq!(page.state.numbers.bytes_original, Cell::Known(4_000_000));
}

#[test]
fn unknown_models_are_not_asked_for() {
    let mut page = Page::ready();
    page.act(Action::ChooseModel("own".into()));
    page.act(Action::ChooseModel(String::new()));
    assert!(page.posted().is_empty());
    page.act(Action::ChooseModel("efficientnet-lite0".into()));
    assert!(page.posted().is_empty(), "it is loaded already");
}

#[test]
fn another_model_starts_all_numbers_anew() {
    let mut page = Page::ready();
    page.frames(60, 1, 1);
    page.act(Action::ChooseModel("everyday-60".into()));
    let id = page.state.model.loading.as_ref().unwrap().id;
    page.hear(Answer::ModelLoaded { id, model: model(2_000_000) });
    assert_eq!(page.state.live.shown, None);
    assert_eq!(page.state.live.warm_up_left, WARM_UP_FRAMES);
    assert!(matches!(page.posted()[..], [Request::Compress { .. }]));
}

#[test]
fn the_fixed_set_needs_a_finished_recipe_and_dies_with_it() {
    let mut page = Page::loaded();
    page.act(Action::RunFixed(FixedSet::BuiltIn));
    assert!(page.posted().is_empty());
    page.finish_recipe();
    page.act(Action::RunFixed(FixedSet::BuiltIn));
    let id = page.state.fixed.running.unwrap().id;
    page.hear(Answer::Progress { id, stage: Stage::FixedSet, done: 60, total: Some(120) });
    page.hear(Answer::FixedSetResult { id, set: FixedSet::BuiltIn, n: 120, same: 114, flips: Vec::new() });
    let agreement = Agreement { same: 114, n: 120, set: Some(FixedSet::BuiltIn) };
    assert_eq!(page.state.fixed.result.unwrap().agreement, agreement);
    assert_eq!(page.state.numbers.agreement, Cell::Known(agreement), "on Start the dock shows it");
    page.act(Action::Format(NumberFormat::Float32));
    assert!(matches!(page.state.numbers.agreement, Cell::Missing(_)));
    page.act(Action::RecipeDue { revision: page.state.recipe.revision });
    page.finish_recipe();
    assert_eq!(page.state.fixed.result, None);
}

#[test]
fn own_pictures_are_played_sent_and_counted() {
    let mut page = Page::ready();
    page.act(Action::OwnPicturesRead { n: 12 });
    assert_eq!(page.state.source, Source::OwnPictures { n: 12 });
    let id = match page.posted()[..] {
        [Request::SetOwnPictures { id }] => *id,
        ref other => panic!("{other:?}"),
    };
    page.hear(Answer::OwnPicturesSet { id, n: 12 });
    assert_eq!(page.state.n_own_pictures, 12);
}

#[test]
fn a_lost_worker_leaves_a_page_that_can_restart_it() {
    let mut page = Page::ready();
    page.frames(60, 1, 1);
    page.act(Action::WorkerDied);
    assert_eq!(page.state.notice, Some(Notice::WorkerLost));
    assert_eq!(page.state.numbers.bytes_original, Cell::Missing(Reason::WorkerLost));
    page.act(Action::Format(NumberFormat::Float16))
        .act(Action::RetryRecipe)
        .act(Action::RunFixed(FixedSet::BuiltIn));
    assert!(page.posted().is_empty(), "nobody listens");
    page.act(Action::RestartWorker);
    assert_eq!(page.effects, [Effect::StartWorker]);
    page.hear(Answer::Ready { runtime: runtime() });
    assert!(matches!(page.posted()[..], [Request::LoadModel { .. }]));
}

#[test]
fn a_slow_worker_is_reported_and_the_report_goes_when_it_is_there() {
    let mut page = Page::new();
    page.act(Action::WorkerLate);
    assert_eq!(page.state.notice, Some(Notice::WorkerSlow));
    page.hear(Answer::Ready { runtime: runtime() });
    assert_eq!(page.state.notice, None);
    page.act(Action::WorkerLate);
    assert_eq!(page.state.notice, None);
}

#[test]
fn ids_of_requests_and_of_frames_never_meet() {
    let mut page = Page::new();
    page.state.next_request = FRAME_ID_BIT - 1;
    for _ in 0..3 {
        assert_eq!(page.state.request_id().0 & FRAME_ID_BIT, 0);
    }
}

#[test]
fn views_and_themes_have_names() {
    for view in View::TABS.into_iter().chain([View::Start]) {
        assert_eq!(View::from_fragment(&format!("#{}", view.name())), Some(view));
    }
    let named = [("", View::Start), ("#layers=7", View::Layers), ("#course/3", View::Course)];
    assert!(named.into_iter().all(|(fragment, view)| View::from_fragment(fragment) == Some(view)));
    assert_eq!(View::from_fragment("#main"), None);
    for theme in [Theme::Auto, Theme::Light, Theme::Dark] {
        assert_eq!(Theme::from_name(theme.name()), theme);
        assert_eq!(theme.next().next().next(), theme);
    }
    assert_eq!(Theme::from_name("plaid"), Theme::Auto);
}

#[test]
fn changing_the_view_changes_nothing_else() {
    let mut page = Page::ready();
    page.frames(60, 1, 1);
    let before = page.state.clone();
    page.act(Action::Show(View::Live));
    assert_eq!(page.effects, [Effect::PutView(View::Live)]);
    // What was measured meanwhile is written down at any action.
    let State { numbers, course, experiments, .. } = before.clone();
    assert_eq!(State { view: View::Start, numbers, course, experiments, ..page.state.clone() }, before);
}

#[test]
fn a_recipe_that_was_done_before_its_cancellation_is_not_taken_for_the_wanted_one() {
    let mut page = Page::ready();
    page.act(sparsity(10));
    let revision = page.state.recipe.revision;
    page.act(Action::RecipeDue { revision });
    let Attempt { id, draft, .. } = page.state.recipe.running.clone().unwrap();
    page.act(sparsity(0));
    assert!(page.state.recipe.running.is_none() && page.state.recipe.is_current());
    page.hear(Answer::Compressed { id, facts: facts_of(&draft, 900_000) });
    assert!(!page.state.recipe.is_current(), "the worker runs the pruned model");
    let again = page.state.recipe.running.clone().expect("the wanted recipe runs again");
    assert_eq!(again.draft, Draft::default());
    page.finish_recipe();
    assert!(page.state.recipe.is_current());
}

#[test]
fn a_model_that_was_there_before_its_cancellation_is_shown() {
    let mut page = Page::ready();
    page.act(Action::ChooseModel("everyday-60".to_owned()));
    let id = page.state.model.loading.as_ref().unwrap().id;
    page.act(Action::CancelLoading);
    assert!(page.state.model.loading.is_none());
    page.hear(Answer::ModelLoaded { id, model: model(2_000_000) });
    assert_eq!(page.state.model.choice, Some(ModelChoice::Served("everyday-60".to_owned())));
    assert_eq!(page.state.model.current.as_ref().unwrap().shipped_bytes, 2_000_000);
    assert!(page.state.recipe.running.is_some(), "and it is compressed");
}

#[test]
fn a_model_chosen_before_the_worker_is_there_loads_when_it_is() {
    let mut page = Page::new();
    page.act(Action::ServedListed(vec![served("everyday-60"), served("efficientnet-lite0")]));
    page.act(Action::ChooseModel("everyday-60".to_owned()));
    assert!(page.state.model.loading.is_none());
    page.hear(Answer::Ready { runtime: runtime() });
    let loading = page.state.model.loading.as_ref().expect("it loads");
    assert_eq!(loading.choice, ModelChoice::Served("everyday-60".to_owned()));
    assert!(page.state.model.queued.is_none());
}

#[test]
fn a_cancelled_first_model_makes_room_for_the_next_one() {
    let mut page = Page::loading();
    let id = page.state.model.loading.as_ref().unwrap().id;
    page.act(Action::CancelLoading);
    page.hear(Answer::Failed { id, failure: Failure::Cancelled });
    let loading = page.state.model.loading.as_ref().expect("the small one loads");
    assert_eq!(loading.choice, ModelChoice::Served("everyday-60".to_owned()));
}
