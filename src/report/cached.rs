//! What a run took of the folders that its plan keeps from run to run, and what it left of them, in a line.

use super::markdown::{clip, inline};
use super::spoken::plural;
use crate::evidence::RunState;
use crate::evidence::event::{CacheKept, CacheLooked};
use crate::plan::units;

/// Folders that are named, and characters of a reason.
const NAMED: usize = 4;
const REASON: usize = 200;

/// Says both; nothing of a run that has no such folders.
pub(super) fn line(state: &RunState) -> Option<String> {
    let (looked, kept) = &state.cache;
    let kept =
        kept.as_ref().map_or_else(|| "nothing kept".to_owned(), |own| self::kept(looked.as_ref(), own));
    Some(format!("{}; {kept}", found(looked.as_ref()?, inline)))
}

/// Says what was taken, in plain words.
pub fn taken(looked: &CacheLooked) -> String {
    found(looked, str::to_owned)
}

fn found(looked: &CacheLooked, show: impl Fn(&str) -> String) -> String {
    let named: Vec<String> = looked.folders.iter().take(NAMED).map(|folder| show(folder.as_str())).collect();
    let more = looked.folders.len().saturating_sub(NAMED) as u64;
    let more = if more == 0 { String::new() } else { format!(" and {}", plural(more, "folder")) };
    let folders = named.join(", ") + &more;
    match (&looked.run, &looked.base, &looked.why) {
        (Some(run), Some(base), _) => {
            let base: String = base.as_str().chars().take(12).collect();
            format!("hit: {folders} as run {} left them at {base}", String::from(run.clone()))
        }
        (.., Some(why)) => format!("miss: {folders} begin empty, {}", show(&clip(why.as_str(), REASON))),
        _ => format!("miss: {folders} begin empty"),
    }
}

fn kept(looked: Option<&CacheLooked>, kept: &CacheKept) -> String {
    let same = looked.is_some_and(|looked| looked.sha256.is_some() && looked.sha256 == kept.sha256);
    match &kept.why {
        _ if same => "unchanged, kept as they were".to_owned(),
        Some(why) => format!("nothing kept: {}", inline(&clip(why.as_str(), REASON))),
        None => format!("kept, {}", units::size(kept.bytes)),
    }
}
