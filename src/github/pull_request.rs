//! A pull request as it is now: where its branch is, what reviewers ask for, which checks failed.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::issue::{Author, is_writer};
use super::{Failure, Gh};

/// What is asked for at once: the newest. More is for people to look at.
const QUERY: &str = "query=query PullRequestToRevise($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) { pullRequest(number: $number) {
    url state baseRefName mergeable
    reviewThreads(last: 100) { nodes { isResolved path line originalLine
      comments(last: 20) { nodes { author { login } authorAssociation body createdAt url diffHunk } } } }
    reviews(last: 50) { nodes { author { login } authorAssociation body createdAt: submittedAt url state } }
    commits(last: 1) { nodes { commit { statusCheckRollup { contexts(last: 100) { nodes { __typename
      ... on CheckRun { name conclusion completedAt detailsUrl title summary }
      ... on StatusContext { context state createdAt targetUrl description } } } } } } }
  } } }";

/// A pull request.
#[derive(Debug, Clone)]
pub struct PullRequest {
    /// Its address.
    pub url: String,
    /// Whether it can still be merged.
    pub standing: Standing,
    /// The branch that it is to be merged into.
    pub base: String,
    /// GitHub says that it conflicts with its base, or does not know yet.
    pub may_conflict: bool,
    /// Threads of reviews that are not resolved, oldest first.
    pub threads: Vec<Thread>,
    /// Reviews that ask for changes in words of their own, oldest first.
    pub reviews: Vec<Said>,
    /// Checks of its last commit that failed.
    pub checks: Vec<Check>,
}

/// Whether a pull request can still be merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It can.
    Open,
    /// It was closed.
    Closed,
    /// It is merged.
    Merged,
}

/// A thread of a review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// The file that it is about.
    pub path: String,
    /// The line of it, as it is now or was then.
    pub line: Option<u64>,
    /// What it is about, as the first comment that is there shows it.
    pub hunk: String,
    /// What was said in it, oldest first.
    pub comments: Vec<Said>,
}

/// What somebody said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Who.
    pub author: String,
    /// They can write to the repository.
    pub can_write: bool,
    /// In these words.
    pub body: String,
    /// When, by GitHub's clock, if it says so.
    pub at: Option<DateTime<Utc>>,
    /// Where.
    pub url: String,
}

/// A check that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// What it came to, in a word of GitHub's.
    pub came_to: String,
    /// What it says of that.
    pub says: String,
    /// When, by GitHub's clock, if it says so.
    pub at: Option<DateTime<Utc>>,
    /// Where more of it is.
    pub url: String,
}

impl Gh {
    /// Reads a pull request.
    pub async fn pull_request(&self, number: u64, time: Duration) -> Result<PullRequest, Failure> {
        let slug = self.slug();
        let (owner, name) = (format!("owner={}", slug.owner()), format!("name={}", slug.name()));
        let number = format!("number={number}");
        let fields = ["-f", QUERY, "-f", &owner, "-f", &name, "-F", &number];
        let args = [&["api", "graphql"][..], &fields, &["--jq", ".data.repository.pullRequest"]].concat();
        read(&self.call(&args, "", time).await?)
    }
}

fn read(json: &str) -> Result<PullRequest, Failure> {
    let not_understood = |error| Failure::Other(format!("gh's answer is not understood: {error}"));
    let told: Option<Told> = match json.trim() {
        "" => None,
        json => serde_json::from_str(json).map_err(not_understood)?,
    };
    told.map(PullRequest::from).ok_or_else(|| Failure::NotFound("no such pull request".to_owned()))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    url: String,
    state: String,
    base_ref_name: String,
    mergeable: String,
    review_threads: Nodes<ToldThread>,
    reviews: Nodes<ToldSaid>,
    commits: Nodes<ToldCommit>,
}

#[derive(Deserialize)]
struct Nodes<T> {
    nodes: Vec<Option<T>>,
}

impl<T> Nodes<T> {
    fn all(self) -> impl Iterator<Item = T> {
        self.nodes.into_iter().flatten()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToldThread {
    is_resolved: bool,
    path: String,
    line: Option<u64>,
    original_line: Option<u64>,
    comments: Nodes<ToldSaid>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToldSaid {
    author: Option<Author>,
    author_association: String,
    body: String,
    created_at: Option<String>,
    url: String,
    diff_hunk: Option<String>,
    state: Option<String>,
}

#[derive(Deserialize)]
struct ToldCommit {
    commit: Commit,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Commit {
    status_check_rollup: Option<Rollup>,
}

#[derive(Deserialize)]
struct Rollup {
    contexts: Nodes<ToldCheck>,
}

/// A run of a check, or a status: each has some of these.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct ToldCheck {
    name: Option<String>,
    conclusion: Option<String>,
    completed_at: Option<String>,
    details_url: Option<String>,
    title: Option<String>,
    summary: Option<String>,
    context: Option<String>,
    state: Option<String>,
    created_at: Option<String>,
    target_url: Option<String>,
    description: Option<String>,
}

/// What a check came to that failed.
const FAILED: [&str; 5] = ["FAILURE", "ERROR", "TIMED_OUT", "STARTUP_FAILURE", "ACTION_REQUIRED"];

impl From<Told> for PullRequest {
    fn from(told: Told) -> Self {
        let asks = |said: &ToldSaid| {
            said.state.as_deref() == Some("CHANGES_REQUESTED") && !said.body.trim().is_empty()
        };
        let rollup = told.commits.all().filter_map(|told| told.commit.status_check_rollup).last();
        Self {
            url: told.url,
            standing: match told.state.as_str() {
                "OPEN" => Standing::Open,
                "MERGED" => Standing::Merged,
                _ => Standing::Closed,
            },
            base: told.base_ref_name,
            may_conflict: told.mergeable != "MERGEABLE",
            threads: told.review_threads.all().filter(|own| !own.is_resolved).map(Thread::from).collect(),
            reviews: told.reviews.all().filter(asks).map(Said::from).collect(),
            checks: rollup
                .into_iter()
                .flat_map(|own| own.contexts.all())
                .filter_map(ToldCheck::failed)
                .collect(),
        }
    }
}

impl From<ToldThread> for Thread {
    fn from(told: ToldThread) -> Self {
        let mut comments: Vec<ToldSaid> = told.comments.all().collect();
        let hunk = comments.first_mut().and_then(|first| first.diff_hunk.take()).unwrap_or_default();
        let comments = comments.into_iter().map(Said::from).collect();
        Self { path: told.path, line: told.line.or(told.original_line), hunk, comments }
    }
}

impl From<ToldSaid> for Said {
    fn from(told: ToldSaid) -> Self {
        Self {
            author: told.author.map_or_else(|| "somebody".to_owned(), |author| author.login),
            can_write: is_writer(&told.author_association),
            body: told.body,
            at: told.created_at.as_deref().and_then(moment),
            url: told.url,
        }
    }
}

impl ToldCheck {
    fn failed(self) -> Option<Check> {
        let came_to = self.conclusion.or(self.state).filter(|word| FAILED.contains(&word.as_str()))?;
        let says: Vec<String> = [self.title, self.summary, self.description].into_iter().flatten().collect();
        Some(Check {
            name: self.name.or(self.context).unwrap_or_default(),
            came_to,
            says: says.join("\n"),
            at: self.completed_at.or(self.created_at).as_deref().and_then(moment),
            url: self.details_url.or(self.target_url).unwrap_or_default(),
        })
    }
}

fn moment(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pull(change: impl FnOnce(&mut Value)) -> PullRequest {
        let mut told = json!({
            "url": "https://github.com/o/r/pull/9", "state": "OPEN", "baseRefName": "main", "headRefName": "b",
            "headRefOid": "0", "mergeable": "MERGEABLE", "reviewThreads": {"nodes": []}, "reviews": {"nodes": []},
            "commits": {"nodes": [{"commit": {"oid": "0", "statusCheckRollup": null}}]},
        });
        change(&mut told);
        read(&told.to_string()).unwrap()
    }

    fn said(who: &str, state: &str) -> Value {
        json!({"author": {"login": who}, "authorAssociation": who, "body": "x", "createdAt": "2026-01-02T03:04:05Z",
            "url": "u", "state": state})
    }

    #[test]
    fn a_pull_request_is_open_closed_or_merged() {
        for (word, standing) in
            [("OPEN", Standing::Open), ("CLOSED", Standing::Closed), ("MERGED", Standing::Merged)]
        {
            assert_eq!(pull(|told| told["state"] = word.into()).standing, standing);
        }
        assert!(
            matches!(read("null\n"), Err(Failure::NotFound(_)))
                && matches!(read(""), Err(Failure::NotFound(_)))
        );
        assert!(matches!(read("{}"), Err(Failure::Other(_))));
    }

    #[test]
    fn what_is_resolved_approved_or_passed_asks_for_nothing() {
        let told = pull(|told| {
            let thread = |is: bool| {
                json!({"isResolved": is, "path": "a", "line": null, "originalLine": 3,
                "comments": {"nodes": [said("MEMBER", "COMMENTED"), null, said("NONE", "COMMENTED")]}})
            };
            told["reviewThreads"]["nodes"] = json!([thread(true), thread(false), null]);
            told["reviews"]["nodes"] = json!([said("OWNER", "APPROVED"), said("OWNER", "CHANGES_REQUESTED")]);
            told["mergeable"] = "UNKNOWN".into();
            let checks = json!([
                {"__typename": "CheckRun", "name": "a", "conclusion": "SUCCESS"},
                {"__typename": "CheckRun", "name": "b", "conclusion": "TIMED_OUT", "title": "t", "summary": null},
                {"__typename": "CheckRun", "name": "c", "conclusion": null},
                {"__typename": "StatusContext", "context": "d", "state": "ERROR", "description": "why"},
                {"__typename": "StatusContext", "context": "e", "state": "PENDING"},
            ]);
            told["commits"]["nodes"][0]["commit"]["statusCheckRollup"] =
                json!({"contexts": {"nodes": checks}});
        });
        let [thread] = &told.threads[..] else { panic!("{told:?}") };
        assert_eq!((thread.line, thread.comments.len()), (Some(3), 2));
        assert_eq!(thread.comments.iter().map(|said| said.can_write).collect::<Vec<_>>(), [true, false]);
        assert!(thread.comments[0].at.is_some() && told.may_conflict);
        assert_eq!(told.reviews.len(), 1);
        let checks: Vec<_> = told.checks.iter().map(|own| (&*own.name, &*own.says)).collect();
        assert_eq!(checks, [("b", "t"), ("d", "why")]);
    }
}
