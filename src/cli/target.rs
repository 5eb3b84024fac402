//! Which run is meant: by its name, by its issue (the latest), or by nothing (the latest of all).

use super::exit::{Exit, Failure};
use crate::evidence::{Files, RunName};
use crate::worktree::{Repository, WorktreeError};

/// The repository of the current directory.
pub(super) fn repository() -> Result<Repository, Failure> {
    let here = std::env::current_dir()
        .map_err(|error| Failure::new(Exit::Usage, format!("the current directory: {error}")))?;
    Repository::discover(&here).map_err(Failure::from)
}

/// Returns the runs of a checkout, oldest first; of one issue, if one is given.
pub(super) fn runs(repository: &Repository, issue: Option<u64>) -> Result<Vec<RunName>, Failure> {
    let runs =
        Files::runs(&repository.toplevel).map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
    Ok(runs.into_iter().filter(|run| issue.is_none_or(|issue| run.issue() == issue)).collect())
}

/// Finds the run that is meant.
pub(super) fn find(repository: &Repository, named: Option<&str>) -> Result<Files, Failure> {
    let run = match named {
        None => runs(repository, None)?.pop(),
        Some(name) => match name.parse::<u64>() {
            Ok(issue) => runs(repository, Some(issue))?.pop(),
            Err(_) => runs(repository, None)?.into_iter().find(|run| run.to_string() == name),
        },
    };
    run.map(|run| Files::of(&repository.toplevel, run)).ok_or_else(|| {
        let what = named.map_or_else(|| "no run".to_owned(), |name| format!("no run `{name}`"));
        Failure::new(Exit::Usage, format!("{what} in {}", repository.toplevel.display()))
            .hint("`autopilot status` lists the runs; name one, or an issue that has one")
    })
}

impl From<WorktreeError> for Failure {
    fn from(error: WorktreeError) -> Self {
        let message = error.to_string();
        match error {
            WorktreeError::Refused { hint, .. } => Self::new(Exit::Usage, message).hint(hint),
            WorktreeError::Denied(reason) => Self::new(Exit::Refused, message).hint(reason.hint),
            WorktreeError::Sandbox(error) => Self::new(Exit::Refused, message).hint(error.hint),
            WorktreeError::Io(error) => Self::system(&error),
            WorktreeError::Git { .. }
            | WorktreeError::Unfit(_)
            | WorktreeError::Unproved(_)
            | WorktreeError::TooLarge { .. }
            | WorktreeError::Unnamed(_) => Self::new(Exit::Internal, message),
        }
    }
}
