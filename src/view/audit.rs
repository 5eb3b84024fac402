//! What the audit says of a run, at the time its page is made.

use autopilot_view::{Fact, Mark, Value};

use super::words::first;
use crate::app;
use crate::audit::{Checked, Finding, Outcome, RunReport};
use crate::evidence::{Files, RunState};
use crate::report::plural;
use crate::time::moment;
use crate::worktree::{Repository, State};

/// Findings that are named.
const NAMED: usize = 8;

/// What was found out of a run.
pub(super) enum Audited {
    /// The run goes on: there is nothing to audit yet.
    NotYet,
    /// What the audit said, and when.
    Said(RunReport, String),
    /// It could not look, for this reason.
    Not(String),
}

impl Audited {
    /// Audits a run, unless it goes on.
    pub(super) fn of(repository: &Repository, host: &State, files: &Files, is_running: bool) -> Self {
        if is_running {
            return Self::NotYet;
        }
        match app::audited::audited(repository, host, files) {
            Ok(Some(report)) => Self::Said(report, moment(chrono::Utc::now())),
            Ok(None) => Self::Not("the audit knows of no such run".to_owned()),
            Err(error) => Self::Not(error.to_string()),
        }
    }

    /// Says in a line whether the evidence holds.
    pub(super) fn verdict(&self, state: &RunState) -> Fact {
        let fact = match self {
            Self::NotYet => Fact::text(Mark::Open, "verified", "the run goes on; once it has ended:"),
            Self::Not(why) => Fact::text(Mark::Bad, "verified", format!("not audited: {why}; again:")),
            Self::Said(report, at) => match report.findings().count() {
                0 => Fact::text(
                    Mark::Good,
                    "verified",
                    format!("{}; audit PASS at {at}; again:", chain(report)),
                ),
                some => {
                    let findings = plural(some as u64, "finding");
                    Fact::text(Mark::Bad, "verified", format!("audit FAIL at {at}, {findings}; again:"))
                }
            },
        };
        fact.and(Value::Command(format!("autopilot audit {} --online", state.start.run).into()))
    }

    /// Says of each check what it came to, and names what was found.
    pub(super) fn checks(&self) -> Vec<Fact> {
        let Self::Said(report, _) = self else { return Vec::new() };
        report.checks.iter().map(check).collect()
    }
}

/// Says what the chain of the journal is.
fn chain(report: &RunReport) -> &str {
    match report.checks.first().map(|checked| &checked.outcome) {
        Some(Outcome::Pass(said)) => said,
        _ => "",
    }
}

fn check(checked: &Checked) -> Fact {
    let name = checked.check.to_string();
    match &checked.outcome {
        Outcome::Pass(said) => Fact::text(Mark::Good, name, format!("PASS: {said}")),
        Outcome::NotChecked(why) => Fact::text(Mark::Plain, name, format!("not checked: {why}")),
        Outcome::Fail(findings) => first(Mark::Bad, &name, findings.iter().map(finding), NAMED),
    }
}

fn finding(finding: &Finding) -> String {
    let (code, expected, found) = (finding.code, &finding.expected, &finding.found);
    format!("FAIL {code}: {}; expected {expected}, found {found}", code.meaning())
}
