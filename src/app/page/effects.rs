//! What the transition asks of the browser, done.

use std::rc::Rc;

use js_sys::Date;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::Element;
use yew::prelude::*;

use super::fetch::{fetch_lesson, list_cameras};
use super::{COURSE_KEY, EXPERIMENTS_KEY, LANGUAGE_KEY, Message, Page, ROOM_KEY, THEME_KEY};
use crate::app::camera::CameraSession;
use crate::app::components::PARETO_ID;
use crate::app::frames::{Feed, FrameLoop, Video};
use crate::app::lists::{ClassNames, labels_path};
use crate::app::report::report;
use crate::app::scan::Scanner;
use crate::app::state::{
    Action, CameraTrouble, Effect, Experiments, LinkAction, LinkEffect, RoomAction, RoomEffect, TeacherEffect,
};
use crate::app::worker_client::{Cargo, WorkerClient};
use crate::app::{browser, database, drawings};
use crate::bridge::{ModelSource, Request};

/// A worker that is not ready after this long is reported, milliseconds.
const READY_MILLIS: u32 = 20_000;

impl Page {
    pub(super) fn perform(&mut self, context: &Context<Self>, effect: Effect) {
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
        let day = Date::new_0().to_locale_date_string(self.state.language.tag(), &JsValue::UNDEFINED);
        let text = report(&self.words, &self.state, chart.as_deref(), &String::from(day));
        if let Err(error) = browser::save("tinylens-report.md", &text) {
            browser::warn("the report was not saved", &error);
        }
    }

    pub(super) fn start_worker(&mut self, context: &Context<Self>) {
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
    pub(super) fn leave_source(&mut self) {
        self.source_turn = self.source_turn.wrapping_add(1);
        self.set_feed(Feed::None);
        self.camera = None;
        self.own_video = None;
    }

    pub(super) fn camera_answered(
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

    pub(super) fn play_built_in(&self) {
        if !self.built_in.is_empty() {
            self.set_feed(Feed::Pan(Rc::new(self.built_in.clone())));
        }
    }

    pub(super) fn set_feed(&self, feed: Feed) {
        if let Some(frames) = &self.frames {
            frames.set_feed(feed);
        }
    }

    /// Language and theme go to the document, and, where the visitor chose them, into storage.
    pub(super) fn remember(&self, store: bool) {
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
