//! The root: holds the state, sends every action through the transition and carries out its effects in the browser.

use std::rc::Rc;

use course::{Glossary, Lesson, Sources};
use js_sys::ArrayBuffer;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{
    DragEvent, Element, Event, File, FileList, HtmlElement, HtmlInputElement, ImageBitmap, KeyboardEvent,
};
use yew::prelude::*;

use super::browser::{self, Listener};
use super::camera::{self, CameraSession};
use super::components::{
    Classroom, Course, Dock, DropZone, ExperimentsView, Head, KeyMap, Layers, Live, ModelDialog, Notices,
    PARETO_ID, Projector, ShareDialog, SpokenAnswers, Start, Storage,
};
use super::database;
use super::drawings;
use super::files::{FileKind, kind_of};
use super::frames::{Feed, FrameLoop, Video};
use super::lists::{CatalogEntry, ClassNames, PictureFacts, ServedModel, labels_path};
use super::offline::OfflineClient;
use super::pictures::{self, FileVideo, MAX_PICTURES};
use super::report::report;
use super::scan::Scanner;
use super::state::{
    self, Action, CameraTrouble, Cell, CourseText, Effect, Experiments, ExperimentsAction, FrameAnswer,
    LinkAction, LinkEffect, RoomAction, RoomEffect, Source, State, TeacherAction, TeacherEffect, Theme, View,
};
use super::tools::{SharedWords, Tools};
use super::words::{Language, Words};
use super::worker_client::{Cargo, WorkerClient};
use crate::bridge::{Answer, ModelSource, Request};

const LANGUAGE_KEY: &str = "tinylens-language";
const THEME_KEY: &str = "tinylens-theme";
const COURSE_KEY: &str = "tinylens-course";
const ROOM_KEY: &str = "tinylens-class";
const EXPERIMENTS_KEY: &str = "tinylens-experiments";

/// A worker that is not ready after this long is reported, milliseconds.
const READY_MILLIS: u32 = 20_000;

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

    fn perform(&mut self, context: &Context<Self>, effect: Effect) {
        match effect {
            Effect::StartWorker => self.start_worker(context),
            Effect::Post(request) => self.post(&request),
            Effect::After { millis, action } => {
                let link = context.link().clone();
                browser::after(millis, move || link.send_message(Message::Act(*action)));
            }
            Effect::FetchNames(labels) => {
                if let Some(path) = labels_path(labels) {
                    context.link().send_future_batch(async move {
                        let names = browser::fetch_json::<ClassNames>(path).await;
                        let names =
                            names.map(|names| Message::Act(Action::NamesArrived(labels, Rc::new(names))));
                        names.into_iter().collect::<Vec<_>>()
                    });
                }
            }
            Effect::PutView(_) => {
                browser::put_fragment(&self.state.fragment());
            }
            Effect::CorrectAddress => {
                if let Some(window) = browser::window() {
                    let _ = window.location().replace(&format!("#{}", self.state.fragment()));
                }
            }
            Effect::FetchLesson(language, number) => fetch_lesson(context, language, number),
            Effect::RememberCourse => {
                if let Ok(json) = serde_json::to_string(&self.state.course.progress) {
                    browser::store(COURSE_KEY, &json);
                }
            }
            Effect::OpenCamera { device } => {
                self.leave_source();
                let (turn, feeds) = (self.source_turn, self.feeds.cast::<Element>());
                let ended = context.link().callback(|()| Message::Act(Action::CameraEnded));
                context.link().send_future(async move {
                    Message::Camera(turn, open_camera(device, feeds, ended).await)
                });
            }
            Effect::PlayPictures => {
                self.leave_source();
                self.play_built_in();
            }
            Effect::PlayOwnPictures => {
                self.leave_source();
                self.set_feed(Feed::Stills(self.own.clone()));
            }
            Effect::Save { name, text } => {
                if let Err(error) = browser::save(&name, &text) {
                    browser::warn("the recipe was not saved", &error);
                }
            }
            Effect::KeepExperiments(experiments) => self.keep_experiments(&experiments),
            Effect::SaveReport => self.save_report(),
            Effect::Offline(effect) => self.offline.perform(effect),
            Effect::Link(LinkEffect::PutAddress) => browser::replace_fragment(&self.state.fragment()),
            Effect::Link(LinkEffect::Show) => self.remember(false),
            Effect::Link(LinkEffect::Copy(text)) => context.link().send_future_batch(async move {
                let copied = browser::copy(&text).await;
                copied
                    .map(|()| Message::Act(Action::Link(LinkAction::Copied(text))))
                    .into_iter()
                    .collect::<Vec<_>>()
            }),
            Effect::Teacher(TeacherEffect::Projector(on)) => browser::project(on),
            Effect::Room(RoomEffect::Keep(codes)) => browser::store(ROOM_KEY, &codes),
            Effect::Room(RoomEffect::Scan(on)) => {
                let link = context.link();
                let seen = link.callback(|code| Message::Act(Action::Room(RoomAction::Seen(code))));
                let canvas = self.frames.as_ref().map(FrameLoop::canvas).filter(|_| on);
                self.scanner = canvas.and_then(|canvas| Scanner::start(canvas, seen));
                if on && self.scanner.is_none() {
                    link.send_message(Message::Act(Action::Room(RoomAction::Blind)));
                }
            }
            Effect::Remember => self.remember(true),
        }
    }

    /// What a visit has made is kept for the next one, where the browser allows it.
    fn keep_experiments(&self, experiments: &Experiments) {
        let Some(text) = serde_json::to_string(experiments).ok().filter(|_| self.knows_kept) else { return };
        spawn_local(async move {
            if let Err(error) = database::keep(EXPERIMENTS_KEY, &text).await {
                browser::warn("the experiments are not kept", &error);
            }
        });
    }

    fn save_report(&self) {
        let drawing = browser::document().and_then(|document| document.get_element_by_id(PARETO_ID));
        let chart = drawing.and_then(|drawing| drawings::data_address(&drawing).ok());
        let day = js_sys::Date::new_0().to_locale_date_string(self.state.language.tag(), &JsValue::UNDEFINED);
        let text = report(&self.words, &self.state, chart.as_deref(), &String::from(day));
        if let Err(error) = browser::save("tinylens-report.md", &text) {
            browser::warn("the report was not saved", &error);
        }
    }

    fn start_worker(&mut self, context: &Context<Self>) {
        let link = context.link();
        let died = link.callback(|()| Message::Act(Action::WorkerDied));
        self.client = WorkerClient::start(link.callback(Message::Answer), died)
            .map(Rc::new)
            .inspect_err(|error| {
                browser::warn("the worker cannot be started", error);
                link.send_message(Message::Act(Action::WorkerDied));
            })
            .ok();
        if let Some(frames) = &self.frames {
            frames.set_client(self.client.clone());
        }
        let link = link.clone();
        browser::after(READY_MILLIS, move || link.send_message(Message::Act(Action::WorkerLate)));
    }

    fn post(&mut self, request: &Request) {
        let cargo = match request {
            Request::LoadModel { source: ModelSource::File { .. }, .. } => {
                self.own_bytes.take().map_or(Cargo::None, Cargo::Bytes)
            }
            Request::SetOwnPictures { .. } => Cargo::Bitmaps(std::mem::take(&mut self.own_copies)),
            _ => Cargo::None,
        };
        if let Some(client) = &self.client {
            client.post(request, cargo);
        }
    }

    /// Lets go of a camera or a video and forgets cameras that have not answered yet.
    fn leave_source(&mut self) {
        self.source_turn = self.source_turn.wrapping_add(1);
        self.set_feed(Feed::None);
        self.camera = None;
        self.own_video = None;
    }

    fn camera_answered(
        &mut self,
        context: &Context<Self>,
        turn: u32,
        answer: Result<CameraSession, CameraTrouble>,
    ) {
        if turn != self.source_turn {
            return;
        }
        match answer {
            Ok(session) => {
                let (device, towards_user) = (session.device(), session.towards_user());
                self.set_feed(Feed::Video(Video::new(session.element())));
                self.camera = Some(session);
                self.act(context, Action::CameraRuns { device, towards_user });
            }
            Err(trouble) => self.act(context, Action::CameraFailed(trouble)),
        }
        list_cameras(context);
    }

    fn play_built_in(&self) {
        if !self.built_in.is_empty() {
            self.set_feed(Feed::Pan(Rc::new(self.built_in.clone())));
        }
    }

    fn set_feed(&self, feed: Feed) {
        if let Some(frames) = &self.frames {
            frames.set_feed(feed);
        }
    }

    /// Language and theme go to the document, and, where the visitor chose them, into storage.
    fn remember(&self, store: bool) {
        browser::set_root_attribute("lang", self.state.language.tag());
        browser::set_root_attribute("data-theme", self.state.theme.name());
        let letters: Vec<String> = self.state.link.hidden.iter().map(|it| it.letter().to_string()).collect();
        browser::set_root_attribute("data-hidden", &letters.join(" "));
        if let Some(document) = browser::document() {
            document.set_title(&self.words.text("title"));
        }
        if store {
            browser::store(LANGUAGE_KEY, self.state.language.tag());
            browser::store(THEME_KEY, self.state.theme.name());
        }
    }
}

/// Opens a camera; a device that is gone is forgotten and any other one taken.
async fn open_camera(
    device: Option<String>,
    feeds: Option<Element>,
    ended: Callback<()>,
) -> Result<CameraSession, CameraTrouble> {
    let feeds = feeds.ok_or_else(|| CameraTrouble::Other("video".into()))?;
    match CameraSession::open(device.as_deref(), &feeds, ended.clone()).await {
        Err(CameraTrouble::Overconstrained) if device.is_some() => {
            CameraSession::open(None, &feeds, ended).await
        }
        other => other,
    }
}

/// Reads what an earlier visit has kept. Visits before there was a database kept it in `localStorage`: it moves once.
fn fetch_experiments(context: &Context<Page>) {
    context.link().send_future(async {
        let kept = database::kept(EXPERIMENTS_KEY).await.inspect_err(|error| {
            browser::warn("no database; experiments last for this visit", error);
        });
        let text = match kept {
            Ok(None) => browser::take_stored(EXPERIMENTS_KEY),
            other => other.ok().flatten(),
        };
        if let Some(text) = &text {
            // Without a database this fails as reading did.
            let _ = database::keep(EXPERIMENTS_KEY, text).await;
        }
        Message::Kept(text.and_then(|text| serde_json::from_str(&text).ok()))
    });
}

fn list_cameras(context: &Context<Page>) {
    context.link().send_future(async { Message::Act(Action::CamerasListed(camera::list().await)) });
}

fn fetch_lists(context: &Context<Page>) {
    let link = context.link();
    link.send_future(async {
        let served = browser::fetch_json::<Vec<ServedModel>>("models/index.json").await;
        Message::Act(Action::ServedListed(served.unwrap_or_default()))
    });
    link.send_future(async {
        let catalog = browser::fetch_json::<Vec<CatalogEntry>>("catalog.json").await;
        Message::Act(Action::CatalogListed(catalog.unwrap_or_default()))
    });
    let link = link.clone();
    spawn_local(async move {
        let listed =
            browser::fetch_json::<Vec<PictureFacts>>("pictures/index.json").await.unwrap_or_default();
        link.send_message(Message::Act(Action::PicturesListed(listed.clone())));
        for facts in &listed {
            match pictures::fetch(&facts.file).await {
                Ok(bitmap) => link.send_message(Message::Picture(bitmap)),
                Err(error) => browser::warn(&facts.file, &error),
            }
        }
    });
}

/// Fetches a lesson, and with it glossary and sources, which every lesson needs.
fn fetch_lesson(context: &Context<Page>, language: Language, number: u8) {
    context.link().send_future_batch(async move {
        let folder = format!("course/{}", language.tag());
        let lesson = match browser::fetch_text(&format!("{folder}/lesson-{number}.json")).await {
            Some(text) => serde_json::from_str::<Lesson>(&text).map_err(|error| error.to_string()),
            None => Err(format!("lesson-{number}.json")),
        };
        let lesson = match lesson {
            Ok(lesson) => CourseText::Lesson(number, Rc::new(lesson)),
            Err(why) => CourseText::Missing(number, why),
        };
        let mut arrived = vec![lesson];
        let glossary = browser::fetch_json::<Glossary>(&format!("{folder}/glossary.json")).await;
        let sources = browser::fetch_json::<Sources>(&format!("{folder}/sources.json")).await;
        if let (Some(glossary), Some(sources)) = (glossary, sources) {
            arrived.push(CourseText::References(Rc::new((glossary, sources))));
        }
        arrived
            .into_iter()
            .map(|text| Message::Act(Action::CourseArrived(language, text)))
            .collect::<Vec<_>>()
    });
}

/// Sorts files by kind and reads them: one model, or one recipe, or one video, or any number of pictures.
fn take_files(context: &Context<Page>, feeds: Option<Element>, files: Vec<File>) {
    let link = context.link().clone();
    let of_kind = |kind| files.iter().filter(move |file| kind_of(&file.name(), &file.type_()) == kind);
    let pictures: Vec<File> = of_kind(FileKind::Picture).take(MAX_PICTURES).cloned().collect();
    if let Some(file) = of_kind(FileKind::Model).next().cloned() {
        link.send_future(async move {
            match pictures::bytes(&file).await {
                Ok(bytes) => Message::OwnModel(file.name(), bytes),
                Err(_) => Message::Act(Action::FileUnreadable { name: file.name() }),
            }
        });
    } else if let Some(file) = of_kind(FileKind::Recipe).next().cloned() {
        link.send_future(async move {
            let name = file.name();
            Message::Act(match pictures::text(&file).await {
                Some(json) => Action::RecipeRead { name, json },
                None => Action::FileUnreadable { name },
            })
        });
    } else if !pictures.is_empty() {
        link.send_future_batch(read_pictures(pictures));
    } else if let Some(file) = of_kind(FileKind::Video).next().cloned() {
        link.send_future(async move {
            let name = file.name();
            match feeds {
                Some(feeds) => match FileVideo::play(&file, &feeds).await {
                    Ok(video) => Message::OwnVideo(name, video),
                    Err(_) => Message::Act(Action::FileUnreadable { name }),
                },
                None => Message::Act(Action::FileUnreadable { name }),
            }
        });
    } else if let Some(file) = files.first() {
        link.send_message(Message::Act(Action::FileUnknown { name: file.name() }));
    }
}

async fn read_pictures(files: Vec<File>) -> Vec<Message> {
    let (mut shown, mut sent, mut messages) = (Vec::new(), Vec::new(), Vec::new());
    for file in files {
        let decoded = match pictures::decode(&file).await {
            Ok(bitmap) => pictures::copy(&bitmap).await.map(|copy| (bitmap, copy)),
            Err(error) => Err(error),
        };
        match decoded {
            Ok((bitmap, copy)) => {
                shown.push(bitmap);
                sent.push(copy);
            }
            Err(_) => messages.push(Message::Act(Action::FileUnreadable { name: file.name() })),
        }
    }
    if !shown.is_empty() {
        messages.push(Message::OwnPictures(shown, sent));
    }
    messages
}

fn files_of(list: FileList) -> Vec<File> {
    (0..list.length()).filter_map(|idx| list.get(idx)).collect()
}

fn listeners(context: &Context<Page>) -> Vec<Listener> {
    let Some(window) = browser::window() else { return Vec::new() };
    let link = context.link();
    let mut listeners = Vec::new();
    let act = link.callback(Message::Act);

    let show = act.clone();
    listeners.push(Listener::new(&window, "hashchange", move |_| {
        let fragment = browser::window().and_then(|window| window.location().hash().ok()).unwrap_or_default();
        follow_fragment(&fragment, &show);
    }));

    let press = act.clone();
    listeners.push(Listener::new(&window, "keydown", move |event| {
        if let Some(event) = event.dyn_ref::<KeyboardEvent>()
            && let Some(action) = key_action(event)
        {
            event.prevent_default();
            press.emit(action);
        }
    }));

    let over = act.clone();
    listeners.push(Listener::new(&window, "dragover", move |event| {
        if carries_files(&event) {
            event.prevent_default();
            over.emit(Action::Dragging(true));
        }
    }));
    let leave = act.clone();
    listeners.push(Listener::new(&window, "dragleave", move |event| {
        // Leaving one element for another names the other one; leaving the window names none.
        if event.dyn_ref::<DragEvent>().is_some_and(|event| event.related_target().is_none()) {
            leave.emit(Action::Dragging(false));
        }
    }));
    let files = link.callback(Message::Files);
    listeners.push(Listener::new(&window, "drop", move |event| {
        event.prevent_default();
        act.emit(Action::Dragging(false));
        let list =
            event.dyn_ref::<DragEvent>().and_then(DragEvent::data_transfer).and_then(|data| data.files());
        files.emit(list.map(files_of).unwrap_or_default());
    }));

    if let Some(document) = browser::document() {
        let left = link.callback(|()| Message::Act(Action::Teacher(TeacherAction::LeftFullScreen)));
        listeners.push(Listener::new(&document, "fullscreenchange", move |_| {
            if browser::document().is_some_and(|document| document.fullscreen_element().is_none()) {
                left.emit(());
            }
        }));
    }
    listeners.extend(camera::on_change(link.callback(|()| Message::DevicesChanged)));
    listeners
}

/// Does what an address's fragment asks for; an anchor of the page asks for nothing.
fn follow_fragment(fragment: &str, act: &Callback<Action>) {
    let (place, query) = fragment.split_once('?').unwrap_or((fragment, ""));
    let step = state::Place::from_fragment(place).map(Action::ShowStep);
    let layer =
        || state::layer_of_fragment(place).map(|layer| Action::Layers(state::LayersAction::Visit(layer)));
    if let Some(show) = step.or_else(layer).or_else(|| View::from_fragment(place).map(Action::Show)) {
        act.emit(show);
        act.emit(Action::Link(LinkAction::Arrived(query.to_owned())));
    }
}

fn carries_files(event: &Event) -> bool {
    let types = event.dyn_ref::<DragEvent>().and_then(DragEvent::data_transfer).map(|data| data.types());
    types.is_some_and(|types| types.includes(&"Files".into(), 0))
}

/// What a key means, when it is not meant for the element that has the focus.
fn key_action(event: &KeyboardEvent) -> Option<Action> {
    if event.ctrl_key() || event.alt_key() || event.meta_key() || event.repeat() || event.default_prevented()
    {
        return None;
    }
    let focused = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok());
    let inside =
        |selector| focused.as_ref().and_then(|element| element.closest(selector).ok().flatten()).is_some();
    if inside("input:not([type=range]), select, textarea, dialog") {
        return None;
    }
    match event.key().as_str() {
        " " if !inside("button, a, summary, input, [role]") => Some(Action::TogglePause),
        "m" | "M" => Some(Action::ToggleMirror),
        "p" | "P" => Some(Action::Teacher(TeacherAction::ToggleProjector)),
        "Escape" => Some(Action::Teacher(TeacherAction::LeftFullScreen)),
        "?" => Some(Action::Teacher(TeacherAction::Keys(true))),
        "ArrowRight" if !inside("input, [role], .wide") => Some(Action::TurnSteps(state::Turn::On)),
        "ArrowLeft" if !inside("input, [role], .wide") => Some(Action::TurnSteps(state::Turn::Back)),
        "z" | "Z" => Some(Action::UndoRecipe),
        "d" | "D" => Some(Action::Compare(state::CompareAction::Turn)),
        "l" | "L" => Some(Action::Show(View::Layers)),
        "e" | "E" => Some(Action::Show(View::Experiments)),
        "1" => Some(Action::Format(pipeline::NumberFormat::Float32)),
        "2" => Some(Action::Format(pipeline::NumberFormat::Float16)),
        "3" => Some(Action::Format(pipeline::NumberFormat::Int8)),
        _ => None,
    }
}
