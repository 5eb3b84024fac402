//! What somebody wants to know first who answers for the machine: is it verified, who did it, what left the machine, which secrets
//! were near, and was what was asked also enforced.

use std::collections::BTreeMap;

use autopilot_view::{Fact, Mark, Value};
use serde_json::Value as Json;

use super::audit::Audited;
use super::plan;
use super::words::{first, left_running, short};
use crate::app::replayed::Kept;
use crate::evidence::RunState;
use crate::evidence::event::{CommandEnded, EgressVerdict, Origin, PlanCommit};
use crate::evidence::state::PublishState;
use crate::plan::units;
use crate::report;
use crate::report::review::{Enforced, Review};
use crate::time::moment;

/// Hosts that are named.
const NAMED: usize = 12;

/// Lists it.
pub(super) fn facts(review: &Review, state: &RunState, audited: &Audited, kept: Option<&Kept>) -> Vec<Fact> {
    let mut facts = vec![audited.verdict(state)];
    facts.extend(kept.map(|kept| replayed(kept, state)));
    facts.extend([who(state), plan_of(state)]);
    facts.extend(out(state));
    facts.push(secrets(state));
    facts.push(enforced(&review.enforced, state));
    facts.extend(left_running(review.enforced.survivors));
    facts
}

/// Says what the last replay came to on this machine.
fn replayed(kept: &Kept, state: &RunState) -> Fact {
    let at = moment(kept.at);
    let fact = match kept.differs() {
        None => Fact::text(Mark::Good, "replayed", format!("at {at}: same verdicts, same files; again:")),
        Some(how) => Fact::text(Mark::Bad, "replayed", format!("at {at}: {how}; again:")),
    };
    fact.and(Value::Command(format!("autopilot replay {}", state.start.run).into()))
}

fn who(state: &RunState) -> Fact {
    let start = &state.start;
    let user = start.started_by.as_ref().map_or("unknown", |by| by.user.as_str());
    let actor = start.started_by.as_ref().and_then(|by| by.actor.as_ref());
    let actor = actor.map(|actor| format!(" (for {actor}, says its environment)")).unwrap_or_default();
    let job: Vec<String> = start.labels.iter().map(|(name, value)| format!("{name} {value}")).collect();
    let job = if job.is_empty() { String::new() } else { format!(", {}", job.join(", ")) };
    let host = &start.host;
    let publisher = state.publisher().map(|login| format!("; publishes as {login}")).unwrap_or_default();
    let (version, kernel) = (&start.autopilot, &host.kernel);
    let text =
        format!("{user}{actor} on {}{job}; autopilot {version}, kernel {kernel}{publisher}", host.name);
    Fact::text(Mark::Plain, "who", text)
}

fn plan_of(state: &RunState) -> Fact {
    let start = &state.start;
    let digest = short(start.plan_sha256.as_str());
    let origin = match start.origin {
        Some(Origin::Own) => "of the checkout",
        Some(Origin::Base) => "of the base",
        Some(Origin::Record) => "of somebody's evidence",
        Some(Origin::Agent) => "of an agent",
        None => "",
    };
    let (mark, place) = match &start.plan_commit {
        Some(PlanCommit::At(commit)) => (Mark::Good, format!(", committed in {}", short(commit.as_str()))),
        Some(PlanCommit::Uncommitted) => (Mark::Look, ", not committed anywhere".to_owned()),
        None => (Mark::Plain, String::new()),
    };
    let masked = if start.plan_masked == Some(true) { "; its record is masked" } else { "" };
    Fact::code(mark, "plan", [format!("{} {digest}", start.plan_path)])
        .and(Value::Text(format!("{origin}{place}{masked}").into()))
}

/// Says what left the machine, and what was kept from it.
fn out(state: &RunState) -> Vec<Fact> {
    let mut reached: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let (mut refused, mut attempts) = (BTreeMap::<String, u64>::new(), 0_u64);
    for (_, egress) in state.egress() {
        let to = format!("{}:{}", egress.host, egress.port);
        match egress.verdict {
            EgressVerdict::Allowed => {
                let known = reached.entry(to).or_default();
                known.0 = known.0.saturating_add(egress.connections);
                known.1 = known.1.saturating_add(egress.sent);
            }
            EgressVerdict::Refused => {
                attempts = attempts.saturating_add(egress.connections);
                *refused.entry(to).or_default() += egress.connections;
            }
            EgressVerdict::Failed => {}
        }
    }
    let named = |(to, (connections, sent)): (&String, &(u64, u64))| {
        format!("{to} ×{connections}, {} out", units::size(*sent))
    };
    let mut values: Vec<String> = reached.iter().take(NAMED).map(named).collect();
    if reached.len() > NAMED {
        values.push(format!("and {} more", reached.len() - NAMED));
    }
    values.extend(published(state));
    let mut facts = vec![if values.is_empty() {
        Fact::text(Mark::Good, "left the machine", "nothing by its steps, and nothing was published")
    } else {
        Fact::code(Mark::Plain, "left the machine", values)
    }];
    if !refused.is_empty() {
        let named = refused.iter().map(|(to, count)| format!("{to} ×{count}"));
        facts.push(first(Mark::Look, "kept from leaving", named, NAMED));
    }
    facts
}

fn published(state: &RunState) -> impl Iterator<Item = String> {
    let done =
        state.published.iter().filter(|publication| matches!(publication.state, PublishState::Done { .. }));
    done.map(|publication| format!("{} to {}", report::name_of(publication.effect), publication.to))
}

/// Says which secrets which steps were given; not their values, which nobody has here.
fn secrets(state: &RunState) -> Fact {
    let given = state.steps.iter().filter_map(|step| {
        let listed = plan::of(state, step.id.as_str())?.get("secrets")?.as_array()?;
        let names: Vec<&str> = listed.iter().filter_map(Json::as_str).collect();
        (!names.is_empty()).then(|| format!("{}: {}", step.id, names.join(" ")))
    });
    let given: Vec<String> = given.collect();
    if given.is_empty() {
        return Fact::text(
            Mark::Good,
            "secrets",
            "no step was given one by the plan; keys of models stay with the runner",
        );
    }
    Fact::code(Mark::Look, "secrets", given)
}

fn enforced(held: &Enforced, state: &RunState) -> Fact {
    let commands = state.attempts().flat_map(|(_, attempt)| &attempt.commands);
    let waived = |command: &&CommandEnded| {
        let list = command.enforced.as_ref().and_then(|enforced| enforced.value().get("waived")?.as_array());
        list.is_some_and(|list| !list.is_empty())
    };
    let waived = commands.filter(waived).count();
    let (never, survivors) = (held.never_started, held.survivors);
    let ran = held.commands - never;
    let never = if never == 0 { String::new() } else { format!(", {never} never started") };
    let mark = if waived == 0 && survivors == 0 { Mark::Good } else { Mark::Bad };
    let text = format!(
        "{} of {ran} commands confined as asked{never}; {waived} with something waived, {survivors} survivors; {}",
        ran - waived,
        held.sandbox
    );
    Fact::text(mark, "asked = enforced", text)
}
