//! The two ways to the user: standard output for results, standard error for errors and warnings.

use std::io::{self, Write};

use super::exit::{Exit, Failure};

/// Writes a line to standard output. A reader that has gone away is no error of ours.
pub(super) fn line(text: &str) -> Result<(), Failure> {
    write(format!("{text}\n").as_bytes())
}

/// Writes bytes to standard output.
pub(super) fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Internal, format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes an error, with what to do about it.
pub(super) fn error(failure: &Failure) {
    note(&failure.to_string());
}

/// Writes a line to standard error.
pub(super) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
