//! Finds plans: `.ai/plans/<issue>/Autopilot.yaml` of the repository that the caller stands in.

use std::path::{Path, PathBuf};

use super::exit::{Exit, Failure};

/// Where a plan is, and the issue it must be for.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) issue: Option<u64>,
}

/// Finds what was named: an issue's plan, or a file.
pub(super) fn find(target: &str) -> Result<Found, Failure> {
    match target.strip_prefix('#').unwrap_or(target).parse::<u64>() {
        Ok(issue) => of_issue(issue),
        Err(_) => Ok(Found { path: PathBuf::from(target), issue: issue_of_folder(Path::new(target)) }),
    }
}

/// Returns where the plan of an issue is, or would be.
pub(super) fn path_of(issue: u64) -> PathBuf {
    folder().join(issue.to_string()).join("Autopilot.yaml")
}

/// Finds the plan of an issue; if there is none, the failure names those there are.
pub(super) fn of_issue(issue: u64) -> Result<Found, Failure> {
    let path = path_of(issue);
    if path.symlink_metadata().is_ok() {
        return Ok(Found { path, issue: Some(issue) });
    }
    let message = format!("there is no plan for issue {issue}: {} is missing", path.display());
    let known: Vec<String> = all().iter().filter_map(|found| Some(found.issue?.to_string())).collect();
    let failure = Failure::new(Exit::Usage, message);
    let failure = if known.is_empty() {
        failure
    } else {
        failure.hint(format!("there are plans for {}", known.join(", ")))
    };
    Err(failure.hint("docs/plan.md describes the format; `autopilot init` writes one to begin with"))
}

/// Returns every plan of the repository, by issue.
pub(super) fn all() -> Vec<Found> {
    let entries = std::fs::read_dir(folder()).into_iter().flatten().flatten();
    let mut found: Vec<Found> = entries
        .map(|entry| entry.path().join("Autopilot.yaml"))
        .filter(|path| path.symlink_metadata().is_ok())
        .map(|path| Found { issue: issue_of_folder(&path), path })
        .collect();
    found.sort_by(|a, b| (a.issue.is_none(), a.issue, &a.path).cmp(&(b.issue.is_none(), b.issue, &b.path)));
    found
}

/// Returns the issue that a plan's folder is named after, if it lies in `.ai/plans`.
fn issue_of_folder(path: &Path) -> Option<u64> {
    let folder = path.parent()?;
    let is_plans = folder.parent()?.ends_with(".ai/plans");
    folder.file_name()?.to_str()?.parse().ok().filter(|_| is_plans)
}

/// Returns `.ai/plans` of the repository, or of the current folder outside of one.
fn folder() -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    match here.ancestors().find(|folder| folder.join(".git").exists()) {
        // Shown to people: as short as it can be.
        Some(top) if top != here => top.join(".ai/plans"),
        _ => PathBuf::from(".ai/plans"),
    }
}
