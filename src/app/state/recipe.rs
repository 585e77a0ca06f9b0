//! The recipe: what is wanted, what runs, what is finished.

use std::rc::Rc;

use super::{Draft, Progress};
use crate::bridge::{CompressedFacts, Failure, RequestId};

/// Wanted, running, finished.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecipeState {
    /// What the rail shows.
    pub wanted: Draft,
    /// Rises with every change of the wanted recipe.
    pub revision: u32,
    /// The recipe that the worker runs.
    pub running: Option<Attempt>,
    /// The compressed model that answers, and the draft of its recipe.
    pub finished: Option<(Draft, Rc<CompressedFacts>)>,
    /// Why the wanted recipe came to nothing.
    pub failure: Option<Failure>,
}

/// A running recipe.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// The request.
    pub id: RequestId,
    /// What it makes.
    pub draft: Draft,
    /// How far.
    pub progress: Progress,
}

impl RecipeState {
    /// The compressed model's facts where they belong to what the rail shows, never older ones.
    pub fn current(&self) -> Option<&Rc<CompressedFacts>> {
        let wanted = self.wanted.recipe();
        self.finished.as_ref().map(|(_, facts)| facts).filter(|facts| facts.recipe == wanted)
    }

    /// The rail shows what answers.
    pub fn is_current(&self) -> bool {
        self.current().is_some()
    }
}
