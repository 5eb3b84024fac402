//! Takes two versions of a source file, gives the later one with one value of its new code changed, again and again: what no
//! test notices is not tested. By the languages' own trees, never by patterns on text.

mod edge;
mod kinds;
mod machine;
mod skip;
mod spread;

use kinds::{Edit, Rank};
pub use spread::spread;

use tree_sitter::Node;

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
    /// The first and the last line of the function that it is in, or of what stands at the top of the file.
    pub within: (u32, u32),
    /// Where a condition changes its mind: what stands on that edge may come out the same on either side.
    pub is_edge: bool,
    /// It is all that a function does.
    pub is_body: bool,
}

/// Gives the values that the later version wrote, each changed by itself: those that matter most first.
pub fn mutations(language: Language, before: Option<&str>, after: &str) -> Vec<Mutation> {
    let Some(tree) = parse(language, after) else { return Vec::new() };
    let changed = code::written(language, before, tree.root_node(), after);
    let mut edits: Vec<(Rank, Place, Edit)> = Vec::new();
    walk(tree.root_node(), |node, above| {
        if !node.is_named() && node.child_count() > 0 || skip::is_none_of_it(language, node, after) {
            return Walk::Past;
        }
        if changed.range(node.byte_range()).next().is_none() {
            return Walk::Past;
        }
        let edits_of_node = kinds::of(language, node, above, after);
        let place = Place { line: line(node), within: within(node, above) };
        edits.extend(edits_of_node.into_iter().map(|(rank, edit)| (rank, place, edit)));
        Walk::Into
    });
    edits.sort_by_key(|(rank, place, edit)| (*rank, place.line, edit.range.start));
    edits.retain(|(_, _, edit)| after.get(edit.range.clone()).is_some_and(|own| own != edit.new));
    let applied = edits.into_iter().take(most(after.len())).map(|(rank, place, edit)| Mutation {
        line: place.line,
        within: place.within,
        is_edge: edit.is_edge,
        is_body: rank == Rank::Body,
        what: what(&after[edit.range.clone()], &edit),
        // Who looks for the text of the code finds it, and has noticed nothing.
        text: remark::replaced(language, tree.root_node(), after, edit.range, &edit.new),
    });
    applied.collect()
}

/// Where a change of a value is.
#[derive(Clone, Copy)]
struct Place {
    line: u32,
    within: (u32, u32),
}

/// The lines of the innermost function that a node is in, or is; without one, of what stands at the top of the file.
fn within(node: Node<'_>, above: &[Node<'_>]) -> (u32, u32) {
    const FUNCTIONS: [&str; 5] = [
        "function_item",
        "function_definition",
        "function_declaration",
        "method_declaration",
        "method_definition",
    ];
    let own = above.iter().chain([&node]).rfind(|own| FUNCTIONS.contains(&own.kind()));
    let own = own.or(above.get(1)).unwrap_or(&node);
    let last = u32::try_from(own.end_position().row).unwrap_or(u32::MAX).saturating_add(1);
    (line(*own), last)
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
