//! The parts of the page, one per file. They render what the state says and dispatch actions; none keeps a state of its
//! own beyond focus and open lists.

mod camera_card;
mod card;
mod classroom;
mod compare;
mod controls;
mod course;
mod divider;
mod dock;
mod experiments;
mod fixed_set;
mod head;
mod heat_map;
mod icon;
mod keys;
mod layers;
mod live;
mod marks;
mod model_dialog;
mod notices;
mod picker;
mod plot;
mod predictions;
mod privacy;
mod progress_bar;
mod projector;
mod qr;
mod recipe_moves;
mod recipe_rail;
mod recipe_steps;
mod recipe_words;
mod runtime;
mod segmented;
mod share;
mod side_head;
mod size_ladder;
mod spoken;
mod stage;
mod start;
mod storage;
mod tape;
mod verdict;

pub use classroom::Classroom;
pub use course::Course;
pub use dock::Dock;
pub use experiments::{ExperimentsView, PARETO_ID};
pub use head::Head;
pub use keys::KeyMap;
pub use layers::Layers;
pub use live::Live;
pub use model_dialog::ModelDialog;
pub use notices::{DropZone, Notices};
pub use projector::Projector;
pub use share::ShareDialog;
pub use spoken::SpokenAnswers;
pub use start::Start;
pub use storage::Storage;

use super::lists::Naming;
use super::words::Words;

/// The name of a recipe from the history.
pub fn recipe_name(words: &Words, recipe: &pipeline::Recipe) -> String {
    recipe_words::draft_name(words, &super::state::Draft::of(recipe))
}

/// The name of a class, or its number where it has no name.
fn class_name(naming: &Naming, class: u32, words: &Words) -> String {
    match naming.name(class, words.language()) {
        Some(name) => name.to_owned(),
        None => words.text_with("class-number", &[("number", (&words.count(class.into())).into())]),
    }
}

/// `width: 61.3%` for a share `0..=1`; set as a property, which the page's policy allows, never as an attribute.
fn width_style(share: f64) -> String {
    format!("width:{:.2}%", 100.0 * share.clamp(0.0, 1.0))
}
