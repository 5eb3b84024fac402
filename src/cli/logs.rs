//! `autopilot logs`: the log of a run, or a part of it.

mod follow;
mod show;

use std::fs::File;
use std::time::Duration;

use super::exit::{Cause, Exit, Failure};
use super::inert::Stopped;
use super::{completions, output, target};
use crate::app::runs;
use crate::evidence::Files;
use crate::evidence::event::AttemptResult;
use crate::evidence::state::{AttemptState, Part, StepState};
use crate::worktree::State;
use follow::Follow;
use show::{Show, copy, internal};

/// Show the log of a run.
#[derive(Debug, clap::Args)]
pub(super) struct LogsArgs {
    /// An issue (its latest run), a run, or nothing: the latest run.
    #[arg(value_name = "ISSUE|RUN", add = completions::runs())]
    target: Option<String>,
    /// Only the attempts of this step.
    #[arg(long, value_name = "ID", add = completions::steps())]
    step: Option<String>,
    /// Only the attempts that failed.
    #[arg(long)]
    failed: bool,
    /// Go on as it grows, until the run ends.
    #[arg(short, long, conflicts_with_all = ["step", "failed"])]
    follow: bool,
}

pub(super) fn run(args: LogsArgs) -> Result<Exit, Failure> {
    let repository = target::repository()?;
    let found = target::find(&repository, args.target.as_deref())?;
    let files = found.files();
    let mut log = files.open_log().map_err(|error| Failure::new(Cause::Journal, error.to_string()))?;
    let mut show = Show::choose();
    let _stopped = Stopped::in_actions().map_err(|error| internal(&error))?;
    if args.step.is_some() || args.failed {
        return parts(&args, files, &mut log, &mut show);
    }
    let mut follow = Follow::new(files.clone(), log);
    loop {
        let running = args.follow && is_running(&repository.common_dir, follow.files())?;
        follow.on(&mut show)?;
        if !running || output::reader_is_gone() {
            return Ok(Exit::Done);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn parts(args: &LogsArgs, files: &Files, log: &mut File, show: &mut Show) -> Result<Exit, Failure> {
    let state = runs::read(files)?;
    if let Some(id) = args.step.as_ref().filter(|id| state.step(id).is_none()) {
        let ids: Vec<&str> = state.steps.iter().map(|step| step.id.as_str()).collect();
        return Err(Failure::new(Cause::Usage, format!("run {} has no step `{id}`", files.run()))
            .hint(format!("its steps: {}", ids.join(" "))));
    }
    let wanted = |(step, attempt): &(&StepState, &AttemptState)| {
        let is_named = args.step.as_ref().is_none_or(|id| step.id == *id);
        is_named && (!args.failed || attempt.result != Some(AttemptResult::Passed))
    };
    let spools = files.spools().map_err(|error| internal(&error))?;
    for (step, attempt) in state.attempts().filter(wanted) {
        match attempt.log {
            Part::At(from, to) => copy(log, from, to, show)?,
            Part::From(from) => copy(log, from, u64::MAX, show)?,
            Part::Spool => {
                let at = step.at(attempt.number);
                let spool =
                    spools.iter().find(|(own, _)| *own == at).and_then(|(_, path)| File::open(path).ok());
                spool.map_or(Ok(()), |mut spool| copy(&mut spool, 0, u64::MAX, show))?;
            }
        }
    }
    Ok(Exit::Done)
}

fn is_running(common_dir: &std::path::Path, files: &Files) -> Result<bool, Failure> {
    let at_work = State::find()?.at_work(common_dir, files.run().issue())?;
    Ok(at_work.is_some_and(|at_work| at_work.is_at(&files.run().to_string())))
}
