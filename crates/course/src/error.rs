//! What is wrong with a file of the course, and where.

/// A file of the course that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {detail}")]
pub struct CourseError {
    /// The step or part.
    pub place: String,
    /// What is wrong, and what would be right.
    pub detail: String,
}

impl CourseError {
    pub(crate) fn new(place: impl Into<String>, detail: impl ToString) -> Self {
        Self { place: place.into(), detail: detail.to_string() }
    }
}
