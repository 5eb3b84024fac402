//! `autopilot stop ISSUE`: ends a run gracefully, from another terminal.

use super::exit::{Exit, Failure};
use super::{completions, number, output, target};
use crate::app::stop::{self, Stopped};
use crate::evidence::event::RunResult;
use crate::worktree::{Holder, State};

/// End the run of an issue gracefully, as SIGTERM would, and wait until it has ended.
#[derive(Debug, clap::Args)]
pub(super) struct StopArgs {
    /// Number of the issue.
    #[arg(value_parser = number::read, add = completions::issues())]
    issue: u64,
}

pub(super) fn run(args: StopArgs) -> Result<Exit, Failure> {
    let repository = target::repository()?;
    let state = State::find()?;
    let asking = |holder: &Holder| {
        let (run, pid, host) = (holder.whose(), holder.pid, &holder.host);
        output::note(&format!("{run} is asked to stop (process {pid} on {host})"));
    };
    match stop::stop(&state, &repository, args.issue, &asking)? {
        Stopped::NotRunning => output::line(&format!("no run of issue {} is running", args.issue))?,
        Stopped::Ended { run, result } => {
            let how = result.map_or("ended; `autopilot status` shows how", RunResult::word);
            output::line(&format!("run {run}: {how}"))?;
        }
    }
    Ok(Exit::Done)
}
