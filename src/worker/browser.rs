//! What the worker asks of the browser: its scope, the clock, turns of the event loop, pixels of a bitmap.

use js_sys::Promise;
use vision::{Picture, VisionError};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    DedicatedWorkerGlobalScope, ImageBitmap, OffscreenCanvas, OffscreenCanvasRenderingContext2d, VideoFrame,
};

use crate::bridge::{Failure, Runtime, SingleThread};

/// The worker's global scope.
pub(crate) fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// Shows a defect in the console; the page goes on.
pub(crate) fn report(error: &JsValue) {
    web_sys::console::error_1(error);
}

/// What the browser refused without a reason that people can act on.
pub(crate) fn internal(error: JsValue) -> Failure {
    Failure::Internal { detail: format!("{error:?}") }
}

/// Milliseconds from a monotonic clock.
pub(crate) fn now_millis() -> f64 {
    scope().performance().map_or(0.0, |performance| performance.now())
}

/// Lets messages that have come in meanwhile be handled before the caller goes on.
pub(crate) async fn next_turn() {
    let promise = Promise::new(&mut |resolve, _| {
        // A missing timer would leave the promise open for ever; resolving at once only loses the turn.
        if scope().set_timeout_with_callback(&resolve).is_err() {
            let _ = resolve.call0(&JsValue::UNDEFINED);
        }
    });
    let _ = JsFuture::from(promise).await;
}

/// The smallest module that uses one relaxed-SIMD instruction.
const RELAXED_SIMD: [u8; 36] = [
    0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2,
    253, 15, 253, 128, 2, 11,
];

/// Bytes of this module's memory.
pub(crate) fn memory_bytes() -> u64 {
    let memory: js_sys::WebAssembly::Memory = wasm_bindgen::memory().unchecked_into();
    js_sys::Reflect::get(&memory.buffer(), &"byteLength".into())
        .ok()
        .and_then(|length| length.as_f64())
        .map_or(0, |length| length as u64)
}

/// What this browser gives, and what the engine takes of it.
pub(crate) fn runtime(single_thread: Option<SingleThread>) -> Runtime {
    let scope = scope();
    let relaxed = js_sys::Uint8Array::from(&RELAXED_SIMD[..]);
    Runtime {
        simd128: cfg!(target_feature = "simd128"),
        relaxed_simd_available: js_sys::WebAssembly::validate(&relaxed.into()).unwrap_or(false),
        relaxed_simd_used: cfg!(target_feature = "relaxed-simd"),
        isolated: js_sys::Reflect::get(&scope, &"crossOriginIsolated".into())
            .is_ok_and(|value| value.is_truthy()),
        hardware_threads: scope.navigator().hardware_concurrency() as u32,
        threads: kernels::threads() as u32,
        single_thread,
    }
}

/// A picture's pixels: RGBA, rows from the top.
#[derive(Debug)]
pub(crate) struct Pixels {
    pub(crate) rgba: Vec<u8>,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

impl Pixels {
    /// The picture.
    pub(crate) fn picture(&self) -> Result<Picture<'_>, VisionError> {
        Picture::new(&self.rgba, self.width, self.height)
    }
}

/// What can be drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Drawable<'a> {
    Bitmap(&'a ImageBitmap),
    Video(&'a VideoFrame),
}

impl Drawable<'_> {
    /// Columns and rows as it is shown.
    fn size(self) -> [u32; 2] {
        match self {
            Self::Bitmap(bitmap) => [bitmap.width(), bitmap.height()],
            Self::Video(frame) => [frame.display_width(), frame.display_height()],
        }
    }
}

/// Reads what can be drawn through one canvas, which is kept.
#[derive(Debug, Default)]
pub(crate) struct PixelReader {
    canvas: Option<(OffscreenCanvas, OffscreenCanvasRenderingContext2d)>,
}

impl PixelReader {
    /// Draws `drawable` (no larger than `longest` on either side, shrunk where it is) and reads it back.
    pub(crate) fn read(&mut self, drawable: Drawable<'_>, longest: u32) -> Result<Pixels, JsValue> {
        let [width, height] = drawable.size();
        let shrink = f64::from(longest) / f64::from(width.max(height).max(1));
        let scaled = |length: u32| ((f64::from(length) * shrink.min(1.0)).round() as u32).max(1);
        let (width, height) = (scaled(width), scaled(height));
        let (canvas, context) = self.canvas()?;
        if canvas.width() != width || canvas.height() != height {
            canvas.set_width(width);
            canvas.set_height(height);
        }
        // What is transparent would show the picture before.
        context.set_fill_style_str("white");
        let [w, h] = [width, height].map(f64::from);
        context.fill_rect(0.0, 0.0, w, h);
        match drawable {
            Drawable::Bitmap(bitmap) => {
                context.draw_image_with_image_bitmap_and_dw_and_dh(bitmap, 0.0, 0.0, w, h)?;
            }
            Drawable::Video(frame) => {
                context.draw_image_with_video_frame_and_dw_and_dh(frame, 0.0, 0.0, w, h)?;
            }
        }
        let rgba = context.get_image_data(0.0, 0.0, w, h)?.data().0;
        Ok(Pixels { rgba, width: width as usize, height: height as usize })
    }

    fn canvas(&mut self) -> Result<&(OffscreenCanvas, OffscreenCanvasRenderingContext2d), JsValue> {
        if self.canvas.is_none() {
            let canvas = OffscreenCanvas::new(1, 1)?;
            let options = js_sys::Object::new();
            js_sys::Reflect::set(&options, &"willReadFrequently".into(), &true.into())?;
            let context = canvas
                .get_context_with_context_options("2d", &options)?
                .ok_or("no 2d context in a worker")?
                .dyn_into()?;
            self.canvas = Some((canvas, context));
        }
        self.canvas.as_ref().ok_or_else(|| "no canvas".into())
    }
}
