//! Who serves an agent's model: takes the words of a plan or of the command line.

use serde::Serialize;

use super::wrong::Wrong;

/// Who serves the model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// OpenAI, by key or login.
    OpenAi,
    /// Anthropic, by key or login.
    Anthropic,
    /// Ollama on its loopback port.
    Ollama,
    /// LM Studio on its loopback port.
    LmStudio,
    /// Anything that speaks what the agent speaks.
    Custom {
        /// As the agent's makers write it: with the version for Responses (`http://127.0.0.1:8080/v1`), without for Messages.
        base_url: String,
        /// The variable that holds the key, if one is needed.
        env_key: Option<String>,
    },
}

impl std::str::FromStr for Provider {
    type Err = Wrong;

    /// Reads `openai`, `anthropic`, `ollama`, `lmstudio`, or a base URL, with the variable of its key behind `#` if it needs one.
    fn from_str(text: &str) -> Result<Self, Wrong> {
        let (url, key) = text.split_once('#').map_or((text, None), |(url, key)| (url, Some(key)));
        match text {
            "openai" => Ok(Self::OpenAi),
            "anthropic" => Ok(Self::Anthropic),
            "ollama" => Ok(Self::Ollama),
            "lmstudio" => Ok(Self::LmStudio),
            _ if url.starts_with("http://") || url.starts_with("https://") => {
                Ok(Self::Custom { base_url: url.to_owned(), env_key: key.map(str::to_owned) })
            }
            _ => Err(Wrong::new(
                "is not a provider",
                "openai, anthropic, ollama, lmstudio, or URL[#VARIABLE_OF_THE_KEY]",
            )),
        }
    }
}

impl Provider {
    /// Those that have a name.
    pub const ALL: [Self; 4] = [Self::OpenAi, Self::Anthropic, Self::Ollama, Self::LmStudio];

    /// Returns how a plan names it; one of somebody's own by its address.
    pub fn word(&self) -> &str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Ollama => "ollama",
            Self::LmStudio => "lmstudio",
            Self::Custom { base_url, .. } => base_url,
        }
    }

    /// Returns where it is.
    pub fn base_url(&self) -> &str {
        match self {
            Self::OpenAi => "https://api.openai.com/v1",
            Self::Anthropic => "https://api.anthropic.com",
            Self::Ollama => "http://127.0.0.1:11434/v1",
            Self::LmStudio => "http://127.0.0.1:1234/v1",
            Self::Custom { base_url, .. } => base_url.trim_end_matches('/'),
        }
    }
}
