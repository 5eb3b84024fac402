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
mod view;

use std::io;
use std::path::Path;
use std::time::Duration;

pub use comment::{comment, marker, pull_request};
pub use publishing::{PublishState, PublishView, name_of};
pub use view::{AttemptView, End, RunView, SalvageView, StepView, WorktreeView};

use crate::evidence::provenance::Facts;
use crate::evidence::{Files, Head, Recorder, journal, log};
use crate::plan::units;

/// Reads the journal of a run; nothing if it does not begin with `run.started`.
pub fn read(files: &Files) -> io::Result<Option<RunView>> {
    read_journal(&files.journal())
}

/// Reads a run's journal, wherever a copy of it lies.
pub fn read_journal(path: &Path) -> io::Result<Option<RunView>> {
    Ok(RunView::fold(&journal::read(path)?))
}

/// Writes the reports of a run that has ended, and closes its evidence.
pub fn close(recorder: &mut Recorder) -> io::Result<(RunView, Head)> {
    recorder.keep_in_place()?;
    let files = recorder.files().clone();
    let view = read(&files)?.ok_or_else(|| io::Error::other("a run without a beginning cannot be closed"))?;
    let summary = summary::write(&view, &files);
    let failed = failure::write(&view, &files)?;
    recorder.write_reports(&summary, failed.as_deref(), not_salvaged(&view).as_deref())?;
    let head = recorder.close(&facts(&view))?;
    Ok((view, head))
}

/// Lists what the salvage bundle does not hold as it was; nothing if it holds everything.
fn not_salvaged(view: &RunView) -> Option<String> {
    let lines = view.salvages().flat_map(|(at, salvage)| {
        salvage.not_held.iter().map(move |what| format!("{at}\t{what}\n")).collect::<Vec<_>>()
    });
    Some(lines.collect::<String>()).filter(|list| !list.is_empty())
}

/// Returns the last lines of an attempt, and how many it printed.
fn log_of(attempt: &AttemptView, files: &Files, lines: usize) -> io::Result<(Vec<String>, u64)> {
    log::tail(&files.log(), attempt.log.0, attempt.log.1.unwrap_or(u64::MAX), lines)
}

/// Writes a duration as people say it: `0.3s`, `8m43s`.
fn spoken(duration: Duration) -> String {
    if duration < Duration::from_secs(10) {
        format!("{:.1}s", duration.as_secs_f64())
    } else {
        units::duration(Duration::from_secs(duration.as_secs()))
    }
}

fn facts(view: &RunView) -> Facts {
    let stamp =
        |time: chrono::DateTime<chrono::Utc>| time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    Facts {
        autopilot: view.start.autopilot.to_string(),
        git: view.start.host.git.to_string(),
        issue: view.start.issue,
        plan_sha256: view.start.plan_sha256.to_string(),
        base: view.start.commit.to_string(),
        result: view.branch.as_ref().map(|(reference, commit, _)| (reference.clone(), commit.clone())),
        started: stamp(view.started),
        finished: stamp(view.last),
    }
}
