//! Takes source text, gives what of it is code: no comments, no documentation.

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::Language;
use super::tree::{Walk, last_line, line, parse, text, walk};

/// Tells whether two versions of a file hold the same code. What cannot be parsed differs.
pub fn is_same_code(language: Language, before: &str, after: &str) -> bool {
    before == after
        || match (tokens(language, before), tokens(language, after)) {
            (Some(before), Some(after)) => before == after,
            _ => false,
        }
}

/// Lists the lines that hold code.
pub(super) fn lines(root: Node<'_>) -> BTreeSet<u32> {
    let mut lines = BTreeSet::new();
    each(root, |node| lines.extend(line(node)..=last_line(node)));
    lines
}

fn tokens(language: Language, source: &str) -> Option<Vec<&str>> {
    let tree = parse(language, source)?;
    let mut tokens = Vec::new();
    each(tree.root_node(), |node| tokens.push(text(node, source)));
    Some(tokens)
}

fn each<'tree>(root: Node<'tree>, mut see: impl FnMut(Node<'tree>)) {
    walk(root, |node, _| {
        if node.kind().contains("comment") || is_documentation(node) {
            return Walk::Past;
        }
        if node.child_count() == 0 {
            see(node);
        }
        Walk::Into
    });
}

/// Tells whether it is a text that stands as a statement: Python's documentation.
pub(super) fn is_documentation(node: Node<'_>) -> bool {
    node.kind() == "expression_statement"
        && node.named_child_count() == 1
        && node.named_child(0).is_some_and(|child| matches!(child.kind(), "string" | "concatenated_string"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_documentation_are_no_code() {
        for (language, before, after, is_same) in [
            (Language::Rust, "fn a() {}", "/// A.\nfn a() { /* b */ }", true),
            (Language::Rust, "fn a() { 1 }", "fn a() { 2 }", false),
            (
                Language::Python,
                "def f():\n    return 1\n",
                "def f():\n    \"\"\"F.\"\"\"\n    return 1  # one\n",
                true,
            ),
            (Language::Python, "A = 'x'\n", "A = 'y'\n", false),
            (Language::JavaScript, "f(1)", "f(1) // x", true),
        ] {
            assert_eq!(is_same_code(language, before, after), is_same, "{before} {after}");
        }
    }
}
