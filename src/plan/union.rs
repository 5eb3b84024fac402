//! What may be written in more than one way: `command` as text or list, `network` as a word or an allow list.
//!
//! The ways differ in the kind of their YAML value, so the kind alone decides how one is read: no guessing
//! as with serde's `untagged`, whose errors name neither the way nor the place.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::text::{BaseUrl, EnvName, Host, Id, InnerPath, Line, Money, Prose, Time, Token};

macro_rules! unions {
    ($($(#[$doc:meta])* $name:ident { $($kind:ident => $variant:ident($inner:ty)),+ $(,)? })*) => { $(
        $(#[$doc])*
        #[derive(Debug)]
        pub(super) enum $name { $($variant($inner)),+ }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                match Value::deserialize(deserializer)? {
                    $(value @ Value::$kind(_) => read(value).map(Self::$variant),)+
                    _ => Err(D::Error::custom("is of the wrong kind")),
                }
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                json_schema!({ "oneOf": [$(generator.subschema_for::<$inner>()),+] })
            }
        }
    )* };
}

unions! {
    /// A command.
    CommandFile { String => Script(Prose), Array => Words(Words) }
    /// What an agent is asked: the prompt alone, or more.
    AgentFile { String => Prompt(Prose), Object => Map(AgentMap) }
    /// A bound of model tokens.
    TokensFile { Number => AtMost(Count), String => Word(Unlimited) }
    /// Who serves the model.
    ProviderFile { String => Named(ProviderName), Object => Custom(CustomProvider) }
    /// What a step reaches.
    NetworkFile { String => Named(NetworkName), Object => Allow(AllowList) }
    /// An entry of `context`.
    ContextFile { String => Named(ContextName), Object => Map(ContextMap) }
    /// Which old tests have to pass.
    OldTestsFile { String => Named(OldTestsName), Object => Map(OldTestsMap) }
    /// Whether and which pull request to open.
    PullRequestFile { Bool => Switch(bool), String => Named(PullRequestName), Object => Map(PullRequestMap) }
}

fn read<T: DeserializeOwned, E: Error>(value: Value) -> Result<T, E> {
    serde_json::from_value(value).map_err(E::custom)
}

/// A command as a list of words.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub(super) struct Words(#[schemars(length(min = 1))] pub(super) Vec<String>);

/// A number above zero.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub(super) struct Count(#[schemars(range(min = 1))] pub(super) u64);

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(super) enum Unlimited {
    Unlimited,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(super) enum ProviderName {
    OpenAi,
    Anthropic,
    Ollama,
    LmStudio,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(super) enum NetworkName {
    None,
    Full,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(super) enum ContextName {
    Issue,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(super) enum PullRequestName {
    Draft,
    Ready,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(super) enum RebaseName {
    Verify,
    Never,
}

/// A pull request.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PullRequestMap {
    /// As a draft. Default: false.
    pub(super) draft: Option<bool>,
    /// Its merge closes the issue. Default: false.
    pub(super) closes: Option<bool>,
    /// Its title. Default: the plan's.
    pub(super) title: Option<Line>,
    /// Labels to set.
    #[serde(default)]
    pub(super) labels: Vec<Line>,
    /// Whose review to ask for.
    #[serde(default)]
    pub(super) reviewers: Vec<Token>,
}

/// What an agent is asked, and how.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = one_of(&["prompt", "prompt_file"])))]
pub(super) struct AgentMap {
    /// The prompt.
    pub(super) prompt: Option<Prose>,
    /// A file beside the plan that holds the prompt.
    pub(super) prompt_file: Option<InnerPath>,
    /// Name of the model. Default: that of the plan's defaults for this agent.
    pub(super) model: Option<Token>,
    /// Reasoning effort. Default: that of the plan's defaults for this agent.
    pub(super) effort: Option<Token>,
    /// Model tokens of the step: a number or `unlimited`.
    pub(super) tokens: Option<TokensFile>,
    /// Money that the model may cost, such as `1 USD`.
    pub(super) budget: Option<Money>,
    /// How long the model's server may send nothing while it is waited for. Default: that of the run's limits.
    pub(super) silence: Option<Time>,
    /// Who serves the model. Default: that of the plan's defaults for this agent.
    pub(super) provider: Option<ProviderFile>,
    /// MCP servers it may use. Default: those of the plan's defaults for this agent.
    pub(super) mcp: Option<Vec<Token>>,
}

/// Anything that speaks what the agent speaks: OpenAI's Responses or Anthropic's Messages.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CustomProvider {
    /// Its address: with the version for Responses (`http://127.0.0.1:8080/v1`), without it for Messages.
    pub(super) base_url: BaseUrl,
    /// Variable that holds the key, if one is needed. The key stays with the runner.
    pub(super) env_key: Option<EnvName>,
}

/// An allow list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AllowList {
    /// Hosts: `example.org`, `*.example.org:8443`, `127.0.0.1:11434`; port 443 unless written.
    #[schemars(length(min = 1))]
    pub(super) allow: Vec<Host>,
}

/// Another step's output, a file, or the issue with what everybody says of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = one_of(&["step", "file", "issue"])))]
pub(super) struct ContextMap {
    /// The final message or output of this step.
    pub(super) step: Option<Id>,
    /// This file of the repository.
    pub(super) file: Option<InnerPath>,
    /// The issue, with the comments of people who cannot write to the repository as well.
    pub(super) issue: Option<Everybody>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(super) enum Everybody {
    Everybody,
}

/// Old tests that rightly change.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OldTestsMap {
    /// Names of the tests.
    #[schemars(length(min = 1))]
    pub(super) except: Vec<Line>,
}

/// The word for all of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(super) enum OldTestsName {
    Pass,
}

/// Builds the `oneOf` that lets exactly one of these keys be there.
pub(super) fn one_of(keys: &[&str]) -> Value {
    keys.iter().map(|key| serde_json::json!({ "required": [key] })).collect()
}
