//! The events of a run: the journal's vocabulary, and the only interface between the runner and every report.
//!
//! Version 1. Fields are only ever added; `tests/fixtures/journals` holds one journal of every released version.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::text::{Document, Text, Token};

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
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
        /// The ref in the user's repository that pins the base while its objects are borrowed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pin: Option<Token>,
    },
    /// An attempt at a step begins.
    #[serde(rename = "attempt.started")]
    AttemptStarted {
        /// The step.
        step: Token,
        /// 1 for the first try.
        attempt: u32,
        /// Byte of the log where its part begins.
        log: u64,
    },
    /// A command is about to be started.
    #[serde(rename = "command.started")]
    CommandStarted {
        /// The step.
        step: Token,
        /// The attempt.
        attempt: u32,
        /// Why it is run.
        role: Role,
        /// What is run, as a person would type it.
        command: Text,
    },
    /// A command and all of its process tree has ended.
    #[serde(rename = "command.ended")]
    CommandEnded(Box<CommandEnded>),
    /// An agent is on this host, in the version that works on the run's steps.
    #[serde(rename = "agent.found")]
    AgentFound {
        /// Name and version, such as `codex 0.169.0`.
        agent: Text,
        /// What is to be said of this version.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        warning: Option<Text>,
        /// MCP servers that it knows, whether a step uses them or not.
        servers: Vec<Text>,
    },
    /// An agent is about to be given a step's task.
    #[serde(rename = "agent.started")]
    AgentStarted(Box<AgentStarted>),
    /// An agent says that it did something; a claim, as everything it prints.
    #[serde(rename = "agent.acted")]
    AgentActed {
        /// The step.
        step: Token,
        /// The attempt.
        attempt: u32,
        /// What.
        act: Act,
    },
    /// The agent's turn is over.
    #[serde(rename = "agent.ended")]
    AgentEnded {
        /// The step.
        step: Token,
        /// The attempt.
        attempt: u32,
        /// Its final message.
        message: Option<Text>,
        /// What it used of the model, if that is known.
        tokens: Option<Tokens>,
        /// Requests that were passed on to the model.
        #[serde(default)]
        requests: u64,
        /// What it said it did; the journal holds the first of them.
        acts: u64,
    },
    /// The model's server asked for patience; the same attempt goes on afterwards.
    #[serde(rename = "agent.waiting")]
    AgentWaiting {
        /// The step.
        step: Token,
        /// The attempt.
        attempt: u32,
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
        /// The step.
        step: Token,
        /// The attempt.
        attempt: u32,
        /// How.
        result: AttemptResult,
        /// Why not `passed`.
        reason: Option<Reason>,
        /// Milliseconds it took, `post` and checkpoint included.
        ms: u64,
        /// Byte of the log where its part ends.
        log: u64,
        /// What the policy probably refused it, and the line of the plan that would allow it; a guess from
        /// its output.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refused: Option<Text>,
    },
    /// The runner committed the worktree's state.
    #[serde(rename = "checkpoint.made")]
    CheckpointMade {
        /// The step.
        step: Token,
        /// The attempt.
        attempt: u32,
        /// The commit.
        commit: Token,
        /// What it changed.
        changes: Vec<Change>,
    },
    /// What a failed attempt left was saved.
    #[serde(rename = "salvaged")]
    Salvaged {
        /// The step, or what else was being done.
        step: Token,
        /// The attempt.
        attempt: u32,
        /// The ref in the salvage bundle.
        reference: Token,
        /// The commit.
        commit: Token,
        /// Paths that differ from the last checkpoint.
        paths: u64,
        /// What a bundle cannot hold, by path.
        not_held: Vec<Text>,
        /// Files in it that look as if they held a secret, and of which kind.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        secrets: Vec<Text>,
    },
    /// The worktree goes back to the last checkpoint.
    #[serde(rename = "reset.started")]
    ResetStarted {
        /// The step.
        step: Token,
        /// The attempt.
        attempt: u32,
    },
    /// The worktree is as at the last checkpoint.
    #[serde(rename = "reset.done")]
    ResetDone {
        /// The step.
        step: Token,
        /// The attempt.
        attempt: u32,
    },
    /// The runner waits before the next attempt.
    #[serde(rename = "retry.waiting")]
    RetryWaiting {
        /// The step.
        step: Token,
        /// The attempt that will follow.
        attempt: u32,
        /// Milliseconds.
        ms: u64,
    },
    /// A step is over.
    #[serde(rename = "step.ended")]
    StepEnded {
        /// The step.
        step: Token,
        /// How.
        result: StepResult,
        /// Attempts made.
        attempts: u32,
        /// Why it was skipped.
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
        step: Option<Token>,
        /// Milliseconds of active time.
        ms: u64,
    },
    /// The result branch is in the user's repository.
    #[serde(rename = "branch.made")]
    BranchMade {
        /// Full ref name.
        reference: Token,
        /// The commit.
        commit: Token,
        /// Commits on top of the base.
        commits: u64,
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
        path: Text,
        /// Why.
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
        sha256: Token,
    },
    /// Something is about to be done outside of the machine. Only these events follow the head.
    #[serde(rename = "publish.started")]
    PublishStarted {
        /// What.
        effect: Effect,
        /// Which state of the run: its head for a comment, its commit for the others.
        key: Token,
        /// The repository of GitHub, or the remote.
        to: Token,
    },
    /// It is done, and is not done again for this key.
    #[serde(rename = "publish.done")]
    PublishDone {
        /// What.
        effect: Effect,
        /// Which state of the run.
        key: Token,
        /// Where it can be looked at.
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
        why: Text,
        /// What to do about it.
        hint: Text,
    },
}

/// What a run starts from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStarted {
    /// The run's name, `<timestamp>-<issue>`.
    pub run: Token,
    /// The issue.
    pub issue: u64,
    /// The plan's title.
    pub title: Text,
    /// Version of autopilot.
    pub autopilot: Token,
    /// The base as named, such as `main` or `HEAD`.
    pub base: Text,
    /// The base commit.
    pub commit: Token,
    /// The branch that the result will have.
    pub branch: Token,
    /// Toplevel of the checkout it was started in.
    pub repository: Text,
    /// The plan file.
    pub plan_path: Text,
    /// SHA-256 of the plan file.
    pub plan_sha256: Token,
    /// The resolved plan.
    pub plan: Document,
    /// Steps in the order they run.
    pub steps: Vec<Token>,
    /// The checkout had changes of the user, which are not part of the run.
    pub dirty: bool,
    /// Who runs it.
    pub host: Host,
    /// What this host can enforce, in a line.
    pub sandbox: Text,
    /// What the engine that started it calls it: the variables of CI and batch systems that name a job.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, Text>,
    /// What is to be published at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish: Option<Publishing>,
}

/// What is to be published at the end of a run, as known before its first step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publishing {
    /// The repository of GitHub, `host/owner/name`, if one is known.
    pub repository: Option<Token>,
    /// What, in this order.
    pub effects: Vec<Effect>,
    /// What stands in the way, or why there is nothing to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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
    /// No `gh`, no remote or no repository of GitHub is there.
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

/// Who runs a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Host name.
    pub name: Text,
    /// Process id of the runner.
    pub pid: u32,
    /// Kernel release.
    pub kernel: Text,
    /// Version of git.
    pub git: Text,
}

/// What an agent is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentStarted {
    /// The step.
    pub step: Token,
    /// The attempt.
    pub attempt: u32,
    /// Name and version.
    pub agent: Text,
    /// The model, if the plan names one.
    pub model: Option<Text>,
    /// Where the model is.
    pub provider: Text,
    /// SHA-256 of the whole prompt.
    pub prompt: Token,
    /// What is attached to it.
    pub attached: Vec<Attached>,
    /// MCP servers it may use.
    pub servers: Vec<Text>,
    /// It reads the repository's own instructions; not when they were changed since the base.
    pub instructions: bool,
}

/// Something attached to a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    /// What.
    pub name: Text,
    /// SHA-256 of all of it.
    pub sha256: Token,
    /// Bytes of all of it.
    pub size: u64,
    /// Bytes that were attached.
    pub attached: u64,
}

/// What an agent says it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "did", rename_all = "snake_case")]
pub enum Act {
    /// Ran a command.
    Command {
        /// The command.
        command: Text,
        /// Its exit code, if it exited.
        exit_code: Option<i32>,
    },
    /// Changed files.
    Files {
        /// Kind of change and path.
        paths: Vec<Text>,
        /// They were changed.
        done: bool,
    },
    /// Used a tool of an MCP server.
    Tool {
        /// Server and tool.
        name: Text,
        /// It worked.
        done: bool,
    },
    /// Said something.
    Message {
        /// What.
        text: Text,
    },
    /// Met with something that went wrong, but not for good.
    Warning {
        /// What.
        text: Text,
    },
}

/// Model tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// Read by the model.
    pub input: u64,
    /// Of those, read from its cache.
    pub cached: u64,
    /// Written by the model, reasoning included.
    pub output: u64,
}

/// What a resumed run goes on from. Plan and base are those of its beginning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumed {
    /// Version of the autopilot that goes on.
    pub autopilot: Token,
    /// The last checkpoint that the journal knows; the base commit if there is none.
    pub checkpoint: Token,
    /// Milliseconds of active time that were used before.
    pub used: u64,
    /// Failed attempts in a row, which go on to count.
    pub consecutive: u32,
    /// Bytes of a half-written last line that were cut off.
    pub torn: u64,
    /// Who goes on with it.
    pub host: Host,
    /// What this host can enforce, in a line.
    pub sandbox: Text,
    /// What the engine that goes on with it calls it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, Text>,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandEnded {
    /// The step.
    pub step: Token,
    /// The attempt.
    pub attempt: u32,
    /// Why it was run.
    pub role: Role,
    /// Its exit code, if it exited.
    pub exit_code: Option<i32>,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
    /// Why it was ended by the runner or not run to its end.
    pub ended_by: Option<Text>,
    /// Milliseconds it took.
    pub ms: u64,
    /// Bytes it printed.
    pub output: u64,
    /// Processes it left, which were killed.
    pub killed: u32,
    /// Processes that survived that: must be 0.
    pub survivors: u32,
    /// What was enforced, as the sandbox confirmed it; nothing if it never started.
    pub enforced: Option<Document>,
}

/// What was decided about a connection of a command, and what went over it. Of a command that makes very many, equal
/// ones are told together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Egress {
    /// The step.
    pub step: Token,
    /// The attempt.
    pub attempt: u32,
    /// Which of its commands.
    pub role: Role,
    /// The host as the command named it; `(others)` when it named too many.
    pub host: Text,
    /// The port.
    pub port: u16,
    /// What was decided.
    pub verdict: EgressVerdict,
    /// Why it was not allowed, or could not be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Text>,
    /// The line of the plan that would allow it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<Text>,
    /// Connections, or requests over a shared one, that no event before it told of.
    pub connections: u64,
    /// Bytes from the command.
    pub sent: u64,
    /// Bytes to the command.
    pub received: u64,
    /// More may have followed: then a later event tells it, of no further connections if there were none.
    #[serde(default, skip_serializing_if = "is_false")]
    pub open: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// What was decided about a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EgressVerdict {
    /// It was made.
    Allowed,
    /// The policy forbids it.
    Refused,
    /// It is allowed, and could not be made.
    Failed,
}

/// Why a command is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The step's action.
    Action,
    /// One of its `post` commands.
    Post,
    /// One of its `rollback` commands.
    Rollback,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptResult {
    /// Everything expected held.
    Passed,
    /// Something did not.
    Failed,
    /// The run was interrupted.
    Interrupted,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepResult {
    /// An attempt passed.
    Passed,
    /// No attempt passed.
    Failed,
    /// No attempt was made.
    Skipped,
    /// The run was interrupted in it.
    Interrupted,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunResult {
    /// Every step that counts passed.
    Done,
    /// One did not.
    Failed,
    /// A signal ended it.
    Interrupted,
    /// The runner died.
    Crashed,
}

/// Why something did not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The class of the reason, for programs.
    pub kind: ReasonKind,
    /// The reason in words.
    pub text: Text,
}

/// Classes of reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonKind {
    /// Another exit code than expected, or a signal.
    Exit,
    /// The step's timeout.
    Timeout,
    /// The run's timeout.
    RunTimeout,
    /// Over one of its resources.
    Limit,
    /// An expectation did not hold, or could not be evaluated.
    Expectation,
    /// A `post` command failed.
    Post,
    /// The agent's turn was not completed.
    Agent,
    /// The model's rate limit or quota; no failure of the step's work.
    RateLimit,
    /// More model tokens than the plan allows, or a number that is not known.
    Tokens,
    /// It could not be confined or started.
    Launch,
    /// Its state could not be committed.
    Checkpoint,
    /// Too many failed attempts in a row.
    ConsecutiveFailures,
    /// A step that aborts the run failed.
    StepFailed,
    /// A signal to the runner.
    Signal,
    /// The runner died.
    Crash,
    /// The runner itself failed.
    Internal,
}

/// One changed path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Relative to the repository's top.
    pub path: Text,
    /// What happened to it.
    pub kind: ChangeKind,
    /// Lines added; nothing for a binary file.
    pub added: Option<u64>,
    /// Lines removed; nothing for a binary file.
    pub removed: Option<u64>,
    /// Why a reviewer should look at it first: it makes other people's tools run code, or behave otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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
    pub sha256: Token,
    /// Its bytes.
    pub size: u64,
}
