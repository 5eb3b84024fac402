//! The comment on the issue: created once, since subscribers are told of new comments and not of edits; what a
//! resumed run has to add goes into the one that is there.

use super::{Made, Publisher, Trouble};
use crate::evidence::event::Effect;
use crate::evidence::state::PublishState;
use crate::github::{Failure, Gh};
use crate::report;
use crate::time::moment;

impl Publisher<'_> {
    /// Creates the comment, or brings the one that is there up to date.
    pub(super) async fn comment(&self) -> Result<Made, Trouble> {
        let gh = self.gh()?;
        let today = super::today(self.repository, self.state());
        let text = report::comment(self.state(), self.recorder.files(), today.as_ref());
        let body = self.recorder.composed(&text);
        let known = match self.state().done(Effect::Comment).map(|done| &done.state) {
            Some(PublishState::Done { id, .. }) => *id,
            _ => None,
        };
        // Only a run of which nobody ever tried to tell has no comment for certain.
        let mut looked_for = known.is_some() || self.is_first;
        let mut known = known;
        let patience = self.patience.anew();
        let call = || patience.call();
        patience
            .insist(gh, async || {
                if !looked_for {
                    known = self.find_own(gh, call()).await?;
                }
                looked_for = false;
                match known {
                    None => self.create(gh, &body, call()).await,
                    Some(id) => match update(gh, id, &body, call()).await {
                        // Somebody took it away: what there is to tell is told again.
                        Err(Failure::NotFound(_)) => self.create(gh, &body, call()).await,
                        made => made,
                    },
                }
            })
            .await
    }

    async fn create(&self, gh: &Gh, body: &str, time: std::time::Duration) -> Result<Made, Failure> {
        let issue = self.state().start.commented_on().to_string();
        let url = gh.call(&["issue", "comment", &issue, "--body-file", "-"], body, time).await?;
        let url = url.trim().to_owned();
        let id = url.rsplit_once("#issuecomment-").and_then(|(_, id)| id.parse().ok());
        Ok(Made { url: Some(url), id })
    }

    /// Looks for the comment of this run, by its marker and its author.
    async fn find_own(&self, gh: &Gh, time: std::time::Duration) -> Result<Option<u64>, Failure> {
        let login = gh.login(time).await?;
        // A day before the run: clocks differ.
        let since = self.state().started - chrono::TimeDelta::days(1);
        let list = format!(
            "repos/{{owner}}/{{repo}}/issues/{}/comments?per_page=100&since={}",
            self.state().start.commented_on(),
            moment(since)
        );
        let fields = ".[] | [.id, .user.login, .body[0:100]] | @json";
        let listed = gh.call(&["api", "--paginate", &list, "--jq", fields], "", time).await?;
        let marker = report::marker(self.recorder.files().run());
        let own = listed.lines().filter_map(|line| serde_json::from_str::<(u64, String, String)>(line).ok());
        Ok(own
            .filter(|(_, author, body)| name(author) == name(&login) && body.starts_with(&marker))
            .map(|(id, _, _)| id)
            .min())
    }
}

/// An app is called `name` here and `name[bot]` there.
fn name(login: &str) -> &str {
    login.strip_suffix("[bot]").unwrap_or(login)
}

async fn update(gh: &Gh, id: u64, body: &str, time: std::time::Duration) -> Result<Made, Failure> {
    let path = format!("repos/{{owner}}/{{repo}}/issues/comments/{id}");
    let args = ["api", "-X", "PATCH", &path, "-F", "body=@-", "--jq", ".html_url"];
    let url = gh.call(&args, body, time).await?;
    Ok(Made { url: Some(url.trim().to_owned()), id: Some(id) })
}
