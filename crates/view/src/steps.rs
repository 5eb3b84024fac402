//! Takes steps, gives for each what it was asked, did and left: in detail where there is room for the nodes, the ones first that a
//! reader wants to see; else the same as text.

use maud::{Markup, html};

use crate::budget::nodes;
use crate::fact::{Fact, Mark, list};
use crate::log;
use crate::page::{Attempt, Step};
use crate::patch;
use crate::words::Words;

/// Nodes of a step that is told as text: `details`, `summary` and `pre`, the last two with a text.
const AS_TEXT: usize = 5;

/// Shows steps with so many nodes.
pub(crate) fn show(steps: &[Step], room: usize) -> Markup {
    let apart = steps.len().min(room.saturating_sub(2) / AS_TEXT);
    let (apart, together) = steps.split_at(apart);
    let mut shown: Vec<Option<Markup>> = vec![None; apart.len()];
    let mut left = room.saturating_sub(2 + AS_TEXT * apart.len());
    for place in wanted(apart) {
        let detailed = detailed(&apart[place]);
        let more = nodes(&detailed.0).saturating_sub(AS_TEXT);
        if more <= left {
            left -= more;
            shown[place] = Some(detailed);
        }
    }
    let all = shown.into_iter().zip(apart).map(|(shown, step)| shown.unwrap_or_else(|| as_text(step)));
    html! {
        @for step in all { (step) }
        @if !together.is_empty() {
            pre { (Words::from(together.iter().map(text).collect::<String>())) }
        }
    }
}

/// Returns places in the order in which a reader wants to see them: what did not go well, then from the last one back.
fn wanted(steps: &[Step]) -> Vec<usize> {
    let (good, others): (Vec<usize>, Vec<usize>) = (0..steps.len()).rev().partition(|place| {
        let step = &steps[*place];
        step.attempts.is_empty() || (step.mark == Mark::Good && step.attempts.len() == 1)
    });
    others.into_iter().chain(good).collect()
}

/// Names the place of a step on the page.
pub(crate) fn anchor(id: &Words) -> String {
    format!("step-{id}")
}

fn summary(step: &Step) -> String {
    let state: Vec<&str> = step.state.iter().map(Words::as_str).collect();
    format!("{} {}  {}", step.mark.sign(), step.id, state.join(" · "))
}

fn is_open(step: &Step) -> bool {
    matches!(step.mark, Mark::Bad | Mark::Open)
}

fn detailed(step: &Step) -> Markup {
    html! {
        details id=(anchor(&step.id)) class=(step.mark.class()) open[is_open(step)] {
            summary {
                b { (step.mark.sign()) " " (step.id) }
                @for word in &step.state { span { (word) } }
            }
            @if !step.asked.is_empty() {
                h3 { "Asked" }
                (list(&step.asked))
            }
            @for attempt in &step.attempts { (attempt_of(step, attempt)) }
        }
    }
}

fn attempt_of(step: &Step, attempt: &Attempt) -> Markup {
    html! {
        h3 class=(attempt.mark.class()) {
            (format!("{} attempt {}, {}", attempt.mark.sign(), attempt.number, attempt.state))
            @if attempt.has_log { " " a href={ "#" (log::anchor(&step.id, attempt.number)) } { "log" } }
        }
        (list(&attempt.facts))
        @if !attempt.patch.is_empty() {
            details class="diff" {
                summary { "Diff" }
                (patch::show(&attempt.patch))
            }
        }
        @if !attempt.beyond.is_empty() { p class="gap" { (attempt.beyond) } }
    }
}

fn as_text(step: &Step) -> Markup {
    html! {
        details id=(anchor(&step.id)) class=(step.mark.class()) {
            summary { (summary(step)) }
            pre { (Words::from(body(step))) }
        }
    }
}

/// Tells a step in lines.
fn text(step: &Step) -> String {
    format!("{}\n{}", summary(step), body(step))
}

fn body(step: &Step) -> String {
    let mut lines: String = step.asked.iter().map(Fact::line).collect();
    for attempt in &step.attempts {
        lines.push_str(&format!("\n{} attempt {}, {}\n", attempt.mark.sign(), attempt.number, attempt.state));
        lines.extend(attempt.facts.iter().map(Fact::line));
        for part in [&attempt.patch, &attempt.beyond] {
            if !part.is_empty() {
                lines.push_str(&format!("\n{part}\n"));
            }
        }
    }
    lines
}
