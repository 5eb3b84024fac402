//! Tries the rule of an anchor on the line it stands in.

use std::ops::Range;

use super::anchors::{Anchor, Rule};
use super::kind::{Kind, Span};
use super::{headers, pairs, pem, providers};

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
    /// The last rule for tokens that was tried, and up to where trying it again is in vain.
    pub(super) tried: (Rule, usize),
    /// Where a token that the text ends in may start.
    pub(super) cut: Option<usize>,
}

impl<'a> Line<'a> {
    /// Makes a line of a text; none yet.
    pub(super) fn of(text: &'a [u8]) -> Self {
        Self { text, range: 0..0, tried: (Rule::Pem, 0), cut: None }
    }

    /// Appends what the rule finds, as offsets of the text.
    pub(super) fn apply(&mut self, anchor: &Anchor, start: usize, spans: &mut Vec<Span>) {
        let Rule::Token(index) = anchor.rule else { return self.find(anchor, start, REACH, spans) };
        if self.tried.0 == anchor.rule && start < self.tried.1 {
            return;
        }
        let before = spans.len();
        self.find(anchor, start, TOKEN_REACH, spans);
        if let Some(span) = spans.get(before..).and_then(<[Span]>::last) {
            self.tried = (anchor.rule, span.range.end);
        } else if providers::ALL.get(usize::from(index)).is_some_and(|provider| provider.run) {
            self.vain(anchor, start);
        }
    }

    /// Notes that a token is not here, nor within the run of signs that starts here.
    fn vain(&mut self, anchor: &Anchor, start: usize) {
        let rest = self.text.get(start + anchor.literal.len()..).unwrap_or_default();
        let sign = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_-".contains(byte);
        let run = rest.iter().take_while(sign).count();
        self.tried = (anchor.rule, start + anchor.literal.len() + run);
        let token = rest.iter().take_while(|byte| sign(byte) || **byte == b'.').count();
        if token == rest.len() {
            self.cut = Some(self.cut.map_or(start, |cut| cut.min(start)));
        }
    }

    fn find(&self, anchor: &Anchor, start: usize, reach: usize, spans: &mut Vec<Span>) {
        let from = self.range.start.max(start.saturating_sub(BEHIND));
        let to = self.range.end.min(start + reach);
        let Some(line) = self.text.get(from..to) else { return };
        let word = start - from..start - from + anchor.literal.len();
        let mut add = |kind, found: Range<usize>| {
            let end = if found.end == line.len() { self.follow(to) } else { from + found.end };
            spans.push(Span { context: start, range: from + found.start..end, kind });
        };
        each(line, anchor.rule, word, &mut add);
    }

    /// Returns where the text that reached the end of what was looked at really ends.
    fn follow(&self, at: usize) -> usize {
        let rest = self.text.get(at..self.range.end).unwrap_or_default();
        at + rest.iter().take_while(|&&byte| byte > b' ' && !b"\"'<>".contains(&byte)).count()
    }
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
