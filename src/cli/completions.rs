//! `autopilot completions SHELL`.

use super::exit::{Exit, Failure};
use super::output;

/// Print completions for a shell.
#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArgs {
    /// The shell.
    shell: clap_complete::Shell,
}

/// Prints the completions of this command line.
pub(super) fn run(args: &CompletionsArgs, line: &mut clap::Command) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, line, "autopilot", &mut script);
    output::write(&script)?;
    Ok(Exit::Done)
}
