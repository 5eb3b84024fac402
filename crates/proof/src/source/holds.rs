//! Takes a source file, says where its tests are: by its name, as runners find them, and in Rust by what stands in it.

use super::tree::{Walk, parse, text, walk};
use super::{Language, weld};

/// Where a file's tests are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tests {
    /// The file is all test.
    Whole,
    /// Some of the file is: code and tests have to be taken apart.
    Within,
    /// There are none.
    None,
}

/// Folders in which all is for tests.
const FOLDERS: [&str; 8] =
    ["test", "tests", "testing", "__tests__", "__mocks__", "spec", "specs", "testdata"];

/// Says where the tests of a file are.
pub fn holds_tests(language: Language, path: &str, source: &str) -> Tests {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    if folders.split('/').any(|part| FOLDERS.contains(&part)) || is_named_so(language, name) {
        return Tests::Whole;
    }
    match language {
        Language::Rust if has_tests(source) => Tests::Within,
        _ => Tests::None,
    }
}

fn is_named_so(language: Language, name: &str) -> bool {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    match language {
        Language::Rust => {
            ["test", "tests"].contains(&stem) || stem.ends_with("_test") || stem.ends_with("_tests")
        }
        Language::Python => stem.starts_with("test_") || stem.ends_with("_test") || stem == "conftest",
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            [".test", ".spec", "-test", "-spec"].iter().any(|ending| stem.ends_with(ending))
        }
        Language::Go => stem.ends_with("_test"),
        Language::Java => {
            stem.starts_with("Test")
                || ["Test", "Tests", "TestCase", "IT"].iter().any(|end| stem.ends_with(end))
        }
    }
}

/// Tells whether a Rust file has items for tests, or tests in its documentation. What cannot be parsed may have some.
fn has_tests(source: &str) -> bool {
    let Some(tree) = parse(Language::Rust, source) else { return true };
    let mut found = !weld::doc_tests(source).is_empty();
    walk(tree.root_node(), |node, _| {
        found |= node.kind() == "attribute_item" && weld::is_for_tests(text(node, source));
        if found { Walk::Past } else { Walk::Into }
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_found_by_name_and_in_rust_by_what_stands_there() {
        use Language as L;
        for (path, source, expected) in [
            ("tests/parse.rs", "fn helper() {}", Tests::Whole),
            ("crates/a/tests/common/mod.rs", "", Tests::Whole),
            ("src/tests.rs", "", Tests::Whole),
            ("src/lib.rs", "pub fn a() {}", Tests::None),
            ("src/lib.rs", "#[cfg(test)]\nmod tests {}", Tests::Within),
            ("src/lib.rs", "mod a { #[cfg(all(test, unix))] fn x() {} }", Tests::Within),
            ("src/lib.rs", "#[test]\nfn x() {}", Tests::Within),
            (
                "src/lib.rs",
                "/// Adds.\n///\n/// ```\n/// assert!(true);\n/// ```\npub fn a() {}",
                Tests::Within,
            ),
            ("src/lib.rs", "/// Adds.\n///\n/// ```text\n/// a\n/// ```\npub fn a() {}", Tests::None),
            ("src/lib.rs", "#[cfg(not(test))]\nfn a() {}", Tests::Within),
            ("src/lib.rs", "const A: &str = \"#[cfg(test)]\";", Tests::None),
            ("test_a.py", "", Tests::Whole),
            ("src/a.py", "def test(): pass", Tests::None),
            ("src/a.test.ts", "", Tests::Whole),
            ("src/__tests__/a.js", "", Tests::Whole),
            ("src/latest.js", "", Tests::None),
            ("a_test.go", "", Tests::Whole),
            ("src/main/java/Latest.java", "", Tests::None),
            ("src/AppTest.java", "", Tests::Whole),
        ] {
            let language = L::of(path).unwrap();
            assert_eq!(holds_tests(language, path, source), expected, "{path}: {source}");
        }
    }
}
