//! Takes a test file, gives it with every test made to fail behind all that it does: one that passes all the same does not run to
//! its end, or somebody makes its failures good.
//!
//! A canary has a name of its own, and may be let through by who knows it; these have the names of the tests that prove.

mod rust;
mod script;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::Language;
use super::tree::{Walk, line_to, named, parse, text, walk};

/// A file whose tests must fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoiled {
    /// The whole file.
    pub text: String,
    /// What the tests are called that were made to fail: the last part of their ids, or, with `::` at its end, what stands
    /// before the last part.
    pub names: BTreeSet<String>,
}

/// What is put where.
struct Edit {
    at: usize,
    new: String,
}

impl Edit {
    fn insert(at: usize, new: impl Into<String>) -> Self {
        Self { at, new: new.into() }
    }
}

/// Makes the tests of a file fail; `None` if there are none of which it is known how.
pub fn spoiled(language: Language, source: &str) -> Option<Spoiled> {
    let tree = parse(language, source)?;
    if tree.root_node().has_error() {
        return None;
    }
    let (mut edits, mut names) = (Vec::new(), BTreeSet::new());
    // A name that also a test has which cannot be made to fail tells nothing.
    let mut left = BTreeSet::new();
    walk(tree.root_node(), |node, _| {
        let found = match language {
            Language::Python => python(node, source),
            Language::Rust => rust::test(node, source),
            Language::Go => go(node, source),
            _ if language.is_script() => script::test(node, source),
            _ => None,
        };
        if let Some((own, edit)) = found {
            match edit {
                Some(edit) => {
                    edits.extend(edit);
                    names.extend(own);
                }
                None => left.extend(own),
            }
        }
        Walk::Into
    });
    names.retain(|name| !left.contains(name));
    // Nothing is taken out, so that a test in a test has its own place.
    edits.sort_by_key(|edit: &Edit| edit.at);
    let (mut text, mut done) = (String::new(), 0);
    for edit in edits {
        text.push_str(source.get(done..edit.at)?);
        text.push_str(&edit.new);
        done = edit.at;
    }
    text.push_str(source.get(done..)?);
    let is_whole = !parse(language, &text)?.root_node().has_error();
    (is_whole && !names.is_empty()).then_some(Spoiled { text, names })
}

/// A test by its names, with what makes it fail; nothing of one of which it is not known how.
type Found = Option<(Vec<String>, Option<Vec<Edit>>)>;

fn python(node: Node<'_>, source: &str) -> Found {
    let name = node.child_by_field_name("name").filter(|_| node.kind() == "function_definition")?;
    let name = text(name, source).to_owned();
    if !name.starts_with("test") {
        return None;
    }
    let body = node.child_by_field_name("body")?;
    let statements = named(body);
    let (first, last) = (statements.first()?, statements.last()?);
    let fails = "raise AssertionError(\"must fail\")";
    let edit = if body.start_position().row == node.start_position().row {
        Edit::insert(body.start_byte(), format!("{fails}; "))
    } else if leaves(body, "return_statement") {
        Edit::insert(first.start_byte(), format!("{fails}\n{}", line_to(source, first.start_byte())))
    } else {
        Edit::insert(last.end_byte(), format!("\n{}{fails}", line_to(source, first.start_byte())))
    };
    Some((vec![name], Some(vec![edit])))
}

/// Functions within a function: what leaves them does not leave it.
const INNER: [&str; 11] = [
    "function_item",
    "closure_expression",
    "async_block",
    "func_literal",
    "arrow_function",
    "function_expression",
    "function_declaration",
    "method_definition",
    "function_definition",
    "lambda",
    "class_definition",
];

/// Tells whether a body is left before its end: a node of a kind stands in it, and in none of its inner functions.
fn leaves(body: Node<'_>, kind: &str) -> bool {
    let mut found = false;
    walk(body, |node, _| {
        found |= node.kind() == kind;
        if INNER.contains(&node.kind()) { Walk::Past } else { Walk::Into }
    });
    found
}

/// Tells whether the word stands in a text, for one without a tree.
fn returns(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "return")
}

/// Lets a block fail at its end, or at its beginning where it is left before.
fn block(function: Node<'_>, source: &str, leaving: &str, fails: &str) -> Option<Vec<Edit>> {
    let body = function.child_by_field_name("body")?;
    let (start, end) = (body.start_byte() + 1, body.end_byte().checked_sub(1)?);
    if !text(body, source).starts_with('{') {
        return None;
    }
    if leaves(body, leaving) {
        return Some(vec![Edit::insert(start, format!(" {fails}"))]);
    }
    let ends = named(body).into_iter().rfind(|own| !own.kind().contains("comment"));
    // Go's ends with its line.
    let is_open =
        fails.ends_with([';', '}']) && ends.is_some_and(|own| !text(own, source).ends_with([';', '}']));
    let at = ends.map_or(start, |own| own.end_byte()).min(end);
    Some(vec![Edit::insert(at, format!("{}\n{fails}\n", if is_open { ";" } else { "" }))])
}

fn go(node: Node<'_>, source: &str) -> Found {
    let name = node.child_by_field_name("name").filter(|_| node.kind() == "function_declaration")?;
    let name = text(name, source).to_owned();
    let parameters = text(node.child_by_field_name("parameters")?, source);
    let of =
        parameters.trim_start_matches('(').split_once("*testing.T").map(|(of, _)| of.trim().to_owned())?;
    if !name.starts_with("Test") {
        return None;
    }
    let edit = (!of.is_empty() && of != "_")
        .then(|| block(node, source, "return_statement", &format!("{of}.Error(\"must fail\")")));
    Some((vec![name], edit.flatten()))
}
