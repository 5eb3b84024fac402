//! Takes what git names, gives types for it. No program is started here; the git that is runs in [`crate::worktree`].

mod id;

pub use id::{Oid, RawOid, RefName, Unnamed};
