//! Takes events and bytes, gives journal, log and the files that close a run; the masker sits in front of
//! every sink. Knows nothing of how a run works.

mod carried;
mod copied;
pub(crate) mod disk;
pub mod event;
mod files;
mod frame;
mod id;
pub mod journal;
pub mod line;
pub mod log;
pub mod provenance;
mod recorder;
mod seal;
mod spool;
pub mod state;
mod text;
mod turn;

use std::io;
use std::path::Path;

/// What fuzz targets need of the inside.
#[cfg(fuzzing)]
pub mod fuzzing {
    /// Reads a line of a journal.
    pub fn parse(line: &[u8]) -> Option<super::Line> {
        super::line::parse(line).ok()
    }
}

pub use autopilot_mask as mask;
pub use carried::{Carried, name_of};
pub use event::Event;
pub use files::{Files, LOGS_OF_STEPS, RunName};
pub use id::{AttemptId, Sha256, StepId};
pub use journal::{Head, Journal};
pub use line::Line;
pub use recorder::{Claim, Recorder};
pub use spool::Spool;
pub use state::{Fold, RunState};
pub use text::{Document, Text, Token};

/// Sees what is recorded, after it is durable. The terminal's progress is one.
pub trait Watch {
    /// An event was written; the run is as it is with that and with what is about to be written.
    fn event(&mut self, line: &Line, state: &RunState);
    /// Masked output of an attempt was written.
    fn output(&mut self, masked: &[u8]);
    /// A run of a proof begins, of which the journal tells when it is over.
    fn proving(&mut self, _: &Proving<'_>) {}
}

/// A run of a proof that begins.
#[derive(Debug, Clone, Copy)]
pub struct Proving<'a> {
    /// Which attempt is proved.
    pub at: &'a AttemptId,
    /// Which of the runs it is, from 1.
    pub nth: u32,
    /// How many there will be, if nothing is refused before.
    pub of: u32,
    /// What the tests are run on.
    pub what: &'a str,
}

/// A watch that sees nothing.
#[derive(Debug)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn event(&mut self, _: &Line, _: &RunState) {}
    fn output(&mut self, _: &[u8]) {}
}

impl Files {
    /// Lists the files that hold the output of attempts which are not over: it is not in the log yet.
    pub fn spools(&self) -> io::Result<Vec<(AttemptId, std::path::PathBuf)>> {
        spool::beside(&self.log())
    }

    /// Opens the log of the run: a plain file, through no link.
    pub fn open_log(&self) -> io::Result<std::fs::File> {
        disk::open_plain(&self.log())
    }

    /// Reads the journal of the run and folds it; nothing if it does not begin with `run.started`.
    pub fn read(&self) -> io::Result<Option<RunState>> {
        read(&self.journal())
    }
}

/// Reads the journal of a run, wherever a copy of it lies, and folds it; nothing if it does not begin with `run.started`.
pub fn read(journal: &Path) -> io::Result<Option<RunState>> {
    Ok(Fold::of(journal)?.state())
}
