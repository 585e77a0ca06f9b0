//! A video, and the notice of its next picture: by `requestVideoFrameCallback`, else by the video's clock.

use std::cell::Cell;
use std::rc::Rc;

use js_sys::{Function, Reflect};
use wasm_bindgen::prelude::*;
use web_sys::HtmlVideoElement;

use super::Ticker;
use crate::app::browser;

/// A video and the notice of its next picture.
pub struct Video {
    pub(super) element: HtmlVideoElement,
    fresh: Rc<Cell<bool>>,
    seen_at: f64,
    last_time: f64,
    alive: Rc<Cell<bool>>,
}

impl Video {
    /// A video that plays, or will.
    pub fn new(element: HtmlVideoElement) -> Self {
        let (fresh, alive) = (Rc::new(Cell::new(true)), Rc::new(Cell::new(true)));
        watch(&element, &fresh, &alive);
        Self { element, fresh, seen_at: browser::now(), last_time: -1.0, alive }
    }

    /// There is a picture that was not drawn yet.
    pub(super) fn take_fresh(&mut self, now: f64) -> bool {
        if self.element.video_width() < 3 || self.element.video_height() < 3 {
            return false;
        }
        if self.fresh.replace(false) {
            self.seen_at = now;
            return true;
        }
        // Without the callback (missing, or silent for half a second) the video's clock tells.
        let time = self.element.current_time();
        if now - self.seen_at > 500.0 && time != self.last_time {
            self.last_time = time;
            return true;
        }
        false
    }
}

impl Drop for Video {
    fn drop(&mut self) {
        self.alive.set(false);
    }
}

/// Sets `fresh` at each new picture of a video while `alive`.
///
/// The closure holds itself and is never freed: the browser may call it once more after the video has gone.
fn watch(element: &HtmlVideoElement, fresh: &Rc<Cell<bool>>, alive: &Rc<Cell<bool>>) {
    let request =
        Reflect::get(element, &"requestVideoFrameCallback".into()).ok().and_then(|it| it.dyn_into().ok());
    let Some(request): Option<Function> = request else { return };
    let holder: Ticker = Rc::default();
    let (again, next, video) = (holder.clone(), request.clone(), element.clone());
    let (fresh, alive) = (fresh.clone(), alive.clone());
    let closure = Closure::<dyn FnMut()>::new(move || {
        fresh.set(true);
        if alive.get()
            && let Ok(holder) = again.try_borrow()
            && let Some(closure) = holder.as_ref()
        {
            let _ = next.call1(&video, closure.as_ref());
        }
    });
    let _ = request.call1(element, closure.as_ref());
    *holder.borrow_mut() = Some(closure);
}
