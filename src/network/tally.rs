//! Takes every decision as it is made, gives what was decided: one by one at first, then equal ones together.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::plan::Destination;

/// Decisions that are told one by one; a command that causes more is asking for a large journal.
const SINGLE: usize = 1000;
/// Different ones that are kept apart among the rest.
const KEPT: usize = 256;

/// What was decided about a connection, or about equal ones, and what went over them since it was told last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The host, as the allow list would name it; `(others)` for what came after too many different ones.
    pub host: String,
    /// The port; 0 for others.
    pub port: u16,
    /// What was decided.
    pub verdict: Verdict,
    /// Connections, or requests over a shared one, that were not told before.
    pub connections: u64,
    /// Bytes from the step.
    pub sent: u64,
    /// Bytes to the step.
    pub received: u64,
    /// More may follow: another telling says what.
    pub open: bool,
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

impl Decision {
    /// Adds up equal decisions, in the order of their hosts' names.
    pub fn together(decisions: Vec<Self>) -> Vec<Self> {
        let mut all: BTreeMap<Key, Self> = BTreeMap::new();
        for each in decisions {
            match all.entry((each.host.clone(), each.port, each.verdict.clone())) {
                Entry::Vacant(place) => drop(place.insert(each)),
                Entry::Occupied(mut known) => {
                    let known = known.get_mut();
                    known.connections += each.connections;
                    known.sent += each.sent;
                    known.received += each.received;
                    known.open |= each.open;
                }
            }
        }
        all.into_values().collect()
    }
}

/// Collects decisions from all connections of a command.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    rows: Arc<Mutex<Rows>>,
}

#[derive(Debug, Default)]
struct Rows {
    /// Those that are told one by one, and were not told to their end.
    single: Vec<(Key, Row)>,
    /// How many such there were.
    made: usize,
    /// All later ones.
    folded: BTreeMap<Key, Row>,
}

/// Host, port and verdict: what is equal in these is one decision.
type Key = (String, u16, Verdict);

/// What is counted in one place, and what was told of it.
#[derive(Debug, Default)]
struct Row {
    counts: Arc<Counts>,
    told: Option<[u64; 3]>,
}

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
    /// Takes a decision, and returns where to count its bytes. The connection is over when that is dropped.
    pub(super) fn note(&self, target: &Destination, verdict: Verdict) -> Arc<Counts> {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = rows.place((target.host.clone(), target.port, verdict));
        counts.connections.fetch_add(1, Ordering::Relaxed);
        counts
    }

    /// Returns what was not told before. With `over`, no connection is left.
    pub(super) fn news(&self, over: bool) -> Vec<Decision> {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let mut news = Vec::new();
        rows.single.retain_mut(|(key, row)| {
            // Whoever counted has let go of it.
            let ended = over || Arc::get_mut(&mut row.counts).is_some();
            news.extend(row.news(key, ended));
            !ended
        });
        news.extend(rows.folded.iter_mut().filter_map(|(key, row)| row.news(key, over)));
        news
    }
}

impl Rows {
    fn place(&mut self, key: Key) -> Arc<Counts> {
        if self.made < SINGLE {
            self.made += 1;
            let row = Row::default();
            let counts = Arc::clone(&row.counts);
            self.single.push((key, row));
            return counts;
        }
        let has_room = self.folded.len() < KEPT || self.folded.contains_key(&key);
        let key = if has_room { key } else { others(key.2) };
        Arc::clone(&self.folded.entry(key).or_default().counts)
    }
}

impl Row {
    /// Tells a row the first time it is seen, and once more at its end if there was more.
    fn news(&mut self, (host, port, verdict): &Key, ended: bool) -> Option<Decision> {
        if self.told.is_some() && !ended {
            return None;
        }
        let Counts { connections, sent, received } = &*self.counts;
        let now = [connections, sent, received].map(|count| count.load(Ordering::Relaxed));
        let before = self.told.replace(now);
        let told = before.unwrap_or_default();
        let [connections, sent, received] = [0, 1, 2].map(|at| now[at] - told[at]);
        let (host, port, verdict) = (host.clone(), *port, verdict.clone());
        (before != Some(now)).then_some(Decision {
            host,
            port,
            verdict,
            connections,
            sent,
            received,
            open: !ended,
        })
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

    fn target(number: usize) -> Destination {
        Destination { host: format!("h{number}.example.org"), port: 443 }
    }

    #[test]
    fn a_connection_is_told_when_it_was_made_and_when_it_is_over() {
        let tally = Tally::default();
        let counts = tally.note(&target(1), Verdict::Allowed);
        drop(tally.note(&target(2), Verdict::Failed { why: "no such name".into() }));
        counts.sent.fetch_add(5, Ordering::Relaxed);
        let told = |over| {
            let news = tally.news(over);
            news.iter().map(|each| (each.connections, each.sent, each.open)).collect::<Vec<_>>()
        };
        assert_eq!(told(false), [(1, 5, true), (1, 0, false)]);
        counts.sent.fetch_add(2, Ordering::Relaxed);
        assert_eq!(told(false), [], "told, and not over");
        drop(counts);
        assert_eq!(told(false), [(0, 2, false)]);
        assert_eq!(told(true), []);
    }

    #[test]
    fn a_flood_is_told_in_bounds_and_nothing_of_it_is_lost() {
        let tally = Tally::default();
        let mut news = Vec::new();
        for number in 0..20_000 {
            let verdict = Verdict::Failed { why: "no such name".into() };
            tally.note(&target(number % 2000), verdict).sent.fetch_add(1, Ordering::Relaxed);
            if number % 100 == 0 {
                news.extend(tally.news(false));
            }
        }
        news.extend(tally.news(true));
        assert!(news.len() <= SINGLE + 2 * (KEPT + 1), "{}", news.len());
        let sums = |all: &[Decision]| -> (u64, u64) {
            (all.iter().map(|each| each.connections).sum(), all.iter().map(|each| each.sent).sum())
        };
        assert_eq!(sums(&news), (20_000, 20_000));
        let together = Decision::together(news);
        assert_eq!(sums(&together), (20_000, 20_000));
        assert_eq!(together[0].host, "(others)");
    }
}
