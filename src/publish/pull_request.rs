//! The pull request of the result branch: opened once, never touched again.

use super::{Made, Publisher, Trouble, plan_of};
use crate::evidence::event::{Effect, PublishFault};
use crate::github::{Failure, Gh, Slug};
use crate::plan::PullRequest;
use crate::report;

impl Publisher<'_> {
    /// Opens the pull request, unless it is there.
    pub(super) async fn pull_request(&self) -> Result<Made, Trouble> {
        let gh = self.gh()?;
        let branch = self.recorder.files().run().branch();
        let plan = plan_of(self.state()).pull_request;
        let (Some(plan), true) = (plan, self.state().is_pushed()) else {
            return Err(Trouble::new(
                PublishFault::Missing,
                "the branch is not pushed",
                "see why it was not; then: autopilot publish",
            ));
        };
        let today = super::today(self.repository, self.state());
        let text = report::pull_request(self.state(), self.recorder.files(), today.as_ref());
        let body = self.recorder.composed(&text);
        let arguments = self.arguments(gh, &plan, &branch);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let patience = self.patience.anew();
        let mut looked_for = self.is_first;
        patience
            .insist(gh, async || {
                if !looked_for && let Some(url) = find(gh, &branch, patience.call()).await? {
                    return Ok(Made { url: Some(url), id: None });
                }
                looked_for = false;
                match gh.call(&arguments, &body, patience.call()).await {
                    Ok(url) => Ok(Made { url: Some(url.trim().to_owned()), id: None }),
                    // `gh` may fail after it has opened it, over a label or a reviewer.
                    Err(failure @ Failure::Other(_)) => match find(gh, &branch, patience.call()).await? {
                        Some(url) => Ok(Made { url: Some(url), id: None }),
                        None => Err(failure),
                    },
                    Err(failure) => Err(failure),
                }
            })
            .await
    }

    fn arguments(&self, gh: &Gh, plan: &PullRequest, branch: &str) -> Vec<String> {
        let title = plan.title.clone().unwrap_or_else(|| self.state().start.title.to_string());
        let repository = gh.slug().with_host();
        let head = match self.pushed_to().filter(|slug| slug.owner() != gh.slug().owner()) {
            Some(fork) => format!("{}:{branch}", fork.owner()),
            None => branch.to_owned(),
        };
        let fixed =
            ["pr", "create", "-R", &repository, "--head", &head, "--title", &title, "--body-file", "-"];
        let mut arguments: Vec<String> = fixed.map(str::to_owned).to_vec();
        let base = self.state().start.base.as_str();
        // A base that is no branch cannot be merged into: then the repository's default it is.
        if self.repository.has_ref(&format!("refs/heads/{base}")).unwrap_or(false) {
            arguments.push(format!("--base={base}"));
        }
        arguments.extend(plan.draft.then(|| "--draft".to_owned()));
        arguments.extend(plan.labels.iter().map(|label| format!("--label={label}")));
        arguments.extend(plan.reviewers.iter().map(|reviewer| format!("--reviewer={reviewer}")));
        arguments
    }

    /// Returns the repository that the branch was pushed to, if it is one of GitHub.
    fn pushed_to(&self) -> Option<Slug> {
        let push = self.state().done(Effect::Push)?;
        let remotes = super::remotes(self.repository);
        Slug::of_url(&remotes.iter().find(|remote| remote.name == push.to)?.url)
    }
}

/// Looks for a pull request of a branch. Its name holds the run's time: it is of no other.
async fn find(gh: &Gh, branch: &str, time: std::time::Duration) -> Result<Option<String>, Failure> {
    let args =
        ["pr", "list", "--head", branch, "--state", "all", "--json", "url", "--jq", ".[0].url // \"\""];
    let url = gh.call(&args, "", time).await?;
    Ok(Some(url.trim().to_owned()).filter(|url| !url.is_empty()))
}
