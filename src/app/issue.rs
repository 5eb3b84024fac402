//! What people wrote about an issue, through `gh`, for steps that attach it and plans that are drafted from it.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use super::Error;
use crate::evidence::mask::Secrets;
use crate::github::{Environment, Gh, Issue};
use crate::plan::Plan;
use crate::publish;
use crate::run::Grants;
use crate::worktree::Repository;

/// `gh` has no timeout of its own.
const PATIENCE: Duration = Duration::from_secs(60);

/// Reads an issue of the repository.
pub async fn read(issue: u64, repository: &Repository, secrets: &Secrets) -> Result<Issue, Error> {
    let environment = Environment::of_process();
    let slug = publish::find_slug(repository, &environment).ok_or(Error::NoRemote { issue })?;
    let failed = |failure| Error::Issue { issue, failure };
    let gh = Gh::find(&environment, &slug).await.map_err(failed)?;
    // A token too short to be masked is none of GitHub's.
    let _ = secrets.register(gh.token().as_bytes());
    gh.issue(issue, PATIENCE).await.map_err(failed)
}

/// Hands the issue's text to the steps, if one of them attaches it.
pub(super) async fn attach(
    plan: &Plan,
    repository: &Repository,
    secrets: &Secrets,
    grants: &mut BTreeMap<String, Grants>,
) -> Result<(), Error> {
    if !plan.attaches_issue() {
        return Ok(());
    }
    let text: Rc<str> = read(plan.issue, repository, secrets).await?.text().into();
    for grants in grants.values_mut() {
        grants.issue = Some(Rc::clone(&text));
    }
    Ok(())
}
