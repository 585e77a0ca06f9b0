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
    /// What was wanted before, the last one at the end.
    pub before: Vec<Draft>,
    /// The last change waits for the next one and is one with it.
    pub(super) settling: bool,
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

/// Changes that can be undone; the oldest go first.
const MAX_UNDO: usize = 50;

impl RecipeState {
    /// Remembers what is wanted before it changes. Changes of one movement, such as those of a slider, are one.
    pub(super) fn remember(&mut self) {
        if self.settling {
            return;
        }
        self.before.push(self.wanted.clone());
        if self.before.len() > MAX_UNDO {
            self.before.remove(0);
        }
    }

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
