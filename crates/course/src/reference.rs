//! The glossary and the sources.

use serde::{Deserialize, Serialize};

/// A term in one sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// The words by which prose names it.
    pub words: Vec<String>,
    /// The lesson that introduces it.
    pub lesson: u8,
    /// The sentence.
    pub text: String,
}

/// All terms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Glossary(pub Vec<Term>);

impl Glossary {
    /// The term that a word names, whatever its first letter's case.
    pub fn term(&self, word: &str) -> Option<&Term> {
        let word = word.to_lowercase();
        self.0.iter().find(|term| term.words.iter().any(|it| it.to_lowercase() == word))
    }
}

/// Where a statement comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// As lessons name it.
    pub key: String,
    /// Authors, title, place.
    pub document: String,
    /// Its address.
    #[serde(default)]
    pub link: Option<String>,
    /// What the course takes from it.
    pub claim: String,
    /// How far that was checked.
    pub evidence: String,
}

/// All sources.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sources(pub Vec<Source>);

impl Sources {
    /// The source with this key.
    pub fn source(&self, key: &str) -> Option<&Source> {
        self.0.iter().find(|source| source.key == key)
    }
}
