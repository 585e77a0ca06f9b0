//! Reads the course: lessons in Markdown with live figures, questions and what the learner may move, a glossary and a
//! list of sources. `static/course` holds them, in the same form for each language.
//!
//! This crate knows what a lesson may say, not how it is shown nor where a figure's value comes from: figures, recipes
//! and conditions are names that the page resolves. A name that does not exist is refused with its place. Start with
//! [`Lesson`]. The feature `files` reads the files themselves; the build has it, the page, which fetches what the build
//! made of them, does not.

#![forbid(unsafe_code)]

mod condition;
mod control;
#[cfg(feature = "files")]
mod error;
mod figure;
#[cfg(feature = "files")]
mod files;
mod lesson;
mod names;
#[cfg(feature = "files")]
mod prose;
mod question;
mod recipe;
mod reference;
mod text;

pub use condition::{Bound, Comparison, Condition};
pub use control::{
    Action, Axis, Chart, Control, DefaultLayer, Format, Keep, Metric, Model, Overlay, Pick, Series,
};
pub use control::{Slider, SliderName, Switch, Tray, View};
#[cfg(feature = "files")]
pub use error::CourseError;
pub use figure::{Figure, FigureAt, Kind, Part, Quantity, Rung};
#[cfg(feature = "files")]
pub use files::lesson_json;
pub use lesson::{Lesson, Step};
pub use question::{Answer, Ask, Choice, Guess, GuessFeedback, Outcome, Range, Rule, Truth, Unit};
pub use recipe::{CourseRecipe, Settings};
pub use reference::{Glossary, Source, Sources, Term};
pub use text::{Block, Inline};

/// How many lessons there are.
pub const N_LESSONS: u8 = 8;
