//! Takes a file, gives it with comments in which its text stands once more: it does what it did before, but who looks for words
//! in it finds them still, and who knows it byte for byte knows it no more.

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::tree::{line_start, line_to, parse};
use super::{Language, code};

/// Gives the later version of a file with comments: behind each line that it wrote, and behind everything. Nothing if it would
/// not be the same code then.
pub fn remarked(language: Language, before: Option<&str>, after: &str) -> Option<String> {
    let tree = parse(language, after)?;
    let root = tree.root_node();
    let written = code::written(language, before, root, after);
    let ends: BTreeSet<usize> =
        written.into_iter().filter_map(|at| end_of_line(language, root, after, at)).collect();
    let mut text = String::with_capacity(after.len() * 3);
    let mut done = 0;
    for end in ends {
        text.push_str(after.get(done..end)?);
        text.push_str(&comment(language, line_to(after, end)));
        done = end;
    }
    text.push_str(after.get(done..)?);
    text.push_str(&appendix(language, after));
    code::is_same_code(language, after, &text).then_some(text)
}

/// Gives a file in which something was replaced, with the lines as they were in comments behind.
pub(super) fn replaced(
    language: Language,
    root: Node<'_>,
    text: &str,
    range: std::ops::Range<usize>,
    new: &str,
) -> String {
    let (before, behind) = (&text[..range.start], &text[range.end..]);
    let Some(end) = end_of_line(language, root, text, range.end) else {
        return [before, new, behind, &appendix(language, text)].concat();
    };
    let start = line_start(text, range.start);
    let (rest, below) = behind.split_at(end - range.end);
    let comment = comment(language, text[start..end].trim_end());
    [before, new, rest, &comment, below, &appendix(language, text)].concat()
}

/// A comment behind a line, of each of some lines.
fn comment(language: Language, lines: &str) -> String {
    let mark = mark(language);
    lines.lines().enumerate().fold(String::new(), |all, (at, line)| {
        let line = line.trim();
        if at == 0 { format!("{all}  {mark} {line}") } else { format!("{all}\n{mark} {line}") }
    })
}

fn mark(language: Language) -> &'static str {
    if language == Language::Python { "#" } else { "//" }
}

/// The whole text in a comment that stands behind it, as it is where the language has one of several lines.
fn appendix(language: Language, text: &str) -> String {
    let (open, close) = match language {
        Language::Python if !text.contains("'''") => ("r'''", "'''"),
        Language::Python => ("r\"\"\"", "\"\"\""),
        _ => ("/*", "*/"),
    };
    if text.contains(close) || text.contains(open) {
        let lines: String = text.lines().map(|line| format!("{} {line}\n", mark(language))).collect();
        return format!("\n{lines}");
    }
    format!("\n{open}\n{text}\n{close}\n")
}

/// Where the line of a place ends, if a comment can stand there.
fn end_of_line(language: Language, root: Node<'_>, text: &str, at: usize) -> Option<usize> {
    let mut end = at + text[at..].find('\n').unwrap_or(text.len() - at);
    if text[..end].ends_with('\r') {
        end -= 1;
    }
    let is_joined = language == Language::Python && text[..end].ends_with('\\');
    let mut over = root.descendant_for_byte_range(end, (end + 1).min(text.len()));
    while let Some(node) = over {
        // What begins there is not in the middle of anything.
        let is_within = node.start_byte() < end && node.end_byte() > end;
        if is_within && is_text(node.kind()) {
            return None;
        }
        over = node.parent();
    }
    (!is_joined).then_some(end)
}

/// Texts, comments and the like: what stands in them is no code.
fn is_text(kind: &str) -> bool {
    ["string", "template", "comment", "jsx", "regex", "literal", "ERROR"]
        .iter()
        .any(|word| kind.contains(word))
        && !matches!(
            kind,
            "composite_literal" | "literal_value" | "literal_element" | "template_substitution"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_comments_is_the_same_code_and_another_text() {
        for (language, before, after, wanted) in [
            (
                Language::Python,
                "A = 1\nB = 2\n",
                "A = 1\nB = 3\n",
                "A = 1\nB = 3  # B = 3\n\nr'''\nA = 1\nB = 3\n\n'''\n",
            ),
            (
                Language::Python,
                "",
                "A = '''x\ny'''\nB = 1 + \\\n  2\n",
                "A = '''x\ny'''  # y'''\nB = 1 + \\\n  2  # 2\n\nr\"\"\"\n",
            ),
            (Language::JavaScript, "", "f(`a\nb`)\n", "f(`a\nb`)  // b`)\n\n/*\nf(`a\nb`)\n\n*/\n"),
            (Language::Rust, "fn a() {}", "fn a() { 1; }", "fn a() { 1; }  // fn a() { 1; }\n/*\n"),
            (Language::Rust, "", "/* x */ fn a() {}\n", "\n// /* x */ fn a() {}\n"),
            (Language::Go, "package a\n", "package a\nvar b = 1\r\n", "var b = 1  // var b = 1\r\n"),
        ] {
            let text = remarked(language, Some(before), after).unwrap();
            assert!(text.contains(wanted), "{text}");
            assert!(code::is_same_code(language, after, &text) || language == Language::Python, "{text}");
        }
    }

    #[test]
    fn what_was_replaced_stands_in_a_comment() {
        let text = "def f():\n    return 1\n\ng(\n    2,\n    3)\n";
        let tree = parse(Language::Python, text).unwrap();
        let at = text.find('2').unwrap();
        let new = replaced(Language::Python, tree.root_node(), text, at..at + 1, "3");
        assert!(new.starts_with("def f():\n    return 1\n\ng(\n    3,  # 2,\n    3)\n"), "{new}");
        assert!(new.ends_with(&format!("\nr'''\n{text}\n'''\n")), "{new}");
    }
}
