//! Which run is meant: by its name, by its issue (the latest), or by nothing (the latest of all).

use std::path::PathBuf;

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
    let runs = Files::runs(&repository.toplevel).map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
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

/// Returns the plan of an issue; if there is none, an error that lists those that are there.
pub(super) fn plan(repository: &Repository, issue: u64) -> Result<PathBuf, Failure> {
    let path = repository.toplevel.join(format!(".ai/plans/{issue}/Autopilot.yaml"));
    if path.symlink_metadata().is_ok() {
        return Ok(path);
    }
    let there = issues_with_plans(repository);
    let hint = if there.is_empty() {
        format!("write {}; docs/plan.md describes the format", path.display())
    } else {
        let list: Vec<String> = there.iter().map(u64::to_string).collect();
        format!("plans exist for: {}", list.join(" "))
    };
    Err(Failure::new(Exit::Usage, format!("no plan for issue {issue}: {} is not there", path.display())).hint(hint))
}

fn issues_with_plans(repository: &Repository) -> Vec<u64> {
    let Ok(entries) = std::fs::read_dir(repository.toplevel.join(".ai/plans")) else { return Vec::new() };
    let mut issues: Vec<u64> = entries
        .flatten()
        .filter(|entry| entry.path().join("Autopilot.yaml").exists())
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    issues.sort_unstable();
    issues
}

impl From<WorktreeError> for Failure {
    fn from(error: WorktreeError) -> Self {
        let message = error.to_string();
        match error {
            WorktreeError::Refused { hint, .. } => Self::new(Exit::Usage, message).hint(hint),
            WorktreeError::Denied(reason) => Self::new(Exit::Refused, message).hint(reason.hint),
            WorktreeError::Sandbox(error) => Self::new(Exit::Refused, message).hint(error.hint),
            WorktreeError::Git { .. } | WorktreeError::Uncommittable(_) | WorktreeError::Io(_) => {
                Self::new(Exit::Internal, message)
            }
        }
    }
}
