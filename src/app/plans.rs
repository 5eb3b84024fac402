//! Finds plans: `.ai/plans/<issue>/Autopilot.yaml` of a repository, or of a folder outside of one.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use tempfile::TempDir;

use super::Error;
use super::error::FORGED;
use crate::evidence::RunName;
use crate::plan::{self, Faults, Loaded};
use crate::policy::{self, Origin, Trust};
use crate::worktree::Repository;

const PLANS: &str = ".ai/plans";

/// Reads the plan that a record holds of a run, and holds it to what its author may ask for; `folder` has the files beside it. What is
/// no plan was recorded by nobody: `refuse` makes the error of why, and of what to do about it.
pub(super) fn of_record(
    text: &str,
    folder: &Path,
    run: RunName,
    (origin, trust): (Origin, Trust),
    refuse: impl FnOnce(String, String) -> Error,
) -> Result<Loaded, Error> {
    let shown = PathBuf::from(format!("the record of run {run}"));
    let loaded = plan::parse(text.as_bytes(), &shown, folder, Some(run.issue()));
    let mut loaded = loaded
        .map_err(|faults| refuse(format!("its recorded plan cannot be read: {faults}"), FORGED.to_owned()))?;
    let above = policy::hold_origin(&mut loaded.plan, &loaded.asked, origin, trust);
    if above.is_empty() { Ok(loaded) } else { Err(Error::Above(above)) }
}

/// Where a plan is, and the issue it must be for.
#[derive(Debug)]
pub struct Found {
    /// Its path, for people.
    pub path: PathBuf,
    /// The issue.
    pub issue: Option<u64>,
    /// Where it was taken out to, with the files beside it: a bare repository has no checkout to read it in.
    taken_out: Option<Rc<TempDir>>,
}

impl Found {
    /// Takes a plan's file.
    pub fn file(path: PathBuf, issue: Option<u64>) -> Self {
        Self { path, issue, taken_out: None }
    }

    /// Takes a plan's file; it is for the issue that its folder is named after, if it lies in `.ai/plans`.
    pub fn by_path(path: PathBuf) -> Self {
        let issue = issue_of_folder(&path);
        Self::file(path, issue)
    }

    /// Loads it. The files beside it are there for as long as this is.
    pub fn load(&self) -> Result<Loaded, Faults> {
        match &self.taken_out {
            Some(folder) => plan::load_as(&folder.path().join(&self.path), &self.path, self.issue),
            None => plan::load(&self.path, self.issue),
        }
    }
}

/// Where plans are kept.
#[derive(Debug)]
pub enum Shelf {
    /// In files: of a checkout, or of the current folder outside of one.
    Folder(PathBuf),
    /// In HEAD's commit: a bare repository has nothing else.
    Head(Repository),
}

impl Shelf {
    /// The plans around a folder: outside of a repository, too, plans can be written and checked.
    pub fn around(folder: &Path) -> Self {
        if let Ok(repository) = Repository::discover(folder) {
            return Self::of(&repository);
        }
        let top = folder.ancestors().find(|folder| folder.join(".git").exists());
        Self::Folder(beneath(top.unwrap_or(folder)))
    }

    /// The plans of a repository.
    pub fn of(repository: &Repository) -> Self {
        if repository.is_bare() {
            Self::Head(repository.clone())
        } else {
            Self::Folder(beneath(&repository.toplevel))
        }
    }

    /// Finds the plan of an issue; if there is none, the error names those there are.
    pub fn issue(&self, issue: u64) -> Result<Found, Error> {
        if let Some(found) = self.plan(issue)? {
            return Ok(found);
        }
        let known = self.plans()?.iter().filter_map(|found| found.issue).collect();
        let near = match self {
            Self::Folder(folder) => almost(&file_in(folder, issue)),
            Self::Head(_) => None,
        };
        Err(Error::NoPlan { issue, path: self.shown(issue), known, near })
    }

    /// Returns where the plan of an issue is to be written.
    pub fn place_of(&self, issue: u64) -> Result<PathBuf, Error> {
        match self {
            Self::Folder(folder) => Ok(file_in(folder, issue)),
            Self::Head(repository) => Err(Error::Bare { top: repository.toplevel.clone() }),
        }
    }

    fn plan(&self, issue: u64) -> Result<Option<Found>, Error> {
        match self {
            Self::Folder(folder) => {
                let path = file_in(folder, issue);
                let is_there = path.symlink_metadata().is_ok();
                Ok(is_there.then(|| Found::file(path, Some(issue))))
            }
            Self::Head(repository) => Ok(take_out(repository, &format!("{PLANS}/{issue}"))?.pop()),
        }
    }

    /// Returns every plan, by issue.
    pub fn plans(&self) -> Result<Vec<Found>, Error> {
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

/// Finds a file that is called almost as a plan is: `autopilot.yml`.
fn almost(path: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(path.parent()?).ok()?.flatten();
    let mut names = entries.map(|entry| entry.file_name()).filter(|name| {
        let name = name.to_string_lossy().to_lowercase();
        matches!(name.as_str(), "autopilot.yaml" | "autopilot.yml")
    });
    names.next().map(|name| path.with_file_name(name))
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
fn take_out(repository: &Repository, below: &str) -> Result<Vec<Found>, Error> {
    let folder = Rc::new(TempDir::new()?);
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

/// Returns the folder of plans of a checkout, or of a folder outside of one.
fn beneath(top: &Path) -> PathBuf {
    // Shown to people: as short as it can be.
    let is_here = std::env::current_dir().is_ok_and(|here| here == top);
    if is_here { PathBuf::from(PLANS) } else { top.join(PLANS) }
}
