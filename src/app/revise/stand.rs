//! Takes the pull request of a run, gives where its branch is by now, whose commits are on it, and whether it conflicts with its base.

use std::time::Duration;

use super::found::Found;
use crate::app::Error;
use crate::git::{Oid, RefName};
use crate::github::{PullRequest, Slug};
use crate::publish::{self, NotFetched};
use crate::worktree::Repository;

/// What talks to a remote has no end of its own.
const PATIENCE: Duration = Duration::from_secs(300);

/// Where a pull request stands.
#[derive(Debug)]
pub(super) struct Stand {
    /// Where its branch is.
    pub(super) tip: Oid,
    /// Somebody has put it there: the run had pushed another commit.
    pub(super) others: Option<Others>,
    /// Its base's commit, and the files in which both conflict.
    pub(super) conflict: Option<(Oid, Vec<String>)>,
}

/// What others did to a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Others {
    /// They added commits to what the run had pushed.
    Added,
    /// What the run had pushed is not on it any more.
    Rewrote,
}

/// Looks, and brings here what is there.
pub(super) async fn look(
    repository: &Repository,
    found: &Found,
    pull: &PullRequest,
    slug: &Slug,
) -> Result<Stand, Error> {
    let tip = fetch(repository, &found.remote, &found.branch).await?;
    let tip = tip.ok_or_else(|| Error::Unfetched {
        branch: found.branch.short().to_owned(),
        why: format!("it is not on {} any more", found.remote),
        hint: "put it back there, or run the issue again".to_owned(),
    })?;
    let others = if tip == found.pushed {
        None
    } else if repository.is_ancestor(found.pushed.as_str(), tip.as_str())? {
        Some(Others::Added)
    } else {
        Some(Others::Rewrote)
    };
    let conflict =
        if pull.may_conflict { conflict(repository, found, (pull, slug), &tip).await? } else { None };
    Ok(Stand { tip, others, conflict })
}

/// GitHub says that there may be a conflict: git says whether there is one, and where.
async fn conflict(
    repository: &Repository,
    found: &Found,
    (pull, slug): (&PullRequest, &Slug),
    tip: &Oid,
) -> Result<Option<(Oid, Vec<String>)>, Error> {
    let Ok(base) = RefName::branch(&pull.base) else { return Ok(None) };
    let remotes = repository.remotes()?;
    let of_base = remotes.iter().find(|remote| Slug::of_url(&remote.url).as_ref() == Some(slug));
    // Its branch may be on a fork.
    let remote = of_base.map_or(found.remote.as_str(), |remote| remote.name.as_str());
    let Some(at) = fetch(repository, remote, &base).await? else { return Ok(None) };
    let files = repository.in_conflict(tip.as_str(), at.as_str())?;
    Ok((!files.is_empty()).then_some((at, files)))
}

async fn fetch(repository: &Repository, remote: &str, branch: &RefName) -> Result<Option<Oid>, Error> {
    let failed = |NotFetched { why, hint }| Error::Unfetched { branch: branch.short().to_owned(), why, hint };
    publish::fetch(repository, remote, branch, PATIENCE).await.map_err(failed)
}
