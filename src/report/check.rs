//! Takes a run, gives what a reviewer should not miss, worst first: each item a text of Markdown, and no more of them, and
//! no longer, than fit on a screen.

use super::beside;
use super::markdown::{clip, inline};
use super::proof;
use super::spoken::plural;
use crate::evidence::RunState;
use crate::evidence::event::{AttemptResult, Change, ChangeKind, InGit};
use crate::evidence::state::Salvage;

/// Paths of a group, and other things of one kind, that are named; the rest is counted.
const NAMED: usize = 4;
/// Characters of a path, and of a reason.
const PATH: usize = 80;
const REASON: usize = 200;

/// Names what a reviewer should not miss.
pub(super) fn items(state: &RunState) -> Vec<String> {
    let searched = state.searched.iter().flat_map(|searched| searched.to_check(NAMED));
    let mut items: Vec<String> = searched.map(|what| inline(&clip(&what, REASON))).collect();
    items.extend(changed(&state.changes()));
    items.extend(few(proof::unproved(state).into_iter()));
    items.extend(few(beside::many(state)));
    let salvages: Vec<&Salvage> = state.salvages().map(|(_, salvage)| salvage).collect();
    let each = |what: fn(&Salvage) -> &Vec<String>| salvages.iter().flat_map(move |salvage| what(salvage));
    items.extend(few(mended(state)));
    items.extend(left_in_git(state));
    let secrets = each(|salvage| &salvage.secrets);
    items.extend(few(secrets.map(|what| format!("a secret in the salvage: {}", inline(&clip(what, PATH))))));
    items.extend(few(taken(state)));
    items.extend(few(refused_masks(state)));
    items.extend(few(failed(state)));
    let not_held = each(|salvage| &salvage.not_held);
    items.extend(few(not_held.map(|what| format!("not salvaged as it was: {}", inline(&clip(what, PATH))))));
    if state.start.dirty {
        items.push("the checkout had uncommitted changes, which were not part of the run".to_owned());
    }
    items
}

/// Names what was broken of the git that an attempt got.
fn mended(state: &RunState) -> impl Iterator<Item = String> {
    state.attempts().flat_map(|(step, attempt)| {
        let of = |what: &String| {
            format!("`{}` attempt {}: {}", step.id, attempt.number, inline(&clip(what, REASON)))
        };
        attempt.mended.iter().map(of)
    })
}

/// Names work that lay in the steps' own git and is not on the branch.
fn left_in_git(state: &RunState) -> Vec<String> {
    let item = |left: &InGit| {
        let saved = match &left.reference {
            Some(reference) => format!("saved as `{reference}`"),
            None => "not saved".to_owned(),
        };
        let what = inline(&clip(left.what.as_str(), PATH));
        format!("left in `.git`, not on the branch: {what}, {saved}")
    };
    let more = state.more_in_git + state.left_in_git.len().saturating_sub(NAMED) as u64;
    let mut items: Vec<String> = state.left_in_git.iter().take(NAMED).map(item).collect();
    if more > 0 {
        items.push(format!("left in `.git`, not on the branch: {more} more"));
    }
    items
}

/// Groups the paths that a reviewer should look at by why; of those with the fewest paths first, since a step can make
/// any number of the others.
fn changed(changes: &[Change]) -> Vec<String> {
    let mut groups: Vec<(&str, bool, Vec<&str>)> = Vec::new();
    for change in changes {
        let Some(why) = change.review.as_ref().map(crate::evidence::Text::as_str) else { continue };
        let (path, is_gone) = (change.path.as_str(), change.kind == ChangeKind::Deleted);
        match groups.iter_mut().find(|(own, gone, _)| (*own, *gone) == (why, is_gone)) {
            Some((.., paths)) => paths.push(path),
            None => groups.push((why, is_gone, vec![path])),
        }
    }
    groups.sort_by_key(|(.., paths)| paths.len());
    groups.iter().map(|(why, is_gone, paths)| group(why, *is_gone, paths)).collect()
}

fn group(why: &str, is_gone: bool, paths: &[&str]) -> String {
    let named: Vec<String> = paths.iter().take(NAMED).map(|path| inline(&clip(path, PATH))).collect();
    let names = match (named.split_last(), paths.len().saturating_sub(NAMED)) {
        (Some((last, [])), 0) => last.clone(),
        (Some((last, others)), 0) => format!("{} and {last}", others.join(", ")),
        (_, more) => format!("{} and {more} more", named.join(", ")),
    };
    let verb = if paths.len() == 1 { "was" } else { "were" };
    let what = if is_gone { "deleted" } else { "changed" };
    format!("{names} {verb} {what} ({why})")
}

fn failed(state: &RunState) -> impl Iterator<Item = String> {
    state.attempts().filter_map(|(step, attempt)| {
        let reason = attempt.reason.as_ref().filter(|_| attempt.result == Some(AttemptResult::Failed))?;
        let reason = inline(&clip(reason.text.as_str(), REASON));
        Some(format!("`{}` attempt {} failed: {reason}", step.id, attempt.number))
    })
}

/// Names what an attempt ran with that steps of lower tiers may have left.
fn taken(state: &RunState) -> impl Iterator<Item = String> {
    state.steps.iter().enumerate().filter_map(|(index, step)| {
        step.attempts.last().filter(|attempt| attempt.took_all)?;
        let before = state.steps.iter().take(index).flat_map(|other| &other.attempts);
        let mut left: Vec<String> = Vec::new();
        for wrote in before.filter_map(|attempt| attempt.wrote.as_ref()) {
            let ignored = wrote.ignored.iter().map(|path| path.as_str().to_owned());
            for path in ignored.chain(wrote.home.iter().map(|path| format!("~/{path}"))) {
                if !left.contains(&path) {
                    left.push(path);
                }
            }
        }
        if left.is_empty() {
            return None;
        }
        let more = left.len().saturating_sub(NAMED);
        let named: Vec<String> = left.iter().take(NAMED).map(|path| inline(&clip(path, PATH))).collect();
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        Some(format!("`{}` ran with what steps before it had left: {}{more}", step.id, named.join(", ")))
    })
}

fn refused_masks(state: &RunState) -> impl Iterator<Item = String> {
    state.attempts().filter(|(_, attempt)| attempt.masks_refused > 0).map(|(step, attempt)| {
        let what = plural(attempt.masks_refused, "value");
        format!(
            "`{}` attempt {} asked for {what} to be masked that there was no room for",
            step.id, attempt.number
        )
    })
}

/// Keeps the first of some items, and counts the rest.
fn few(items: impl Iterator<Item = String>) -> Vec<String> {
    let mut items: Vec<String> = items.collect();
    let more = items.len().saturating_sub(NAMED);
    if more > 1 {
        items.truncate(NAMED);
        items.push(format!("and {more} more like that"));
    }
    items
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
    fn paths_are_grouped_by_why_and_only_some_are_named() {
        let many = (0..9).map(|n| change(&format!("bin/{n}"), ChangeKind::Added, Some("runs")));
        let others = [
            change("AGENTS.md", ChangeKind::Modified, Some("instructs")),
            change("ordinary", ChangeKind::Modified, None),
            change("ci.yml", ChangeKind::Deleted, Some("obeys")),
            change("a", ChangeKind::Added, Some("obeys")),
            change("b`", ChangeKind::Added, Some("obeys")),
        ];
        let changes: Vec<Change> = many.chain(others).collect();
        assert_eq!(
            changed(&changes),
            [
                "`AGENTS.md` was changed (instructs)",
                "`ci.yml` was deleted (obeys)",
                "`a` and `` b` `` were changed (obeys)",
                "`bin/0`, `bin/1`, `bin/2`, `bin/3` and 5 more were changed (runs)",
            ]
        );
    }

    #[test]
    fn what_a_step_can_make_many_of_stays_on_a_screen() {
        let changes: Vec<Change> = (0..3000)
            .map(|n| change(&format!("{n}{}", "x".repeat(4000)), ChangeKind::Added, Some("runs")))
            .collect();
        let items = changed(&changes);
        assert!(items.len() == 1 && items[0].len() < 600 && items[0].contains("2996 more"), "{items:?}");
        assert_eq!(few((0..100).map(|n| n.to_string())).len(), NAMED + 1);
        assert_eq!(few((0..5).map(|n| n.to_string())).len(), 5, "one more is named rather than counted");
    }
}
