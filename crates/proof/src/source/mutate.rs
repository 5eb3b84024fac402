//! Takes two versions of a source file, gives the later one with one value of its new code changed, again and again.

use super::Language;

/// A file with one value of it changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutation {
    /// The line, counted from 1.
    pub line: u32,
    /// What was done: "3 became 4".
    pub what: String,
    /// The whole file.
    pub text: String,
}

/// Gives the values on the changed lines of code, each changed by itself: those that matter most first.
pub fn mutations(language: Language, before: Option<&str>, after: &str) -> Vec<Mutation> {
    let _ = (language, before, after);
    Vec::new()
}

/// Chooses `count` of them, spread over files and lines.
pub fn choose(all: Vec<(String, Mutation)>, count: usize) -> Vec<(String, Mutation)> {
    all.into_iter().take(count).collect()
}
