//! Takes a base, gives its files without a worktree: paths, and bytes of those that are asked for.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::base::Base;
use super::error::WorktreeError;
use super::part::Part;
use super::tree::{Entry, LINK};
use crate::git::RawOid;

/// The path of a file, and its bytes unless there are too many.
pub type BaseFile = (Vec<u8>, Option<Vec<u8>>);

impl Base {
    /// Lists the paths of its files, those of submodules that are there too. Links are none.
    pub fn paths(&self) -> Vec<Vec<u8>> {
        self.parts.iter().flat_map(plain).map(|(path, _)| path).collect()
    }

    /// Reads the files that are wanted, in the order of their paths, up to so many bytes of each: nothing of a larger one.
    pub fn read(&self, wanted: impl Fn(&Path) -> bool, most: u64) -> Result<Vec<BaseFile>, WorktreeError> {
        let mut all = Vec::new();
        for part in &self.parts {
            let (paths, ids): (Vec<Vec<u8>>, Vec<RawOid>) =
                plain(part).filter(|(path, _)| wanted(Path::new(OsStr::from_bytes(path)))).unzip();
            all.extend(paths.into_iter().zip(part.source.small_blobs(&ids, most)?));
        }
        all.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(all)
    }
}

fn plain(part: &Part) -> impl Iterator<Item = (Vec<u8>, RawOid)> {
    let of = |entry: Entry| (entry.held.mode != LINK).then_some((entry.path, entry.held.oid));
    part.files().filter_map(of)
}
