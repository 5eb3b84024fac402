//! What people read says what the events say: the first line and the table of the summary, the head of the failure
//! report. Their bytes are the seal's business; here it is whether they were true when they were sealed.

use super::code::Code;
use super::finding::Finding;
use super::story::Story;
use crate::evidence::RunName;
use crate::evidence::event::{RunResult, StepResult};

/// Compares the summary with the events.
pub(super) fn summary(text: &[u8], story: &Story, run: RunName) -> Vec<Finding> {
    let text = String::from_utf8_lossy(text);
    let issue = run.issue();
    let headline = match story.result() {
        Some(RunResult::Done) => format!("# ✅ #{issue} done"),
        Some(RunResult::Failed) => format!("# ❌ #{issue} failed"),
        Some(RunResult::Interrupted) => format!("# ⏹ #{issue} interrupted"),
        Some(RunResult::Crashed) => format!("# 💥 #{issue} crashed"),
        None => return Vec::new(),
    };
    let first = text.lines().next().unwrap_or_default();
    let mut findings = Vec::new();
    let mut wrong = |expected: String, found: &str| {
        findings.push(Finding::new(Code::SummaryWrong, expected, found));
    };
    if !first.starts_with(&headline) {
        wrong(headline, first);
    }
    // The rows of the table, in the order of the steps; ids hold no blanks and no pipes.
    let mut rows = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| step |"));
    for (id, result, attempts) in story.results() {
        let row = rows.next().unwrap_or_default();
        let expected = format!("| {id} | {}", mark(result));
        let tries = if attempts == 0 { "–".to_owned() } else { attempts.to_string() };
        if !row.starts_with(&expected) {
            wrong(expected, row);
        } else if tries_of(row) != Some(tries.as_str()) {
            wrong(format!("{expected} … | {tries} |"), row);
        }
    }
    findings
}

/// Returns what a row says of the tries. A pipe in what became of a step has a backslash before it, and so ends no cell.
fn tries_of(row: &str) -> Option<&str> {
    row.split(" | ").nth(2)
}

fn mark(result: Option<StepResult>) -> &'static str {
    match result {
        Some(StepResult::Passed) => "✅",
        Some(StepResult::Failed) => "❌",
        Some(StepResult::Skipped) => "⏭",
        Some(StepResult::Interrupted) => "⏹",
        None => "",
    }
}

/// Compares the failure report with the events.
pub(super) fn failure(text: &[u8], story: &Story, run: RunName) -> Vec<Finding> {
    let how = match story.result() {
        Some(RunResult::Failed) => "FAILED",
        Some(RunResult::Interrupted) => "INTERRUPTED",
        Some(RunResult::Crashed) => "CRASHED",
        Some(RunResult::Done) | None => return Vec::new(),
    };
    let expected = format!("{how}: run {run} of issue {}", run.issue());
    let text = String::from_utf8_lossy(text);
    let first = text.lines().next().unwrap_or_default();
    if first == expected { Vec::new() } else { vec![Finding::new(Code::FailureReportWrong, expected, first)] }
}
