//! Looks through a block of lines: where secrets stand in it, and what cannot be told before more comes.

use std::ops::Range;

use memchr::{memchr, memrchr, memrchr2};

use super::anchors::{self, Rule};
use super::encodings::RAW;
use super::filter::gram_at;
use super::kind::{Kind, Span};
use super::known::{Cursor, Known};
use super::patch::{self, Patch, Tail};
use super::pem::{self, Pem};
use super::rules::Line;
use super::screen::{self, Screen};
use super::view::{Content, Mode, View, line_around, lone_returns};

/// What goes on from block to block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Carry {
    /// Inside of a private key.
    pub(super) pem: Option<Pem>,
    /// Inside of a secret that is longer than a window.
    pub(super) inside: bool,
    /// What was shown last.
    pub(super) tail: Tail,
    /// What an unfinished line left on the screen, if its cursor moved.
    pub(super) screen: Option<Box<Screen>>,
}

impl Carry {
    /// No secret is carried on.
    pub(super) fn is_clear(&self) -> bool {
        self.pem.is_none() && !self.inside
    }
}

/// What was seen in a block; all offsets are raw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// What to mask, in no order.
    pub(super) spans: Vec<Span>,
    /// From here on a known value may go on behind the block.
    pub(super) hold: Option<usize>,
    /// Where a token may start that the end of the block cuts.
    pub(super) cut: Option<usize>,
    /// Every `::add-mask::` that was not heeded yet, in their order.
    pub(super) commands: Vec<Command>,
    /// What goes on behind the block.
    pub(super) carry: Carry,
    /// The carry differs from nothing before, in or after the block.
    pub(super) carries: bool,
}

/// A workflow command that registers a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Command {
    /// Where its line starts.
    pub(super) start: usize,
    /// A place in the line behind which it counts as heeded.
    pub(super) at: usize,
    /// The value, as it stands there.
    pub(super) value: Vec<u8>,
}

/// The memory of a scan, kept from block to block.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    shown: View,
    joined: View,
    tabless: View,
    stored: View,
    patch: Patch,
    places: Vec<usize>,
    /// The block just scanned is shown as it is.
    plain: bool,
}

impl Scanner {
    /// Looks through a block. Commands before `heeded` have been carried out already.
    pub(super) fn scan(&mut self, known: &Known, carry: &Carry, raw: &[u8], heeded: usize) -> Seen {
        let mut seen = Seen::default();
        let content = Content::of(raw);
        self.plain = content.is_plain();
        let Self { shown, joined, tabless, stored, patch, places, .. } = self;
        shown.clear();
        if !content.is_plain() {
            shown.build(raw, Mode::Shown, content, Some(known));
        }
        let view = (!content.is_plain()).then_some(&*shown);
        let mut pass = Pass { known, raw, view, mode: Mode::Shown, alone: false, heeded, begins: Vec::new() };
        pass.run(places, &mut seen);
        pass.depth(&mut seen);
        pass.carry(carry, &mut seen);
        if !known.is_empty() {
            patch.clear(true);
            patch::line_ends(known, pass.text(), &carry.tail, |at| pass.raw(at), patch);
            patch::sequences(raw, shown.dropped(), patch);
            patch.find(known, places, &mut seen.spans);
            patch.clear(false);
            seen.carry.screen = draw(raw, content, shown.moves(), carry.screen.as_deref(), patch);
            patch.find(known, places, &mut seen.spans);
        }
        let tabs = memchr(b'\t', raw).is_some();
        if let Some(alone) = join(joined, known, raw, content, tabs) {
            let mut pass = Pass { view: Some(joined), mode: Mode::Joined, alone, begins: Vec::new(), ..pass };
            pass.run(places, &mut seen);
            pass.depth(&mut seen);
        }
        if tabs {
            tabless.build_lines(raw, memchr::memchr_iter(b'\t', raw), Mode::Tabless, content);
            let view = Some(&*tabless);
            let mut pass =
                Pass { known, raw, view, mode: Mode::Tabless, alone: true, heeded, begins: Vec::new() };
            pass.run(places, &mut seen);
        }
        if !shown.odd().is_empty() {
            stored.build_lines(raw, shown.odd().iter().copied(), Mode::Stored, content);
            let view = Some(&*stored);
            let mut pass =
                Pass { known, raw, view, mode: Mode::Stored, alone: true, heeded, begins: Vec::new() };
            pass.run(places, &mut seen);
        }
        seen
    }

    /// Returns from where on the end of the unfinished line just scanned may be the start of a secret that a
    /// pattern would see.
    pub(super) fn risk(&self, raw: &[u8], spans: &[Span]) -> Option<usize> {
        let unfinished =
            spans.iter().filter(|span| span.range.end >= raw.len()).map(|span| span.range.start).min();
        let shown = self.shown.bytes();
        let risk = if self.plain { risk(raw) } else { risk(shown).map(|at| self.shown.raw(at)) };
        unfinished.into_iter().chain(risk).min()
    }

    /// Returns the raw offset of the first text at this raw offset of the block just scanned, or after it.
    pub(super) fn text_at_or_after(&self, raw: usize) -> Option<usize> {
        if self.plain {
            return Some(raw);
        }
        let at = self.shown.at_or_after(raw);
        (at < self.shown.bytes().len()).then(|| self.shown.raw(at))
    }

    /// Returns the end of what the block just scanned shows before a raw offset.
    pub(super) fn tail(&self, raw: &[u8], end: usize, before: &Tail) -> Tail {
        let shown = self.shown.bytes();
        let text = if self.plain { raw.get(..end) } else { shown.get(..self.shown.at_or_after(end)) };
        before.and(text.unwrap_or_default(), raw.get(..end).unwrap_or_default())
    }
}

/// Makes the view in which nothing cuts a known value, and tells whether of single lines; none if it would be the same
/// as the shown one.
fn join(view: &mut View, known: &Known, raw: &[u8], content: Content, tabs: bool) -> Option<bool> {
    let mut places = lone_returns(raw).peekable();
    let lone = content.has_controls() && places.peek().is_some();
    if known.has_lines() && (lone || tabs) {
        view.build(raw, Mode::Joined, content, None);
        return Some(false);
    }
    if lone {
        view.build_lines(raw, places, Mode::Joined, content);
    }
    lone.then_some(true)
}

/// Draws every line of which the cursor moves; returns what is left of the last, if it goes on.
fn draw(
    raw: &[u8],
    content: Content,
    moves: &[usize],
    before: Option<&Screen>,
    patch: &mut Patch,
) -> Option<Box<Screen>> {
    let mut screen = before.map(|screen| Box::new(screen.clone()));
    let first = screen.is_some().then_some(0);
    let mut done = 0;
    for place in first.into_iter().chain(moves.iter().copied()) {
        if place < done {
            continue;
        }
        let line = line_around(raw, place);
        done = line.end.max(done + 1);
        let ends = raw.get(..line.end).is_some_and(|line| line.ends_with(b"\n"));
        let end = line.end - usize::from(ends);
        let mut on = screen.take().unwrap_or_default();
        screen::draw(raw, line.start..end, content.is_eight_bit(), &mut on, patch);
        screen = (!ends).then_some(on);
    }
    screen
}

/// One pass over one view.
struct Pass<'a> {
    known: &'a Known,
    raw: &'a [u8],
    /// None if the block can be scanned as it is.
    view: Option<&'a View>,
    mode: Mode,
    /// Its lines have neighbours that are none.
    alone: bool,
    heeded: usize,
    /// Where private keys begin, and where their BEGIN lines' rest is.
    begins: Vec<(usize, usize)>,
}

impl<'a> Pass<'a> {
    fn text(&self) -> &'a [u8] {
        self.view.map_or(self.raw, View::bytes)
    }

    fn raw(&self, at: usize) -> usize {
        self.view.map_or(at, |view| view.raw(at))
    }

    fn raw_span(&self, span: &Span) -> Span {
        let end = span.range.end.checked_sub(1).map_or(0, |last| self.raw(last) + 1);
        Span { context: self.raw(span.context), range: self.raw(span.range.start)..end, kind: span.kind }
    }

    /// Goes through everything that passes the filter.
    fn run(&mut self, places: &mut Vec<usize>, seen: &mut Seen) {
        let text = self.text();
        places.clear();
        self.known.filter().find(text, places);
        let mut line = Line::of(text);
        let mut done = Cursor::default();
        let mut spans = Vec::new();
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
            if self.alone && text.get(window.clone()).is_some_and(|window| window.contains(&b'\n')) {
                return;
            }
            let range = self.behind_lines(&window);
            match spans.last_mut() {
                Some(last)
                    if last.kind == Kind::Known
                        && (last.range.start..=last.range.end).contains(&range.start) =>
                {
                    last.range.end = last.range.end.max(range.end);
                }
                _ if range.is_empty() => {}
                _ => spans.push(Span { context: range.start, range, kind: Kind::Known }),
            }
        });
    }

    /// Returns what of a window can be masked: lines before its last may be out already, but if it is the start of a
    /// value, for which they were held.
    fn behind_lines(&self, window: &Range<usize>) -> Range<usize> {
        let (start, last) = (self.raw(window.start), self.raw(window.end - 1));
        let raw = self.raw.get(start..=last).unwrap_or_default();
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
    fn depth(&self, seen: &mut Seen) {
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
    fn carry(&mut self, carry: &Carry, seen: &mut Seen) {
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
fn line_at(text: &[u8], at: usize) -> Range<usize> {
    let start = text.get(..at).and_then(|before| memrchr(b'\n', before)).map_or(0, |before| before + 1);
    let end = text.get(at..).and_then(|rest| memchr(b'\n', rest)).map_or(text.len(), |after| at + after);
    start..end
}

/// Returns from where on the end of an unfinished line may be the start of a secret that a pattern would see.
fn risk(text: &[u8]) -> Option<usize> {
    let start = line_at(text, text.len()).start;
    let start = start.max(text.len().saturating_sub(4096));
    let line = text.get(start..).unwrap_or_default();
    let mut risk: Option<usize> = None;
    anchors::standing_in(line, |anchor, at| {
        let behind = line.get(at + anchor.literal.len()..).unwrap_or_default();
        let signs = behind.iter().take_while(|byte| b" \t=:\"'`>\\".contains(byte)).count();
        let value = behind.get(signs..).unwrap_or_default();
        let blanks = value.iter().filter(|byte| byte.is_ascii_whitespace()).count();
        let words = usize::from(!matches!(anchor.rule, Rule::Token(_) | Rule::Url));
        if !value.is_empty() && blanks <= words {
            risk = Some(risk.map_or(start + at, |risk| risk.min(start + at)));
        }
    });
    risk
}
