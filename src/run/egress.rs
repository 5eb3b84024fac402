//! What went out of a command, as events: what was decided about its connections, and what it used of a model. They
//! are written while it runs, so that a runner that dies leaves them.

use std::io;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior};

use crate::evidence::event::{self, AgentUsed, EgressVerdict, Event, Role, Tokens};
use crate::evidence::{AttemptId, Recorder};
use crate::network::{Decision, Exchange, Serving, Traffic, Usage, Verdict};

/// Between two looks. One wait for the disk serves all that came between.
const EVERY: Duration = Duration::from_secs(1);

/// Whose connections they are.
#[derive(Debug)]
pub(super) struct Of {
    pub(super) at: AttemptId,
    pub(super) role: Role,
}

/// The way out of a command that runs.
#[derive(Debug)]
pub(super) struct Egress {
    of: Of,
    serving: Serving,
    /// Requests of the model and what they cost, as recorded last.
    told: (u64, Tokens, Option<u64>),
}

impl Egress {
    pub(super) fn new(of: Of, serving: Serving) -> Self {
        Self { of, serving, told: Default::default() }
    }

    /// Returns what ticks when it is time to look.
    pub(super) fn looks() -> Interval {
        let mut looks = tokio::time::interval_at(Instant::now() + EVERY, EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        looks
    }

    /// Records what is new.
    pub(super) fn record(&mut self, recorder: &mut Recorder) -> io::Result<()> {
        self.of.defer(&self.serving.news(), recorder);
        if let Some(used) = self.used() {
            recorder.defer(Event::AgentUsed(used));
        }
        recorder.write_deferred()
    }

    /// Returns what was used of the model, if there is news of it.
    fn used(&mut self) -> Option<AgentUsed> {
        let usage = self.serving.usage();
        let tokens = tokens(&usage);
        let now = (usage.requests, tokens, usage.cost());
        if std::mem::replace(&mut self.told, now) == now {
            return None;
        }
        Some(AgentUsed { at: self.of.at.clone(), requests: usage.requests, tokens, cost: usage.cost() })
    }

    /// Returns what hears of each exchange with the model.
    pub(super) fn exchanges(&self) -> watch::Receiver<Option<Exchange>> {
        self.serving.exchanges()
    }

    /// Returns for how long nothing has come of what the model is asked.
    pub(super) fn silent_for(&self) -> Option<Duration> {
        self.serving.silent_for()
    }

    /// Ends all connections; what was not told of them is recorded with the command's end.
    pub(super) fn end(self, recorder: &mut Recorder) -> Traffic {
        let Self { of, serving, .. } = self;
        let traffic = serving.end();
        of.defer(&traffic.decisions, recorder);
        traffic
    }
}

/// Returns what was used of a model, as the journal has it.
pub(super) fn tokens(usage: &Usage) -> Tokens {
    let Usage { input, cached, written, output, .. } = *usage;
    Tokens { input, cached, cache_write: (written > 0).then_some(written), output }
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
            at: self.at.clone(),
            role: self.role,
            host: recorder.line(&decision.host),
            port: decision.port,
            verdict,
            why: why.map(|why| recorder.line(why)),
            allow: allow.map(|line| recorder.line(line)),
            connections: decision.connections,
            sent: decision.sent,
            received: decision.received,
            open: decision.open,
        }))
    }
}
