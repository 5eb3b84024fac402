//! Which run is meant: by its name, by its issue (the latest), or by nothing (the latest of all).

use super::Error;
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

/// Finds the run that is meant.
pub fn find(repository: &Repository, name: Option<&str>) -> Result<Files, Error> {
    let run = match name {
        None => of(repository, None)?.pop(),
        Some(name) => match issue(name) {
            Some(issue) => of(repository, Some(issue))?.pop(),
            None => of(repository, None)?.into_iter().find(|run| run.to_string() == name),
        },
    };
    match run {
        Some(run) => Ok(Files::of(&repository.toplevel, run)),
        None => Err(none(repository, name)?),
    }
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
