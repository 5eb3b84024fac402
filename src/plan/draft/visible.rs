//! Takes text of a document, gives it with what a plan may not hold made visible: `<U+202E>` says that it was there.

use std::borrow::Cow;

use crate::plan::read;

/// Makes text plain: other systems' ends of lines become ours, characters that a plan may not hold are spelled.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(|c| plain(c).is_none()) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match plain(c) {
            Some(c) => out.push(c),
            None if c == '\r' && chars.peek() == Some(&'\n') => {}
            None if c == '\r' => out.push('\n'),
            // They end a line for some readers and not for others.
            None if c.is_whitespace() => out.push(' '),
            None => out.push_str(&spelled(c)),
        }
    }
    Cow::Owned(out)
}

/// Returns how a character is spelled that could not stay; `None` if it could, or is an end of line.
pub(super) fn spelling(c: char) -> Option<String> {
    (plain(c).is_none() && !c.is_whitespace()).then(|| spelled(c))
}

fn spelled(c: char) -> String {
    format!("<U+{:04X}>", u32::from(c))
}

/// A plan takes it as it is, and every reader of YAML agrees.
fn plain(c: char) -> Option<char> {
    let is_break = matches!(c, '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let is_odd = c == '\u{feff}' || u32::from(c) & 0xfffe == 0xfffe;
    (!is_break && !is_odd && !read::is_forbidden(c)).then_some(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_plan_may_not_hold_is_spelled() {
        assert_eq!(visible("a\tb\nc é 題 🚀"), "a\tb\nc é 題 🚀");
        assert_eq!(visible("a\u{202e}b\u{9b}\0"), "a<U+202E>b<U+009B><U+0000>");
        assert_eq!(visible("a\r\nb\rc\u{85}d\u{2028}e\u{c}"), "a\nb\nc d e ");
        assert_eq!(visible("\u{feff}\u{ffff}"), "<U+FEFF><U+FFFF>");
    }
}
