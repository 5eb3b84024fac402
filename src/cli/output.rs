//! The two ways to the user: standard output for results, standard error for errors and warnings.
//! A reader that went away (`autopilot … | head`) is no failure.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use super::exit::{Exit, Failure};

/// Whether notes and progress are not wanted.
static QUIET: AtomicBool = AtomicBool::new(false);

/// Leaves out notes and progress from here on, or does not.
pub(super) fn set_quiet(is_quiet: bool) {
    QUIET.store(is_quiet, Ordering::Relaxed);
}

/// Tells whether notes and progress are left out.
pub(super) fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

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

/// Prints a line to standard error, unless only errors are wanted.
pub(super) fn note(text: &str) {
    if !is_quiet() {
        to_stderr(text);
    }
}

/// Prints an error, with what to do about it.
pub(super) fn error(failure: &Failure) {
    to_stderr(&failure.to_string());
}

/// Where standard error cannot be written to, nobody is there to be told.
fn to_stderr(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

fn write_to(mut to: impl Write, bytes: &[u8]) -> Result<(), Failure> {
    match to.write_all(bytes).and_then(|()| to.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Internal, format!("cannot write: {error}")))
        }
        _ => Ok(()),
    }
}
