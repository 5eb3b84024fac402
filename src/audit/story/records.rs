//! What a journal records of a run as a whole: its checkpoints, how it ended, its seal and its head, what was
//! published.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::evidence::Head;
use crate::evidence::event::{Change, Effect, RunResult, Sealed};

/// A checkpoint, as recorded.
#[derive(Debug, Clone)]
pub(in crate::audit) struct Checkpoint {
    pub(in crate::audit) step: String,
    pub(in crate::audit) attempt: u32,
    pub(in crate::audit) commit: String,
    /// Its tree, and what it is on top of; from version 2 on.
    pub(in crate::audit) tree: Option<String>,
    pub(in crate::audit) parent: Option<String>,
    /// It changed what agents read as instructions; from version 2 on.
    pub(in crate::audit) instructions: Option<bool>,
    pub(in crate::audit) changes: Arc<Vec<Change>>,
}

/// The last seal.
#[derive(Debug)]
pub(in crate::audit) struct Seal {
    pub(in crate::audit) files: Vec<Sealed>,
    /// Digest and length of the journal up to and with it.
    pub(in crate::audit) journal: (String, u64),
    /// When the last event before it was written.
    pub(in crate::audit) finished: DateTime<Utc>,
}

/// The last attestation.
#[derive(Debug)]
pub(in crate::audit) struct Attested {
    pub(in crate::audit) sha256: String,
    pub(in crate::audit) head: Head,
}

/// How a run ended.
#[derive(Debug)]
pub(super) struct End {
    pub(super) result: RunResult,
    /// The runner itself failed, in the end or after it.
    pub(super) faulted: bool,
}

/// Something that was published.
#[derive(Debug, Clone)]
pub(in crate::audit) struct Published {
    pub(in crate::audit) effect: Effect,
    pub(super) key: String,
    /// The repository of GitHub, or the remote.
    pub(in crate::audit) to: String,
    pub(in crate::audit) url: Option<String>,
}
