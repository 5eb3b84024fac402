//! What an audit prints for people.

use std::fmt::Write as _;

use crate::audit::{Checked, Outcome, Report, RunReport};
use crate::evidence::event::RunResult;

/// From so many runs on, a run without findings is one line.
const MANY: usize = 4;
/// Longer texts are cut: the JSON has them in full.
const LONGEST: usize = 300;

/// Renders a report.
pub(super) fn report(report: &Report) -> String {
    let mut out = String::new();
    let mut left_out: Vec<&Checked> = Vec::new();
    for run in &report.runs {
        if report.runs.len() < MANY || run.findings().next().is_some() {
            whole_run(&mut out, run);
            continue;
        }
        let _ = writeln!(out, "PASS  run {} ({}){}", run.run, result(run), brief(run));
        // Said once, not for each of a thousand runs.
        for check in run.checks.iter().filter(|check| matches!(check.outcome, Outcome::NotChecked(_))) {
            if !left_out.contains(&check) {
                left_out.push(check);
            }
        }
    }
    for each in left_out {
        checked(&mut out, each);
    }
    for each in &report.whole {
        checked(&mut out, each);
    }
    notes(&mut out, &report.notes);
    let findings = report.findings().count();
    let _ = match findings {
        0 => writeln!(out, "AUDIT PASS{}", counted(report.runs.len(), "run")),
        some => writeln!(out, "AUDIT FAIL{}", counted(some, "finding")),
    };
    out
}

fn counted(count: usize, noun: &str) -> String {
    format!("  {count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn whole_run(out: &mut String, run: &RunReport) {
    let _ = writeln!(out, "run {} ({})", run.run, result(run));
    for each in &run.checks {
        checked(out, each);
    }
    notes(out, &run.notes);
}

/// Returns what the chain says, for a run in one line.
fn brief(run: &RunReport) -> String {
    let chain = run.checks.first().map(|chain| &chain.outcome);
    if let Some(Outcome::Pass(said)) = chain { format!("  {said}") } else { String::new() }
}

fn checked(out: &mut String, checked: &Checked) {
    match &checked.outcome {
        Outcome::Pass(said) => {
            let _ = writeln!(out, "PASS  {:<11} {}", checked.check, plain(said));
        }
        Outcome::NotChecked(why) => {
            let _ = writeln!(out, "–     {:<11} not checked: {}", checked.check, plain(why));
        }
        Outcome::Fail(findings) => {
            for finding in findings {
                let (expected, found) = (plain(&finding.expected), plain(&finding.found));
                let _ = writeln!(out, "FAIL  {}: {}", finding.code, finding.code.meaning());
                let _ = writeln!(out, "        expected: {expected}");
                let _ = writeln!(out, "        found: {found}");
                let _ = writeln!(out, "        fix: {}", finding.code.fix());
            }
        }
    }
}

fn notes(out: &mut String, notes: &[String]) {
    for note in notes {
        let _ = writeln!(out, "note  {}", plain(note));
    }
}

fn result(run: &RunReport) -> &'static str {
    run.result.map_or("no end", RunResult::word)
}

/// Keeps what evidence holds from acting on a terminal, and on one line.
fn plain(text: &str) -> String {
    let mut line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect();
    if text.chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line
}
