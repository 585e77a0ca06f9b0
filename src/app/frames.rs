//! The frame loop: draws the source as a square onto the canvas that is on screen, and sends that same square to the
//! worker: of a video, the frame itself in its own format; of what else there is, and where browsers do not let frames
//! out, a copy of the canvas. One frame is on its way at a time and the newest wins; there is no queue.
//!
//! The loop runs on animation frames, so a hidden tab rests. New pictures of a video are noticed by
//! `requestVideoFrameCallback`; where that is missing or stays silent, by the video's clock.

mod draw;
mod video;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageBitmap, VideoFrame};
use yew::Callback;

use super::browser;
use super::state::FRAME_ID_BIT;
use super::worker_client::{Cargo, WorkerClient};
use crate::bridge::{FramePixels, Request, RequestId};
pub use video::Video;

/// Largest side of the square, pixels.
const MAX_SIDE: u32 = 512;

/// Sides of the square for sources that have no size of their own.
const PICTURE_SIDE: u32 = 480;

/// Time between two frames of a moving source, milliseconds; a little under the 33.3 of 30 frames a second, so that a
/// camera's next frame is not missed.
const MOVING_MILLIS: f64 = 30.0;

/// Time between two frames of a still source, milliseconds.
const STILL_MILLIS: f64 = 100.0;

/// How long each of several still pictures stays, milliseconds.
const PICTURE_MILLIS: f64 = 2500.0;

/// A frame without an answer for this long is reported, milliseconds.
const OVERDUE_MILLIS: f64 = 30_000.0;

/// The canvas's attribute that says what the last answered frame was prepared from.
const PIXELS: &str = "data-pixels";

/// A closure that can ask to be called again.
type Ticker = Rc<RefCell<Option<Closure<dyn FnMut()>>>>;

/// Where the squares come from.
pub enum Feed {
    /// Nowhere; the canvas keeps what it shows.
    None,
    /// A camera's or a file's video.
    Video(Video),
    /// The virtual camera over these pictures.
    Pan(Rc<Vec<ImageBitmap>>),
    /// These pictures one after the other.
    Stills(Rc<Vec<ImageBitmap>>),
}

/// The frame loop; it ends when this is dropped.
pub struct FrameLoop {
    inner: Rc<RefCell<Inner>>,
    running: Rc<Cell<bool>>,
}

struct Inner {
    canvas: HtmlCanvasElement,
    context: CanvasRenderingContext2d,
    /// Shows the same, where it is in the document.
    twin: HtmlCanvasElement,
    twin_context: CanvasRenderingContext2d,
    feed: Feed,
    mirrored: bool,
    paused: bool,
    wanted: bool,
    heat: bool,
    pair: u32,
    sent_pair: Option<u32>,
    client: Option<Rc<WorkerClient>>,
    in_flight: Option<InFlight>,
    /// False once this browser refused to send a video's frame.
    sends_video_frames: bool,
    n_frames: u32,
    sent_at: f64,
    ticked_at: f64,
    /// Milliseconds that the virtual camera has run, pauses left out.
    run_millis: f64,
    has_picture: bool,
    overdue: Callback<()>,
}

#[derive(Clone, Copy)]
struct InFlight {
    id: RequestId,
    pair: u32,
    since: f64,
    reported: bool,
}

impl FrameLoop {
    /// A running loop over a new canvas; `overdue` hears of a worker that does not answer.
    ///
    /// # Errors
    /// The browser's exception where there is no document or no 2D canvas.
    pub fn new(overdue: Callback<()>) -> Result<Self, JsValue> {
        let document = browser::document().ok_or("no document")?;
        let canvas: HtmlCanvasElement = document.create_element("canvas")?.dyn_into()?;
        canvas.set_width(PICTURE_SIDE);
        canvas.set_height(PICTURE_SIDE);
        let context = canvas.get_context("2d")?.ok_or("no 2d canvas")?.dyn_into()?;
        let twin: HtmlCanvasElement = document.create_element("canvas")?.dyn_into()?;
        let twin_context = twin.get_context("2d")?.ok_or("no 2d canvas")?.dyn_into()?;
        let inner = Rc::new(RefCell::new(Inner {
            canvas,
            context,
            twin,
            twin_context,
            feed: Feed::None,
            mirrored: false,
            paused: false,
            wanted: false,
            heat: false,
            pair: 0,
            sent_pair: None,
            client: None,
            in_flight: None,
            sends_video_frames: true,
            n_frames: 0,
            sent_at: f64::NEG_INFINITY,
            ticked_at: browser::now(),
            run_millis: 0.0,
            has_picture: false,
            overdue,
        }));
        let running = Rc::new(Cell::new(true));
        keep_ticking(&inner, &running);
        Ok(Self { inner, running })
    }

    /// The canvas that is drawn on.
    pub fn canvas(&self) -> HtmlCanvasElement {
        self.inner.borrow().canvas.clone()
    }

    /// Shows the same square once more while it is in the document.
    pub fn twin(&self) -> HtmlCanvasElement {
        self.inner.borrow().twin.clone()
    }

    /// Other squares from now on.
    pub fn set_feed(&self, feed: Feed) {
        self.inner.borrow_mut().feed = feed;
    }

    /// The worker that gets the frames.
    pub fn set_client(&self, client: Option<Rc<WorkerClient>>) {
        let mut inner = self.inner.borrow_mut();
        inner.client = client;
        inner.in_flight = None;
    }

    /// Follows the state: frames are wanted at all, they stand still, they are mirrored, and which pair of models and
    /// source they belong to.
    pub fn follow(&self, wanted: bool, paused: bool, mirrored: bool, pair: u32) {
        let mut inner = self.inner.borrow_mut();
        if inner.paused && paused && inner.mirrored != mirrored {
            inner.flip();
        }
        inner.wanted = wanted;
        inner.paused = paused;
        inner.mirrored = mirrored;
        inner.pair = pair;
    }

    /// Whether sides are to say where their answers come from. A paused frame is sent once more for it.
    pub fn set_heat(&self, heat: bool) {
        let mut inner = self.inner.borrow_mut();
        if inner.heat != heat {
            inner.heat = heat;
            inner.sent_pair = None;
        }
    }

    /// Frame `id` was answered: the pair it was sent for, or `None` where it is not the one on its way.
    pub fn answered(&self, id: RequestId) -> Option<u32> {
        self.inner.borrow_mut().in_flight.take_if(|frame| frame.id == id).map(|frame| frame.pair)
    }

    /// Says on the canvas, for tests, what the last answered frame was prepared from.
    pub fn tell_pixels(&self, pixels: FramePixels) {
        let canvas = &self.inner.borrow().canvas;
        if canvas.get_attribute(PIXELS).as_deref() != Some(pixels.name()) {
            let _ = canvas.set_attribute(PIXELS, pixels.name());
        }
    }
}

impl Drop for FrameLoop {
    fn drop(&mut self) {
        self.running.set(false);
    }
}

fn keep_ticking(inner: &Rc<RefCell<Inner>>, running: &Rc<Cell<bool>>) {
    let ticker: Ticker = Rc::default();
    let (inner, running, again) = (inner.clone(), running.clone(), ticker.clone());
    *ticker.borrow_mut() = Some(Closure::new(move || {
        if running.get() {
            tick(&inner);
            request_tick(&again);
        }
    }));
    request_tick(&ticker);

    fn request_tick(ticker: &Ticker) {
        if let (Some(window), Ok(ticker)) = (browser::window(), ticker.try_borrow())
            && let Some(closure) = ticker.as_ref()
        {
            let _ = window.request_animation_frame(closure.as_ref().unchecked_ref());
        }
    }
}

fn tick(shared: &Rc<RefCell<Inner>>) {
    let now = browser::now();
    let mut inner = shared.borrow_mut();
    let passed = (now - inner.ticked_at).clamp(0.0, 100.0);
    inner.ticked_at = now;
    let mut changed = false;
    if !inner.paused {
        inner.run_millis += passed;
        changed = inner.draw(now).unwrap_or(false);
        inner.has_picture |= changed;
    }
    inner.copy();
    inner.report_overdue(now);
    let interval = if matches!(inner.feed, Feed::Stills(_)) { STILL_MILLIS } else { MOVING_MILLIS };
    // A paused picture is sent once to each new pair of models.
    let renewed = inner.paused && inner.sent_pair != Some(inner.pair);
    let due =
        inner.wanted && inner.has_picture && inner.in_flight.is_none() && now - inner.sent_at >= interval;
    if due && (changed || renewed) && inner.client.is_some() {
        inner.send(shared, now, changed);
    }
}

impl Inner {
    fn report_overdue(&mut self, now: f64) {
        if let Some(frame) =
            self.in_flight.as_mut().filter(|frame| !frame.reported && now - frame.since > OVERDUE_MILLIS)
        {
            frame.reported = true;
            self.overdue.emit(());
        }
    }

    /// Sends the picture that the canvas shows; `drawn` where that was drawn just now. The loop may draw on meanwhile.
    fn send(&mut self, shared: &Rc<RefCell<Self>>, now: f64, drawn: bool) {
        let Some(client) = self.client.clone() else { return };
        let id = RequestId(FRAME_ID_BIT | self.n_frames);
        let calibrates = !matches!(self.feed, Feed::None | Feed::Pan(_));
        if drawn && let Some(frame) = self.video_frame() {
            let request = Request::Frame { id, calibrates, mirrored: self.mirrored, heat: self.heat };
            self.sends_video_frames = client.post(&request, Cargo::Frame(frame));
            if self.sends_video_frames {
                self.set_off(id, now);
                return;
            }
        }
        let copy = browser::window()
            .and_then(|window| window.create_image_bitmap_with_html_canvas_element(&self.canvas).ok());
        let Some(copy) = copy else { return };
        self.set_off(id, now);
        let (shared, heat) = (shared.clone(), self.heat);
        spawn_local(async move {
            let bitmap = JsFuture::from(copy).await.ok().and_then(|copy| copy.dyn_into::<ImageBitmap>().ok());
            // The canvas shows it mirrored already.
            let request = Request::Frame { id, calibrates, mirrored: false, heat };
            let sent = bitmap.is_some_and(|bitmap| client.post(&request, Cargo::Bitmap(bitmap)));
            if !sent {
                shared.borrow_mut().in_flight.take_if(|frame| frame.id == id);
            }
        });
    }

    /// The video's present frame; `None` for other sources and where this browser has no such thing.
    fn video_frame(&self) -> Option<VideoFrame> {
        match &self.feed {
            Feed::Video(video) if self.sends_video_frames => {
                VideoFrame::new_with_html_video_element(&video.element).ok()
            }
            _ => None,
        }
    }

    /// Frame `id` is on its way.
    fn set_off(&mut self, id: RequestId, now: f64) {
        self.n_frames = self.n_frames.wrapping_add(1) & (FRAME_ID_BIT - 1);
        self.in_flight = Some(InFlight { id, pair: self.pair, since: now, reported: false });
        self.sent_pair = Some(self.pair);
        self.sent_at = now;
    }
}
