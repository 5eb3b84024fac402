//! A sentence of the runner's own words around words of others: each place that shows it quotes those its own way.

use serde::Serialize;

use crate::report::markdown::{clip, inline};

/// A sentence in pieces.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Phrase(Vec<Piece>);

/// A piece of a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    /// The runner's own words, safe in any place.
    Words(String),
    /// What a plan, a step, a file or another program says: masked, and otherwise as it is. Shown, never interpreted.
    Quoted(String),
}

impl Phrase {
    /// Begins with words of the runner's own.
    pub fn words(words: impl Into<String>) -> Self {
        Self(Vec::new()).and(words)
    }

    /// Begins with words of others, no more of them than so many characters.
    pub fn quoted(text: &str, most: usize) -> Self {
        Self(Vec::new()).and_quoted(text, most)
    }

    /// Adds words of the runner's own.
    #[must_use]
    pub fn and(mut self, words: impl Into<String>) -> Self {
        self.0.push(Piece::Words(words.into()));
        self
    }

    /// Adds words of others, no more of them than so many characters.
    #[must_use]
    pub fn and_quoted(mut self, text: &str, most: usize) -> Self {
        self.0.push(Piece::Quoted(clip(text, most)));
        self
    }

    /// Adds the first of some texts of others, and counts the rest.
    #[must_use]
    pub fn and_some(mut self, texts: &[&str], named: usize, most: usize) -> Self {
        let more = texts.len().saturating_sub(named);
        for (at, text) in texts.iter().take(named).enumerate() {
            let between = match at {
                0 => "",
                _ if more == 0 && at + 1 == texts.len() => " and ",
                _ => ", ",
            };
            self = if between.is_empty() { self } else { self.and(between) };
            self = self.and_quoted(text, most);
        }
        if more > 0 { self.and(format!(" and {more} more")) } else { self }
    }

    /// Returns the pieces, in their order.
    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// Writes it as Markdown: words of others are code.
    pub fn markdown(&self) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Words(words) => words.clone(),
            Piece::Quoted(text) => inline(text),
        };
        self.0.iter().map(piece).collect()
    }

    /// Writes it as plain text, which may hold whatever others wrote.
    pub fn plain(&self) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Words(words) => words.clone(),
            Piece::Quoted(text) => text.clone(),
        };
        self.0.iter().map(piece).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_others_are_code_in_markdown_and_themselves_elsewhere() {
        let phrase = Phrase::words("deleted: ").and_some(&["a`b", "@team"], 4, 80);
        assert_eq!(phrase.markdown(), "deleted: ``a`b`` and `@team`");
        assert_eq!(phrase.plain(), "deleted: a`b and @team");
        let many = Phrase::default().and_some(&["a", "b", "c"], 2, 80);
        assert_eq!(many.markdown(), "`a`, `b` and 1 more");
    }
}
