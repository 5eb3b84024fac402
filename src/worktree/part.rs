//! The parts of a base: the repository's own files, and those of each submodule that the user has checked out.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use super::error::{GitEnd, WorktreeError};
use super::intake::Source;
use super::plain;
use super::repository::Repository;
use super::tree::{self, Entry};
use crate::git::{Oid, RawOid};

/// Bytes of a `.gitattributes` that are looked into.
const LARGEST_ATTRIBUTES: u64 = 16 << 20;

/// A file, and its bytes unless there are too many.
pub(super) type Named<'p> = (&'p Entry, Option<Vec<u8>>);

/// A commit and what it holds, checked out at a path of the worktree.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// Where; empty for the repository itself.
    pub(super) path: Vec<u8>,
    /// The commit.
    pub(super) commit: Oid,
    /// What is in it, by paths from its own top.
    pub(super) entries: Vec<Entry>,
    /// Where its objects come from.
    pub(super) source: Source,
    /// Attributes that the user has set outside of any commit.
    pub(super) attributes: Vec<u8>,
    /// What the user ignores outside of any commit.
    pub(super) excludes: Vec<u8>,
}

/// Returns the parts of a commit, the repository itself first, each before what is inside of it.
pub(super) fn all(repository: &Repository, commit: &Oid) -> Result<Vec<Part>, WorktreeError> {
    let mut parts = vec![Part::read(Vec::new(), commit, repository.source())?];
    // In a linked worktree submodules are that worktree's own, and looked for there first.
    let mut homes = vec![repository.git_dir.clone()];
    let mut next = 0;
    while let Some(part) = parts.get(next) {
        let found = part.submodules(std::mem::take(&mut homes))?;
        parts.extend(found);
        next += 1;
    }
    Ok(parts)
}

/// Tells whether attributes may give files other bytes in a checkout than in the commit: a word too many costs
/// a look at each file, no more.
pub(super) fn convert(parts: &[Part]) -> Result<bool, WorktreeError> {
    let converts = |word: &str| {
        word == "ident" || word.starts_with("eol=") || word.starts_with("working-tree-encoding=")
    };
    any_has(parts, converts)
}

/// Tells whether files may have a filter, such as LFS.
pub(super) fn filter(parts: &[Part]) -> Result<bool, WorktreeError> {
    any_has(parts, |word| word.starts_with("filter="))
}

/// Tells whether files may be of LFS.
pub(super) fn lfs(parts: &[Part]) -> Result<bool, WorktreeError> {
    any_has(parts, |word| word == "filter=lfs")
}

fn any_has(parts: &[Part], wanted: fn(&str) -> bool) -> Result<bool, WorktreeError> {
    parts.iter().try_fold(false, |found, part| Ok(found || part.has_attribute(wanted)?))
}

impl Part {
    pub(super) fn read(path: Vec<u8>, commit: &Oid, source: Source) -> Result<Self, WorktreeError> {
        let listing = source.git("ls-tree").args(["-r", "-z", "--full-tree", commit.as_str()]).run()?;
        let info = |name: &str| plain::read(&source.git_dir.join("info").join(name), source.owner);
        let attributes = info("attributes")?.unwrap_or_default();
        let excludes = info("exclude")?.unwrap_or_default();
        Ok(Self {
            path,
            commit: commit.clone(),
            entries: tree::parse(&listing)?,
            source,
            attributes,
            excludes,
        })
    }

    /// Returns a path of this part as one of the worktree.
    pub(super) fn in_worktree(&self, path: &[u8]) -> Vec<u8> {
        if self.path.is_empty() { path.to_vec() } else { [&self.path, b"/".as_slice(), path].concat() }
    }

    /// Returns its files and links, by paths of the worktree.
    pub(super) fn files(&self) -> impl Iterator<Item = Entry> {
        let files = self.entries.iter().filter(|entry| entry.held.mode != tree::GITLINK);
        files.map(|entry| Entry { path: self.in_worktree(&entry.path), ..entry.clone() })
    }

    /// Returns the paths of the submodules in it, checked out or not, as paths of the worktree.
    pub(super) fn gitlinks(&self) -> impl Iterator<Item = Vec<u8>> {
        let links = self.entries.iter().filter(|entry| entry.held.mode == tree::GITLINK);
        links.map(|entry| self.in_worktree(&entry.path))
    }

    /// Returns every file of this name with its bytes; without, where there are more than so many.
    pub(super) fn named(&self, name: &[u8], most: u64) -> Result<Vec<Named<'_>>, WorktreeError> {
        let entries: Vec<&Entry> = self
            .entries
            .iter()
            .filter(|entry| entry.file_name() == name && entry.held.mode != tree::GITLINK)
            .collect();
        let ids: Vec<RawOid> = entries.iter().map(|entry| entry.held.oid).collect();
        let bytes = self.source.small_blobs(&ids, most)?;
        Ok(entries.into_iter().zip(bytes).collect())
    }

    fn has_attribute(&self, wanted: fn(&str) -> bool) -> Result<bool, WorktreeError> {
        let committed = self.named(b".gitattributes", LARGEST_ATTRIBUTES)?;
        let mut all = committed.iter().map(|(_, text)| text.as_ref()).chain([Some(&self.attributes)]);
        // One that is too large for us may have anything in it.
        let has = |text: &Vec<u8>| String::from_utf8_lossy(text).split_whitespace().any(wanted);
        Ok(all.any(|text| text.is_none_or(has)))
    }

    /// Finds the submodules that the user has checked out; any other is an empty folder, as it is there.
    fn submodules(&self, mut homes: Vec<PathBuf>) -> Result<Vec<Self>, WorktreeError> {
        homes.push(self.source.git_dir.clone());
        let names = self.submodule_names()?;
        let mut found = Vec::new();
        for link in self.entries.iter().filter(|entry| entry.held.mode == tree::GITLINK) {
            let Some(name) = names.get(&link.path) else { continue };
            let there = |home: &PathBuf| {
                Some(home.join("modules").join(name)).filter(|dir| dir.join("HEAD").is_file())
            };
            let Some(git_dir) = homes.iter().find_map(there) else { continue };
            let source = Source { git_dir, owner: self.source.owner };
            let object = format!("{}^{{commit}}", link.held.oid);
            if !source.git("cat-file").args(["-e", &object]).succeeds()? {
                let path = String::from_utf8_lossy(&self.in_worktree(&link.path)).into_owned();
                return Err(WorktreeError::refused(
                    format!(
                        "the submodule `{path}` does not have the commit that the base names, {}",
                        link.held.oid
                    ),
                    "fetch it: git submodule update --init --recursive",
                ));
            }
            found.push(Self::read(self.in_worktree(&link.path), &link.held.oid.into(), source)?);
        }
        Ok(found)
    }

    /// Reads `.gitmodules`: the names of submodules by their paths.
    fn submodule_names(&self) -> Result<HashMap<Vec<u8>, String>, WorktreeError> {
        let Some(file) = self.entries.iter().find(|entry| entry.path == b".gitmodules") else {
            return Ok(HashMap::new());
        };
        let config = self.source.git("config").args([
            "-z",
            // A commit can name any file of this host.
            "--no-includes",
            "--blob",
            &file.held.oid.to_string(),
            "--get-regexp",
            r"^submodule\..*\.path$",
        ]);
        let listed = match config.run() {
            // There is none in it.
            Err(WorktreeError::Git { end: GitEnd::Code(1), .. }) => Vec::new(),
            listed => listed?,
        };
        let records = listed.split(|&byte| byte == 0).filter_map(|record| {
            let end = record.iter().position(|&byte| byte == b'\n')?;
            let key = std::str::from_utf8(&record[..end]).ok()?;
            let name = key.strip_prefix("submodule.")?.strip_suffix(".path")?;
            is_inside(name).then(|| (record[end + 1..].to_vec(), name.to_owned()))
        });
        Ok(records.collect())
    }
}

/// Tells whether a submodule's name stays below the folder of submodules: a commit can name any.
fn is_inside(name: &str) -> bool {
    !name.is_empty() && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_submodules_stay_below_their_folder() {
        for name in ["lib", "vendor/lib", "a.b"] {
            assert!(is_inside(name), "{name}");
        }
        for name in ["", "..", "../x", "a/../../x", "/etc", "a/.."] {
            assert!(!is_inside(name), "{name}");
        }
    }
}
