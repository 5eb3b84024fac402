//! Takes source text, gives its tree, within bounds: what is larger, deeper or slower than source ever is, is not parsed.

use std::ops::ControlFlow;

use tree_sitter::{Node, ParseOptions, Parser, Point, Tree};

use super::Language;

/// What a file may measure.
const BYTES: usize = 4 << 20;
/// How deep a node may lie: beyond it nothing is looked at.
const DEPTH: usize = 1_000;
/// How often the parser may report progress: it does so every hundred operations, and source takes about one
/// operation a token.
const REPORTS: usize = 200_000;
/// How much is handed to the parser at a time.
const CHUNK: usize = 4 << 10;
/// How often the whole may be read, on average: a scanner of a language may look far ahead at every word, such as Python's
/// behind each comment.
const REREAD: usize = 64;

/// Parses; `None` if the text is out of bounds.
pub(super) fn parse(language: Language, text: &str) -> Option<Tree> {
    if text.len() > BYTES {
        return None;
    }
    let mut parser = Parser::new();
    parser.set_language(&language.grammar()).ok()?;
    let mut reports = 0;
    let mut bounded = |_: &tree_sitter::ParseState| {
        reports += 1;
        if reports > REPORTS { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let (bytes, mut handed) = (text.as_bytes(), 0);
    let most = text.len().saturating_mul(REREAD) + CHUNK;
    let mut read = |at: usize, _: Point| {
        // What is read again and again is taken for its end, and then for no tree.
        let chunk = bytes.get(at..).map(|left| &left[..left.len().min(CHUNK)]).unwrap_or_default();
        handed += chunk.len();
        if handed > most { &[][..] } else { chunk }
    };
    let options = ParseOptions::new().progress_callback(&mut bounded);
    let tree = parser.parse_with_options(&mut read, None, Some(options));
    tree.filter(|_| handed <= most)
}

/// Whether a walk looks into a node.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Walk {
    /// Its children come next.
    Into,
    /// Its children are left out.
    Past,
}

/// Walks over all nodes, parents first, with those above each, the root first; a deep tree costs no stack.
pub(super) fn walk<'tree>(top: Node<'tree>, mut see: impl FnMut(Node<'tree>, &[Node<'tree>]) -> Walk) {
    let mut cursor = top.walk();
    let mut above: Vec<Node<'tree>> = Vec::new();
    loop {
        let node = cursor.node();
        if see(node, &above) == Walk::Into && above.len() < DEPTH && cursor.goto_first_child() {
            above.push(node);
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() || above.pop().is_none() {
                return;
            }
        }
    }
}

/// The named children of a node.
pub(super) fn named(node: Node<'_>) -> Vec<Node<'_>> {
    node.named_children(&mut node.walk()).collect()
}

/// The text of a node.
pub(super) fn text<'text>(node: Node<'_>, source: &'text str) -> &'text str {
    source.get(node.byte_range()).unwrap_or_default()
}

/// The line of a node, counted from 1.
pub(super) fn line(node: Node<'_>) -> u32 {
    u32::try_from(node.start_position().row).unwrap_or(u32::MAX).saturating_add(1)
}

/// Where the line of a place begins.
pub(super) fn line_start(source: &str, at: usize) -> usize {
    source[..at].rfind('\n').map_or(0, |end| end + 1)
}

/// What stands before a place in its line.
pub(super) fn line_to(source: &str, at: usize) -> &str {
    &source[line_start(source, at)..at]
}

/// The attributes before an item of Rust.
pub(super) fn attributes<'text>(item: Node<'_>, source: &'text str) -> Vec<&'text str> {
    let mut found = Vec::new();
    let mut before = item.prev_named_sibling();
    while let Some(node) = before {
        match node.kind() {
            "attribute_item" => found.push(text(node, source)),
            "line_comment" | "block_comment" => {}
            _ => break,
        }
        before = node.prev_named_sibling();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_source_has_a_tree_and_what_is_too_large_has_none() {
        let comments = "# a comment, as long as they are\n".repeat(10_000);
        assert!(parse(Language::Python, &comments).is_some());
        let text = "def f():\n    # one\n    return 1\n\n".repeat(2_000);
        assert!(parse(Language::Python, &text).is_some());
        assert!(parse(Language::Python, &"a\n".repeat(BYTES)).is_none());
    }
}
