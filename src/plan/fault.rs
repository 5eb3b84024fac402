//! A fault: what is wrong, where, and what to write instead; all of them together.

use std::fmt;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::source::{Mark, Source};

/// So many faults are printed; the rest is counted. A file with more has one cause, not hundreds.
const PRINTED: usize = 50;

/// So many faults are kept; who has more, has them all over the file.
const KEPT: usize = 1000;

/// Characters of a fault's text that are kept.
const LONGEST: usize = 500;

/// Columns of a source line that are shown around a fault.
const SHOWN: usize = 96;

/// One fault of a plan file, or one warning about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Fault {
    /// The file, as the user named it.
    pub path: PathBuf,
    /// Line, 1-based.
    pub line: usize,
    /// Column in characters, 1-based.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// The text at fault.
    pub text: String,
    /// What to do or to write instead; may be empty.
    pub hint: String,
    /// The line it stands in, cut around the text, and where the text is in it.
    #[serde(skip)]
    excerpt: Option<Excerpt>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Excerpt {
    before: String,
    text: String,
    after: String,
}

/// A mark clamped into the file, the text it marks, and how to show it.
struct Cut {
    mark: Mark,
    text: String,
    excerpt: Excerpt,
}

impl Fault {
    /// Makes a fault of the file as a whole, which could not be read.
    pub(super) fn of_file(path: &Path, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line: 1,
            column: 1,
            message: message.into(),
            text: String::new(),
            hint: hint.into(),
            excerpt: None,
        }
    }

    /// Makes a fault at a place.
    pub(super) fn at(
        source: &Source,
        mark: Mark,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        let Cut { mark, text, excerpt } = cut_out(source, mark);
        Self {
            path: source.path.clone(),
            line: mark.line,
            column: mark.column,
            message: sanitise(&message.into()),
            text,
            hint: sanitise(&hint.into()),
            excerpt: Some(excerpt),
        }
    }
}

impl Fault {
    /// Says something else of the same place.
    pub(super) fn reworded(self, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: sanitise(&message.into()), hint: sanitise(&hint.into()), ..self }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.path.display(), self.line, self.column, self.message)?;
        if let Some(Excerpt { before, text, after }) = &self.excerpt {
            let pad = " ".repeat(before.width());
            let carets = "^".repeat(text.width().max(1));
            write!(f, "\n{:>5} | {before}{text}{after}\n      | {pad}{carets}", self.line)?;
        }
        if !self.hint.is_empty() {
            write!(f, "\n      = {}", self.hint)?;
        }
        Ok(())
    }
}

/// Collects the faults of one file.
#[derive(Debug)]
pub(super) struct Findings<'a> {
    pub(super) source: &'a Source,
    list: Vec<Fault>,
}

impl<'a> Findings<'a> {
    pub(super) fn new(source: &'a Source) -> Self {
        Self { source, list: Vec::new() }
    }

    /// Adds a fault at a place.
    pub(super) fn add(&mut self, mark: Mark, message: impl Into<String>, hint: impl Into<String>) {
        if self.list.len() < KEPT {
            self.list.push(Fault::at(self.source, mark, message, hint));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Tells whether there are so many that searching for near misses is no help to anybody, and takes for ever.
    pub(super) fn is_crowded(&self) -> bool {
        self.list.len() > PRINTED
    }

    pub(super) fn into_faults(self) -> Faults {
        Faults::new(self.list)
    }
}

/// Every fault of a plan file, in the order of their places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Puts faults in order; what was said twice of one place (an alias used twice) is said once.
    pub(super) fn new(mut faults: Vec<Fault>) -> Self {
        faults.sort_by_key(|fault| (fault.line, fault.column));
        faults.dedup_by(|a, b| (a.line, a.column, &a.message) == (b.line, b.column, &b.message));
        Self(faults)
    }

    /// Returns them in the order of their places.
    pub fn iter(&self) -> std::slice::Iter<'_, Fault> {
        self.0.iter()
    }

    /// Counts them.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl<'a> IntoIterator for &'a Faults {
    type Item = &'a Fault;
    type IntoIter = std::slice::Iter<'a, Fault>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

impl From<Faults> for Vec<Fault> {
    fn from(faults: Faults) -> Self {
        faults.0
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().take(PRINTED).enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{fault}")?;
        }
        match self.0.len().saturating_sub(PRINTED) {
            0 => Ok(()),
            more if self.0.len() < KEPT => write!(f, "\n… and {more} more"),
            more => write!(f, "\n… and {more} more, or even more than that"),
        }
    }
}

impl std::error::Error for Faults {}

/// Cuts a readable window out of the line of a mark.
fn cut_out(source: &Source, mark: Mark) -> Cut {
    let number = mark.line.clamp(1, source.lines());
    let line = source.line(number);
    let start = line.start.saturating_add(mark.column.saturating_sub(1)).min(line.end);
    let end = start.saturating_add(mark.width).min(line.end);
    // A long text is shown by its beginning; a little of what precedes it gives the context.
    let is_near = end - line.start < SHOWN;
    let from = if is_near { line.start } else { line.start.max(start.saturating_sub(SHOWN / 3)) };
    let until = (from + SHOWN).min(line.end);
    let shown = end.min(until);
    let piece = |range| sanitise(source.slice(range));
    let (left, right) = (if from > line.start { "…" } else { "" }, if until < line.end { "…" } else { "" });
    let excerpt = Excerpt {
        before: format!("{left}{}", piece(from..start)),
        text: piece(start..shown),
        after: format!("{}{right}", piece(shown..until)),
    };
    let text = source.slice(start..end.min(start + LONGEST)).to_owned();
    Cut { mark: Mark { line: number, column: start - line.start + 1, width: end - start }, text, excerpt }
}

/// Makes text safe to print: a plan may hold escape sequences or characters that turn the writing direction.
fn sanitise(text: &str) -> String {
    text.chars().map(|c| if is_unsafe(c) { if c == '\t' { ' ' } else { '\u{fffd}' } } else { c }).collect()
}

fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
