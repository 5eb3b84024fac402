//! Takes two versions of a text, gives the lines that the later one wrote.

use std::collections::BTreeSet;

use similar::{Algorithm, DiffTag, capture_diff_slices};

/// How many lines are compared one by one: of what is longer, every line counts as changed that the earlier version
/// has nowhere. A diff of hostile text takes time that grows with the square.
const COMPARED: usize = 20_000;

/// Gives the lines of `after`, counted from 1, that `before` has not.
pub fn changed_lines(before: &str, after: &str) -> BTreeSet<u32> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    if old.len().max(new.len()) > COMPARED {
        let known: BTreeSet<&str> = old.into_iter().collect();
        let changed = new.iter().enumerate().filter(|(_, line)| !known.contains(*line));
        return changed.filter_map(|(at, _)| numbered(at)).collect();
    }
    capture_diff_slices(Algorithm::Patience, &old, &new)
        .iter()
        .filter(|op| matches!(op.tag(), DiffTag::Insert | DiffTag::Replace))
        .flat_map(similar::DiffOp::new_range)
        .filter_map(numbered)
        .collect()
}

fn numbered(at: usize) -> Option<u32> {
    u32::try_from(at).ok()?.checked_add(1)
}

/// Gives every line of a text that is new.
pub(super) fn all_lines(after: &str) -> BTreeSet<u32> {
    (0..after.lines().count()).filter_map(numbered).collect()
}
