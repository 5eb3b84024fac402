//! Takes a journal, gives what people read: status, summary, failure report. A fold over events that reads
//! nothing but the evidence, and so works after a crash.

mod comment;
mod egress;
mod failure;
mod gantt;
mod markdown;
mod publishing;
mod secrets;
mod summary;

use std::io;
use std::time::Duration;

pub use comment::{comment, marker, pull_request};
pub use publishing::name_of;

use crate::evidence::provenance::Facts;
use crate::evidence::state::{AttemptState, Part};
use crate::evidence::{Files, Head, Recorder, RunState, log};
use crate::plan::units;

/// Writes the reports of a run that has ended, and closes its evidence.
pub fn close(recorder: &mut Recorder) -> io::Result<Head> {
    recorder.keep_in_place()?;
    // The reports read the log.
    recorder.write_deferred()?;
    let (files, state) = (recorder.files().clone(), recorder.state().clone());
    let summary = summary::write(&state, &files);
    let failed = failure::write(&state, &files)?;
    recorder.write_reports(&summary, failed.as_deref(), not_salvaged(&state).as_deref())?;
    recorder.close(&facts(&state))
}

/// Lists what the salvage bundle does not hold as it was; nothing if it holds everything.
fn not_salvaged(state: &RunState) -> Option<String> {
    let lines = state.salvages().flat_map(|(at, salvage)| {
        salvage.not_held.iter().map(move |what| format!("{at}\t{what}\n")).collect::<Vec<_>>()
    });
    Some(lines.collect::<String>()).filter(|list| !list.is_empty())
}

/// Returns the last lines of an attempt, and how many it printed.
fn log_of(attempt: &AttemptState, files: &Files, lines: usize) -> io::Result<(Vec<String>, u64)> {
    match attempt.log {
        Part::At(from, to) => log::tail(&files.log(), from, to, lines),
        Part::From(from) => log::tail(&files.log(), from, u64::MAX, lines),
        // What a runner that died left of it is lost.
        Part::Spool => Ok((Vec::new(), 0)),
    }
}

/// Writes a duration as people say it: `0.3s`, `8m43s`.
fn spoken(duration: Duration) -> String {
    if duration < Duration::from_secs(10) {
        format!("{:.1}s", duration.as_secs_f64())
    } else {
        units::duration(Duration::from_secs(duration.as_secs()))
    }
}

fn facts(state: &RunState) -> Facts {
    let stamp =
        |time: chrono::DateTime<chrono::Utc>| time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    Facts {
        autopilot: state.start.autopilot.to_string(),
        git: state.start.host.git.to_string(),
        issue: state.start.issue,
        plan_sha256: state.start.plan_sha256.to_string(),
        base: state.start.commit.to_string(),
        result: state.branch.as_ref().map(|made| (made.reference.to_string(), made.commit.to_string())),
        started: stamp(state.started),
        finished: stamp(state.last),
    }
}
