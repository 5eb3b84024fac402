//! Short texts that no view shows in one piece, but whoever reads the stream may: what is around line ends, what a
//! terminal drops, and what a cursor that moves leaves on a screen.
//!
//! Lines that came before may be out already. So of such a text only that is masked which came with the last line.

use std::ops::Range;

use memchr::{memchr, memchr_iter, memrchr2};

use super::bare::Bare;
use super::encodings::NEAR;
use super::filter::gram_at;
use super::kind::{Kind, Span};
use super::known::{Cursor, Known};

/// The raw offset of what is not masked here.
const ELSEWHERE: usize = usize::MAX;

/// Texts to search, with the raw offset of every byte.
#[derive(Debug, Default)]
pub(super) struct Patch {
    text: Vec<u8>,
    raws: Vec<usize>,
    /// What stands between two bytes of a value is dropped, and masked with them.
    bridges: bool,
}

impl Patch {
    /// Empties it, keeping its memory, for texts whose bytes are in the order of the stream, or are not.
    pub(super) fn clear(&mut self, ordered: bool) {
        self.bridges = ordered;
        self.text.clear();
        self.raws.clear();
    }

    /// Starts a text; nothing is found over two of them, for no shape has a NUL.
    pub(super) fn start(&mut self) {
        self.context(&[0]);
    }

    /// Appends what is not masked here.
    pub(super) fn context(&mut self, bytes: &[u8]) {
        self.text.extend_from_slice(bytes);
        self.raws.resize(self.text.len(), ELSEWHERE);
    }

    /// Appends a byte that is masked if it belongs to a value.
    pub(super) fn byte(&mut self, byte: u8, raw: usize) {
        self.text.push(byte);
        self.raws.push(raw);
    }

    /// Appends a span for everything that a known value covers in the block `raw`.
    pub(super) fn find(&self, known: &Known, raw: &[u8], places: &mut Vec<usize>, spans: &mut Vec<Span>) {
        if self.text.is_empty() {
            return;
        }
        places.clear();
        known.filter().find_from(&self.text, 0, places);
        let mut done = Cursor::default();
        for &at in &*places {
            let Some(gram) = gram_at(&self.text, at) else { continue };
            known.at(&self.text, at, gram, &mut done, |window| self.mask(raw, window, spans));
        }
    }

    fn mask(&self, raw: &[u8], window: Range<usize>, spans: &mut Vec<Span>) {
        let raws = self.raws.get(window).unwrap_or_default().iter().copied();
        let mut raws = raws.filter(|&raw| raw != ELSEWHERE);
        if self.bridges {
            let Some(first) = raws.next() else { return };
            let end = raws.clone().next_back().unwrap_or(first) + 1;
            let line = first + last_line(raw.get(first..end).unwrap_or_default());
            let Some(first) = std::iter::once(first).chain(raws).find(|&raw| raw >= line) else { return };
            match spans.last_mut() {
                Some(last) if last.kind == Kind::Known && last.range.contains(&first) => {
                    last.range.end = last.range.end.max(end);
                }
                _ => spans.push(Span { context: first, range: first..end, kind: Kind::Known }),
            }
            return;
        }
        for raw in raws {
            match spans.last_mut() {
                Some(last) if last.kind == Kind::Known && last.range.end == raw => last.range.end += 1,
                Some(last) if last.kind == Kind::Known && last.range.contains(&raw) => {}
                _ => spans.push(Span { context: raw, range: raw..raw + 1, kind: Kind::Known }),
            }
        }
    }
}

/// Returns where the last line of a text starts; a line end at its end is that of its line.
fn last_line(text: &[u8]) -> usize {
    let len = text.iter().rposition(|byte| !b"\r\n".contains(byte)).map_or(0, |at| at + 1);
    memrchr2(b'\n', b'\r', text.get(..len).unwrap_or_default()).map_or(0, |end| end + 1)
}

/// The last bytes of a text, as many as can belong to a window whose other end is behind it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Last {
    bytes: [u8; NEAR],
    len: usize,
}

impl Last {
    fn bytes(&self) -> &[u8] {
        self.bytes.get(NEAR - self.len..).unwrap_or_default()
    }

    /// Returns the last bytes of what was before and this text together.
    fn and<'a>(&self, text: impl DoubleEndedIterator<Item = &'a u8>) -> Self {
        let mut last = Self::default();
        for byte in text.copied().rev().chain(self.bytes().iter().copied().rev()).take(NEAR) {
            last.len += 1;
            if let Some(place) = last.bytes.get_mut(NEAR - last.len) {
                *place = byte;
            }
        }
        last
    }
}

/// The end of what was shown: a value may go on in the next line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tail {
    lines: Last,
    /// Without line ends.
    joined: Last,
    /// Not what was shown, but what was stored, without controls.
    bare: Last,
    /// The same with its line feeds.
    bare_lines: Last,
    /// It ended with a CR; an LF that follows belongs to it.
    cr: bool,
}

impl Tail {
    /// Returns the tail of what was before and this text together, which is shown of `raw`.
    pub(super) fn and(&self, text: &[u8], raw: &[u8]) -> Self {
        let text = self.behind(text);
        Self {
            lines: self.lines.and(text.iter()),
            joined: self.joined(text),
            bare: self.bare.and(Bare::of(raw, false).bytes()),
            bare_lines: self.bare_lines.and(Bare::of(raw, true).bytes()),
            cr: raw.last() == Some(&b'\r'),
        }
    }

    /// Returns what was stored, with its line feeds or without.
    pub(super) fn bare(&self, lines: bool) -> &[u8] {
        if lines { self.bare_lines.bytes() } else { self.bare.bytes() }
    }

    fn joined(&self, text: &[u8]) -> Last {
        self.joined.and(text.iter().filter(|byte| !is_between(**byte)))
    }

    /// Returns the text without what belongs to the line end before it.
    fn behind<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        text.strip_prefix(b"\n").filter(|_| self.cr).unwrap_or(text)
    }
}

/// Adds what is around line ends of a text, which is shown of a block, wherever a value may go on over one.
pub(super) fn line_ends(
    known: &Known,
    text: &[u8],
    block: &[u8],
    tail: &Tail,
    raw: impl Fn(usize) -> usize,
    patch: &mut Patch,
) {
    if known.has_lines() {
        first_lines(text, block, tail, &raw, patch);
    }
    line_end(known, text, 0, tail, &raw, patch);
    for end in memchr_iter(b'\n', text) {
        let before = text.get(..end).and_then(<[u8]>::last_chunk);
        let after = text.get(end + 1..).and_then(<[u8]>::first_chunk);
        // Nearly every line end is done with here.
        if let (Some(&before), Some(&after)) = (before, after)
            && !before.iter().chain(&after).fold(false, |any, byte| any | is_between(*byte))
            && !known.may_go_on(before, after)
        {
            continue;
        }
        line_end(known, text, end + 1, tail, &raw, patch);
    }
}

/// Adds what is around the line end before `start`, if a value may go on over it.
fn line_end(
    known: &Known,
    text: &[u8],
    start: usize,
    tail: &Tail,
    raw: impl Fn(usize) -> usize,
    patch: &mut Patch,
) {
    let after = text.get(start..).unwrap_or_default();
    // If the line is empty, the next line end has it as well.
    if after.first().is_none_or(|&next| next == b'\n') {
        return;
    }
    let last = tail.joined(text.get(..start).unwrap_or_default());
    if last.bytes().is_empty() {
        return;
    }
    let line = after.iter().enumerate().take_while(|(_, byte)| **byte != b'\n');
    let line = line.filter(|(_, byte)| !is_between(**byte)).take(NEAR);
    let mut first = [0; 4];
    line.clone().zip(&mut first).for_each(|((_, &byte), to)| *to = byte);
    if last.bytes().last_chunk().is_none_or(|&before| known.may_go_on(before, first)) {
        patch.start();
        patch.context(last.bytes());
        line.for_each(|(at, &byte)| patch.byte(byte, raw(start + at)));
    }
}

/// Tells whether a byte stands between parts of a value as if it were not there.
fn is_between(byte: u8) -> bool {
    byte == b'\n' || byte == b'\t'
}

/// Adds the first lines behind a tail, for values that have line ends in them.
fn first_lines(text: &[u8], block: &[u8], tail: &Tail, raw: impl Fn(usize) -> usize, patch: &mut Patch) {
    let skipped = text.len() - tail.behind(text).len();
    let is_return = |at: usize| block.get(raw(at)) == Some(&b'\r');
    let mut start = skipped;
    while start < text.len() && start < NEAR + skipped {
        // A CR is shown as a line end, and where tabs are dropped it is dropped with them.
        let tabs = if start == skipped { tail.cr && skipped == 0 } else { is_return(start - 1) };
        let line = text.get(start..).unwrap_or_default();
        let len = memchr(b'\n', line).map_or(line.len(), |end| end + 1);
        patch.start();
        let before = text.get(skipped..start).unwrap_or_default().iter();
        patch.context(tail.lines.and(before.filter(|byte| tabs || **byte != b'\t')).bytes());
        let bytes = line.iter().take(len).enumerate().filter(|(_, byte)| tabs || **byte != b'\t').take(NEAR);
        bytes.for_each(|(at, &byte)| patch.byte(byte, raw(start + at)));
        start += len;
    }
}
