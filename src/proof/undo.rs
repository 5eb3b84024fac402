//! Takes a change and what is known of its lines, gives the changed lines that are put back for a run each: those of which
//! nothing is known, the longest first.

use std::cmp::Reverse;

use autopilot_proof::source;
use autopilot_proof::verdict::{Ran, Undone, Verdict};

use super::change::{Change, Role};
use crate::worktree::Laid;

/// Changed lines that are put back for one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undo {
    path: String,
    first: u32,
    last: u32,
    /// The file, as it is laid above the result.
    pub laid: Laid,
}

impl Undo {
    /// Says what is put back, before it is known what comes of it.
    pub fn undone(&self) -> Undone {
        Undone { path: self.path.clone(), first: self.first, last: self.last, ran: Ran::default() }
    }

    fn holds(&self, at: &str) -> bool {
        let Some((path, line)) = at.rsplit_once(':') else { return false };
        path == self.path && line.parse().is_ok_and(|line| (self.first..=self.last).contains(&line))
    }
}

impl Change {
    /// Chooses at most so many.
    pub fn undos(&self, verdict: &Verdict, count: usize) -> Vec<Undo> {
        let mut all = Vec::new();
        for (file, _) in self.files.iter().filter(|(_, role)| *role != Role::Test) {
            let (Some(language), Some(after)) = (file.language(), file.text_after()) else { continue };
            let before = file.text_before();
            // What stood there is no text.
            if file.stood && before.is_none() {
                continue;
            }
            all.extend(source::hunks(language, before, after).into_iter().map(|hunk| Undo {
                path: file.shown(),
                first: hunk.first,
                last: hunk.last,
                laid: Laid::File(file.path.clone(), hunk.text.into_bytes()),
            }));
        }
        all.retain(|undo| !verdict.noticed.iter().any(|noticed| undo.holds(&noticed.at)));
        let length = |undo: &Undo| Reverse((undo.last + 1).saturating_sub(undo.first));
        all.sort_by_key(|undo| (length(undo), undo.path.clone(), undo.first));
        all.truncate(count);
        all
    }
}
