//! What a run took of folders that are kept from run to run, and what it left of them.

use serde::{Deserialize, Serialize};

use crate::evidence::id::Sha256;
use crate::evidence::text::{self, Text, Token};
use crate::git::Oid;

/// The folders of a plan's `cache` are as an earlier run left them, or empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheLooked {
    /// What the plan names.
    #[serde(deserialize_with = "text::many")]
    pub folders: Vec<Text>,
    /// Digest of the base's lock files, by path and blob.
    pub locks: Sha256,
    /// Digest of what was taken; nothing if nothing was, like what follows.
    pub sha256: Option<Sha256>,
    /// The base of the run that left it.
    pub base: Option<Oid>,
    /// That run.
    pub run: Option<Token>,
    /// Why nothing was taken.
    #[serde(deserialize_with = "text::maybe")]
    pub why: Option<Text>,
}

/// A run that passed left the folders of its plan's `cache` to later ones, as they stood before its first agent, patch or
/// secret step; or did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheKept {
    /// Digest of what later runs find; that of what was taken, if nothing has changed. Nothing if nothing was kept.
    pub sha256: Option<Sha256>,
    /// What it takes on the disk, if it was not there before.
    pub bytes: u64,
    /// Why nothing was kept.
    #[serde(deserialize_with = "text::maybe")]
    pub why: Option<Text>,
}
