//! Text of others: what nobody would see in it is spelled before it is anything else.

use std::fmt;

use maud::{Render, html};

/// Text of others, such as a title, a path, or what a command printed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words(String);

impl Words {
    /// Returns the text, in which everything can be seen.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Adds text.
    pub(crate) fn push(&mut self, text: &str) {
        self.0.push_str(&spelled(text));
    }

    /// Tells whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: AsRef<str>> From<T> for Words {
    fn from(text: T) -> Self {
        Self(spelled(text.as_ref()))
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Render for Words {
    fn render_to(&self, to: &mut String) {
        html! { (self.as_str()) }.render_to(to);
    }
}

/// Spells what nobody sees, and what makes text read in another order than it stands. Lines and tabs stay.
fn spelled(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(c),
            '\0'..='\u{1f}' => out.extend(char::from_u32(0x2400 + u32::from(c))),
            '\u{7f}' => out.push('\u{2421}'),
            _ if is_hidden(c) => out.push_str(&format!("⟨U+{:04X}⟩", u32::from(c))),
            _ => out.push(c),
        }
    }
    out
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_is_spelled() {
        let words = Words::from("a\u{202e}b\u{1b}[2J\r\u{7f}\u{9b}\u{200b}\u{e0041}ä\n\t\u{fe0f}");
        let seen = "a⟨U+202E⟩b␛[2J␍␡⟨U+009B⟩⟨U+200B⟩⟨U+E0041⟩ä\n\t\u{fe0f}";
        assert_eq!(words.as_str(), seen);
    }

    #[test]
    fn markup_is_text() {
        let shown = Words::from("<script>\"&'").render().into_string();
        assert!(!shown.contains('<') && !shown.contains('"'), "{shown}");
    }
}
