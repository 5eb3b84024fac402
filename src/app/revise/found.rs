//! Takes an issue or a run, gives the newest run whose work is a pull request: that it opened, or revised.

use chrono::{DateTime, Utc};

use crate::app::{Error, Note, adopt, runs};
use crate::evidence::event::Effect;
use crate::evidence::state::PublishState;
use crate::evidence::{Files, RunName, RunState};
use crate::git::{Oid, RefName};
use crate::policy::Trust;
use crate::worktree::Repository;

/// How far back the first of a chain of revisions is looked for.
const LONGEST: usize = 1000;

/// A run whose work is a pull request.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) run: RunName,
    pub(super) state: RunState,
    /// The pull request.
    pub(super) number: u64,
    /// The remote that its branch is on, and the branch.
    pub(super) remote: String,
    pub(super) branch: RefName,
    /// The commit that the run pushed there.
    pub(super) pushed: Oid,
    /// What it was given.
    pub(super) seen: Seen,
}

/// What a run was given of a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// What was said later, by the forge's clock, is new.
    pub(super) until: DateTime<Utc>,
    /// Addresses of what it was given: of that very moment, anything else is new.
    pub(super) given: Vec<String>,
}

/// Finds it.
pub(super) fn find(repository: &Repository, named: &str) -> Result<Found, Error> {
    let run = run_of(repository, named)?;
    let issue = run.issue();
    let by_issue = runs::issue(named).is_some();
    let all = if by_issue { runs::of(repository, Some(issue))? } else { vec![run] };
    for run in all.into_iter().rev() {
        let files = Files::of(&repository.toplevel, run);
        let state = files.read().map_err(|error| Error::Broken { run, error })?;
        if let Some(found) = state.and_then(|state| of(run, state)) {
            return Ok(found);
        }
    }
    Err(Error::NoPullRequest { named: named.to_owned(), issue })
}

/// Finds the run of this machine that is meant; of an issue the latest.
pub(super) fn run_of(repository: &Repository, named: &str) -> Result<RunName, Error> {
    match runs::here(repository, Some(named))? {
        Some(run) => Ok(run),
        None => Err(runs::none(repository, Some(named))?),
    }
}

/// Makes a run that only the remote has one of this machine, and those that it goes on from.
pub(super) fn bring(
    repository: &Repository,
    named: &str,
    trust: Trust,
    note: &dyn Fn(Note),
) -> Result<(), Error> {
    let mut named = named.to_owned();
    for _ in 0..LONGEST {
        if runs::here(repository, Some(&named))?.is_some() {
            return Ok(());
        }
        let files = adopt::own(repository, &named, trust, note).map_err(|error| match error {
            Error::NotOwn { run, remote } => untrusted(run, &remote),
            error => error,
        })?;
        match runs::read(&files)?.start.revises {
            Some(revises) => named = revises.run.to_string(),
            None => return Ok(()),
        }
    }
    Ok(())
}

fn untrusted(run: RunName, remote: &str) -> Error {
    Error::Unrevisable {
        run,
        why: format!(
            "it is not of this machine: what would be done, and pushed where, is what {remote} has of it"
        ),
        hint: format!(
            "look at it (autopilot audit {run}; autopilot checkout {run}), then: autopilot revise --trust {run}"
        ),
    }
}

fn of(run: RunName, state: RunState) -> Option<Found> {
    let (push, pushed) = (state.done(Effect::Push)?, Oid::parse(state.pushed()?).ok()?);
    let remote = push.to.clone();
    let revises = state.start.revises.as_ref();
    let number = match revises {
        Some(revises) => revises.number,
        None => match &state.done(Effect::PullRequest)?.state {
            PublishState::Done { url, .. } => url.as_ref()?.rsplit_once("/pull/")?.1.parse().ok()?,
            PublishState::Begun | PublishState::Failed { .. } => return None,
        },
    };
    let branch = RefName::branch(state.start.branch_on_remote()).ok()?;
    let until = revises.and_then(|own| DateTime::parse_from_rfc3339(own.seen.as_str()).ok());
    // All that is said of a pull request is younger than the run that opened it, whatever clocks say.
    let until = until.map_or(DateTime::UNIX_EPOCH, |until| until.to_utc());
    let given = revises.iter().flat_map(|own| &own.asked);
    let given = given.filter_map(|asked| asked.url.as_ref().map(ToString::to_string)).collect();
    let seen = Seen { until, given };
    state.closed.then_some(Found { run, state, number, remote, branch, pushed, seen })
}

/// Returns the first run of a chain of revisions: its record has the plan that all of them go by.
pub(super) fn first(repository: &Repository, found: &Found) -> Result<RunState, Error> {
    let mut state = found.state.clone();
    for _ in 0..LONGEST {
        let Some(revises) = &state.start.revises else { return Ok(state) };
        let name = revises.run.to_string();
        state = runs::read(&Files::of(&repository.toplevel, run_of(repository, &name)?))?;
    }
    Err(Error::NoPullRequest { named: found.run.to_string(), issue: found.run.issue() })
}
