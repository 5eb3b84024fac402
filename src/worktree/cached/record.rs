//! What a cache says of itself, in `cache.json`: whose it is, what it was made of, and how it looked when it was made.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::git::Oid;
use crate::layer::Print;
use crate::plan::{Cached, Tier};

/// What a cache says of itself. Its digest is the cache's: every file in it is told by the record, by digest or by print.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    /// Version of this record.
    pub(super) v: u32,
    /// The repository's shared git directory.
    pub(super) common_dir: PathBuf,
    /// Whom the steps ran as.
    pub(super) uid: u32,
    /// What the plan named, in order.
    pub(super) folders: Vec<String>,
    /// Digest of the base's lock files.
    pub(super) locks: String,
    /// The base's commit.
    pub(super) base: Oid,
    /// The run.
    pub(super) run: String,
    /// Layers of HOME were overlays.
    pub(super) overlay: bool,
    /// What is in it, by the names that they have there.
    pub(super) trees: Vec<Tree>,
    /// SHA-256 of the file with the times of the checkout's files.
    pub(super) times: String,
}

/// A folder as steps of a tier left it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tree {
    /// Which of the folders.
    pub(super) folder: usize,
    /// The lowest tier that wrote to it.
    pub(super) tier: Tier,
    /// How it looked when it was made. The kernel sets the change times that are in it.
    pub(super) print: Print,
}

/// Returns what a plan names, as records have it.
pub(super) fn names(folders: &[Cached]) -> Vec<String> {
    let mut names: Vec<String> = folders.iter().map(ToString::to_string).collect();
    names.sort();
    names
}

/// Returns what a plan names in the order of [`names`].
pub(super) fn in_order(folders: &[Cached]) -> Vec<Cached> {
    let mut folders = folders.to_vec();
    folders.sort_by_key(ToString::to_string);
    folders
}

/// Returns the SHA-256 of some bytes, in lower-case hex.
pub(super) fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
