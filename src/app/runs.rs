//! Which run is meant: by its name, by its issue (the latest), or by nothing (the latest of all).

use super::Error;
use crate::evidence::{Files, RunName};
use crate::worktree::Repository;

/// Returns the runs of a checkout, oldest first; of one issue, if one is given.
pub fn of(repository: &Repository, issue: Option<u64>) -> Result<Vec<RunName>, Error> {
    let runs = Files::runs(&repository.toplevel)?;
    Ok(runs.into_iter().filter(|run| issue.is_none_or(|issue| run.issue() == issue)).collect())
}

/// Finds the run that is meant.
pub fn find(repository: &Repository, name: Option<&str>) -> Result<Files, Error> {
    let run = match name {
        None => of(repository, None)?.pop(),
        Some(name) => match name.strip_prefix('#').unwrap_or(name).parse::<u64>() {
            Ok(issue) => of(repository, Some(issue))?.pop(),
            Err(_) => of(repository, None)?.into_iter().find(|run| run.to_string() == name),
        },
    };
    run.map(|run| Files::of(&repository.toplevel, run))
        .ok_or_else(|| Error::NoRun { name: name.map(str::to_owned), top: repository.toplevel.clone() })
}
