//! Takes a test file, gives it with every test made to fail behind all that it does: one that passes all the same does not run to
//! its end, or somebody makes its failures good.
//!
//! A canary has a name of its own, and may be let through by who knows it; these have the names of the tests that prove.

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::Language;
use super::tree::{Walk, attributes, line_to, named, parse, text, walk};

/// A file whose tests must fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoiled {
    /// The whole file.
    pub text: String,
    /// What the tests are called that were made to fail: the last part of their ids.
    pub names: BTreeSet<String>,
}

/// What is put where.
struct Edit {
    at: usize,
    behind: usize,
    new: String,
}

impl Edit {
    fn insert(at: usize, new: String) -> Self {
        Self { at, behind: at, new }
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
            Language::Rust => rust(node, source),
            Language::Go => go(node, source),
            _ if language.is_script() => script(node, source),
            _ => None,
        };
        if let Some((name, edit)) = found {
            match edit {
                Some(edit) => {
                    edits.extend(edit);
                    names.insert(name);
                }
                None => {
                    left.insert(name);
                }
            }
        }
        Walk::Into
    });
    names.retain(|name| !left.contains(name));
    edits.sort_by_key(|edit: &Edit| edit.at);
    let (mut text, mut done) = (String::new(), 0);
    for edit in edits {
        text.push_str(source.get(done..edit.at)?);
        text.push_str(&edit.new);
        done = edit.behind;
    }
    text.push_str(source.get(done..)?);
    let is_whole = !parse(language, &text)?.root_node().has_error();
    (is_whole && !names.is_empty()).then_some(Spoiled { text, names })
}

/// A test by its name, with what makes it fail; nothing of one of which it is not known how.
type Found = Option<(String, Option<Vec<Edit>>)>;

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
    } else if leaves(body, "return_statement", &["function_definition", "lambda", "class_definition"]) {
        Edit::insert(first.start_byte(), format!("{fails}\n{}", line_to(source, first.start_byte())))
    } else {
        Edit::insert(last.end_byte(), format!("\n{}{fails}", line_to(source, first.start_byte())))
    };
    Some((name, Some(vec![edit])))
}

/// Tells whether a body is left before its end: a node of a kind stands in it, and in none of its inner functions.
fn leaves(body: Node<'_>, kind: &str, inner: &[&str]) -> bool {
    let mut found = false;
    walk(body, |node, _| {
        found |= node.kind() == kind;
        if inner.contains(&node.kind()) { Walk::Past } else { Walk::Into }
    });
    found
}

fn rust(node: Node<'_>, source: &str) -> Found {
    let name = node.child_by_field_name("name").filter(|_| node.kind() == "function_item")?;
    let attributes = attributes(node, source);
    let is_test = |own: &&&str| {
        let own = own.trim_start_matches(['#', '[', ' ']).trim_end_matches([']', ' ']);
        own.rsplit("::").next() == Some("test")
    };
    attributes.iter().find(is_test)?;
    let name = text(name, source).to_owned();
    let is_plain = node.child_by_field_name("return_type").is_none()
        && !attributes.iter().any(|own| own.contains("should_panic"));
    let edit = is_plain.then(|| block(node, source, "return_expression", "panic!(\"must fail\");")).flatten();
    Some((name, edit))
}

/// Lets a block fail at its end, or at its beginning where it is left before.
fn block(function: Node<'_>, source: &str, leaving: &str, fails: &str) -> Option<Vec<Edit>> {
    const INNER: [&str; 8] = [
        "function_item",
        "closure_expression",
        "async_block",
        "func_literal",
        "arrow_function",
        "function_expression",
        "function_declaration",
        "method_definition",
    ];
    let body = function.child_by_field_name("body")?;
    let (start, end) = (body.start_byte() + 1, body.end_byte().checked_sub(1)?);
    if !text(body, source).starts_with('{') {
        return None;
    }
    if leaves(body, leaving, &INNER) {
        return Some(vec![Edit::insert(start, format!(" {fails}"))]);
    }
    let ends = named(body).into_iter().rfind(|own| !own.kind().contains("comment"));
    // Go's ends with its line.
    let is_open = fails.ends_with(';') && ends.is_some_and(|own| !text(own, source).ends_with([';', '}']));
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
    Some((name, edit.flatten()))
}

/// `test('name', () => …)`, also of `it` and as a method of a test.
fn script(node: Node<'_>, source: &str) -> Found {
    let called = node.child_by_field_name("function").filter(|_| node.kind() == "call_expression")?;
    let last = text(called, source).rsplit('.').next()?;
    if !matches!(last, "test" | "it" | "specify") && !matches!(text(called, source), "test.only" | "it.only")
    {
        return None;
    }
    let arguments = named(node.child_by_field_name("arguments")?);
    let (first, run) = (arguments.first()?, arguments.last()?);
    let plain = text(*first, source).get(1..).and_then(|rest| rest.get(..rest.len().checked_sub(1)?))?;
    if first.kind() != "string" || plain.contains(['\\', '\n']) {
        return None;
    }
    let is_run = matches!(run.kind(), "arrow_function" | "function_expression");
    let edit = is_run.then(|| script_body(*run, source)).flatten();
    Some((plain.to_owned(), edit))
}

fn script_body(run: Node<'_>, source: &str) -> Option<Vec<Edit>> {
    let fails = "throw new Error('must fail');";
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
        return block(run, source, "return_statement", fails);
    }
    let own = text(run, source);
    let is_async = own.starts_with("async");
    let mut edits = Vec::new();
    if !is_async {
        edits.push(Edit::insert(run.start_byte(), "async ".to_owned()));
    }
    edits.push(Edit {
        at: body.start_byte(),
        behind: body.end_byte(),
        new: format!("{{ await ({}); {fails} }}", text(body, source)),
    });
    Some(edits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_fail_behind_all_that_they_do() {
        for (language, source, wanted, names) in [
            (
                Language::Python,
                "def test_a():\n    assert f()\n\n\nclass TestB:\n    def test_b(self):\n        with x:\n            y()\n",
                "def test_a():\n    assert f()\n    raise AssertionError(\"must fail\")\n\n\nclass TestB:\n    def test_b(self):\n        with x:\n            y()\n        raise AssertionError(\"must fail\")\n",
                "test_a test_b",
            ),
            (
                Language::Python,
                "def test_a():\n    if f():\n        return\n    assert g()\n",
                "def test_a():\n    raise AssertionError(\"must fail\")\n    if f():\n",
                "test_a",
            ),
            (
                Language::Python,
                "def test_a():\n\tif f():\n\t\treturn\n\tassert g()\n",
                "def test_a():\n\traise AssertionError(\"must fail\")\n\tif f():\n",
                "test_a",
            ),
            (
                Language::Python,
                "def test_a(): assert 1\n",
                "test_a(): raise AssertionError(\"must fail\"); assert",
                "test_a",
            ),
            (
                Language::JavaScript,
                "test('a', () => f(1));\nit('b', async () => {\n  await g();\n});\n",
                "test('a', async () => { await (f(1)); throw new Error('must fail'); });\nit('b', async () => {\n  await g();\nthrow new Error('must fail');\n\n});\n",
                "a b",
            ),
            (
                Language::JavaScript,
                "test('a', () => { f() })",
                "{ f();\nthrow new Error('must fail');\n })",
                "a",
            ),
            (
                Language::Rust,
                "#[test]\nfn a() {\n    assert!(x)\n}\n#[test]\n#[should_panic]\nfn b() { f(); }\n",
                "    assert!(x);\npanic!(\"must fail\");\n\n}\n#[test]\n#[should_panic]\nfn b() { f(); }\n",
                "a",
            ),
            (
                Language::Go,
                "package a\n\nfunc TestA(t *testing.T) {\n\tf()\n}\n",
                "\tf()\n\nt.Error(\"must fail\")\n}\n",
                "TestA",
            ),
        ] {
            let found = spoiled(language, source).unwrap();
            assert!(found.text.contains(wanted), "{}", found.text);
            assert_eq!(found.names.into_iter().collect::<Vec<_>>().join(" "), names);
        }
    }

    #[test]
    fn what_cannot_be_made_to_fail_has_no_name() {
        for (language, source) in [
            (Language::Python, "def helper():\n    pass\n"),
            (Language::JavaScript, "test('a', (t, done) => f(done));\n"),
            (Language::JavaScript, "test(`a ${b}`, () => f());\n"),
            (Language::Rust, "#[test]\nfn a() -> Result<(), ()> { Ok(()) }\n"),
            (Language::Java, "class A { @Test void a() {} }"),
        ] {
            assert_eq!(spoiled(language, source), None, "{source}");
        }
    }
}
