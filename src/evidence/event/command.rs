//! A command: why it is run, how it ended, what it reached.

use serde::{Deserialize, Serialize};

use crate::evidence::id::AttemptId;
use crate::evidence::text::{self, Document, Text};

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

/// Why a command was ended by the runner, or not run to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// It could not be confined or started.
    Launch,
    /// The step's timeout.
    StepTimeout,
    /// The run's timeout.
    RunTimeout,
    /// The time that a rollback command has.
    RollbackTimeout,
    /// It printed too much.
    Output,
    /// It went over another of its resources.
    Resource,
    /// A signal to the runner.
    Signal,
    /// What the model's server answered, or that it answered nothing: no further request would help.
    Answer,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandEnded {
    /// Whose command.
    #[serde(flatten)]
    pub at: AttemptId,
    /// Why it was run.
    pub role: Role,
    /// Which of the plan's `post` or `rollback` commands, from 0; from version 2 on, and not of an action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// Its exit code, if it exited.
    pub exit_code: Option<i32>,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
    /// Why it was ended by the runner or not run to its end, in words.
    #[serde(deserialize_with = "text::maybe")]
    pub ended_by: Option<Text>,
    /// The same for programs; from version 2 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<Cut>,
    /// Milliseconds it took.
    pub ms: u64,
    /// Bytes it printed.
    pub output: u64,
    /// Version 1: the bytes of the log where its output begins and ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<(u64, u64)>,
    /// The bytes of its attempt's output where its own begins and ends; from version 2 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<(u64, u64)>,
    /// Processes it left, or had when the runner ended it, which were ended.
    pub killed: u32,
    /// Processes that survived that: must be 0.
    pub survivors: u32,
    /// What was enforced, as the sandbox confirmed it; nothing if it never started.
    #[serde(deserialize_with = "text::maybe_document")]
    pub enforced: Option<Document>,
}

/// What was decided about a connection of a command, and what went over it. Of a command that makes very many, equal
/// ones are told together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Egress {
    /// Whose command.
    #[serde(flatten)]
    pub at: AttemptId,
    /// Which of its commands.
    pub role: Role,
    /// The host as the command named it; `(others)` when it named too many.
    #[serde(deserialize_with = "text::one")]
    pub host: Text,
    /// The port.
    pub port: u16,
    /// What was decided.
    pub verdict: EgressVerdict,
    /// Why it was not allowed, or could not be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "text::maybe")]
    pub why: Option<Text>,
    /// The line of the plan that would allow it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "text::maybe")]
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
