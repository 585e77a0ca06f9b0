//! Tinylens.
