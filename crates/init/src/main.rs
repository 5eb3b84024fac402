//! The small program that a runner executes as the confined side of its commands.

use std::process::ExitCode;

/// What to exit with where nobody's confined side is wanted.
const NOT_BY_HAND: u8 = 64;

fn main() -> ExitCode {
    match autopilot_init::enter::enter_if_confined() {
        Some(code) => ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)),
        None => ExitCode::from(NOT_BY_HAND),
    }
}
