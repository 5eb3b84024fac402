//! What a plan would take of the folders that it keeps from run to run, said before it runs.

use crate::plan::{Asked, Cached, Plan};
use crate::policy::{Fact, HostFacts};
use crate::worktree::{Base, Choice, Repository, State, WorktreeError, preview};

/// Refuses folders that cannot be kept, with the line of the plan.
pub(super) fn demand(base: &Base, plan: &Plan, asked: &Asked) -> Result<(), WorktreeError> {
    base.demand_cacheable(&plan.cache, |folder: &Cached| asked.place(None, "cache", &folder.to_string()))
}

/// Tells which cache a run of a plan would get here; nothing if the plan keeps nothing.
pub fn ask(
    repository: &Repository,
    plan: &Plan,
    asked: &Asked,
    host: &HostFacts,
) -> Result<Option<Choice>, WorktreeError> {
    if plan.cache.is_empty() {
        return Ok(None);
    }
    let mut base = repository.base(plan.base.as_deref())?;
    base.leave_out(&plan.exclude);
    demand(&base, plan, asked)?;
    let uid = match &host.identity {
        Fact::Yes(identity) if host.uid == 0 => identity.lasting_uid(),
        _ => host.uid,
    };
    preview(&State::find()?, repository, &base, uid, &plan.cache).map(Some)
}
