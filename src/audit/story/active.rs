//! The active time of a run: that of its attempts and of the waits between them; once a part of it has ended, as it says.

use chrono::{DateTime, Utc};

use super::Story;
use crate::audit::code::Code;
use crate::audit::journal::Entry;
use crate::evidence::event::{Event, ReasonKind, RunResult};

/// What the journal tells of active time, in milliseconds.
#[derive(Debug, Default)]
pub(super) struct Active {
    /// Of what has ended.
    used: u64,
    /// Of that, what attempts took since the run began or went on, and what it had used before.
    least: u64,
    /// When the attempt under way began.
    began: Option<DateTime<Utc>>,
    /// When its runner wrote last, if that one is gone.
    until: Option<DateTime<Utc>>,
    /// Its time is in what was used before the run went on.
    is_counted: bool,
}

impl Active {
    /// Takes an event, and when the one before it was written.
    fn take(&mut self, event: &Event, time: DateTime<Utc>, before: DateTime<Utc>) {
        match event {
            Event::AttemptStarted { .. } => {
                (self.began, self.until, self.is_counted) = (Some(time), None, false);
            }
            Event::AttemptEnded { ms, .. } => {
                let ms = if self.is_counted { 0 } else { *ms };
                (self.used, self.least) = (self.used.saturating_add(ms), self.least.saturating_add(ms));
                self.began = None;
            }
            Event::StepEnded { .. } => self.began = None,
            Event::RetryWaiting { ms, .. } => self.used = self.used.saturating_add(*ms),
            Event::RunEnded { result, ms, .. } if *result != RunResult::Crashed => {
                self.used = self.used.max(*ms);
            }
            Event::Recovered { .. } => self.until = self.until.or(Some(before)),
            Event::Resumed(resumed) => {
                self.until = self.until.or(Some(before));
                (self.used, self.least, self.is_counted) = (resumed.used, resumed.used, true);
            }
            _ => {}
        }
    }

    /// Returns the least and the most that was used by now: of an attempt under way it is not told how long it ran.
    pub(super) fn range(&self, last: DateTime<Utc>) -> (u64, u64) {
        let until = self.until.unwrap_or(last);
        let under_way = self
            .began
            .filter(|_| !self.is_counted)
            .map_or(0, |began| u64::try_from((until - began).num_milliseconds()).unwrap_or_default());
        (self.used, self.used.saturating_add(under_way))
    }
}

impl Story {
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
