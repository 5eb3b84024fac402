//! `autopilot schema`: prints the JSON Schema of plan files.

use super::exit::{Exit, Failure};
use super::output;

/// Prints the JSON Schema of plan files.
pub(super) fn run() -> Result<Exit, Failure> {
    let text = serde_json::to_string_pretty(crate::plan::schema()).map_err(anyhow::Error::from)?;
    output::print(&format!("{text}\n"))?;
    Ok(Exit::Done)
}
