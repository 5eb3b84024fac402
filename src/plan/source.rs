//! The text of a plan file, and places in it.

use std::ops::Range;
use std::path::{Path, PathBuf};

/// A place in a plan file: 1-based, columns and width in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) width: usize,
}

impl Mark {
    pub(super) const START: Self = Self { line: 1, column: 1, width: 0 };
}

/// The text of a plan file and where its characters and lines are. Marks count characters: both are indexed once,
/// so that thousands of faults in one long line stay cheap.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    text: String,
    /// Byte of each character, and of the end.
    bytes: Vec<usize>,
    /// Characters of each line, without its ending.
    lines: Vec<Range<usize>>,
}

impl Source {
    /// Takes the text of a file; a byte order mark is dropped.
    pub(super) fn new(path: &Path, text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
        let bytes = text.char_indices().map(|(byte, _)| byte).chain([text.len()]).collect();
        let lines = find_lines(&text);
        Self { path: path.to_owned(), text, bytes, lines }
    }

    /// Returns the text without its byte order mark.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Counts the lines; an empty file has one.
    pub(super) fn lines(&self) -> usize {
        self.lines.len()
    }

    /// Returns the characters of a line, as a range to [`slice`](Self::slice); empty where there is none.
    pub(super) fn line(&self, number: usize) -> Range<usize> {
        number.checked_sub(1).and_then(|index| self.lines.get(index)).cloned().unwrap_or_default()
    }

    /// Returns the text between two characters.
    pub(super) fn slice(&self, chars: Range<usize>) -> &str {
        let byte = |index: usize| self.bytes.get(index).copied().unwrap_or(self.text.len());
        self.text.get(byte(chars.start)..byte(chars.end)).unwrap_or_default()
    }

    /// Returns what stands behind a mark in its line.
    pub(super) fn behind(&self, mark: Mark) -> &str {
        let line = self.line(mark.line);
        let end = line.start.saturating_add(mark.column.saturating_sub(1)).saturating_add(mark.width);
        self.slice(end.min(line.end)..line.end)
    }

    /// Returns the place of a byte.
    pub(super) fn mark(&self, offset: usize) -> Mark {
        let char = self.bytes.partition_point(|byte| *byte < offset);
        let index = self.lines.partition_point(|line| line.start <= char).saturating_sub(1);
        Mark { line: index + 1, column: char - self.line(index + 1).start + 1, width: 1 }
    }
}

/// Finds the lines as YAML counts them, in characters: ended by LF, CRLF or CR.
fn find_lines(text: &str) -> Vec<Range<usize>> {
    let mut lines = Vec::new();
    let (mut start, mut count) = (0, 0);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        count += 1;
        if matches!(c, '\n' | '\r') {
            lines.push(start..count - 1);
            if c == '\r' && chars.next_if_eq(&'\n').is_some() {
                count += 1;
            }
            start = count;
        }
    }
    lines.push(start..count);
    lines
}
