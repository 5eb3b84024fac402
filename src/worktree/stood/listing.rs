//! Takes what git knows of a worktree's files, gives what differs from it later: by mode and bytes, without git.

use std::collections::BTreeMap;
use std::path::Path;

use crate::git::RawOid;
use crate::worktree::changes::{Changes, Snapshot};
use crate::worktree::error::{WorktreeError, at};
use crate::worktree::init::lay;
use crate::worktree::tree::{EXECUTABLE, GITLINK, LINK};

/// Files and links by path: what each is, and the id of its bytes.
#[derive(Debug, Default)]
pub(super) struct Listing(BTreeMap<Vec<u8>, (u32, RawOid)>);

/// A path that is not as it stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differing {
    /// Relative to the repository's top.
    pub path: Vec<u8>,
    /// Something stood there.
    pub stood: bool,
    /// Something is there now.
    pub is_there: bool,
    /// What is there is a link.
    pub is_link: bool,
    /// What is there can be executed.
    pub is_executable: bool,
}

impl Listing {
    /// Takes the files of the last checkpoint with what was changed since.
    pub(super) fn now(snapshot: &Snapshot, changes: &Changes) -> Self {
        let on_disk = snapshot.on_disk().filter(|(_, mode, _)| *mode != GITLINK);
        let mut all: BTreeMap<_, _> =
            on_disk.map(|(path, mode, bytes)| (path.to_vec(), (mode, bytes))).collect();
        for changed in &changes.paths {
            match changed.written() {
                Some(written) => {
                    all.insert(changed.path.clone(), (written.held.mode, written.held.oid));
                }
                None => {
                    all.remove(&changed.path);
                }
            }
        }
        Self(all)
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = (&[u8], bool)> {
        self.0.iter().map(|(path, (mode, _))| (path.as_slice(), *mode == EXECUTABLE))
    }

    /// Lists what is not the same later, by path.
    pub(super) fn differing(&self, now: Self) -> Vec<Differing> {
        let gone = self.0.keys().filter(|path| !now.0.contains_key(*path));
        let mut all: Vec<Differing> = gone
            .map(|path| Differing {
                path: path.clone(),
                stood: true,
                is_there: false,
                is_link: false,
                is_executable: false,
            })
            .collect();
        let written = now.0.iter().filter(|(path, own)| self.0.get(*path) != Some(own));
        all.extend(written.map(|(path, (mode, _))| Differing {
            path: path.clone(),
            stood: self.0.contains_key(path),
            is_there: true,
            is_link: *mode == LINK,
            is_executable: *mode == EXECUTABLE,
        }));
        all.sort_by(|a, b| a.path.cmp(&b.path));
        all
    }

    pub(super) fn write(&self, file: &Path) -> Result<(), WorktreeError> {
        let mut text = Vec::new();
        for (path, (mode, bytes)) in &self.0 {
            text.extend(format!("{mode:o} {bytes} ").as_bytes());
            text.extend(path);
            text.push(0);
        }
        lay(file, &text)
    }

    pub(super) fn read(file: &Path) -> Result<Self, WorktreeError> {
        let text = std::fs::read(file).map_err(at(file))?;
        let line = |line: &[u8]| {
            let mut parts = line.splitn(3, |&byte| byte == b' ');
            let mut word = || std::str::from_utf8(parts.next()?).ok();
            let (mode, bytes) = (u32::from_str_radix(word()?, 8).ok()?, RawOid::parse(word()?).ok()?);
            Some((parts.next()?.to_vec(), (mode, bytes)))
        };
        let lines = text.split(|&byte| byte == 0).filter(|line| !line.is_empty());
        let all: Option<BTreeMap<_, _>> = lines.map(line).collect();
        all.map(Self).ok_or_else(|| at(file)(std::io::Error::other("what stood cannot be read")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_told_by_path_and_read_back() {
        let oid = |digit: &str| RawOid::parse(&digit.repeat(40)).unwrap();
        let of = |all: &[(&str, u32, &str)]| {
            let entries = all.iter().map(|(path, mode, id)| (path.as_bytes().to_vec(), (*mode, oid(id))));
            Listing(entries.collect())
        };
        let stood = of(&[("same", 0o100_644, "a"), ("gone", 0o100_644, "a"), ("x y", 0o100_644, "a")]);
        let file = tempfile::tempdir().unwrap().path().join("listing");
        stood.write(&file).unwrap();
        let now = of(&[("same", 0o100_644, "a"), ("x y", EXECUTABLE, "a"), ("new", LINK, "b")]);
        let differing = Listing::read(&file).unwrap().differing(now);
        let shown: Vec<String> = differing
            .iter()
            .map(|one| {
                let Differing { stood, is_there, is_link, is_executable, .. } = one;
                let path = String::from_utf8_lossy(&one.path);
                format!("{path} {stood} {is_there} {is_link} {is_executable}")
            })
            .collect();
        let expected =
            ["gone true false false false", "new false true true false", "x y true true false true"];
        assert_eq!(shown, expected);
    }
}
