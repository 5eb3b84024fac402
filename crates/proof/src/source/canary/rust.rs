//! Rust: takes a file, gives functions behind the last of its tests, where they are built whenever tests are.

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::{Plan, ways};
use crate::source::tree::{self, Walk, attributes};

/// Macros that assert, with arguments with which they fail.
const MACROS: &[(&str, &str)] = &[
    ("assert", "false"),
    ("assert_eq", "1, 2"),
    ("assert_ne", "1, 1"),
    ("panic", "\"must fail\""),
    ("unreachable", ""),
];

/// Nothing has to be called for this to fail, so nobody can have replaced it.
const BARE: &str = "let none: &[u8] = &[]; let _ = none[0];";

pub(super) fn plan(root: Node<'_>, text: &str, name: &str) -> Option<Plan> {
    let mut used = BTreeSet::new();
    let (mut always, mut sometimes) = (None, None);
    let mut has_own = false;
    tree::walk(root, |node, above| {
        match node.kind() {
            "macro_invocation" => {
                let name = node.child_by_field_name("macro").map(|name| tree::text(name, text));
                used.extend(name);
            }
            "use_declaration" => has_own |= is_of_test(tree::text(node, text)),
            _ => {}
        }
        if is_test(node, text) && above.iter().all(|above| is_place(*above)) {
            let is_always = above.iter().chain([&node]).all(|above| is_built(*above, text));
            let place = if is_always { &mut always } else { &mut sometimes };
            *place = Some(node.end_byte());
        }
        Walk::Into
    });
    let at = always.or(sometimes)?;
    let attribute = if has_own { "core::prelude::v1::test" } else { "test" };
    let mut all = vec![BARE.to_owned()];
    all.extend(ways(used, MACROS, |name, args| format!("{name}!({args});")));
    let mut plan = Plan::at(at);
    plan.add(name, all, |id, way| {
        format!("\n#[{attribute}]\n#[allow(non_snake_case, unconditional_panic)]\nfn {id}() {{ {way} }}\n")
    });
    Some(plan)
}

/// A function beside this one is one that can be a test.
fn is_place(above: Node<'_>) -> bool {
    matches!(above.kind(), "source_file" | "mod_item" | "declaration_list" | "expression_statement")
}

/// It is built whenever tests are, by its attributes.
fn is_built(item: Node<'_>, text: &str) -> bool {
    attributes(item, text).iter().all(|attribute| {
        let attribute: String = attribute.split_whitespace().collect();
        !attribute.starts_with("#[cfg(") || attribute == "#[cfg(test)]"
    })
}

/// It is a test, or makes some: `proptest! { #[test] … }`.
fn is_test(node: Node<'_>, text: &str) -> bool {
    match node.kind() {
        "function_item" => attributes(node, text).iter().any(|attribute| {
            let name = attribute.trim_start_matches(['#', '[', ' ']).split([']', '(', ' ']).next();
            let last = name.unwrap_or_default().rsplit(':').next().unwrap_or_default();
            matches!(last, "test" | "rstest" | "test_case" | "quickcheck")
        }),
        "macro_invocation" => tree::text(node, text).contains("#[test]"),
        _ => false,
    }
}

/// The `use` of something that is called `test`, and stands for libtest's.
fn is_of_test(declaration: &str) -> bool {
    let declaration = declaration.trim_end_matches(';');
    declaration.split(['{', '}', ',']).any(|part| {
        let last = part.trim().rsplit("::").next().unwrap_or_default();
        last == "test" || last.ends_with(" as test") || last.ends_with(" test")
    })
}
