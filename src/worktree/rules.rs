//! The ignore rules of the base commit: what they ignore is disposable. A step's own `.gitignore` changes
//! nothing, or it could hide its work from the checkpoint and have it deleted at the end.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::error::WorktreeError;
use super::part::Part;

/// The `.gitignore` files of a commit, by the folder they lie in.
#[derive(Debug, Default)]
pub(super) struct Rules {
    by_folder: HashMap<Vec<u8>, Gitignore>,
    /// Tops of submodules: no rule from above holds in them.
    tops: HashSet<Vec<u8>>,
}

impl Rules {
    /// Reads the rules of a base.
    pub(super) fn read(parts: &[Part]) -> Result<Self, WorktreeError> {
        let mut rules = Self::default();
        for part in parts {
            rules.tops.insert(part.path.clone());
            for (entry, text) in part.named(b".gitignore")? {
                let path = part.in_worktree(&entry.path);
                let folder = path.strip_suffix(b".gitignore").unwrap_or_default();
                rules.add(folder.strip_suffix(b"/").unwrap_or(folder), &text);
            }
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
            if let Some(rules) = self.by_folder.get(folder) {
                let found = rules.matched(Path::new(OsStr::from_bytes(below)), is_folder);
                if !found.is_none() {
                    return found.is_ignore();
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
mod tests {
    use super::*;

    #[test]
    fn the_nearest_file_decides() {
        let mut rules = Rules::default();
        rules.add(b"", b"target/\n*.log\n/only-here\n");
        rules.add(b"keep", b"!*.log\nlocal/x\n");
        rules.add(b"module", b"own\n");
        rules.tops.insert(b"module".to_vec());
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
            ("module/a.log", false, false),
            ("module/deep/a.log", false, false),
            ("module/own", false, true),
        ] {
            assert_eq!(rules.ignore(path.as_bytes(), folder), ignored, "{path}");
        }
    }
}
