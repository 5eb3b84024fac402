//! Takes a checkout and its host, gives the runs that anything tells of: journals, other files, branches, heads, directories.
//! A run that none of them tells of was never there; one without its journal has lost it.

use std::collections::BTreeSet;
use std::io;

use super::{Audit, Heads, Host, stray};
use crate::evidence::{Files, RunName};
use crate::worktree::{RunDir, WorktreeError};

const BRANCHES: &str = "refs/heads/autopilot/issue-";

impl Audit<'_> {
    /// Returns the runs of this checkout that anything tells of.
    pub fn told_of(&self) -> io::Result<BTreeSet<RunName>> {
        let mut runs: BTreeSet<RunName> = Files::runs(self.top)?.into_iter().collect();
        runs.extend(stray::runs(self.top)?);
        runs.extend(self.heads.into_iter().flat_map(Heads::runs));
        if let Some(host) = self.host {
            runs.extend(of_host(host).map_err(|error| io::Error::other(error.to_string()))?);
        }
        Ok(runs)
    }
}

/// Returns those that a branch or a directory tells of, and no other checkout of the repository.
fn of_host(host: Host<'_>) -> Result<BTreeSet<RunName>, WorktreeError> {
    let (own, repository) = (&host.repository.toplevel, host.repository);
    let mut runs: BTreeSet<RunName> = repository.refs()?.keys().filter_map(|name| of_branch(name)).collect();
    for checkout in repository.checkouts()?.iter().filter(|checkout| *checkout != own) {
        for run in Files::runs(checkout)? {
            runs.remove(&run);
        }
    }
    if host.state.root().is_dir() {
        let dirs = RunDir::of(host.state, &repository.common_dir)?.into_iter().map(|(_, record)| record);
        let own = dirs.filter(|record| record.toplevel == *own);
        runs.extend(own.filter_map(|record| record.run.parse::<RunName>().ok()));
    }
    Ok(runs)
}

fn of_branch(name: &str) -> Option<RunName> {
    let (issue, timestamp) = name.strip_prefix(BRANCHES)?.split_once('-')?;
    format!("{timestamp}-{issue}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_tells_of_its_run_and_no_other_does() {
        let run: RunName = "20261003T101500Z-7".parse().unwrap();
        assert_eq!(of_branch(&format!("refs/heads/{}", run.branch())), Some(run));
        for other in [
            "refs/heads/main",
            "refs/heads/autopilot/take-7-20261003T101500Z",
            "refs/heads/autopilot/issue-7",
        ] {
            assert_eq!(of_branch(other), None, "{other}");
        }
    }
}
