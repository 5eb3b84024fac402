//! Takes two versions of a source file, gives the code of one with the tests of the other.
//!
//! Of Rust alone: tests are the items behind `#[cfg(test)]` and `#[test]`, and documentation that holds examples which run. An
//! item for tests stands at the file's top level or in a module; what is elsewhere cannot be taken apart. The tests of the
//! other version go to the end of the file or of the module that they were in, so modules are found by name.

use std::collections::BTreeMap;
use std::ops::Range;

use tree_sitter::Node;

use super::Language;
use super::tree::{Walk, named, parse, text, walk};

/// Why code and tests of a file cannot be taken apart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("code and tests cannot be taken apart: {0}")]
pub struct Inseparable(pub String);

/// Gives the code of one version of a file with the tests of another.
pub fn weld(language: Language, code_from: &str, tests_from: &str) -> Result<String, Inseparable> {
    if language != Language::Rust {
        return Err(Inseparable("only of Rust is it known which of a file's items are tests".to_owned()));
    }
    if code_from == tests_from {
        return Ok(code_from.to_owned());
    }
    let (code, tests) = (Parts::of(code_from)?, Parts::of(tests_from)?);
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    for range in code.items.values().flatten() {
        edits.push((range.clone(), String::new()));
    }
    for (module, ranges) in &tests.items {
        let all: Vec<&str> = ranges.iter().map(|range| &tests_from[range.clone()]).collect();
        let Some(&end) = code.ends.get(module) else {
            return Err(Inseparable(format!(
                "its tests are in the module `{module}`, which the other version does not have"
            )));
        };
        edits.push((end..end, format!("\n{}\n", all.join("\n"))));
    }
    // Documentation goes item by item: one that only one version has keeps its own.
    for (name, own) in &code.docs {
        let Some(other) = tests.docs.get(name) else { continue };
        let (before, after) = (&code_from[own.range.clone()], &tests_from[other.range.clone()]);
        if before != after && (has_example(before) || has_example(after)) {
            edits.push((own.range.clone(), after.to_owned()));
        }
    }
    for (name, own) in &tests.docs {
        if !code.docs.contains_key(name) && has_example(&tests_from[own.range.clone()]) {
            let text = &tests_from[own.range.clone()];
            let Some(&at) = code.named.get(name) else { continue };
            edits.push((at..at, format!("{text}\n")));
        }
    }
    Ok(applied(code_from, edits))
}

/// Tells whether an attribute makes an item one for tests.
pub(super) fn is_for_tests(attribute: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|w| !w.is_empty())
            .map(str::to_owned)
            .collect()
    };
    match words(attribute).as_slice() {
        [cfg, rest @ ..] if cfg == "cfg" || cfg == "cfg_attr" => rest.iter().any(|word| word == "test"),
        all => all.last().is_some_and(|word| word == "test") || all.iter().take(3).any(|word| word == "test"),
    }
}

/// Returns the documentation of a Rust file that holds examples which run.
pub(super) fn doc_tests(source: &str) -> Vec<Range<usize>> {
    let Ok(parts) = Parts::of(source) else { return Vec::new() };
    parts
        .docs
        .into_values()
        .map(|docs| docs.range)
        .filter(|range| has_example(&source[range.clone()]))
        .collect()
}

/// A file's parts.
#[derive(Default)]
struct Parts {
    /// Items for tests, by the module around them.
    items: BTreeMap<String, Vec<Range<usize>>>,
    /// Where a module ends: before its brace, or at the end of the file.
    ends: BTreeMap<String, usize>,
    /// Documentation of items that are no tests, by what is documented.
    docs: BTreeMap<String, Docs>,
    /// Where each such item begins, documented or not.
    named: BTreeMap<String, usize>,
}

struct Docs {
    range: Range<usize>,
}

impl Parts {
    fn of(source: &str) -> Result<Self, Inseparable> {
        let tree = parse(Language::Rust, source)
            .ok_or_else(|| Inseparable("it is larger or deeper than source ever is".to_owned()))?;
        let root = tree.root_node();
        if root.has_error() {
            return Err(Inseparable("it is not Rust that can be parsed".to_owned()));
        }
        let mut parts = Self::default();
        parts.ends.insert(String::new(), source.len());
        let mut inside = Vec::new();
        parts.module(root, "", source, &mut inside);
        // What is for tests anywhere else would stay with the code.
        let mut stray = None;
        walk(root, |node, _| {
            let range = node.byte_range();
            if inside.iter().any(|own: &Range<usize>| own.start <= range.start && range.end <= own.end) {
                return Walk::Past;
            }
            if node.kind() == "attribute_item" && is_for_tests(text(node, source)) {
                stray.get_or_insert(node.start_position().row + 1);
            }
            Walk::Into
        });
        match stray {
            Some(line) => Err(Inseparable(format!("line {line} is for tests, within what is not"))),
            None => Ok(parts),
        }
    }

    /// Takes the items of a module, with the attributes and the documentation before each.
    fn module(&mut self, module: Node<'_>, name: &str, source: &str, inside: &mut Vec<Range<usize>>) {
        let mut before: Vec<Node<'_>> = Vec::new();
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for node in named(module) {
            match node.kind() {
                "attribute_item" | "line_comment" | "block_comment" => {
                    before.push(node);
                    continue;
                }
                "inner_attribute_item" => {
                    before.clear();
                    continue;
                }
                _ => {}
            }
            // A comment behind the item before, on its line, is not of this one.
            let above = std::mem::take(&mut before);
            let attributes = above.iter().filter(|own| own.kind() == "attribute_item");
            if attributes.clone().any(|own| is_for_tests(text(*own, source))) {
                let first = above.iter().find(|own| own.kind() == "attribute_item" || is_doc(own, source));
                let range = first.map_or(node.start_byte(), Node::start_byte)..node.end_byte();
                inside.push(range.clone());
                self.items.entry(name.to_owned()).or_default().push(range);
                continue;
            }
            let own = format!("{name}::{} {}", node.kind(), title(node, source));
            let count = seen.entry(own.clone()).or_default();
            *count += 1;
            self.item(node, &above, &format!("{own}#{count}"), source);
            if let (true, Some(body)) = (node.kind() == "mod_item", node.child_by_field_name("body")) {
                let inner = format!("{name}::{}", title(node, source));
                self.ends.insert(inner.clone(), body.end_byte().saturating_sub(1));
                self.module(body, &inner, source, inside);
            } else if let Some(body) = node.child_by_field_name("body").filter(|_| is_block_of_items(node)) {
                let mut above: Vec<Node<'_>> = Vec::new();
                for inner in named(body) {
                    if matches!(inner.kind(), "attribute_item" | "line_comment" | "block_comment") {
                        above.push(inner);
                        continue;
                    }
                    let name = format!("{own}#{count}::{} {}", inner.kind(), title(inner, source));
                    self.item(inner, &std::mem::take(&mut above), &name, source);
                }
            }
        }
    }

    fn item(&mut self, node: Node<'_>, above: &[Node<'_>], name: &str, source: &str) {
        let start = above.first().map_or(node.start_byte(), Node::start_byte);
        let docs = docs(above, source);
        if let (Some(first), Some(last)) = (docs.first(), docs.last()) {
            // A line comment ends behind its newline.
            let end = first.start_byte() + source[first.start_byte()..last.end_byte()].trim_end().len();
            self.docs.insert(name.to_owned(), Docs { range: first.start_byte()..end });
        }
        let first = above
            .iter()
            .find(|own| own.kind() == "attribute_item")
            .map_or(node.start_byte(), Node::start_byte);
        self.named.insert(name.to_owned(), if docs.is_empty() { first } else { start });
    }
}

fn is_block_of_items(node: Node<'_>) -> bool {
    matches!(node.kind(), "impl_item" | "trait_item" | "struct_item" | "enum_item")
}

fn docs<'tree>(above: &[Node<'tree>], source: &str) -> Vec<Node<'tree>> {
    above.iter().filter(|node| is_doc(node, source)).copied().collect()
}

fn is_doc(node: &Node<'_>, source: &str) -> bool {
    let own = text(*node, source);
    (own.starts_with("///") && !own.starts_with("////"))
        || (own.starts_with("/**") && !own.starts_with("/***"))
}

/// Names an item: by its name, or what it is an implementation of and for.
fn title(node: Node<'_>, source: &str) -> String {
    let fields = ["name", "trait", "type"].map(|field| node.child_by_field_name(field));
    fields.into_iter().flatten().map(|field| text(field, source)).collect::<Vec<_>>().join(" ")
}

/// Words behind a fence of an example that is compiled or run all the same.
const RUN: [&str; 8] = [
    "rust",
    "should_panic",
    "edition2015",
    "edition2018",
    "edition2021",
    "edition2024",
    "no_run",
    "compile_fail",
];

/// Tells whether documentation holds an example that runs.
fn has_example(docs: &str) -> bool {
    let mut is_open = false;
    for line in docs.lines() {
        let line = line.trim_start().trim_start_matches(['/', '*', '!']).trim();
        let Some(fence) = line.strip_prefix("```").or_else(|| line.strip_prefix("~~~")) else { continue };
        is_open = !is_open;
        if !is_open {
            continue;
        }
        let words: Vec<&str> = fence.split([',', ' ']).filter(|word| !word.is_empty()).collect();
        if words.iter().all(|word| RUN.contains(word)) {
            return true;
        }
    }
    false
}

/// Applies edits that do not overlap, the last first; of two that do the larger holds.
fn applied(source: &str, mut edits: Vec<(Range<usize>, String)>) -> String {
    edits.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
    let (mut text, mut at) = (String::with_capacity(source.len()), 0);
    for (range, new) in edits {
        if range.start < at {
            continue;
        }
        text.push_str(&source[at..range.start]);
        text.push_str(&new);
        at = range.end;
    }
    text.push_str(&source[at..]);
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn welded(code: &str, tests: &str) -> String {
        weld(Language::Rust, code, tests).unwrap()
    }

    const BASE: &str = "//! A crate.\nuse std::fmt;\n\n/// One.\nfn unit(c: char) -> u8 {\n    1\n}\n\n#[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn old() {}\n}\n";

    #[test]
    fn the_code_of_one_has_the_tests_of_the_other() {
        let result = BASE
            .replace("    1\n", "    2\n")
            .replace("fn old() {}", "fn old() {}\n    #[test]\n    fn new() { unit('a'); }");
        let a = welded(BASE, &result);
        assert!(
            a.contains("    1\n") && a.contains("fn new()") && a.matches("mod tests").count() == 1,
            "{a}"
        );
        let k = welded(&result, BASE);
        assert!(k.contains("    2\n") && !k.contains("fn new()"), "{k}");
    }

    #[test]
    fn tests_of_an_inner_module_stay_in_it_and_helpers_for_tests_go_with_them() {
        let base = "mod a {\n    fn one() {}\n    #[cfg(test)]\n    mod tests {}\n}\n";
        let result = "mod a {\n    fn one() { two() }\n    fn two() {}\n    /// Helps.\n    #[cfg(test)]\n    fn help() {}\n    #[cfg(test)]\n    mod tests { fn t() { super::help() } }\n}\n";
        let a = welded(base, result);
        assert!(a.contains("fn help()") && a.contains("super::help()") && !a.contains("two"), "{a}");
        let inner = &a[..a.rfind('}').unwrap()];
        assert!(inner.contains("help"), "within the module: {a}");
        let why = weld(Language::Rust, "fn one() {}\n", result).unwrap_err();
        assert!(why.to_string().contains("module `::a`"), "{why}");
    }

    #[test]
    fn examples_in_documentation_are_tests() {
        let result = BASE
            .replace("/// One.\n", "/// One.\n///\n/// ```\n/// assert!(true);\n/// ```\n")
            .replace("    1\n", "    2\n");
        let a = welded(BASE, &result);
        assert!(a.contains("assert!(true)") && a.contains("    1\n"), "{a}");
        let bare = BASE.replace("/// One.\n", "");
        let a = welded(&bare, &result);
        assert!(a.contains("/// ```\nfn unit"), "{a}");
        // What only tells is of the code.
        let told = BASE.replace("/// One.", "/// Uno.");
        assert!(welded(BASE, &told).contains("/// One."), "no example, no test");
        assert_eq!(doc_tests(&result).len(), 1);
        assert!(!has_example("/// ```text\n/// a\n/// ```\n/// ```sh\n/// ```"));
    }

    #[test]
    fn what_cannot_be_taken_apart_is_not() {
        for (code, why) in [
            ("fn a() { #[cfg(test)] { b() } }", "line 1 is for tests"),
            ("struct A { #[cfg(test)] x: u8 }", "line 1 is for tests"),
            ("fn a( {", "not Rust"),
        ] {
            let error = weld(Language::Rust, code, BASE).unwrap_err();
            assert!(error.to_string().contains(why), "{code}: {error}");
        }
        assert!(weld(Language::Python, "a", "b").is_err());
    }

    proptest! {
        #[test]
        fn a_file_is_itself_whatever_it_is(at in 0..BASE.len(), noise in "\\PC{0,20}") {
            let text = format!("{}{noise}{}", &BASE[..at], &BASE[at..]);
            prop_assert_eq!(weld(Language::Rust, &text, &text).unwrap(), text.clone());
            let _ = weld(Language::Rust, BASE, &text);
            let _ = weld(Language::Rust, &text, BASE);
            if let Ok(welded) = weld(Language::Rust, BASE, &text) {
                prop_assert!(!parse(Language::Rust, &welded).unwrap().root_node().has_error(), "{}", welded);
            }
        }
    }
}
