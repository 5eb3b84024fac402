//! `autopilot stop ISSUE`: ends a run in order, from another terminal.

use std::time::Duration;

use super::exit::{Exit, Failure};
use super::{output, target};
use crate::evidence::{Files, RunName};
use crate::report;
use crate::worktree::{Holder, Repository, State};

/// How often it looks whether the run has ended.
const LOOK: Duration = Duration::from_millis(200);

/// End the run of an issue in order, as SIGTERM would, and wait until it has ended.
#[derive(Debug, clap::Args)]
pub(super) struct StopArgs {
    /// Number of the issue.
    issue: u64,
}

pub(super) fn run(args: StopArgs) -> Result<Exit, Failure> {
    let repository = target::repository()?;
    let state = State::find()?;
    let Some(holder) = starting(&state, &repository, args.issue) else {
        output::line(&format!("no run of issue {} is running", args.issue))?;
        return Ok(Exit::Done);
    };
    state.ask_to_stop(&repository.common_dir, args.issue, &holder.run)?;
    output::note(&format!("run {} is asked to stop (process {} on {})", holder.run, holder.pid, holder.host));
    while state
        .holder(&repository.common_dir, args.issue)
        .is_some_and(|now| (now.run.as_str(), now.pid) == (holder.run.as_str(), holder.pid))
    {
        std::thread::sleep(LOOK);
    }
    output::line(&format!("run {}: {}", holder.run, result(&repository, &holder)))?;
    Ok(Exit::Done)
}

/// Waits until the holder of the issue's lock has named its run; nothing if there is no holder.
fn starting(state: &State, repository: &Repository, issue: u64) -> Option<Holder> {
    loop {
        let holder = state.holder(&repository.common_dir, issue)?;
        if !holder.run.is_empty() {
            return Some(holder);
        }
        std::thread::sleep(LOOK);
    }
}

fn result(repository: &Repository, holder: &Holder) -> String {
    let name = holder.run.parse::<RunName>().ok();
    let view = name.and_then(|name| report::read(&Files::of(&repository.toplevel, name)).ok().flatten());
    match view.and_then(|view| view.end.filter(|_| view.closed)) {
        Some(end) => super::status::word(end.result).to_owned(),
        None => "ended; `autopilot status` shows how".to_owned(),
    }
}
