//! Takes a journal, gives what people read: status, summary, failure report. A fold over events that reads
//! nothing but the evidence, and so works after a crash.

mod beside;
mod cached;
mod comment;
mod details;
mod egress;
mod extent;
mod failure;
mod gantt;
mod markdown;
mod place;
mod publishing;
pub mod review;
mod revised;
mod screen;
mod secrets;
mod spoken;
mod summary;
mod tail;
#[cfg(test)]
mod tests;
mod tree;

use std::io;

pub use cached::taken;
pub use comment::{comment, marker, pull_request};
pub use markdown::is_hidden;
pub use place::place;
pub use publishing::name_of;
pub use spoken::plural;

use crate::evidence::provenance::Facts;
use crate::evidence::{Head, Recorder, RunState};
use crate::time::stamp;

/// Writes the reports of a run that has ended, with the base as it is today, and closes its evidence.
pub fn close(recorder: &mut Recorder, today: Option<&review::Today>) -> io::Result<Head> {
    recorder.keep_in_place()?;
    // The reports read the log.
    recorder.write_deferred()?;
    let (files, state) = (recorder.files().clone(), recorder.state());
    let summary = summary::write(state, &files, today);
    let failed = failure::write(state, &files)?;
    let result = state.end.as_ref().map(|end| end.result);
    tracing::debug!(run = %files.run(), ?result, summary = summary.len(), "the reports are written");
    let (not_salvaged, facts) = (not_salvaged(state), facts(state));
    recorder.write_reports(&summary, failed.as_deref(), not_salvaged.as_deref())?;
    recorder.close(&facts)
}

/// Lists what the salvage bundle does not hold as it was; nothing if it holds everything.
fn not_salvaged(state: &RunState) -> Option<String> {
    let lines = state.salvages().flat_map(|(at, salvage)| {
        salvage.not_held.iter().map(move |what| format!("{at}\t{what}\n")).collect::<Vec<_>>()
    });
    Some(lines.collect::<String>()).filter(|list| !list.is_empty())
}

fn facts(state: &RunState) -> Facts {
    Facts {
        autopilot: state.start.autopilot.to_string(),
        git: state.start.host.git.to_string(),
        issue: state.start.issue,
        plan_sha256: state.start.plan_sha256.to_string(),
        plan_commit: state.start.plan_commit.as_ref().and_then(|at| at.commit()).map(ToString::to_string),
        started_by: state.start.started_by.clone(),
        labels: state.start.labels.clone(),
        base: state.start.commit.to_string(),
        result: state.branch.as_ref().map(|made| (made.reference.to_string(), made.commit.to_string())),
        started: stamp(state.started),
        finished: stamp(state.last),
    }
}
