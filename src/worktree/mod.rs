//! Takes a repository and a run id, gives an isolated checkout; checkpoint, reset, salvage, proof, teardown.
//! Trusts not a byte that a step wrote (`docs/adr/0005-worktree.md`).
//!
//! A run has two git directories. The step's own, in its checkout, is a private repository with which the
//! step may do what it likes; nothing here ever reads it. The other, `checkpoints.git`, is out of its sight:
//! there the runner commits what its own walk found, through git under the sandbox.

mod aside;
mod base;
mod based;
mod bundle;
mod cached;
mod changes;
mod checkout;
mod checkpoint;
mod confined;
mod create;
mod deliver;
mod differences;
mod dirty;
mod earlier;
mod enter;
mod error;
mod excludes;
mod filters;
mod git;
mod gitdirs;
mod halt;
mod ignored;
mod init;
mod intake;
mod lacking;
mod layers;
mod layout;
mod left;
mod left_out;
mod lfs;
mod look;
mod marked;
mod mend;
mod names;
mod object_cache;
mod object_caches;
mod objects;
mod outgoing;
mod own;
mod packing;
mod part;
mod pattern;
mod pin;
mod plain;
mod planned;
mod pointer;
mod refs;
mod remote;
mod remove;
mod repository;
mod reset;
mod root;
mod rules;
mod rundir;
mod running;
mod salvage;
mod scripts;
mod state;
mod stood;
mod strict;
mod tree;
mod unfit;
mod walk;
mod wildmatch;

pub use aside::NotHeld;
pub use base::Base;
pub use cached::{Added, Choice, Keeping, KeptCache, Outdated, Taking, preview};
pub use changes::{Changed, Changes, Kind};
pub use checkout::{Look, Worktree};
pub use checkpoint::{Checkpoint, Counted};
pub use deliver::{Delivered, Proof, Removed};
pub use enter::{Comer, Wrote};
pub use error::{GitEnd, WorktreeError};
pub use halt::{Halt, Halted};

pub use layout::{Earlier, RunOf};
pub use left::{InGit, LeftInGit};
pub use look::{Commit, CommitChanges, Found, Left};
pub use mend::Mended;
pub use object_caches::{Stale, StoredCache};
pub use outgoing::{Again, Before, Leaving, Looked, Outgoing};
pub use pointer::LfsFiles;
pub use remote::Remote;
pub(crate) use remove::remove_tree;
pub use repository::Repository;
pub use rundir::{Record, RunDir};
pub use salvage::Salvage;
pub use state::{Holder, Lock, LockError, State};
pub(crate) use state::{host_name, kernel};
pub use stood::{Bed, BedLeft, Differing, Laid, Stood};
pub use unfit::{Unfit, Unheld, Unproved};
