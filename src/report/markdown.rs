//! Output of steps inside Markdown: shown, never interpreted.

/// Writes text as inline code, on one line, so that nothing in it is markup, a mention or a link.
pub(super) fn inline(text: &str) -> String {
    let line: String = text.chars().map(|c| if is_hidden(c) { ' ' } else { c }).collect();
    let longest = line.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if line.starts_with('`') || line.ends_with('`') || line.is_empty() { " " } else { "" };
    format!("{fence}{pad}{line}{pad}{fence}")
}

/// Writes lines as a block of code that nothing in them can close.
pub(super) fn block(language: &str, lines: &[String]) -> String {
    let plain = |line: &String| -> String { line.chars().filter(|c| !is_hidden(*c) || *c == '\t').collect() };
    let lines: Vec<String> = lines.iter().map(plain).collect();
    let longest = lines.iter().flat_map(|line| line.split(|c| c != '`')).map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    format!("{fence}{language}\n{text}{fence}\n")
}

/// Writes a title: words as they are, anything that could be markup, a mention or a link as code.
pub(super) fn title(text: &str) -> String {
    let harmless = |c: char| c.is_alphanumeric() || " ,;()-–'?!".contains(c);
    let words = text.chars().all(harmless) && !text.contains("GH-");
    if words { text.to_owned() } else { inline(text) }
}

/// Cuts a text to so many characters.
pub(super) fn clip(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Joins as many items as there is room for, in bytes, and counts the rest.
pub(super) fn fitted(items: &[String], between: &str, room: usize) -> String {
    let mut text = String::new();
    for (at, item) in items.iter().enumerate() {
        if text.len() + item.len() > room {
            let between = if at > 0 { between } else { "" };
            return format!("{text}{between}and {} more", items.len() - at);
        }
        if at > 0 {
            text.push_str(between);
        }
        text.push_str(item);
    }
    text
}

/// Controls, what nobody sees, and what makes text read in another order than it stands.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
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
    fn items_that_fit_just_so_are_all_there() {
        let items = ["ab", "cd", "ef"].map(str::to_owned);
        for (room, expected) in [
            (8, "ab, cd, ef"),
            (7, "ab, cd, and 1 more"),
            (4, "ab, cd, and 1 more"),
            (3, "ab, and 2 more"),
            (2, "ab, and 2 more"),
            (1, "and 3 more"),
        ] {
            assert_eq!(fitted(&items, ", ", room), expected, "{room}");
        }
    }

    #[test]
    fn code_spans_hold_whatever_they_are_given() {
        assert_eq!(inline("cargo test"), "`cargo test`");
        assert_eq!(inline("a `b` c"), "``a `b` c``");
        assert_eq!(inline("`"), "`` ` ``");
        assert_eq!(inline("@team\n<img>"), "`@team <img>`");
    }

    #[test]
    fn blocks_hold_whatever_they_are_given() {
        let lines = ["```".to_owned(), "</details>\u{202e}\r".to_owned(), "a\tb `````".to_owned()];
        assert_eq!(block("text", &lines), "``````text\n```\n</details>\na\tb `````\n``````\n");
        assert_eq!(block("", &[]), "```\n```\n");
    }

    #[test]
    fn titles_are_words_or_code() {
        assert_eq!(title("Convert line ends (all)"), "Convert line ends (all)");
        for marked in ["ask @team", "see #1", "www.example.org", "<img>", "a*b*", "GH-1", "a_b_"] {
            assert_eq!(title(marked), format!("`{marked}`"));
        }
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let items = ["aa".to_owned(), "bb".to_owned(), "cc".to_owned()];
        assert_eq!(fitted(&items, ", ", 100), "aa, bb, cc");
        assert_eq!(fitted(&items, ", ", 6), "aa, bb, and 1 more");
        assert_eq!((clip("äbc", 2), clip("äb", 2)), ("äb…".to_owned(), "äb".to_owned()));
    }
}
