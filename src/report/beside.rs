//! Takes a run, gives what of its steps' files is no part of the result, and what is that looks as if it should not be.

use std::collections::{BTreeMap, BTreeSet};

use super::markdown::{clip, inline};
use super::review::Phrase;
use super::spoken::plural;
use crate::evidence::event::{AttemptResult, Change, ChangeKind};
use crate::evidence::state::WorktreeState;
use crate::evidence::{RunState, Text};

/// Paths that are named; the rest is counted.
const NAMED: usize = 6;
/// Characters of a path.
const PATH: usize = 80;
/// So many new files of one step are more than people write.
const MANY: usize = 200;

/// Names the top paths that steps wrote and no commit holds, and counts the files that went with the worktree; nothing where
/// there are none.
pub(super) fn line(state: &RunState) -> Option<String> {
    let (mut ignored, mut marked, mut hidden) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for wrote in state.attempts().filter_map(|(_, attempt)| attempt.wrote.as_ref()) {
        for path in wrote.ignored.iter().map(Text::as_str) {
            let is_in = |list: &[Text]| list.iter().any(|own| own.as_str() == path);
            let list = if is_in(&wrote.marked) {
                &mut marked
            } else if is_in(&wrote.hidden) {
                &mut hidden
            } else {
                &mut ignored
            };
            list.insert(path);
        }
    }
    let mut parts = Vec::new();
    for (why, paths) in [
        ("ignored", ignored),
        ("by a tool's own mark", marked),
        ("by rules that a step wrote, salvaged", hidden),
    ] {
        let paths: Vec<&str> = paths.into_iter().collect();
        parts.extend((!paths.is_empty()).then(|| format!("{why}: {}", named(&paths))));
    }
    if let (WorktreeState::Removed { ignored: files @ 1.., .. }, false) = (&state.worktree, parts.is_empty())
    {
        parts.push(plural(*files, "file"));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Names what steps made that passed, and rules that steps wrote keep off the branch: what a later step found there, nobody who has the
/// branch alone will.
pub(super) fn hidden(state: &RunState) -> impl Iterator<Item = Phrase> {
    let passed = state.attempts().filter(|(_, attempt)| attempt.result == Some(AttemptResult::Passed));
    passed.filter_map(|(step, attempt)| {
        let saved = attempt.salvage.references.last()?;
        let hidden = attempt.wrote.iter().flat_map(|wrote| &wrote.hidden);
        let paths: Vec<&str> = hidden.map(Text::as_str).collect();
        let begin = Phrase::quoted(step.id.as_str(), PATH).and(" passed, and rules that a step wrote keep ");
        let what =
            if paths.is_empty() { begin.and("what it made") } else { begin.and_some(&paths, NAMED, PATH) };
        Some(what.and(" off the branch: saved as ").and_quoted(saved, PATH))
    })
}

/// Names the steps that added more files than people write, with the folder that most of them lie in.
pub(super) fn many(state: &RunState) -> impl Iterator<Item = Phrase> {
    state.attempts().filter_map(|(step, attempt)| {
        let is_added = |change: &&Change| change.kind == ChangeKind::Added;
        let added: Vec<&str> =
            attempt.changes.iter().filter(is_added).map(|change| change.path.as_str()).collect();
        let begin = || Phrase::quoted(step.id.as_str(), PATH).and(" added ");
        (added.len() >= MANY).then(|| in_words(begin(), &added))
    })
}

fn in_words(begin: Phrase, added: &[&str]) -> Phrase {
    let count = plural(added.len() as u64, "file");
    let mut folders: BTreeMap<&str, usize> = BTreeMap::new();
    for path in added {
        if let Some((top, _)) = path.split_once('/') {
            *folders.entry(top).or_default() += 1;
        }
    }
    match folders.into_iter().max_by_key(|(_, files)| *files) {
        Some((top, files)) if files * 2 > added.len() => begin
            .and(format!("{count}, {files} of them in "))
            .and_quoted(&format!("{top}/"), PATH)
            .and("; if they are no part of the result: ")
            .and_quoted(&format!("exclude: [\"{top}/**\"]"), PATH),
        _ => begin.and(count),
    }
}

fn named(paths: &[&str]) -> String {
    let more = paths.len().saturating_sub(NAMED);
    let named: Vec<String> = paths.iter().take(NAMED).map(|path| inline(&clip(path, PATH))).collect();
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    named.join(", ") + &more
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_most_is_named_with_the_line_that_leaves_it_out() {
        let paths: Vec<String> = (0..300).map(|n| format!(".venv/lib/{n}.py")).collect();
        let mut added: Vec<&str> = paths.iter().map(String::as_str).collect();
        added.push("setup.py");
        assert_eq!(
            in_words(Phrase::default(), &added).markdown(),
            "301 files, 300 of them in `.venv/`; if they are no part of the result: `exclude: [\".venv/**\"]`"
        );
        let spread: Vec<String> = (0..300).map(|n| format!("{n}/a")).collect();
        let spread: Vec<&str> = spread.iter().map(String::as_str).collect();
        assert_eq!(in_words(Phrase::default(), &spread).markdown(), "300 files");
    }

    #[test]
    fn paths_beyond_the_first_are_counted() {
        assert_eq!(named(&["a", "b"]), "`a`, `b`");
        let many: Vec<String> = (0..9).map(|n| n.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(named(&many), "`0`, `1`, `2`, `3`, `4`, `5` and 3 more");
    }
}
