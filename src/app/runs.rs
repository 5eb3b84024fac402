//! Which run is meant: by its name, by its issue (the latest), or by nothing (the latest of all).

use super::Error;
use super::fetched::{self, Fetched, Wanted};
use super::plans::Shelf;
use crate::evidence::{Files, RunName, RunState};
use crate::worktree::Repository;

/// Returns the runs of a checkout, oldest first; of one issue, if one is given.
pub fn of(repository: &Repository, issue: Option<u64>) -> Result<Vec<RunName>, Error> {
    let runs = Files::runs(&repository.toplevel)?;
    Ok(runs.into_iter().filter(|run| issue.is_none_or(|issue| run.issue() == issue)).collect())
}

/// Reads the number of an issue as people write it: `653`, `#653`, `GH-653`.
pub fn issue(word: &str) -> Option<u64> {
    let word = word.trim();
    let digits = ["#", "GH-", "gh-"].iter().find_map(|mark| word.strip_prefix(mark)).unwrap_or(word);
    // `parse` takes a sign, too.
    digits.starts_with(|c: char| c.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

/// A run that was found.
#[derive(Debug)]
pub struct Found {
    files: Files,
    fetched: Option<Fetched>,
}

impl Found {
    /// Returns its files: in the checkout, or in a place that goes with this.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// Returns where its evidence was fetched from, if it is not on this machine.
    pub fn fetched(&self) -> Option<&Fetched> {
        self.fetched.as_ref()
    }

    /// Returns the repository, which reads what was fetched as well.
    pub fn repository<'a>(&'a self, own: &'a Repository) -> &'a Repository {
        self.fetched.as_ref().map_or(own, Fetched::repository)
    }
}

/// Finds the run that is meant: on this machine, else on the remote, if it is named or its issue is.
pub fn find(repository: &Repository, name: Option<&str>) -> Result<Found, Error> {
    if let Some(run) = here(repository, name)? {
        return Ok(Found { files: Files::of(&repository.toplevel, run), fetched: None });
    }
    match elsewhere(repository, name) {
        Ok(Some(found)) => Ok(found),
        Ok(None) => Err(none(repository, name)?),
        Err(why) => Err(why),
    }
}

/// Finds a run of this machine.
pub(super) fn here(repository: &Repository, name: Option<&str>) -> Result<Option<RunName>, Error> {
    Ok(match name {
        None => of(repository, None)?.pop(),
        Some(name) => match issue(name) {
            Some(issue) => of(repository, Some(issue))?.pop(),
            None => of(repository, None)?.into_iter().find(|run| run.to_string() == name),
        },
    })
}

/// Finds a run whose evidence is on the remote alone.
pub fn elsewhere(repository: &Repository, name: Option<&str>) -> Result<Option<Found>, Error> {
    let by_name = |name: &str| name.parse().ok().map(Wanted::Run);
    let wanted = name.and_then(|name| issue(name).map(Wanted::Latest).or_else(|| by_name(name)));
    let Some(wanted) = wanted else { return Ok(None) };
    let found = fetched::fetch(repository, wanted)?;
    Ok(found.map(|(files, fetched)| Found { files, fetched: Some(fetched) }))
}

/// Says that there is no run of this name, or of this issue, or none at all.
pub fn none(repository: &Repository, name: Option<&str>) -> Result<Error, Error> {
    let has_runs = !of(repository, None)?.is_empty();
    let mut plans = Shelf::of(repository).plans()?.into_iter().filter_map(|found| found.issue);
    let plan = match name.map(issue) {
        Some(Some(named)) => plans.find(|issue| *issue == named),
        Some(None) => None,
        None => plans.next(),
    };
    Ok(Error::NoRun { name: name.map(str::to_owned), top: repository.toplevel.clone(), plan, has_runs })
}

/// Reads what there is to tell of a run.
pub fn read(files: &Files) -> Result<RunState, Error> {
    let run = files.run();
    files.read().map_err(|error| Error::Broken { run, error })?.ok_or(Error::NotBegun { run })
}
