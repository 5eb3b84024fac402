//! Cuts a stream into blocks that can be judged, and holds back what cannot yet.
//!
//! All decisions hang on places in the stream, never on how it was cut on its way here: blocks end with a line
//! (LF or CR), or 64 KiB after the start of a line that has no end by then. The one exception is [`Masker::idle`].

use std::fmt;
use std::ops::Range;

use memchr::{memchr2, memrchr2};

use super::kind::{Hit, Span};
use super::render::{MASK, render};
use super::scan::Scanner;
use super::secrets::Secrets;
use super::seen::{Carry, Command, Seen};

/// A line longer than this is judged in windows of this size…
const WINDOW: usize = 64 << 10;
/// …of which so much is kept back, for a secret may go on.
const KEEP: usize = 4 << 10;
/// A known value of several lines is waited for no longer than this.
const LONGEST_HOLD: usize = 512 << 10;

/// Masks one stream.
pub struct Masker {
    secrets: Secrets,
    scanner: Scanner,
    carry: Carry,
    /// What is held back.
    pending: Vec<u8>,
    /// Where the unfinished line of `pending` starts.
    line: usize,
    /// Up to here `pending` was looked at in vain.
    tried: usize,
    /// It is not looked at again before it is so long: what is held would be scanned with every line else.
    retry: usize,
    /// So much of `pending` is out already, by `idle`.
    emitted: usize,
    /// Offset of `pending` in the stream.
    position: u64,
    /// Commands before this offset were carried out.
    heeded: u64,
    hits: Option<Vec<Hit>>,
}

impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is held back may be a secret.
        f.debug_struct("Masker").field("held", &self.pending.len()).finish_non_exhaustive()
    }
}

/// Why a block ends where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// A line ends there.
    Line,
    /// A window is full, the line goes on.
    Window,
    /// Nothing more comes, or it was waited for long enough.
    Last,
}

impl Masker {
    /// Makes a masker for one stream.
    pub fn new(secrets: &Secrets) -> Self {
        Self {
            secrets: secrets.clone(),
            scanner: Scanner::default(),
            carry: Carry::default(),
            pending: Vec::new(),
            line: 0,
            tried: 0,
            retry: 0,
            emitted: 0,
            position: 0,
            heeded: 0,
            hits: None,
        }
    }

    /// Makes a masker that carries out no command (`::add-mask::`) of its stream.
    pub(super) fn deaf(secrets: &Secrets) -> Self {
        Self { heeded: u64::MAX, ..Self::new(secrets) }
    }

    /// Takes a chunk and appends to `out` all that can be told by now; whole lines always can, unless a private
    /// key or a registered value of several lines may go on in the next.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        let mut rest = chunk;
        while !self.pending.is_empty() && !rest.is_empty() {
            let (take, event) = self.wanted(rest);
            let (now, later) = rest.split_at(take);
            self.pending.extend_from_slice(now);
            rest = later;
            match event {
                Some(End::Line) if self.pending.len() < self.retry => self.line = self.pending.len(),
                Some(_) => {
                    let pending = std::mem::take(&mut self.pending);
                    let used = self.advance(&pending, self.tried, out);
                    self.keep(pending, used);
                }
                None => {}
            }
        }
        if !rest.is_empty() {
            let used = self.advance(rest, 0, out);
            self.pending.extend_from_slice(rest.get(used..).unwrap_or_default());
        }
    }

    /// Appends what is held back only because no newline came, unless it could be the start of a secret.
    /// Called when a stream has been silent for a while (a prompt).
    ///
    /// What was released stays known: if the rest of a secret follows after all, that rest is masked. So `idle`
    /// changes when bytes come out, and at most where a `***` starts or that one secret shows as two of them.
    pub fn idle(&mut self, out: &mut Vec<u8>) {
        if self.carry.is_clear() && self.pending.len() > self.emitted {
            let pending = std::mem::take(&mut self.pending);
            self.release(&pending, out);
            self.pending = pending;
        }
    }

    /// Flushes everything at the end of a stream; the masker can be used again.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let pending = std::mem::take(&mut self.pending);
        let mut done = 0;
        while done < pending.len() {
            let rest = pending.get(done..).unwrap_or_default();
            done += self.block(rest, End::Last, out).max(1);
        }
        self.carry = Carry::default();
        (self.line, self.tried, self.retry, self.emitted) = (0, 0, 0, 0);
    }

    /// Returns how much of a chunk is needed before anything new can be told, and whether it can then; short lines
    /// are taken together.
    fn wanted(&self, chunk: &[u8]) -> (usize, Option<End>) {
        let window = WINDOW.saturating_sub(self.pending.len() - self.line);
        let room = window.min(LONGEST_HOLD.saturating_sub(self.pending.len())).max(1);
        let near = chunk.get(..room).unwrap_or(chunk);
        let short = near.get(..near.len().min(KEEP)).unwrap_or(near);
        match memrchr2(b'\n', b'\r', short).or_else(|| memchr2(b'\n', b'\r', near)) {
            Some(end) => (end + 1, Some(End::Line)),
            None => (near.len(), (near.len() == room).then_some(End::Window)),
        }
    }

    fn keep(&mut self, mut pending: Vec<u8>, used: usize) {
        pending.drain(..used);
        self.retry = if pending.len() > KEEP { pending.len() + pending.len() / 8 } else { 0 };
        // One long line must not hold its memory for ever.
        if pending.capacity() > 4 * WINDOW && pending.len() < WINDOW {
            pending.shrink_to(WINDOW);
        }
        self.pending = pending;
    }

    /// Judges block after block; returns how much is out.
    fn advance(&mut self, data: &[u8], tried: usize, out: &mut Vec<u8>) -> usize {
        let mut start = 0;
        let mut tried = tried;
        while let Some((end, kind)) = next_end(data, tried, start + LONGEST_HOLD) {
            let used = self.block(data.get(start..end).unwrap_or_default(), kind, out);
            start += used;
            tried = if kind == End::Window && used > 0 { start } else { end };
        }
        self.tried = tried - start;
        self.line = self.tried;
        start
    }

    /// Judges a block and appends what can be told of it; returns how much that was.
    fn block(&mut self, raw: &[u8], end: End, out: &mut Vec<u8>) -> usize {
        let seen = self.scan(raw);
        if seen.commands.is_empty() {
            return self.settle(raw, seen, end, out);
        }
        let base = self.position;
        let mut done = 0;
        for command in &seen.commands {
            // What stands before the command does not know its value yet.
            let before = raw.get(done..command.start).unwrap_or_default();
            if !before.is_empty() {
                let seen = self.scan(before);
                done += self.settle(before, seen, End::Line, out);
            }
            // A value that is too short or too much is masked in its own line all the same; what there was no room
            // for is counted.
            let _ = self.secrets.register_by_step(&unescaped(command));
            self.heeded = base + command.at as u64 + 1;
        }
        let rest = raw.get(done..).unwrap_or_default();
        let seen = self.scan(rest);
        done + self.settle(rest, seen, end, out)
    }

    fn scan(&mut self, raw: &[u8]) -> Seen {
        let heeded = usize::try_from(self.heeded.saturating_sub(self.position)).unwrap_or(usize::MAX - 1);
        self.scanner.scan(&self.secrets.read(), &self.carry, raw, heeded)
    }

    /// Decides how far a block can go out, and writes that.
    fn settle(&mut self, raw: &[u8], seen: Seen, end: End, out: &mut Vec<u8>) -> usize {
        let limit = match (end, seen.hold) {
            (End::Last, _) | (End::Line, None) => raw.len(),
            (End::Line, Some(hold)) => line_start(raw, hold),
            (End::Window, hold) => {
                let token = seen.cut.filter(|&cut| cut > 0);
                [hold, token].into_iter().flatten().fold(self.cut(raw), usize::min)
            }
        };
        // A cut must not go through a secret, nor between it and what tells that it is one.
        let limit = retreat(limit, raw.len(), &seen.spans, |span| match end {
            End::Window => span.context,
            _ => line_start(raw, span.context),
        });
        if limit == 0 && end == End::Window && seen.hold != Some(0) {
            return self.part(raw, &seen.spans, out);
        }
        self.carry_on(raw, limit, seen.carry, seen.carries);
        self.write(raw.get(..limit).unwrap_or_default(), &seen.spans, out);
        limit
    }

    /// Carries on behind a block, or behind that part of it which goes out.
    fn carry_on(&mut self, raw: &[u8], limit: usize, carry: Carry, carries: bool) {
        if limit == 0 {
            return;
        }
        let tail = self.scanner.tail(raw, limit, &self.carry.tail);
        if limit == raw.len() {
            self.carry = carry;
        } else if carries || carry.screen.is_some() || self.carry.screen.is_some() {
            self.carry = self.scan(raw.get(..limit).unwrap_or_default()).carry;
        }
        self.carry.tail = tail;
    }

    /// Cuts a secret that is longer than a window; what follows is taken as part of it.
    fn part(&mut self, raw: &[u8], spans: &[Span], out: &mut Vec<u8>) -> usize {
        let cut = self.cut(raw);
        self.write(raw.get(..cut).unwrap_or_default(), spans, out);
        self.carry.tail = self.scanner.tail(raw, cut, &self.carry.tail);
        self.carry.inside = true;
        cut
    }

    /// Returns where a full window is cut: at a byte that is text, never within a terminal sequence.
    fn cut(&self, raw: &[u8]) -> usize {
        self.scanner.text_at_or_after(raw.len() - KEEP).unwrap_or(raw.len())
    }

    fn write(&mut self, raw: &[u8], spans: &[Span], out: &mut Vec<u8>) {
        render(raw, self.emitted.min(raw.len()), spans, out);
        self.emitted = self.emitted.saturating_sub(raw.len());
        if let Some(hits) = &mut self.hits {
            let base = usize::try_from(self.position).unwrap_or(usize::MAX);
            // What is masked already is no secret any more.
            let told = |span: &&Span| !is_masked(raw, &span.range);
            let inside = spans.iter().filter(|span| span.range.start < raw.len()).filter(told);
            hits.extend(inside.map(|span| Hit {
                kind: span.kind,
                range: base + span.range.start..base + span.range.end.min(raw.len()),
            }));
        }
        self.position += raw.len() as u64;
    }

    /// Writes what of the unfinished line cannot be the start of a secret.
    fn release(&mut self, pending: &[u8], out: &mut Vec<u8>) {
        let seen = self.scan(pending);
        if seen.carries || !seen.commands.is_empty() {
            return;
        }
        let mut limit = seen.hold.unwrap_or(pending.len());
        limit = limit.min(self.scanner.risk(pending, &seen.spans).unwrap_or(pending.len()));
        limit = retreat(limit, pending.len(), &seen.spans, |span| span.range.start);
        if limit > self.emitted {
            render(pending.get(..limit).unwrap_or_default(), self.emitted, &seen.spans, out);
            self.emitted = limit;
        }
    }
}

/// Returns where the next block ends: with the last line end in reach, or where a window is full. If no line
/// ends before `limit`, what was tried up to `from` has waited long enough.
fn next_end(data: &[u8], from: usize, limit: usize) -> Option<(usize, End)> {
    let reach = limit.min(from + WINDOW);
    let near = data.get(from..reach.min(data.len()))?;
    match memrchr2(b'\n', b'\r', near) {
        Some(end) => Some((from + end + 1, End::Line)),
        None if near.len() == WINDOW => Some((from + WINDOW, End::Window)),
        None if from + near.len() == limit => Some((from, End::Last)),
        None => None,
    }
}

/// Moves a cut to the left until it goes through no span; `to` is where a span wants it. From the right to the left
/// once is enough: what starts behind the cut is no longer cut.
fn retreat(limit: usize, end: usize, spans: &[Span], to: impl Fn(&Span) -> usize) -> usize {
    if limit == end {
        return limit;
    }
    let mut starts: Vec<(usize, &Span)> = spans.iter().map(|span| (to(span), span)).collect();
    starts.sort_unstable_by_key(|&(start, _)| std::cmp::Reverse(start));
    starts.iter().fold(
        limit,
        |limit, &(start, span)| {
            if start < limit && limit < span.range.end { start } else { limit }
        },
    )
}

fn line_start(raw: &[u8], at: usize) -> usize {
    raw.get(..at).and_then(|before| memrchr2(b'\n', b'\r', before)).map_or(0, |end| end + 1)
}

/// Returns the value of a command: GitHub's runner writes some signs as `%25`, `%0D` and `%0A`.
fn unescaped(command: &Command) -> Vec<u8> {
    let mut out = Vec::with_capacity(command.value.len());
    let mut rest = command.value.as_slice();
    while let Some((&first, after)) = rest.split_first() {
        let (byte, after) = match after {
            [b'2', b'5', after @ ..] if first == b'%' => (b'%', after),
            [b'0', b'A' | b'a', after @ ..] if first == b'%' => (b'\n', after),
            [b'0', b'D' | b'd', after @ ..] if first == b'%' => (b'\r', after),
            _ => (first, after),
        };
        out.push(byte);
        rest = after;
    }
    out
}

/// Finds secrets in a stream, in flat memory: the masker, with its output thrown away.
#[derive(Debug)]
pub struct Detector {
    masker: Masker,
    out: Vec<u8>,
}

impl Detector {
    /// Makes a detector for one stream. What the stream itself registers (`::add-mask::`) does not count: it
    /// was masked when it came, and whoever changed it since must not choose what is found.
    pub fn new(secrets: &Secrets) -> Self {
        let masker = Masker { hits: Some(Vec::new()), ..Masker::deaf(secrets) };
        Self { masker, out: Vec::new() }
    }

    /// Takes a chunk; returns what of it can be told by now, in no order.
    pub fn push(&mut self, chunk: &[u8]) -> Vec<Hit> {
        self.masker.push(chunk, &mut self.out);
        self.taken()
    }

    /// Returns the rest at the end of the stream.
    pub fn finish(&mut self) -> Vec<Hit> {
        self.masker.finish(&mut self.out);
        self.taken()
    }

    fn taken(&mut self) -> Vec<Hit> {
        self.out.clear();
        self.masker.hits.replace(Vec::new()).unwrap_or_default()
    }
}

/// Tells whether nothing is left of a span but masks and line ends. A star or two are no mask: a value can have them. But
/// the first of a mask is none of a value's either.
fn is_masked(raw: &[u8], span: &Range<usize>) -> bool {
    let (Some(before), Some(after)) = (raw.get(..span.start), raw.get(span.end..)) else { return false };
    let start = before.iter().rposition(|&byte| byte != b'*').map_or(0, |last| last + 1);
    let end = span.end + after.iter().take_while(|byte| **byte == b'*').count();
    let mut lines = raw.get(start..end).unwrap_or_default().split(|byte| b"\r\n".contains(byte));
    lines.all(|line| line.chunks(MASK.len()).all(|part| part == MASK))
}

/// Returns the hits of a whole text.
pub(super) fn detect(secrets: &Secrets, bytes: &[u8]) -> Vec<Hit> {
    let mut masker = Masker { hits: Some(Vec::new()), ..Masker::deaf(secrets) };
    let mut out = Vec::new();
    for chunk in bytes.chunks(WINDOW) {
        masker.push(chunk, &mut out);
        out.clear();
    }
    masker.finish(&mut out);
    let mut hits = masker.hits.unwrap_or_default();
    hits.sort_unstable_by_key(|hit| (hit.range.start, hit.range.end));
    hits.dedup();
    hits
}
