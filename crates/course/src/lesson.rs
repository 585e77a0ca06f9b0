//! A lesson as the page has it: steps of prose with one control block each.

use serde::Deserialize;

use crate::{Block, Condition, Control, FigureAt, Inline};

/// A lesson. `files.rs` makes it of Markdown, and writes the JSON of which it is deserialized.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Lesson {
    /// Its number, from 1.
    pub number: u8,
    /// Its title.
    pub title: String,
    /// How long it takes.
    pub minutes: u8,
    /// What the learner can do afterwards.
    pub aim: String,
    /// What the learner keeps.
    pub keep: String,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// A step: one idea, one view.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Step {
    /// Its heading, without the number.
    pub title: String,
    /// What is read first.
    pub before: Vec<Block>,
    /// What appears once the question or the guess is answered.
    pub after: Vec<Block>,
    /// What is on the right, and what is asked.
    pub control: Control,
}

impl Step {
    /// Every block, those that are hidden at first too.
    pub fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.before.iter().chain(&self.after)
    }

    /// The live figures of the prose and of its conditions, in the order in which they come.
    pub fn figures(&self) -> Vec<&FigureAt> {
        let in_text = self.blocks().flat_map(Block::inlines).filter_map(|inline| match inline {
            Inline::Figure(figure) => Some(figure),
            Inline::Text(_) | Inline::Term(_) | Inline::Stress(_) | Inline::Source { .. } => None,
        });
        let in_conditions = self.blocks().filter_map(|block| match block {
            Block::Either { condition, .. } => Some(condition),
            Block::Paragraph(_) | Block::Table { .. } => None,
        });
        in_text.chain(in_conditions.flat_map(Condition::figures)).collect()
    }
}
