//! What leaves the machine, and why it did not.

use serde::{Deserialize, Serialize};

use crate::evidence::id::StepId;
use crate::evidence::text::{self, Text, Token};
use crate::git::{Oid, RefName};

/// What is to be published at the end of a run, as known before its first step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publishing {
    /// The repository of GitHub, `host/owner/name`, if one is known.
    pub repository: Option<Token>,
    /// What, in this order.
    pub effects: Vec<Effect>,
    /// What stands in the way, or why there is nothing to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "text::maybe")]
    pub hindered: Option<Text>,
    /// Whom `gh` says it acts for, where that is known before anything is asked; from version 2 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "text::maybe")]
    pub login: Option<Text>,
}

/// An effect outside of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The result branch on a remote.
    Push,
    /// A pull request of it.
    PullRequest,
    /// The run's evidence on a remote.
    Evidence,
    /// The comment on the issue.
    Comment,
}

/// Classes of reasons why something could not be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PublishFault {
    /// No `gh`, no remote, no repository of GitHub or no value of a secret to look for is there.
    Missing,
    /// Nobody is logged in, or the token is not good.
    Login,
    /// The token may not do this.
    Rights,
    /// There is no such issue or repository.
    NotFound,
    /// Too much was asked of late.
    RateLimit,
    /// The other side could not be reached, or is in trouble.
    Network,
    /// No answer came in time.
    Timeout,
    /// Longer than the other side takes.
    TooLong,
    /// A secret would have gone out.
    Secret,
    /// The remote has another state of the branch.
    Rejected,
    /// The base has moved, and the work does not hold there, or the base does not stand still.
    Moved,
    /// The base has commits that the remote lacks: they would go out as well.
    Unpushed,
    /// Anything else.
    Other,
}

/// A run replayed on the base as it is on the remote by now, before a push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rebased {
    /// The commit of the run that was replayed.
    pub result: Oid,
    /// The base that it was made on.
    pub base: Oid,
    /// The base of now.
    pub onto: Oid,
    /// How often the base had moved by then, this time included.
    pub round: u32,
    /// Everything that was judged held there as well.
    pub held: bool,
    /// The first difference, or why there was no replay; nothing where everything held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "text::maybe")]
    pub why: Option<Text>,
    /// The commits that were judged, the first on the base of now; none where something did not hold.
    pub commits: Vec<RebasedCommit>,
}

impl Rebased {
    /// Returns the commit that is pushed, if everything held and anything is left of the run.
    pub fn tip(&self) -> Option<&Oid> {
        self.commits.last().map(|made| &made.commit).filter(|_| self.held)
    }
}

/// What a step came to on another base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RebasedCommit {
    /// The step.
    pub step: StepId,
    /// The commit.
    pub commit: Oid,
    /// Its tree, which is the one that was judged.
    pub tree: Oid,
}

/// The evidence of a run as it was pushed, or why it was not; while the run runs, and at its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Travelled {
    /// The remote; empty if there is none.
    pub to: Token,
    /// The ref there.
    pub reference: RefName,
    /// The commit that holds it; null if it did not get there.
    pub commit: Option<Oid>,
    /// What of it stayed, and why.
    #[serde(deserialize_with = "text::many")]
    pub left_out: Vec<Text>,
    /// Why it did not get there.
    #[serde(deserialize_with = "text::maybe")]
    pub why: Option<Text>,
}
