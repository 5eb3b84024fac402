//! Texts of a plan in messages.

/// Quotes a text of the plan for a message, cut to a readable length.
pub(super) fn quote(text: &str) -> String {
    let mut short: String = text.chars().take(60).map(|c| if c == '\n' { '⏎' } else { c }).collect();
    if text.chars().nth(60).is_some() {
        short.push('…');
    }
    format!("`{short}`")
}
