//! Takes a source file that is no test, gives where its new code asks whether tests run it, or reaches for what runs them: code
//! that is right only there is not right.

use tree_sitter::Node;

use super::tree::{Walk, line, parse, text, walk};
use super::{Language, code};

/// Words of what runs tests. They are looked for as words: neither letter nor digit stands beside them.
const PYTHON: [&str; 4] = ["pytest", "PYTEST", "junitxml", "unittest"];
const SCRIPT: [&str; 5] = ["NODE_TEST_CONTEXT", "node:test", "JEST_WORKER_ID", "VITEST", "MOCHA"];
const RUST: [&str; 2] = ["NEXTEST", "RUST_TEST"];
/// The flags that `go test` gives to what it runs, behind `test.`.
const FLAGS: [&str; 9] =
    ["v", "run", "count", "timeout", "short", "parallel", "bench", "paniconexit0", "testlogfile"];

/// What runners of JavaScript's set where all code sees it, and what `import.meta` has of them.
const GLOBAL: [&str; 5] = ["jest", "vi", "vitest", "mocha", "describe"];

/// Finds the first place of the new code that asks, and by which word.
pub fn asks(language: Language, before: Option<&str>, after: &str) -> Option<(u32, String)> {
    let tree = parse(language, after)?;
    let written = code::written(language, before, tree.root_node(), after);
    let mut found = None;
    walk(tree.root_node(), |node, above| {
        if found.is_some() || node.kind().contains("comment") || code::is_documentation(node) {
            return Walk::Past;
        }
        if node.child_count() == 0
            && written.contains(&node.start_byte())
            && is_asked(language, node, above, after)
        {
            found = Some((line(node), text(node, after).trim_matches(['"', '\'', '`']).to_owned()));
        }
        Walk::Into
    });
    found
}

fn is_asked(language: Language, node: Node<'_>, above: &[Node<'_>], source: &str) -> bool {
    let own = text(node, source);
    let has = |words: &[&str]| words.iter().any(|word| is_word(own, word));
    match language {
        Language::Python => has(&PYTHON),
        Language::Rust => has(&RUST) || own == "test" && above.iter().any(|node| is_cfg(*node, source)),
        Language::Go => is_testing(own, node, above) || names_a_test_of_go(own),
        Language::Java => false,
        _ => has(&SCRIPT) || is_global(own, above, source) || is_mode(own, above, source),
    }
}

/// Tells whether a word stands in a text by itself. `PYTEST` does in `PYTEST_CURRENT_TEST`, and not in `PYTESTS`.
fn is_word(own: &str, word: &str) -> bool {
    let is_edge = |beside: Option<char>| beside.is_none_or(|c| !c.is_alphanumeric());
    own.match_indices(word).any(|(at, _)| {
        is_edge(own[..at].chars().next_back()) && is_edge(own[at + word.len()..].chars().next())
    })
}

fn is_cfg(node: Node<'_>, source: &str) -> bool {
    node.kind() == "macro_invocation" && text(node, source).trim_start().starts_with("cfg!")
}

/// `testing.Testing()`, and the package itself in what is no test.
fn is_testing(own: &str, node: Node<'_>, above: &[Node<'_>]) -> bool {
    let is_import = above.iter().any(|node| node.kind() == "import_spec");
    own.trim_matches('"') == "testing" && (is_import || node.kind().ends_with("identifier"))
}

/// A flag of `go test`, what all of them begin with, or what the name of a program of tests ends in.
fn names_a_test_of_go(own: &str) -> bool {
    let bare = own.trim_matches(['"', '`']);
    matches!(bare, ".test" | "-test." | "test." | ".test.exe")
        || FLAGS.iter().any(|flag| is_word(bare, &format!("test.{flag}")))
}

/// `typeof jest`, `globalThis.describe`, `import.meta.vitest`.
fn is_global(own: &str, above: &[Node<'_>], source: &str) -> bool {
    if !GLOBAL.contains(&own) {
        return false;
    }
    above.iter().rev().take(2).any(|node| {
        let of = node.child_by_field_name("object").map(|of| text(of, source));
        let is_of_all =
            of.is_some_and(|of| matches!(of, "import.meta" | "globalThis" | "global" | "window" | "self"));
        is_of_all || node.kind() == "unary_expression" && text(*node, source).starts_with("typeof")
    })
}

/// `process.env.NODE_ENV === 'test'`, as jest and vitest set it.
fn is_mode(own: &str, above: &[Node<'_>], source: &str) -> bool {
    let is_of_mode = |node: &Node<'_>| {
        let own = text(*node, source);
        node.kind() == "binary_expression"
            && (is_word(own, "NODE_ENV") || own.contains("import.meta.env.MODE"))
    };
    own == "test" && above.iter().rev().take(3).any(is_of_mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_code_that_asks_whether_tests_run_is_found() {
        for (language, before, after, expected) in [
            (Language::Python, None, "import os\nA = 'PYTEST_CURRENT_TEST' in os.environ\n", Some(2)),
            (Language::Python, None, "import sys\nA = 'pytest' in sys.modules\n", Some(2)),
            (Language::Python, None, "import _pytest.python\n", Some(1)),
            (Language::Python, Some("import pytest\n"), "import pytest\nA = 1\n", None),
            (Language::Python, None, "# pytest\nA = 1\n", None),
            (Language::Python, None, "\"\"\"Under pytest.\"\"\"\n", None),
            (Language::Python, None, "A = 'happytests'\n", None),
            (Language::JavaScript, None, "if (process.env.NODE_TEST_CONTEXT) a();\n", Some(1)),
            (Language::JavaScript, None, "if (process.env.VITEST_WORKER_ID) a();\n", Some(1)),
            (Language::JavaScript, None, "const a = require('node:test');\n", Some(1)),
            (Language::JavaScript, None, "const a = require('node:assert');\n", None),
            (Language::JavaScript, None, "if (import.meta.jest) a();\n", Some(1)),
            (Language::TypeScript, None, "if (import.meta.vitest) a();\n", Some(1)),
            (Language::JavaScript, None, "if (import.meta['vitest']) a();\n", Some(1)),
            (Language::JavaScript, None, "const a = 'import.meta.jest';\n", None),
            (Language::JavaScript, None, "const a = typeof jest !== 'undefined';\n", Some(1)),
            (Language::JavaScript, None, "const a = typeof vi === 'string' ? b : globalThis.c;\n", Some(1)),
            (Language::JavaScript, None, "const a = 'describe' in b, jest = 1;\n", None),
            (Language::JavaScript, None, "if (process.env.NODE_ENV === 'test') a();\n", Some(1)),
            (Language::JavaScript, None, "if (process.env.NODE_ENV !== 'production') a('test');\n", None),
            (Language::JavaScript, None, "const a = 'PREVITESTING';\n", None),
            (Language::Rust, None, "fn a() -> bool {\n    cfg!(test)\n}\n", Some(2)),
            (Language::Rust, None, "fn a() -> bool { cfg!(unix) && test() }\n", None),
            (Language::Rust, None, "fn a() { b(\"NEXTEST_RUN_ID\") }\n", Some(1)),
            (Language::Rust, None, "fn a() { b(\"NEXTESTER\") }\n", None),
            (Language::Go, None, "package a\nimport \"testing\"\n", Some(2)),
            (Language::Go, None, "package a\nvar b = \"tested\"\n", None),
            (Language::Go, None, "package a\nvar b = \"testing\"\n", None),
            (Language::Go, None, "package a\nvar b = testing.Testing()\n", Some(2)),
            (Language::Go, None, "package a\nvar b = \"latest.version\"\n", None),
            (Language::Go, None, "package a\nvar b = \"test.version\"\n", None),
            (Language::Go, None, "package a\nvar b = flag.Lookup(\"test.v\")\n", Some(2)),
            (Language::Go, None, "package a\nvar b = `-test.timeout=10m`\n", Some(2)),
            (Language::Go, None, "package a\nvar b = strings.HasSuffix(os.Args[0], \".test\")\n", Some(2)),
        ] {
            let found = asks(language, before, after);
            assert_eq!(found.as_ref().map(|(line, _)| *line), expected, "{after}: {found:?}");
        }
    }
}
