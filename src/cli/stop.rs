//! `autopilot stop ISSUE`: ends a run in order, from another terminal.

use std::time::{Duration, Instant};

use super::exit::{Exit, Failure};
use super::{output, target};
use crate::app::runs;
use crate::evidence::{Files, RunName};
use crate::worktree::{Holder, LockError, Repository, State};

/// How often it looks whether the run has ended.
const LOOK: Duration = Duration::from_millis(200);
/// How long a run of another host is given: nobody sees from here whether that host is still there.
const ELSEWHERE: Duration = Duration::from_secs(60);
/// The same for one that has not even a name.
const NAMELESS: Duration = Duration::from_secs(5);

/// End the run of an issue in order, as SIGTERM would, and wait until it has ended.
#[derive(Debug, clap::Args)]
pub(super) struct StopArgs {
    /// Number of the issue.
    issue: u64,
}

pub(super) fn run(args: StopArgs) -> Result<Exit, Failure> {
    let repository = target::repository()?;
    let state = State::find()?;
    let lock = || state.holder(&repository.common_dir, args.issue);
    let Some(mut holder) = lock()? else { return not_here(&repository, args.issue) };
    let ask = |holder: &Holder| {
        let (run, pid, host) = (holder.whose(), holder.pid, &holder.host);
        output::note(&format!("{run} is asked to stop (process {pid} on {host})"));
        state.ask_to_stop(&repository.common_dir, args.issue, &holder.run)
    };
    ask(&holder)?;
    let mut asked = Instant::now();
    while let Some(now) = lock()?.filter(|now| now.is_same_process(&holder)) {
        // It goes by the name it has by now.
        if now.run != holder.run {
            ask(&now)?;
            (holder, asked) = (now, Instant::now());
            continue;
        }
        let patience = if now.run.is_empty() { NAMELESS } else { ELSEWHERE };
        if now.is_of_another_host() && asked.elapsed() > patience {
            let path = state.lock_file(&repository.common_dir, args.issue);
            return Err(LockError::Held { holder: Box::new(now), path }.into());
        }
        std::thread::sleep(LOOK);
    }
    if holder.run.is_empty() {
        return not_here(&repository, args.issue);
    }
    output::line(&format!("run {}: {}", holder.run, result(&repository, &holder)))?;
    Ok(Exit::Done)
}

/// Says what there is to say where nobody holds the issue's lock.
fn not_here(repository: &Repository, issue: u64) -> Result<Exit, Failure> {
    let runs = runs::of(repository, Some(issue))?;
    if let Some(run) = runs.into_iter().find(|run| Files::of(&repository.toplevel, *run).is_recorded()) {
        return Err(Failure::new(Exit::Locked, format!("run {run} is running with another state directory"))
            .hint("ask it with the AUTOPILOT_STATE_DIR that it was started with"));
    }
    output::line(&format!("no run of issue {issue} is running"))?;
    Ok(Exit::Done)
}

fn result(repository: &Repository, holder: &Holder) -> String {
    let name = holder.run.parse::<RunName>().ok();
    let view = name.and_then(|name| Files::of(&repository.toplevel, name).read().ok().flatten());
    match view.and_then(|view| view.end.filter(|_| view.closed)) {
        Some(end) => end.result.word().to_owned(),
        None => "ended; `autopilot status` shows how".to_owned(),
    }
}
