//! Output of steps inside Markdown: shown, never interpreted.

/// Writes text as inline code, on one line, so that nothing in it is markup, a mention or a link.
pub(super) fn inline(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let longest = line.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if line.starts_with('`') || line.ends_with('`') || line.is_empty() { " " } else { "" };
    format!("{fence}{pad}{line}{pad}{fence}")
}

/// Writes text for a table cell, where a pipe would end it.
pub(super) fn table_cell(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.replace('\\', "\\\\").replace('|', "\\|").replace('<', "&lt;").replace('`', "\\`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_spans_hold_whatever_they_are_given() {
        assert_eq!(inline("cargo test"), "`cargo test`");
        assert_eq!(inline("a `b` c"), "``a `b` c``");
        assert_eq!(inline("`"), "`` ` ``");
        assert_eq!(inline("@team\n<img>"), "`@team <img>`");
    }
}
