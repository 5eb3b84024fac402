//! Tries the rule of an anchor on the line it stands in.

use std::ops::Range;

use super::anchors::{Anchor, Rule};
use super::kind::{Kind, Span};
use super::{headers, pairs, pem, providers, work};

/// A rule looks so far behind its anchor; what goes on further is followed byte by byte.
const REACH: usize = 1 << 10;
/// Tokens can be longer.
const TOKEN_REACH: usize = 64 << 10;
/// And so far before it.
const BEHIND: usize = 512;

/// A line of a text.
#[derive(Debug, Clone)]
pub(super) struct Line<'a> {
    /// The whole text.
    pub(super) text: &'a [u8],
    /// The line in it, without its end.
    pub(super) range: Range<usize>,
    /// Rules that were tried, and up to where trying them again is in vain.
    tried: Vec<(Rule, usize)>,
    /// Where a token that the text ends in may start.
    pub(super) cut: Option<usize>,
    /// Where the signs of a token and dots end that were followed last.
    signs: usize,
    /// The last value of a key that was found, if no quote opens it.
    value: Range<usize>,
}

impl<'a> Line<'a> {
    /// Makes a line of a text; none yet.
    pub(super) fn of(text: &'a [u8]) -> Self {
        Self { text, range: 0..0, tried: Vec::new(), cut: None, signs: 0, value: 0..0 }
    }

    /// Appends what the rule finds, as offsets of the text.
    pub(super) fn apply(&mut self, anchor: &Anchor, start: usize, spans: &mut Vec<Span>) {
        let index = match anchor.rule {
            Rule::Token(index) => index,
            Rule::Pair | Rule::ShortPair => return self.pair(anchor, start, spans),
            Rule::Authorization => return self.authorization(anchor, start, spans),
            _ => return self.find(anchor, start, REACH, spans),
        };
        if self.was_tried(anchor.rule, start) {
            return;
        }
        let before = spans.len();
        self.find(anchor, start, TOKEN_REACH, spans);
        if let Some(span) = spans.get(before..).and_then(<[Span]>::last) {
            self.note(anchor.rule, span.range.end);
        } else if let Some(end) = self.without_digit(index, start) {
            self.note(anchor.rule, end);
        } else if providers::ALL.get(usize::from(index)).is_some_and(|provider| provider.run) {
            self.vain(anchor, start);
        }
    }

    /// Returns where what would be a token, had it a digit, ends.
    fn without_digit(&self, index: u16, start: usize) -> Option<usize> {
        let line = self.text.get(..self.range.end.min(start + TOKEN_REACH))?;
        providers::without_digit(usize::from(index), line, start)
    }

    /// A key within an unquoted value has a value that ends with it: nothing new.
    fn pair(&mut self, anchor: &Anchor, start: usize, spans: &mut Vec<Span>) {
        let end = start + anchor.literal.len();
        if self.value.start <= start && has_separator(self.text.get(end..self.value.end).unwrap_or_default())
        {
            return;
        }
        let before = spans.len();
        self.find(anchor, start, REACH, spans);
        if let Some(span) = spans.get(before..).and_then(<[Span]>::last)
            && !pairs::is_quoted(self.text, span.range.start)
        {
            self.value = span.range.clone();
        }
    }

    fn was_tried(&self, rule: Rule, until: usize) -> bool {
        self.tried.iter().any(|&(tried, end)| tried == rule && until < end)
    }

    fn note(&mut self, rule: Rule, end: usize) {
        self.tried.retain(|&(tried, _)| tried != rule);
        self.tried.push((rule, end));
    }

    /// A header within the value of another whose value goes on as far as can be looked has nothing new.
    fn authorization(&mut self, anchor: &Anchor, start: usize, spans: &mut Vec<Span>) {
        if self.was_tried(anchor.rule, start + REACH) {
            return;
        }
        let before = spans.len();
        self.find(anchor, start, REACH, spans);
        if let Some(span) = spans.get(before..).and_then(<[Span]>::last) {
            self.note(anchor.rule, span.range.end);
        }
    }

    /// Notes that a token is not here, nor within the run of signs that starts here.
    fn vain(&mut self, anchor: &Anchor, start: usize) {
        let rest = self.text.get(start + anchor.literal.len()..).unwrap_or_default();
        let sign = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_-".contains(byte);
        let run = rest.iter().take_while(sign).count();
        work::did(run);
        self.note(anchor.rule, start + anchor.literal.len() + run);
        if start >= self.signs {
            self.signs = self.text.len() - rest.len()
                + rest.iter().take_while(|byte| sign(byte) || **byte == b'.').count();
        }
        if self.signs == self.text.len() {
            self.cut = Some(self.cut.map_or(start, |cut| cut.min(start)));
        }
    }

    fn find(&self, anchor: &Anchor, start: usize, reach: usize, spans: &mut Vec<Span>) {
        let from = self.range.start.max(start.saturating_sub(BEHIND));
        let to = self.range.end.min(start + reach);
        let Some(line) = self.text.get(from..to) else { return };
        // How far a token is followed is counted there.
        work::did(if reach == TOKEN_REACH { BEHIND } else { line.len() });
        let word = start - from..start - from + anchor.literal.len();
        let mut add = |kind, found: Range<usize>| {
            let end = if found.end == line.len() { self.follow(to) } else { from + found.end };
            let range = from + found.start..end;
            spans.push(Span { context: start.min(range.start), range, kind });
        };
        each(line, anchor.rule, word, &mut add);
    }

    /// Returns where the text that reached the end of what was looked at really ends.
    fn follow(&self, at: usize) -> usize {
        let rest = self.text.get(at..self.range.end).unwrap_or_default();
        let more = rest.iter().take_while(|&&byte| byte > b' ' && !b"\"'<>".contains(&byte)).count();
        work::did(more);
        at + more
    }
}

/// Tells whether what separates a key from its value ends in this text without a blank or a quote, if anywhere:
/// the run of letters and digits that may belong to the key does, and far more follows than a sign and the name of
/// a scheme take.
fn has_separator(rest: &[u8]) -> bool {
    let key = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(byte));
    rest.len() >= 64 && key.take(32).count() < 32
}

/// Calls back with everything that a rule finds in a line.
fn each(line: &[u8], rule: Rule, word: Range<usize>, add: &mut impl FnMut(Kind, Range<usize>)) {
    let (kind, found) = match rule {
        Rule::Token(index) => return token(line, index, word, add),
        Rule::Cookie => return headers::cookies(line, word.end, |found| add(Kind::Cookie, found)),
        Rule::Pair => (Kind::Pair, pairs::value(line, word)),
        Rule::ShortPair => (Kind::Pair, pairs::short_value(line, word)),
        Rule::Url => (Kind::BasicAuthUrl, headers::url(line, word.end)),
        Rule::Bearer => (Kind::Header, headers::bearer(line, word.end)),
        Rule::Basic => (Kind::Header, headers::basic(line, word.end - 1)),
        Rule::Authorization => (Kind::Header, headers::authorization(line, word.end)),
        Rule::AddMask => (Kind::Known, Some(word.end..line.len()).filter(|value| !value.is_empty())),
        Rule::Pem => (
            Kind::PrivateKey,
            pem::begins(line, word.start).and_then(|after| pem::opening(line, word.start, after).0),
        ),
    };
    if let Some(found) = found {
        add(kind, found);
    }
}

fn token(line: &[u8], index: u16, word: Range<usize>, add: &mut impl FnMut(Kind, Range<usize>)) {
    let Some((kind, found)) = providers::find(usize::from(index), line, word.start) else { return };
    if kind == Kind::Aws
        && let Some(secret) = headers::aws_secret(line, found.end)
    {
        add(Kind::Aws, secret);
    }
    add(kind, found);
}
