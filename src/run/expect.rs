//! Expectations, evaluated on what is on disk and what was captured. One that cannot be evaluated fails.

use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

use regex::Regex;

use crate::evidence::log;
use crate::plan;
use crate::sandbox::{Ended, Status};
use crate::worktree::{Changes, Kind, Look, Worktree};

/// Larger files are not searched.
const LARGEST: u64 = 64 << 20;

/// Returns what is wrong with how a command ended; nothing if it ended as expected.
pub(super) fn exit_code(ended: &Ended, expected: i32) -> Option<String> {
    match &ended.status {
        Status::Exited(code) if *code == expected => None,
        Status::Exited(code) if expected == 0 => Some(format!("exit {code}")),
        Status::Exited(code) => Some(format!("exit {code}, expected {expected}")),
        Status::Signaled(number) => Some(format!("killed by {}", signal_name(*number))),
        Status::Limit(what) => Some(what.clone()),
    }
}

/// Names a signal.
pub fn signal_name(number: i32) -> String {
    nix::sys::signal::Signal::try_from(number)
        .map_or_else(|_| format!("signal {number}"), |signal| signal.as_str().to_owned())
}

/// What a step's output is.
#[derive(Debug)]
pub(super) enum Output<'a> {
    /// A part of the log.
    Log(&'a Path, Range<u64>),
    /// An agent's final message.
    Message(&'a str),
}

impl Output<'_> {
    fn lines(&self, mut each: impl FnMut(&[u8])) -> io::Result<()> {
        match self {
            Self::Log(path, range) => log::lines(path, range.start, range.end, each),
            Self::Message(text) => {
                text.lines().for_each(|line| each(line.as_bytes()));
                Ok(())
            }
        }
    }
}

/// Returns every expectation on files and output that does not hold, in words.
pub(super) fn unmet(expected: &plan::Expectation, worktree: &Worktree, output: &Output<'_>) -> Vec<String> {
    let mut unmet = Vec::new();
    for path in &expected.files_exist {
        match worktree.look(path) {
            Ok(Look::Nothing) => unmet.push(format!("files_exist: {} is not there", path.display())),
            Ok(_) => {}
            Err(error) => unmet.push(format!("files_exist: {}: {error}", path.display())),
        }
    }
    for path in &expected.files_absent {
        match worktree.look(path) {
            Ok(Look::Nothing) => {}
            Ok(_) => unmet.push(format!("files_absent: {} is there", path.display())),
            Err(error) => unmet.push(format!("files_absent: {}: {error}", path.display())),
        }
    }
    for wanted in &expected.file_contains {
        match contains(worktree, wanted) {
            Ok(true) => {}
            Ok(false) => unmet.push(format!(
                "file_contains: nothing in {} matches `{}`",
                wanted.path.display(),
                wanted.pattern
            )),
            Err(error) => unmet.push(format!("file_contains: {}: {error}", wanted.path.display())),
        }
    }
    unmet.extend(unmet_output(expected, output));
    unmet
}

fn contains(worktree: &Worktree, wanted: &plan::FileContains) -> io::Result<bool> {
    let (file, size) = worktree.open(&wanted.path)?;
    if size > LARGEST {
        return Err(io::Error::other("too large to be searched (over 64 MiB)"));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(wanted.pattern.is_match(&String::from_utf8_lossy(&bytes)))
}

/// Looks for the patterns line by line, as grep does: a log of any size in flat memory.
fn unmet_output(expected: &plan::Expectation, output: &Output<'_>) -> Vec<String> {
    let mut wanted: Vec<&Regex> = expected.output_matches.iter().collect();
    let mut unwanted: Vec<(&Regex, Option<String>)> =
        expected.output_excludes.iter().map(|pattern| (pattern, None)).collect();
    if wanted.is_empty() && unwanted.is_empty() {
        return Vec::new();
    }
    let read = output.lines(|line| {
        let line = String::from_utf8_lossy(line);
        wanted.retain(|pattern| !pattern.is_match(&line));
        for (pattern, found) in &mut unwanted {
            if found.is_none() && pattern.is_match(&line) {
                *found = Some(line.chars().take(120).collect());
            }
        }
    });
    if let Err(error) = read {
        return vec![format!("output: {error}")];
    }
    let missing = wanted.iter().map(|pattern| format!("output_matches: no line matches `{pattern}`"));
    let found = unwanted.iter().filter_map(|(pattern, line)| {
        Some(format!("output_excludes: `{pattern}` matches: {}", line.as_ref()?))
    });
    missing.chain(found).collect()
}

/// Returns every bound on changes that does not hold, in words.
pub(super) fn unmet_changes(expected: &plan::Changes, changes: &Changes) -> Vec<String> {
    let count = changes.paths.len() as u64;
    let mut unmet = Vec::new();
    if let Some(min) = expected.min.filter(|min| count < *min) {
        unmet.push(format!("changes: {count} paths changed, at least {min} expected"));
    }
    if let Some(max) = expected.max.filter(|max| count > *max) {
        let some: Vec<String> =
            changes.paths.iter().take(3).map(|c| c.path().display().to_string()).collect();
        unmet.push(format!("changes: {count} paths changed, at most {max} expected: {} …", some.join(" ")));
    }
    for changed in &changes.paths {
        let path = changed.path();
        let shown = path.display();
        let any = |globs: &[plan::Glob]| globs.iter().any(|glob| glob.matches(path));
        if !expected.within.is_empty() && !any(&expected.within) {
            unmet.push(format!("changes: {shown} is not within {}", listed(&expected.within)));
        }
        if any(&expected.not_within) {
            unmet.push(format!("changes: {shown} is within {}", listed(&expected.not_within)));
        }
        if changed.kind() == Kind::Deleted && any(&expected.keep) {
            unmet.push(format!("changes: {shown} was deleted (keep: {})", listed(&expected.keep)));
        }
    }
    unmet
}

fn listed(globs: &[plan::Glob]) -> String {
    globs.iter().map(plan::Glob::as_str).collect::<Vec<_>>().join(" ")
}

/// Joins what is wrong into one line that stays readable.
pub(super) fn in_words(unmet: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown = unmet.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
    match unmet.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown}; and {more} more"),
    }
}
