//! Takes a run and a place, gives a checkout of its result there, or of what the step that failed had left.

use std::path::PathBuf;

use super::error::FORGED;
use super::fetched::Fetched;
use super::{Error, runs};
use crate::evidence::{Files, RunName, RunState};
use crate::git::RefName;
use crate::worktree::{Repository, WorktreeError};

/// Where a checkout goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Into a new worktree: this folder, or one beside the checkout.
    Beside(Option<PathBuf>),
    /// Into the user's own checkout.
    Here,
}

/// What was checked out, and where.
#[derive(Debug)]
pub struct CheckedOut {
    /// Of which run.
    pub run: RunName,
    /// What is compared with it.
    pub base: String,
    /// The branch.
    pub branch: String,
    /// The folder.
    pub folder: PathBuf,
    /// The attempt that had left it, if it is no result: `step-attempt`.
    pub salvage: Option<String>,
    /// The remote that the run was fetched from, if it is not on this machine.
    pub from: Option<String>,
}

/// Checks out what a run came to.
pub fn check_out(repository: &Repository, named: &str, place: Place) -> Result<CheckedOut, Error> {
    let found = runs::find(repository, Some(named))?;
    let files = found.files();
    let run = files.run();
    let state = runs::read(files)?;
    if !state.closed {
        return Err(Error::NotEnded { run });
    }
    if let Some(fetched) = found.fetched() {
        bring(repository, fetched, files, &state)?;
    }
    let (branch, salvage) = branch(repository, files, &state)?;
    let folder = match place {
        Place::Beside(folder) => {
            let folder = folder.unwrap_or_else(|| repository.beside(run.issue()));
            repository.check_out_to(&branch, &folder)?;
            folder
        }
        Place::Here => {
            repository.check_out_here(&branch)?;
            repository.toplevel.clone()
        }
    };
    let from = found.fetched().map(|fetched| fetched.remote().to_owned());
    Ok(CheckedOut { run, base: state.start.base.to_string(), branch, folder, salvage, from })
}

/// Makes the result branch of a run that is not of this machine, of the commits that were fetched; nothing if it has none.
pub(super) fn bring(
    repository: &Repository,
    fetched: &Fetched,
    files: &Files,
    state: &RunState,
) -> Result<(), Error> {
    let Some(made) = &state.branch else { return Ok(()) };
    let run = files.run();
    let own = RefName::branch(&run.branch()).map_err(WorktreeError::from)?;
    if made.reference != own {
        let what = format!("the evidence of run {run} names {} as its result", made.reference);
        return Err(WorktreeError::Refused { what, hint: FORGED.to_owned() }.into());
    }
    Ok(repository.take_branch(fetched.parcel().aside(), &made.commit, &state.start.commit, &own)?)
}

/// Returns the branch that has what the run came to, made of the salvage of the step that ended it where that left something.
fn branch(
    repository: &Repository,
    files: &Files,
    state: &RunState,
) -> Result<(String, Option<String>), Error> {
    let left = state.failed_attempt().filter(|_| !state.is_done());
    let left = left.and_then(|(_, attempt)| attempt.salvage.references.last());
    match (left, &state.branch) {
        (Some(reference), _) => {
            let run = files.run();
            let name = format!("autopilot/take-{}-{}", run.issue(), run.timestamp());
            repository.branch_of_salvage(&files.salvage(), reference, &name)?;
            let of = reference.strip_prefix("refs/salvage/").unwrap_or(reference);
            Ok((name, Some(of.to_owned())))
        }
        (None, Some(made)) => Ok((made.name().to_owned(), None)),
        (None, None) => Err(Error::NothingLeft { run: files.run() }),
    }
}
