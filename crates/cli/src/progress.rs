//! Progress bars on standard error, on a terminal only.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar of `total` steps called `what`; it shows nothing where standard error is no terminal, and is gone when
/// dropped.
pub fn bar(what: &str, total: u64) -> Bar {
    let target =
        if io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(total), target);
    if let Ok(style) = ProgressStyle::with_template("{msg:<14} {wide_bar} {pos}/{len} {eta}") {
        bar.set_style(style);
    }
    bar.set_message(what.to_owned());
    Bar(bar)
}

/// See [`bar`].
pub struct Bar(ProgressBar);

impl Bar {
    /// One step more; from any thread.
    pub fn step(&self) {
        self.0.inc(1);
    }

    /// Another stage.
    pub fn set(&self, what: &str, done: u64, total: u64) {
        self.0.set_message(what.to_owned());
        self.0.set_length(total);
        self.0.set_position(done);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
