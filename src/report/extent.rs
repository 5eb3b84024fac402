//! How much a run changed, in numbers and words.

use super::markdown::inline;
use super::review::Review;
use super::spoken::plural;
use crate::evidence::event::{Change, ChangeKind};
use crate::plan::units;

/// Says how much changed, and what it cost.
pub(super) fn extent(review: &Review) -> String {
    let files = plural(review.files.len() as u64, "file");
    let base = inline(&review.base.name);
    let extent = match (&review.branch, review.files.len()) {
        (Some(made), _) => {
            format!("{}, {files}, {}", plural(made.commits, "commit"), lines(review.added, review.removed))
        }
        (None, 0) => format!("nothing changed since {base}: no branch"),
        (None, _) => format!("{files} changed since {base}, but there is no branch"),
    };
    let cost = review.spent.cost.filter(|cost| *cost > 0).map(|cost| format!(", {}", units::dollars(cost)));
    extent + &cost.unwrap_or_default()
}

/// Says how many lines came and went.
pub(super) fn lines(added: u64, removed: u64) -> String {
    format!("+{added} −{removed}")
}

/// Names a changed file with what happened to it.
pub(super) fn changed_file(change: &Change) -> String {
    format!("{} {}", inline(change.path.as_str()), counts(change))
}

/// Says what happened to a file.
pub(super) fn counts(change: &Change) -> String {
    let counts = match (change.added, change.removed) {
        (Some(added), Some(0)) => format!("+{added}"),
        (Some(added), Some(removed)) => lines(added, removed),
        _ => "binary".to_owned(),
    };
    let gone = if change.kind == ChangeKind::Deleted { " deleted" } else { "" };
    counts + gone
}
