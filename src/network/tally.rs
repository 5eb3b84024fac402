//! Takes every decision as it is made, gives what was decided: equal ones once, with their number and bytes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::plan::Destination;

/// Different decisions that are kept apart; a step that asks for more is asking for a large journal.
const KEPT: usize = 256;

/// What was decided about connections to one destination, and what went over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The host, as the allow list would name it; `(others)` for what came after too many different ones.
    pub host: String,
    /// The port; 0 for others.
    pub port: u16,
    /// What was decided.
    pub verdict: Verdict,
    /// Connections, or requests over a shared one.
    pub connections: u64,
    /// Bytes from the step.
    pub sent: u64,
    /// Bytes to the step.
    pub received: u64,
}

/// What was decided about a connection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It was made.
    Allowed,
    /// The policy forbids it.
    Refused {
        /// Why.
        why: String,
        /// The entry of an allow list that would allow it, if there is one.
        allow: Option<String>,
    },
    /// It is allowed, and could not be made.
    Failed {
        /// Why.
        why: String,
    },
}

impl Verdict {
    /// Says why it was not made; nothing if it was.
    pub fn why(&self) -> String {
        match self {
            Self::Allowed => String::new(),
            Self::Refused { why, .. } | Self::Failed { why } => why.clone(),
        }
    }
}

/// Collects decisions from all connections of a step.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    rows: Arc<Mutex<BTreeMap<Key, Arc<Counts>>>>,
}

/// Host, port and verdict: what is equal in these is one decision.
type Key = (String, u16, Verdict);

/// What went over the connections of a row.
#[derive(Debug, Default)]
pub(super) struct Counts {
    connections: AtomicU64,
    /// Bytes from the step.
    pub(super) sent: AtomicU64,
    /// Bytes to the step.
    pub(super) received: AtomicU64,
}

impl Tally {
    /// Takes a decision, and returns where to count its bytes.
    pub(super) fn note(&self, target: &Destination, verdict: Verdict) -> Arc<Counts> {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (target.host.clone(), target.port, verdict);
        let key = if rows.len() < KEPT || rows.contains_key(&key) { key } else { others(key.2) };
        let counts = Arc::clone(rows.entry(key).or_default());
        counts.connections.fetch_add(1, Ordering::Relaxed);
        counts
    }

    /// Returns all there is, in the order of the hosts' names.
    pub(super) fn decisions(&self) -> Vec<Decision> {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let decision = |((host, port, verdict), counts): (&Key, &Arc<Counts>)| Decision {
            host: host.clone(),
            port: *port,
            verdict: verdict.clone(),
            connections: counts.connections.load(Ordering::Relaxed),
            sent: counts.sent.load(Ordering::Relaxed),
            received: counts.received.load(Ordering::Relaxed),
        };
        rows.iter().map(decision).collect()
    }
}

fn others(verdict: Verdict) -> Key {
    let why = || format!("among the destinations after the first {KEPT} different ones");
    let verdict = match verdict {
        Verdict::Allowed => Verdict::Allowed,
        Verdict::Refused { .. } => Verdict::Refused { why: why(), allow: None },
        Verdict::Failed { .. } => Verdict::Failed { why: why() },
    };
    ("(others)".to_owned(), 0, verdict)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_decisions_are_one_and_the_rest_is_bounded() {
        let tally = Tally::default();
        for number in 0..2000 {
            let target = Destination { host: format!("h{}.example.org", number % 1000), port: 443 };
            tally
                .note(&target, Verdict::Failed { why: "no such name".into() })
                .sent
                .fetch_add(1, Ordering::Relaxed);
        }
        let decisions = tally.decisions();
        assert_eq!(decisions.len(), KEPT + 1);
        assert_eq!(decisions[0].host, "(others)");
        assert_eq!(decisions.iter().map(|each| each.connections).sum::<u64>(), 2000);
        assert_eq!(decisions.iter().map(|each| each.sent).sum::<u64>(), 2000);
    }
}
