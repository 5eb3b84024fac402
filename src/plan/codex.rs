//! What an agent is asked, and who serves its model.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::wrong::Wrong;

/// What an agent is asked.
#[derive(Debug, Clone, Serialize)]
pub struct Codex {
    /// The prompt or where it is.
    pub prompt: Prompt,
    /// Model name, of the step or the plan's `codex.model`.
    pub model: Option<String>,
    /// Reasoning effort, passed on as it is.
    pub effort: Option<String>,
    /// Model tokens of the step.
    pub tokens: TokenLimit,
    /// Who serves the model.
    pub provider: Provider,
    /// MCP servers it may use, by their names in the user's Codex configuration.
    pub mcp: Vec<String>,
    /// What is attached as untrusted data.
    pub context: Vec<Context>,
}

/// The prompt of a codex step.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// As written in the plan.
    Text(String),
    /// In a file, relative to the plan's folder.
    File(PathBuf),
}

/// Who serves the model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// OpenAI, by key or login.
    OpenAi,
    /// Ollama on its loopback port.
    Ollama,
    /// LM Studio on its loopback port.
    LmStudio,
    /// Anything that speaks the Responses API.
    Custom {
        /// Up to and with the version, such as `http://127.0.0.1:8080/v1`.
        base_url: String,
        /// The variable that holds the key, if one is needed.
        env_key: Option<String>,
    },
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

impl std::str::FromStr for Provider {
    type Err = Wrong;

    /// Reads `openai`, `ollama`, `lmstudio`, or a base URL, with the variable of its key behind `#` if it needs one.
    fn from_str(text: &str) -> Result<Self, Wrong> {
        let (url, key) = text.split_once('#').map_or((text, None), |(url, key)| (url, Some(key)));
        match text {
            "openai" => Ok(Self::OpenAi),
            "ollama" => Ok(Self::Ollama),
            "lmstudio" => Ok(Self::LmStudio),
            _ if url.starts_with("http://") || url.starts_with("https://") => {
                Ok(Self::Custom { base_url: url.to_owned(), env_key: key.map(str::to_owned) })
            }
            _ => Err(Wrong::new("is no provider", "openai, ollama, lmstudio, or URL[#VARIABLE_OF_THE_KEY]")),
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
