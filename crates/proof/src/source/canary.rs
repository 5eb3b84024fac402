//! Takes a test file, gives it with tests that must fail.
//!
//! One fails by itself, one by each assertion that the file uses: who has made an assertion, or the reporting of
//! failures, harmless has made these pass, too. What does not find a test beside which they belong is left alone: a
//! runner does not look into a helper, and a canary there would be missed.

mod go;
mod java;
mod python;
mod rust;
mod script;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::Language;
use super::tree::{self, Walk};
use crate::runner::CanaryRunner;

/// More assertions than a file gets canaries for.
const MOST: usize = 8;

/// A file with tests that must fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planted {
    /// The whole file.
    pub text: String,
    /// What the ids of the canaries end in, as a report has them. Each must be reported, as failed.
    pub ids: Vec<String>,
}

/// Appends tests that must fail to a test file; `name` is random, of letters, digits and `_`. `None` if the file cannot
/// carry one.
pub fn canary(language: Language, runner: CanaryRunner, text: &str, name: &str) -> Option<Planted> {
    use CanaryRunner as R;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let tree = tree::parse(language, text).filter(|_| is_name)?;
    let root = tree.root_node();
    // Files of one change get the same name: a canary that fails in one must not stand for that of another.
    let name = &format!("{name}_{:08x}", mark(text));
    let plan = match (language, runner) {
        (Language::Rust, R::Cargo) => rust::plan(root, text, name),
        (Language::Python, R::Pytest | R::Unittest) => python::plan(root, text, name, runner == R::Pytest),
        (Language::Go, R::Go) => go::plan(root, text, name),
        (Language::Java, R::Junit4 | R::Junit5) => java::plan(root, text, name),
        (_, R::NodeTest | R::Mocha | R::Jest | R::Vitest) if language.is_script() => {
            script::plan(root, text, name)
        }
        _ => None,
    }?;
    let (before, behind) = (text.get(..plan.at)?, text.get(plan.at..)?);
    let planted = format!("{before}\n{}{behind}", plan.tests);
    // What the parser made of the file was a guess, if the same file with canaries makes less sense.
    let is_worse = errors(tree::parse(language, &planted)?.root_node()) > errors(root);
    (!is_worse).then_some(Planted { text: planted, ids: plan.ids })
}

/// What tells a file from others: FNV-1a of its text.
fn mark(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |mark, byte| (mark ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// Where which tests are put.
struct Plan {
    at: usize,
    tests: String,
    ids: Vec<String>,
}

impl Plan {
    fn at(at: usize) -> Self {
        Self { at, tests: String::new(), ids: Vec::new() }
    }

    /// Adds one test for each way to fail: `write` gets the name of the test and the way.
    fn add(
        &mut self,
        name: &str,
        ways: impl IntoIterator<Item = String>,
        write: impl Fn(&str, &str) -> String,
    ) {
        for way in ways {
            let id = format!("{name}_{}", self.ids.len());
            self.tests.push_str(&write(&id, &way));
            self.ids.push(id);
        }
    }
}

/// How many places of a tree make no sense.
fn errors(root: Node<'_>) -> usize {
    let mut count = 0;
    tree::walk(root, |node, _| {
        count += usize::from(node.is_error() || node.is_missing());
        if node.has_error() { Walk::Into } else { Walk::Past }
    });
    count
}

/// What the calls of a file call, as it is written, each once, by name.
fn called<'text>(root: Node<'_>, text: &'text str, call: &str, field: &str) -> BTreeSet<&'text str> {
    let mut called = BTreeSet::new();
    tree::walk(root, |node, _| {
        if node.kind() == call
            && let Some(name) = node.child_by_field_name(field)
            && name.byte_range().len() < 200
        {
            called.insert(tree::text(name, text));
        }
        Walk::Into
    });
    called
}

/// The ways to fail that a table has for the assertions which a file uses.
fn ways<'text>(
    used: impl IntoIterator<Item = &'text str>,
    table: &'static [(&'static str, &'static str)],
    write: impl Fn(&'text str, &str) -> String,
) -> Vec<String> {
    used.into_iter()
        .filter_map(|name| {
            let last = name.rsplit(['.', ':']).next()?;
            let (_, args) = table.iter().find(|(known, _)| *known == last)?;
            Some(write(name, args))
        })
        .take(MOST)
        .collect()
}
