//! Why something was not published: the class for programs, and words for people.

use crate::evidence::event::PublishFault;
use crate::github::Failure;
use crate::worktree::WorktreeError;

/// Why something was not published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) kind: PublishFault,
    pub(super) why: String,
    pub(super) hint: String,
}

impl Trouble {
    pub(super) fn new(kind: PublishFault, why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind, why: why.into(), hint: hint.into() }
    }

    pub(super) fn no_repository() -> Self {
        Self::new(
            PublishFault::Missing,
            "no remote of this checkout is a repository of GitHub",
            "name it: GH_REPO=owner/name",
        )
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        let kind = match &failure {
            Failure::Missing => PublishFault::Missing,
            Failure::LoggedOut { .. } | Failure::Unauthorized(_) => PublishFault::Login,
            Failure::Forbidden(_) => PublishFault::Rights,
            Failure::NotFound(_) => PublishFault::NotFound,
            Failure::RateLimited(_) => PublishFault::RateLimit,
            Failure::Network(_) | Failure::Server(_) => PublishFault::Network,
            Failure::TooLong(_) => PublishFault::TooLong,
            Failure::Late(_) => PublishFault::Timeout,
            Failure::Other(_) => PublishFault::Other,
        };
        Self::new(kind, failure.to_string(), failure.hint())
    }
}

impl From<WorktreeError> for Trouble {
    fn from(error: WorktreeError) -> Self {
        Self::new(PublishFault::Other, error.to_string(), "mend that, then: autopilot publish")
    }
}
