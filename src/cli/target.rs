//! Which repository and which run are meant, from where the caller stands.

use std::path::Path;

use super::exit::{Cause, Failure};
use super::output;
use crate::app::ceiling;
use crate::app::runs::{self, Found};
use crate::evidence::RunName;
use crate::worktree::Repository;

/// The repository of the current directory.
pub(super) fn repository() -> Result<Repository, Failure> {
    let here = std::env::current_dir()
        .map_err(|error| Failure::new(Cause::Usage, format!("the current directory: {error}")))?;
    Repository::discover(&here).map_err(Failure::from)
}

/// Finds the same for a command that makes commits: by whom the files of this host say.
pub(super) fn repository_to_commit_in() -> Result<Repository, Failure> {
    repository().map(ceiling::committed)
}

/// Finds the run that is meant, and says so where it is not on this machine.
pub(super) fn find(repository: &Repository, named: Option<&str>) -> Result<Found, Failure> {
    let found = runs::find(repository, named)?;
    tell(&found);
    Ok(found)
}

/// Finds a run whose evidence is on the remote alone, and says so.
pub(super) fn elsewhere_of(repository: &Repository, named: &str) -> Result<Option<Found>, Failure> {
    let found = runs::elsewhere(repository, Some(named))?;
    found.iter().for_each(tell);
    Ok(found)
}

fn tell(found: &Found) {
    if let Some(fetched) = found.fetched() {
        output::note(&elsewhere(found.files().run(), fetched.remote()));
    }
}

/// Says that a run is not on this machine.
pub(super) fn elsewhere(run: RunName, remote: &str) -> String {
    format!("run {run} is not on this machine: this is its evidence as {remote} has it")
}

/// Returns a path as it is to be written where the caller stands: relative, where that is shorter.
pub(super) fn from_here(path: &Path) -> String {
    let whole = path.display().to_string();
    let Ok(here) = std::env::current_dir() else { return whole };
    let relative = relative(path, &here);
    if relative.len() < whole.len() { relative } else { whole }
}

fn relative(path: &Path, here: &Path) -> String {
    let same = path.components().zip(here.components()).take_while(|(one, other)| one == other).count();
    let up = here.components().skip(same).map(|_| Path::new(".."));
    let down = path.components().skip(same).map(|part| Path::new(part.as_os_str()));
    let way: std::path::PathBuf = up.chain(down).collect();
    if way.as_os_str().is_empty() { ".".to_owned() } else { way.display().to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_written_as_seen_from_where_one_stands() {
        let seen = |path: &str, here: &str| relative(Path::new(path), Path::new(here));
        assert_eq!(seen("/a/b/c", "/a/b"), "c");
        assert_eq!(seen("/a/b-7", "/a/b"), "../b-7");
        assert_eq!(seen("/a/b/x", "/a/b/c/d"), "../../x");
        assert_eq!(seen("/a", "/a"), ".");
    }
}
