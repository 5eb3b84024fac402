//! Takes a verdict, tells it in words: what an agent can act on, and what a reader should know.

use autopilot_proof::verdict::{Kind, Terms, Verdict};

use crate::plan::Proves;

/// Refusals, and tests, that are named; of more, how many.
const NAMED: usize = 5;

/// A verdict in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Nothing speaks against it.
    pub held: bool,
    /// The verdict, in a line.
    pub line: String,
}

/// Returns what a plan asks of a proof.
pub fn terms(proves: &Proves) -> Terms {
    let kind = if proves.refactor { Kind::Refactor } else { Kind::Proof };
    Terms { except: proves.except.clone(), mutants: proves.mutants, kind }
}

/// Tells a verdict.
pub fn told(verdict: &Verdict) -> Told {
    let held = verdict.is_accepted();
    let mut parts: Vec<String> = Vec::new();
    if held {
        let proved: Vec<&String> = verdict.proved.iter().collect();
        parts.push(match proved.as_slice() {
            [] => "all that passed passes".to_owned(),
            [one] => format!("proved by {one}"),
            many => format!("proved by {}", listed(many)),
        });
    } else {
        parts.push(listed_by(&verdict.refusals, "; "));
    }
    let sets = [
        ("excused", &verdict.excused),
        ("named by the plan", &verdict.named),
        ("vanished", &verdict.vanished),
        ("skipped", &verdict.skipped),
    ];
    for (what, ids) in sets.iter().filter(|(_, ids)| !ids.is_empty()) {
        parts.push(format!("{what}: {}", listed(&ids.iter().collect::<Vec<_>>())));
    }
    if held && !verdict.notes.is_empty() {
        parts.push(listed_by(&verdict.notes, "; "));
    }
    Told { held, line: parts.join("; ") }
}

fn listed(ids: &[&String]) -> String {
    listed_by(ids, ", ")
}

fn listed_by(all: &[impl ToString], between: &str) -> String {
    let named: Vec<String> = all.iter().take(NAMED).map(ToString::to_string).collect();
    let more = all.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!("{between}and {more} more") };
    named.join(between) + &more
}
