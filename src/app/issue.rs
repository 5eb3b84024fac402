//! What people wrote about an issue, through `gh`, for steps that attach it and plans that are drafted from it.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use super::Error;
use crate::evidence::mask::Secrets;
use crate::github::{Environment, Gh, Issue};
use crate::plan::{Plan, Whose};
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

/// Hands the issue's text to the steps that attach it, with the comments that each takes.
pub(super) async fn attach(
    plan: &Plan,
    repository: &Repository,
    secrets: &Secrets,
    grants: &mut BTreeMap<String, Grants>,
) -> Result<(), Error> {
    if plan.attaching_issue().next().is_none() {
        return Ok(());
    }
    let issue = read(plan.issue, repository, secrets).await?;
    for (step, whose) in plan.attaching_issue() {
        let Some(grants) = grants.get_mut(&step.id) else { continue };
        grants.issue = Some(Rc::from(issue.text(whose == Whose::Everybody)));
    }
    Ok(())
}
