//! The app.

/// Starts the page.
fn main() {
    tinylens::app::start();
}
