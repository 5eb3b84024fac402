//! One pass over one view of a block: known values by their windows, patterns by their anchors, private keys by line.

use std::cell::Cell;
use std::ops::Range;

use memchr::{memchr, memrchr, memrchr2};

use super::anchors::{self, Rule};
use super::encodings::RAW;
use super::filter::gram_at;
use super::kind::{Kind, Span};
use super::known::{Cursor, Known};
use super::pem::{self, Pem};
use super::rules::Line;
use super::seen::{Carry, Command, Seen};
use super::view::{Mode, View, lone_returns};
use super::work;

/// One pass over one view.
pub(super) struct Pass<'a> {
    pub(super) known: &'a Known,
    pub(super) raw: &'a [u8],
    /// None if the block can be scanned as it is.
    pub(super) view: Option<&'a View>,
    pub(super) mode: Mode,
    /// Its lines have neighbours that are none.
    pub(super) alone: bool,
    pub(super) heeded: usize,
    /// Where private keys begin, and where their BEGIN lines' rest is.
    pub(super) begins: Vec<(usize, usize)>,
    /// The stretch of the view that was asked for last, with its raw offset: what follows is mostly in it.
    pub(super) near: Cell<(usize, usize, usize)>,
}

impl<'a> Pass<'a> {
    /// Returns the text it looks through.
    pub(super) fn text(&self) -> &'a [u8] {
        self.view.map_or(self.raw, View::bytes)
    }

    /// Returns the raw offset of a byte of the text.
    pub(super) fn raw(&self, at: usize) -> usize {
        let Some(view) = self.view else { return at };
        let (mut start, end, mut raw) = self.near.get();
        if !(start..end).contains(&at) {
            let near = view.stretch(at);
            self.near.set(near);
            (start, _, raw) = near;
        }
        raw + (at - start)
    }

    fn raw_span(&self, span: &Span) -> Span {
        let end = span.range.end.checked_sub(1).map_or(0, |last| self.raw(last) + 1);
        Span { context: self.raw(span.context), range: self.raw(span.range.start)..end, kind: span.kind }
    }

    /// Goes through everything that passes the filter.
    pub(super) fn run(&mut self, places: &mut Vec<usize>, seen: &mut Seen) {
        let text = self.text();
        places.clear();
        self.known.filter().find(text, places);
        let mut line = Line::of(text);
        let mut done = Cursor::default();
        let mut spans = Vec::new();
        work::did(text.len() + places.len());
        for &at in &*places {
            let Some(gram) = gram_at(text, at) else { continue };
            self.values(at, gram, &mut done, &mut seen.spans);
            self.patterns(at, gram, &mut line, &mut spans, seen);
        }
        if let Some(cut) = line.cut.map(|cut| self.raw(cut)) {
            seen.cut = Some(seen.cut.map_or(cut, |before| before.min(cut)));
        }
        seen.spans.extend(spans.iter().map(|span| self.raw_span(span)));
    }

    fn values(&self, at: usize, gram: u32, done: &mut Cursor, spans: &mut Vec<Span>) {
        let text = self.text();
        self.known.at(text, at, gram, done, |window| {
            if self.goes_on(&window, spans) {
                return;
            }
            let has_line_end = text.get(window.clone()).is_some_and(|window| window.contains(&b'\n'));
            if has_line_end && (self.alone || self.mode == Mode::Joined && self.has_return(&window)) {
                return;
            }
            let range = self.behind_lines(&window);
            // A line is judged by itself: it may be out before the next comes.
            let starts_line = || {
                range
                    .start
                    .checked_sub(1)
                    .and_then(|at| self.raw.get(at))
                    .is_some_and(|byte| b"\r\n".contains(byte))
            };
            match spans.last_mut() {
                Some(last)
                    if last.kind == Kind::Known
                        && (last.range.start..=last.range.end).contains(&range.start)
                        && (range.start < last.range.end || !starts_line()) =>
                {
                    last.range.end = last.range.end.max(range.end);
                }
                _ if range.is_empty() => {}
                _ => spans.push(Span { context: range.start, range, kind: Kind::Known }),
            }
        });
    }

    /// Adds the last byte of a window to the span before, if that is all there is to it: so it is with most.
    fn goes_on(&self, window: &Range<usize>, spans: &mut [Span]) -> bool {
        let (Some(span), Some([.., before, last])) = (spans.last_mut(), self.text().get(window.clone()))
        else {
            return false;
        };
        let raw = self.raw(window.end - 1);
        let follows =
            span.kind == Kind::Known && span.range.end == raw && self.raw(window.end - 2) + 1 == raw;
        let has_line_end = || [before, last].iter().any(|byte| b"\r\n".contains(byte));
        if self.alone || self.mode == Mode::Joined || !follows || has_line_end() {
            return false;
        }
        span.range.end += 1;
        true
    }

    /// Tells whether a CR that ends a line was dropped from a window: behind a block that it ends nobody knows of it.
    fn has_return(&self, window: &Range<usize>) -> bool {
        let raw = self.raw.get(self.raw(window.start)..self.raw(window.end - 1)).unwrap_or_default();
        lone_returns(raw).next().is_some()
    }

    /// Returns what of a window can be masked: lines before its last may be out already, but if it is the start of a
    /// value, for which they were held.
    fn behind_lines(&self, window: &Range<usize>) -> Range<usize> {
        let (start, last) = (self.raw(window.start), self.raw(window.end - 1));
        let raw = self.raw.get(start..=last).unwrap_or_default();
        work::did(raw.len());
        // A line end at its end is that of its line.
        let len = raw.iter().rposition(|byte| !b"\r\n".contains(byte)).map_or(0, |at| at + 1);
        let Some(end) = memrchr2(b'\n', b'\r', raw.get(..len).unwrap_or_default()) else {
            return start..last + 1;
        };
        let behind = window.clone().find(|&at| self.raw(at) > start + end).unwrap_or(window.end - 1);
        let is_first = || self.known.is_first(self.text().get(window.clone()).unwrap_or_default());
        if behind - window.start < RAW && is_first() { start..last + 1 } else { self.raw(behind)..last + 1 }
    }

    fn patterns(
        &mut self,
        at: usize,
        gram: u32,
        line: &mut Line<'_>,
        spans: &mut Vec<Span>,
        seen: &mut Seen,
    ) {
        // The joined view has no line ends where a CR was: nothing in it is a line.
        if self.mode == Mode::Joined {
            return;
        }
        let text = self.text();
        let mut begins = None;
        anchors::table().at(text, at, gram, |anchor, start| {
            if !line.range.contains(&start) {
                line.range = line_at(text, start);
            }
            match anchor.rule {
                Rule::Token(_) => {}
                // A tab can cut a token, but it separates what is around keys.
                _ if self.mode == Mode::Tabless => return,
                Rule::AddMask if !self.command(line, start, anchor.literal.len(), seen) => return,
                Rule::Pem => {
                    let here = text.get(..line.range.end).and_then(|line| pem::begins(line, start));
                    begins = here.map(|after| (start, after));
                    // In the shown view the state machine does it.
                    if here.is_some() && self.mode == Mode::Shown {
                        return;
                    }
                }
                _ => {}
            }
            line.apply(anchor, start, spans);
        });
        self.begins.extend(begins);
    }

    /// Notes a command; returns whether it is one.
    fn command(&self, line: &Line<'_>, start: usize, literal: usize, seen: &mut Seen) -> bool {
        let before = self.text().get(line.range.start..start).unwrap_or_default();
        // What a terminal does not show is no command.
        if self.mode != Mode::Shown || !before.iter().all(u8::is_ascii_whitespace) {
            return false;
        }
        let at = self.raw(start);
        if at >= self.heeded {
            let value = self.text().get(start + literal..line.range.end).unwrap_or_default().to_vec();
            seen.commands.push(Command { start: self.raw(line.range.start), at, value });
        }
        true
    }

    /// Holds back what may be the start of a known value, where the next byte could go on with it.
    pub(super) fn depth(&self, seen: &mut Seen) {
        let text = self.text();
        match self.raw.last() {
            Some(b'\n') if !self.known.is_multiline() => return,
            // The shown view has a line end for the CR; what goes on behind it, the joined one tells.
            Some(b'\r') if self.mode == Mode::Shown && !self.known.is_multiline() => return,
            _ => {}
        }
        let depth = self.known.depth(text);
        if depth > 0 {
            let start = self.raw(text.len() - depth);
            seen.hold = Some(seen.hold.map_or(start, |hold| hold.min(start)));
        }
    }

    /// Carries on what the block before left open, and takes private keys line by line.
    pub(super) fn carry(&mut self, carry: &Carry, seen: &mut Seen) {
        let begins = std::mem::take(&mut self.begins);
        seen.carries = !carry.is_clear() || !begins.is_empty();
        if !seen.carries {
            return;
        }
        let mut spans = Vec::new();
        if carry.inside {
            let rest =
                self.text().iter().take_while(|&&byte| byte > b' ' && !b"\"'<>".contains(&byte)).count();
            seen.carry.inside = rest == self.text().len();
            if rest > 0 {
                spans.push(Span { context: 0, range: 0..rest, kind: Kind::Other });
            }
        }
        seen.carry.pem = keys(self.text(), carry.pem.clone(), &begins, &mut spans);
        seen.spans.extend(spans.iter().map(|span| self.raw_span(span)));
    }
}

/// Runs the state machine of private keys over the lines that concern it.
fn keys(text: &[u8], pem: Option<Pem>, begins: &[(usize, usize)], spans: &mut Vec<Span>) -> Option<Pem> {
    let mut pem = pem;
    let mut at = 0;
    let mut begins = begins.iter().peekable();
    while at < text.len() {
        if pem.is_none() {
            let Some(&&(next, _)) = begins.peek() else { break };
            at = line_at(text, next).start;
        }
        let line = line_at(text, at);
        let bytes = text.get(line.clone()).unwrap_or_default();
        let mut add = |context: usize, found: Range<usize>| {
            let range = line.start + found.start..line.start + found.end;
            spans.push(Span { context, range, kind: Kind::PrivateKey });
        };
        if begins.peek().is_some_and(|(start, _)| line.contains(start)) {
            while let Some(&(start, after)) = begins.next_if(|(start, _)| line.contains(start)) {
                let end = begins.peek().map_or(line.end, |(next, _)| line.end.min(*next).max(after));
                let bytes = text.get(line.start..end).unwrap_or_default();
                let (mask, next) = pem::opening(bytes, start - line.start, after - line.start);
                if let Some(found) = mask {
                    add(start, found);
                }
                pem = next;
            }
        } else if let Some(key) = &mut pem
            && !key.line(bytes, |found| add(line.start, found))
        {
            pem = None;
        }
        at = line.end + 1;
    }
    pem
}

/// Returns the line around a place, without its end.
pub(super) fn line_at(text: &[u8], at: usize) -> Range<usize> {
    let start = text.get(..at).and_then(|before| memrchr(b'\n', before)).map_or(0, |before| before + 1);
    let end = text.get(at..).and_then(|rest| memchr(b'\n', rest)).map_or(text.len(), |after| at + after);
    work::did(end - start);
    start..end
}
