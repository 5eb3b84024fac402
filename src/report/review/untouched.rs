//! Takes what a run changed, gives what it did not touch that a reviewer would ask about. Silent rather than wrong.

use super::kinds::is_test;
use crate::evidence::RunState;
use crate::evidence::event::{Change, ChangeKind};

/// How the reasons begin for which a path is to be looked at, with what a reviewer calls such paths.
const GROUPS: [(&str, &str); 6] = [
    ("continuous integration", "CI"),
    ("instructs or configures agents", "agents' configuration"),
    ("runs, or chooses what runs, at a build", "build and dependencies"),
    ("a lock file", "lock files"),
    ("runs, or is obeyed, whenever", "start-up files"),
    ("no text", "binaries"),
];

/// Names what was not touched; nothing of a run without a result, and of one whose record does not tell.
pub(super) fn untouched(state: &RunState, changes: &[Change]) -> Vec<&'static str> {
    // Version 1 does not say of every path whether it was looked at; a path that is masked hides what it is.
    let is_told =
        state.start.origin.is_some() && !changes.iter().any(|change| change.path.as_str().contains("***"));
    if state.branch.is_none() || !is_told || changes.is_empty() {
        return Vec::new();
    }
    not_among(changes)
}

fn not_among(changes: &[Change]) -> Vec<&'static str> {
    let is_touched = |begin: &str, name: &str| changes.iter().any(|change| is_of(change, begin, name));
    let old_test = |change: &Change| change.kind != ChangeKind::Added && is_test(change.path.as_str());
    let tests = (!changes.iter().any(old_test)).then_some("existing tests");
    let others = GROUPS.iter().filter(|(begin, name)| !is_touched(begin, name)).map(|(_, name)| *name);
    tests.into_iter().chain(others).collect()
}

/// Tells whether a change is of a group. A path of several groups is recorded for the first of them: what can be told
/// otherwise, is.
fn is_of(change: &Change, begin: &str, name: &str) -> bool {
    let path = change.path.as_str().to_lowercase();
    let otherwise = match name {
        "binaries" => change.added.is_none(),
        "lock files" => path.rsplit('/').next().is_some_and(|name| name.contains("lock")),
        _ => false,
    };
    otherwise || change.review.as_ref().is_some_and(|why| why.as_str().starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Text;
    use crate::evidence::mask::Secrets;

    fn change(path: &str, kind: ChangeKind, why: Option<&str>) -> Change {
        let text = |text: &str| Text::new(&Secrets::default(), text);
        Change { path: text(path), kind, added: Some(1), removed: Some(0), review: why.map(text) }
    }

    #[test]
    fn only_what_nothing_of_was_changed_is_called_untouched() {
        let added = change("tests/new.rs", ChangeKind::Added, None);
        assert_eq!(not_among(std::slice::from_ref(&added)).len(), GROUPS.len() + 1);
        let old = change("tests/old.rs", ChangeKind::Deleted, None);
        let lock = change("Cargo.lock", ChangeKind::Modified, Some("a lock file: chooses"));
        let left = not_among(&[added, old, lock]);
        assert!(!left.contains(&"existing tests") && !left.contains(&"lock files"), "{left:?}");
        assert!(left.contains(&"CI"), "{left:?}");
    }

    #[test]
    fn every_reason_is_one_that_paths_are_reviewed_for() {
        let documented = include_str!("../../../docs/review.md");
        for (begin, _) in GROUPS {
            assert!(documented.contains(&format!("| {begin}")), "{begin}");
        }
    }
}
