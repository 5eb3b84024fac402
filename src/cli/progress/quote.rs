//! Takes what a step printed, gives it as a line among the runner's own: nothing in it is obeyed, looks like one of those, or
//! takes more than its row. Of what is too long, the end is shown as well: there the reason stands.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Characters of a line.
const WIDTH: usize = 400;
/// What stands where something is left out.
const GAP: &str = " … ";

/// Makes a line of a step fit to be shown: no escapes, no more than a line.
pub(super) fn printable(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let plain = console::strip_ansi_codes(&text);
    let seen: String = plain.chars().filter(|c| !is_hidden(*c)).collect();
    fitted(seen.trim_end(), WIDTH)
}

/// Quotes a line of a step so that it looks like none of the runner's own, which begin with a sign.
pub(super) fn quoted(line: &str, room: usize) -> String {
    let is_sign = |c: char| !c.is_ascii() && !c.is_alphanumeric();
    let mark = if line.trim_start().starts_with(is_sign) { "│ " } else { "" };
    fitted(&format!("{mark}{line}"), room)
}

/// Leaves out the middle of a line that is wider than there is room.
pub(super) fn fitted(line: &str, room: usize) -> String {
    if line.width() <= room {
        return line.to_owned();
    }
    let left = room.saturating_sub(GAP.width());
    let front: String = taken(line.chars(), left / 2).collect();
    let back: Vec<char> = taken(line.chars().rev(), left - front.width()).collect();
    let whole: String = front.chars().chain(GAP.chars()).chain(back.into_iter().rev()).collect();
    // Where there is hardly room for the gap itself.
    taken(whole.chars(), room).collect()
}

/// Takes as many characters as there are columns for.
pub(super) fn taken(chars: impl Iterator<Item = char>, room: usize) -> impl Iterator<Item = char> {
    let mut width = 0;
    chars.take_while(move |c| {
        width += c.width().unwrap_or(0);
        width <= room
    })
}

/// Controls, what nobody sees, and what makes a line read in another order than it stands.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_line_looks_like_none_of_the_runners_own_and_stays_on_its_row() {
        assert_eq!(quoted("error: x", 80), "error: x");
        assert_eq!(quoted("✓ test        0:29", 80), "│ ✓ test        0:29");
        assert_eq!(quoted("  … waits", 80), "│   … waits");
        assert_eq!(quoted(&format!("{}✓ test", "x".repeat(80)), 76).width(), 76);
        assert_eq!(printable("\u{200b}\u{202e}✓ test\r\n".as_bytes()), "✓ test");
    }

    #[test]
    fn the_end_of_a_long_line_is_shown() {
        let line = format!("begin {} error: disk full", "x".repeat(9000));
        let shown = printable(line.as_bytes());
        assert!(shown.starts_with("begin x") && shown.ends_with(" error: disk full"), "{shown}");
        assert_eq!(shown.width(), WIDTH);
        assert_eq!(quoted("a long line: the end", 13), "a lon … e end");
        for room in 0..9 {
            assert!(quoted(&"漢".repeat(90), room).width() <= room);
        }
    }
}
