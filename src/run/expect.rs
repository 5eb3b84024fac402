//! Expectations, evaluated on what is on disk and what was captured. One that cannot be evaluated fails.

use std::io::{self, Read};
use std::path::PathBuf;

use regex::Regex;

use super::shown;
use crate::evidence::event::Expected;
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

/// Says how a command ended.
pub(super) fn how(status: &Status) -> String {
    match status {
        Status::Exited(code) => format!("exit {code}"),
        Status::Signaled(number) => format!("killed by {}", signal_name(*number)),
        Status::Limit(what) => what.clone(),
    }
}

/// Whether an expectation held.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) kind: Expected,
    /// Which of the plan's list of that kind.
    pub(super) index: u32,
    pub(super) held: bool,
    /// What was seen; not masked yet.
    pub(super) saw: Option<String>,
}

impl Verdict {
    /// Says what is wrong, of one on files or output that did not hold.
    pub(super) fn says(&self, expected: &plan::Expectation) -> String {
        let index = self.index as usize;
        let path =
            |all: &[PathBuf]| all.get(index).map(|path| path.display().to_string()).unwrap_or_default();
        let pattern = |all: &[Regex]| all.get(index).map(Regex::to_string).unwrap_or_default();
        let saw = self.saw.as_deref().unwrap_or_default();
        match self.kind {
            Expected::FilesExist => format!("files_exist: {} {saw}", path(&expected.files_exist)),
            Expected::FilesAbsent => format!("files_absent: {} {saw}", path(&expected.files_absent)),
            Expected::FileContains => format!("file_contains: {saw}"),
            Expected::OutputMatches => {
                format!("output_matches: no line matches `{}`", pattern(&expected.output_matches))
            }
            Expected::OutputExcludes => {
                format!("output_excludes: `{}` matches: {saw}", pattern(&expected.output_excludes))
            }
            Expected::ExitCode | Expected::Changes | Expected::Post | Expected::Proves => saw.to_owned(),
        }
    }
}

/// Judges every expectation on files. One that cannot be evaluated did not hold.
pub(super) fn files(expected: &plan::Expectation, worktree: &Worktree) -> Vec<Verdict> {
    let exist = (0..).zip(&expected.files_exist).map(|(index, path)| {
        let saw = match worktree.look(path) {
            Ok(Look::Nothing) => Some("is not there".to_owned()),
            Ok(_) => None,
            Err(error) => Some(format!("cannot be looked at: {error}")),
        };
        Verdict { kind: Expected::FilesExist, index, held: saw.is_none(), saw }
    });
    let absent = (0..).zip(&expected.files_absent).map(|(index, path)| {
        let saw = match worktree.look(path) {
            Ok(Look::Nothing) => None,
            Ok(_) => Some("is there".to_owned()),
            Err(error) => Some(format!("cannot be looked at: {error}")),
        };
        Verdict { kind: Expected::FilesAbsent, index, held: saw.is_none(), saw }
    });
    let contain = (0..).zip(&expected.file_contains).map(|(index, wanted)| {
        let path = wanted.path.display();
        let saw = match contains(worktree, wanted) {
            Ok(true) => None,
            Ok(false) => Some(format!("nothing in {path} matches `{}`", wanted.pattern)),
            Err(error) => Some(format!("{path}: {error}")),
        };
        Verdict { kind: Expected::FileContains, index, held: saw.is_none(), saw }
    });
    exist.chain(absent).chain(contain).collect()
}

fn contains(worktree: &Worktree, wanted: &plan::FileContains) -> io::Result<bool> {
    let (file, size) = worktree.open(&wanted.path)?;
    if size > LARGEST {
        return Err(io::Error::other("too large to be searched (over 64 MiB)"));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(wanted.pattern.is_match(&shown::text(&bytes)))
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
