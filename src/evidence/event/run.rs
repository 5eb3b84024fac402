//! A run as a whole: what it starts from and goes on from, who runs it, what it leaves.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Publishing, Revises};
use crate::evidence::id::{Sha256, StepId};
use crate::evidence::text::{self, Document, Text, Token};
use crate::git::{Oid, Unnamed};

/// What a run starts from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStarted {
    /// The run's name, `<timestamp>-<issue>`.
    pub run: Token,
    /// The issue.
    pub issue: u64,
    /// The plan's title.
    #[serde(deserialize_with = "text::one")]
    pub title: Text,
    /// Version of autopilot.
    pub autopilot: Token,
    /// The base as named, such as `main` or `HEAD`.
    #[serde(deserialize_with = "text::one")]
    pub base: Text,
    /// The base commit.
    pub commit: Oid,
    /// The branch that the result will have.
    pub branch: Token,
    /// Toplevel of the checkout it was started in.
    #[serde(deserialize_with = "text::one")]
    pub repository: Text,
    /// The plan file.
    #[serde(deserialize_with = "text::one")]
    pub plan_path: Text,
    /// SHA-256 of the plan file's own bytes.
    pub plan_sha256: Sha256,
    /// The resolved plan, masked.
    #[serde(deserialize_with = "text::document")]
    pub plan: Document,
    /// Masking changed it: what is recorded is not all of what was done. From version 2 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_masked: Option<bool>,
    /// Where the checkout's history holds the plan file just so; from version 2 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_commit: Option<PlanCommit>,
    /// Who wrote the plan; from version 2 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// SHA-256 of what no plan may exceed on this host, if that is said anywhere; from version 2 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ceiling: Option<Sha256>,
    /// Who started it; from version 2 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_by: Option<StartedBy>,
    /// Steps in the order they run.
    pub steps: Vec<StepId>,
    /// The checkout had changes of the user, which are not part of the run.
    pub dirty: bool,
    /// Who runs it.
    pub host: Host,
    /// What this host can enforce, in a line.
    #[serde(deserialize_with = "text::one")]
    pub sandbox: Text,
    /// What the engine that started it calls it: the variables of CI and batch systems that name a job.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[serde(deserialize_with = "text::named")]
    pub labels: BTreeMap<String, Text>,
    /// What is to be published at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish: Option<Publishing>,
    /// Where steps that apply the work of a cloud get their tasks from, `host:port`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "text::maybe")]
    pub cloud: Option<Text>,
    /// The pull request of an earlier run that it goes on from; from version 2 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revises: Option<Box<Revises>>,
}

impl RunStarted {
    /// Returns the number under which the run is commented on: of its issue, or of the pull request that it revises.
    pub fn commented_on(&self) -> u64 {
        self.revises.as_ref().map_or(self.issue, |revises| revises.number)
    }

    /// Returns the command by which a run that came to no end of its own is taken further, where this names it: it goes on, or, where
    /// it revises a pull request, that is revised again.
    pub fn taken_further_by(&self, name: &str) -> String {
        match &self.revises {
            Some(_) => format!("autopilot revise {}", self.issue),
            None => format!("autopilot run {name} --resume"),
        }
    }

    /// Returns the name of the branch that the result has on a remote: its own, or that of the pull request it revises.
    pub fn branch_on_remote(&self) -> &str {
        self.revises.as_ref().map_or(self.branch.as_str(), |revises| revises.branch.short())
    }
}

/// Where a plan is in the history of its repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum PlanCommit {
    /// In this commit.
    At(Oid),
    /// In none: `uncommitted`.
    Uncommitted,
}

impl PlanCommit {
    const UNCOMMITTED: &str = "uncommitted";

    /// Returns the commit, if there is one.
    pub fn commit(&self) -> Option<&Oid> {
        match self {
            Self::At(commit) => Some(commit),
            Self::Uncommitted => None,
        }
    }
}

impl TryFrom<String> for PlanCommit {
    type Error = Unnamed;

    fn try_from(text: String) -> Result<Self, Unnamed> {
        if text == Self::UNCOMMITTED { Ok(Self::Uncommitted) } else { Oid::try_from(text).map(Self::At) }
    }
}

impl From<PlanCommit> for String {
    fn from(place: PlanCommit) -> Self {
        match place {
            PlanCommit::At(commit) => commit.into(),
            PlanCommit::Uncommitted => PlanCommit::UNCOMMITTED.to_owned(),
        }
    }
}

/// Who wrote a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The user: it lies in the checkout.
    Own,
    /// It is committed on the base.
    Base,
    /// Somebody's evidence.
    Record,
    /// An agent, during a run or by a tool call.
    Agent,
}

/// Who started a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartedBy {
    /// Login name, or the number of the user id where it has none.
    #[serde(deserialize_with = "text::one")]
    pub user: Text,
    /// Whom a CI system names as the one who set it off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "text::maybe")]
    pub actor: Option<Text>,
}

/// What a resumed run goes on from. Plan and base are those of its beginning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumed {
    /// Version of the autopilot that goes on.
    pub autopilot: Token,
    /// The last checkpoint that the journal knows; the base commit if there is none.
    pub checkpoint: Oid,
    /// Milliseconds of active time that were used before.
    pub used: u64,
    /// Failed attempts in a row, which go on to count.
    pub consecutive: u32,
    /// Bytes of a half-written last line that were cut off.
    pub torn: u64,
    /// Who goes on with it.
    pub host: Host,
    /// What this host can enforce, in a line.
    #[serde(deserialize_with = "text::one")]
    pub sandbox: Text,
    /// What the engine that goes on with it calls it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[serde(deserialize_with = "text::named")]
    pub labels: BTreeMap<String, Text>,
}

/// Who runs a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Host name.
    #[serde(deserialize_with = "text::one")]
    pub name: Text,
    /// Process id of the runner.
    pub pid: u32,
    /// Kernel release.
    #[serde(deserialize_with = "text::one")]
    pub kernel: Text,
    /// Version of git.
    #[serde(deserialize_with = "text::one")]
    pub git: Text,
}

/// One changed path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Relative to the repository's top.
    #[serde(deserialize_with = "text::one")]
    pub path: Text,
    /// What happened to it.
    pub kind: ChangeKind,
    /// Lines added; nothing for a binary file.
    pub added: Option<u64>,
    /// Lines removed; nothing for a binary file.
    pub removed: Option<u64>,
    /// Why a reviewer should look at it first: it makes other people's tools run code, or behave otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "text::maybe")]
    pub review: Option<Text>,
}

/// What happened to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// Its content, mode or kind is another.
    Modified,
    /// It is gone.
    Deleted,
}

/// A file of the evidence, as sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// Relative to the toplevel of the checkout.
    pub path: Token,
    /// SHA-256 of its bytes.
    pub sha256: Sha256,
    /// Its bytes.
    pub size: u64,
}
