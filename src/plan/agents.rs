//! The agents that a plan can name: takes a key of a plan or of a recorded one, gives which agent it is. How each is
//! found and started is the business of `agent`.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::provider::Provider;
use super::wrong::Wrong;

/// The key of a step that applies a task of an agent's cloud.
pub const CLOUD_KEY: &str = "codex_apply";

/// Whose cloud that is.
pub const CLOUD_AGENT: AgentId = AgentId::Codex;

/// An agent that a plan can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum AgentId {
    /// Codex.
    Codex,
}

impl AgentId {
    /// All of them; the first is the one that `init` writes.
    pub const ALL: [Self; 1] = [Self::Codex];

    /// Returns its key in a plan, which is its name in the journal as well.
    pub fn key(self) -> &'static str {
        match self {
            Self::Codex => "codex",
        }
    }

    /// Returns what people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Codex => "Codex",
        }
    }

    /// Says how it applies a task of its cloud, as a person would type it.
    pub fn apply_shown(self, task: &str) -> String {
        format!("{self} apply {task}")
    }

    /// Finds the one that has this key.
    pub fn of_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|agent| agent.key() == key)
    }

    /// Returns who serves its models unless a plan says it.
    pub fn default_provider(self) -> Provider {
        match self {
            Self::Codex => Provider::OpenAi,
        }
    }

    /// Returns the words of a command with which people start it on a prompt by hand.
    pub(super) fn by_hand(self) -> &'static [&'static str] {
        match self {
            Self::Codex => &["exec", "e"],
        }
    }
}

impl fmt::Display for AgentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

impl FromStr for AgentId {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        Self::of_key(text).ok_or_else(|| Wrong::new("is no agent", listed(", ")))
    }
}

/// Variables that are for the runner, which itself talks to GitHub and to the models.
pub(super) const OF_THE_RUNNER: [&str; 4] = ["GH_TOKEN", "GITHUB_TOKEN", "OPENAI_API_KEY", "CODEX_API_KEY"];

/// Returns the keys of all agents.
pub(super) fn keys() -> impl Iterator<Item = &'static str> {
    AgentId::ALL.into_iter().map(AgentId::key)
}

/// Names all agents, with something between them.
pub(super) fn listed(between: &str) -> String {
    keys().collect::<Vec<_>>().join(between)
}
