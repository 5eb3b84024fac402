//! Finds plans: `.ai/plans/<issue>/Autopilot.yaml` of the repository that the caller stands in.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use tempfile::TempDir;

use super::exit::{Exit, Failure};
use super::target;
use crate::plan::{self, Faults, Loaded};
use crate::worktree::Repository;

const PLANS: &str = ".ai/plans";

/// Where a plan is, and the issue it must be for.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) issue: Option<u64>,
    /// Where it was taken out to, with the files beside it: a bare repository has no checkout to read it in.
    taken_out: Option<Rc<TempDir>>,
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
        Ok(issue) => Shelf::here().issue(issue),
        Err(_) => Ok(Found::file(PathBuf::from(target), issue_of_folder(Path::new(target)))),
    }
}

/// Returns where the plan of an issue is to be written.
pub(super) fn place_of(issue: u64) -> Result<PathBuf, Failure> {
    match Shelf::here() {
        Shelf::Folder(folder) => Ok(file_in(&folder, issue)),
        Shelf::Head(repository) => {
            let top = repository.toplevel.display();
            let message = format!("{top} is a bare repository: there is no checkout to write a plan into");
            let hint = "write it in a worktree and commit it there, since plans are read from HEAD here: \
                        git worktree add ../checkout \"$(git branch --show-current)\"";
            Err(Failure::new(Exit::Usage, message).hint(hint))
        }
    }
}

/// Finds the plan of an issue of a repository that the caller stands in.
pub(super) fn of_issue(repository: &Repository, issue: u64) -> Result<Found, Failure> {
    Shelf::of(Some(repository)).issue(issue)
}

/// Returns every plan of the repository, by issue.
pub(super) fn all() -> Result<Vec<Found>, Failure> {
    Shelf::here().plans()
}

/// Where plans are kept.
enum Shelf {
    /// In files: of a checkout, or of the current folder outside of one.
    Folder(PathBuf),
    /// In HEAD's commit: a bare repository has nothing else.
    Head(Repository),
}

impl Shelf {
    /// Outside of a repository, too, plans can be written and checked.
    fn here() -> Self {
        Self::of(target::repository().ok().as_ref())
    }

    fn of(repository: Option<&Repository>) -> Self {
        match repository {
            Some(repository) if repository.is_bare() => Self::Head(repository.clone()),
            _ => Self::Folder(folder()),
        }
    }

    /// Finds the plan of an issue; if there is none, the failure names those there are.
    fn issue(&self, issue: u64) -> Result<Found, Failure> {
        if let Some(found) = self.plan(issue)? {
            return Ok(found);
        }
        let path = self.shown(issue);
        let message = format!("there is no plan for issue {issue}: {} is missing", path.display());
        let known: Vec<String> =
            self.plans()?.iter().filter_map(|found| Some(found.issue?.to_string())).collect();
        let failure = Failure::new(Exit::Usage, message);
        let failure = if known.is_empty() {
            failure
        } else {
            failure.hint(format!("there are plans for {}", known.join(", ")))
        };
        Err(failure.hint("`autopilot init ISSUE` writes one to begin with; `autopilot schema` is the format"))
    }

    fn plan(&self, issue: u64) -> Result<Option<Found>, Failure> {
        match self {
            Self::Folder(folder) => {
                let path = file_in(folder, issue);
                let is_there = path.symlink_metadata().is_ok();
                Ok(is_there.then(|| Found::file(path, Some(issue))))
            }
            Self::Head(repository) => Ok(take_out(repository, &format!("{PLANS}/{issue}"))?.pop()),
        }
    }

    fn plans(&self) -> Result<Vec<Found>, Failure> {
        match self {
            Self::Folder(folder) => Ok(list(folder)),
            Self::Head(repository) => take_out(repository, PLANS),
        }
    }

    /// Returns the path of an issue's plan, for people.
    fn shown(&self, issue: u64) -> PathBuf {
        match self {
            Self::Folder(folder) => file_in(folder, issue),
            Self::Head(_) => file_in(Path::new(&format!("HEAD:{PLANS}")), issue),
        }
    }
}

fn file_in(folder: &Path, issue: u64) -> PathBuf {
    folder.join(issue.to_string()).join("Autopilot.yaml")
}

/// Lists the plans in a folder, by issue.
fn list(folder: &Path) -> Vec<Found> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<Found> = entries
        .map(|entry| entry.path().join("Autopilot.yaml"))
        .filter(|path| path.symlink_metadata().is_ok())
        .map(|path| Found::file(path.clone(), issue_of_folder(&path)))
        .collect();
    found.sort_by(|a, b| (a.issue.is_none(), a.issue, &a.path).cmp(&(b.issue.is_none(), b.issue, &b.path)));
    found
}

/// Takes the plans below a folder of HEAD's commit out to where they can be read.
fn take_out(repository: &Repository, below: &str) -> Result<Vec<Found>, Failure> {
    let folder = Rc::new(TempDir::new().map_err(|error| Failure::system(&error))?);
    repository.take_out(below, folder.path())?;
    let mut found = list(&folder.path().join(PLANS));
    for found in &mut found {
        found.path = found.path.strip_prefix(folder.path()).unwrap_or(&found.path).to_owned();
        found.taken_out = Some(Rc::clone(&folder));
    }
    Ok(found)
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
