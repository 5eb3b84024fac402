//! What a file holds where a terminal shows less of it: the stream without controls, so without line ends as well, put
//! together around sequences and erased text. Whoever looks at it with an editor can read a value there.

use std::ops::Range;

use super::encodings::NEAR;
use super::filter::gram_at;
use super::known::Known;
use super::sequence::control_of_8_bits;

/// A block as a reader sees it who takes no notice of controls.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bare<'a> {
    pub(super) raw: &'a [u8],
    /// Line feeds stay: a value may have some.
    pub(super) lines: bool,
}

impl<'a> Bare<'a> {
    /// Looks at a block so.
    pub(super) fn of(raw: &'a [u8], lines: bool) -> Self {
        Self { raw, lines }
    }

    /// Tells whether anything is seen of a byte.
    #[inline]
    pub(super) fn shows(&self, at: usize) -> bool {
        match self.raw.get(at).copied() {
            None => false,
            Some(b'\n') => self.lines,
            Some(0x80..0xa0) if at.checked_sub(1).and_then(|at| self.raw.get(at)) == Some(&0xc2) => false,
            Some(0x80..0xa0 | 0xc2) => control_of_8_bits(self.raw, at).is_none(),
            Some(byte) => !byte.is_ascii_control(),
        }
    }

    /// Returns what is seen.
    pub(super) fn bytes(&self) -> impl DoubleEndedIterator<Item = &'a u8> {
        let (bare, raw) = (*self, self.raw);
        raw.iter().enumerate().filter(move |(at, _)| bare.shows(*at)).map(|(_, byte)| byte)
    }

    /// Returns what is seen from a place on.
    pub(super) fn from(&self, at: usize) -> impl Iterator<Item = u8> {
        let rest = self.raw.get(at..).unwrap_or_default().iter().enumerate();
        rest.filter(move |(more, _)| self.shows(at + more)).map(|(_, &byte)| byte)
    }

    fn last_before(&self, at: usize) -> Option<u8> {
        (0..at).rev().find(|&at| self.shows(at)).and_then(|at| self.raw.get(at)).copied()
    }

    /// Returns the byte at a place with the next that is seen, if that one is seen.
    fn pair_at(&self, at: usize) -> Option<[u8; 2]> {
        let first = self.raw.get(at).copied().filter(|_| self.shows(at))?;
        Some([first, self.from(at + 1).next()?])
    }

    fn gram(&self, at: usize) -> Option<u32> {
        let near = self.raw.get(at..)?.first_chunk::<4>()?;
        if near.iter().all(|byte| (0x20..0x7f).contains(byte)) {
            return gram_at(self.raw, at);
        }
        let mut bytes = self.from(at);
        Some(u32::from_le_bytes([bytes.next()?, bytes.next()?, bytes.next()?, bytes.next()?]))
    }

    /// Returns where text is cut by this sequence, if a window may be there that has a byte of it. One that reaches
    /// behind the block is told by the start of the next.
    fn cuts(&self, known: &Known, sequence: Range<usize>, hides: bool) -> (bool, bool) {
        // ESC alone is nothing to anybody.
        let Some(at) = sequence.clone().find(|&at| self.shows(at)) else { return (false, false) };
        let Some(&first) = self.raw.get(at) else { return (false, false) };
        let before = self.last_before(sequence.start);
        let mut start = before.is_none_or(|before| known.has_pair([before, first]));
        // The view of what hides begins behind the letter that opened it, and a value may begin with that.
        start |= hides && self.gram(at).is_some_and(|gram| known.may_have(gram));
        // What hides has a view of its own: only what reaches out of it counts here. From the last byte to the left, so
        // that every window that starts in it has one of these grams.
        let from = if hides { sequence.start.max(sequence.end.saturating_sub(NEAR)) } else { sequence.start };
        // A short one cannot hold a whole window: such a one reaches out of it, here or at its start.
        let is_short = sequence.len() < known.shortest();
        if is_short && !self.pair_at(sequence.end - 1).is_none_or(|pair| known.has_pair(pair)) {
            return (start, false);
        }
        let is_gram = |at: usize| self.gram(at).is_some_and(|gram| known.may_have(gram));
        let end = (from..sequence.end).rev().step_by(known.shortest() - 3).any(is_gram);
        (start, end)
    }
}

/// Adds where a sequence cuts the text, if a known value may have a part of it.
pub(super) fn edges(known: &Known, raw: &[u8], sequence: Range<usize>, hides: bool, edges: &mut Vec<usize>) {
    let (mut start, mut end) = Bare::of(raw, false).cuts(known, sequence.clone(), hides);
    if known.has_lines() {
        let with_lines = Bare::of(raw, true).cuts(known, sequence.clone(), hides);
        (start, end) = (start | with_lines.0, end | with_lines.1);
    }
    if start || end {
        edges.extend([sequence.start, sequence.end]);
    }
}

/// Adds a CR that ends a line, if a value with line feeds may go on over it: it is shown as one.
pub(super) fn lone_return(known: &Known, raw: &[u8], at: usize, edges: &mut Vec<usize>) {
    let bare = Bare::of(raw, true);
    let may_go_on = || match (bare.last_before(at), bare.from(at).next()) {
        (Some(before), Some(after)) => known.has_pair([before, after]),
        (before, after) => before.or(after).is_some(),
    };
    if known.has_lines() && may_go_on() {
        edges.push(at);
    }
}
