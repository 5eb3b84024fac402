//! Takes a node of a Rust file, gives the tests that it is, and what makes them fail.

use tree_sitter::Node;

use super::{Edit, Found, block, leaves, returns};
use crate::source::tree::{attributes, named, text};

/// Attributes that make a function a test, by the last part of their path.
const PLAIN: [&str; 7] =
    ["test", "quickcheck", "proptest", "property_test", "gtest", "wasm_bindgen_test", "ktest"];
/// Those that may make several of it, whose names stand behind its own.
const SEVERAL: [&str; 5] = ["rstest", "test_case", "case", "test_matrix", "parameterized"];

/// Not `panic!` alone: what stands behind would be code that is never reached, and some crates allow none.
const FAILS: &str = "if true { panic!(\"must fail\"); }";

pub(super) fn test(node: Node<'_>, source: &str) -> Found {
    match node.kind() {
        "function_item" => function(node, source),
        "macro_invocation" => macros(node, source),
        _ => None,
    }
}

fn function(node: Node<'_>, source: &str) -> Found {
    let name = text(node.child_by_field_name("name")?, source).to_owned();
    let attributes = attributes(node, source);
    let makes = |several: &[&str]| attributes.iter().any(|own| several.contains(&last(own)));
    if !makes(&PLAIN) && !makes(&SEVERAL) {
        return None;
    }
    let below = makes(&SEVERAL).then(|| format!("{name}::"));
    let names: Vec<String> = [name].into_iter().chain(below).collect();
    let is_good_if_it_fails =
        attributes.iter().any(|own| own.contains("should_panic") || own.contains("panics"));
    let edit = match (is_good_if_it_fails, node.child_by_field_name("return_type")) {
        (true, _) => None,
        (false, None) => block(node, source, "return_expression", FAILS),
        (false, Some(_)) => with_result(node),
    };
    Some((names, edit))
}

/// The last part of an attribute's path: `test` of `#[tokio::test(flavor = "current_thread")]`.
fn last(attribute: &str) -> &str {
    let inner = attribute.trim_start_matches(['#', '!', '[', ' ']);
    let path = inner.split(['(', '[', '{', '=', ']']).next().unwrap_or_default();
    path.rsplit("::").next().unwrap_or_default().trim()
}

/// Before what it returns, or at its beginning where it is left before.
fn with_result(function: Node<'_>) -> Option<Vec<Edit>> {
    let body = function.child_by_field_name("body")?;
    if leaves(body, "return_expression") {
        return Some(vec![Edit::insert(body.start_byte() + 1, format!(" {FAILS}"))]);
    }
    let ends = named(body).into_iter().rfind(|own| !own.kind().contains("comment"))?;
    Some(vec![Edit::insert(ends.start_byte(), format!("{FAILS}\n"))])
}

/// The tests within `proptest! { … }`, of which there are only words.
fn macros(node: Node<'_>, source: &str) -> Found {
    let called = text(node.child_by_field_name("macro")?, source);
    let tree = named(node).into_iter().rfind(|own| own.kind() == "token_tree")?;
    if called.rsplit("::").next() != Some("proptest") {
        return None;
    }
    let words: Vec<Node<'_>> = tree.children(&mut tree.walk()).collect();
    let (mut names, mut edits) = (Vec::new(), Vec::new());
    let (mut is_test, mut at) = (false, 0);
    while let Some(own) = words.get(at) {
        let word = text(*own, source);
        at += 1;
        if word.replace(' ', "") == "[test]" {
            is_test = true;
        } else if word == "fn" {
            let name = words.get(at).map(|name| text(*name, source).to_owned());
            let body = words[at..].iter().position(|own| text(*own, source).starts_with('{'));
            if let (true, Some(name), Some(body)) = (is_test, name, body) {
                at += body + 1;
                edits.push(at_end_of_words(words[at - 1], source)?);
                names.push(name);
            }
            is_test = false;
        }
    }
    (!names.is_empty()).then_some((names, Some(edits)))
}

fn at_end_of_words(body: Node<'_>, source: &str) -> Option<Edit> {
    let own = text(body, source);
    if returns(own) {
        return Some(Edit::insert(body.start_byte() + 1, format!(" {FAILS}")));
    }
    let end = body.end_byte().checked_sub(1)?;
    let is_open = !own.trim_end_matches('}').trim_end().ends_with([';', '{']) && body.child_count() > 2;
    // A comment may stand there: on a line of its own, nothing is in it.
    Some(Edit::insert(end, format!("\n{}{FAILS}\n", if is_open { ";" } else { "" })))
}
