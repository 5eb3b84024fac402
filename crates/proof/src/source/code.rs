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
    let places: Vec<usize> = starts.iter().map(|(at, _)| *at).collect();
    let lines = Lines::written(before.unwrap_or_default(), after);
    let mut all = BTreeSet::new();
    for run in runs(&added(&old, &new)) {
        let own: Vec<usize> = run.iter().filter_map(|index| places.get(*index)).copied().collect();
        // `'b': 2,` behind `'a': 1,` may as well be `b': 2, '`, with the sign of a line that was there.
        let on_new_lines: Vec<usize> = own.iter().copied().filter(|at| lines.holds(*at)).collect();
        all.extend(if on_new_lines.is_empty() { own } else { on_new_lines });
    }
    all
}

/// Takes indices apart where one is left out.
fn runs(indices: &[usize]) -> impl Iterator<Item = &[usize]> {
    indices.chunk_by(|one, next| one + 1 == *next)
}

/// The lines that a later version wrote.
struct Lines {
    written: BTreeSet<usize>,
    starts: Vec<usize>,
}

impl Lines {
    fn written(before: &str, after: &str) -> Self {
        let split = |text| str::split_inclusive(text, '\n').collect::<Vec<_>>();
        let (old, new) = (split(before), split(after));
        let starts = new.iter().scan(0, |at, line| Some(std::mem::replace(at, *at + line.len())));
        Self { starts: starts.collect(), written: added(&old, &new).into_iter().collect() }
    }

    fn holds(&self, at: usize) -> bool {
        let line = self.starts.partition_point(|start| *start <= at);
        line.checked_sub(1).is_some_and(|line| self.written.contains(&line))
    }
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
    fn a_line_that_was_there_is_not_written() {
        for (language, before, after, expected) in [
            (Language::Python, "A = {\n'a': 1,\n'c': 1,\n}\n", "A = {\n'a': 1,\n'b': 1,\n'c': 1,\n}\n", 3),
            (Language::JavaScript, "f('a');\nf('c');\n", "f('a');\nf('b');\nf('c');\n", 2),
            (Language::Rust, "f();\n", "f();\nf();\n", 2),
        ] {
            let tree = parse(language, after).unwrap();
            let written = written(language, Some(before), tree.root_node(), after);
            let line = |at: &usize| after[..*at].matches('\n').count() + 1;
            let lines: BTreeSet<usize> = written.iter().map(line).collect();
            assert_eq!(lines.len(), 1, "{after}: {written:?}");
            assert!(language == Language::Rust || lines.contains(&expected), "{after}: {lines:?}");
        }
    }

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
