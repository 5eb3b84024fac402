//! `autopilot schema`: prints the JSON Schema of plan files, of ceilings, or of what a command answers to programs.

use super::exit::{Exit, Failure};
use super::output;
use super::shape::Of;
use crate::plan;

/// Print the JSON Schema of plan files.
#[derive(Debug, clap::Args)]
pub(super) struct SchemaArgs {
    /// That of ceilings instead: /etc/autopilot/policy.yaml and ~/.config/autopilot/config.yaml
    #[arg(long)]
    ceiling: bool,
    /// That of what a command prints with --json
    #[arg(long, value_name = "COMMAND", conflicts_with = "ceiling")]
    of: Option<Of>,
}

/// Prints it.
pub(super) fn run(args: &SchemaArgs) -> Result<Exit, Failure> {
    match args.of {
        Some(of) => output::pretty_json(&of.schema())?,
        None if args.ceiling => output::pretty_json(plan::ceiling_schema())?,
        None => output::pretty_json(plan::schema())?,
    }
    Ok(Exit::Done)
}
