//! A group of tests that libtest runs: takes its lines, gives its tests, and whether they add up.

use super::super::Outcome;
use super::line::Line;

/// The tests between `running 5 tests` and `test result: …`.
pub(super) struct Group {
    tests: usize,
    passed: usize,
    failed: usize,
    ignored: usize,
    measured: usize,
    /// A test that printed something before its outcome.
    open: Option<String>,
    /// What failed tests printed has begun: whatever it looks like, it is no test.
    is_captured: bool,
}

/// What a line comes to.
pub(super) enum Counted {
    /// A test and its outcome.
    Test(String, Outcome),
    /// Nothing to count.
    Nothing,
    /// The group's end.
    End {
        /// Its summary says what was counted.
        adds_up: bool,
    },
}

/// How a test came out, in libtest's words.
#[derive(Clone, Copy)]
enum Word {
    Ok,
    Failed,
    Ignored,
    Measured,
}

impl Word {
    fn of(text: &str) -> Option<Self> {
        let text = text.trim_end();
        match text.split_once(' ').map_or(text, |(word, _)| word) {
            "ok" if is_timed(text, "ok") => Some(Self::Ok),
            "FAILED" if is_timed(text, "FAILED") => Some(Self::Failed),
            "ignored" if text == "ignored" => Some(Self::Ignored),
            "ignored," => Some(Self::Ignored),
            "bench:" => Some(Self::Measured),
            _ => None,
        }
    }
}

/// The word alone, or with the time that it took.
fn is_timed(text: &str, word: &str) -> bool {
    text == word || text.strip_prefix(word).is_some_and(|rest| rest.starts_with(" <") && rest.ends_with('>'))
}

impl Group {
    pub(in crate::results) fn of(tests: usize) -> Self {
        Self { tests, passed: 0, failed: 0, ignored: 0, measured: 0, open: None, is_captured: false }
    }

    /// Takes a line.
    pub(in crate::results) fn line(&mut self, line: Line<'_>) -> Counted {
        match line {
            Line::Summary(summary) => match (self.adds_up(summary), self.is_captured) {
                // A failed test may have printed a summary of its own.
                (false, true) => Counted::Nothing,
                (adds_up, _) => Counted::End { adds_up },
            },
            _ if self.is_captured => Counted::Nothing,
            Line::Captured => {
                self.is_captured = true;
                Counted::Nothing
            }
            Line::Test(name, rest) => {
                if let Some(word) = Word::of(rest) {
                    return self.count(name, word);
                }
                self.open = Some(name.to_owned());
                Counted::Nothing
            }
            Line::Other(text) => match (Word::of(text), self.open.take()) {
                (Some(word), Some(name)) => self.count(&name, word),
                (_, open) => {
                    self.open = open;
                    Counted::Nothing
                }
            },
            Line::Target(_) | Line::TargetFailed | Line::Group(_) => Counted::Nothing,
        }
    }

    fn count(&mut self, name: &str, word: Word) -> Counted {
        let (count, outcome) = match word {
            Word::Ok => (&mut self.passed, Outcome::Passed),
            Word::Failed => (&mut self.failed, Outcome::Failed),
            Word::Ignored => (&mut self.ignored, Outcome::Skipped),
            Word::Measured => (&mut self.measured, Outcome::Passed),
        };
        *count += 1;
        Counted::Test(name.to_owned(), outcome)
    }

    /// `ok. 4 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.09s`
    fn adds_up(&self, summary: &str) -> bool {
        let said = |word: &str| {
            let (before, _) = summary.split_once(word)?;
            before.trim_end().rsplit(' ').next()?.parse::<usize>().ok()
        };
        let counted = self.passed + self.failed + self.ignored + self.measured;
        let verdict = if self.failed == 0 { "ok. " } else { "FAILED. " };
        summary.starts_with(verdict)
            && counted == self.tests
            && said("passed;") == Some(self.passed)
            && said("failed;") == Some(self.failed)
            && said("ignored;") == Some(self.ignored)
            && said("measured;") == Some(self.measured)
    }
}
