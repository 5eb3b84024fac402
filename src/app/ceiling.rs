//! Finds what no plan may exceed on this host, and holds plans, options and what is to be published to it.

use std::path::{Path, PathBuf};

use super::Error;
use crate::evidence::RunState;
use crate::evidence::event::Effect;
use crate::plan::{Asked, Ceiling, Faults, Keeper, Plan, load_ceiling};
use crate::policy::{self, Above, Ceilings, Held, HostFacts, Lowered, Reason, Waivers};
use crate::run::Under;
use crate::sandbox;
use crate::worktree::Repository;

/// Root's word.
const HOST: &str = "/etc/autopilot/policy.yaml";

/// Returns where the files are, or would be: root's, and the user's.
pub fn files(host: &HostFacts) -> (PathBuf, Option<PathBuf>) {
    let variable =
        host.environment.get("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = variable.or_else(|| Some(host.home.as_ref()?.join(".config")));
    (HOST.into(), folder.map(|folder| folder.join("autopilot/config.yaml")))
}

/// Reads them: nothing runs before what bounds it is known.
pub fn find(host: &HostFacts) -> Result<Ceilings, Faults> {
    let (of_host, of_user) = files(host);
    let user = |path: PathBuf| load_ceiling(&path, Keeper::User(host.uid)).transpose();
    let ceilings =
        Ceilings { host: load_ceiling(&of_host, Keeper::Root)?, user: of_user.and_then(user).transpose()? };
    for ceiling in ceilings.all() {
        tracing::debug!(path = %ceiling.path.display(), sha256 = ceiling.digest, "a ceiling holds");
    }
    Ok(ceilings)
}

/// Holds a plan to them, and tells the host in which folders what a step is granted has to lie from now on.
pub fn hold(ceilings: &Ceilings, plan: &mut Plan, asked: &Asked, host: &mut HostFacts) -> Held {
    let home = host.home.clone();
    let real = |path: &Path| sandbox::leads(path, home.as_deref());
    host.within = ceilings.within(&real);
    host.demands.extend(ceilings.demands());
    ceilings.hold(plan, asked, &real)
}

/// The same for a run: what is above a ceiling is an error; returns what was lowered.
pub(super) fn demand(
    ceilings: &Ceilings,
    waivers: &Waivers,
    (plan, asked): (&mut Plan, &Asked),
    host: &mut HostFacts,
) -> Result<Vec<Lowered>, Error> {
    let mut above = ceilings.hold_waivers(waivers);
    let held = hold(ceilings, plan, asked, host);
    above.extend(held.above);
    if above.is_empty() { Ok(held.lowered) } else { Err(Error::Above(above)) }
}

/// Finds them, and holds a run to them: what it is under then, and what was lowered.
pub(super) fn under(
    host: &mut HostFacts,
    waivers: &Waivers,
    plan: (&mut Plan, &Asked),
) -> Result<(Under, Vec<Lowered>), Error> {
    let ceilings = find(host)?;
    let lowered = demand(&ceilings, waivers, plan, host)?;
    Ok((Under { ceiling: ceilings.digest(), lowered: policy::in_words(&lowered) }, lowered))
}

/// Reads them for the caller of this process, whatever the host can enforce.
pub fn of_caller() -> Result<Ceilings, Faults> {
    find(&HostFacts {
        environment: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect(),
        uid: nix::unistd::getuid().as_raw(),
        home: std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute()),
        ..HostFacts::default()
    })
}

/// Has the committer make the commits of runs whom the files of this host name. What is wrong with a file is said by what is bounded by
/// it: nothing that runs or publishes gets so far.
pub fn committed(repository: Repository) -> Repository {
    let ceilings = of_caller().unwrap_or_default();
    match ceilings.committer() {
        Some(committer) => repository.committed_by(committer.clone()),
        None => repository,
    }
}

/// Finds what a run means to publish and may not, now.
pub(super) fn unpublishable(state: &RunState) -> Result<Vec<Above>, Error> {
    let ceilings = of_caller()?;
    let effects = state.to_publish_at_the_end();
    Ok(ceilings
        .all()
        .flat_map(|ceiling| effects.iter().filter_map(|effect| forbidden(ceiling, *effect)))
        .collect())
}

fn forbidden(ceiling: &Ceiling, effect: Effect) -> Option<Above> {
    let (key, allowed) = match effect {
        Effect::Comment => ("publish.comment", ceiling.rules.comment),
        Effect::Push => ("publish.push", ceiling.rules.push),
        Effect::PullRequest => ("publish.pull_request", ceiling.rules.pull_request),
        // It holds the commits.
        Effect::Evidence if ceiling.rules.push == Some(false) => ("publish.push", ceiling.rules.push),
        Effect::Evidence => ("publish.evidence", ceiling.rules.evidence),
    };
    let rule = format!("{}:{}", ceiling.path.display(), ceiling.line(key));
    let reason = || Reason {
        what: format!("{key} (as the run began)"),
        why: format!("`{key}` ({rule}) is `false`"),
        hint: format!("have {} allow it: no plan and no option goes beyond that", ceiling.path.display()),
    };
    (allowed == Some(false)).then(|| Above { step: None, reason: reason() })
}
