//! An agent's part: what it is given, what it says it did, what it used of the model.

use serde::{Deserialize, Serialize};

use crate::evidence::text::{Text, Token};

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
