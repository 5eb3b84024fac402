//! Writes to the terminal. A reader that went away (`autopilot … | head`) is no failure.

use std::io::{ErrorKind, Write};

use super::exit::{Exit, Failure};

/// Prints to standard output.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    write(std::io::stdout().lock(), text)
}

/// Prints to standard error.
pub(super) fn complain(text: &str) -> Result<(), Failure> {
    write(std::io::stderr().lock(), text)
}

fn write(mut to: impl Write, text: &str) -> Result<(), Failure> {
    match to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Internal, format!("cannot write: {error}")))
        }
        _ => Ok(()),
    }
}
