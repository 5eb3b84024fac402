//! Takes the command line, calls the rooms; progress on the terminal. Holds no logic of its own.

mod check;
mod exit;
mod output;
mod plans;
mod schema;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use exit::{Exit, Failure};

/// Runs plans for GitHub issues unattended.
#[derive(Debug, Parser)]
#[command(name = "autopilot", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Validates plans and shows, per step, what would run and under which policy
    Check(check::CheckArgs),
    /// Prints the JSON Schema of plan files
    Schema,
}

/// Runs the command line.
pub fn main() -> ExitCode {
    crate::sandbox::enter_if_confined();
    let cli = Cli::parse();
    match dispatch(cli.command) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            complain(&failure);
            failure.exit.into()
        }
    }
}

fn dispatch(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Check(args) => check::run(&args),
        Command::Schema => schema::run(),
    }
}

#[expect(clippy::print_stderr, reason = "the one place where an error reaches the user")]
fn complain(failure: &Failure) {
    eprintln!("{failure}");
}
