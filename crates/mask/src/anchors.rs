//! The literals that every pattern needs: what the filter looks for before any pattern is tried.

use std::sync::LazyLock;

use super::filter::{Grams, gram_at};
use super::providers;

/// What to try where an anchor stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// The provider of this index.
    Token(u16),
    /// `key = value`, the anchor being part of the key.
    Pair,
    /// `pass=` and `_auth=`: only with the sign that is part of the anchor.
    ShortPair,
    /// `scheme://user:password@host`
    Url,
    /// `Bearer token`
    Bearer,
    /// `Basic base64`
    Basic,
    /// `Authorization: anything`
    Authorization,
    /// `Cookie:` and `Set-Cookie:`
    Cookie,
    /// A private key begins.
    Pem,
    /// A workflow command of GitHub Actions registers a value.
    AddMask,
}

/// One literal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Anchor {
    /// The literal; in lower case if case is folded.
    pub(super) literal: &'static [u8],
    /// Upper case counts too.
    pub(super) fold: bool,
    /// The rule to try.
    pub(super) rule: Rule,
    /// What has to stand before it, if its grams reach there.
    before: Option<&'static str>,
    /// What has to stand behind it, and how many bytes.
    after: (&'static str, usize),
}

/// A class of bytes, to spell grams out with.
const ANY: &str = "any byte";
const WORD: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.~";
const PRINTABLE: &str =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
const HEX: &str = "0123456789abcdef";
/// What a scheme ends with.
const SCHEME: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-";
/// What stands behind a key.
const SIGN: &str = "= :\"'\\]>`%0123456789sS\t";
/// What stands before a word: no letter or digit, but for the last byte of `\n`, `%3D` and the like.
const EDGE: &str = "\n\t !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~nrt01279ABCDF\0\x07\r\x1b";

/// The same, and what may stand before `pwd`.
const SHORT_EDGE: &str = "\n\t !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~nrt0127ABDFbB";

const KEYS: [&str; 25] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "api_key",
    "apikey",
    "api-key",
    "access_key",
    "accesskey",
    "access-key",
    "private_key",
    "privatekey",
    "private-key",
    "account_key",
    "accountkey",
    "ssh_key",
    "sshkey",
    "signing_key",
    "signingkey",
    "encryption_key",
    "encryptionkey",
    "credential",
    "connection_string",
    "\"auth\"",
];

/// All anchors with the table from grams to them.
#[derive(Debug)]
pub(super) struct Table {
    anchors: Vec<Anchor>,
    grams: Grams<(u16, i16)>,
    all: Vec<u32>,
}

/// Returns the one table.
pub(super) fn table() -> &'static Table {
    static TABLE: LazyLock<Table> = LazyLock::new(Table::build);
    &TABLE
}

impl Table {
    fn build() -> Self {
        let mut table = Self { anchors: Vec::new(), grams: Grams::new(), all: Vec::new() };
        for (index, provider) in (0..).zip(providers::ALL) {
            for literal in provider.literals {
                let before = match literal.len() {
                    // Spelt out with sixteen digits: kept to what is usual.
                    2 => SHORT_EDGE,
                    _ if provider.edge => EDGE,
                    _ => ANY,
                };
                let after = if literal.len() == 2 { HEX } else { WORD };
                table.add(Window { before, after, ..Window::of(literal, false) }, Rule::Token(index));
            }
        }
        for key in KEYS {
            table.add(Window::of(key, true), Rule::Pair);
        }
        for (literal, rule) in [
            ("bearer", Rule::Bearer),
            ("basic ", Rule::Basic),
            ("authorization", Rule::Authorization),
            ("cookie", Rule::Cookie),
        ] {
            table.add(Window::of(literal, true), rule);
        }
        // Not by the grams "pass" and "auth": every other line has them.
        table.add(Window { after: PRINTABLE, at: Some(1), ..Window::of("pass=", true) }, Rule::ShortPair);
        table.add(Window { after: PRINTABLE, at: Some(2), ..Window::of("_auth=", true) }, Rule::ShortPair);
        let short = Window { before: SHORT_EDGE, after: SIGN, ..Window::of("pwd", true) };
        table.add(short, Rule::Pair);
        table.add(Window { before: SCHEME, after: PRINTABLE, ..Window::of("://", false) }, Rule::Url);
        table.add(Window::of("-----BEGIN", false), Rule::Pem);
        table.add(Window::of("::add-mask::", false), Rule::AddMask);
        table
    }

    fn add(&mut self, window: Window, rule: Rule) {
        let anchor = u16::try_from(self.anchors.len()).unwrap_or(u16::MAX);
        let at = window.at.unwrap_or_else(|| window.cheapest());
        for at in [at, at + 1] {
            window.spell(at, |gram| {
                self.grams.insert(gram, (anchor, at));
                self.all.push(gram);
            });
        }
        let after = usize::try_from(at).unwrap_or(0) + usize::from(at >= 0) + 4;
        self.anchors.push(Anchor {
            literal: window.literal,
            fold: window.fold,
            rule,
            before: (at < 0).then_some(window.before),
            after: (window.after, after.saturating_sub(window.literal.len())),
        });
    }

    /// Calls back with every gram.
    pub(super) fn each_gram(&self, each: impl FnMut(u32)) {
        self.all.iter().copied().for_each(each);
    }

    /// Calls back for every anchor that has a gram at this place of the text, with its start.
    pub(super) fn at(&self, text: &[u8], at: usize, gram: u32, mut found: impl FnMut(&Anchor, usize)) {
        for (anchor, offset) in self.grams.get(gram) {
            let Some(anchor) = self.anchors.get(usize::from(anchor)) else { continue };
            let Some(start) = at.checked_add_signed(-isize::from(offset)) else { continue };
            if anchor.stands_at(text, start) {
                found(anchor, start);
            }
        }
    }
}

impl Anchor {
    fn stands_at(&self, text: &[u8], start: usize) -> bool {
        let end = start + self.literal.len();
        let Some(place) = text.get(start..end) else { return false };
        let same = if self.fold { place.eq_ignore_ascii_case(self.literal) } else { place == self.literal };
        same && self.fits(text, start, end)
    }

    /// Tells whether both grams are there. One of them was: but which of the two is seen depends on how the
    /// stream was cut, and that must not decide.
    fn fits(&self, text: &[u8], start: usize, end: usize) -> bool {
        let before = start.checked_sub(1).and_then(|at| text.get(at)).copied().unwrap_or(b'\n');
        let (class, len) = self.after;
        self.before.is_none_or(|class| is_in(class, before))
            && text.get(end..end + len).is_some_and(|after| after.iter().all(|&byte| is_in(class, byte)))
    }
}

/// A literal with what may stand around it.
struct Window {
    literal: &'static [u8],
    fold: bool,
    before: &'static str,
    after: &'static str,
    /// Where the first of its two grams is, if not where it is cheapest.
    at: Option<i16>,
}

impl Window {
    fn of(literal: &'static str, fold: bool) -> Self {
        Self { literal: literal.as_bytes(), fold, before: ANY, after: ANY, at: None }
    }

    /// Returns the bytes that may stand at an offset from the start of the literal.
    fn choices(&self, offset: i16) -> Vec<u8> {
        let class = |name: &str| (0..=255).filter(|&byte| is_in(name, byte)).collect::<Vec<u8>>();
        match usize::try_from(offset).map(|offset| self.literal.get(offset)) {
            Err(_) => class(self.before),
            Ok(None) => class(self.after),
            Ok(Some(byte)) if self.fold && byte.is_ascii_alphabetic() => {
                vec![byte.to_ascii_lowercase(), byte.to_ascii_uppercase()]
            }
            Ok(Some(&byte)) => vec![byte],
        }
    }

    /// Weighs a gram: how many there are when spelt out, and how common their letters are.
    fn weight(&self, at: i16) -> usize {
        let choices: Vec<Vec<u8>> = (at..at + 4).map(|offset| self.choices(offset)).collect();
        let common =
            choices.iter().filter_map(|bytes| bytes.first()).map(|&byte| commonness(byte)).sum::<usize>();
        choices.iter().map(Vec::len).product::<usize>().max(16) * 8 + common * 4
    }

    /// Returns the first of the two consecutive grams that let the least of ordinary text through.
    fn cheapest(&self) -> i16 {
        let last = i16::try_from(self.literal.len()).unwrap_or(0) - 2;
        (-1..=last).min_by_key(|&at| self.weight(at) + self.weight(at + 1)).unwrap_or(0)
    }

    /// Spells a gram out in every way.
    fn spell(&self, at: i16, mut each: impl FnMut(u32)) {
        let [a, b, c, d] = [0, 1, 2, 3].map(|more| self.choices(at + more));
        for first in &a {
            for second in &b {
                for third in &c {
                    for fourth in &d {
                        each(u32::from_le_bytes([*first, *second, *third, *fourth]));
                    }
                }
            }
        }
    }
}

fn is_in(class: &str, byte: u8) -> bool {
    match class {
        ANY => true,
        // The last byte of a typographic quote is an edge too.
        EDGE if (0x80..=0xbf).contains(&byte) => true,
        _ => class.as_bytes().contains(&byte),
    }
}

fn commonness(byte: u8) -> usize {
    match byte {
        b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' => 4,
        b'l' | b'd' | b'c' | b'u' | b'm' | b'p' | b'h' => 3,
        b'a'..=b'z' => 1,
        _ => 0,
    }
}

/// Returns the anchors that stand in a text: slower than the filter, for short texts.
pub(super) fn standing_in(text: &[u8], mut found: impl FnMut(&Anchor, usize)) {
    for at in 0..text.len() {
        if let Some(gram) = gram_at(text, at) {
            table().at(text, at, gram, |anchor, start| found(anchor, start));
        }
    }
}
