//! Tinylens: see what compression does to a neural network, live in the browser.
//!
//! `bridge` defines the messages between the two halves, `app` owns the page, `worker` owns the models. Start with
//! [`bridge`].

pub mod app;
pub mod bridge;
pub mod worker;
