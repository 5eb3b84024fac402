//! What was decided about connections, and what of that left the machine.

use autopilot_view::{Decision, Mark};

use crate::evidence::RunState;
use crate::evidence::event::{Egress, EgressVerdict};
use crate::plan::units;
use crate::report::plural;

/// Lists every decision, refusals first.
pub(super) fn decisions(state: &RunState) -> Vec<Decision> {
    let all = state.attempts().flat_map(|(step, attempt)| {
        attempt
            .egress
            .iter()
            .map(move |egress| (egress.verdict, decision(&step.at(attempt.number).to_string(), egress)))
    });
    let mut all: Vec<(EgressVerdict, Decision)> = all.collect();
    all.sort_by_key(|(verdict, _)| match verdict {
        EgressVerdict::Refused => 0,
        EgressVerdict::Failed => 1,
        EgressVerdict::Allowed => 2,
    });
    all.into_iter().map(|(_, decision)| decision).collect()
}

fn decision(at: &str, egress: &Egress) -> Decision {
    let (mark, word) = match egress.verdict {
        EgressVerdict::Allowed => (Mark::Good, "allowed"),
        EgressVerdict::Refused => (Mark::Bad, "refused"),
        EgressVerdict::Failed => (Mark::Look, "failed"),
    };
    let why = egress.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    let allow = egress.allow.as_ref().map(|line| format!("; to allow it: {line}")).unwrap_or_default();
    let open = if egress.open { ", still open" } else { "" };
    let connections = plural(egress.connections, "connection");
    let (sent, received) = (units::size(egress.sent), units::size(egress.received));
    Decision {
        mark,
        at: at.into(),
        to: format!("{}:{}", egress.host, egress.port).into(),
        verdict: format!("{word}{why}{allow}").into(),
        extent: format!("{connections}, {sent} out, {received} in{open}").into(),
    }
}
