//! The active time of an honest run: of attempts that are over, of waits, and, once it ended, of all of it.

use chrono::{DateTime, Utc};
use serde_json::Value;

/// What the journal tells of it so far.
#[derive(Default)]
pub(super) struct Active {
    pub(super) used: i64,
    /// The attempt under way.
    pub(super) began: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    counted: bool,
    last: Option<DateTime<Utc>>,
}

impl Active {
    pub(super) fn fold(&mut self, kind: &str, event: &Value, now: DateTime<Utc>) {
        let ms = event["ms"].as_i64().unwrap_or_default();
        match kind {
            "attempt.started" => (self.began, self.until, self.counted) = (Some(now), None, false),
            "attempt.ended" => {
                self.used += if self.counted { 0 } else { ms };
                self.began = None;
            }
            "retry.waiting" => self.used += ms,
            "step.ended" => self.began = None,
            "run.ended" if event["result"] != "crashed" => self.used = self.used.max(ms),
            "recovered" => self.until = self.until.or(self.last),
            "resumed" => {
                self.until = self.until.or(self.last);
                (self.used, self.counted) = (event["used"].as_i64().unwrap(), true);
            }
            _ => {}
        }
        self.last = Some(now);
    }

    /// Milliseconds that the attempt under way had from its own runner.
    pub(super) fn ran(&self) -> i64 {
        let until = self.until.or(self.last);
        until.zip(self.began).map_or(0, |(until, began)| (until - began).num_milliseconds())
    }

    pub(super) fn total(&self) -> i64 {
        self.used + if self.counted { 0 } else { self.ran() }
    }
}
