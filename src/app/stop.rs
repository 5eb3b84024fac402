//! Stops the run of an issue in order, from another process, and waits until it has ended.

use std::time::{Duration, Instant};

use super::{Error, runs};
use crate::evidence::event::RunResult;
use crate::evidence::{Files, RunName};
use crate::worktree::{AtWork, Holder, LockError, Repository, State, Watched};

/// How often it looks whether the run has ended.
const LOOK: Duration = Duration::from_millis(200);
/// How long a run of another host is given: nobody sees from here whether that host is still there.
const ELSEWHERE: Duration = Duration::from_secs(60);
/// The same for one that has not even a name.
const NAMELESS: Duration = Duration::from_secs(5);

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stopped {
    /// No run of the issue runs.
    NotRunning,
    /// The run has ended.
    Ended {
        /// Its name.
        run: String,
        /// How it ended, if its evidence tells.
        result: Option<RunResult>,
    },
}

/// Asks whoever runs an issue to stop, tells whom, and waits.
pub fn stop(
    state: &State,
    repository: &Repository,
    issue: u64,
    asking: &dyn Fn(&Holder),
) -> Result<Stopped, Error> {
    let lock = || state.holder(&repository.common_dir, issue);
    let ask = |holder: &Holder| {
        asking(holder);
        state.ask_to_stop(&repository.common_dir, issue, &holder.run)
    };
    let Some(mut holder) = lock()? else { return not_here(state, repository, issue) };
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
            let path = state.lock_file(&repository.common_dir, issue);
            return Err(LockError::Held { holder: Box::new(now), path }.into());
        }
        std::thread::sleep(LOOK);
    }
    if holder.run.is_empty() {
        return not_here(state, repository, issue);
    }
    let result = result(repository, &holder.run);
    Ok(Stopped::Ended { run: holder.run, result })
}

/// Tells what there is to tell where nobody holds the issue's lock.
fn not_here(state: &State, repository: &Repository, issue: u64) -> Result<Stopped, Error> {
    if let Some(AtWork::Elsewhere(Watched { holder, path, .. })) =
        state.at_work(&repository.common_dir, issue)?
    {
        return Err(LockError::Claimed { holder, path }.into());
    }
    let all = runs::of(repository, Some(issue))?;
    let is_unknown = all.is_empty();
    match all.into_iter().find(|run| Files::of(&repository.toplevel, *run).is_recorded()) {
        Some(run) => Err(Error::OtherState { run }),
        None if is_unknown => Err(runs::none(repository, Some(&issue.to_string()))?),
        None => Ok(Stopped::NotRunning),
    }
}

fn result(repository: &Repository, run: &str) -> Option<RunResult> {
    let files = Files::of(&repository.toplevel, run.parse::<RunName>().ok()?);
    let state = files.read().ok().flatten()?;
    state.end.filter(|_| state.closed).map(|end| end.result)
}
