//! Takes what befell an attempt, gives the words for it.

use std::collections::BTreeSet;

use crate::evidence::Text;
use crate::evidence::event::{Change, ChangeKind, Egress, EgressVerdict};
use crate::evidence::state::AttemptState;
use crate::network::UNLISTED;
use crate::plan::units;
use crate::report::plural;
use crate::report::review::totals;

/// Says why a host was not reached, and what would allow it. That it is not on the list goes without saying where a line
/// would put it there.
pub(super) fn not_reached(egress: &Egress) -> String {
    let allow = egress.allow.as_ref().map(|line| format!(" (allow: `{line}`)"));
    let is_said = |why: &&Text| allow.is_none() || why.as_str() != UNLISTED;
    let why = egress.why.as_ref().filter(is_said).map(|why| format!(": {why}")).unwrap_or_default();
    match egress.verdict {
        EgressVerdict::Failed => format!("not reached{why}"),
        EgressVerdict::Allowed | EgressVerdict::Refused => {
            format!("refused by the policy{why}{}", allow.unwrap_or_default())
        }
    }
}

/// Says which host was refused, and what to write to reach it.
pub(super) fn network_hint(egress: &Egress) -> String {
    let allow = egress.allow.as_ref().map(|line| format!("; to allow it: {line}")).unwrap_or_default();
    format!("{}:{} was refused by the policy{allow}", egress.host, egress.port)
}

/// Says what a passed attempt changed, reached and used.
pub(super) fn note(attempt: &AttemptState) -> String {
    let allowed = attempt.egress.iter().filter(|egress| egress.verdict == EgressVerdict::Allowed);
    let hosts: BTreeSet<_> = allowed.map(|egress| (egress.host.as_str(), egress.port)).collect();
    let net = (!hosts.is_empty()).then(|| format!("net: {}", plural(hosts.len() as u64, "host")));
    changed(&attempt.changes).into_iter().chain(net).chain(tokens(attempt)).collect::<Vec<_>>().join(", ")
}

fn changed(changes: &[Change]) -> Option<String> {
    let deleted = changes.iter().filter(|c| c.kind == ChangeKind::Deleted).count();
    let gone = if deleted > 0 { format!(", {deleted} deleted") } else { String::new() };
    let (added, removed) = totals(changes);
    let files = plural(changes.len() as u64, "file");
    (!changes.is_empty()).then(|| format!("{files} +{added} −{removed}{gone}"))
}

/// Says what an attempt used of models.
pub(super) fn tokens(attempt: &AttemptState) -> Option<String> {
    let cost = attempt
        .spending
        .cost()
        .filter(|cost| *cost > 0)
        .map(|cost| format!(", {}", units::dollars(cost)))
        .unwrap_or_default();
    attempt.spending.total().map(|tokens| format!("{} tokens{cost}", units::count(tokens)))
}
