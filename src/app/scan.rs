//! Reads QR codes from the picture that is on screen, where the browser can (`BarcodeDetector`).

use std::cell::Cell;
use std::rc::Rc;

use js_sys::{Array, Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::HtmlCanvasElement;
use yew::Callback;

use super::browser;

/// Between two looks, milliseconds.
const PAUSE_MILLIS: u32 = 300;

/// Looks until it is dropped.
pub struct Scanner {
    on: Rc<Cell<bool>>,
}

impl Scanner {
    /// Looks at `canvas` again and again and gives each text that it finds to `seen`. `None` where the browser cannot.
    pub fn start(canvas: HtmlCanvasElement, seen: Callback<String>) -> Option<Self> {
        let detector = detector()?;
        let detect: Function = Reflect::get(&detector, &"detect".into()).ok()?.dyn_into().ok()?;
        let on = Rc::new(Cell::new(true));
        let scanner = Self { on: on.clone() };
        spawn_local(async move {
            while on.get() {
                for text in look(&detector, &detect, &canvas).await.unwrap_or_default() {
                    seen.emit(text);
                }
                pause().await;
            }
        });
        Some(scanner)
    }
}

impl Drop for Scanner {
    fn drop(&mut self) {
        self.on.set(false);
    }
}

fn detector() -> Option<JsValue> {
    let class: Function =
        Reflect::get(&browser::window()?.into(), &"BarcodeDetector".into()).ok()?.dyn_into().ok()?;
    let options = Object::new();
    Reflect::set(&options, &"formats".into(), &Array::of1(&"qr_code".into())).ok()?;
    Reflect::construct(&class, &Array::of1(&options)).ok()
}

async fn look(detector: &JsValue, detect: &Function, canvas: &HtmlCanvasElement) -> Option<Vec<String>> {
    let found: Promise = detect.call1(detector, canvas).ok()?.dyn_into().ok()?;
    let codes = Array::from(&JsFuture::from(found).await.ok()?);
    Some(codes.iter().filter_map(|code| Reflect::get(&code, &"rawValue".into()).ok()?.as_string()).collect())
}

async fn pause() {
    let waited = Promise::new(&mut |resolve, _| {
        browser::after(PAUSE_MILLIS, move || {
            let _ = resolve.call0(&JsValue::UNDEFINED);
        });
    });
    let _ = JsFuture::from(waited).await;
}
