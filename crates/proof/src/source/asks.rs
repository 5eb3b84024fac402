//! Takes a source file that is no test, gives where its new code asks whether tests run it, or reaches for what runs them: code
//! that is right only there is not right.

use tree_sitter::Node;

use super::tree::{Walk, line, parse, text, walk};
use super::{Language, code};

/// Words of what runs tests, as a part of a text or as a name.
const PYTHON: [&str; 4] = ["pytest", "PYTEST_", "junitxml", "unittest"];
const SCRIPT: [&str; 6] =
    ["NODE_TEST_CONTEXT", "node:test", "JEST_WORKER_ID", "VITEST", "MOCHA", "import.meta.jest"];
const RUST: [&str; 2] = ["NEXTEST", "RUST_TEST_"];
const GO: [&str; 2] = ["test.v", "test.run"];

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
            && let Some(word) = word(language, node, above, after)
        {
            found = Some((line(node), word));
        }
        Walk::Into
    });
    found
}

fn word(language: Language, node: Node<'_>, above: &[Node<'_>], source: &str) -> Option<String> {
    let own = text(node, source);
    let words: &[&str] = match language {
        Language::Python => &PYTHON,
        Language::Rust => &RUST,
        Language::Go => &GO,
        Language::Java => &[],
        _ => &SCRIPT,
    };
    let is_macro = |node: &Node<'_>| {
        node.kind() == "macro_invocation" && text(*node, source).trim_start().starts_with("cfg!")
    };
    let is_asked = match language {
        Language::Rust => own == "test" && above.iter().any(is_macro),
        // `testing.Testing()`, and the package itself in what is no test.
        Language::Go => own == "testing" || own == "\"testing\"",
        _ => false,
    };
    (is_asked || words.iter().any(|word| own.contains(word)))
        .then(|| own.trim_matches(['"', '\'']).to_owned())
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
            (Language::JavaScript, None, "if (process.env.NODE_TEST_CONTEXT) a();\n", Some(1)),
            (Language::JavaScript, None, "const a = require('node:assert');\n", None),
            (Language::Rust, None, "fn a() -> bool {\n    cfg!(test)\n}\n", Some(2)),
            (Language::Rust, None, "fn a() -> bool { cfg!(unix) && test() }\n", None),
            (Language::Go, None, "package a\nimport \"testing\"\n", Some(2)),
            (Language::Go, None, "package a\nvar b = \"tested\"\n", None),
        ] {
            let found = asks(language, before, after);
            assert_eq!(found.as_ref().map(|(line, _)| *line), expected, "{after}: {found:?}");
        }
    }
}
