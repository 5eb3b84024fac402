//! Takes what an action prints, as it prints it, gives the verdicts on the patterns that its plan expects there. Nothing
//! that a step can have masked decides: this stands before the masker.

use regex::Regex;

use super::expect::Verdict;
use super::shown;
use crate::evidence::event::Expected;
use crate::plan::Expectation;

/// Longest line that is looked at as one; longer ones are taken in pieces.
const LONGEST_LINE: usize = 1 << 20;

/// Characters of a line that are quoted.
const QUOTED: usize = 120;

/// Looks for patterns line by line, in what a reader of them saw: output of any size in flat memory.
#[derive(Debug)]
pub(super) struct Judge {
    wanted: Vec<(Regex, bool)>,
    unwanted: Vec<(Regex, Option<String>)>,
    line: Vec<u8>,
    /// All of it, if it is a report.
    kept: Option<Vec<u8>>,
}

impl Judge {
    /// Prepares for what a step is expected to print.
    pub(super) fn of(expected: &Expectation) -> Self {
        Self::new(&expected.output_matches, &expected.output_excludes)
    }

    fn new(matches: &[Regex], excludes: &[Regex]) -> Self {
        Self {
            wanted: matches.iter().map(|pattern| (pattern.clone(), false)).collect(),
            unwanted: excludes.iter().map(|pattern| (pattern.clone(), None)).collect(),
            line: Vec::new(),
            kept: None,
        }
    }

    /// Prepares to keep all that is printed: it is a report.
    pub(super) fn keeping() -> Self {
        Self { kept: Some(Vec::new()), ..Self::new(&[], &[]) }
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(bytes);
        }
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
        for text in shown::views(&self.line) {
            for (pattern, found) in &mut self.wanted {
                *found = *found || pattern.is_match(&text);
            }
            for (pattern, found) in &mut self.unwanted {
                if found.is_none() && pattern.is_match(&text) {
                    *found = Some(text.chars().take(QUOTED).collect());
                }
            }
        }
        self.line.clear();
    }

    /// Returns what was kept.
    pub(super) fn take_kept(&mut self) -> Vec<u8> {
        self.kept.take().unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(matches: &[&str], excludes: &[&str], output: &[u8], piece: usize) -> Vec<bool> {
        let compiled = |patterns: &[&str]| -> Vec<Regex> {
            patterns.iter().map(|pattern| Regex::new(pattern).unwrap()).collect()
        };
        let mut judge = Judge::new(&compiled(matches), &compiled(excludes));
        output.chunks(piece).for_each(|chunk| judge.push(chunk));
        judge.finish().iter().map(|verdict| verdict.held).collect()
    }

    #[test]
    fn output_is_judged_line_by_line_however_it_is_cut() {
        let output = b"\x1b[1mwarning\x1b[0m: x\r\n50%\rFINISHED\nlast";
        for piece in 1..=output.len() {
            let held = judged(
                &["^FINISHED$", "^last$", "^50%$", "x$", "nowhere"],
                &["warning:", "^x", "y"],
                output,
                piece,
            );
            assert_eq!(held, [true, true, true, true, false, false, true, true], "{piece}");
        }
        assert_eq!(judged(&["^$"], &["."], b"", 1), [false, true], "no output has no line");
        assert_eq!(judged(&["^$"], &[], b"\n", 1), [true]);
    }

    #[test]
    fn a_line_of_any_length_is_looked_at_in_pieces() {
        let mut output = vec![b'a'; 3 * LONGEST_LINE];
        output.extend_from_slice(b"needle\n");
        assert_eq!(judged(&["needle"], &["b"], &output, 70_000), [true, true]);
    }
}
