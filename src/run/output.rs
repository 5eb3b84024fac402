//! Takes what an action prints, as it prints it, gives the verdicts on the patterns that its plan expects there. Nothing
//! that a step can have masked decides: this stands before the masker.

use regex::Regex;

use super::expect::Verdict;
use crate::evidence::event::Expected;
use crate::plan::Expectation;

/// Longest line that is looked at as one; longer ones are taken in pieces.
const LONGEST_LINE: usize = 1 << 20;

/// Characters of a line that are quoted.
const QUOTED: usize = 120;

/// Looks for patterns line by line, as grep does: output of any size in flat memory.
#[derive(Debug)]
pub(super) struct Judge {
    wanted: Vec<(Regex, bool)>,
    unwanted: Vec<(Regex, Option<String>)>,
    line: Vec<u8>,
}

impl Judge {
    /// Prepares for what a step is expected to print.
    pub(super) fn of(expected: &Expectation) -> Self {
        Self {
            wanted: expected.output_matches.iter().map(|pattern| (pattern.clone(), false)).collect(),
            unwanted: expected.output_excludes.iter().map(|pattern| (pattern.clone(), None)).collect(),
            line: Vec::new(),
        }
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        if self.wanted.is_empty() && self.unwanted.is_empty() {
            return;
        }
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            self.extend(&bytes[..end]);
            self.end_line();
            bytes = &bytes[end + 1..];
        }
        self.extend(bytes);
    }

    fn extend(&mut self, mut bytes: &[u8]) {
        while self.line.len() + bytes.len() > LONGEST_LINE {
            let (fits, rest) = bytes.split_at(LONGEST_LINE - self.line.len());
            self.line.extend_from_slice(fits);
            self.end_line();
            bytes = rest;
        }
        self.line.extend_from_slice(bytes);
    }

    fn end_line(&mut self) {
        let text = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        let text = String::from_utf8_lossy(text);
        for (pattern, found) in &mut self.wanted {
            *found = *found || pattern.is_match(&text);
        }
        for (pattern, found) in &mut self.unwanted {
            if found.is_none() && pattern.is_match(&text) {
                *found = Some(text.chars().take(QUOTED).collect());
            }
        }
        drop(text);
        self.line.clear();
    }

    /// Takes the end of all output.
    pub(super) fn finish(mut self) -> Vec<Verdict> {
        if !self.line.is_empty() {
            self.end_line();
        }
        let matches = (0..).zip(self.wanted).map(|(index, (_, held))| Verdict {
            kind: Expected::OutputMatches,
            index,
            held,
            saw: None,
        });
        let excludes = (0..).zip(self.unwanted).map(|(index, (_, saw))| Verdict {
            kind: Expected::OutputExcludes,
            index,
            held: saw.is_none(),
            saw,
        });
        matches.chain(excludes).collect()
    }
}

/// Judges output that is there as a whole.
pub(super) fn judge(expected: &Expectation, output: &[u8]) -> Vec<Verdict> {
    let mut judge = Judge::of(expected);
    judge.push(output);
    judge.finish()
}
