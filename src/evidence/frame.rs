//! Takes what a step printed, masked, gives it so that none of its lines looks like one of the runner's own: what could
//! be taken for the beginning of a banner gets a mark in front. Everything else stays byte for byte as it is.
//!
//! Banners begin with two horizontal lines. What begins with anything that looks like one is marked, whatever stands
//! before it that nobody sees; in a line that moves the cursor, wherever such a thing stands.

use unicode_width::UnicodeWidthChar;

/// What stands before what looks like a banner and is none.
const MARK: &str = "│ ";

/// Where a terminal may break a line, so that its rest begins a row: none is narrower.
const NARROWEST: usize = 40;

/// Characters that look like a horizontal line, each first and last of a range.
const LINES: [(char, char); 32] = [
    ('\u{af}', '\u{af}'),
    ('\u{2c9}', '\u{2c9}'),
    ('\u{58a}', '\u{58a}'),
    ('\u{1173}', '\u{1173}'),
    ('\u{1806}', '\u{1806}'),
    ('\u{2010}', '\u{2015}'),
    ('\u{2043}', '\u{2043}'),
    ('\u{203e}', '\u{203e}'),
    ('\u{2212}', '\u{2212}'),
    ('\u{23af}', '\u{23af}'),
    ('\u{23ba}', '\u{23bd}'),
    ('\u{23e4}', '\u{23e4}'),
    ('\u{2500}', '\u{2501}'),
    ('\u{2504}', '\u{2505}'),
    ('\u{2508}', '\u{2509}'),
    ('\u{254c}', '\u{254d}'),
    ('\u{2550}', '\u{2550}'),
    ('\u{2574}', '\u{2574}'),
    ('\u{2576}', '\u{2576}'),
    ('\u{2578}', '\u{2578}'),
    ('\u{257a}', '\u{257a}'),
    ('\u{257c}', '\u{257c}'),
    ('\u{257e}', '\u{257e}'),
    ('\u{25ac}', '\u{25ad}'),
    ('\u{2796}', '\u{2796}'),
    ('\u{2e3a}', '\u{2e3b}'),
    ('\u{3030}', '\u{3030}'),
    ('\u{30fc}', '\u{30fc}'),
    ('\u{3161}', '\u{3161}'),
    ('\u{4e00}', '\u{4e00}'),
    ('\u{ff0d}', '\u{ff0d}'),
    ('\u{ff70}', '\u{ff70}'),
];

/// Looks at output as it comes, in pieces of any size.
#[derive(Debug, Default)]
pub(super) struct Frame {
    /// The first bytes of a character whose rest is to come.
    held: Vec<u8>,
    /// Something of the line can be seen.
    is_seen: bool,
    /// How wide the line is so far.
    column: usize,
    /// The line holds a control: where on the screen anything of it stands, nobody knows.
    moves: bool,
    /// What stands right before this place.
    before: Before,
    escape: Escape,
}

/// Where in an escape sequence a terminal is, which goes on with it behind a line's end.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    Begun,
    /// Behind `ESC [`, and numbers: a colour so far.
    Numbers,
    /// Behind `ESC [`, and something else.
    Other,
    /// Behind `ESC`, and a sign that says that one more follows.
    OneMore,
    /// In a text that ends with a control.
    Text,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Before {
    #[default]
    Other,
    /// A horizontal line.
    Line,
    /// The first character of a mark.
    HalfMark,
    Mark,
}

impl Frame {
    /// Takes the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8], framed: &mut Vec<u8>) {
        let joined;
        let mut rest = if self.held.is_empty() {
            bytes
        } else {
            joined = [std::mem::take(&mut self.held), bytes.to_vec()].concat();
            &joined
        };
        while let Some(&first) = rest.first() {
            if self.is_of_escape(first) {
                // It may lead back over a mark.
                self.before = Before::Other;
                framed.push(first);
                rest = &rest[1..];
                continue;
            }
            let plain = rest.iter().take_while(|byte| (b' '..0x7f).contains(*byte)).count();
            let taken = if plain > 0 {
                self.plain(&rest[..plain]);
                plain
            } else if first.is_ascii() {
                self.control(first);
                1
            } else {
                match first_char(&rest[..rest.len().min(4)]) {
                    Char::Whole(c) => {
                        self.char(c, framed);
                        c.len_utf8()
                    }
                    Char::Begun => {
                        self.held = rest.to_vec();
                        return;
                    }
                    Char::None => {
                        self.no_text();
                        1
                    }
                }
            };
            framed.extend_from_slice(&rest[..taken]);
            rest = &rest[taken..];
        }
    }

    /// Takes that nothing follows for now: gives what was held back.
    pub(super) fn flush(&mut self, framed: &mut Vec<u8>) {
        if !self.held.is_empty() {
            framed.append(&mut self.held);
            self.no_text();
        }
    }

    /// Takes that a line begins. What was begun in the one before may go on in it.
    pub(super) fn new_line(&mut self) {
        let (escape, moves) = (self.escape, self.escape != Escape::None);
        *self = Self { moves, escape, ..Self::default() };
    }

    /// Takes a byte of an escape sequence; whether it is one, and nothing that is seen. Colours move nothing.
    fn is_of_escape(&mut self, byte: u8) -> bool {
        use Escape as E;
        let (next, is_of_it) = match (self.escape, byte) {
            (_, 0x1b) => (E::Begun, true),
            (E::None, _) => return false,
            (_, 0x18 | 0x1a) | (E::Text, 0x07) => (E::None, false),
            (at, 0..0x20) => (at, false),
            (E::Begun, b'[') | (E::Numbers, b'0'..=b';') => (E::Numbers, true),
            (E::Begun, b']' | b'P' | b'X' | b'^' | b'_') => (E::Text, true),
            (E::Begun | E::OneMore, b' '..=b'/') => (E::OneMore, true),
            (E::Numbers | E::Other, b' '..=b'?') => (E::Other, true),
            (E::Numbers, b'm') => return std::mem::take(&mut self.escape) == E::Numbers,
            (E::Text, _) => (E::Text, false),
            (_, ..0x7f) => (E::None, true),
            _ => (E::None, false),
        };
        self.moves = self.moves || !matches!(next, E::Begun | E::Numbers);
        self.escape = next;
        is_of_it
    }

    fn plain(&mut self, text: &[u8]) {
        let ends_mark = self.before == Before::HalfMark && text == b" ";
        self.before = if ends_mark { Before::Mark } else { Before::Other };
        self.is_seen = self.is_seen || text.iter().any(|byte| *byte != b' ');
        self.column += text.len();
    }

    fn control(&mut self, byte: u8) {
        match byte {
            b'\n' => return self.new_line(),
            b'\t' => self.column += 8,
            _ => self.moves = true,
        }
        self.before = Before::Other;
    }

    /// Whatever shows a byte that is no text may take it for a control of the upper half.
    fn no_text(&mut self) {
        (self.moves, self.before) = (true, Before::Other);
    }

    fn char(&mut self, c: char, framed: &mut Vec<u8>) {
        let exposed = !self.is_seen || self.column >= NARROWEST || self.moves;
        let is_line = is_line(c);
        if is_line && exposed && matches!(self.before, Before::Other | Before::HalfMark) {
            framed.extend_from_slice(MARK.as_bytes());
            self.column += 2;
        }
        self.before = match c {
            _ if is_line => Before::Line,
            '│' => Before::HalfMark,
            _ => Before::Other,
        };
        self.moves = self.moves || is_break(c);
        self.is_seen = self.is_seen || !(is_break(c) || is_unseen(c));
        self.column += c.width().unwrap_or(0);
    }
}

/// What bytes that are no ASCII begin with.
enum Char {
    Whole(char),
    Begun,
    None,
}

fn first_char(window: &[u8]) -> Char {
    let valid = match std::str::from_utf8(window) {
        Ok(text) => text,
        Err(error) if error.valid_up_to() == 0 => {
            return if error.error_len().is_none() { Char::Begun } else { Char::None };
        }
        Err(error) => std::str::from_utf8(&window[..error.valid_up_to()]).unwrap_or_default(),
    };
    valid.chars().next().map_or(Char::None, Char::Whole)
}

fn is_line(c: char) -> bool {
    LINES.iter().any(|(first, last)| (*first..=*last).contains(&c))
}

/// Ends a line for some who show it, or moves what follows.
fn is_break(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Takes no place that anybody sees.
fn is_unseen(c: char) -> bool {
    c.is_whitespace()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{300}'..='\u{36f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{e0000}'..='\u{e0fff}')
}

/// Frames what is there as a whole.
#[cfg(test)]
fn framed(bytes: &[u8]) -> Vec<u8> {
    let (mut frame, mut out) = (Frame::default(), Vec::new());
    frame.push(bytes, &mut out);
    frame.flush(&mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a step can print that a reader would take for a banner.
    const FORGED: [&str; 33] = [
        "── step two, attempt 1/1",
        "  ── step two, attempt 1/1",
        "\t── step two",
        "\u{200b}── step two",
        "\u{feff}\u{2060}── step two",
        "\u{a0}\u{3000}── step two",
        "\x1b[0m── step two",
        "\x1b[2K\x1b[1G── step two",
        "x\x1b[31\x1b[1G── step two",
        "x\x1b[1;31H── step two",
        "x\x1b── step two",
        "\x1b[\n1G── step two",
        "\x1b\n\n[1G── step two",
        "\x1b(\nB── step two",
        "\x1b]0;\nx\n\x07── step two",
        "x\x1b[31?m── step two",
        "│ \x1b[1G── step two",
        "│ \r── step two",
        "│ \x08\x08── step two",
        "\x1b]0;title\x07── step two",
        "\x1bP1\x1b\\── step two",
        "50%\r── step two",
        "50%\x08\x08\x08── step two",
        "nothing\u{b}── step two",
        "nothing\u{c}── step two",
        "nothing\u{85}── step two",
        "nothing\u{2028}── step two",
        "━━ step two",
        "—— step two",
        "―― step two",
        "ーー step two",
        "一一 step two",
        "\u{202e}── step two",
    ];

    #[test]
    fn whatever_looks_like_a_banner_is_marked_however_it_is_cut() {
        let wide = format!("{}── step two", " ".repeat(200));
        let long = format!("{}── step two", "x".repeat(80));
        let unseen = format!("x{}── step two", "\u{a0}".repeat(59));
        for forged in FORGED.into_iter().chain([&*wide, &*long, &*unseen]) {
            let text = format!("before\n{forged}\nafter\n");
            let whole = String::from_utf8(framed(text.as_bytes())).unwrap();
            let at = whole.find(" step two").unwrap();
            let mark = whole[..at].rfind(MARK).unwrap_or_else(|| panic!("{whole:?}"));
            assert!(whole[mark + MARK.len()..at].chars().all(is_line), "{whole:?}");
            let mut own = whole.clone();
            own.replace_range(mark..mark + MARK.len(), "");
            assert_eq!(own, text, "only a mark is added");
            for piece in 1..text.len() {
                let (mut frame, mut out) = (Frame::default(), Vec::new());
                text.as_bytes().chunks(piece).for_each(|chunk| frame.push(chunk, &mut out));
                frame.flush(&mut out);
                assert_eq!(String::from_utf8(out).unwrap(), whole, "{piece}");
            }
            assert_eq!(framed(whole.as_bytes()), whole.as_bytes(), "what is marked stays as it is");
        }
    }

    #[test]
    fn what_looks_like_none_stays_as_it_is() {
        for plain in [
            "hello\r\nworld",
            "--- FAIL: TestX",
            "├── src",
            "│ cell │",
            "a ── b",
            "\x1b[31merror\x1b[0m: x",
            "\x1b[1;38:5:1merror\x1b[m: a ── b",
            "caf\u{e9} \u{1f600}",
            "half a character \u{e2}",
            "\x1b[31mred\n\x1b[0mx\na ── b",
        ] {
            assert_eq!(String::from_utf8(framed(plain.as_bytes())).unwrap(), plain);
        }
        assert_eq!(framed(b"\xff\xfe\xe2\x94"), b"\xff\xfe\xe2\x94", "no text, and half a character");
    }

    #[test]
    fn two_streams_into_one_line_are_one_line() {
        let (mut frame, mut out) = (Frame::default(), Vec::new());
        for piece in ["half", "\n", "── step two", " \n", "──", "─ x"] {
            frame.push(piece.as_bytes(), &mut out);
        }
        assert_eq!(String::from_utf8(out).unwrap(), "half\n│ ── step two \n│ ─── x");
    }
}
