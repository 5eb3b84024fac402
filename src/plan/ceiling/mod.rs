//! Takes a file that says what no plan may exceed on a host, gives its rules, each with its line, or every fault in it. The keys
//! are those of a step, and some more; a key that is not there bounds nothing.

mod file;
mod read;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

pub use file::ceiling_schema;
pub use read::{Keeper, load_ceiling, parse_ceiling};

use super::{Network, Person, Prices, show};

/// What no plan may exceed, as one file says it.
#[derive(Debug, Clone)]
pub struct Ceiling {
    /// The file.
    pub path: PathBuf,
    /// SHA-256 of its bytes, lower-case hex.
    pub digest: String,
    /// What it says.
    pub rules: Rules,
    /// Who makes the commits of runs: no rule, and no part of what evidence is audited against.
    pub committer: Option<Person>,
    lines: BTreeMap<String, usize>,
}

/// The rules of a ceiling. What is not there bounds nothing.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Rules {
    /// What a step reaches at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// Paths in which all that a step reads lies, or in those of `write`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read: Option<Vec<PathBuf>>,
    /// Paths in which all that a step writes lies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write: Option<Vec<PathBuf>>,
    /// Variables of the host that a step gets at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<Vec<String>>,
    /// Secrets that a step gets at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secrets: Option<Vec<String>>,
    /// The longest an attempt takes.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "show::duration_if_any")]
    pub timeout: Option<Duration>,
    /// The most that a process tree uses, by the keys of `resources`; times in milliseconds.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub resources: BTreeMap<&'static str, u64>,
    /// Agents that work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agents: Option<Vec<String>>,
    /// Models that are asked; a `*` stands for any text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<String>>,
    /// The most tokens of a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// The most money of a run, such as `5 USD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<String>,
    /// What models cost: a bound of none, and what bounds of money are counted by.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub prices: Prices,
    /// Whether issues are commented on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<bool>,
    /// Whether branches are pushed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push: Option<bool>,
    /// Whether pull requests are opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<bool>,
    /// Whether evidence is pushed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<bool>,
    /// Protections that may be given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_degraded: Option<Vec<String>>,
    /// What confinement is demanded: `full` or `namespaces`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require: Option<String>,
}

impl Ceiling {
    /// Returns the line of a rule, such as `filesystem.read`, or of what it is a part of.
    pub fn line(&self, rule: &str) -> usize {
        let own = self.lines.get(rule);
        let above = rule.split_once('.').and_then(|(above, _)| self.lines.get(above));
        own.or(above).copied().unwrap_or(1)
    }

    /// Returns the keys that it bounds something by.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.lines.keys().map(String::as_str).filter(|key| !key.contains('.') && *key != "committer")
    }
}

impl Rules {
    /// Returns the rules in the one form that all files have which say the same.
    pub fn canonical(&self) -> Value {
        // Only maps with text as keys are in it: this cannot fail.
        serde_json::to_value(self).unwrap_or_default()
    }
}
