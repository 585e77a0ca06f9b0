//! The camera: asking for it, listing devices, noticing that it is gone. Nothing is asked before the visitor's click.

use js_sys::{Array, Object, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    DomException, Element, HtmlVideoElement, MediaDeviceInfo, MediaDeviceKind, MediaDevices, MediaStream,
    MediaStreamConstraints, MediaStreamTrack,
};
use yew::Callback;

use super::browser::{self, Listener};
use super::state::CameraTrouble;

/// A running camera; its light goes out when this is dropped.
pub struct CameraSession {
    stream: MediaStream,
    element: HtmlVideoElement,
    _ended: Vec<Listener>,
}

impl CameraSession {
    /// Opens a camera (the given one, else one that looks away from the visitor, else any) in a new element within
    /// `feeds`, and says when the device ends it.
    ///
    /// # Errors
    /// A [`CameraTrouble`] for every way in which there is no camera.
    pub async fn open(
        device: Option<&str>,
        feeds: &Element,
        ended: Callback<()>,
    ) -> Result<Self, CameraTrouble> {
        let stream = open_stream(device).await?;
        let listeners = tracks(&stream)
            .map(|track| {
                let ended = ended.clone();
                Listener::new(&track, "ended", move |_| ended.emit(()))
            })
            .collect();
        let session = Self { stream, element: browser::video(feeds).map_err(trouble)?, _ended: listeners };
        session.element.set_src_object(Some(&session.stream));
        JsFuture::from(session.element.play().map_err(trouble)?).await.map_err(trouble)?;
        Ok(session)
    }

    /// The element that shows it.
    pub fn element(&self) -> HtmlVideoElement {
        self.element.clone()
    }

    /// The device's id, where the browser tells.
    pub fn device(&self) -> Option<String> {
        setting(&self.stream, "deviceId").filter(|id| !id.is_empty())
    }

    /// It looks at the visitor. Cameras that do not say are taken for one on top of the screen.
    pub fn towards_user(&self) -> bool {
        setting(&self.stream, "facingMode").is_none_or(|mode| mode != "environment")
    }
}

impl Drop for CameraSession {
    fn drop(&mut self) {
        tracks(&self.stream).for_each(|track| track.stop());
        self.element.remove();
    }
}

async fn open_stream(device: Option<&str>) -> Result<MediaStream, CameraTrouble> {
    let devices = devices().ok_or_else(|| {
        let secure = browser::window().is_some_and(|window| window.is_secure_context());
        if secure { CameraTrouble::Other("mediaDevices".into()) } else { CameraTrouble::Insecure }
    })?;
    let constraints = constraints(device).map_err(trouble)?;
    let promise = devices.get_user_media_with_constraints(&constraints).map_err(trouble)?;
    let stream = JsFuture::from(promise).await.map_err(trouble)?;
    stream.dyn_into().map_err(|_| CameraTrouble::Other("MediaStream".into()))
}

/// The cameras: device and label, the label empty until a camera was allowed.
pub async fn list() -> Vec<(String, String)> {
    let Some(promise) = devices().and_then(|devices| devices.enumerate_devices().ok()) else {
        return Vec::new();
    };
    let Ok(infos) = JsFuture::from(promise).await else { return Vec::new() };
    Array::from(&infos)
        .iter()
        .filter_map(|info| info.dyn_into::<MediaDeviceInfo>().ok())
        .filter(|info| info.kind() == MediaDeviceKind::Videoinput)
        .map(|info| (info.device_id(), info.label()))
        .collect()
}

/// Hears when a device is plugged in or out.
pub fn on_change(changed: Callback<()>) -> Option<Listener> {
    devices().map(|devices| Listener::new(&devices, "devicechange", move |_| changed.emit(())))
}

/// `None` without a secure address, where browsers leave `mediaDevices` out.
fn devices() -> Option<MediaDevices> {
    let navigator = browser::window()?.navigator();
    let devices = Reflect::get(&navigator, &"mediaDevices".into()).ok()?;
    if devices.is_object() { devices.dyn_into().ok() } else { None }
}

fn constraints(device: Option<&str>) -> Result<MediaStreamConstraints, JsValue> {
    let (video, width, height) = (Object::new(), ideal(&640.into())?, ideal(&480.into())?);
    Reflect::set(&video, &"width".into(), &width)?;
    Reflect::set(&video, &"height".into(), &height)?;
    match device {
        Some(device) => {
            let exact = Object::new();
            Reflect::set(&exact, &"exact".into(), &device.into())?;
            Reflect::set(&video, &"deviceId".into(), &exact)?;
        }
        None => {
            Reflect::set(&video, &"facingMode".into(), &JsValue::from(ideal(&"environment".into())?))?;
        }
    }
    let constraints = MediaStreamConstraints::new();
    constraints.set_audio(&JsValue::FALSE);
    constraints.set_video(&video);
    Ok(constraints)
}

fn ideal(value: &JsValue) -> Result<Object, JsValue> {
    let object = Object::new();
    Reflect::set(&object, &"ideal".into(), value)?;
    Ok(object)
}

fn tracks(stream: &MediaStream) -> impl Iterator<Item = MediaStreamTrack> {
    stream
        .get_video_tracks()
        .iter()
        .filter_map(|track| track.dyn_into::<MediaStreamTrack>().ok())
        .collect::<Vec<_>>()
        .into_iter()
}

fn setting(stream: &MediaStream, name: &str) -> Option<String> {
    let settings = tracks(stream).next()?.get_settings();
    Reflect::get(&settings, &name.into()).ok()?.as_string()
}

fn trouble(error: JsValue) -> CameraTrouble {
    match error.dyn_into::<DomException>() {
        Ok(exception) => CameraTrouble::from_exception(&exception.name(), &exception.message()),
        Err(error) => {
            let name = Reflect::get(&error, &"name".into()).ok().and_then(|name| name.as_string());
            CameraTrouble::from_exception(name.as_deref().unwrap_or("Error"), "")
        }
    }
}
