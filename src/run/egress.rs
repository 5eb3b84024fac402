//! What went out of a command, as events: what was decided about its connections, and what it used of a model. They
//! are written while it runs, so that a runner that dies leaves them.

use std::io;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior};

use crate::evidence::event::{self, AgentUsed, EgressVerdict, Event, Role, Tokens};
use crate::evidence::{AttemptId, Recorder};
use crate::network::{Decision, Exchange, Serving, Traffic, Usage, Verdict};
use crate::plan::{Destination, Network};

/// Refused hosts that a line names beside its own: a command can ask for any number.
const BESIDE: usize = 32;

/// Between two looks. One wait for the disk serves all that came between.
const EVERY: Duration = Duration::from_secs(1);

/// Whose connections they are.
#[derive(Debug)]
pub(super) struct Of {
    pub(super) at: AttemptId,
    pub(super) role: Role,
    /// The step's allow list, as its plan has it, and behind it what was refused: taken literally, a line that allows one host has to
    /// allow the others, too.
    list: Vec<String>,
    /// So many more go there.
    room: usize,
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
        let Self { mut of, serving, .. } = self;
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
    /// Takes whose they are, and what the step may reach.
    pub(super) fn new(at: AttemptId, role: Role, network: &Network) -> Self {
        let allowed = if let Network::Allow(hosts) = network { hosts.as_slice() } else { &[] };
        Self { at, role, list: allowed.iter().map(Destination::in_plan).collect(), room: BESIDE }
    }

    /// Returns the line of the plan that allows a host, beside all that the step has and, of what it was refused, the first.
    fn line(&mut self, host: &str) -> String {
        let more = (!self.list.iter().any(|known| known == host)).then_some(host);
        let line = Network::allowing(self.list.iter().map(String::as_str).chain(more));
        if let Some(host) = more.filter(|_| self.room > 0) {
            self.list.push(host.to_owned());
            self.room -= 1;
        }
        line
    }

    fn defer(&mut self, decisions: &[Decision], recorder: &mut Recorder) {
        for decision in decisions {
            let event = self.event(decision, recorder);
            recorder.defer(event);
        }
    }

    fn event(&mut self, decision: &Decision, recorder: &Recorder) -> Event {
        let (verdict, why, allow) = match &decision.verdict {
            Verdict::Allowed => (EgressVerdict::Allowed, None, None),
            Verdict::Refused { why, allow } => (EgressVerdict::Refused, Some(why), allow.as_ref()),
            Verdict::Failed { why } => (EgressVerdict::Failed, Some(why), None),
        };
        let allow = allow.map(|host| self.line(host));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::StepId;

    #[test]
    fn the_line_that_allows_a_host_allows_all_that_the_step_has_and_was_refused() {
        let allowed = ["a.example.org", "b.example.org:8443", "[::1]:443"].map(|host| host.parse().unwrap());
        let at = AttemptId { step: StepId::new("a"), attempt: 1 };
        let mut of = Of::new(at, Role::Action, &Network::Allow(allowed.to_vec()));
        let has = "\"a.example.org\", \"b.example.org:8443\", \"[::1]:443\"";
        assert_eq!(of.line("c.example.org"), format!("network: {{allow: [{has}, \"c.example.org\"]}}"));
        let line = format!("network: {{allow: [{has}, \"c.example.org\", \"d.example.org\"]}}");
        assert_eq!(of.line("d.example.org"), line);
        assert_eq!(of.line("c.example.org"), line);
    }

    #[test]
    fn of_any_number_of_hosts_a_line_names_the_first_and_its_own() {
        let at = AttemptId { step: StepId::new("a"), attempt: 1 };
        let mut of = Of::new(at, Role::Action, &Network::None);
        let lines: Vec<String> = (0..1000).map(|number| of.line(&format!("h{number}.example.org"))).collect();
        let last = lines.last().unwrap();
        assert!(last.starts_with("network: {allow: [\"h0.example.org\", \"h1.example.org\""), "{last}");
        assert!(last.ends_with("\"h31.example.org\", \"h999.example.org\"]}"), "{last}");
    }
}
