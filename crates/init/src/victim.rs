//! Whom the kernel takes first when memory runs out: the command and all it starts, before the supervisor that has to
//! tell of it, and before anything else of this host.

use std::fs::File;
use std::io::Write as _;

use crate::{procfs, told};

const SCORE: &str = "self/oom_score_adj";

/// The most there is.
const FIRST: &str = "1000";

/// One's own score, which children are born with. Opened while one's own files in /proc are still one's own.
#[derive(Debug)]
pub(crate) struct Score {
    file: File,
    own: String,
}

impl Score {
    /// Opens it, where there is a /proc that lets it be written.
    pub(crate) fn open() -> Option<Self> {
        let own = procfs::text(SCORE)?;
        Some(Self { file: procfs::open_to_write(SCORE).ok()?, own })
    }

    /// Makes whoever is started from here on the first to be taken, and this process until [`Self::restore`].
    pub(crate) fn raise(&self) {
        self.write(FIRST);
    }

    /// Goes back to what it was. Lower than that nobody may go who may not do more than the command.
    pub(crate) fn restore(&self) {
        self.write(self.own.trim());
    }

    /// A wish, and no wall: what cannot be had is done without.
    fn write(&self, score: &str) {
        if let Err(error) = (&self.file).write_all(score.as_bytes()) {
            told::debug(&format!("whom the kernel takes first is not set: {score}: {error}"));
        }
    }
}
