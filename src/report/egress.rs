//! What was let out of a run and what was not, in words.

use crate::evidence::event::{Egress, EgressVerdict};

use crate::evidence::RunState;

/// Returns the connections that the policy refused, each destination once with its number, with the step.
pub(super) fn refused(state: &RunState) -> Vec<(&str, Egress)> {
    all_of(state, EgressVerdict::Refused)
}

/// Returns those that it allowed and that could not be made, likewise.
pub(super) fn failed(state: &RunState) -> Vec<(&str, Egress)> {
    all_of(state, EgressVerdict::Failed)
}

fn all_of(state: &RunState, verdict: EgressVerdict) -> Vec<(&str, Egress)> {
    let mut all: Vec<(&str, Egress)> = Vec::new();
    for (id, egress) in state.egress().filter(|(_, egress)| egress.verdict == verdict) {
        let is_same = |(step, known): &&mut (&str, Egress)| {
            *step == id && (&known.host, known.port, &known.why) == (&egress.host, egress.port, &egress.why)
        };
        match all.iter_mut().find(is_same) {
            Some((_, known)) => {
                known.connections = known.connections.saturating_add(egress.connections);
                // What came last knows most.
                known.allow.clone_from(&egress.allow);
            }
            None => all.push((id, egress.clone())),
        }
    }
    all
}

/// Says what was refused, how often, why, and what would allow it.
pub(super) fn in_words(egress: &Egress) -> String {
    let Egress { host, port, connections, .. } = egress;
    let why = egress.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    let allow = egress.allow.as_ref().map(|line| format!("; to allow it: {line}")).unwrap_or_default();
    format!("{host}:{port} ×{connections}{why}{allow}")
}

/// Says which steps reached how many hosts; nothing if none did.
pub(super) fn reached(state: &RunState) -> Option<String> {
    let mut steps: Vec<(&str, Vec<String>)> = Vec::new();
    for (id, egress) in state.egress().filter(|(_, egress)| egress.verdict == EgressVerdict::Allowed) {
        let host = format!("{}:{}", egress.host, egress.port);
        match steps.iter_mut().find(|(step, _)| *step == id) {
            Some((_, hosts)) if hosts.contains(&host) => {}
            Some((_, hosts)) => hosts.push(host),
            None => steps.push((id, vec![host])),
        }
    }
    let in_words = |(id, hosts): &(&str, Vec<String>)| match hosts.as_slice() {
        few if few.len() <= 3 => format!("{id} → {}", few.join(" ")),
        many => format!("{id} → {} hosts", many.len()),
    };
    (!steps.is_empty()).then(|| steps.iter().map(in_words).collect::<Vec<_>>().join(", "))
}
