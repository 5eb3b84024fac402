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
    /// Claude Code.
    Claude,
}

impl AgentId {
    /// All of them; the first is the one that `init` writes.
    pub const ALL: [Self; 2] = [Self::Codex, Self::Claude];

    /// Returns its key in a plan, which is its name in the journal as well.
    pub fn key(self) -> &'static str {
        match self {
            Self::Codex => "codex",
            Self::Claude => "claude",
        }
    }

    /// Returns what people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Codex => "Codex",
            Self::Claude => "Claude Code",
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
            Self::Claude => Provider::Anthropic,
        }
    }

    /// Says why a provider does not serve its models, and what to write instead; nothing if it does.
    pub fn cannot_use(self, provider: &Provider) -> Option<Wrong> {
        let own = match (self, provider) {
            (Self::Claude, Provider::Custom { .. }) if provider.base_url().ends_with("/v1") => {
                let address = provider.base_url().trim_end_matches("/v1");
                let what = format!("ends with the version, which {} adds itself", self.title());
                return Some(Wrong::new(what, format!("write `base_url: \"{address}\"`")));
            }
            (_, Provider::Custom { .. })
            | (Self::Codex, Provider::OpenAi | Provider::Ollama | Provider::LmStudio)
            | (Self::Claude, Provider::Anthropic) => return None,
            (Self::Claude, Provider::Ollama | Provider::LmStudio) => {
                let address = provider.base_url().trim_end_matches("/v1");
                format!("if yours speaks Anthropic's Messages, write `provider: {{base_url: \"{address}\"}}`")
            }
            (Self::Codex, Provider::Anthropic) | (Self::Claude, Provider::OpenAi) => {
                format!("write `{}`, or `{{base_url: …, env_key: …}}`", self.default_provider().word())
            }
        };
        Some(Wrong::new(format!("does not serve {}", self.title()), own))
    }

    /// Says why its usual provider has no model of this name: it is one of another agent's.
    pub fn cannot_have(self, provider: &Provider, model: &str) -> Option<Wrong> {
        let begins = |names: &[&str]| names.iter().any(|name| model.starts_with(name));
        let is_wrong = match (self, provider) {
            (Self::Codex, Provider::OpenAi) => begins(&["claude"]),
            (Self::Claude, Provider::Anthropic) => begins(&["gpt-", "codex", "o1", "o3", "o4"]),
            _ => false,
        };
        let own =
            format!("name one of {}'s, or leave it out: then {} decides", provider.word(), self.title());
        is_wrong.then(|| Wrong::new(format!("is no model of {}", provider.word()), own))
    }

    /// Returns the words of a command with which people start it on a prompt by hand.
    pub(super) fn by_hand(self) -> &'static [&'static str] {
        match self {
            Self::Codex => &["exec", "e"],
            Self::Claude => &["-p", "--print"],
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
pub(super) const OF_THE_RUNNER: [&str; 6] = [
    "GH_TOKEN",
    "GITHUB_TOKEN",
    "OPENAI_API_KEY",
    "CODEX_API_KEY",
    "ANTHROPIC_API_KEY",
    "CLAUDE_CODE_OAUTH_TOKEN",
];

/// Returns the keys of all agents.
pub(super) fn keys() -> impl Iterator<Item = &'static str> {
    AgentId::ALL.into_iter().map(AgentId::key)
}

/// Names all agents, with something between them.
pub(super) fn listed(between: &str) -> String {
    keys().collect::<Vec<_>>().join(between)
}
