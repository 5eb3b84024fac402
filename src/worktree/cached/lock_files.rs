//! Takes a base, gives the digest of the lock files that it tracks: what was built with others is no use.

use sha2::{Digest as _, Sha256};

use crate::git::Oid;
use crate::worktree::error::WorktreeError;
use crate::worktree::part::Part;
use crate::worktree::repository::Repository;
use crate::worktree::tree::Entry;

/// Files that say which versions of what others made are used; by name, in any folder.
const NAMES: [&str; 26] = [
    "Cargo.lock",
    "Gemfile.lock",
    "MODULE.bazel.lock",
    "Package.resolved",
    "Pipfile.lock",
    "Podfile.lock",
    "bun.lock",
    "bun.lockb",
    "cabal.project.freeze",
    "composer.lock",
    "conan.lock",
    "deno.lock",
    "flake.lock",
    "go.sum",
    "go.work.sum",
    "gradle.lockfile",
    "mix.lock",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "packages.lock.json",
    "pdm.lock",
    "pnpm-lock.yaml",
    "poetry.lock",
    "pubspec.lock",
    "uv.lock",
    "yarn.lock",
];

/// Returns the digest, in lower-case hex, of every lock file of a base by its path and its blob.
pub(super) fn digest(parts: &[Part]) -> String {
    let mut found: Vec<Entry> = parts.iter().flat_map(Part::files).filter(is_lock_file).collect();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    let mut digest = Sha256::new();
    for entry in found {
        digest.update((entry.path.len() as u64).to_le_bytes());
        digest.update(&entry.path);
        digest.update(entry.held.oid.to_string());
    }
    hex::encode(digest.finalize())
}

impl Repository {
    /// Returns the digest of a commit's lock files; nothing where it has submodules, whose files are known to a run alone.
    pub fn lock_files(&self, commit: &Oid) -> Result<Option<String>, WorktreeError> {
        let part = Part::read(Vec::new(), commit, self.source())?;
        let has_submodules = part.gitlinks().next().is_some();
        Ok((!has_submodules).then(|| digest(&[part])))
    }
}

fn is_lock_file(entry: &Entry) -> bool {
    let name = entry.path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    NAMES.iter().any(|known| known.as_bytes() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_in_order_and_each_is_there_once() {
        assert!(NAMES.is_sorted() && NAMES.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
