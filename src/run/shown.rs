//! Takes bytes that were printed, gives what a reader of them saw: without escape sequences, whatever stood in a line
//! before it was drawn anew, and what it came to.

use std::borrow::Cow;

use anstream::adapter::strip_bytes;

const BACKSPACE: u8 = 8;

/// Longest line whose rows are drawn; of a longer one each redrawing counts by itself.
const WIDEST: usize = 64 << 10;

/// Returns what was to be read in a line, its newline not included: each time it was drawn, and what that came to.
pub(super) fn views(line: &[u8]) -> Vec<Cow<'_, str>> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if !line.iter().any(|byte| is_control(*byte)) {
        return vec![String::from_utf8_lossy(line)];
    }
    let plain = plain(line);
    let mut views: Vec<Cow<'_, str>> = plain.split('\r').map(|drawn| Cow::Owned(printable(drawn))).collect();
    if plain.contains(['\r', '\u{8}']) && plain.len() <= WIDEST {
        views.push(Cow::Owned(row(&plain)));
    }
    views
}

/// Returns a text of many lines without escape sequences, and with the line ends of Unix.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    if bytes.iter().any(|byte| is_control(*byte) && *byte != b'\n') {
        Cow::Owned(plain(bytes).replace("\r\n", "\n"))
    } else {
        String::from_utf8_lossy(bytes)
    }
}

fn is_control(byte: u8) -> bool {
    // The first of two bytes of a control of the upper half, too.
    (byte < b' ' && byte != b'\t') || byte == 0x7f || byte == 0xc2
}

fn plain(bytes: &[u8]) -> String {
    // A backspace would go with the sequences.
    let parts = bytes.split(|byte| *byte == BACKSPACE).map(|part| strip_bytes(part).into_vec());
    String::from_utf8_lossy(&parts.collect::<Vec<_>>().join(&BACKSPACE)).into_owned()
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || *c == '\t').collect()
}

/// Draws a row as a terminal does that knows carriage returns and backspaces.
fn row(text: &str) -> String {
    let (mut cells, mut at) = (Vec::new(), 0_usize);
    for c in text.chars() {
        match c {
            '\r' => at = 0,
            '\u{8}' => at = at.saturating_sub(1),
            c if c.is_control() && c != '\t' => {}
            c => {
                if at < cells.len() {
                    cells[at] = c;
                } else {
                    cells.push(c);
                }
                at += 1;
            }
        }
    }
    cells.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(line: &[u8]) -> Vec<String> {
        views(line).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_line_is_what_could_be_read_in_it() {
        assert_eq!(seen(b"plain\ttext"), ["plain\ttext"]);
        assert_eq!(seen(b"ended as on Windows\r"), ["ended as on Windows"]);
        assert_eq!(seen(b"\x1b[1m\x1b[33mwarning\x1b[0m\x1b[1m: x\x1b[0m"), ["warning: x"]);
        assert_eq!(seen(b"\x1b]8;;http://x\x07link\x1b]8;;\x07"), ["link"]);
        assert_eq!(seen(b"50%\r100%\rFINISHED"), ["50%", "100%", "FINISHED", "FINISHED"]);
        assert_eq!(seen(b"error\rok"), ["error", "ok", "okror"]);
        assert_eq!(seen(b"fals\x08\x08\x08\x08pass"), ["falspass", "pass"]);
        assert_eq!(seen("caf\u{e9} \u{a7}\u{9b}31m!".as_bytes())[0].chars().next(), Some('c'));
    }

    #[test]
    fn a_text_has_its_lines() {
        assert_eq!(text(b"one\r\n\x1b[32mtwo\x1b[0m\r\n"), "one\ntwo\n");
        assert_eq!(text(b"one\n"), "one\n");
    }
}
