//! `autopilot schema`: prints the JSON Schema of plan files, or of ceilings.

use super::exit::{Exit, Failure};
use super::output;
use crate::plan;

/// Print the JSON Schema of plan files.
#[derive(Debug, clap::Args)]
pub(super) struct SchemaArgs {
    /// That of ceilings instead: /etc/autopilot/policy.yaml and ~/.config/autopilot/config.yaml
    #[arg(long)]
    ceiling: bool,
}

/// Prints it.
pub(super) fn run(args: &SchemaArgs) -> Result<Exit, Failure> {
    let schema = if args.ceiling { plan::ceiling_schema() } else { plan::schema() };
    let text = serde_json::to_string_pretty(schema).map_err(anyhow::Error::from)?;
    output::print(&format!("{text}\n"))?;
    Ok(Exit::Done)
}
