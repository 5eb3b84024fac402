//! An agent's part: what it is given, what it says it did, what it used of the model.

use serde::{Deserialize, Serialize};

use crate::evidence::id::{AttemptId, Sha256};
use crate::evidence::text::{self, Text, Token};

/// What an agent is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentStarted {
    /// Whose agent.
    #[serde(flatten)]
    pub at: AttemptId,
    /// Which agent, by its key in a plan; from version 2 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Token>,
    /// Name and version.
    #[serde(deserialize_with = "text::one")]
    pub agent: Text,
    /// The model, if the plan names one.
    #[serde(deserialize_with = "text::maybe")]
    pub model: Option<Text>,
    /// Where the model is.
    #[serde(deserialize_with = "text::one")]
    pub provider: Text,
    /// SHA-256 of the whole prompt.
    pub prompt: Sha256,
    /// What is attached to it.
    pub attached: Vec<Attached>,
    /// MCP servers it may use.
    #[serde(deserialize_with = "text::many")]
    pub servers: Vec<Text>,
    /// It reads the repository's own instructions; not when they were changed since the base.
    pub instructions: bool,
}

/// Something attached to a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    /// What.
    #[serde(deserialize_with = "text::one")]
    pub name: Text,
    /// SHA-256 of all of it.
    pub sha256: Sha256,
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
        #[serde(deserialize_with = "text::one")]
        command: Text,
        /// Its exit code, if it exited.
        exit_code: Option<i32>,
    },
    /// Changed files.
    Files {
        /// Kind of change and path.
        #[serde(deserialize_with = "text::many")]
        paths: Vec<Text>,
        /// They were changed.
        done: bool,
    },
    /// Used a tool of an MCP server.
    Tool {
        /// Server and tool.
        #[serde(deserialize_with = "text::one")]
        name: Text,
        /// It worked.
        done: bool,
    },
    /// Said something.
    Message {
        /// What.
        #[serde(deserialize_with = "text::one")]
        text: Text,
    },
    /// Met with something that went wrong, but not for good.
    Warning {
        /// What.
        #[serde(deserialize_with = "text::one")]
        text: Text,
    },
}

/// Model tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// Read by the model.
    pub input: u64,
    /// Of those, read from its cache.
    pub cached: u64,
    /// Of those, written to its cache; from version 2 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<u64>,
    /// Written by the model, reasoning included.
    pub output: u64,
}

impl Tokens {
    /// Returns what counts against a limit.
    pub fn total(&self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

/// What an agent has used of the model in a turn that is not over: of its running totals, the last one counts, unless
/// the turn's end is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentUsed {
    /// Whose agent.
    #[serde(flatten)]
    pub at: AttemptId,
    /// Requests that were passed on to the model.
    pub requests: u64,
    /// What those used that are answered.
    pub tokens: Tokens,
    /// What they cost, in millionths of a US dollar, if the model's price is known; from version 2 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<u64>,
}

/// The end of an agent's turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentEnded {
    /// Whose agent.
    #[serde(flatten)]
    pub at: AttemptId,
    /// Its final message.
    #[serde(deserialize_with = "text::maybe")]
    pub message: Option<Text>,
    /// What it used of the model, if that is known.
    pub tokens: Option<Tokens>,
    /// Requests that were passed on to the model.
    #[serde(default)]
    pub requests: u64,
    /// What they cost, in millionths of a US dollar, if the model's price is known; from version 2 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<u64>,
    /// What it said it did; the journal holds the first of them.
    pub acts: u64,
}

/// Adds up over turns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spending {
    over: Spent,
    turn: Spent,
}

/// What was used, as far as it is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Spent {
    tokens: Option<u64>,
    cost: Option<u64>,
    /// Some of the tokens have no known cost.
    lacks: bool,
}

impl Spent {
    fn of(tokens: Option<Tokens>, cost: Option<u64>) -> Self {
        Self { tokens: tokens.map(|tokens| tokens.total()), cost, lacks: tokens.is_some() && cost.is_none() }
    }

    fn and(self, other: Self) -> Self {
        let (tokens, cost) = (sum(self.tokens, other.tokens), sum(self.cost, other.cost));
        Self { tokens, cost, lacks: self.lacks || other.lacks }
    }
}

impl Spending {
    /// Takes a running total of the turn that is under way.
    pub fn under_way(&mut self, used: &AgentUsed) {
        self.turn = Spent::of(Some(used.tokens), used.cost);
    }

    /// Takes the end of a turn, and what it used and cost, if that is known.
    pub fn turn_over(&mut self, tokens: Option<Tokens>, cost: Option<u64>) {
        self.turn = Spent::default();
        self.over = self.over.and(Spent::of(tokens, cost));
    }

    /// Notes that another turn begins: one that has no end used what it was last known to have used.
    pub fn cut_off(&mut self) {
        self.over = self.over.and(self.turn);
        self.turn = Spent::default();
    }

    /// Returns the tokens of all turns, the one under way included; nothing if none is known.
    pub fn total(&self) -> Option<u64> {
        self.over.and(self.turn).tokens
    }

    /// Returns what all turns cost, in millionths of a US dollar; nothing if that is not known of each.
    pub fn cost(&self) -> Option<u64> {
        let all = self.over.and(self.turn);
        all.cost.filter(|_| !all.lacks)
    }

    /// Returns what turns cost as far as it is known.
    pub fn known_cost(&self) -> u64 {
        self.over.and(self.turn).cost.unwrap_or(0)
    }
}

fn sum(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.into_iter().chain(other).reduce(u64::saturating_add)
}
