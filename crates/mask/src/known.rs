//! The known values of a run in all their shapes, and where telling parts of them stand in a text.
//!
//! A part is telling wherever in the value it is from. So what is looked for are windows of a few bytes, in a set:
//! what they are parts of, and how often they are, costs nothing.

use std::ops::Range;

use super::anchors;
use super::encodings::{self, LONGEST, RAW, Telling};
use super::filter::{Filter, Grams, gram_at};
use super::windows::{EveryGram, Role, Windows};
use super::work;

/// The shortest shape that is searched.
pub(super) const SHORTEST: usize = 6;
/// Where escapes are many, eight bytes of a shape hold hardly any of the value. If none of its windows of eight holds
/// five, twelve bytes are the least that eight of the value take.
const DENSE: usize = 12;
/// So many bytes of the value have to start in a window of eight.
const SPARSE: usize = 5;

/// All shapes of all values. Values are added one by one: nothing is rebuilt.
#[derive(Debug, Clone)]
pub(super) struct Known {
    filter: Filter,
    /// Of which lengths windows are that have this gram, one bit a length.
    grams: Grams<u32>,
    every: EveryGram,
    windows: Windows,
    /// The shortest window.
    shortest: usize,
    multiline: bool,
    /// A window has a line feed in it.
    lines: bool,
}

/// Up to where windows of each length were looked up already.
#[derive(Debug, Default)]
pub(super) struct Cursor([usize; LONGEST + 1]);

impl Known {
    /// Knows no value; the filter lets the anchors of the patterns through.
    pub(super) fn new() -> Self {
        let mut filter = Filter::new();
        anchors::table().each_gram(|gram| filter.insert(gram));
        Self {
            filter,
            grams: Grams::new(),
            every: EveryGram::new(),
            windows: Windows::new(),
            shortest: LONGEST,
            multiline: false,
            lines: false,
        }
    }

    /// Returns the filter of everything that is searched.
    pub(super) fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Tells whether the start of a value, telling nothing yet, can go on behind a line feed.
    pub(super) fn is_multiline(&self) -> bool {
        self.multiline
    }

    /// Tells whether a line feed can be part of a window.
    pub(super) fn has_lines(&self) -> bool {
        self.lines
    }

    /// Tells whether there is nothing to look for.
    pub(super) fn is_empty(&self) -> bool {
        self.windows.len() == 0
    }

    /// Returns the length of the shortest window.
    pub(super) fn shortest(&self) -> usize {
        self.shortest
    }

    /// Tells whether a gram may stand in a window.
    #[inline]
    pub(super) fn may_have(&self, gram: u32) -> bool {
        self.every.may_have(gram)
    }

    /// Tells whether two bytes may follow each other in a window.
    #[inline]
    pub(super) fn has_pair(&self, pair: [u8; 2]) -> bool {
        self.every.has_pair(pair)
    }

    /// Tells whether a window may lie over a line end between these bytes: it has the gram on one side, or in the
    /// middle if it is short, and the pair. Without branches, for this is asked at every line end.
    #[inline]
    #[expect(clippy::needless_bitwise_bool, reason = "without branches")]
    pub(super) fn may_go_on(&self, before: [u8; 4], after: [u8; 4]) -> bool {
        let [.., second, last] = before;
        let [next, third, ..] = after;
        let sides = self.may_have(u32::from_le_bytes(before)) | self.may_have(u32::from_le_bytes(after));
        let middle = self.shortest < RAW && self.may_have(u32::from_le_bytes([second, last, next, third]));
        self.every.has_pair([last, next]) & (sides | middle)
    }

    /// Returns how many windows there are.
    pub(super) fn len(&self) -> usize {
        self.windows.len()
    }

    /// Adds a shape of a value, with its start if it is that of its first piece.
    pub(super) fn add_shape(&mut self, shape: &[u8], telling: Telling, first: bool) {
        if shape.len() < SHORTEST {
            return;
        }
        for gram in (0..shape.len()).filter_map(|at| gram_at(shape, at)) {
            self.every.insert(gram);
        }
        self.lines |= shape.contains(&b'\n');
        match telling {
            Telling::Any(len) => self.add_windows(shape, len.min(shape.len()), |_| true),
            Telling::Escaped => self.add_escaped(shape),
        }
        if first {
            self.add_start(shape);
        }
    }

    /// Adds the windows of this length that start where they should.
    fn add_windows(&mut self, shape: &[u8], len: usize, at: impl Fn(usize) -> bool) {
        let all_dull = shape.windows(len).all(is_dull);
        let mut added = false;
        for (_, window) in shape.windows(len).enumerate().filter(|(start, _)| at(*start)) {
            if all_dull || !is_dull(window) {
                self.windows.insert(window, Role::Telling);
                added = true;
            }
        }
        if added {
            self.shortest = self.shortest.min(len);
            self.add_grams(shape, len);
        }
    }

    /// Adds grams at two places that follow each other, so often that every window has two such: one of them is at an
    /// even place of the text.
    fn add_grams(&mut self, shape: &[u8], len: usize) {
        for at in (0..shape.len()).step_by(len - 4).flat_map(|at| [at, at + 1]) {
            if let Some(gram) = gram_at(shape, at) {
                self.filter.insert(gram);
                *self.grams.entry(gram) |= 1 << len;
            }
        }
    }

    fn add_escaped(&mut self, shape: &[u8]) {
        let starts = encodings::starts(shape);
        let held =
            |at: usize| starts.get(at..at + RAW).unwrap_or_default().iter().filter(|&&start| start).count();
        let sparse = |at: usize| held(at) >= SPARSE;
        let before = self.windows.len();
        if shape.len() >= RAW {
            self.add_windows(shape, RAW, sparse);
        }
        if shape.len() >= DENSE && (0..=shape.len() - DENSE).any(|at| !sparse(at)) {
            self.add_windows(shape, DENSE, |at| !sparse(at));
        }
        if self.windows.len() == before && shape.len() < DENSE {
            self.add_windows(shape, shape.len(), |_| true);
        }
    }

    fn add_start(&mut self, shape: &[u8]) {
        // The first sign says nothing, and a progress bar ends its lines with it: `10%` need not wait.
        let shape = shape.strip_prefix(b"%").unwrap_or(shape);
        let most = RAW.min(shape.len()) - 1;
        for len in 1..=most {
            let start = shape.get(..len).unwrap_or_default();
            self.multiline |= start.contains(&b'\n');
            self.windows.insert(start, Role::Start);
        }
        for len in [RAW.min(shape.len()), DENSE] {
            if let Some(first) = shape.get(..len) {
                self.windows.insert(first, Role::First);
            }
        }
    }

    /// Calls back for every window that stands around a gram of the text, in their order. Called for places from the
    /// left to the right.
    pub(super) fn at(
        &self,
        text: &[u8],
        at: usize,
        gram: u32,
        done: &mut Cursor,
        mut found: impl FnMut(Range<usize>),
    ) {
        let Some(mut lengths) = self.grams.first(gram) else { return };
        // A window has nothing but grams of shapes: mostly one look to each side tells that there is none.
        let reach = (lengths.ilog2() as usize).saturating_sub(4);
        let is_gram = |at: usize| gram_at(text, at).is_some_and(|gram| self.may_have(gram));
        // What was looked up is not looked at again: around a value that is most of it.
        let mut bits = lengths;
        let mut looked = at;
        while bits != 0 {
            looked = looked.min(done.0.get(bits.trailing_zeros() as usize).copied().unwrap_or(0));
            bits &= bits - 1;
        }
        let left = (1..=reach.min(at - looked)).take_while(|back| is_gram(at - back)).count();
        let right = (1..=reach).take_while(|more| is_gram(at + more)).count();
        while lengths != 0 {
            let len = lengths.trailing_zeros() as usize;
            lengths &= lengths - 1;
            let Some(cursor) = done.0.get_mut(len) else { continue };
            let from = (*cursor).max((at + 4).saturating_sub(len)).max(at - left);
            let to = (at + right + 5).saturating_sub(len).min(at + 1);
            work::did(to.saturating_sub(from));
            for start in from..to {
                let Some(window) = text.get(start..start + len) else { break };
                if self.windows.has(window, Role::Telling) {
                    found(start..start + len);
                }
            }
            *cursor = to.max(*cursor);
        }
    }

    /// Tells whether a shape starts with this window.
    pub(super) fn is_first(&self, window: &[u8]) -> bool {
        self.windows.has(window, Role::First)
    }

    /// Returns how many bytes at the end of the text are the start of a value, none of them telling yet.
    pub(super) fn depth(&self, text: &[u8]) -> usize {
        let longest = (RAW - 1).min(text.len());
        let is_start = |&len: &usize| self.windows.has(&text[text.len() - len..], Role::Start);
        if self.is_empty() { 0 } else { (1..=longest).rev().find(is_start).unwrap_or(0) }
    }
}

/// Blanks, and one sign over and over, tell nothing: they indent and underline.
fn is_dull(window: &[u8]) -> bool {
    window.iter().all(u8::is_ascii_whitespace)
        || window.first().is_some_and(|first| {
            first.is_ascii() && !first.is_ascii_alphanumeric() && window.iter().all(|byte| byte == first)
        })
}
