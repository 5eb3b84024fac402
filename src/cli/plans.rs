//! Finds plans: `.ai/plans/<issue>/Autopilot.yaml` of the repository that the caller stands in.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::exit::{Exit, Failure};
use super::target;
use crate::plan::{self, Faults, Loaded};

const PLANS: &str = ".ai/plans";

/// Where a plan is, and the issue it must be for.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) issue: Option<u64>,
    /// Where it was taken out to, with the files beside it: a bare repository has no checkout to read it in.
    taken_out: Option<TempDir>,
}

impl Found {
    /// Takes a plan's file.
    pub(super) fn file(path: PathBuf, issue: Option<u64>) -> Self {
        Self { path, issue, taken_out: None }
    }

    /// Loads it. The files beside it are there for as long as this is.
    pub(super) fn load(&self) -> Result<Loaded, Faults> {
        match &self.taken_out {
            Some(folder) => plan::load_as(&folder.path().join(&self.path), &self.path, self.issue),
            None => plan::load(&self.path, self.issue),
        }
    }
}

/// Finds what was named: an issue's plan, or a file.
pub(super) fn find(target: &str) -> Result<Found, Failure> {
    match target.strip_prefix('#').unwrap_or(target).parse::<u64>() {
        Ok(issue) => of_issue(issue),
        Err(_) => Ok(Found::file(PathBuf::from(target), issue_of_folder(Path::new(target)))),
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
        return Ok(Found::file(path, Some(issue)));
    }
    if let Some(found) = committed(issue)? {
        return Ok(found);
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

/// Takes the plan of an issue out of a bare repository's HEAD; nothing if this is none, or has none.
fn committed(issue: u64) -> Result<Option<Found>, Failure> {
    let Ok(repository) = target::repository() else { return Ok(None) };
    let folder = TempDir::new().map_err(|error| Failure::system(&error))?;
    let below = format!("{PLANS}/{issue}");
    repository.take_out(&below, folder.path())?;
    let path = Path::new(&below).join("Autopilot.yaml");
    let is_there = folder.path().join(&path).exists();
    Ok(is_there.then(|| Found { path, issue: Some(issue), taken_out: Some(folder) }))
}

/// Returns every plan of the repository, by issue.
pub(super) fn all() -> Vec<Found> {
    let entries = std::fs::read_dir(folder()).into_iter().flatten().flatten();
    let mut found: Vec<Found> = entries
        .map(|entry| entry.path().join("Autopilot.yaml"))
        .filter(|path| path.symlink_metadata().is_ok())
        .map(|path| Found::file(path.clone(), issue_of_folder(&path)))
        .collect();
    found.sort_by(|a, b| (a.issue.is_none(), a.issue, &a.path).cmp(&(b.issue.is_none(), b.issue, &b.path)));
    found
}

/// Returns the issue that a plan's folder is named after, if it lies in `.ai/plans`.
fn issue_of_folder(path: &Path) -> Option<u64> {
    let folder = path.parent()?;
    let is_plans = folder.parent()?.ends_with(PLANS);
    folder.file_name()?.to_str()?.parse().ok().filter(|_| is_plans)
}

/// Returns `.ai/plans` of the repository, or of the current folder outside of one.
fn folder() -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    match here.ancestors().find(|folder| folder.join(".git").exists()) {
        // Shown to people: as short as it can be.
        Some(top) if top != here => top.join(PLANS),
        _ => PathBuf::from(PLANS),
    }
}
