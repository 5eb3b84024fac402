//! Compares heads with those in the issues' comments, through the real `gh`. Anybody may comment: every comment that
//! bears the run's marker must have its head, and who wrote it when is shown.

use std::time::Duration;

use serde::Deserialize;

use super::code::Code;
use super::finding::{Check, Checked, Finding, Report, RunReport};
use crate::github::{self, Environment, Failure, Gh, Slug};
use crate::worktree::Repository;

/// What one question may take.
const TIME: Duration = Duration::from_secs(60);
/// What of a comment is asked for, a JSON object a line.
const FIELDS: &str = ".[] | select(.body | contains(\"autopilot:run=\")) \
    | {author: .user.login, created: .created_at, updated: .updated_at, url: .html_url, body} | @json";

/// A comment with a marker.
#[derive(Debug, Deserialize)]
struct Comment {
    author: String,
    created: Option<String>,
    updated: Option<String>,
    url: String,
    body: String,
}

/// Compares the head of each run of a report with GitHub's.
pub async fn compare(report: &mut Report, repository: &Repository, environment: &Environment) {
    let gh = find(repository, environment).await;
    for run in &mut report.runs {
        let checked = match &gh {
            Ok(gh) => ask(gh, run).await,
            Err(why) => Err(why.clone()),
        };
        let checked = checked.unwrap_or_else(|why| {
            let finding = Finding::new(Code::GithubUnreachable, "GitHub's comments on the issue", why);
            Checked::of(Check::Online, vec![finding], "")
        });
        run.checks.push(checked);
    }
}

/// The repository is the one that this checkout is of, whatever the journal says.
async fn find(repository: &Repository, environment: &Environment) -> Result<Gh, String> {
    let remotes = repository.remotes().map_err(|error| error.to_string())?.into_iter();
    let remotes: Vec<github::Remote> = remotes
        .map(|remote| github::Remote { name: remote.name, url: remote.url, resolved: remote.resolved })
        .collect();
    let slug = Slug::find(environment, &remotes).ok_or("no remote is a repository on GitHub")?;
    Gh::find(environment, &slug).await.map_err(|failure| failure.to_string())
}

async fn ask(gh: &Gh, run: &mut RunReport) -> Result<Checked, String> {
    let list = format!("repos/{{owner}}/{{repo}}/issues/{}/comments?per_page=100", run.commented_on);
    let told = |failure: Failure| failure.to_string();
    let listed = gh.call(&["api", "--paginate", &list, "--jq", FIELDS], "", TIME).await.map_err(told)?;
    let marker = format!("<!-- autopilot:run={} -->", run.run);
    let mut own = Vec::new();
    for line in listed.lines() {
        let comment: Comment = serde_json::from_str(line).map_err(|error| format!("gh: {error}"))?;
        own.extend(comment.body.starts_with(&marker).then_some(comment));
    }
    let head = run.head.as_ref().map_or("none".to_owned(), ToString::to_string);
    let mut findings = Vec::new();
    for comment in &own {
        run.notes.push(comment.told());
        let found = comment.head(run.run).unwrap_or("none");
        if found != head {
            let found = format!("head {found} in {} by {}", comment.url, comment.author);
            findings.push(Finding::new(Code::CommentDiffers, format!("head {head}"), found));
        }
    }
    if let Some(told) = run.comment.as_ref().filter(|told| !told.contains("***"))
        && !own.iter().any(|comment| comment.url == *told)
    {
        let found = "no comment of the run there";
        findings.push(Finding::new(Code::CommentMissing, told.clone(), found));
    }
    if own.is_empty() && findings.is_empty() {
        let found = format!("no comment with {marker} on #{} of {}", run.commented_on, gh.slug());
        findings.push(Finding::new(Code::CommentMissing, "a comment with the head", found));
    }
    Ok(Checked::of(Check::Online, findings, "the comment has the same head"))
}

impl Comment {
    /// Returns the head that it tells, in the last of its lines that does: what a step printed stands above it.
    fn head(&self, run: crate::evidence::RunName) -> Option<&str> {
        let start = format!("**Audit:** `autopilot audit {run} --online` · head `");
        let line = self.body.lines().rev().find_map(|line| line.strip_prefix(&start))?;
        line.trim_end().strip_suffix('`')
    }

    /// Says who wrote it when, and whether it was edited since.
    fn told(&self) -> String {
        let unknown = || "unknown".to_owned();
        let created = self.created.clone().unwrap_or_else(unknown);
        let edited = match &self.updated {
            Some(updated) if Some(updated) != self.created.as_ref() => format!("last edited {updated}"),
            Some(_) => "never edited".to_owned(),
            None => "edits unknown".to_owned(),
        };
        format!("comment by {}, created {created}, {edited}: {}", self.author, self.url)
    }
}
