//! The events of a run: the journal's vocabulary, and the only interface between the runner and every report.
//!
//! Version 2, and version 1 beside it, which is read for ever: what one of them has and the other has not is an `Option`
//! that says so, and [`Event::misfit`] holds each to its own. `tests/fixtures/journals` holds journals of every released
//! version.

mod agent;
mod beside;
mod cached;
mod command;
mod flat;
mod judged;
mod publishing;
mod result;
mod revises;
mod run;
mod version;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use agent::{Act, AgentEnded, AgentStarted, AgentUsed, Attached, Spending, Tokens};
pub use beside::{InGit, Moved, Wrote};
pub use cached::{CacheKept, CacheLooked};
pub use command::{CommandEnded, Cut, Egress, EgressVerdict, Role};
pub use flat::is_straight;
pub use judged::{Expected, Judged, ProofRan, ProofRun};
pub use publishing::{Effect, PublishFault, Publishing, Rebased, RebasedCommit, Travelled};
pub use result::{AttemptResult, Reason, ReasonKind, RunResult, StepResult};
pub use revises::{AskedFor, AskedKind, Revises};
pub use run::{Change, ChangeKind, Host, Origin, PlanCommit, Resumed, RunStarted, Sealed, StartedBy};
pub use version::Misfit;

use super::id::{AttemptId, Sha256, StepId};
use super::text::{self, Text, Token};
use crate::git::{Oid, RefName};

/// The layer of an attempt that takes what steps of lower tiers left.
pub const KEPT: &str = "kept";

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", remote = "Self")]
pub enum Event {
    /// Always the first: what is to be done, to what, by which autopilot.
    #[serde(rename = "run.started")]
    RunStarted(Box<RunStarted>),
    /// The worktree is checked out.
    #[serde(rename = "worktree.ready")]
    WorktreeReady {
        /// Paths checked out.
        files: u64,
        /// Milliseconds it took.
        ms: u64,
        /// The ref in the user's repository that pinned the base while its objects were borrowed; none is made any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pin: Option<RefName>,
    },
    /// The folders that are kept from run to run are as the steps find them. From version 2 on.
    #[serde(rename = "cache.looked")]
    CacheLooked(Box<CacheLooked>),
    /// The run has passed, and leaves those folders to later ones. From version 2 on.
    #[serde(rename = "cache.kept")]
    CacheKept(Box<CacheKept>),
    /// An attempt at a step begins.
    #[serde(rename = "attempt.started")]
    AttemptStarted {
        /// Which attempt.
        #[serde(flatten)]
        at: AttemptId,
        /// Version 1: the byte of the log where its part begins.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        log: Option<u64>,
        /// The commit that the worktree is at: the base, or a checkpoint. From version 2 on, as what follows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<Oid>,
        /// The layer that its HOME is of; `run` is the run's own, as the steps before it left it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        home: Option<Token>,
        /// The layer that its ignored files are of; `run` as above.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        layer: Option<Token>,
    },
    /// A command is about to be started.
    #[serde(rename = "command.started")]
    CommandStarted {
        /// Which attempt.
        #[serde(flatten)]
        at: AttemptId,
        /// Why it is run.
        role: Role,
        /// Which of the plan's `post` or `rollback` commands, from 0; from version 2 on, and not of an action.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        index: Option<u32>,
        /// What is run, as a person would type it.
        #[serde(deserialize_with = "text::one")]
        command: Text,
    },
    /// A command and all of its process tree has ended.
    #[serde(rename = "command.ended")]
    CommandEnded(Box<CommandEnded>),
    /// An agent is on this host, in the version that works on the run's steps.
    #[serde(rename = "agent.found")]
    AgentFound {
        /// Which agent, by its key in a plan; from version 2 on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<Token>,
        /// Name and version.
        #[serde(deserialize_with = "text::one")]
        agent: Text,
        /// What is to be said of this version.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[serde(deserialize_with = "text::maybe")]
        warning: Option<Text>,
        /// MCP servers that it knows, whether a step uses them or not.
        #[serde(deserialize_with = "text::many")]
        servers: Vec<Text>,
    },
    /// An agent is about to be given a step's task.
    #[serde(rename = "agent.started")]
    AgentStarted(Box<AgentStarted>),
    /// An agent says that it did something; a claim, as everything it prints.
    #[serde(rename = "agent.acted")]
    AgentActed {
        /// Which attempt.
        #[serde(flatten)]
        at: AttemptId,
        /// What.
        act: Act,
    },
    /// What an agent has used of the model so far, told while its turn is under way: a runner that dies leaves it.
    #[serde(rename = "agent.used")]
    AgentUsed(AgentUsed),
    /// The agent's turn is over.
    #[serde(rename = "agent.ended")]
    AgentEnded(Box<AgentEnded>),
    /// The model's server asked for patience; the same attempt goes on afterwards.
    #[serde(rename = "agent.waiting")]
    AgentWaiting {
        /// Which attempt.
        #[serde(flatten)]
        at: AttemptId,
        /// Why.
        reason: Reason,
        /// Milliseconds.
        ms: u64,
    },
    /// What was decided about a connection of a command.
    #[serde(rename = "egress")]
    Egress(Box<Egress>),
    /// An attempt ended; on `failed`, what follows is salvage, rollback and reset.
    #[serde(rename = "attempt.ended")]
    AttemptEnded {
        /// Which attempt.
        #[serde(flatten)]
        at: AttemptId,
        /// How.
        result: AttemptResult,
        /// Why not `passed`.
        reason: Option<Reason>,
        /// Milliseconds it took, `post` and checkpoint included.
        ms: u64,
        /// Version 1: the byte of the log where its part ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        log: Option<u64>,
        /// What the policy probably refused it, and the line of the plan that would allow it; a guess from
        /// its output.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[serde(deserialize_with = "text::maybe")]
        refused: Option<Text>,
        /// What it wrote beside its result, if that was looked at; from version 2 on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        wrote: Option<Wrote>,
    },
    /// An expectation of the plan was judged, on raw output and files. From version 2 on.
    #[serde(rename = "expectation.judged")]
    ExpectationJudged(Box<Judged>),
    /// One of the runs of a proof is over. From version 2 on.
    #[serde(rename = "proof.ran")]
    ProofRan(Box<ProofRan>),
    /// Masks that an attempt asked for were not taken: there is no room for more. From version 2 on.
    #[serde(rename = "masks.refused")]
    MasksRefused {
        /// Which attempt.
        #[serde(flatten)]
        at: AttemptId,
        /// How many.
        count: u64,
    },
    /// All output of an attempt, rollback included, is in the log, in one piece. From version 2 on.
    #[serde(rename = "log.appended")]
    LogAppended {
        /// Which attempt.
        #[serde(flatten)]
        at: AttemptId,
        /// The byte of the log where it begins.
        from: u64,
        /// The byte behind its last.
        to: u64,
    },
    /// The runner committed the worktree's state.
    #[serde(rename = "checkpoint.made")]
    CheckpointMade {
        /// Which attempt.
        #[serde(flatten)]
        at: AttemptId,
        /// The commit.
        commit: Oid,
        /// Its tree; from version 2 on, as what follows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tree: Option<Oid>,
        /// The commit that it is on top of.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<Oid>,
        /// The commit of another attempt's that was merged into it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        merged_from: Option<Oid>,
        /// It changed files that agents read as instructions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instructions: Option<bool>,
        /// What it changed: shared with the run's state, since there can be a hundred thousand.
        changes: Arc<Vec<Change>>,
    },
    /// What a failed attempt left was saved, or what rules of steps kept off the branch when one passed.
    #[serde(rename = "salvaged")]
    Salvaged {
        /// Which attempt, or what else was being done.
        #[serde(flatten)]
        at: AttemptId,
        /// The ref in the salvage bundle.
        reference: RefName,
        /// The commit.
        commit: Oid,
        /// Paths that differ from the last checkpoint.
        paths: u64,
        /// What a bundle cannot hold, by path.
        #[serde(deserialize_with = "text::many")]
        not_held: Vec<Text>,
        /// Files in it that look as if they held a secret, and of which kind.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[serde(deserialize_with = "text::many")]
        secrets: Vec<Text>,
    },
    /// The step's own git was broken by what ran before, and is mended. From version 2 on.
    #[serde(rename = "git.mended")]
    GitMended {
        /// The attempt that works with it.
        #[serde(flatten)]
        at: AttemptId,
        /// What was broken.
        #[serde(deserialize_with = "text::many")]
        what: Vec<Text>,
    },
    /// Work lies in the step's own git and nowhere else; that goes now. From version 2 on.
    #[serde(rename = "git.left")]
    GitLeft {
        /// The first of it.
        left: Vec<InGit>,
        /// How much more there is.
        more: u64,
    },
    /// The worktree goes back to the last checkpoint.
    #[serde(rename = "reset.started")]
    ResetStarted {
        /// Which attempt.
        #[serde(flatten)]
        at: AttemptId,
    },
    /// The worktree is as at the last checkpoint.
    #[serde(rename = "reset.done")]
    ResetDone {
        /// Which attempt.
        #[serde(flatten)]
        at: AttemptId,
    },
    /// The runner waits before the next attempt.
    #[serde(rename = "retry.waiting")]
    RetryWaiting {
        /// The attempt that will follow.
        #[serde(flatten)]
        at: AttemptId,
        /// Milliseconds.
        ms: u64,
    },
    /// A step is over.
    #[serde(rename = "step.ended")]
    StepEnded {
        /// The step.
        step: StepId,
        /// How.
        result: StepResult,
        /// Attempts made.
        attempts: u32,
        /// Why it was skipped.
        #[serde(deserialize_with = "text::maybe")]
        because: Option<Text>,
    },
    /// No step follows. What comes after is taking the work out and cleaning up.
    #[serde(rename = "run.ended")]
    RunEnded {
        /// How.
        result: RunResult,
        /// Why not `done`.
        reason: Option<Reason>,
        /// The step that decided it.
        step: Option<StepId>,
        /// Milliseconds of active time.
        ms: u64,
    },
    /// The result branch is in the user's repository.
    #[serde(rename = "branch.made")]
    BranchMade {
        /// Full ref name.
        reference: RefName,
        /// The commit.
        commit: Oid,
        /// Commits on top of the base.
        commits: u64,
        /// Where the base is by then, if it is elsewhere; from version 2 on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        moved: Option<Moved>,
        /// Its commits are in a bundle beside the journal; from version 2 on, and not in journals from before there was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bundled: Option<bool>,
    },
    /// The result branch was searched for secrets. From version 2 on.
    #[serde(rename = "branch.searched")]
    BranchSearched {
        /// The commit that it was at.
        commit: Oid,
        /// What looks like a secret, by kind and place; the first of them.
        #[serde(deserialize_with = "text::many")]
        found: Vec<Text>,
        /// How many more.
        more: u64,
        /// What was not searched, and why.
        #[serde(deserialize_with = "text::many")]
        unsearched: Vec<Text>,
    },
    /// The worktree and everything else of the run outside the repository is gone.
    #[serde(rename = "worktree.removed")]
    WorktreeRemoved {
        /// Files compared with the branch before.
        proved: u64,
        /// Ignored files that went with it.
        ignored_files: u64,
        /// Their bytes.
        ignored_bytes: u64,
    },
    /// The worktree stays, because removing it was not proved safe, or was not wanted.
    #[serde(rename = "worktree.kept")]
    WorktreeKept {
        /// Where.
        #[serde(deserialize_with = "text::one")]
        path: Text,
        /// Why.
        #[serde(deserialize_with = "text::one")]
        why: Text,
    },
    /// The runner of this run died; another invocation picked up what it left.
    #[serde(rename = "recovered")]
    Recovered {
        /// Bytes of a half-written last line that were cut off.
        torn: u64,
    },
    /// A run that had died or been interrupted goes on from its last checkpoint; it will be sealed again. A
    /// `checkpoint.made` that follows at once was made by the dead runner, and found by its message.
    #[serde(rename = "resumed")]
    Resumed(Box<Resumed>),
    /// The files of the run are complete.
    #[serde(rename = "sealed")]
    Sealed {
        /// Each file with its digest.
        files: Vec<Sealed>,
    },
    /// The provenance is written; the hash of this line is the head.
    #[serde(rename = "attested")]
    Attested {
        /// SHA-256 of the provenance file.
        sha256: Sha256,
    },
    /// The base has moved on the remote, and the run was replayed there before a push. From version 2 on.
    #[serde(rename = "publish.rebased")]
    PublishRebased(Box<Rebased>),
    /// The evidence was pushed, or not: between steps, and at the end. From version 2 on.
    #[serde(rename = "publish.evidence")]
    PublishEvidence(Box<Travelled>),
    /// Something is about to be done outside of the machine. Only these events follow the head.
    #[serde(rename = "publish.started")]
    PublishStarted {
        /// What.
        effect: Effect,
        /// Which state of the run: its head for a comment, its commit for the others.
        key: Token,
        /// The repository of GitHub, or the remote.
        to: Token,
        /// The account that GitHub says `gh` acts for; nothing of a push, and where it did not say. From version 2 on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[serde(deserialize_with = "text::maybe")]
        login: Option<Text>,
        /// Commits of the base that the remote lacks, and that go out with a push. From version 2 on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        along: Option<u64>,
    },
    /// It is done, and is not done again for this key.
    #[serde(rename = "publish.done")]
    PublishDone {
        /// What.
        effect: Effect,
        /// Which state of the run.
        key: Token,
        /// Where it can be looked at.
        #[serde(deserialize_with = "text::maybe")]
        url: Option<Text>,
        /// A comment's number, by which it is updated.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
    },
    /// It could not be done, and is still to be published.
    #[serde(rename = "publish.failed")]
    PublishFailed {
        /// What.
        effect: Effect,
        /// Which state of the run.
        key: Token,
        /// The class of the reason, for programs.
        kind: PublishFault,
        /// Why.
        #[serde(deserialize_with = "text::one")]
        why: Text,
        /// What to do about it.
        #[serde(deserialize_with = "text::one")]
        hint: Text,
    },
}
