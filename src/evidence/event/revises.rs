//! A run that goes on from the pull request of an earlier one: which, where its branch was, and what is asked of it.

use serde::{Deserialize, Serialize};

use crate::evidence::text::{self, Text, Token};
use crate::git::{Oid, RefName};

/// The pull request that a run revises.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revises {
    /// The earlier run, whose plan and policy this one has.
    pub run: Token,
    /// Number of the pull request.
    pub number: u64,
    /// Its address.
    #[serde(deserialize_with = "text::one")]
    pub url: Text,
    /// The remote that its branch is on.
    #[serde(deserialize_with = "text::one")]
    pub remote: Text,
    /// Its branch there.
    pub branch: RefName,
    /// The commit that the earlier run had pushed.
    pub pushed: Oid,
    /// The commit that the branch was at.
    pub tip: Oid,
    /// The commit of the pull request's base that was merged first, conflicts and all; nothing if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged: Option<Oid>,
    /// The latest moment, by the forge's clock, of anything it was given.
    pub seen: Token,
    /// What is asked of it, in the order of its numbers.
    pub asked: Vec<AskedFor>,
}

impl Revises {
    /// Tells whether others have put commits on the branch, or put it elsewhere: what they wrote is code of a stranger.
    pub fn has_others(&self) -> bool {
        self.pushed != self.tip
    }
}

/// One thing that is asked of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedFor {
    /// What asks.
    pub kind: AskedKind,
    /// Who asks: a login, or the name of a check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "text::maybe")]
    pub by: Option<Text>,
    /// Where it can be looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "text::maybe")]
    pub url: Option<Text>,
    /// The file that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "text::maybe")]
    pub path: Option<Text>,
    /// The line of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
}

/// What asks for a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskedKind {
    /// A thread of a review that is not resolved.
    Thread,
    /// A review that asks for changes.
    Review,
    /// A check that failed.
    Check,
    /// A conflict with the base.
    Conflict,
}
