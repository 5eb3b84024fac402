//! Takes what a step printed, gives it so that a job of GitHub Actions shows it and obeys nothing of it.

use std::fs::File;
use std::io::{self, Read};

use super::output;
use crate::github::Environment;

/// Breaks up the older form of commands, `##[…]`, which is obeyed wherever in a line it stands, and by which the job's page
/// draws groups and errors even where commands are stopped.
#[derive(Debug, Default)]
pub(super) struct Inert {
    /// Signs `#` right before this place, two at most.
    signs: usize,
}

impl Inert {
    /// Takes the next bytes.
    pub(super) fn of(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut inert = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            if byte == b'[' && self.signs == 2 {
                inert.push(b' ');
            }
            self.signs = if byte == b'#' { (self.signs + 1).min(2) } else { 0 };
            inert.push(byte);
        }
        inert
    }
}

/// Commands of a job that are stopped for as long as it lives.
#[derive(Debug)]
pub(super) struct Stopped(String);

impl Stopped {
    /// Stops the commands of the job that this is a part of; nothing if it is part of none.
    pub(super) fn in_actions() -> io::Result<Option<Self>> {
        if !Environment::of_process().is_actions() {
            return Ok(None);
        }
        let word = unguessable()?;
        // Whoever has gone away obeys nothing.
        let _ = output::line(&format!("::stop-commands::{word}"));
        Ok(Some(Self(word)))
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = output::print(&format!("\n::{}::\n", self.0));
    }
}

/// Makes a word that no step can guess.
pub(super) fn unguessable() -> io::Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_form_of_commands_is_broken_up_however_it_is_cut() {
        let text = "##[endgroup]\nx ##[error]y ###[a] #[b] # #[c] ##\n[d]";
        let expected = "## [endgroup]\nx ## [error]y ### [a] #[b] # #[c] ##\n[d]";
        for piece in 1..text.len() {
            let mut inert = Inert::default();
            let shown: Vec<u8> = text.as_bytes().chunks(piece).flat_map(|chunk| inert.of(chunk)).collect();
            assert_eq!(String::from_utf8(shown).unwrap(), expected, "{piece}");
        }
    }
}
