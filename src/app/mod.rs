//! The page: what visitors see and touch. Models never run here; `worker_client.rs` talks to the worker that has them.
//!
//! Start with `state/`: every change of the page is an action through its pure transition. `page.rs` holds the state,
//! `page/effects.rs` carries out the transition's effects, `components/` render it, and `frames.rs` moves pictures.

mod browser;
mod camera;
mod components;
mod database;
mod drawings;
mod files;
mod frames;
mod lists;
mod offline;
mod page;
mod pictures;
mod report;
mod scan;
mod state;
mod statistics;
mod tools;
mod virtual_camera;
mod words;
mod worker_client;

/// Puts the page into the document.
pub fn start() {
    yew::Renderer::<page::Page>::new().render();
}
