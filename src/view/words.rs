//! How a run stands, and what of it is said in a few words wherever it is told of.

use std::time::Duration;

use autopilot_view::{Fact, Mark, Value};

use crate::evidence::RunState;
use crate::evidence::event::{Change, ChangeKind, RunResult};
use crate::plan::units;

/// Says how a run stands.
pub(super) fn mark(state: &RunState, is_running: bool) -> Mark {
    match &state.end {
        _ if is_running => Mark::Open,
        Some(end) if end.result == RunResult::Done && state.closed => Mark::Good,
        Some(_) | None => Mark::Bad,
    }
}

/// Says how a run stands, in a word.
pub(super) fn word(state: &RunState, is_running: bool) -> &'static str {
    match &state.end {
        _ if is_running => "running",
        Some(end) if state.closed => end.result.word(),
        Some(_) | None => RunResult::Crashed.word(),
    }
}

/// Returns how long a run took, or has taken.
pub(super) fn took(state: &RunState, is_running: bool) -> Duration {
    let since =
        || (chrono::Utc::now() - state.started).to_std().unwrap_or_default().saturating_sub(state.paused);
    match &state.end {
        _ if is_running => since(),
        Some(end) => end.took,
        None => state.active(|_| Duration::MAX),
    }
}

/// Returns a digest or a commit, short.
pub(super) fn short(digest: &str) -> String {
    digest.chars().take(12).collect()
}

/// Says by how much a file changed.
pub(super) fn counts(change: &Change) -> String {
    let counts = match (change.added, change.removed) {
        (Some(added), Some(removed)) => format!("+{added} −{removed}"),
        _ => "binary".to_owned(),
    };
    match change.kind {
        ChangeKind::Added => format!("{counts} new"),
        ChangeKind::Modified => counts,
        ChangeKind::Deleted => format!("{counts} deleted"),
    }
}

/// Says what was used of a model; what costs nothing says nothing of it.
pub(super) fn used(tokens: u64, cost: Option<u64>) -> Fact {
    let cost = cost.filter(|cost| *cost > 0);
    let cost = cost.map(|cost| format!(", {}", units::dollars(cost))).unwrap_or_default();
    Fact::text(Mark::Plain, "model", format!("{} tokens{cost}", units::count(tokens)))
}

/// Says what could not be ended, if there is anything.
pub(super) fn left_running(survivors: u32) -> Option<Fact> {
    (survivors > 0).then(|| Fact::text(Mark::Bad, "left running", processes(survivors)))
}

/// Counts processes.
pub(super) fn processes(count: u32) -> String {
    if count == 1 { "1 process".to_owned() } else { format!("{count} processes") }
}

/// Names the first of some things, and counts the rest.
pub(super) fn first(
    mark: Mark,
    name: &str,
    all: impl ExactSizeIterator<Item = impl AsRef<str>>,
    most: usize,
) -> Fact {
    let more = all.len().saturating_sub(most);
    let fact = Fact::code(mark, name, all.take(most));
    if more == 0 { fact } else { fact.and(Value::Text(format!("and {more} more").into())) }
}
