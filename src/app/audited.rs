//! The audit of a run for those who show it beside other things, with what this host says.

use std::io;

use super::ceiling;
use crate::audit::{Audit, Ceilings, Host, RunReport, Scope};
use crate::evidence::Files;
use crate::evidence::mask::Secrets;
use crate::worktree::{Repository, State};

/// Audits on this host. Ceilings that cannot be read are no run's fault: whoever runs a plan here is told.
pub fn on_this_host<T>(repository: &Repository, state: &State, audit: impl FnOnce(Host<'_>) -> T) -> T {
    let now = ceiling::of_caller().unwrap_or_default();
    let (digest, rules) = (now.digest(), now.all().map(|ceiling| ceiling.rules.clone()).collect::<Vec<_>>());
    let ceilings = digest.as_ref().map(|digest| Ceilings { digest, rules: &rules });
    audit(Host { repository, state, ceilings })
}

/// Audits one run: its evidence, and what of it is in the repository.
pub fn audited(repository: &Repository, state: &State, files: &Files) -> io::Result<Option<RunReport>> {
    on_this_host(repository, state, |host| {
        let secrets = Secrets::default();
        let audit = Audit { top: files.top(), host: Some(host), secrets: &secrets, heads: None };
        Ok(audit.run(&Scope::Runs(vec![files.run()]))?.runs.pop())
    })
}
