//! The ignore rules of the base commit, of its user outside of any commit, and of the plan: what they ignore is disposable. A
//! step's own rules change nothing here, or it could hide its work from the checkpoint and have it deleted at the end.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use super::error::WorktreeError;
use super::layout::shown;
use super::left_out::LeftOut;
use super::part::Part;
use super::pattern::{self, Pattern, Stars, TooManyStars};
use super::root::above;
use super::tree::LINK;
use crate::git::RawOid;
use crate::plan::Glob;

/// A longer `.gitignore` is nobody's; git itself reads none over 100 MiB.
pub(super) const LARGEST: u64 = 1 << 20;

/// The rules that hold for a run.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    /// The `.gitignore` files of a commit, by the folder they lie in.
    by_folder: HashMap<Vec<u8>, Vec<Pattern>>,
    /// These files, and what they are.
    files: HashMap<Vec<u8>, RawOid>,
    /// What the user ignores in one repository, `info/exclude`, by where that is checked out.
    of_parts: HashMap<Vec<u8>, Vec<Pattern>>,
    /// What he ignores in all of them, `core.excludesFile`.
    of_user: Vec<Pattern>,
    /// What the plan leaves out.
    left_out: LeftOut,
    /// Tops of the repository and its submodules: no rule from above holds in them.
    tops: HashSet<Vec<u8>>,
    /// Length of the longest of these folders: deeper down there is nothing to look up.
    longest: usize,
    stars: Stars,
    /// Files of rules that are not read, and why.
    unread: Vec<(Place, Unread)>,
}

/// Where rules stand.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// In a file of the base.
    Base(Vec<u8>),
    /// In a file of the user's own.
    User(PathBuf),
}

/// Why a file of rules is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unread {
    Link,
    Large,
    Stars { line: usize },
}

impl Rules {
    /// Reads the rules of a base, and takes those of its user.
    pub(super) fn read(parts: &[Part], of_user: Option<(PathBuf, Vec<u8>)>) -> Result<Self, WorktreeError> {
        let mut rules = Self::default();
        for part in parts {
            rules.tops.insert(part.path.clone());
            rules.longest = rules.longest.max(part.path.len());
            for (entry, text) in part.named(b".gitignore", LARGEST)? {
                let path = part.in_worktree(&entry.path);
                rules.files.insert(path.clone(), entry.held.oid);
                match text {
                    _ if entry.held.mode == LINK => rules.unread.push((Place::Base(path), Unread::Link)),
                    None => rules.unread.push((Place::Base(path), Unread::Large)),
                    Some(text) => rules.add(path, &text),
                }
            }
            let patterns = rules.take(|| part.source.git_dir.join("info/exclude"), &part.excludes);
            rules.of_parts.insert(part.path.clone(), patterns);
        }
        if let Some((file, text)) = of_user {
            rules.of_user = rules.take(|| file, &text);
        }
        let all = rules.by_folder.values().chain(rules.of_parts.values()).flatten().chain(&rules.of_user);
        if all.into_iter().any(Pattern::depends_on_version)
            && let Some(part) = parts.first()
        {
            rules.stars = Stars::of(&part.source.git("version").line()?);
        }
        Ok(rules)
    }

    /// Refuses a base of which not all rules could be read: what they ignore would be committed without a word.
    pub(super) fn refuse_unread(&self) -> Result<(), WorktreeError> {
        let Some((place, why)) = self.unread.first() else { return Ok(()) };
        let (path, then) = match place {
            Place::Base(path) => (format!("{} of the base", shown(path)), "commit that, and run again"),
            Place::User(path) => (path.display().to_string(), "and run again"),
        };
        let (what, hint) = match why {
            Unread::Link => (
                format!("{path} is a link, which git does not follow: no rule in it holds"),
                "put a file in its place",
            ),
            Unread::Large => {
                (format!("{path} is larger than 1 MiB"), "write patterns for whole folders instead")
            }
            Unread::Stars { line } => (
                format!("{path}, line {line}: a pattern may have stars in 64 places"),
                "write several patterns",
            ),
        };
        Err(WorktreeError::refused(what, format!("{hint}, {then}")))
    }

    /// Leaves out what a plan does not want in the result.
    pub(super) fn leave_out(&mut self, patterns: &[Glob]) {
        self.left_out = LeftOut::of(patterns);
    }

    /// Returns the patterns of the plan, as written.
    pub(super) fn left_out(&self) -> Vec<String> {
        self.left_out.texts()
    }

    /// Reads patterns of the user's own.
    fn take(&mut self, file: impl FnOnce() -> PathBuf, text: &[u8]) -> Vec<Pattern> {
        let why = match pattern::read(text) {
            _ if text.len() as u64 > LARGEST => Unread::Large,
            Ok(patterns) => return patterns,
            Err(TooManyStars(line)) => Unread::Stars { line },
        };
        self.unread.push((Place::User(file()), why));
        Vec::new()
    }

    /// Tells whether a file of rules is one of the base's, as it has it.
    pub(super) fn has(&self, path: &[u8], oid: RawOid) -> bool {
        self.files.get(path) == Some(&oid)
    }

    /// Adds the rules of a file, in the place of those that it had.
    pub(super) fn add(&mut self, path: Vec<u8>, text: &[u8]) {
        let folder = path.strip_suffix(b".gitignore").unwrap_or_default();
        let folder = folder.strip_suffix(b"/").unwrap_or(folder);
        match pattern::read(text) {
            Ok(patterns) => {
                self.longest = self.longest.max(folder.len());
                self.by_folder.insert(folder.to_vec(), patterns);
            }
            Err(TooManyStars(line)) => self.unread.push((Place::Base(path), Unread::Stars { line })),
        }
    }

    /// Tells whether a path is ignored, by itself or with a folder above it.
    pub(super) fn ignore_within(&self, path: &[u8], is_folder: bool) -> bool {
        above(path).any(|folder| self.ignore(folder, true)) || self.ignore(path, is_folder)
    }

    /// Tells whether a path is ignored, given that the folder it lies in is not: the nearest file that has
    /// something to say of it decides, and in it the last pattern. What the plan leaves out is.
    pub(super) fn ignore(&self, path: &[u8], is_folder: bool) -> bool {
        let says = |patterns: &[Pattern], below: &[u8]| {
            let found = patterns.iter().rev().find(|own| own.matches(below, is_folder, self.stars));
            found.map(Pattern::ignores)
        };
        if self.left_out.has(path, is_folder) {
            return true;
        }
        let ends = path.iter().enumerate().rev().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        for end in ends.map(Some).chain([None]) {
            let (folder, below) = match end {
                Some(at) => (&path[..at], &path[at + 1..]),
                None => (&path[..0], path),
            };
            if folder.len() > self.longest {
                continue;
            }
            if let Some(ignores) = self.by_folder.get(folder).and_then(|patterns| says(patterns, below)) {
                return ignores;
            }
            if self.tops.contains(folder) {
                let of_part = self.of_parts.get(folder).and_then(|patterns| says(patterns, below));
                return of_part.or_else(|| says(&self.of_user, below)).unwrap_or(false);
            }
        }
        false
    }
}

#[cfg(test)]
mod tests;
