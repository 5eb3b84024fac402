//! The times of a run: a clock that went back, and active time, which follows from what attempts took.

use chrono::{DateTime, Utc};

use super::state::Story;
use crate::audit::code::Code;
use crate::audit::journal::Entry;
use crate::evidence::event::{Event, ReasonKind, RunResult};

impl Story {
    /// Notes a clock that went back: no fault of a run, and worth knowing when times are read.
    pub(super) fn keep_time(&mut self, entry: &Entry) {
        if self.last.is_some_and(|last| entry.time < last) {
            self.notes.push(format!("the clock went back before line {}", entry.at.seq + 1));
        }
        self.started = self.started.or(Some(entry.time));
        self.finished = self.last;
        self.last = Some(entry.time);
    }

    /// Demands that what is said of active time follows from what attempts took. Version 1 counted otherwise at times.
    pub(super) fn keep_active(&mut self, entry: &Entry, before: Option<DateTime<Utc>>) {
        let before = before.unwrap_or(entry.time);
        let (least, most) = self.active.range(before);
        let told = match &entry.event {
            Event::Resumed(resumed) => Some((resumed.used, least, most)),
            Event::RunEnded { result: RunResult::Crashed, ms, .. } => Some((*ms, least, most)),
            Event::RunEnded { reason, ms, .. }
                if reason.as_ref().is_none_or(|why| why.kind != ReasonKind::Internal) =>
            {
                Some((*ms, self.active.least, u64::MAX))
            }
            _ => None,
        };
        if let Some((told, least, most)) = told.filter(|(told, least, most)| told < least || told > most)
            && entry.version > 1
        {
            let most = if most == u64::MAX { String::new() } else { format!(", {most} at most") };
            let expected = format!("{least} ms of active time{most}");
            self.wrong(Code::ResultWrong, expected, format!("{told} ms"));
        }
        self.active.take(&entry.event, entry.time, before);
    }

    /// Returns the milliseconds that the run was active, at least and at most.
    #[cfg(test)]
    pub(super) fn active(&self) -> (u64, u64) {
        self.last.map_or((0, 0), |last| self.active.range(last))
    }
}
