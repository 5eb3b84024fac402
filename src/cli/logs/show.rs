//! How what a step printed is shown.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Seek, SeekFrom};

use anstream::adapter::StripBytes;

use crate::cli::exit::{Cause, Failure};
use crate::cli::inert::Inert;
use crate::cli::output;
use crate::github::Environment;

/// How what a step printed is shown.
pub(super) enum Show {
    /// As it is.
    Raw,
    /// In a job of GitHub Actions: as it is, but for what the job would obey.
    Inert(Inert),
    /// On a terminal, which obeys escapes, whoever wrote them: as text alone. Holds back the first of two bytes that
    /// could be a control of the upper half.
    Text(StripBytes, Option<u8>),
}

impl Show {
    pub(super) fn choose() -> Self {
        if io::stdout().is_terminal() {
            Self::Text(StripBytes::new(), None)
        } else if Environment::of_process().is_actions() {
            Self::Inert(Inert::default())
        } else {
            Self::Raw
        }
    }

    pub(super) fn of(&mut self, bytes: &[u8]) -> Vec<u8> {
        let (strip, held) = match self {
            Self::Raw => return bytes.to_vec(),
            Self::Inert(inert) => return inert.of(bytes),
            Self::Text(strip, held) => (strip, held),
        };
        let mut text = Vec::with_capacity(bytes.len());
        for &byte in strip.strip_next(bytes).flatten() {
            match held.take() {
                Some(_) if (0x80..0xa0).contains(&byte) => continue,
                before => text.extend(before),
            }
            if byte == 0xc2 { *held = Some(byte) } else { text.push(byte) }
        }
        text
    }
}

/// Shows the bytes between two places, as far as they are there.
pub(super) fn copy(file: &mut File, from: u64, to: u64, show: &mut Show) -> Result<(), Failure> {
    file.seek(SeekFrom::Start(from)).map_err(|error| internal(&error))?;
    let mut part = file.take(to.saturating_sub(from));
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let n = part.read(&mut buffer).map_err(|error| internal(&error))?;
        if n == 0 {
            return Ok(());
        }
        output::write(&show.of(&buffer[..n]))?;
    }
}

pub(super) fn internal(error: &io::Error) -> Failure {
    Failure::new(Cause::Internal, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_a_terminal_text_is_shown_and_no_escape_however_it_is_cut() {
        let log = "a\u{1b}]52;c;ZXZpbA==\u{7}b\u{1b}[2J\u{1b}[31mc\u{9b}2Jd \u{a7}\t\u{e9}\n".as_bytes();
        for at in 0..log.len() {
            let mut show = Show::Text(StripBytes::new(), None);
            let (one, two) = log.split_at(at);
            let shown = [show.of(one), show.of(two)].concat();
            assert_eq!(String::from_utf8(shown).unwrap(), "abc2Jd \u{a7}\t\u{e9}\n", "{at}");
        }
    }
}
