//! The resolved plan as JSON: what the journal's first event holds. Durations as people write them, sizes in bytes.

use std::time::Duration;

use regex::Regex;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{Destination, EnvEntry, Glob, Plan, Wrong, units};

impl Plan {
    /// Returns the resolved plan: what holds, whatever the file left out. Nothing is masked here.
    pub fn resolved(&self) -> Value {
        // Only maps with text as keys and finite numbers are in a plan: this cannot fail.
        serde_json::to_value(self).unwrap_or_default()
    }
}

pub(super) fn duration<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&units::duration(*value))
}

#[expect(clippy::ref_option, reason = "serde calls it so")]
pub(super) fn duration_if_any<S: Serializer>(
    value: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    value.map(units::duration).serialize(serializer)
}

pub(super) fn regex<S: Serializer>(value: &Regex, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(value.as_str())
}

pub(super) fn regexes<S: Serializer>(value: &[Regex], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(value.iter().map(Regex::as_str))
}

impl Serialize for Glob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// As written in the plan: `NAME` or `NAME=value`.
impl Serialize for EnvEntry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Inherit(name) => serializer.serialize_str(name),
            Self::Set(name, value) => serializer.collect_str(&format_args!("{name}={value}")),
        }
    }
}

impl Serialize for Destination {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Destination {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|wrong: Wrong| D::Error::custom(format!("{text} {}", wrong.message)))
    }
}
