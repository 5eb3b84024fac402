//! What there is beside a result: what an attempt wrote that is not on the branch, and where the base is by the end.

use serde::{Deserialize, Serialize};

use crate::evidence::text::{self, Text};
use crate::git::{Oid, RefName};

/// What an attempt wrote beside its result: top entries of folders, never what is below.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wrote {
    /// Of the worktree, what the repository's rules ignore, such as `target`.
    #[serde(deserialize_with = "text::many")]
    pub ignored: Vec<Text>,
    /// Of these, what no rule ignores: folders that say of themselves that they are a tool's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(deserialize_with = "text::many")]
    pub marked: Vec<Text>,
    /// Of these, what rules that steps wrote keep off the result.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(deserialize_with = "text::many")]
    pub hidden: Vec<Text>,
    /// Of HOME.
    #[serde(deserialize_with = "text::many")]
    pub home: Vec<Text>,
}

/// A base that is elsewhere when a run ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The commit that it is at.
    pub to: Oid,
    /// The first files in which it conflicts with the result.
    #[serde(deserialize_with = "text::many")]
    pub conflicts: Vec<Text>,
    /// How many more there are.
    pub more: u64,
}

/// Work that lies in the step's own git and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InGit {
    /// What it is: a stash, a branch, a commit on none, files that are staged or hidden.
    #[serde(deserialize_with = "text::one")]
    pub what: Text,
    /// The commit that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<Oid>,
    /// The ref in the salvage bundle that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<RefName>,
}
