//! Takes two versions of a text, gives what the later one wrote.

use std::collections::BTreeSet;

use similar::{Algorithm, DiffTag, capture_diff_slices};

/// How many parts are compared one by one: of what is longer, each counts as written that the earlier version has nowhere.
/// A diff of hostile text takes time that grows with the square.
pub(super) const COMPARED: usize = 20_000;

/// Gives the indices of the parts of `new` that `old` has not.
pub(super) fn added(old: &[&str], new: &[&str]) -> Vec<usize> {
    if old.len().max(new.len()) > COMPARED {
        let known: BTreeSet<&str> = old.iter().copied().collect();
        return (0..new.len()).filter(|index| !known.contains(new[*index])).collect();
    }
    capture_diff_slices(Algorithm::Patience, old, new)
        .iter()
        .filter(|op| matches!(op.tag(), DiffTag::Insert | DiffTag::Replace))
        .flat_map(similar::DiffOp::new_range)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_found_also_in_what_is_too_long_to_be_compared() {
        assert_eq!(added(&["a", "b"], &["a", "x", "b", "c"]), [1, 3]);
        let long = vec!["a"; COMPARED + 1];
        let mut longer = long.clone();
        longer.push("x");
        assert_eq!(added(&long, &longer), [COMPARED + 1]);
    }
}
