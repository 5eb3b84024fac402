//! Follows a run's log while it grows: output of attempts under way lies beside it, and is shown from there; once it is
//! in the log, it is not shown again.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Range;

use super::show::{Show, copy, internal};
use crate::cli::exit::Failure;
use crate::evidence::state::Part;
use crate::evidence::{AttemptId, Files, RunState};

/// What of a run's output was shown.
pub(super) struct Follow {
    files: Files,
    log: File,
    /// Bytes of the log that were shown, or passed over.
    at: u64,
    /// Bytes of each attempt's output that were shown from beside the log.
    shown: BTreeMap<AttemptId, u64>,
    /// Bytes of the log that were shown before they were there.
    known: Vec<Range<u64>>,
}

impl Follow {
    pub(super) fn new(files: Files, log: File) -> Self {
        Self { files, log, at: 0, shown: BTreeMap::new(), known: Vec::new() }
    }

    pub(super) fn files(&self) -> &Files {
        &self.files
    }

    /// Shows what is new.
    pub(super) fn on(&mut self, show: &mut Show) -> Result<(), Failure> {
        // In this order: what is in the log by now, the journal told before.
        let mut end = self.log.metadata().map_err(|error| internal(&error))?.len();
        let spools = self.files.spools().map_err(|error| internal(&error))?;
        if spools.is_empty() && self.shown.is_empty() {
            return self.show_log(end, show);
        }
        let state = self.files.read().map_err(|error| internal(&error))?;
        let part = |at: &AttemptId| state.as_ref().and_then(|state: &RunState| Some(state.attempt(at)?.log));
        for (at, count) in &self.shown {
            if let Some(Part::At(from, _)) = part(at) {
                self.known.push(from..from + count);
            }
        }
        self.shown.retain(|at, _| !matches!(part(at), Some(Part::At(..))));
        // What has its place may not be there yet.
        for (at, _) in &spools {
            if let Some(Part::At(from, _)) = part(at) {
                end = end.min(from);
            }
        }
        self.show_log(end, show)?;
        for (at, path) in spools {
            if matches!(part(&at), Some(Part::At(..))) {
                continue;
            }
            let Ok(mut spool) = File::open(&path) else { continue };
            let size = spool.metadata().map_err(|error| internal(&error))?.len();
            let shown = self.shown.entry(at).or_default();
            copy(&mut spool, *shown, size, show)?;
            *shown = size.max(*shown);
        }
        Ok(())
    }

    fn show_log(&mut self, end: u64, show: &mut Show) -> Result<(), Failure> {
        self.known.sort_by_key(|known| known.start);
        while self.at < end {
            self.known.retain(|known| known.end > self.at);
            let next = self.known.first().cloned().unwrap_or(end..end);
            if next.start <= self.at {
                self.at = next.end.min(end);
                continue;
            }
            let to = next.start.min(end);
            copy(&mut self.log, self.at, to, show)?;
            self.at = to;
        }
        Ok(())
    }
}
