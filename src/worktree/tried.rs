//! What merges came to, by the two commits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::error::WorktreeError;
use crate::git::Oid;

/// What merges came to that this process has tried: the same two commits come to the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Tried(Arc<Mutex<Conflicts>>);

/// Files in conflict, by both commits.
type Conflicts = HashMap<(Oid, Oid), Vec<String>>;

impl Tried {
    /// Returns what a merge of both came to, or tries it.
    pub(super) fn or_try(
        &self,
        both: (&Oid, &Oid),
        merge: impl FnOnce() -> Result<Vec<String>, WorktreeError>,
    ) -> Result<Vec<String>, WorktreeError> {
        let both = (both.0.clone(), both.1.clone());
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(conflicts) = known().get(&both) {
            return Ok(conflicts.clone());
        }
        let conflicts = merge()?;
        known().insert(both, conflicts.clone());
        Ok(conflicts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_two_commits_are_merged_once_and_what_failed_is_tried_again() {
        let tried = Tried::default();
        let [a, b] = ["a", "b"].map(|digit| Oid::parse(&digit.repeat(40)).unwrap());
        let garbled = || Err(WorktreeError::garbled("merge-tree"));
        assert!(tried.or_try((&a, &b), garbled).is_err());
        assert_eq!(tried.or_try((&a, &b), || Ok(vec!["x".to_owned()])).unwrap(), ["x"]);
        assert_eq!(tried.clone().or_try((&a, &b), garbled).unwrap(), ["x"]);
        assert!(tried.or_try((&b, &a), garbled).is_err());
    }
}
