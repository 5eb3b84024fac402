//! The plan as the journal's first event holds it: masked, resolved, and read again from nothing but that.

use autopilot_proof::verdict::{self, Terms};
use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::evidence::mask::is_secret_name;
use crate::plan::{AgentId, CLOUD_KEY, Invocation, OnFailure, Publish, RetryFrom, TokenLimit};

/// What stands for a secret.
pub(super) const MASK: &str = "***";

/// What the audit needs of a recorded plan.
#[derive(Debug, Deserialize)]
pub(super) struct Recorded {
    pub(super) issue: u64,
    pub(super) title: String,
    pub(super) limits: Limits,
    pub(super) steps: Vec<RecordedStep>,
    /// Folders that are kept from run to run.
    #[serde(default)]
    pub(super) cache: Vec<String>,
    #[serde(default)]
    pub(super) publish: Publish,
}

#[derive(Debug, Deserialize)]
pub(super) struct Limits {
    pub(super) consecutive_failures: u32,
    pub(super) tokens: TokenLimit,
    #[serde(default)]
    pub(super) budget: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RecordedStep {
    pub(super) id: String,
    pub(super) needs: Vec<String>,
    pub(super) action: Action,
    pub(super) retries: u32,
    pub(super) retry_from: RetryFrom,
    pub(super) expectation: Expectation,
    pub(super) post: Vec<Invocation>,
    pub(super) rollback: Vec<Invocation>,
    pub(super) on_failure: OnFailure,
    pub(super) network: Network,
    #[serde(default)]
    secrets: Vec<IgnoredAny>,
    #[serde(default)]
    env: Vec<String>,
    /// Plans of before there were tiers say nothing of it.
    #[serde(default)]
    home: Option<String>,
}

#[derive(Debug)]
pub(super) enum Action {
    Command(Invocation),
    Apply(String),
    Agent(AgentId, RecordedAgent),
    CloudTask(String),
}

#[derive(Debug, Deserialize)]
pub(super) struct RecordedAgent {
    tokens: TokenLimit,
    #[serde(default)]
    budget: Option<String>,
}

impl<'de> Deserialize<'de> for Action {
    /// Reads a map of one key, which says what it is.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = serde_json::Map::<String, Value>::deserialize(deserializer)?;
        let mut entries = map.into_iter();
        let (Some((key, value)), None) = (entries.next(), entries.next()) else {
            return Err(D::Error::custom("an action is a map of one key"));
        };
        let action = match key.as_str() {
            "command" => Invocation::deserialize(value).map(Self::Command),
            "apply" => String::deserialize(value).map(Self::Apply),
            CLOUD_KEY => String::deserialize(value).map(Self::CloudTask),
            other => {
                let agent = AgentId::of_key(other);
                let agent = agent.ok_or_else(|| D::Error::custom(format!("unknown action `{other}`")))?;
                RecordedAgent::deserialize(value).map(|asked| Self::Agent(agent, asked))
            }
        };
        action.map_err(D::Error::custom)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Expectation {
    pub(super) exit_code: i32,
    // Of what follows, how much there is to be judged.
    #[serde(default)]
    pub(super) files_exist: Vec<IgnoredAny>,
    #[serde(default)]
    pub(super) files_absent: Vec<IgnoredAny>,
    #[serde(default)]
    pub(super) file_contains: Vec<IgnoredAny>,
    #[serde(default)]
    pub(super) output_matches: Vec<IgnoredAny>,
    #[serde(default)]
    pub(super) output_excludes: Vec<IgnoredAny>,
    #[serde(default)]
    pub(super) changes: Option<IgnoredAny>,
    /// What its proof is held to.
    #[serde(default)]
    pub(super) proves: Option<RecordedProves>,
}

/// What the verdict of a proof depends on.
#[derive(Debug, Deserialize)]
pub(super) struct RecordedProves {
    except: Vec<String>,
    mutants: u32,
    #[serde(default)]
    refactor: bool,
}

impl RecordedProves {
    /// Returns it as what decides takes it.
    pub(super) fn terms(&self) -> Terms {
        let kind = if self.refactor { verdict::Kind::Refactor } else { verdict::Kind::Proof };
        Terms { except: self.except.clone(), mutants: self.mutants, kind }
    }
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Network {
    None,
    Full,
    Allow(Vec<String>),
}

impl Network {
    /// Tells whether a destination is one that the plan names. A mask hides which one it is.
    pub(super) fn reaches(&self, host: &str, port: u16) -> bool {
        let Self::Allow(entries) = self else { return *self == Self::Full };
        entries.iter().any(|entry| {
            let Some((name, own)) = entry.rsplit_once(':') else { return false };
            let name = name.trim_start_matches('[').trim_end_matches(']');
            // `*.` stands for one label or more.
            let covers = match name.strip_prefix("*.") {
                Some(parent) => {
                    host.strip_suffix(parent).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
                }
                None => name == host,
            };
            (covers || name.contains(MASK) || host.contains(MASK)) && own == port.to_string()
        })
    }
}

impl Recorded {
    /// Reads the plan of the first event.
    pub(super) fn of(plan: &Value) -> Result<Self, String> {
        Self::deserialize(plan).map_err(|error| error.to_string())
    }
}

impl RecordedStep {
    /// Tells whether its plan is of before there were layers.
    pub(super) fn knows_no_layer(&self) -> bool {
        self.home.is_none()
    }

    /// Returns the layer that the step works in.
    pub(super) fn layer(&self) -> &'static str {
        let named = |entry: &String| {
            let name = entry.split_once('=').map_or(entry.as_str(), |(name, _)| name);
            is_secret_name(name)
        };
        let holds_secret = !self.secrets.is_empty() || self.env.iter().any(named);
        let reaches =
            self.network != Network::None || matches!(self.action, Action::Agent(..) | Action::CloudTask(_));
        match (self.home.as_deref(), holds_secret, reaches) {
            (Some("keep"), _, _) => "kept",
            (_, true, _) => "secret",
            (_, false, true) => "way-out",
            (_, false, false) => "offline",
        }
    }
}

impl Action {
    /// Tells whether an agent does it.
    pub(super) fn is_agent(&self) -> bool {
        matches!(self, Self::Agent(..))
    }

    /// Returns the most tokens that an agent may use for it, if they are limited.
    pub(super) fn tokens(&self) -> Option<u64> {
        match self {
            Self::Agent(_, asked) => asked.tokens.most(),
            Self::Command(_) | Self::Apply(_) | Self::CloudTask(_) => None,
        }
    }

    /// Returns the most money that an agent may cost for it, such as `1.00 USD`.
    pub(super) fn budget(&self) -> Option<&str> {
        match self {
            Self::Agent(_, asked) => asked.budget.as_deref(),
            Self::Command(_) | Self::Apply(_) | Self::CloudTask(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_those_of_the_plan() {
        let network =
            Network::Allow(vec!["*.example.org:443".into(), "[::1]:80".into(), "a.example:8080".into()]);
        for (host, port, reaches) in [
            ("x.example.org", 443, true),
            ("x.y.example.org", 443, true),
            ("example.org", 443, false),
            ("evilexample.org", 443, false),
            ("x.example.org", 80, false),
            ("::1", 80, true),
            ("a.example", 8080, true),
        ] {
            assert_eq!(network.reaches(host, port), reaches, "{host}:{port}");
        }
        assert!(!Network::None.reaches("a.example", 443) && Network::Full.reaches("a.example", 443));
    }
}
