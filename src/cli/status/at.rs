//! Takes the state of a run, gives where it is: in a few words, and in fields that are one thing each.

use crate::evidence::RunState;
use crate::report;

/// Where a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct At {
    /// The step that is under way, or that decided how the run ended.
    pub(super) step: Option<String>,
    /// The attempt at it.
    pub(super) attempt: Option<usize>,
    /// How many steps passed.
    pub(super) passed: usize,
    pub(super) steps: usize,
    words: String,
}

impl At {
    /// Finds where a run is.
    pub(super) fn of(view: &RunState) -> Self {
        let decided = view.end.as_ref().and_then(|end| end.step.as_ref());
        let decided = decided.and_then(|id| view.step(id.as_str()));
        let current = view.steps.iter().rev().find(|step| !step.attempts.is_empty());
        let at = if view.is_done() { None } else { decided.or(current) };
        let attempt = at.map(|step| step.attempts.len()).filter(|attempts| *attempts > 0);
        let words = match at {
            _ if view.is_done() => format!("{}/{}", view.passed(), view.steps.len()),
            Some(step) if decided.is_some() => step.id.to_string(),
            Some(step) => report::place(view, step.id.as_str(), step.attempts.len()),
            None => "–".to_owned(),
        };
        let step = at.map(|step| step.id.to_string());
        Self { step, attempt, passed: view.passed(), steps: view.steps.len(), words }
    }

    /// Says it.
    pub(super) fn words(at: Option<&Self>) -> String {
        at.map_or_else(|| "–".to_owned(), |at| at.words.clone())
    }
}
