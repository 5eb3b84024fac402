//! What a document of tasks holds, whatever its form.

use std::time::Duration;

use super::words;

/// A task as the document has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Task {
    /// Its id, as written.
    pub id: String,
    /// Its heading.
    pub title: String,
    /// What is to be done.
    pub description: String,
    /// How long it may take, if that is estimated.
    pub estimate: Option<Duration>,
    /// Ids of the tasks that come before.
    pub needs: Vec<String>,
    /// Line where it begins, 1-based.
    pub line: usize,
    /// Nothing is left to do.
    pub is_done: bool,
    /// What was not clear, and how it was taken: a comment in the plan.
    pub remark: Option<String>,
}

impl Task {
    /// Tells whether it may be done without a change: an analysis, a review.
    pub(super) fn only_looks(&self) -> bool {
        words::only_looks(&self.title)
    }
}

/// What a document of tasks holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    /// What the issue is about.
    pub title: Option<String>,
    /// The tasks in the order they are written.
    pub tasks: Vec<Task>,
    /// What it says itself of its critical path.
    pub critical_path: Option<Duration>,
    /// What could not be taken as it stands, a line each, with its place.
    pub notes: Vec<String>,
    /// Why it cannot be read, a line each, with its place.
    pub wrong: Vec<String>,
}

/// What is wrong with a document, a line each, with its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct Wrong(pub Vec<String>);
