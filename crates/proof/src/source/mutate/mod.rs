//! Takes two versions of a source file, gives the later one with one value of its new code changed, again and again: what no
//! test notices is not tested. By the languages' own trees, never by patterns on text.

mod choose;
mod kinds;
mod skip;

pub use choose::choose;
use kinds::{Edit, Rank};

use super::tree::{Walk, line, parse, walk};
use super::{Language, code, remark};

/// Mutations of one file that are given at most.
const MOST: usize = 200;
/// What the texts of one file's mutations measure at most, together.
const BYTES: usize = 64 << 20;

/// A file with one value of it changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutation {
    /// The line, counted from 1.
    pub line: u32,
    /// What was done: "3 became 4".
    pub what: String,
    /// The whole file.
    pub text: String,
}

/// Gives the values that the later version wrote, each changed by itself: those that matter most first.
pub fn mutations(language: Language, before: Option<&str>, after: &str) -> Vec<Mutation> {
    let Some(tree) = parse(language, after) else { return Vec::new() };
    let changed = code::written(language, before, tree.root_node(), after);
    let mut edits: Vec<(Rank, u32, Edit)> = Vec::new();
    walk(tree.root_node(), |node, above| {
        if !node.is_named() && node.child_count() > 0 || skip::is_none_of_it(language, node, after) {
            return Walk::Past;
        }
        if changed.range(node.byte_range()).next().is_none() {
            return Walk::Past;
        }
        let edits_of_node = kinds::of(language, node, above, after);
        edits.extend(edits_of_node.into_iter().map(|(rank, edit)| (rank, line(node), edit)));
        Walk::Into
    });
    edits.sort_by_key(|(rank, line, edit)| (*rank, *line, edit.range.start));
    edits.retain(|(_, _, edit)| after.get(edit.range.clone()).is_some_and(|own| own != edit.new));
    let applied = edits.into_iter().take(most(after.len())).map(|(_, line, edit)| Mutation {
        line,
        what: what(&after[edit.range.clone()], &edit),
        // Who looks for the text of the code finds it, and has noticed nothing.
        text: remark::replaced(language, tree.root_node(), after, edit.range, &edit.new),
    });
    applied.collect()
}

/// Tells how many mutations of a file of so many bytes are given at most.
fn most(bytes: usize) -> usize {
    // Each holds the file twice.
    MOST.min(BYTES / 2 / bytes.max(1))
}

fn what(old: &str, edit: &Edit) -> String {
    edit.what.clone().unwrap_or_else(|| format!("{} became {}", short(old), short(&edit.new)))
}

/// Shows a text in a line.
fn short(text: &str) -> String {
    const SHOWN: usize = 40;
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

#[cfg(test)]
mod tests;
