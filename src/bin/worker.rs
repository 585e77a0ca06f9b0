//! The worker's program.

fn main() {
    tinylens::worker::serve();
}
