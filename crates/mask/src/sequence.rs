//! Terminal sequences, as terminals read them: where one ends, and whether text can hide in it.

use std::ops::Range;

pub(super) const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;
/// CAN and SUB break a sequence off.
const BREAKS: [u8; 2] = [0x18, 0x1a];

/// One terminal sequence.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sequence {
    /// Raw bytes with what begins it.
    pub(super) len: usize,
    /// Where text could hide in it.
    pub(super) payload: Range<usize>,
    /// It is of a kind that can carry text.
    pub(super) hides: bool,
    /// What it carries is a text of its own; else it is the start of the text behind.
    pub(super) apart: bool,
    /// It may move the cursor, or what is on the screen.
    pub(super) moves: bool,
}

/// What begins a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opening {
    Control,
    String,
    /// ESC and bytes between it and the last.
    Short,
    /// ESC and one byte.
    Single,
    /// A control of 8 bits that stands alone.
    Lone,
}

impl Sequence {
    /// Reads the sequence that starts at `at`: with ESC, or with a control of 8 bits if the block has such. Sequences
    /// end with their line at the latest; one without its end is none, so that nothing can hide behind its opening.
    pub(super) fn parse(raw: &[u8], at: usize, eight_bit: bool) -> Self {
        let (opening, len) = opening(raw, at, eight_bit);
        let text = Body { raw, at, eight_bit };
        match opening {
            Opening::Control => text.control(len),
            Opening::String => text.string(len),
            Opening::Short => text.short(),
            Opening::Single => Self { len, payload: 1..len, hides: true, apart: false, moves: true },
            Opening::Lone => Self { len, payload: 0..0, hides: true, apart: false, moves: false },
        }
    }

    /// What begins a sequence and does not end it is dropped, and the rest is text: a terminal would go on to wait.
    fn unfinished(len: usize) -> Self {
        Self { len, payload: 0..0, hides: true, apart: false, moves: false }
    }
}

/// Returns what begins at a place, and the length of that.
fn opening(raw: &[u8], at: usize, eight_bit: bool) -> (Opening, usize) {
    let of = |code: u8| match code {
        0x9b => Opening::Control,
        0x90 | 0x98 | 0x9d..=0x9f => Opening::String,
        _ => Opening::Lone,
    };
    if eight_bit && let Some((code, len)) = control_of_8_bits(raw, at) {
        return (of(code), len);
    }
    match raw.get(at + 1).copied() {
        Some(b'[') => (Opening::Control, 2),
        Some(b']' | b'P' | b'X' | b'^' | b'_') => (Opening::String, 2),
        Some(0x20..=0x2f) => (Opening::Short, 1),
        Some(0x30..=0x7e) => (Opening::Single, 2),
        _ => (Opening::Lone, 1),
    }
}

/// Returns the control of 8 bits (0x80 to 0x9f) that starts at a place, and its length: as one byte that is no part of
/// a character, or as the two bytes of UTF-8.
pub(super) fn control_of_8_bits(raw: &[u8], at: usize) -> Option<(u8, usize)> {
    let is_control = |byte: &u8| (0x80..0xa0).contains(byte);
    match *raw.get(at)? {
        0xc2 => raw.get(at + 1).copied().filter(is_control).map(|code| (code, 2)),
        code if is_control(&code) && !is_in_character(raw, at) => Some((code, 1)),
        _ => None,
    }
}

/// Tells whether the byte belongs to a character that starts before it.
fn is_in_character(raw: &[u8], at: usize) -> bool {
    (1..=3.min(at)).any(|back| {
        let len = match raw.get(at - back) {
            Some(0xc3..=0xdf) => 2,
            Some(0xe0..=0xef) => 3,
            Some(0xf0..=0xf4) => 4,
            _ => 0,
        };
        let character = raw.get(at - back..at - back + len);
        back < len && character.is_some_and(|bytes| std::str::from_utf8(bytes).is_ok())
    })
}

/// Tells whether a block has controls of 8 bits.
pub(super) fn has_controls_of_8_bits(raw: &[u8]) -> bool {
    let is_control = |byte: &u8| (0x80..0xa0).contains(byte);
    // Most bytes that look like one are parts of characters, if there are any.
    if !raw.iter().fold(false, |seen, byte| seen | is_control(byte)) {
        return false;
    }
    raw.utf8_chunks().any(|chunk| {
        let valid = chunk.valid().as_bytes();
        let two = |at: usize| valid.get(at + 1).is_some_and(is_control);
        chunk.invalid().iter().any(is_control) || memchr::memchr_iter(0xc2, valid).any(two)
    })
}

/// Where a sequence stands.
#[derive(Clone, Copy)]
struct Body<'a> {
    raw: &'a [u8],
    at: usize,
    eight_bit: bool,
}

impl Body<'_> {
    fn byte(&self, offset: usize) -> Option<u8> {
        self.raw.get(self.at + offset).copied()
    }

    fn is_control_of_8_bits(&self, offset: usize) -> bool {
        self.eight_bit && control_of_8_bits(self.raw, self.at + offset).is_some()
    }

    /// ESC alone, or the whole control of 8 bits.
    fn lead(&self, opening: usize) -> usize {
        if self.byte(0) == Some(ESC) { 1 } else { opening }
    }

    fn control(self, opening: usize) -> Sequence {
        let mut len = opening;
        let mut plain = true;
        loop {
            match self.byte(len) {
                None | Some(b'\n' | b'\r') => return Sequence::unfinished(self.lead(opening)),
                Some(0x20..=0x3f) => len += 1,
                Some(last @ 0x40..=0x7e) => {
                    // What programs really write; anything else may be the start of a text that a terminal swallows, and
                    // a letter that no pattern starts with is not the first of a token.
                    let apart =
                        !self.byte(len + 1).is_some_and(|next| next.is_ascii_alphanumeric() || next == b'_');
                    let usual = b"mKJH".contains(&last) || apart && b"ABCDGfhlsur".contains(&last);
                    let common = plain && usual && len < 22;
                    let moves = !b"mKJhl".contains(&last);
                    return Sequence {
                        len: len + 1,
                        payload: 1..len + 1,
                        hides: !common,
                        apart: false,
                        moves,
                    };
                }
                Some(byte) if BREAKS.contains(&byte) => {
                    return Sequence {
                        len: len + 1,
                        payload: 1..len,
                        hides: true,
                        apart: false,
                        moves: false,
                    };
                }
                Some(ESC | 0x80..) => {
                    return Sequence { len, payload: 1..len, hides: true, apart: false, moves: false };
                }
                // Other controls do what they do, and it goes on.
                Some(_) => {
                    plain = false;
                    len += 1;
                }
            }
        }
    }

    fn short(self) -> Sequence {
        let behind = self.raw.get(self.at + 1..).unwrap_or_default();
        let between = behind.iter().take_while(|byte| (0x20..=0x2f).contains(*byte)).count();
        let last = self.byte(between + 1).is_some_and(|byte| (0x30..=0x7e).contains(&byte));
        let len = between + 1 + usize::from(last);
        Sequence { len, payload: 1..len, hides: true, apart: false, moves: false }
    }

    /// A string that another sequence breaks off ends there; ST of 8 bits is such a one.
    fn string(self, opening: usize) -> Sequence {
        let mut end = opening;
        let len = loop {
            match self.byte(end) {
                None | Some(b'\n' | b'\r') => return Sequence::unfinished(self.lead(opening)),
                Some(byte) if byte == BEL || BREAKS.contains(&byte) => break end + 1,
                Some(ESC) if self.byte(end + 1) == Some(b'\\') => break end + 2,
                Some(ESC) => break end,
                Some(0x80..) if self.is_control_of_8_bits(end) => break end,
                Some(_) => end += 1,
            }
        };
        Sequence { len, payload: opening..end, hides: true, apart: true, moves: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(raw: &[u8]) -> (usize, Range<usize>) {
        let sequence = Sequence::parse(raw, 0, true);
        (sequence.len, sequence.payload)
    }

    #[test]
    fn sequences_end_where_terminals_end_them() {
        for (raw, len, payload) in [
            (b"\x1b[1;31mtext".as_slice(), 7, 1..7),
            (b"\x1b[12\x18text", 5, 1..4),
            (b"\x1b[12\x1b[m", 4, 1..4),
            (b"\x1b[1\x072mtext", 6, 1..6),
            (b"\x1b]0;title\x07text", 10, 2..9),
            (b"\x1bPdata\x1b\\text", 8, 2..6),
            (b"\x1bPdata\x1b[mtext", 6, 2..6),
            (b"\x1bPdata\x1atext", 7, 2..6),
            (b"\x1bPdata\x9ctext", 6, 2..6),
            (b"\x9b31mtext", 4, 1..4),
            (b"\xc2\x9b31mtext", 5, 1..5),
            (b"\x9d0;title\xc2\x9ctext", 8, 1..8),
            (b"\x1b(Btext", 3, 1..3),
            (b"\x1bctext", 2, 1..2),
            (b"\x85text", 1, 0..0),
        ] {
            assert_eq!(parsed(raw), (len, payload), "{}", raw.escape_ascii());
        }
    }

    #[test]
    fn what_does_not_end_is_text_behind_its_first_byte() {
        for raw in [b"\x1b[12".as_slice(), b"\x1b[12\nm", b"\x1bPdata", b"\x1b]0;data\rmore\x07", b"\x1b"] {
            assert_eq!(parsed(raw).0, 1, "{}", raw.escape_ascii());
        }
        assert_eq!(parsed(b"\x9b12").0, 1);
    }

    #[test]
    fn parts_of_characters_are_no_controls() {
        for text in ["\u{2500}\u{2713}\u{e0}\u{1f511}", "\u{a0}\u{bf}\u{ff}"] {
            assert!(!has_controls_of_8_bits(text.as_bytes()), "{text}");
            assert!((0..text.len()).all(|at| control_of_8_bits(text.as_bytes(), at).is_none()), "{text}");
        }
        for raw in [b"a\x9bb".as_slice(), b"\xe2\x9b", b"a\xc2\x9bb", b"\xff\x90"] {
            assert!(has_controls_of_8_bits(raw), "{}", raw.escape_ascii());
            assert!((0..raw.len()).any(|at| control_of_8_bits(raw, at).is_some()));
        }
    }
}
