//! The two ways to the user: standard output for results, standard error for errors and warnings.
//! A reader that went away (`autopilot … | head`) is no failure.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use super::exit::{Cause, Failure};

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

/// Tells whether a continuous integration runs this: all of them say so by `CI`. Some give their jobs a terminal, in front
/// of which nobody sits, and keep what is printed line by line.
pub(super) fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|ci| !["", "0", "false"].iter().any(|no| ci == *no))
}

/// Leaves out colours where nobody sees them, unless they are asked for by `CLICOLOR_FORCE`.
pub(super) fn choose_colors() {
    if is_ci() && std::env::var_os("CLICOLOR_FORCE").is_none() {
        console::set_colors_enabled(false);
        console::set_colors_enabled_stderr(false);
    }
}

/// Prints bytes to standard output.
pub(super) fn write(bytes: &[u8]) -> Result<(), Failure> {
    write_to(io::stdout().lock(), bytes)
}

/// Prints text to standard output, as [`plain`] has it.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    write(plain(text).as_bytes())
}

/// Prints a line to standard output.
pub(super) fn line(text: &str) -> Result<(), Failure> {
    print(&format!("{text}\n"))
}

/// Prints the answer for a program, in a line.
pub(super) fn json(answer: &impl Serialize) -> Result<(), Failure> {
    line(&serde_json::to_string(answer).map_err(anyhow::Error::from)?)
}

/// Prints it in as many lines as people read it in.
pub(super) fn pretty_json(answer: &impl Serialize) -> Result<(), Failure> {
    line(&serde_json::to_string_pretty(answer).map_err(anyhow::Error::from)?)
}

/// Prints text to standard error.
pub(super) fn complain(text: &str) -> Result<(), Failure> {
    write_to(io::stderr().lock(), plain(text).as_bytes())
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
    let _ = writeln!(io::stderr().lock(), "{}", plain(line));
}

/// Spells what a terminal would obey, and what would turn the writing direction, wherever it comes from: evidence, names
/// of files, what git says. A JSON text stays the same one.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    let is_obeyed = |c: char| {
        let is_control = c.is_control() && !matches!(c, '\n' | '\t');
        is_control
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(is_obeyed) {
        return text.into();
    }
    let spelled = |c: char| {
        if is_obeyed(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() }
    };
    text.chars().map(spelled).collect()
}

/// Tells whether whoever read standard output has gone away: what has no end of its own ends then, also where it has
/// nothing to say.
pub(super) fn reader_is_gone() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stdout = io::stdout();
    let mut polled = [PollFd::new(&stdout, PollFlags::empty())];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut polled, Some(&now)).is_ok()
        && polled[0].revents().intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL)
}

fn write_to(mut to: impl Write, bytes: &[u8]) -> Result<(), Failure> {
    match to.write_all(bytes).and_then(|()| to.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Cause::Internal, format!("cannot write: {error}")))
        }
        _ => Ok(()),
    }
}

/// Cuts a text to so many characters, the last of which says that there is more.
pub(super) fn cut(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    text.chars().take(longest - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_a_terminal_that_it_would_obey() {
        let text = "a\u{1b}[2J\u{9b}1m\u{202e}b\r\u{7f}\u{e9}\n\t";
        assert_eq!(plain(text), "a\\u001b[2J\\u009b1m\\u202eb\\u000d\\u007f\u{e9}\n\t");
        assert!(matches!(plain("plain – \u{1f4a5}\n"), Cow::Borrowed(_)));
        let json = serde_json::json!({"a": "\u{1b}[2J\u{9b}\u{7f}\u{202e}"});
        let read: serde_json::Value = serde_json::from_str(&plain(&json.to_string())).unwrap();
        assert_eq!(read, json);
    }

    #[test]
    fn a_long_text_is_cut() {
        let long = "x".repeat(41);
        assert_eq!(cut(&long, 40).chars().count(), 40);
        assert_eq!(cut("short", 40), "short");
    }
}
