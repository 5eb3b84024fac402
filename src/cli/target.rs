//! Which repository and which run are meant, from where the caller stands.

use super::exit::{Exit, Failure};
use crate::app::runs;
use crate::evidence::Files;
use crate::worktree::Repository;

/// The repository of the current directory.
pub(super) fn repository() -> Result<Repository, Failure> {
    let here = std::env::current_dir()
        .map_err(|error| Failure::new(Exit::Usage, format!("the current directory: {error}")))?;
    Repository::discover(&here).map_err(Failure::from)
}

/// Finds the run that is meant.
pub(super) fn find(repository: &Repository, named: Option<&str>) -> Result<Files, Failure> {
    runs::find(repository, named).map_err(Failure::from)
}
