//! What is scanned instead of the raw bytes: the text without terminal sequences, with a way back to raw offsets.

use std::ops::Range;

use memchr::{memchr, memchr2, memrchr};

const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;
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
}

impl Content {
    /// Looks at a block; the fold is shaped so that the compiler makes vector code of it.
    pub(super) fn of(raw: &[u8]) -> Self {
        let controls = raw.iter().fold(0u8, |seen, &byte| seen | u8::from(is_other_control(byte)));
        Self { escapes: memchr(ESC, raw).is_some(), controls: controls != 0 }
    }

    /// Tells whether there can be a CR.
    pub(super) fn has_controls(self) -> bool {
        self.controls
    }

    /// Tells whether the block can be scanned as it is.
    pub(super) fn is_plain(self) -> bool {
        !self.escapes && !self.controls
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
    /// A backspace erases nothing before this: a CR was there.
    floor: usize,
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

    /// Returns the raw offset of a byte of the view.
    pub(super) fn raw(&self, at: usize) -> usize {
        let next = self.jumps.partition_point(|&(view, _)| view <= at);
        match next.checked_sub(1).and_then(|last| self.jumps.get(last)) {
            Some(&(view, raw)) => raw + (at - view),
            None => at,
        }
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
        self.floor = 0;
    }

    /// Makes this the view of a whole block.
    pub(super) fn build(&mut self, raw: &[u8], mode: Mode, content: Content) {
        self.clear();
        self.append(raw, 0, mode, content);
    }

    /// Makes this the view of those lines (LF to LF) of a block that contain one of the given places.
    pub(super) fn build_lines(&mut self, raw: &[u8], places: impl Iterator<Item = usize>, mode: Mode) {
        self.clear();
        let mut done = 0;
        for place in places {
            if place < done {
                continue;
            }
            let line = line_around(raw, place);
            done = line.end;
            // No shape has a NUL: nothing is found over lines that do not follow each other.
            self.copy(b"\0", line.start);
            self.copy(b"\n", line.start);
            let slice = raw.get(line.clone()).unwrap_or_default();
            self.append(slice, line.start, mode, Content { escapes: true, controls: true });
        }
    }

    fn append(&mut self, raw: &[u8], offset: usize, mode: Mode, content: Content) {
        let mut at = 0;
        while let Some(rest) = raw.get(at..).filter(|rest| !rest.is_empty()) {
            // Sequences often follow each other.
            let run =
                if rest[0] == ESC { 0 } else { next_special(rest, mode, content).unwrap_or(rest.len()) };
            self.copy_start(rest, run, offset + at);
            at += run;
            if at < raw.len() {
                at += self.special(raw, at, offset, mode);
            }
        }
    }

    #[inline]
    fn copy(&mut self, text: &[u8], raw: usize) {
        if text.is_empty() {
            return;
        }
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
    fn special(&mut self, raw: &[u8], at: usize, offset: usize, mode: Mode) -> usize {
        match raw.get(at).copied() {
            Some(ESC) => self.escape(raw, at, offset, mode),
            Some(BACKSPACE) => {
                self.odd.push(offset + at);
                if mode != Mode::Stored {
                    self.erase();
                }
                1
            }
            Some(b'\r') if mode != Mode::Joined && raw.get(at + 1) != Some(&b'\n') => {
                self.copy(b"\n", offset + at);
                1
            }
            Some(b'\r') => {
                self.floor = self.bytes.len();
                1
            }
            _ => 1,
        }
    }

    /// Takes back the last byte, as a backspace does; never past the start of a line.
    fn erase(&mut self) {
        if self.bytes.len() <= self.floor || self.bytes.last() == Some(&b'\n') {
            return;
        }
        self.bytes.pop();
        while self.jumps.last().is_some_and(|&(view, _)| view >= self.bytes.len()) && self.jumps.len() > 1 {
            self.jumps.pop();
        }
    }

    fn escape(&mut self, raw: &[u8], at: usize, offset: usize, mode: Mode) -> usize {
        let sequence = Sequence::parse(raw.get(at..).unwrap_or_default());
        if sequence.hides {
            self.odd.push(offset + at);
        }
        if mode == Mode::Stored && sequence.hides {
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
fn line_around(raw: &[u8], place: usize) -> Range<usize> {
    let start = memrchr(b'\n', raw.get(..place).unwrap_or_default()).map_or(0, |at| at + 1);
    let end = memchr(b'\n', raw.get(place..).unwrap_or_default()).map_or(raw.len(), |at| place + at + 1);
    start..end
}

/// Returns the places of CRs that do not just belong to a CRLF.
pub(super) fn lone_returns(raw: &[u8]) -> impl Iterator<Item = usize> + '_ {
    memchr::memchr_iter(b'\r', raw).filter(|&at| raw.get(at + 1) != Some(&b'\n'))
}

fn next_special(rest: &[u8], mode: Mode, content: Content) -> Option<usize> {
    match (mode, content.controls) {
        (Mode::Joined | Mode::Tabless, _) => next_control(rest, b'\t'),
        (_, true) => next_control(rest, ESC),
        (_, false) => memchr(ESC, rest),
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

/// One terminal sequence.
struct Sequence {
    /// Raw bytes with the ESC.
    len: usize,
    /// Where text could hide in it.
    payload: Range<usize>,
    /// It is of a kind that can carry text.
    hides: bool,
    /// What it carries is a text of its own; else it is the start of the text behind.
    apart: bool,
}

impl Sequence {
    /// Reads the sequence at the start of `raw` (an ESC). Sequences end with their line at the latest; a
    /// string without its terminator is no sequence, so that nothing can hide behind its opening.
    fn parse(raw: &[u8]) -> Self {
        match raw.get(1).copied() {
            Some(b'[') => Self::control(raw),
            Some(b']' | b'P' | b'X' | b'^' | b'_') => Self::string(raw),
            Some(0x20..=0x2f) => Self::short(raw),
            Some(0x30..=0x7e) => Self { len: 2, payload: 1..2, hides: true, apart: false },
            _ => Self::lone(),
        }
    }

    /// An ESC that starts nothing.
    fn lone() -> Self {
        Self { len: 1, payload: 0..0, hides: false, apart: false }
    }

    fn control(raw: &[u8]) -> Self {
        let body = raw.get(2..).unwrap_or_default();
        let params = body.iter().position(|byte| !(0x20..=0x3f).contains(byte)).unwrap_or(body.len());
        let Some(last @ 0x40..=0x7e) = body.get(params) else { return Self::lone() };
        // What programs really write; anything else may be the start of a text that a terminal swallows.
        let common = b"mKJHABCDGfhlsur".contains(last) && params < 20;
        Self { len: params + 3, payload: 2..params + 3, hides: !common, apart: false }
    }

    fn short(raw: &[u8]) -> Self {
        let between = raw.iter().skip(1).take_while(|byte| (0x20..=0x2f).contains(*byte)).count();
        let last = raw.get(between + 1).is_some_and(|byte| (0x30..=0x7e).contains(byte));
        let len = between + 1 + usize::from(last);
        Self { len, payload: 1..len, hides: true, apart: false }
    }

    fn string(raw: &[u8]) -> Self {
        let body = raw.get(2..).unwrap_or_default();
        // The end first: it is near, while the line may be long and full of openings.
        let end = memchr2(BEL, ESC, body);
        let over = end.is_some_and(|end| memchr2(b'\n', b'\r', &body[..end]).is_some());
        match end.filter(|_| !over) {
            Some(end) if body.get(end) == Some(&BEL) => {
                Self { len: end + 3, payload: 2..end + 2, hides: true, apart: true }
            }
            Some(end) if body.get(end + 1) == Some(&b'\\') => {
                Self { len: end + 4, payload: 2..end + 2, hides: true, apart: true }
            }
            // Another ESC cancels the string: what stood in it is text.
            _ => Self::lone(),
        }
    }
}
