//! What a cursor that moves leaves on a screen: text that is overwritten, and put together out of order.
//!
//! Only lines (LF to LF) with a lone CR, a backspace or a sequence that moves the cursor are drawn. What stands between
//! two CRs is a frame: it may be out before the next comes, so only what a frame wrote is masked with it.

use std::collections::BTreeMap;
use std::ops::Range;

use super::encodings::NEAR;
use super::patch::Patch;
use super::sequence::{ESC, Sequence, control_of_8_bits};

/// A screen is not wider; a longer line goes on at its left.
const COLUMNS: usize = 4096;
/// Rows that are kept.
const ROWS: usize = 64;

/// The row of the cursor when the line starts: nobody knows which.
const HERE: usize = 1 << 20;

/// A character somewhere on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cell {
    bytes: [u8; 4],
    /// 0: nothing was written there.
    len: u8,
    /// When it was written.
    frame: u32,
    /// Where it stands in the block of that frame.
    raw: usize,
}

const EMPTY: Cell = Cell { bytes: [b' ', 0, 0, 0], len: 0, frame: 0, raw: 0 };

/// A screen, as far as one line of the stream writes on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Screen {
    rows: BTreeMap<usize, Vec<Cell>>,
    row: usize,
    column: usize,
    saved: (usize, usize),
    frame: u32,
    /// What this frame wrote, piece by piece.
    written: Vec<(usize, Range<usize>)>,
}

/// Draws a line of a block, without its LF; what can be read then is added to the patch.
pub(super) fn draw(raw: &[u8], line: Range<usize>, eight_bit: bool, screen: &mut Screen, patch: &mut Patch) {
    let text = raw.get(..line.end).unwrap_or(raw);
    let mut at = line.start;
    screen.frame += 1;
    while let Some(&byte) = text.get(at) {
        at += match byte {
            ESC => screen.sequence(text, at, eight_bit),
            0x80.. if eight_bit && control_of_8_bits(text, at).is_some() => {
                screen.sequence(text, at, eight_bit)
            }
            b'\r' => {
                screen.show(patch);
                screen.column = 0;
                1
            }
            0x08 => {
                screen.column = screen.column.saturating_sub(1);
                1
            }
            b'\t' => {
                screen.column = (screen.column / 8 + 1) * 8;
                1
            }
            0..0x20 | 0x7f => 1,
            _ => screen.write(text, at),
        };
    }
    screen.show(patch);
}

impl Default for Screen {
    fn default() -> Self {
        let home = (HERE, 0);
        Self { rows: BTreeMap::new(), row: HERE, column: 0, saved: home, frame: 0, written: Vec::new() }
    }
}

impl Screen {
    /// Writes the character at `at`; returns its length.
    fn write(&mut self, text: &[u8], at: usize) -> usize {
        let more = text.get(at + 1..).unwrap_or_default().iter().take(3);
        let len = 1 + more.take_while(|byte| (0x80..0xc0).contains(*byte)).count();
        let mut cell = Cell { len: u8::try_from(len).unwrap_or(4), frame: self.frame, raw: at, ..EMPTY };
        cell.bytes.iter_mut().zip(text.get(at..).unwrap_or_default()).for_each(|(to, from)| *to = *from);
        if self.column >= COLUMNS {
            self.rows.remove(&self.row);
            self.column = 0;
        }
        if self.rows.len() >= ROWS && !self.rows.contains_key(&self.row) {
            self.rows.clear();
        }
        let (row, column) = (self.row, self.column);
        let cells = self.rows.entry(row).or_default();
        if cells.len() <= column {
            cells.resize(column + 1, EMPTY);
        }
        if let Some(place) = cells.get_mut(column) {
            *place = cell;
        }
        match self.written.last_mut() {
            Some((last, range)) if *last == row && range.end == column => range.end += 1,
            _ => self.written.push((row, column..column + 1)),
        }
        self.column += 1;
        len
    }

    /// Ends a frame: adds what it wrote to the patch, with what stands beside it.
    fn show(&mut self, patch: &mut Patch) {
        let mut written = std::mem::take(&mut self.written);
        written.sort_unstable_by_key(|(row, range)| (*row, range.start));
        let mut shown: Option<(usize, Range<usize>)> = None;
        for (row, range) in written {
            let near = range.start.saturating_sub(NEAR)..range.end + NEAR;
            match &mut shown {
                Some((last, before)) if *last == row && near.start <= before.end => {
                    before.end = before.end.max(near.end);
                }
                _ => {
                    if let Some((row, range)) = shown.replace((row, near)) {
                        self.add(row, range, patch);
                    }
                }
            }
        }
        if let Some((row, range)) = shown {
            self.add(row, range, patch);
        }
        self.frame += 1;
    }

    fn add(&self, row: usize, range: Range<usize>, patch: &mut Patch) {
        patch.start();
        let cells = self.rows.get(&row).map(Vec::as_slice).unwrap_or_default();
        for cell in cells.iter().take(range.end).skip(range.start) {
            let bytes = cell.bytes.get(..usize::from(cell.len.max(1))).unwrap_or_default();
            if cell.len > 0 && cell.frame == self.frame {
                bytes.iter().enumerate().for_each(|(at, &byte)| patch.byte(byte, cell.raw + at));
            } else {
                patch.context(bytes);
            }
        }
    }

    /// Does what the sequence at `at` says; returns its length.
    fn sequence(&mut self, text: &[u8], at: usize, eight_bit: bool) -> usize {
        let sequence = Sequence::parse(text, at, eight_bit);
        let payload = text.get(at + sequence.payload.start..at + sequence.payload.end).unwrap_or_default();
        match (text.get(at), payload) {
            (Some(&ESC), [b'[', numbers @ .., last]) => self.control(*last, numbers),
            (Some(&ESC), [b'7']) => self.saved = (self.row, self.column),
            (Some(&ESC), [b'8']) => (self.row, self.column) = self.saved,
            (Some(&ESC), [b'M']) => self.row = self.row.saturating_sub(1),
            (Some(&ESC), [b'D']) => self.row = self.row.saturating_add(1),
            (Some(&ESC), [b'E']) => (self.row, self.column) = (self.row.saturating_add(1), 0),
            (Some(0x80..), [.., last]) if !sequence.apart => {
                let start = payload.iter().position(u8::is_ascii).unwrap_or(payload.len());
                self.control(*last, payload.get(start..payload.len() - 1).unwrap_or_default());
            }
            _ => {}
        }
        sequence.len
    }

    fn control(&mut self, last: u8, numbers: &[u8]) {
        let mut numbers = numbers.split(|&byte| byte == b';').map(number);
        let first = numbers.next().flatten();
        let count = first.unwrap_or(1).clamp(1, COLUMNS);
        let second = numbers.next().flatten().unwrap_or(1).clamp(1, COLUMNS);
        match last {
            b'A' | b'k' => self.row = self.row.saturating_sub(count),
            b'B' | b'e' => self.row = self.row.saturating_add(count),
            b'C' | b'a' => self.column = (self.column + count).min(COLUMNS - 1),
            b'D' | b'j' => self.column = self.column.saturating_sub(count),
            b'E' => (self.row, self.column) = (self.row.saturating_add(count), 0),
            b'F' => (self.row, self.column) = (self.row.saturating_sub(count), 0),
            b'G' | b'`' => self.column = count - 1,
            b'H' | b'f' => (self.row, self.column) = (count - 1, second - 1),
            b'd' => self.row = count - 1,
            b's' => self.saved = (self.row, self.column),
            b'u' => (self.row, self.column) = self.saved,
            b'K' => self.erase(first.unwrap_or(0)),
            b'P' | b'@' | b'X' => self.shift(last, count),
            _ => {}
        }
    }

    fn erase(&mut self, how: usize) {
        if let Some(cells) = self.rows.get_mut(&self.row) {
            match how {
                0 => cells.truncate(self.column),
                2 => cells.clear(),
                _ => {}
            }
        }
    }

    /// Deletes, inserts or blanks characters at the cursor.
    fn shift(&mut self, how: u8, count: usize) {
        let (row, column) = (self.row, self.column);
        let Some(cells) = self.rows.get_mut(&row).filter(|cells| column < cells.len()) else { return };
        let end = (column + count).min(cells.len());
        match how {
            b'P' => drop(cells.drain(column..end)),
            b'@' => {
                cells.splice(column..column, std::iter::repeat_n(EMPTY, count));
                cells.truncate(COLUMNS);
            }
            _ => cells.iter_mut().take(end).skip(column).for_each(|cell| *cell = EMPTY),
        }
        self.seam();
    }

    /// Has what stands beside each other at the cursor now read together.
    fn seam(&mut self) {
        self.written.push((self.row, self.column..self.column + 1));
    }
}

fn number(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the rows that are left when a line was drawn.
    fn drawn(line: &str) -> Vec<String> {
        let mut screen = Screen::default();
        draw(line.as_bytes(), 0..line.len(), true, &mut screen, &mut Patch::default());
        let cell = |cell: &Cell| cell.bytes[..usize::from(cell.len.max(1))].to_vec();
        let row = |cells: &Vec<Cell>| String::from_utf8(cells.iter().flat_map(cell).collect()).unwrap();
        screen.rows.values().map(row).collect()
    }

    #[test]
    fn a_line_is_drawn_as_a_terminal_draws_it() {
        for (line, rows) in [
            ("abc\rX", ["Xbc"].as_slice()),
            ("abc\x08\x08X", &["aXc"]),
            ("abcde\x1b[3DXY", &["abXYe"]),
            ("abc\x1b[2CX", &["abc  X"]),
            ("abc\x1b[1GX\x1b[6Gd", &["Xbc  d"]),
            ("\x1b[2;4Hd\x1b[2;1Habc\x1b[1;1Hx", &["x", "abcd"]),
            ("abc\x1b[1A\x1b7\x1b[BX\x1b8Y", &["   Y", "abcX"]),
            ("abcdef\r\x1b[2Pg", &["gdef"]),
            ("abc\r\x1b[2@X", &["X abc"]),
            ("abc\r\x1b[KX", &["X"]),
            ("\u{fc}\u{2500}c\rX", &["X\u{2500}c"]),
            ("abc\u{9b}2DX", &["aXc"]),
        ] {
            assert_eq!(drawn(line), rows, "{}", line.escape_debug());
        }
    }

    #[test]
    fn a_screen_stays_small() {
        let far: String = (1..500).map(|row| format!("\x1b[{row};99999Hx")).collect();
        let rows = drawn(&far);
        assert!(rows.len() <= ROWS && rows.iter().all(|row| row.len() <= COLUMNS));
        assert!(drawn(&"x".repeat(10_000)).iter().all(|row| row.len() <= COLUMNS));
    }
}
