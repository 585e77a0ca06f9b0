//! The worker: owns the models and runs them. The page never runs a kernel.
//!
//! Requests are handled one after another except for the long ones (loading, compressing, fixed sets), which give
//! control back between pieces of work so that frames go on. [`serve`] is the entry; `session.rs` holds what is
//! loaded; the other modules answer the requests, each those that it is named after.

mod browser;
mod compress;
mod download;
mod fixed_set;
mod frames;
mod heat;
mod layers;
mod left;
mod load;
mod maps;
mod measure;
mod pictures;
mod planes;
mod scans;
mod session;

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, Float32Array, Reflect, Uint8Array};
use serde::Serialize;
use vision::View;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{ImageBitmap, MessageEvent};

use crate::bridge::{Answer, Failure, Request, RequestId, SingleThread};
use planes::OpenFrame;
use session::Session;

/// The one session of this worker. Borrowed only between awaits.
pub(crate) type Shared = Rc<RefCell<Session>>;

/// Listens to the page and says so; `single_thread` is why there are no helpers.
pub fn serve(single_thread: Option<SingleThread>) {
    console_error_panic_hook::set_once();
    let session: Shared = Rc::new(RefCell::new(Session::default()));
    let scope = browser::scope();
    let on_message =
        Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| receive(&session, &event.data()));
    scope.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
    post(&Answer::Ready { runtime: browser::runtime(single_thread) });
}

/// Sends an answer to the page.
pub(crate) fn post(answer: &Answer) {
    let serializer = serde_wasm_bindgen::Serializer::new().serialize_maps_as_objects(true);
    match answer.serialize(&serializer) {
        Ok(value) => {
            if let Err(error) = browser::scope().post_message(&value) {
                browser::report(&error);
            }
        }
        Err(error) => browser::report(&error.into()),
    }
}

fn receive(session: &Shared, data: &JsValue) {
    let property = |name: &str| Reflect::get(data, &name.into()).unwrap_or(JsValue::UNDEFINED);
    let frame = OpenFrame::from_message(property("frame"));
    let request: Request = match serde_wasm_bindgen::from_value(property("message")) {
        Ok(request) => request,
        Err(error) => return browser::report(&error.into()),
    };
    let session = session.clone();
    match request {
        Request::Frame { id, calibrates, mirrored, heat } => {
            let request = frames::Request { id, calibrates, view: View { mirrored, ..View::WHOLE }, heat };
            match (frame, property("bitmap").dyn_into::<ImageBitmap>()) {
                (Some(frame), _) => spawn_local(frames::run_video(session, request, frame)),
                (None, Ok(bitmap)) => frames::run_bitmap(&session, &request, &bitmap),
                (None, Err(_)) => frames::answer_empty(id),
            }
        }
        Request::Cancel { id } => session.borrow_mut().cancel(id),
        Request::SetOwnPictures { id } => {
            let bitmaps: Vec<ImageBitmap> =
                Array::from(&property("bitmaps")).iter().filter_map(|value| value.dyn_into().ok()).collect();
            pictures::set_own(&session, id, &bitmaps);
        }
        Request::SetNormalization { id, normalization } => {
            session.borrow_mut().begin_load(id);
            answer_when_done(&session.clone(), id, async move {
                load::set_normalization(&session, id, normalization).await
            });
        }
        Request::LoadModel { id, source } => {
            let bytes = property("bytes").dyn_into::<js_sys::ArrayBuffer>().ok();
            let bytes = bytes.map(|buffer| Uint8Array::new(&buffer).to_vec());
            session.borrow_mut().begin_load(id);
            answer_when_done(
                &session.clone(),
                id,
                async move { load::load(&session, id, source, bytes).await },
            );
        }
        Request::Compress { id, recipe } => {
            answer_when_done(
                &session.clone(),
                id,
                async move { compress::compress(&session, id, recipe).await },
            );
        }
        Request::Measure { id, side, runs } => {
            let bytes = property("bytes").dyn_into::<js_sys::ArrayBuffer>().ok();
            let input = Float32Array::new(&bytes.unwrap_or_else(|| js_sys::ArrayBuffer::new(0)));
            let answer = measure::measure(&session, id, side, runs, &input);
            post(&answer.unwrap_or_else(|failure| Answer::Failed { id, failure }));
        }
        Request::ProfileLayers { id, runs } => {
            answer_when_done(&session.clone(), id, async move { layers::profile(&session, id, runs).await });
        }
        Request::InspectLayer { id, node, channel } => {
            let answer = layers::inspect(&session, id, node, channel);
            post(&answer.unwrap_or_else(|failure| Answer::Failed { id, failure }));
        }
        Request::SetLeft { id, recipe } => {
            answer_when_done(&session.clone(), id, async move { left::set(&session, id, recipe).await });
        }
        Request::ScanOutputs { id } => {
            answer_when_done(&session.clone(), id, async move { scans::outputs(&session, id).await });
        }
        Request::ScanSensitivity { id } => {
            answer_when_done(&session.clone(), id, async move { scans::sensitivity(&session, id).await });
        }
        Request::ShowMaps { id, node } => {
            let answer = maps::show(&mut session.borrow_mut(), id, &node);
            post(&answer.unwrap_or_else(|failure| Answer::Failed { id, failure }));
        }
        Request::RunFixedSet { id, set } => {
            answer_when_done(&session.clone(), id, async move { fixed_set::run(&session, id, set).await });
        }
    }
}

fn answer_when_done(
    session: &Shared,
    id: RequestId,
    work: impl Future<Output = Result<Answer, Failure>> + 'static,
) {
    let session = session.clone();
    spawn_local(async move {
        let answer = work.await.unwrap_or_else(|failure| Answer::Failed { id, failure });
        session.borrow_mut().end(id);
        post(&answer);
    });
}
