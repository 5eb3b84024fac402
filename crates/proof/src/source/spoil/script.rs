//! Takes a node of a file in JavaScript, gives the test that it is, and what makes it fail.

use tree_sitter::Node;

use super::{Edit, Found, block, leaves};
use crate::source::tree::{Walk, named, text, walk};

const FAILS: &str = "throw new Error('must fail');";

/// `test('name', () => …)`, also of `it` and as a method of a test.
pub(super) fn test(node: Node<'_>, source: &str) -> Found {
    if !is_test(node, source) {
        return None;
    }
    let arguments = named(node.child_by_field_name("arguments")?);
    let first = arguments.first()?;
    let plain = text(*first, source).get(1..).and_then(|rest| rest.get(..rest.len().checked_sub(1)?))?;
    if first.kind() != "string" || plain.contains(['\\', '\n']) {
        return None;
    }
    // Options may stand before it, how long it may take behind it.
    let run = arguments.iter().rfind(|own| matches!(own.kind(), "arrow_function" | "function_expression"));
    let edit = run.and_then(|run| body(*run, source));
    Some((vec![plain.to_owned()], edit))
}

fn is_test(node: Node<'_>, source: &str) -> bool {
    let called = node.child_by_field_name("function").filter(|_| node.kind() == "call_expression");
    let Some(called) = called.map(|called| text(called, source)) else { return false };
    let last = called.rsplit('.').next().unwrap_or_default();
    matches!(last, "test" | "it" | "specify")
        || matches!(called, "test.only" | "it.only" | "test.concurrent" | "it.concurrent")
}

fn body(run: Node<'_>, source: &str) -> Option<Vec<Edit>> {
    let parameters = run.child_by_field_name("parameters");
    let given = parameters.map_or(0, |own| own.named_child_count());
    // One that is told when it is over may end by that.
    let is_told = parameters
        .or_else(|| run.child_by_field_name("parameter"))
        .is_some_and(|own| text(own, source).contains("done"));
    if given > 1 || is_told {
        return None;
    }
    let body = run.child_by_field_name("body")?;
    if body.kind() == "statement_block" {
        // A failure at its beginning would leave the tests in it out.
        let is_left_before = leaves(body, "return_statement") && holds_tests(body, source);
        return (!is_left_before).then(|| block(run, source, "return_statement", FAILS)).flatten();
    }
    let mut edits = Vec::new();
    if !text(run, source).starts_with("async") {
        edits.push(Edit::insert(run.start_byte(), "async "));
    }
    edits.push(Edit::insert(body.start_byte(), "{ await ("));
    edits.push(Edit::insert(body.end_byte(), format!("); {FAILS} }}")));
    Some(edits)
}

fn holds_tests(body: Node<'_>, source: &str) -> bool {
    let mut found = false;
    walk(body, |node, _| {
        found |= is_test(node, source);
        if found { Walk::Past } else { Walk::Into }
    });
    found
}
