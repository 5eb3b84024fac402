//! Looks through a block of lines: where secrets stand in it, and what cannot be told before more comes.

use std::cell::Cell;

use memchr::memchr;

use super::anchors::{self, Rule};
use super::bare::Bare;
use super::edges;
use super::kind::Span;
use super::known::Known;
use super::pass::{Pass, line_at};
use super::patch::{self, Patch, Tail};
use super::screen::{self, Screen};
use super::seen::{Carry, Seen};
use super::view::{Content, Mode, View, line_around, lone_returns};
use super::work;

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
        work::did(raw.len());
        let mut seen = Seen::default();
        let content = Content::of(raw);
        self.plain = content.is_plain();
        let Self { shown, joined, tabless, stored, patch, places, .. } = self;
        shown.clear();
        if !content.is_plain() {
            shown.build(raw, Mode::Shown, content, Some(known));
        }
        let view = (!content.is_plain()).then_some(&*shown);
        let mut pass = Pass {
            known,
            raw,
            view,
            mode: Mode::Shown,
            alone: false,
            heeded,
            begins: Vec::new(),
            near: Cell::default(),
        };
        pass.run(places, &mut seen);
        pass.depth(&mut seen);
        pass.carry(carry, &mut seen);
        if !known.is_empty() {
            patch.clear(true);
            patch::line_ends(known, pass.text(), raw, &carry.tail, |at| pass.raw(at), patch);
            edges::around(Bare::of(raw, false), known, shown.edges(), &carry.tail, patch);
            if known.has_lines() {
                edges::around(Bare::of(raw, true), known, shown.edges(), &carry.tail, patch);
            }
            patch.find(known, raw, places, &mut seen.spans);
            patch.clear(false);
            seen.carry.screen = draw(raw, content, shown.moves(), carry.screen.as_deref(), patch);
            patch.find(known, raw, places, &mut seen.spans);
        }
        let tabs = memchr(b'\t', raw).is_some();
        if let Some(alone) = join(joined, known, raw, content, tabs) {
            let mut pass = Pass {
                view: Some(joined),
                mode: Mode::Joined,
                alone,
                begins: Vec::new(),
                near: Cell::default(),
                ..pass
            };
            pass.run(places, &mut seen);
            pass.depth(&mut seen);
        }
        if tabs {
            tabless.build_lines(raw, memchr::memchr_iter(b'\t', raw), Mode::Tabless, content);
            let view = Some(&*tabless);
            let mut pass = Pass {
                known,
                raw,
                view,
                mode: Mode::Tabless,
                alone: true,
                heeded,
                begins: Vec::new(),
                near: Cell::default(),
            };
            pass.run(places, &mut seen);
        }
        if !shown.odd().is_empty() {
            stored.build_lines(raw, shown.odd().iter().copied(), Mode::Stored, content);
            let view = Some(&*stored);
            let mut pass = Pass {
                known,
                raw,
                view,
                mode: Mode::Stored,
                alone: true,
                heeded,
                begins: Vec::new(),
                near: Cell::default(),
            };
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
