//! The page's end of the line to the worker. It knows the wire format of `bridge` and nothing of what requests mean.

use js_sys::{Array, ArrayBuffer, Object, Reflect};
use serde::Serialize;
use wasm_bindgen::prelude::*;
use web_sys::{Event, ImageBitmap, MessageEvent, VideoFrame, Worker, WorkerOptions, WorkerType};
use yew::Callback;

use super::browser::{self, Listener};
use crate::bridge::{Answer, Request};

/// The worker's script in the served folder. It starts the flavour that this browser runs best, or what the page's
/// address asks for.
const SCRIPT: &str = "worker.js";

/// A running worker; it ends when this is dropped.
pub struct WorkerClient {
    worker: Worker,
    _listeners: [Listener; 3],
}

/// What travels beside a request, transferred and never copied.
pub enum Cargo {
    /// Nothing.
    None,
    /// One picture.
    Bitmap(ImageBitmap),
    /// A video's picture, in the video's own format.
    Frame(VideoFrame),
    /// Several pictures.
    Bitmaps(Vec<ImageBitmap>),
    /// A file's contents.
    Bytes(ArrayBuffer),
}

impl WorkerClient {
    /// Starts a worker. `answered` hears every answer, `died` the end of the worker, at most once each event.
    ///
    /// # Errors
    /// The browser's exception where workers cannot be started.
    pub fn start(answered: Callback<Answer>, died: Callback<()>) -> Result<Self, JsValue> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let asked = web_sys::window().and_then(|window| window.location().search().ok()).unwrap_or_default();
        let worker = Worker::new_with_options(&format!("{SCRIPT}{asked}"), &options)?;
        let on_message = Listener::new(&worker, "message", move |event: Event| {
            let data = event.unchecked_into::<MessageEvent>().data();
            match serde_wasm_bindgen::from_value(data) {
                Ok(answer) => answered.emit(answer),
                Err(error) => browser::warn("an answer of the worker cannot be read", &error.into()),
            }
        });
        let died_too = died.clone();
        let on_error = Listener::new(&worker, "error", move |event: Event| {
            // The browser has put the error on the console already.
            event.prevent_default();
            died.emit(());
        });
        let on_message_error = Listener::new(&worker, "messageerror", move |_| died_too.emit(()));
        Ok(Self { worker, _listeners: [on_message, on_error, on_message_error] })
    }

    /// Sends a request and says whether that succeeded; what cannot be sent is told on the console and let go.
    pub fn post(&self, request: &Request, cargo: Cargo) -> bool {
        let sent = self.try_post(request, &cargo);
        if let Err(error) = &sent {
            browser::warn("a request cannot be sent", error);
            match cargo {
                Cargo::Bitmap(bitmap) => bitmap.close(),
                Cargo::Frame(frame) => frame.close(),
                Cargo::Bitmaps(bitmaps) => bitmaps.iter().for_each(ImageBitmap::close),
                Cargo::None | Cargo::Bytes(_) => {}
            }
        }
        sent.is_ok()
    }

    fn try_post(&self, request: &Request, cargo: &Cargo) -> Result<(), JsValue> {
        let serializer = serde_wasm_bindgen::Serializer::new().serialize_maps_as_objects(true);
        let message = Object::new();
        Reflect::set(&message, &"message".into(), &request.serialize(&serializer)?)?;
        let transfer = match cargo {
            Cargo::None => Array::new(),
            Cargo::Bitmap(bitmap) => {
                Reflect::set(&message, &"bitmap".into(), bitmap)?;
                Array::of1(bitmap)
            }
            Cargo::Frame(frame) => {
                Reflect::set(&message, &"frame".into(), frame)?;
                Array::of1(frame)
            }
            Cargo::Bitmaps(bitmaps) => {
                let list: Array = bitmaps.iter().collect();
                Reflect::set(&message, &"bitmaps".into(), &list)?;
                list.slice(0, list.length())
            }
            Cargo::Bytes(bytes) => {
                Reflect::set(&message, &"bytes".into(), bytes)?;
                Array::of1(bytes)
            }
        };
        self.worker.post_message_with_transfer(&message, &transfer)
    }
}

impl Drop for WorkerClient {
    fn drop(&mut self) {
        self.worker.terminate();
    }
}
