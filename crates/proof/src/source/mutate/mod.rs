//! Takes two versions of a source file, gives the later one with one value of its new code changed, again and again: what no
//! test notices is not tested. By the languages' own trees, never by patterns on text.

mod choose;
mod kinds;
mod skip;

use std::collections::BTreeSet;
use std::ops::Range;

pub use choose::choose;
use kinds::{Edit, Rank};

use super::lines::{all_lines, changed_lines};
use super::tree::{Walk, last_line, line, parse, walk};
use super::{Language, code};

/// Mutations of one file that are given at most.
const MOST: usize = 200;

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

/// Gives the values on the changed lines of code, each changed by itself: those that matter most first.
pub fn mutations(language: Language, before: Option<&str>, after: &str) -> Vec<Mutation> {
    let changed = before.map_or_else(|| all_lines(after), |before| changed_lines(before, after));
    let Some(tree) = parse(language, after).filter(|_| !changed.is_empty()) else { return Vec::new() };
    let code = code::lines(tree.root_node());
    let changed: BTreeSet<u32> = changed.intersection(&code).copied().collect();
    let mut edits: Vec<(Rank, u32, Edit)> = Vec::new();
    walk(tree.root_node(), |node, above| {
        if !node.is_named() && node.child_count() > 0 || skip::is_none_of_it(language, node, after) {
            return Walk::Past;
        }
        let (first, last) = (line(node), last_line(node));
        if changed.range(first..=last).next().is_none() {
            return Walk::Past;
        }
        for (rank, edit) in kinds::of(language, node, above, after) {
            // A body is changed where any line of it is; a value is where it stands.
            if rank == Rank::Body || changed.contains(&first) {
                edits.push((rank, first, edit));
            }
        }
        Walk::Into
    });
    edits.sort_by_key(|(rank, line, edit)| (*rank, *line, edit.range.start));
    let applied = edits.into_iter().take(MOST).map(|(_, line, edit)| Mutation {
        line,
        what: what(&after[edit.range.clone()], &edit),
        text: replaced(after, edit.range, &edit.new),
    });
    applied.filter(|mutation| mutation.text != after).collect()
}

fn replaced(text: &str, range: Range<usize>, new: &str) -> String {
    [&text[..range.start], new, &text[range.end..]].concat()
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
