//! What an audit tells: checks, each with its findings; notes; a verdict.

use std::fmt;

use super::code::Code;
use crate::evidence::event::RunResult;
use crate::evidence::{Head, RunName};

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind of fault.
    pub code: Code,
    /// What should be.
    pub expected: String,
    /// What is.
    pub found: String,
}

impl Finding {
    /// Describes a fault.
    pub(super) fn new(code: Code, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { code, expected: expected.into(), found: found.into() }
    }
}

/// What is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// The journal from its first to its last byte.
    Chain,
    /// Log, reports, salvage, provenance: there, sealed, unchanged.
    Files,
    /// The head, against one known from elsewhere.
    Head,
    /// Results follow from events, and are those of the plan.
    Steps,
    /// What was enforced is what the plan demands.
    Policy,
    /// No secret in any of it.
    Secrets,
    /// Base, branch and commits are as recorded.
    Repository,
    /// The head, against the one in the comment.
    Online,
    /// There is no trace of a run without a journal.
    Runs,
    /// Nothing is left of runs that have ended.
    Leftovers,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Chain => "chain",
            Self::Files => "files",
            Self::Head => "head",
            Self::Steps => "steps",
            Self::Policy => "policy",
            Self::Secrets => "secrets",
            Self::Repository => "repository",
            Self::Online => "online",
            Self::Runs => "runs",
            Self::Leftovers => "leftovers",
        })
    }
}

/// What a check came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Which check.
    pub check: Check,
    /// What it came to.
    pub outcome: Outcome,
}

/// What a check came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All is as it must be; what was looked at.
    Pass(String),
    /// It is not; never empty.
    Fail(Vec<Finding>),
    /// It could not be looked at: what it builds on has failed already, or the caller left it out by name.
    NotChecked(String),
}

impl Checked {
    /// Makes a check of its findings; without any it passed.
    pub(super) fn of(check: Check, findings: Vec<Finding>, passed: impl Into<String>) -> Self {
        let outcome =
            if findings.is_empty() { Outcome::Pass(passed.into()) } else { Outcome::Fail(findings) };
        Self { check, outcome }
    }

    /// Makes a check that was not made.
    pub(super) fn not(check: Check, why: impl Into<String>) -> Self {
        Self { check, outcome: Outcome::NotChecked(why.into()) }
    }

    /// Adds what another look at the same has found.
    fn add(&mut self, more: Vec<Finding>) {
        match &mut self.outcome {
            _ if more.is_empty() => {}
            Outcome::Fail(findings) => findings.extend(more),
            outcome => *outcome = Outcome::Fail(more),
        }
    }

    /// Returns its findings.
    pub fn findings(&self) -> &[Finding] {
        match &self.outcome {
            Outcome::Fail(findings) => findings,
            Outcome::Pass(_) | Outcome::NotChecked(_) => &[],
        }
    }
}

/// What an audit of one run came to.
#[derive(Debug, Clone)]
pub struct RunReport {
    /// The run.
    pub run: RunName,
    /// How it ended, by its journal.
    pub result: Option<RunResult>,
    /// Its head, if its journal has one.
    pub head: Option<Head>,
    /// The address of its comment on the issue, if its journal has one.
    pub comment: Option<String>,
    /// The number under which it is commented on: of its issue, or of the pull request that it revises.
    pub commented_on: u64,
    /// Its checks, in their order.
    pub checks: Vec<Checked>,
    /// What is no fault and worth knowing.
    pub notes: Vec<String>,
}

/// What an audit came to.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Each run that was looked at.
    pub runs: Vec<RunReport>,
    /// Checks of the checkout and the host as a whole.
    pub whole: Vec<Checked>,
    /// What is no fault and worth knowing of the whole.
    pub notes: Vec<String>,
}

impl RunReport {
    /// Adds what another look has found to a check that was made.
    pub(super) fn add(&mut self, check: Check, more: Vec<Finding>) {
        if let Some(own) = self.checks.iter_mut().find(|own| own.check == check) {
            own.add(more);
        }
    }

    /// Returns every finding of the run.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.checks.iter().flat_map(Checked::findings)
    }
}

impl Report {
    /// Returns every finding.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.runs.iter().flat_map(RunReport::findings).chain(self.whole.iter().flat_map(Checked::findings))
    }

    /// Tells whether nothing was found.
    pub fn passes(&self) -> bool {
        self.findings().next().is_none()
    }
}
