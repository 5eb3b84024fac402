//! What was decided about a command's connections, as events: while it runs, so that a runner that dies leaves them.

use std::io;
use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior};

use crate::evidence::event::{self, EgressVerdict, Event, Role};
use crate::evidence::{Recorder, Token};
use crate::network::{Decision, Serving, Usage, Verdict};

/// Between two looks. One wait for the disk serves all that came between.
const EVERY: Duration = Duration::from_secs(1);

/// Whose connections they are.
#[derive(Debug)]
pub(super) struct Of {
    pub(super) step: Token,
    pub(super) attempt: u32,
    pub(super) role: Role,
}

/// The way out of a command that runs.
#[derive(Debug)]
pub(super) struct Egress {
    of: Of,
    serving: Serving,
}

impl Egress {
    pub(super) fn new(of: Of, serving: Serving) -> Self {
        Self { of, serving }
    }

    /// Returns what ticks when it is time to look.
    pub(super) fn looks() -> Interval {
        let mut looks = tokio::time::interval_at(Instant::now() + EVERY, EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        looks
    }

    /// Records what is new.
    pub(super) fn record(&self, recorder: &mut Recorder) -> io::Result<()> {
        let mut news = self.serving.news();
        let Some(last) = news.pop() else { return Ok(()) };
        self.of.defer(&news, recorder);
        recorder.record(self.of.event(&last, recorder))
    }

    /// Ends all connections; what was not told of them is recorded with the command's end.
    pub(super) fn end(self, recorder: &mut Recorder) -> Usage {
        let Self { of, serving } = self;
        let traffic = serving.end();
        of.defer(&traffic.decisions, recorder);
        traffic.model
    }
}

impl Of {
    fn defer(&self, decisions: &[Decision], recorder: &mut Recorder) {
        for decision in decisions {
            let event = self.event(decision, recorder);
            recorder.defer(event);
        }
    }

    fn event(&self, decision: &Decision, recorder: &Recorder) -> Event {
        let (verdict, why, allow) = match &decision.verdict {
            Verdict::Allowed => (EgressVerdict::Allowed, None, None),
            Verdict::Refused { why, allow } => (EgressVerdict::Refused, Some(why), allow.as_ref()),
            Verdict::Failed { why } => (EgressVerdict::Failed, Some(why), None),
        };
        let allow = allow.map(|host| format!("network: {{allow: [\"{host}\"]}}"));
        Event::Egress(Box::new(event::Egress {
            step: self.step.clone(),
            attempt: self.attempt,
            role: self.role,
            host: recorder.text(&decision.host),
            port: decision.port,
            verdict,
            why: why.map(|why| recorder.text(why)),
            allow: allow.map(|line| recorder.text(line)),
            connections: decision.connections,
            sent: decision.sent,
            received: decision.received,
            open: decision.open,
        }))
    }
}
