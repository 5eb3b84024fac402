//! Takes the lines of a journal one by one, gives the run: none is kept longer than it is looked at.

use std::io;
use std::path::Path;

use super::RunState;
use crate::evidence::event::Event;
use crate::evidence::id::Sha256;
use crate::evidence::journal::{self, Stamped};
use crate::evidence::line::Line;

/// A run, as far as its journal was read.
#[derive(Debug, Default)]
pub struct Fold {
    lines: u64,
    state: Option<RunState>,
}

impl Fold {
    /// Reads a journal.
    pub fn of(path: &Path) -> io::Result<Self> {
        let mut fold = Self::default();
        let end = journal::each(path, |line, hash| fold.take(line, hash))?;
        if let Some(state) = &mut fold.state {
            state.read = Some(end);
        }
        Ok(fold)
    }

    fn take(&mut self, line: Line, hash: &Sha256) {
        let time = line.time();
        self.lines += 1;
        match &mut self.state {
            Some(state) => {
                state.written(&line, hash);
                state.apply(&Stamped { time: time.unwrap_or(state.last), event: line.event });
            }
            None if self.lines == 1 => {
                let Event::RunStarted(start) = line.event else { return };
                self.state = time.map(|time| RunState::new(*start, time));
            }
            None => {}
        }
    }

    /// Tells whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.lines == 0
    }

    /// Returns the run; nothing if it does not begin with `run.started`.
    pub fn state(self) -> Option<RunState> {
        self.state
    }
}
