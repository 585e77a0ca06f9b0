//! Prose: paragraphs and tables of text, live figures, terms and sources.

use serde::{Deserialize, Serialize};

use crate::names::{as_text, text};
use crate::{Condition, FigureAt};

/// A block of prose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Block {
    /// A paragraph.
    Paragraph(Vec<Inline>),
    /// Two paragraphs, of which a measurement chooses.
    Either {
        /// What decides.
        #[serde(serialize_with = "as_text", deserialize_with = "text")]
        condition: Condition,
        /// Where it holds.
        when: Vec<Inline>,
        /// Where it does not.
        otherwise: Vec<Inline>,
    },
    /// A table: the head, then rows of as many cells.
    Table {
        /// The head's cells.
        head: Vec<Vec<Inline>>,
        /// Rows of cells.
        rows: Vec<Vec<Vec<Inline>>>,
    },
}

/// A piece of text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Inline {
    /// As it stands.
    Text(String),
    /// A term where it is explained.
    Term(String),
    /// Stressed.
    Stress(String),
    /// A live figure.
    #[serde(serialize_with = "as_text", deserialize_with = "text")]
    Figure(FigureAt),
    /// A key of the sources, and what follows it: `Krishnamoorthi 2018`, `, table 2`.
    Source {
        /// The key.
        key: String,
        /// The place in it, or nothing.
        place: String,
    },
}

impl Block {
    /// All its text, both branches of a choice.
    pub fn inlines(&self) -> Vec<&Inline> {
        match self {
            Self::Paragraph(text) => text.iter().collect(),
            Self::Either { when, otherwise, .. } => when.iter().chain(otherwise).collect(),
            Self::Table { head, rows } => head.iter().chain(rows.iter().flatten()).flatten().collect(),
        }
    }
}
