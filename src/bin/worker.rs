//! The worker's program, as `static/worker.js` and `static/helper.js` start it.
//!
//! In flavours with threads every thread is an instance of this module on one memory, and all of them run `main`. So it
//! does nothing; the scripts say what an instance is for.

use tinylens::bridge::SingleThread;
use tinylens::worker;
use wasm_bindgen::prelude::*;

fn main() {}

/// Listens to the page. `single_thread` is the name of a [`SingleThread`] where no helpers run.
#[wasm_bindgen]
pub fn serve(single_thread: Option<String>) {
    worker::serve(single_thread.as_deref().and_then(SingleThread::from_name));
}

/// Helps the thread that serves, for ever.
#[wasm_bindgen]
pub fn help() {
    kernels::help();
}

/// Threads that share a kernel's work by now.
#[wasm_bindgen]
pub fn threads() -> usize {
    kernels::threads()
}

/// Says that a helper has failed.
#[wasm_bindgen]
pub fn report_lost_helper() {
    kernels::report_lost_helper();
}

/// What a helper's instance is made of: the module and the memory.
#[wasm_bindgen]
pub fn parts() -> Vec<JsValue> {
    vec![wasm_bindgen::module(), wasm_bindgen::memory()]
}
