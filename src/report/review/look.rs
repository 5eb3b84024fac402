//! Takes a run, gives what a reviewer should not miss, worst first: no more of it, and none longer, than fits on a screen.

use serde::Serialize;

use super::kinds::{is_generated, is_test};
use super::phrase::Phrase;
use super::proof::Proof;
use super::steps::Step;
use crate::evidence::RunState;
use crate::evidence::event::{AttemptResult, Change, ChangeKind, Expected, InGit};
use crate::evidence::state::Salvage;
use crate::report::beside;
use crate::report::spoken::plural;

/// Paths of a group, and other things of one kind, that are named; the rest is counted.
const NAMED: usize = 4;
/// Characters of a path, and of a reason.
const PATH: usize = 80;
const REASON: usize = 200;

/// Something to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Look {
    /// Why.
    pub kind: LookKind,
    /// What, in a sentence.
    pub says: Phrase,
}

/// Why something is to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LookKind {
    /// A secret, it seems, or what was not searched for one.
    Secret,
    /// A test is gone, or has lost lines.
    Tests,
    /// No proof shows that the tests would notice.
    Unproved,
    /// A path that makes other people's tools run code or behave otherwise.
    Path,
    /// A step added more files than people write, or made some that rules of a step keep off the branch.
    Many,
    /// A program wrote it.
    Generated,
    /// A step broke its git, or left work in it.
    Git,
    /// A step ran with what steps of lower tiers had left.
    Taken,
    /// A value that could not be masked.
    Unmasked,
    /// An attempt that failed before one passed.
    Failed,
    /// Something the salvage does not hold.
    NotSaved,
    /// The checkout had changes that the run did not see.
    Dirty,
}

/// Lists what a reviewer should not miss.
pub(super) fn look(state: &RunState, steps: &[Step], changes: &[Change]) -> Vec<Look> {
    let salvages: Vec<&Salvage> = state.salvages().map(|(_, salvage)| salvage).collect();
    let each = |what: fn(&Salvage) -> &Vec<String>| salvages.iter().flat_map(move |salvage| what(salvage));
    let secrets = each(|salvage| &salvage.secrets);
    let secrets = secrets.map(|what| Phrase::words("a secret in the salvage: ").and_quoted(what, PATH));
    let not_held = each(|salvage| &salvage.not_held);
    let not_held = not_held.map(|what| Phrase::words("not salvaged as it was: ").and_quoted(what, PATH));
    let dirty = Phrase::words("the checkout had uncommitted changes, which were not part of the run");
    let proofs = steps.iter().filter_map(|step| step.proof.as_ref());
    let searched = state.searched.iter().flat_map(|searched| searched.to_check(NAMED));
    let groups: Vec<(LookKind, Vec<Phrase>)> = vec![
        (LookKind::Secret, searched.map(|what| Phrase::quoted(&what, REASON)).collect()),
        (LookKind::Tests, tests(changes)),
        (LookKind::Path, paths(changes)),
        (LookKind::Unproved, few(proofs.flat_map(Proof::unproved))),
        (LookKind::Many, few(beside::hidden(state).chain(beside::many(state)))),
        (LookKind::Unproved, unproved(state, changes)),
        (LookKind::Generated, named(changes, |c| is_generated(path(c)), "a program wrote, it seems,")),
        (LookKind::Git, few(mended(state))),
        (LookKind::Git, left_in_git(state)),
        (LookKind::Secret, few(secrets)),
        (LookKind::Taken, few(taken(state))),
        (LookKind::Unmasked, few(refused_masks(state))),
        (LookKind::Failed, few(failed(state))),
        (LookKind::NotSaved, few(not_held)),
        (LookKind::Dirty, if state.start.dirty { vec![dirty] } else { Vec::new() }),
    ];
    groups.into_iter().flat_map(|(kind, all)| all.into_iter().map(move |says| Look { kind, says })).collect()
}

fn path(change: &Change) -> &str {
    change.path.as_str()
}

/// Names the changes of some kind, behind a few words; nothing if there are none.
fn named(changes: &[Change], is_it: impl Fn(&Change) -> bool, words: &str) -> Vec<Phrase> {
    let paths: Vec<&str> = changes.iter().filter(|change| is_it(change)).map(path).collect();
    let phrase = || Phrase::words(format!("{words} ")).and_some(&paths, NAMED, PATH);
    if paths.is_empty() { Vec::new() } else { vec![phrase()] }
}

/// Names tests that are gone, and those that have fewer lines of what they had.
fn tests(changes: &[Change]) -> Vec<Phrase> {
    let is_gone = |c: &Change| c.kind == ChangeKind::Deleted && is_test(path(c));
    let is_weaker = |c: &Change| {
        c.kind == ChangeKind::Modified && is_test(path(c)) && c.removed.is_none_or(|lines| lines > 0)
    };
    let mut found = named(changes, is_gone, "tests were deleted:");
    found.extend(named(changes, is_weaker, "existing tests were changed and may be weaker:"));
    found
}

/// Tells that tests were written of which nobody has shown that they notice anything.
fn unproved(state: &RunState, changes: &[Change]) -> Vec<Phrase> {
    let is_proof = |judged: &crate::evidence::event::Judged| judged.kind == Expected::Proves && judged.held;
    if !state.is_done() || state.attempts().any(|(_, attempt)| attempt.judged.iter().any(is_proof)) {
        return Vec::new();
    }
    let written = |c: &Change| c.kind != ChangeKind::Deleted && c.added != Some(0) && is_test(path(c));
    named(changes, written, "nothing shows that these tests fail without the change (`proves`):")
}

/// Names what was broken of the git that an attempt got.
fn mended(state: &RunState) -> impl Iterator<Item = Phrase> {
    state.attempts().flat_map(|(step, attempt)| {
        let of = |what: &String| {
            let words = format!(" attempt {}: ", attempt.number);
            Phrase::quoted(step.id.as_str(), PATH).and(words).and_quoted(what, REASON)
        };
        attempt.mended.iter().map(of)
    })
}

/// Names work that lay in the steps' own git and is not on the branch.
fn left_in_git(state: &RunState) -> Vec<Phrase> {
    let left = || Phrase::words("left in `.git`, not on the branch: ");
    let item = |own: &InGit| {
        let says = left().and_quoted(own.what.as_str(), PATH);
        match &own.reference {
            Some(reference) => says.and(", saved as ").and_quoted(reference.as_str(), REASON),
            None => says.and(", not saved"),
        }
    };
    let more = state.more_in_git.saturating_add(state.left_in_git.len().saturating_sub(NAMED) as u64);
    let mut items: Vec<Phrase> = state.left_in_git.iter().take(NAMED).map(item).collect();
    if more > 0 {
        items.push(left().and(format!("{more} more")));
    }
    items
}

/// Groups the paths that a reviewer should look at by why; of those with the fewest paths first, since a step can make
/// any number of the others.
fn paths(changes: &[Change]) -> Vec<Phrase> {
    let mut groups: Vec<(&str, bool, Vec<&str>)> = Vec::new();
    for change in changes {
        let Some(why) = change.review.as_ref().map(crate::evidence::Text::as_str) else { continue };
        let is_gone = change.kind == ChangeKind::Deleted;
        match groups.iter_mut().find(|(own, gone, _)| (*own, *gone) == (why, is_gone)) {
            Some((.., paths)) => paths.push(path(change)),
            None => groups.push((why, is_gone, vec![path(change)])),
        }
    }
    groups.sort_by_key(|(.., paths)| paths.len());
    groups.iter().map(|(why, is_gone, paths)| group(why, *is_gone, paths)).collect()
}

fn group(why: &str, is_gone: bool, paths: &[&str]) -> Phrase {
    let verb = if paths.len() == 1 { "was" } else { "were" };
    let what = if is_gone { "deleted" } else { "changed" };
    // Of the runner's own few reasons; a journal may hold another.
    let why: String =
        why.chars().filter(|c| c.is_alphanumeric() || " ,:;'.-".contains(*c)).take(REASON).collect();
    Phrase::default().and_some(paths, NAMED, PATH).and(format!(" {verb} {what} ({why})"))
}

/// Names attempts that failed; not the one that ended the run, of which its reason tells.
fn failed(state: &RunState) -> impl Iterator<Item = Phrase> {
    let ended = state.failed_attempt().map(|(step, attempt)| (&step.id, attempt.number));
    let ended = ended.filter(|_| !state.is_done());
    state.attempts().filter_map(move |(step, attempt)| {
        let reason = attempt.reason.as_ref().filter(|_| attempt.result == Some(AttemptResult::Failed))?;
        if ended == Some((&step.id, attempt.number)) {
            return None;
        }
        let words = format!(" attempt {} failed: ", attempt.number);
        Some(Phrase::quoted(step.id.as_str(), PATH).and(words).and_quoted(reason.text.as_str(), REASON))
    })
}

/// Names what an attempt ran with that steps of lower tiers may have left.
fn taken(state: &RunState) -> impl Iterator<Item = Phrase> {
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
        let left: Vec<&str> = left.iter().map(String::as_str).collect();
        let says = Phrase::quoted(step.id.as_str(), PATH).and(" ran with what steps before it had left: ");
        (!left.is_empty()).then(|| says.and_some(&left, NAMED, PATH))
    })
}

fn refused_masks(state: &RunState) -> impl Iterator<Item = Phrase> {
    state.attempts().filter(|(_, attempt)| attempt.masks_refused > 0).map(|(step, attempt)| {
        let (number, what) = (attempt.number, plural(attempt.masks_refused, "value"));
        let words = format!(" attempt {number} asked for {what} to be masked that there was no room for");
        Phrase::quoted(step.id.as_str(), PATH).and(words)
    })
}

/// Keeps the first of some items, and counts the rest.
fn few(items: impl Iterator<Item = Phrase>) -> Vec<Phrase> {
    let mut items: Vec<Phrase> = items.collect();
    let more = items.len().saturating_sub(NAMED);
    if more > 1 {
        items.truncate(NAMED);
        items.push(Phrase::words(format!("and {more} more like that")));
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

    fn said(phrases: &[Phrase]) -> Vec<String> {
        phrases.iter().map(Phrase::markdown).collect()
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
            said(&paths(&changes)),
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
        let items = said(&paths(&changes));
        assert!(items.len() == 1 && items[0].len() < 600 && items[0].contains("2996 more"), "{items:?}");
        let words = |n: usize| Phrase::words(n.to_string());
        assert_eq!(few((0..100).map(words)).len(), NAMED + 1);
        assert_eq!(few((0..5).map(words)).len(), 5, "one more is named rather than counted");
    }

    #[test]
    fn tests_that_are_gone_or_have_lost_lines_are_named() {
        let mut weaker = change("tests/old.rs", ChangeKind::Modified, None);
        weaker.removed = Some(3);
        let more = change("tests/more.rs", ChangeKind::Modified, None);
        let gone = change("tests/gone.rs", ChangeKind::Deleted, None);
        assert_eq!(
            said(&tests(&[weaker, more, gone])),
            [
                "tests were deleted: `tests/gone.rs`",
                "existing tests were changed and may be weaker: `tests/old.rs`",
            ]
        );
    }
}
