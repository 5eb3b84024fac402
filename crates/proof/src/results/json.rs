//! JSON: takes a report's text, gives it as what its format has; says whether it ends in the middle.

use serde::de::DeserializeOwned;

use super::{Format, Unreadable};

/// A report as a value.
pub(super) fn parse<T: DeserializeOwned>(format: Format, text: &str) -> Result<T, Unreadable> {
    serde_json::from_str(text).map_err(|error| {
        if error.is_eof() {
            Unreadable::Cut(error.to_string())
        } else {
            Unreadable::Odd { format, why: error.to_string() }
        }
    })
}
