//! What leaves the machine, and why it did not.

use serde::{Deserialize, Serialize};

use crate::evidence::text::{self, Text, Token};

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
}

/// An effect outside of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The result branch on a remote.
    Push,
    /// A pull request of it.
    PullRequest,
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
    /// Anything else.
    Other,
}
