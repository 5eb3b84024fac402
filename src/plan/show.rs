//! How values of the resolved plan are written as JSON, which the journal's first event holds: durations as people write
//! them, expressions as their text.

use std::time::Duration;

use regex::Regex;
use serde::{Serialize, Serializer};

use super::units;

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

#[expect(clippy::ref_option, reason = "serde calls it so")]
pub(super) fn money_if_any<S: Serializer>(value: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    value.map(units::money).serialize(serializer)
}

pub(super) fn regex<S: Serializer>(value: &Regex, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(value.as_str())
}

pub(super) fn regexes<S: Serializer>(value: &[Regex], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(value.iter().map(Regex::as_str))
}
