//! What events tell of the active time of a run: that of its attempts and of the waits between them; once a part of it
//! has ended, as it says.

use chrono::{DateTime, Utc};

use crate::evidence::event::{Event, RunResult};

/// What the journal tells of active time, in milliseconds.
#[derive(Debug, Default)]
pub(super) struct Active {
    /// Of what has ended.
    used: u64,
    /// Of that, what attempts took since the run began or went on, and what it had used before.
    pub(super) least: u64,
    /// When the attempt under way began.
    began: Option<DateTime<Utc>>,
    /// When its runner wrote last, if that one is gone.
    until: Option<DateTime<Utc>>,
    /// Its time is in what was used before the run went on.
    is_counted: bool,
}

impl Active {
    /// Takes an event, and when the one before it was written.
    pub(super) fn take(&mut self, event: &Event, time: DateTime<Utc>, before: DateTime<Utc>) {
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
