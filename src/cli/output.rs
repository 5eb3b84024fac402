//! The two ways to the user: standard output for results, standard error for errors and warnings.
//! A reader that went away (`autopilot … | head`) is no failure.

use std::io::{self, Write};

use super::exit::{Exit, Failure};

/// Prints bytes to standard output.
pub(super) fn write(bytes: &[u8]) -> Result<(), Failure> {
    write_to(io::stdout().lock(), bytes)
}

/// Prints text to standard output.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    write(text.as_bytes())
}

/// Prints a line to standard output.
pub(super) fn line(text: &str) -> Result<(), Failure> {
    print(&format!("{text}\n"))
}

/// Prints text to standard error.
pub(super) fn complain(text: &str) -> Result<(), Failure> {
    write_to(io::stderr().lock(), text.as_bytes())
}

/// Prints a line to standard error; where that cannot be written to, nobody is there to be told.
pub(super) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints an error, with what to do about it.
pub(super) fn error(failure: &Failure) {
    note(&failure.to_string());
}

fn write_to(mut to: impl Write, bytes: &[u8]) -> Result<(), Failure> {
    match to.write_all(bytes).and_then(|()| to.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Internal, format!("cannot write: {error}")))
        }
        _ => Ok(()),
    }
}
