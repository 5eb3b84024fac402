//! What an agent is asked.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::agents::AgentId;
use super::provider::Provider;

/// What an agent is asked.
#[derive(Debug, Clone, Serialize)]
pub struct AgentStep {
    /// Which agent; the key of a recorded plan says it.
    #[serde(skip)]
    pub agent: AgentId,
    /// The prompt or where it is.
    pub prompt: Prompt,
    /// Model name, of the step or the plan's defaults for its agent.
    pub model: Option<String>,
    /// Reasoning effort, passed on as it is.
    pub effort: Option<String>,
    /// Model tokens of the step.
    pub tokens: TokenLimit,
    /// Money that the model may cost, in millionths of a US dollar.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "super::show::money_if_any")]
    pub budget: Option<u64>,
    /// How long the model's server may send nothing while it is waited for; nothing: as the run's.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "super::show::duration_if_any")]
    pub silence: Option<Duration>,
    /// Who serves the model.
    pub provider: Provider,
    /// MCP servers it may use, by their names in the user's own configuration of the agent.
    pub mcp: Vec<String>,
    /// What is attached as untrusted data.
    pub context: Vec<Context>,
}

/// The prompt of an agent's step.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// As written in the plan.
    Text(String),
    /// In a file, relative to the plan's folder.
    File(PathBuf),
}

/// Something attached to a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Context {
    /// The issue's text, and the comments of people who can write to the repository.
    Issue,
    /// The issue's text, and the comments of these.
    #[serde(rename = "issue")]
    IssueOf(Whose),
    /// Another step's final message or output.
    Step(String),
    /// A file of the repository.
    File(PathBuf),
}

/// Whose comments on an issue are attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// Of people who can write to the repository.
    Writers,
    /// Of anybody.
    Everybody,
}

impl Context {
    /// Tells whose comments on the issue it attaches, if it is the issue.
    pub fn issue_of(&self) -> Option<Whose> {
        match self {
            Self::Issue => Some(Whose::Writers),
            Self::IssueOf(whose) => Some(*whose),
            Self::Step(_) | Self::File(_) => None,
        }
    }
}

/// How many model tokens a run may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenLimit {
    /// The plan does not say.
    Unset,
    /// The plan says that it does not matter.
    Unlimited,
    /// At most this many.
    AtMost(u64),
}

impl TokenLimit {
    /// Returns the most tokens that there may be, if they are limited.
    pub fn most(self) -> Option<u64> {
        match self {
            Self::AtMost(most) => Some(most),
            Self::Unset | Self::Unlimited => None,
        }
    }
}
