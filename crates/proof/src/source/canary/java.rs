//! Java: takes a test class, gives methods beside its tests.

use tree_sitter::Node;

use super::{Plan, called, ways};
use crate::source::tree::{self, Walk};

/// Assertions of `JUnit`, with arguments with which they fail.
const ASSERTIONS: &[(&str, &str)] = &[
    ("assertArrayEquals", "new int[] {1}, new int[] {2}"),
    ("assertEquals", "1, 2"),
    ("assertFalse", "true"),
    ("assertNotEquals", "1, 1"),
    ("assertNotNull", "null"),
    ("assertNull", "1"),
    ("assertSame", "\"a\", \"b\""),
    ("assertThrows", "RuntimeException.class, () -> {}"),
    ("assertTrue", "false"),
    ("fail", "\"must fail\""),
];

pub(super) fn plan(root: Node<'_>, text: &str, name: &str) -> Option<Plan> {
    let mut last = None;
    tree::walk(root, |node, above| {
        let is_in_class = above.last().is_some_and(|above| above.kind() == "class_body");
        if node.kind() == "method_declaration"
            && is_in_class
            && let Some(annotation) = annotation(node, text)
        {
            last = Some((node.end_byte(), annotation));
        }
        Walk::Into
    });
    let (at, annotation) = last?;
    let used = called(root, text, "method_invocation", "name");
    let whole = qualified(root, text);
    let mut all = vec!["throw new AssertionError(\"must fail\");".to_owned()];
    all.extend(ways(used, ASSERTIONS, |name, args| {
        let of = whole.iter().find(|(of, method)| *method == name && !of.is_empty());
        let of = of.map(|(of, _)| format!("{of}.")).unwrap_or_default();
        format!("{of}{name}({args});")
    }));
    let mut plan = Plan::at(at);
    plan.add(name, all, |id, way| format!("\n    {annotation}\n    public void {id}() {{ {way} }}\n"));
    Some(plan)
}

/// The annotation that makes a method a test, without what it is given.
fn annotation(method: Node<'_>, text: &str) -> Option<String> {
    let modifiers = tree::named(method).into_iter().find(|node| node.kind() == "modifiers")?;
    tree::named(modifiers).into_iter().find_map(|node| {
        let name = tree::text(node.child_by_field_name("name")?, text);
        (name.rsplit('.').next() == Some("Test")).then(|| format!("@{name}"))
    })
}

/// The methods that are called, with the class they are called by.
fn qualified<'text>(root: Node<'_>, text: &'text str) -> Vec<(&'text str, &'text str)> {
    let mut found = Vec::new();
    tree::walk(root, |node, _| {
        if node.kind() == "method_invocation"
            && let Some(name) = node.child_by_field_name("name")
        {
            let of = node.child_by_field_name("object").filter(|of| {
                matches!(tree::text(*of, text).rsplit('.').next(), Some("Assert" | "Assertions"))
            });
            found.push((of.map(|of| tree::text(of, text)).unwrap_or_default(), tree::text(name, text)));
        }
        Walk::Into
    });
    found
}
