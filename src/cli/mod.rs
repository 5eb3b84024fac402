//! Takes the command line, calls the rooms; progress on the terminal. Holds no logic of its own.

mod doctor;
mod exit;
mod sandbox;

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
    Doctor(doctor::DoctorArgs),
    Sandbox(Box<sandbox::SandboxArgs>),
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
        Command::Doctor(args) => doctor::run(args),
        Command::Sandbox(args) => sandbox::run(*args),
    }
}

#[expect(clippy::print_stderr, reason = "the one place where an error reaches the user")]
fn complain(failure: &Failure) {
    eprintln!("{failure}");
}
