//! Go: takes a test file, gives functions beside its tests.

use tree_sitter::Node;

use super::{Plan, called, ways};
use crate::source::tree;

/// Assertions of testify, with arguments with which they fail.
const TESTIFY: &[(&str, &str)] = &[
    ("Equal", "t, 1, 2"),
    ("EqualValues", "t, 1, 2"),
    ("Equalf", "t, 1, 2, \"must fail\""),
    ("Error", "t, nil"),
    ("False", "t, true"),
    ("Len", "t, []int{}, 1"),
    ("Nil", "t, 1"),
    ("NotEqual", "t, 1, 1"),
    ("NotNil", "t, nil"),
    ("True", "t, false"),
];

/// Methods of `testing.T` that fail a test.
const FAIL: &[(&str, &str)] = &[
    ("Error", "\"must fail\""),
    ("Errorf", "\"must fail\""),
    ("Fail", ""),
    ("FailNow", ""),
    ("Fatalf", "\"must fail\""),
];

pub(super) fn plan(root: Node<'_>, text: &str, name: &str) -> Option<Plan> {
    let given = tree::named(root).into_iter().find_map(|node| given(node, text))?;
    let used = called(root, text, "call_expression", "function");
    let own = |prefix: &str| -> Vec<&str> {
        let of = |name: &&str| name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.'));
        used.iter().copied().filter(of).collect()
    };
    let mut all = vec!["t.Fatal(\"must fail\")".to_owned()];
    all.extend(ways(own("t"), FAIL, |name, args| format!("{name}({args})")));
    if text.contains("/testify/") {
        let own = own("assert").into_iter().chain(own("require"));
        all.extend(ways(own, TESTIFY, |name, args| format!("{name}({args})")));
    }
    let mut plan = Plan::at(text.len());
    plan.add(name, all, |id, way| format!("\nfunc Test_{id}(t {given}) {{\n\t{way}\n}}\n"));
    Some(plan)
}

/// What a test is given, as the file writes it: `*testing.T`.
fn given<'text>(node: Node<'_>, text: &'text str) -> Option<&'text str> {
    let is_test = node.kind() == "function_declaration"
        && tree::text(node.child_by_field_name("name")?, text).starts_with("Test");
    let parameters = tree::named(node.child_by_field_name("parameters")?);
    let [parameter] = parameters.as_slice() else { return None };
    let kind = tree::text(parameter.child_by_field_name("type")?, text);
    // `TestMain` takes an M.
    (is_test && kind.starts_with('*') && kind.ends_with('T')).then_some(kind)
}
