//! `autopilot completions SHELL`.

use clap::CommandFactory;

use super::exit::{Exit, Failure};
use super::{Cli, output};

/// Print completions for a shell.
#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArgs {
    /// The shell.
    shell: clap_complete::Shell,
}

pub(super) fn run(args: CompletionsArgs) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "autopilot", &mut script);
    output::write(&script)?;
    Ok(Exit::Done)
}
