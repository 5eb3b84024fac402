//! JavaScript and TypeScript: takes a test file, gives tests behind everything, by the names that the file has for them.

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::{MOST, Plan, called, ways};
use crate::source::tree::{self, Walk};

/// Functions of node's or chai's `assert`, with arguments with which they fail.
const ASSERT: &[(&str, &str)] = &[
    ("assert", "false"),
    ("deepEqual", "[1], [2]"),
    ("deepStrictEqual", "[1], [2]"),
    ("doesNotThrow", "() => { throw new Error('must fail'); }"),
    ("equal", "1, 2"),
    ("fail", ""),
    ("isFalse", "true"),
    ("isTrue", "false"),
    ("match", "'a', /b/"),
    ("notDeepStrictEqual", "[1], [1]"),
    ("notEqual", "1, 1"),
    ("notStrictEqual", "1, 1"),
    ("ok", "false"),
    ("rejects", "Promise.resolve()"),
    ("strictEqual", "1, 2"),
    ("throws", "() => {}"),
];

/// What `expect` has behind it in jest, vitest and chai, with what is expected of what.
const EXPECT: &[(&str, &str, &str)] = &[
    ("toBe", "1", "2"),
    ("toEqual", "1", "2"),
    ("toStrictEqual", "1", "2"),
    ("toBeTruthy", "false", ""),
    ("toBeFalsy", "true", ""),
    ("toBeNull", "1", ""),
    ("toBeUndefined", "1", ""),
    ("toBeDefined", "undefined", ""),
    ("toContain", "[1]", "2"),
    ("toHaveLength", "[]", "1"),
    ("toMatch", "'a'", "/b/"),
    ("toMatchObject", "{ a: 1 }", "{ a: 2 }"),
    ("toThrow", "() => {}", ""),
    ("to.equal", "1", "2"),
    ("to.be.equal", "1", "2"),
    ("to.eql", "1", "2"),
    ("to.deep.equal", "[1]", "[2]"),
    ("to.throw", "() => {}", ""),
];

/// Names of what makes a test.
const TESTS: [&str; 3] = ["test", "it", "specify"];

pub(super) fn plan(root: Node<'_>, text: &str, name: &str) -> Option<Plan> {
    let used = called(root, text, "call_expression", "function");
    let test = maker(root, text, &used)?;
    let asserts = used.iter().copied().filter(|name| is_assert(name, text));
    let mut all = vec!["{ throw new Error('must fail'); }".to_owned()];
    all.extend(ways(asserts, ASSERT, |name, args| format!("{name}({args})")));
    all.extend(expected(&used));
    let mut plan = Plan::at(text.len());
    plan.add(name, all, |id, way| format!("\n;{test}('{id}', () => {way});\n"));
    Some(plan)
}

/// What the file makes tests by: one of the names that are known, or what it calls one of them.
fn maker(root: Node<'_>, text: &str, used: &BTreeSet<&str>) -> Option<String> {
    let renamed = renamed(root, text);
    let plain = |name: &str| TESTS.contains(&name) || renamed.iter().any(|own| own == name);
    let of = |name: &&&str| {
        let name = name.trim_end_matches(".each").trim_end_matches(".only");
        plain(name) || name.split_once('.').is_some_and(|(of, last)| plain(of) && TESTS.contains(&last))
    };
    let found = used.iter().find(of)?;
    Some(found.trim_end_matches(".each").trim_end_matches(".only").to_owned())
}

/// Names that the file gives to what node has for tests: `{ test: check }`, `{ it as check }`, `import check from`.
fn renamed(root: Node<'_>, text: &str) -> Vec<String> {
    let mut names = Vec::new();
    tree::walk(root, |node, above| {
        let part = |field| node.child_by_field_name(field).map(|part| tree::text(part, text));
        let pair = match node.kind() {
            "import_specifier" => part("name").zip(part("alias")),
            "pair_pattern" => part("key").zip(part("value")),
            "variable_declarator" => part("value").filter(|value| is_node_test(value)).zip(part("name")),
            _ => None,
        };
        names.extend(
            pair.filter(|(of, _)| TESTS.contains(of) || is_node_test(of)).map(|(_, own)| own.to_owned()),
        );
        let is_default =
            node.kind() == "identifier" && above.last().is_some_and(|up| up.kind() == "import_clause");
        if is_default
            && above.iter().rev().nth(1).is_some_and(|import| tree::text(*import, text).contains("node:test"))
        {
            names.push(tree::text(node, text).to_owned());
        }
        Walk::Into
    });
    names.retain(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$')));
    names
}

fn is_node_test(value: &str) -> bool {
    let value: String = value.chars().filter(|char| !char.is_whitespace()).collect();
    ["require('node:test')", "require(\"node:test\")"]
        .iter()
        .any(|known| value.strip_prefix(known).is_some_and(|rest| matches!(rest, "" | ".test" | ".it")))
}

/// A name that the file calls is one of an assertion: of `assert`, or taken out of a module of that name.
fn is_assert(name: &str, text: &str) -> bool {
    let is_plain =
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'.'));
    let of_assert = name == "assert" || name.starts_with("assert.");
    let taken = !name.contains('.')
        && ["assert'", "assert\"", "assert/strict", "chai"].iter().any(|of| text.contains(of));
    // What a file calls `t` is given to its tests, and is not there beside them.
    is_plain && (of_assert || taken)
}

/// A failure for each way in which the file uses `expect`.
fn expected(used: &BTreeSet<&str>) -> Vec<String> {
    let behind = |name: &&str| {
        let (_, behind) = name.strip_prefix("expect(")?.rsplit_once(").")?;
        Some(behind.trim().trim_start_matches("not.").to_owned())
    };
    let behind: BTreeSet<String> = used.iter().filter_map(behind).collect();
    EXPECT
        .iter()
        .filter(|(last, ..)| behind.contains(*last))
        .map(|(last, of, is)| format!("expect({of}).{last}({is})"))
        .take(MOST)
        .collect()
}
