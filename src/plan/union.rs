//! What may be written in more than one way: `command` as text or list, `network` as a word or an allow list.
//!
//! The ways differ in the kind of their YAML value, so the kind alone decides how one is read: no guessing
//! as with serde's `untagged`, whose errors name neither the way nor the place.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::file::{AllowList, CodexMap, ContextMap, CustomProvider, PullRequestMap};
use super::text::Prose;

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
    /// The action of a codex step: the prompt alone, or more.
    CodexFile { String => Prompt(Prose), Object => Map(CodexMap) }
    /// A bound of model tokens.
    TokensFile { Number => AtMost(Count), String => Word(Unlimited) }
    /// Who serves the model.
    ProviderFile { String => Named(ProviderName), Object => Custom(CustomProvider) }
    /// What a step reaches.
    NetworkFile { String => Named(NetworkName), Object => Allow(AllowList) }
    /// An entry of `context`.
    ContextFile { String => Named(ContextName), Object => Map(ContextMap) }
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
