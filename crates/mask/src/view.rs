//! What is scanned instead of the raw bytes: the text without terminal sequences, with a way back to raw offsets.

use std::ops::Range;

use memchr::{memchr, memchr2, memrchr, memrchr2};

use super::bare;
use super::known::Known;
use super::sequence::{ESC, Sequence, control_of_8_bits, has_controls_of_8_bits};

const BACKSPACE: u8 = 0x08;
/// A run of text up to this length is copied without a call.
const SHORT: usize = 32;

/// Which bytes of a block decide how it has to be viewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Content {
    /// There is an ESC.
    escapes: bool,
    /// There is a control other than ESC, tab and line feed.
    controls: bool,
    /// There is a control of 8 bits.
    eight_bit: bool,
}

impl Content {
    /// Looks at a block; the fold is shaped so that the compiler makes vector code of it.
    pub(super) fn of(raw: &[u8]) -> Self {
        let controls = raw.iter().fold(0u8, |seen, &byte| seen | u8::from(is_other_control(byte)));
        let eight_bit = !raw.is_ascii() && has_controls_of_8_bits(raw);
        Self { escapes: memchr(ESC, raw).is_some(), controls: controls != 0, eight_bit }
    }

    /// Tells whether there is a control of 8 bits.
    pub(super) fn is_eight_bit(self) -> bool {
        self.eight_bit
    }

    /// Tells whether there can be a CR.
    pub(super) fn has_controls(self) -> bool {
        self.controls
    }

    /// Tells whether the block can be scanned as it is.
    pub(super) fn is_plain(self) -> bool {
        !self.escapes && !self.controls && !self.eight_bit
    }
}

/// Tells whether this is a control that the view drops or translates, ESC apart.
#[expect(clippy::needless_bitwise_bool, reason = "without branches it is vector code")]
fn is_other_control(byte: u8) -> bool {
    (byte < 0x20) & (byte != b'\t') & (byte != b'\n') & (byte != ESC) | (byte == 0x7f)
}

/// How a view treats what a terminal would not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// As a terminal shows it: sequences go, a backspace erases, CR ends a line.
    Shown,
    /// As above, but tabs go as well: a token may be cut by them.
    Tabless,
    /// As above, but CRs go as well: they end lines, but not known values.
    Joined,
    /// As stored: payloads of sequences stay and a backspace erases nothing.
    Stored,
}

/// A view of a block.
#[derive(Debug, Default)]
pub(super) struct View {
    bytes: Vec<u8>,
    /// Where the raw offset jumps: from this view offset on, raw = second + (view - first).
    jumps: Vec<(usize, usize)>,
    /// Raw offsets of what makes the stored view differ in more than single controls.
    odd: Vec<usize>,
    /// Raw offsets where what is stored and what is shown part, sorted at the end: a known value may be there.
    edges: Vec<usize>,
    /// Raw offsets of what moves the cursor.
    moves: Vec<usize>,
    /// A backspace erases nothing before this: a CR was there.
    floor: usize,
    /// Tabs dropped at the end: a backspace goes back over them first.
    tabs: usize,
}

impl View {
    /// Returns the bytes to scan.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the raw offsets (of the shown view) where payloads or erased text hide.
    pub(super) fn odd(&self) -> &[usize] {
        &self.odd
    }

    /// Returns the raw offsets of what moves the cursor elsewhere than to the next line.
    pub(super) fn moves(&self) -> &[usize] {
        &self.moves
    }

    /// Returns the raw offset of a byte of the view.
    pub(super) fn raw(&self, at: usize) -> usize {
        let (start, _, raw) = self.stretch(at);
        raw + (at - start)
    }

    /// Returns the start and the end of the stretch without a jump around a byte, and the raw offset of its start.
    pub(super) fn stretch(&self, at: usize) -> (usize, usize, usize) {
        let next = self.jumps.partition_point(|&(view, _)| view <= at);
        let end = self.jumps.get(next).map_or(usize::MAX, |&(view, _)| view);
        let last = next.checked_sub(1).and_then(|last| self.jumps.get(last));
        let (start, raw) = last.copied().unwrap_or_default();
        (start, end, raw)
    }

    /// Returns the view offset of the first byte at this raw offset or after it.
    pub(super) fn at_or_after(&self, raw: usize) -> usize {
        let next = self.jumps.partition_point(|&(_, start)| start <= raw);
        let end = self.jumps.get(next).map_or(self.bytes.len(), |&(view, _)| view);
        match next.checked_sub(1).and_then(|last| self.jumps.get(last)) {
            Some(&(view, start)) => (view + (raw - start)).min(end),
            None => 0,
        }
    }

    /// Empties the view, keeping its memory.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.jumps.clear();
        self.odd.clear();
        self.moves.clear();
        self.edges.clear();
        self.floor = 0;
        self.tabs = 0;
    }

    /// Returns the raw offsets around which a known value may be stored that is not shown.
    pub(super) fn edges(&self) -> &[usize] {
        &self.edges
    }

    /// Makes this the view of a whole block.
    pub(super) fn build(&mut self, raw: &[u8], mode: Mode, content: Content, known: Option<&Known>) {
        self.clear();
        self.append(&Source {
            raw,
            offset: 0,
            mode,
            content,
            known: known.filter(|known| !known.is_empty()),
        });
        self.edges.sort_unstable();
    }

    /// Makes this the view of those lines of a block that contain one of the given places. Where a CR ends a line it
    /// does so here: what comes behind it may be in another block.
    pub(super) fn build_lines(
        &mut self,
        raw: &[u8],
        places: impl Iterator<Item = usize>,
        mode: Mode,
        content: Content,
    ) {
        self.clear();
        let mut done = 0;
        for place in places {
            if place < done {
                continue;
            }
            let line = if mode == Mode::Joined { line_around(raw, place) } else { part_around(raw, place) };
            done = line.end;
            // No shape has a NUL: nothing is found over lines that do not follow each other.
            self.copy(b"\0", line.start);
            self.copy(b"\n", line.start);
            let slice = raw.get(line.clone()).unwrap_or_default();
            let content = Content { escapes: true, controls: true, ..content };
            self.append(&Source { raw: slice, offset: line.start, mode, content, known: None });
        }
    }

    fn append(&mut self, source: &Source<'_>) {
        let raw = source.raw;
        let mut at = 0;
        while let Some(rest) = raw.get(at..).filter(|rest| !rest.is_empty()) {
            // Sequences often follow each other.
            let run = if rest[0] == ESC { 0 } else { source.next_special(at).unwrap_or(rest.len()) };
            self.copy_start(rest, run, source.offset + at);
            at += run;
            if at < raw.len() {
                at += self.special(source, at);
            }
        }
    }

    #[inline]
    fn copy(&mut self, text: &[u8], raw: usize) {
        if text.is_empty() {
            return;
        }
        self.tabs = 0;
        let at = self.bytes.len();
        let continues = self.jumps.last().is_some_and(|&(view, start)| start + (at - view) == raw);
        if !continues {
            self.jumps.push((at, raw));
        }
        self.bytes.extend_from_slice(text);
    }

    /// Copies the first `len` bytes. Between colours there are few: a copy of fixed size, cut back, is cheaper.
    #[inline]
    fn copy_start(&mut self, rest: &[u8], len: usize, raw: usize) {
        match rest.first_chunk::<SHORT>() {
            Some(start) if len <= SHORT && len > 0 => {
                let at = self.bytes.len();
                self.copy(start, raw);
                self.bytes.truncate(at + len);
            }
            _ => self.copy(rest.get(..len).unwrap_or_default(), raw),
        }
    }

    /// Handles the control at `at`; returns how many raw bytes that took.
    fn special(&mut self, source: &Source<'_>, at: usize) -> usize {
        let Source { raw, offset, mode, .. } = *source;
        match raw.get(at).copied() {
            Some(ESC | 0x80..) => self.sequence(source, at),
            Some(BACKSPACE) => {
                self.odd.push(offset + at);
                self.moves.push(offset + at);
                if mode != Mode::Stored {
                    self.erase(source.known.is_some().then_some(at));
                }
                1
            }
            Some(b'\r') if mode != Mode::Joined && raw.get(at + 1) != Some(&b'\n') => {
                self.moves.push(offset + at);
                if let Some(known) = source.known {
                    bare::lone_return(known, raw, at, &mut self.edges);
                }
                self.copy(b"\n", offset + at);
                1
            }
            Some(b'\r') => {
                self.floor = self.bytes.len();
                self.tabs = 0;
                1
            }
            Some(b'\t') => {
                self.tabs += 1;
                1
            }
            _ => 1,
        }
    }

    /// Takes back the last byte, as a backspace does; never past the start of a line. It stays where it is stored.
    fn erase(&mut self, edge: Option<usize>) {
        if let Some(fewer) = self.tabs.checked_sub(1) {
            self.tabs = fewer;
            return;
        }
        if self.bytes.len() <= self.floor || self.bytes.last() == Some(&b'\n') {
            return;
        }
        if let Some(edge) = edge {
            let last = self.bytes.len() - 1;
            let erased = self.jumps.last().map_or(last, |&(view, raw)| raw + (last - view));
            self.edges.extend([erased, edge]);
        }
        self.bytes.pop();
        while self.jumps.last().is_some_and(|&(view, _)| view >= self.bytes.len()) && self.jumps.len() > 1 {
            self.jumps.pop();
        }
    }

    fn sequence(&mut self, source: &Source<'_>, at: usize) -> usize {
        let Source { raw, offset, mode, content, .. } = *source;
        let sequence = Sequence::parse(raw, at, content.eight_bit);
        if sequence.hides {
            self.odd.push(offset + at);
        }
        if let Some(known) = source.known {
            bare::edges(known, raw, at..at + sequence.len, sequence.hides, &mut self.edges);
        }
        if sequence.moves {
            self.moves.push(offset + at);
        }
        if mode == Mode::Stored {
            let payload = raw.get(at + sequence.payload.start..at + sequence.payload.end).unwrap_or_default();
            let start = offset + at + sequence.payload.start;
            if !sequence.apart {
                self.stored(payload, start);
                return sequence.len;
            }
            self.copy(b"\n", offset + at);
            self.stored(payload, start);
            self.copy(b"\n", (start + payload.len()).min(offset + at + sequence.len - 1));
        }
        sequence.len
    }

    /// Copies a payload without the controls in it.
    fn stored(&mut self, payload: &[u8], raw: usize) {
        let mut at = 0;
        for piece in payload.split(|&byte| byte < 0x20 || byte == 0x7f) {
            self.copy(piece, raw + at);
            at += piece.len() + 1;
        }
    }
}

/// Returns the line, LF to LF, around a place; its LF included.
pub(super) fn line_around(raw: &[u8], place: usize) -> Range<usize> {
    let start = memrchr(b'\n', raw.get(..place).unwrap_or_default()).map_or(0, |at| at + 1);
    let end = memchr(b'\n', raw.get(place..).unwrap_or_default()).map_or(raw.len(), |at| place + at + 1);
    start..end
}

/// Returns the same, but a CR ends it as well.
fn part_around(raw: &[u8], place: usize) -> Range<usize> {
    let start = memrchr2(b'\n', b'\r', raw.get(..place).unwrap_or_default()).map_or(0, |at| at + 1);
    let end = memchr2(b'\n', b'\r', raw.get(place..).unwrap_or_default());
    start..end.map_or(raw.len(), |at| place + at + 1)
}

/// Returns the places of CRs that do not just belong to a CRLF.
pub(super) fn lone_returns(raw: &[u8]) -> impl Iterator<Item = usize> + '_ {
    memchr::memchr_iter(b'\r', raw).filter(|&at| raw.get(at + 1) != Some(&b'\n'))
}

/// What a view is made of.
struct Source<'a> {
    raw: &'a [u8],
    /// Of `raw` in the block.
    offset: usize,
    mode: Mode,
    content: Content,
    known: Option<&'a Known>,
}

impl Source<'_> {
    /// Finds the next byte from a place on that the view does not show as it is.
    fn next_special(&self, at: usize) -> Option<usize> {
        let rest = self.raw.get(at..)?;
        if self.content.eight_bit && self.mode != Mode::Stored {
            let is_special = |at: usize, byte: u8| match byte {
                ESC => true,
                b'\t' => matches!(self.mode, Mode::Joined | Mode::Tabless),
                0x80.. => control_of_8_bits(self.raw, at).is_some(),
                _ => is_other_control(byte),
            };
            return rest.iter().enumerate().position(|(inner, &byte)| is_special(at + inner, byte));
        }
        match (self.mode, self.content.controls) {
            (Mode::Joined | Mode::Tabless, _) => next_control(rest, b'\t'),
            (_, true) => next_control(rest, ESC),
            (_, false) => memchr(ESC, rest),
        }
    }
}

/// Finds the next control or this byte; blocks of 32 bytes keep the common case in vector code.
#[expect(clippy::needless_bitwise_bool, reason = "without branches it is vector code")]
fn next_control(rest: &[u8], other: u8) -> Option<usize> {
    let special = |byte: u8| is_other_control(byte) | (byte == ESC) | (byte == other);
    let mut at = 0;
    for block in rest.chunks(32) {
        if block.iter().fold(false, |seen, &byte| seen | special(byte)) {
            return block.iter().position(|&byte| special(byte)).map(|inner| at + inner);
        }
        at += block.len();
    }
    None
}
