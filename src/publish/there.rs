//! Takes a branch of a remote, gives the commit that it is at there, which is here by then.

use std::time::Duration;

use super::Trouble;
use super::beside::Theirs;
use super::told::said;
use crate::git::{Oid, RefName};
use crate::worktree::Repository;

/// Why a branch of a remote could not be brought here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotFetched {
    /// Why.
    pub why: String,
    /// What to do about it.
    pub hint: String,
}

impl From<Trouble> for NotFetched {
    fn from(Trouble { why, hint, .. }: Trouble) -> Self {
        Self { why: why.replacen("git push: ", "git: ", 1), hint: hint.replace("autopilot publish", "again") }
    }
}

/// Fetches a branch, unless what it is at is here; nothing where there is no such branch.
pub async fn fetch(
    repository: &Repository,
    remote: &str,
    branch: &RefName,
    time: Duration,
) -> Result<Option<Oid>, NotFetched> {
    let failed = |refused: super::told::Refused| NotFetched::from(refused.trouble);
    let place = repository.places_of(remote).into_iter().next().unwrap_or_else(|| remote.to_owned());
    let listed = said(repository.ask(&place), time).await.map_err(failed)?;
    let Some(at) = Theirs::read(&listed, branch, None).result else { return Ok(None) };
    let is_here = || repository.has_commit(&at).map_err(|error| NotFetched::from(Trouble::from(error)));
    if !is_here()? {
        said(repository.fetch_from(&place, branch), time).await.map_err(failed)?;
    }
    if is_here()? {
        return Ok(Some(at));
    }
    let why = format!("{} was put elsewhere on {remote} just now", branch.short());
    Err(NotFetched { why, hint: "try again when it is quieter".to_owned() })
}
