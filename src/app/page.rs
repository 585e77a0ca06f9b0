//! The root: holds the state, sends every action through the transition and has its effects carried out (`effects.rs`).

mod effects;
mod fetch;
mod files;
mod listeners;

use std::rc::Rc;

use js_sys::ArrayBuffer;
use web_sys::{Event, File, HtmlInputElement, ImageBitmap};
use yew::prelude::*;

use super::browser::{self, Listener};
use super::camera::CameraSession;
use super::components::{
    Classroom, Course, Dock, DropZone, ExperimentsView, Head, KeyMap, Layers, Live, ModelDialog, Notices,
    Projector, ShareDialog, SpokenAnswers, Start, Storage,
};
use super::frames::{Feed, FrameLoop, Video};
use super::offline::OfflineClient;
use super::pictures::FileVideo;
use super::scan::Scanner;
use super::state::{
    self, Action, CameraTrouble, Cell, Experiments, ExperimentsAction, FrameAnswer, RoomAction, Source,
    State, Theme, View,
};
use super::tools::{SharedWords, Tools};
use super::words::{Language, Words};
use super::worker_client::WorkerClient;
use crate::bridge::Answer;
use fetch::{fetch_experiments, fetch_lists, list_cameras};
use files::{files_of, take_files};
use listeners::{follow_fragment, listeners};

const LANGUAGE_KEY: &str = "tinylens-language";
const THEME_KEY: &str = "tinylens-theme";
const COURSE_KEY: &str = "tinylens-course";
const ROOM_KEY: &str = "tinylens-class";
const EXPERIMENTS_KEY: &str = "tinylens-experiments";

/// What the files inputs offer.
const ACCEPT_ANY: &str = "image/*,video/*,.onnx,.safetensors,.json";
const ACCEPT_MODEL: &str = ".onnx,.safetensors";

/// The root component.
pub struct Page {
    state: State,
    words: SharedWords,
    tools: Tools,
    frames: Option<FrameLoop>,
    client: Option<Rc<WorkerClient>>,
    offline: OfflineClient,
    scanner: Option<Scanner>,
    /// The address without a fragment.
    base: AttrValue,
    camera: Option<CameraSession>,
    /// Rises with every source, so that a camera that was asked for earlier is let go when it arrives late.
    source_turn: u32,
    built_in: Vec<ImageBitmap>,
    own: Rc<Vec<ImageBitmap>>,
    own_video: Option<FileVideo>,
    own_bytes: Option<ArrayBuffer>,
    own_copies: Vec<ImageBitmap>,
    /// What an earlier visit has kept has arrived; before, nothing is kept in its place.
    knows_kept: bool,
    feeds: NodeRef,
    any_input: NodeRef,
    model_input: NodeRef,
    _listeners: Vec<Listener>,
}

/// What reaches the root.
pub enum Message {
    /// Through the transition.
    Act(Action),
    /// What an earlier visit has kept, if anything.
    Kept(Option<Experiments>),
    /// The worker answered.
    Answer(Answer),
    /// Files were chosen or dropped.
    Files(Vec<File>),
    /// A built-in picture was decoded.
    Picture(ImageBitmap),
    /// The visitor's pictures were decoded: to show and to send.
    OwnPictures(Vec<ImageBitmap>, Vec<ImageBitmap>),
    /// The visitor's model was read.
    OwnModel(String, ArrayBuffer),
    /// The visitor's video plays.
    OwnVideo(String, FileVideo),
    /// The camera answered the request of this turn.
    Camera(u32, Result<CameraSession, CameraTrouble>),
    /// Devices may have come or gone.
    DevicesChanged,
    /// Opens a file dialog.
    Open(Door),
}

/// The two file dialogs.
#[derive(Clone, Copy)]
pub enum Door {
    /// Pictures, videos, models.
    Any,
    /// Models.
    Model,
}

impl Component for Page {
    type Message = Message;
    type Properties = ();

    fn create(context: &Context<Self>) -> Self {
        let link = context.link();
        let language = browser::stored(LANGUAGE_KEY)
            .or_else(|| browser::window()?.navigator().language())
            .map_or(Language::English, |tag| Language::from_tag(&tag));
        let theme = browser::stored(THEME_KEY).map_or(Theme::Auto, |name| Theme::from_name(&name));
        let fragment = browser::window().and_then(|window| window.location().hash().ok()).unwrap_or_default();
        let place = fragment.split('?').next().unwrap_or_default();
        let view = View::from_fragment(place).unwrap_or(View::Start);
        let mut state = State::new(view, language, theme);
        let kept = browser::stored(COURSE_KEY).and_then(|json| serde_json::from_str(&json).ok());
        state.course.go_on(kept.unwrap_or_default());
        follow_fragment(&fragment, &link.callback(Message::Act));
        let tools = Tools {
            dispatch: link.callback(Message::Act),
            open_file: link.callback(|()| Message::Open(Door::Any)),
            open_model: link.callback(|()| Message::Open(Door::Model)),
        };
        let frames = FrameLoop::new(link.callback(|()| Message::Act(Action::FrameOverdue)))
            .inspect_err(|error| browser::warn("no canvas", error))
            .ok();
        let mut page = Self {
            words: Rc::new(Words::new(language)),
            state,
            tools,
            frames,
            client: None,
            base: browser::address().into(),
            scanner: None,
            offline: OfflineClient::new(link.callback(|action| Message::Act(Action::Offline(action)))),
            camera: None,
            source_turn: 0,
            built_in: Vec::new(),
            own: Rc::default(),
            own_video: None,
            own_bytes: None,
            own_copies: Vec::new(),
            knows_kept: false,
            feeds: NodeRef::default(),
            any_input: NodeRef::default(),
            model_input: NodeRef::default(),
            _listeners: listeners(context),
        };
        page.remember(false);
        if let Some(codes) = browser::stored(ROOM_KEY) {
            page.act(context, Action::Room(RoomAction::Restored(codes)));
        }
        fetch_experiments(context);
        page.start_worker(context);
        fetch_lists(context);
        page
    }

    fn update(&mut self, context: &Context<Self>, message: Message) -> bool {
        match message {
            Message::Act(action) => self.act(context, action),
            Message::Kept(experiments) => {
                self.knows_kept = true;
                let restored = ExperimentsAction::Restored(experiments.unwrap_or_default());
                self.act(context, Action::Experiments(restored));
            }
            Message::Answer(answer) => self.hear(context, answer),
            Message::Files(files) => take_files(context, self.feeds.cast(), files),
            Message::Picture(bitmap) => {
                self.built_in.push(bitmap);
                if self.state.source == Source::Pictures {
                    self.play_built_in();
                }
                return false;
            }
            Message::OwnPictures(shown, sent) => {
                let n = shown.len() as u32;
                self.own = Rc::new(shown);
                self.own_copies = sent;
                self.act(context, Action::OwnPicturesRead { n });
            }
            Message::OwnModel(name, bytes) => {
                self.own_bytes = Some(bytes);
                self.act(context, Action::OwnModelRead { name });
            }
            Message::OwnVideo(name, video) => {
                self.leave_source();
                self.set_feed(Feed::Video(Video::new(video.element())));
                self.own_video = Some(video);
                self.act(context, Action::OwnVideoPlays { name });
            }
            Message::Camera(turn, answer) => self.camera_answered(context, turn, answer),
            Message::DevicesChanged => {
                list_cameras(context);
                return false;
            }
            Message::Open(door) => {
                let input = match door {
                    Door::Any => &self.any_input,
                    Door::Model => &self.model_input,
                };
                if let Some(input) = input.cast::<HtmlInputElement>() {
                    input.click();
                }
                return false;
            }
        }
        true
    }

    fn view(&self, context: &Context<Self>) -> Html {
        let state = &self.state;
        let canvas = self.frames.as_ref().map(FrameLoop::canvas);
        let canvases = self.frames.as_ref().map(|frames| (frames.canvas(), frames.twin()));
        let chosen = context.link().callback(|event: Event| {
            let input: HtmlInputElement = event.target_unchecked_into();
            let files = input.files().map(files_of).unwrap_or_default();
            // The same file may be chosen again.
            input.set_value("");
            Message::Files(files)
        });
        let view = match state.view {
            View::Start => html! { <Start
                canvas={canvas.clone()}
                pair={state.live.shown.clone()}
                naming={state.naming.clone()}
                pictures={state.pictures.clone()}
                loading={state.model.loading.is_some() || state.model.current.is_none()}
            /> },
            View::Live => html! { <Live canvas={canvases} state={Rc::new(state.clone())} /> },
            View::Layers => html! { <Layers
                canvas={canvas.clone()}
                model={state.model.current.clone()}
                compressed={state.recipe.current().cloned()}
                layers={state.layers.clone()}
                threads={state.threads()}
            /> },
            View::Experiments => html! { <ExperimentsView
                experiments={state.experiments.clone()}
                fixed={state.fixed.clone()}
                naming={state.naming.clone()}
                pictures={self.built_in.clone()}
                ready={state.recipe.is_current() && state.compare.left.is_original()}
                model={state.model.current.clone()}
                latency={match state.numbers.latency_original { Cell::Known(latency) => Some(latency.median), Cell::Missing(_) => None }}
                wanted={state.recipe.wanted.clone()}
                running={state.recipe.running.is_some()}
            /> },
            View::Course => html! { <Course canvas={canvas.clone()} state={Rc::new(state.clone())} /> },
            View::Class => html! { <Classroom canvas={canvas.clone()} state={Rc::new(state.clone())} /> },
        };
        let view = if state.teacher.projector {
            html! { <Projector {canvas} state={Rc::new(state.clone())} base={self.base.clone()} /> }
        } else {
            view
        };
        html! {
            <ContextProvider<SharedWords> context={self.words.clone()}>
            <ContextProvider<Tools> context={self.tools.clone()}>
                <a class="skip" href="#main">{ self.words.text("skip") }</a>
                <Head view={state.view} worker={state.worker} model={state.model.clone()} language={state.language} theme={state.theme} />
                <main id="main" tabindex="-1">{ view }</main>
                <Dock numbers={state.numbers.clone()} paused={state.paused} left={state.compare.left.clone()} recipe={state.recipe.wanted.clone()} />
                <Notices notice={state.notice.clone()} loading={state.model.loading.clone()} view={state.view} update={state.offline.update} />
                <ModelDialog
                    open={state.models_open}
                    served={state.served.clone()}
                    catalog={state.catalog.clone()}
                    model={state.model.clone()}
                    storage={Storage { offline: state.offline.clone(), engine: state.engine_folder() }}
                />
                if state.link.share.is_some() { <ShareDialog state={Rc::new(state.clone())} base={self.base.clone()} /> }
                <KeyMap open={state.teacher.keys} />
                <SpokenAnswers spoken={state.live.spoken} naming={state.naming.clone()} original={state.compare.left.facts.is_none()} />
                if state.dragging { <DropZone /> }
                <div class="feeds" ref={&self.feeds} aria-hidden="true"></div>
                <input ref={&self.any_input} type="file" class="door" accept={ACCEPT_ANY} multiple=true tabindex="-1" aria-hidden="true" data-testid="any-file" onchange={chosen.clone()} />
                <input ref={&self.model_input} type="file" class="door" accept={ACCEPT_MODEL} tabindex="-1" aria-hidden="true" data-testid="model-file" onchange={chosen} />
            </ContextProvider<Tools>>
            </ContextProvider<SharedWords>>
        }
    }
}

impl Page {
    fn act(&mut self, context: &Context<Self>, action: Action) {
        let (state, effects) = state::reduce(self.state.clone(), action);
        self.state = state;
        if self.words.language() != self.state.language {
            self.words = Rc::new(Words::new(self.state.language));
        }
        for effect in effects {
            self.perform(context, effect);
        }
        if let Some(frames) = &self.frames {
            let state = &self.state;
            let wanted = state.worker_ready() && state.model.current.is_some();
            frames.follow(wanted, state.paused, state.mirrored(), state.pair);
            frames.set_heat(state.compare.heat && state.view == View::Live);
        }
    }

    fn hear(&mut self, context: &Context<Self>, answer: Answer) {
        let pair_of = |id| self.frames.as_ref().and_then(|frames| frames.answered(id));
        match answer {
            Answer::FrameResult { id, original, compressed, pixels, .. } => {
                if let Some(pair) = pair_of(id) {
                    if let (Some(frames), Some(pixels)) = (&self.frames, pixels) {
                        frames.tell_pixels(pixels);
                    }
                    let (now, hidden) = (browser::now(), browser::hidden());
                    self.act(context, Action::Frame(FrameAnswer { pair, now, hidden, original, compressed }));
                }
            }
            Answer::Failed { id, failure } => {
                if id.0 & state::FRAME_ID_BIT == 0 {
                    self.act(context, Action::Worker(Answer::Failed { id, failure }));
                } else {
                    pair_of(id);
                }
            }
            other => self.act(context, Action::Worker(other)),
        }
    }
}
