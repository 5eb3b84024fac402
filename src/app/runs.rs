//! Which run is meant: by its name, by its issue (the latest), or by nothing (the latest of all).

use super::Error;
use crate::evidence::{Files, RunName};
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
    run.map(|run| Files::of(&repository.toplevel, run))
        .ok_or_else(|| Error::NoRun { name: name.map(str::to_owned), top: repository.toplevel.clone() })
}
