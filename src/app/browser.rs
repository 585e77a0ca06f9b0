//! Small things of the browser: listeners and timers that end when dropped, storage, fetching JSON, the clock.

use js_sys::{Array, Function};
use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, Document, Element, Event, EventTarget, HtmlElement, HtmlVideoElement, Response,
    ScrollIntoViewOptions, ScrollLogicalPosition, Storage, Url, Window,
};

use super::state::View;

/// A browser has taken a file's bytes after this long, milliseconds.
const SAVING_MILLIS: u32 = 10_000;

/// The window. `None` only where there is none, which is not in a page.
pub fn window() -> Option<Window> {
    web_sys::window()
}

/// The document.
pub fn document() -> Option<Document> {
    window()?.document()
}

/// The page's clock, milliseconds.
pub fn now() -> f64 {
    window().and_then(|window| window.performance()).map_or(0.0, |performance| performance.now())
}

/// The tab is hidden.
pub fn hidden() -> bool {
    document().is_some_and(|document| document.hidden())
}

/// The visitor asked for less motion.
pub fn reduced_motion() -> bool {
    let query =
        window().and_then(|window| window.match_media("(prefers-reduced-motion: reduce)").ok().flatten());
    query.is_some_and(|query| query.matches())
}

/// Listens to an event until it is dropped.
pub struct Listener {
    target: EventTarget,
    event: &'static str,
    closure: Closure<dyn FnMut(Event)>,
}

impl Listener {
    /// Calls `handler` at every `event` of `target`.
    pub fn new(target: &EventTarget, event: &'static str, handler: impl FnMut(Event) + 'static) -> Self {
        let closure = Closure::<dyn FnMut(Event)>::new(handler);
        // Only fails for a null callback.
        let _ = target.add_event_listener_with_callback(event, function(&closure));
        Self { target: target.clone(), event, closure }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.target.remove_event_listener_with_callback(self.event, function(&self.closure));
    }
}

fn function(closure: &Closure<dyn FnMut(Event)>) -> &Function {
    closure.as_ref().unchecked_ref()
}

/// Calls `action` once after `millis`.
pub fn after(millis: u32, action: impl FnOnce() + 'static) {
    if let Some(window) = window() {
        let callback = Closure::once_into_js(action);
        let delay = i32::try_from(millis).unwrap_or(i32::MAX);
        let _ = window.set_timeout_with_callback_and_timeout_and_arguments_0(callback.unchecked_ref(), delay);
    }
}

/// The text stored under a key; `None` also where the browser forbids storage.
pub fn stored(key: &str) -> Option<String> {
    storage()?.get_item(key).ok().flatten()
}

/// The text stored under a key, which goes from there.
pub fn take_stored(key: &str) -> Option<String> {
    let text = stored(key)?;
    if let Some(storage) = storage() {
        let _ = storage.remove_item(key);
    }
    Some(text)
}

/// Stores a text, where the browser allows it.
pub fn store(key: &str, value: &str) {
    if let Some(storage) = storage() {
        let _ = storage.set_item(key, value);
    }
}

fn storage() -> Option<Storage> {
    window()?.local_storage().ok().flatten()
}

/// Fetches and reads a JSON file of the served folder; `None` where it is not there or is something else.
pub async fn fetch_json<T: DeserializeOwned>(path: &str) -> Option<T> {
    serde_json::from_str(&fetch_text(path).await?).ok()
}

/// Fetches a text file of the served folder; `None` where it is not there.
pub async fn fetch_text(path: &str) -> Option<String> {
    let response = JsFuture::from(window()?.fetch_with_str(path)).await.ok()?.dyn_into::<Response>().ok()?;
    if !response.ok() {
        return None;
    }
    JsFuture::from(response.text().ok()?).await.ok()?.as_string()
}

/// The page's address without a fragment.
pub fn address() -> String {
    let href = window().and_then(|window| window.location().href().ok()).unwrap_or_default();
    href.split('#').next().unwrap_or_default().to_owned()
}

/// Puts a fragment into the address: another place is a new entry of the history, the same place with more or less
/// behind it is not, nor is another layer.
pub fn put_fragment(fragment: &str) {
    let place = |fragment: &str| {
        let place = fragment.trim_start_matches('#').split('?').next().unwrap_or_default();
        match View::from_fragment(place) {
            Some(View::Layers) => View::Layers.name().to_owned(),
            _ => place.to_owned(),
        }
    };
    let Some(window) = window() else { return };
    let now = window.location().hash().unwrap_or_default();
    if place(&now) == place(fragment) {
        replace_fragment(fragment);
    } else {
        let _ = window.location().set_hash(fragment);
    }
    window.scroll_to_with_x_and_y(0.0, 0.0);
}

/// Replaces the fragment of the address in the present entry of the history.
pub fn replace_fragment(fragment: &str) {
    if let Some(history) = window().and_then(|window| window.history().ok()) {
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&format!("#{fragment}")));
    }
}

/// Puts a text onto the clipboard; `None` where the browser does not allow it.
pub async fn copy(text: &str) -> Option<()> {
    let navigator = window()?.navigator();
    // At insecure addresses there is none.
    let there = js_sys::Reflect::get(&navigator, &"clipboard".into()).is_ok_and(|it| it.is_object());
    let written = there.then(|| navigator.clipboard().write_text(text))?;
    JsFuture::from(written).await.ok().map(drop)
}

/// The projector layout, and the full screen where the browser gives it.
pub fn project(on: bool) {
    let Some(document) = document() else { return };
    let Some(root) = document.document_element() else { return };
    if on {
        let _ = root.set_attribute("data-projector", "");
        // Refused where no key or button asked for it; the layout stands all the same.
        let request = js_sys::Reflect::get(&root, &"requestFullscreen".into()).unwrap_or_default();
        if let Some(request) = request.dyn_ref::<Function>()
            && let Ok(asked) = request.call0(&root)
            && let Ok(asked) = asked.dyn_into::<js_sys::Promise>()
        {
            wasm_bindgen_futures::spawn_local(async move {
                let _ = JsFuture::from(asked).await;
            });
        }
    } else {
        let _ = root.remove_attribute("data-projector");
        if document.fullscreen_element().is_some() {
            document.exit_fullscreen();
        }
    }
}

/// The root element's attribute.
pub fn set_root_attribute(name: &str, value: &str) {
    if let Some(root) = document().and_then(|document| document.document_element()) {
        let _ = root.set_attribute(name, value);
    }
}

/// A new silent video within `feeds`: browsers play only what is in the document.
///
/// # Errors
/// The browser's exception, which a document does not give for a known element.
pub fn video(feeds: &Element) -> Result<HtmlVideoElement, JsValue> {
    let element: HtmlVideoElement = document().ok_or("no document")?.create_element("video")?.dyn_into()?;
    element.set_muted(true);
    element.set_attribute("playsinline", "")?;
    element.set_tab_index(-1);
    feeds.append_child(&element)?;
    Ok(element)
}

/// Gives an element the focus.
pub fn focus(element: &HtmlElement) {
    let _ = element.focus();
}

/// Scrolls an element sideways into its box, and the page as little as can be.
pub fn reveal(element: &Element) {
    let options = ScrollIntoViewOptions::new();
    options.set_block(ScrollLogicalPosition::Nearest);
    options.set_inline(ScrollLogicalPosition::Nearest);
    element.scroll_into_view_with_scroll_into_view_options(&options);
}

/// Gives `text` to the visitor as a file called `name`.
///
/// # Errors
/// The browser's exception, which a document does not give.
pub fn save(name: &str, text: &str) -> Result<(), JsValue> {
    save_blob(name, &Blob::new_with_str_sequence(&Array::of1(&text.into()))?)
}

/// Gives bytes to the visitor as a file called `name`.
///
/// # Errors
/// The browser's exception, which a document does not give.
pub fn save_blob(name: &str, blob: &Blob) -> Result<(), JsValue> {
    let address = Url::create_object_url_with_blob(blob)?;
    let link: HtmlElement = document().ok_or("no document")?.create_element("a")?.dyn_into()?;
    link.set_attribute("href", &address)?;
    link.set_attribute("download", name)?;
    link.click();
    after(SAVING_MILLIS, move || {
        let _ = Url::revoke_object_url(&address);
    });
    Ok(())
}

/// Says on the console what went wrong without consequences for the visitor.
pub fn warn(what: &str, error: &JsValue) {
    web_sys::console::warn_2(&what.into(), error);
}
