//! What somebody wants to know first who has to decide about the result: what the summary begins with, in the order of the page.

use autopilot_view::{Fact, Mark, Value};

use super::words::{first, short};
use crate::evidence::{Files, RunState};
use crate::report::plural;
use crate::report::review::{Base, LookKind, Merges, Phrase, Piece, Review, Step};

/// Refusals that are named, and last lines of what failed that are shown.
const NAMED: usize = 8;
const LINES: usize = 8;

/// Lists it, worst first.
pub(super) fn facts(review: &Review, state: &RunState, files: &Files, is_running: bool) -> Vec<Fact> {
    let mut facts = Vec::new();
    facts.extend(review.why.iter().map(|why| Fact::text(Mark::Bad, "why", why)));
    if let Some(last) = &review.last {
        let first = last.lines.len().saturating_sub(LINES);
        let lines = last.lines.get(first..).unwrap_or_default().join("\n");
        facts.push(Fact::code(Mark::Plain, format!("last of {} lines", last.total), [lines]));
    }
    facts.extend(verified(review));
    facts.extend(review.look.iter().map(|look| {
        let name = if look.kind == LookKind::Failed { "failed before" } else { "look at" };
        said(Mark::Look, name, &look.says)
    }));
    if !review.untouched.is_empty() {
        facts.push(Fact::text(Mark::Good, "not touched", review.untouched.join(", ")));
    }
    for refused in review.refused.iter().take(NAMED) {
        let name = if refused.probably { "refused, probably" } else { "refused by policy" };
        facts.push(Fact::code(Mark::Look, name, [format!("{}: {}", refused.step, refused.what)]));
    }
    facts.extend(merges(&review.base));
    facts.push(next(review, state, files, is_running));
    facts
}

/// Says a sentence: words of others are named, and look so.
fn said(mark: Mark, name: &str, says: &Phrase) -> Fact {
    let piece = |piece: &Piece| match piece {
        Piece::Words(words) => Value::Text(words.into()),
        Piece::Quoted(text) => Value::Code(text.into()),
    };
    Fact { mark, name: name.into(), values: says.pieces().iter().map(piece).collect() }
}

/// Says what held of the last attempt of each step, and what did not.
fn verified(review: &Review) -> Vec<Fact> {
    let held = review.steps.iter().flat_map(|step| &step.checks).filter(|check| check.held).count() as u64;
    let mut facts = Vec::new();
    if held > 0 {
        let (held, steps) = (plural(held, "expectation"), plural(review.passed() as u64, "step"));
        let text = format!("{held} held, of {steps} that passed");
        facts.push(Fact::text(Mark::Good, "verified", text));
    }
    let proof = |step: &Step| {
        let proof = step.proof.as_ref()?;
        let (mark, name) = if proof.held { (Mark::Good, "proved") } else { (Mark::Bad, "not proved") };
        Some(said(mark, name, &proof.says))
    };
    facts.extend(review.steps.iter().filter_map(proof));
    facts
}

/// Says whether the result merges with what the base is now.
fn merges(base: &Base) -> Option<Fact> {
    let today = base.today.as_ref()?;
    let base = format!("{}@{}", base.name, short(&today.commit));
    Some(match &today.merges {
        Merges::Clean => Fact::text(Mark::Good, "merges", format!("with {base} now")),
        Merges::Conflicts(paths) => first(Mark::Look, "conflicts", paths.iter(), NAMED),
        Merges::Unknown(why) => Fact::text(Mark::Plain, "merges", format!("with {base}: not known, {why}")),
    })
}

/// Says what to do next.
fn next(review: &Review, state: &RunState, files: &Files, is_running: bool) -> Fact {
    let run = files.run();
    if is_running {
        return Fact::commands("follow it", [format!("autopilot logs {} -f", run.issue())]);
    }
    if state.is_done() {
        return Fact::commands(
            "decide",
            review.command.iter().cloned().chain([format!("autopilot audit {run}")]),
        );
    }
    if review.take_over.is_empty() {
        return Fact::commands("go on", [state.start.taken_further_by(&run.to_string())]);
    }
    Fact::commands("take over", &review.take_over)
}
