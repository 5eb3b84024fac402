//! Takes trees on the disk, gives copy-on-write states of them: one that others start from and cannot change.
//!
//! A layer is what was written on top of others: a folder. Who works in it sees it above those below, which stay as they
//! are. Where an overlay can be mounted that costs nothing ([`Stack`]); elsewhere a tree is cloned ([`clone_tree`]), by
//! reference where the file system can, else byte by byte. Which entries of a layer were written tells [`print_of`].
//!
//! What lies in a layer was written by a step: no link is followed, nothing special is opened, depth and size are
//! bounded. Nobody else works in a tree while it is cloned.

mod clone;
mod print;

pub use autopilot_init::stack::{Owner, Stack, beside};
pub use clone::{Bound, Cloned, Heir, TooMuch, clone_tree, clone_tree_for};
pub use print::{Print, print_of};

use rustix::fs::OFlags;

/// How layers are made on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backend {
    /// By an overlay: nothing is copied.
    Overlay,
    /// By clones, for this reason.
    Clone(String),
}

/// How a folder of a layer is opened.
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Folders in folders that are looked into: each level holds a descriptor.
const DEPTH: usize = 192;
