//! What belongs to no single run: traces of runs without evidence, and what runs left on the host.

use super::code::Code;
use super::finding::{Check, Checked, Finding};
use super::heads::Heads;
use super::repository::Known;
use super::{Audit, Host, Scope, leftovers, stray};
use crate::evidence::{Files, RunName};
use crate::worktree::WorktreeError;

impl Audit<'_> {
    /// Checks checkout and host. `there` are the runs that have a journal.
    pub(super) fn whole(
        &self,
        scope: &Scope,
        there: &[RunName],
        known: Option<&Known<'_>>,
        notes: &mut Vec<String>,
    ) -> Vec<Checked> {
        let mut checks = Vec::new();
        if matches!(scope, Scope::All) {
            let findings = self.traces(there, known, notes);
            checks.push(Checked::of(
                Check::Runs,
                findings,
                format!("{} with a journal, no others", there.len()),
            ));
        }
        checks.push(match (self.host, known) {
            (None, _) => {
                let why = "--evidence-only: no worktree, lock, ref or process was looked for";
                Checked::not(Check::Leftovers, why)
            }
            (Some(host), known) => Checked::of(Check::Leftovers, left(host, known), "none"),
        });
        checks
    }

    /// Finds what tells of runs that have no journal: heads, files, branches.
    fn traces(&self, there: &[RunName], known: Option<&Known<'_>>, notes: &mut Vec<String>) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self
            .heads
            .into_iter()
            .flat_map(Heads::runs)
            .filter(|run| !there.contains(run))
            .map(|run| {
                let found = format!("no journal of {run}, whose head is known");
                Finding::new(Code::EvidenceMissing, "the evidence of every known head", found)
            })
            .collect();
        if there.is_empty() && findings.is_empty() {
            let found = format!("none in {}", self.top.join(".ai/logs/autopilot").display());
            findings.push(Finding::new(Code::EvidenceMissing, "at least one run", found));
        }
        match stray::find(self.top, there, notes) {
            Ok(stray) => findings.extend(stray),
            Err(error) => {
                let found = error.to_string();
                findings.push(Finding::new(Code::FileUnreadable, "folders that can be read", found));
            }
        }
        if let (Some(host), Some(known)) = (self.host, known) {
            findings.extend(unclaimed(host, there, known).unwrap_or_else(|error| vec![unreadable(&error)]));
        }
        findings
    }
}

/// Finds result branches that no journal of any checkout of the repository tells of.
fn unclaimed(host: Host<'_>, there: &[RunName], known: &Known<'_>) -> Result<Vec<Finding>, WorktreeError> {
    let mut runs = there.to_vec();
    for checkout in host.repository.checkouts()? {
        runs.extend(Files::runs(&checkout)?);
    }
    let claimed: Vec<String> = runs.iter().map(|run| format!("refs/heads/{}", run.branch())).collect();
    let own = |name: &&String| name.starts_with("refs/heads/autopilot/issue-");
    let mut names: Vec<&String> =
        known.refs().keys().filter(own).filter(|name| !claimed.contains(name)).collect();
    names.sort();
    let wrong = |name: &String| {
        Finding::new(Code::BranchUnrecorded, "a journal that tells of it", format!("{name}, and none does"))
    };
    Ok(names.into_iter().map(wrong).collect())
}

/// Finds what runs that are over left on the host.
fn left(host: Host<'_>, known: Option<&Known<'_>>) -> Vec<Finding> {
    let in_state = host.state.left(host.repository);
    let in_state = match in_state {
        Ok(left) => left,
        Err(error) => {
            let expected = format!("{} to look at", host.state.root().display());
            return vec![Finding::new(Code::StateUnreadable, expected, error.to_string())];
        }
    };
    let checkouts = host.repository.checkouts();
    match checkouts {
        Ok(checkouts) => leftovers::find(host, &in_state, &checkouts, known.map(Known::refs)),
        Err(error) => vec![unreadable(&error)],
    }
}

fn unreadable(error: &WorktreeError) -> Finding {
    Finding::new(Code::RepositoryUnreadable, "answers of git", error.to_string())
}
