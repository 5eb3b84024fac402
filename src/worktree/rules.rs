//! The ignore rules of the base commit: what they ignore is disposable. A step's own `.gitignore` changes
//! nothing, or it could hide its work from the checkpoint and have it deleted at the end.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::error::WorktreeError;
use super::repository::Repository;
use super::tree::Entry;

/// The `.gitignore` files of a commit, by the folder they lie in.
#[derive(Debug, Default)]
pub(super) struct Rules {
    by_folder: HashMap<Vec<u8>, Gitignore>,
}

impl Rules {
    /// Reads the rules of a commit's entries.
    pub(super) fn read(repository: &Repository, entries: &[Entry]) -> Result<Self, WorktreeError> {
        let files: Vec<&Entry> = entries.iter().filter(|e| e.file_name() == b".gitignore").collect();
        let ids: Vec<&str> = files.iter().map(|entry| entry.oid.as_str()).collect();
        let mut rules = Self::default();
        for (entry, text) in files.iter().zip(repository.blobs(&ids)?) {
            let folder = entry.path.strip_suffix(b".gitignore").unwrap_or_default();
            rules.add(folder.strip_suffix(b"/").unwrap_or(folder), &text);
        }
        Ok(rules)
    }

    fn add(&mut self, folder: &[u8], text: &[u8]) {
        let mut builder = GitignoreBuilder::new("");
        for line in String::from_utf8_lossy(text).lines() {
            // Git passes over a pattern that it cannot read; so do we.
            let _ = builder.add_line(None, line);
        }
        if let Ok(rules) = builder.build() {
            self.by_folder.insert(folder.to_vec(), rules);
        }
    }

    /// Tells whether a path is ignored, given that the folder it lies in is not: the nearest file that has
    /// something to say of it decides.
    pub(super) fn ignore(&self, path: &[u8], is_folder: bool) -> bool {
        let ends = path.iter().enumerate().rev().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        for end in ends.map(Some).chain([None]) {
            let (folder, below) = match end {
                Some(at) => (&path[..at], &path[at + 1..]),
                None => (&path[..0], path),
            };
            let Some(rules) = self.by_folder.get(folder) else { continue };
            let found = rules.matched(Path::new(OsStr::from_bytes(below)), is_folder);
            if !found.is_none() {
                return found.is_ignore();
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_file_decides() {
        let mut rules = Rules::default();
        rules.add(b"", b"target/\n*.log\n/only-here\n");
        rules.add(b"keep", b"!*.log\nlocal/x\n");
        for (path, folder, ignored) in [
            ("target", true, true),
            ("target", false, false),
            ("sub/target", true, true),
            ("a.log", false, true),
            ("keep/a.log", false, false),
            ("keep/deep/a.log", false, false),
            ("only-here", false, true),
            ("sub/only-here", false, false),
            ("keep/local/x", false, true),
            ("keep/deep/local/x", false, false),
        ] {
            assert_eq!(rules.ignore(path.as_bytes(), folder), ignored, "{path}");
        }
    }
}
