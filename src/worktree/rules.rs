//! The ignore rules of the base commit: what they ignore is disposable. A step's own `.gitignore` changes
//! nothing, or it could hide its work from the checkpoint and have it deleted at the end.

use std::collections::{HashMap, HashSet};

use super::error::WorktreeError;
use super::layout::shown;
use super::part::Part;
use super::pattern::{self, Pattern, Stars, TooManyStars};
use super::tree::LINK;

/// A longer `.gitignore` is nobody's; git itself reads none over 100 MiB.
const LARGEST: u64 = 1 << 20;

/// The `.gitignore` files of a commit, by the folder they lie in.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    by_folder: HashMap<Vec<u8>, Vec<Pattern>>,
    /// Tops of submodules: no rule from above holds in them.
    tops: HashSet<Vec<u8>>,
    /// Length of the longest of these folders: deeper down there is nothing to look up.
    longest: usize,
    stars: Stars,
    /// Files of rules that are not read, and why.
    unread: Vec<(Vec<u8>, Unread)>,
}

/// Why a file of rules is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unread {
    Link,
    Large,
    Stars { line: usize },
}

impl Rules {
    /// Reads the rules of a base.
    pub(super) fn read(parts: &[Part]) -> Result<Self, WorktreeError> {
        let mut rules = Self::default();
        for part in parts {
            rules.tops.insert(part.path.clone());
            rules.longest = rules.longest.max(part.path.len());
            for (entry, text) in part.named(b".gitignore", LARGEST)? {
                let path = part.in_worktree(&entry.path);
                match text {
                    _ if entry.held.mode == LINK => rules.unread.push((path, Unread::Link)),
                    None => rules.unread.push((path, Unread::Large)),
                    Some(text) => rules.add(path, &text),
                }
            }
        }
        if rules.by_folder.values().flatten().any(Pattern::depends_on_version)
            && let Some(part) = parts.first()
        {
            rules.stars = Stars::of(&part.source.git("version").line()?);
        }
        Ok(rules)
    }

    /// Refuses a base of which not all rules could be read: what they ignore would be committed without a word.
    pub(super) fn refuse_unread(&self) -> Result<(), WorktreeError> {
        let Some((path, why)) = self.unread.first() else { return Ok(()) };
        let path = shown(path);
        Err(match why {
            Unread::Link => WorktreeError::refused(
                format!("{path} of the base is a link, which git does not follow: no rule in it holds"),
                "put a file in its place, commit that, and run again",
            ),
            Unread::Large => WorktreeError::refused(
                format!("{path} of the base is larger than 1 MiB"),
                "write patterns for whole folders instead, commit that, and run again",
            ),
            Unread::Stars { line } => WorktreeError::refused(
                format!("{path} of the base, line {line}: a pattern may have stars in 64 places"),
                "write several patterns, commit that, and run again",
            ),
        })
    }

    fn add(&mut self, path: Vec<u8>, text: &[u8]) {
        let folder = path.strip_suffix(b".gitignore").unwrap_or_default();
        let folder = folder.strip_suffix(b"/").unwrap_or(folder);
        match pattern::read(text) {
            Ok(patterns) if patterns.is_empty() => {}
            Ok(patterns) => {
                self.longest = self.longest.max(folder.len());
                self.by_folder.insert(folder.to_vec(), patterns);
            }
            Err(TooManyStars(line)) => self.unread.push((path, Unread::Stars { line })),
        }
    }

    /// Tells whether a path is ignored, given that the folder it lies in is not: the nearest file that has
    /// something to say of it decides, and in it the last pattern.
    pub(super) fn ignore(&self, path: &[u8], is_folder: bool) -> bool {
        let ends = path.iter().enumerate().rev().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        for end in ends.map(Some).chain([None]) {
            let (folder, below) = match end {
                Some(at) => (&path[..at], &path[at + 1..]),
                None => (&path[..0], path),
            };
            if folder.len() > self.longest {
                continue;
            }
            if let Some(patterns) = self.by_folder.get(folder) {
                let says = |pattern: &&Pattern| pattern.matches(below, is_folder, self.stars);
                if let Some(pattern) = patterns.iter().rev().find(says) {
                    return pattern.ignores();
                }
            }
            if self.tops.contains(folder) {
                break;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests;
