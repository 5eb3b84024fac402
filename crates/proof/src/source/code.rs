//! Takes source text, gives what of it is code: no comments, no documentation.

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::Language;
use super::lines::added;
use super::tree::{Walk, parse, text, walk};

/// Tells whether two versions of a file hold the same code. What cannot be parsed differs.
pub fn is_same_code(language: Language, before: &str, after: &str) -> bool {
    before == after
        || match (tokens(language, before), tokens(language, after)) {
            (Some(before), Some(after)) => before == after,
            _ => false,
        }
}

/// Tells where the later version's words of code begin that the earlier one has not, in bytes.
pub(super) fn written(
    language: Language,
    before: Option<&str>,
    root: Node<'_>,
    after: &str,
) -> BTreeSet<usize> {
    let mut starts = Vec::new();
    each(root, |node| starts.push((node.start_byte(), text(node, after))));
    let Some(old) = before.and_then(|before| tokens(language, before)) else {
        return starts.into_iter().map(|(at, _)| at).collect();
    };
    let new: Vec<&str> = starts.iter().map(|(_, word)| *word).collect();
    added(&old, &new).into_iter().filter_map(|index| starts.get(index)).map(|(at, _)| *at).collect()
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
