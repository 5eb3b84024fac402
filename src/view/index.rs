//! All runs of a checkout: which need somebody first, what they cost, how often the first try was enough.

use autopilot_view::{Fact, Index, Link, Mark, Row};

use super::words::{mark, took, word};
use crate::app;
use crate::evidence::event::{AttemptResult, RunResult};
use crate::evidence::{Files, RunName, RunState};
use crate::plan::units;
use crate::report::plural;
use crate::report::review::{LookKind, Review};
use crate::time::spoken;

/// What is to be told of a run among others.
#[derive(Debug, Clone)]
pub(super) struct Told {
    row: Row,
    /// Millionths of a US dollar, as far as they are known.
    cost: u64,
    /// It ended by its own steps: done, or failed.
    is_over: bool,
    /// It is done, and no attempt failed.
    at_first: bool,
}

/// Tells a run.
pub(super) fn told(files: &Files, state: &RunState, is_running: bool, is_latest: bool) -> Told {
    let run = files.run();
    let Review { mut look, why, .. } = Review::of(state, files, None);
    look.retain(|look| look.kind != LookKind::Failed);
    let (stands, result) = (mark(state, is_running), state.end.as_ref().map(|end| end.result));
    let failed = state.attempts().any(|(_, attempt)| attempt.result == Some(AttemptResult::Failed));
    let note = match stands {
        Mark::Good if !look.is_empty() => format!("look at {}", plural(look.len() as u64, "thing")),
        Mark::Good | Mark::Open => state.start.title.to_string(),
        _ => why.unwrap_or_else(|| state.start.title.to_string()),
    };
    Told {
        cost: state.known_cost(),
        is_over: matches!(result, Some(RunResult::Done | RunResult::Failed)) && !is_running,
        at_first: result == Some(RunResult::Done) && !is_running && !failed,
        row: Row {
            mark: if stands == Mark::Good && !look.is_empty() { Mark::Look } else { stands },
            issue: format!("#{}", run.issue()).into(),
            run: run.to_string().into(),
            page: Link::run(&run.to_string()),
            result: word(state, is_running).into(),
            note: note.chars().take(300).collect::<String>().into(),
            took: spoken(took(state, is_running)).into(),
            cost: state.cost().map_or_else(|| "–".to_owned(), units::dollars).into(),
            next: next(run, state, is_running, is_latest).into(),
        },
    }
}

/// Tells a run of which nothing can be read.
pub(super) fn unreadable(run: RunName, why: &str) -> Told {
    let row = Row {
        mark: Mark::Bad,
        issue: format!("#{}", run.issue()).into(),
        run: run.to_string().into(),
        result: "unreadable".into(),
        note: why.into(),
        next: format!("autopilot audit {run}").into(),
        ..Row::default()
    };
    Told { row, cost: 0, is_over: false, at_first: false }
}

/// Says what to do next. Of the runs of an issue only the latest is meant by its number.
fn next(run: RunName, state: &RunState, is_running: bool, is_latest: bool) -> String {
    match mark(state, is_running) {
        Mark::Good => String::new(),
        Mark::Open => format!("autopilot logs {} -f", run.issue()),
        _ if is_latest && app::can_go_on(state) => state.start.taken_further_by(&run.issue().to_string()),
        _ if app::can_go_on(state) => state.start.taken_further_by(&run.to_string()),
        _ => format!("autopilot logs {run} --failed"),
    }
}

/// Puts the page together: those first that need somebody, then the newest.
pub(super) fn page(title: &str, mut all: Vec<Told>) -> String {
    let need = |told: &Told| matches!(told.row.mark, Mark::Bad | Mark::Look);
    let count = |is: &dyn Fn(&Told) -> bool| all.iter().filter(|told| is(told)).count();
    let (needing, ready) = (count(&need), count(&|told| told.row.mark == Mark::Good));
    let running = count(&|told| told.row.mark == Mark::Open);
    let (over, first) = (count(&|told| told.is_over), count(&|told| told.at_first));
    let cost = all.iter().fold(0_u64, |cost, told| cost.saturating_add(told.cost));
    let stand = format!("{needing} of {} need you · {ready} ready · {running} running", all.len());
    let mut facts = vec![Fact::text(if needing > 0 { Mark::Look } else { Mark::Good }, "runs", stand)];
    if let Some(percent) = (first * 100).checked_div(over) {
        let rate = format!("{first} of {over}, {percent}%: done, and no attempt failed");
        facts.push(Fact::text(Mark::Plain, "at the first try", rate));
    }
    if cost > 0 {
        facts.push(Fact::text(
            Mark::Plain,
            "cost",
            format!("{}, as far as it is known", units::dollars(cost)),
        ));
    }
    // The order within is that in which they come: newest first.
    all.sort_by_key(|told| match told.row.mark {
        Mark::Open => 0,
        _ if need(told) => 1,
        _ => 2,
    });
    let rows = all.into_iter().map(|told| told.row).collect();
    autopilot_view::index(&Index { title: title.into(), facts, rows })
}
