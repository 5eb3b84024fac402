//! What is known before step 1: a run that cannot be right is not begun.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;

use super::equip::{Applier, Assignment, Equipment, equip};
use super::refusal::Refusal;
use super::shut::shut_hosts;
use super::void;
use crate::evidence::mask::{self, Secrets};
use crate::plan::{Action, EnvEntry, Plan, Step};
use crate::policy::{self, Decision, Grant, HostFacts, Isolation, Reason, Request, Waivers};
use crate::sandbox;

/// What a step's commands get.
#[derive(Debug, Clone)]
pub struct Grants {
    /// Its action.
    pub action: Grant,
    /// Its `post` and `rollback` commands: the same, never a network.
    pub follow_up: Grant,
    /// The runs of its proof, if it has one: no secret, and nothing to write outside of them.
    pub proof: Option<Grant>,
    /// Who does it, if an agent does.
    pub agent: Option<Assignment>,
    /// What applies the work of a cloud, if that is what it does.
    pub applier: Option<Applier>,
    /// The issue's text, if it is attached.
    pub issue: Option<Rc<str>>,
    /// What is asked of the work that it revises, if it does.
    pub review: Option<Rc<Review>>,
}

/// What is asked of work that is revised.
#[derive(Debug, Clone)]
pub struct Review {
    /// Each with its name and its text: of people and of checks, as data.
    pub asked: Vec<(String, String)>,
    /// Others have written to the branch: what they wrote instructs nobody.
    pub has_others: bool,
}

/// Decides on every step, and registers what must never be seen: `secrets`, and what `env` hands a step under
/// a name that says it is one. Of those a value too short to be masked is handed back as a warning.
pub fn preflight(
    plan: &Plan,
    host: &HostFacts,
    waivers: &Waivers,
    secrets: &Secrets,
) -> Result<(BTreeMap<String, Grants>, Vec<String>), Refusal> {
    let mut grants = BTreeMap::new();
    let mut there = There::default();
    let mut warnings = policy::host_warnings(host);
    let equipment = equip(plan, host, secrets)?;
    warnings.extend(shut_hosts(plan));
    warnings.extend(equipment.found.values().filter_map(|found| found.warning.clone()));
    for step in &plan.steps {
        check_action(plan, step)?;
        register_secrets(step, host, secrets)?;
        warnings.extend(register_environment(step, host, secrets));
        let agent = equipment.assignments.get(&step.id).cloned();
        let action = decide(step, &request(step, &equipment), host, waivers)?;
        there.demand(&action).map_err(|reason| Refusal::Policy { step: step.id.clone(), reason })?;
        warnings.extend(void::void_writes(&step.id, &action));
        let is_cloud = matches!(step.action, Action::CloudTask(_));
        if agent.is_some() || is_cloud {
            policy::serves_model(&action)
                .map_err(|reason| Refusal::Policy { step: step.id.clone(), reason })?;
        }
        let follow_up = decide(step, &Request::follow_up(step), host, waivers)?;
        let asks_proof = step.expectation.proves.is_some();
        let proof =
            asks_proof.then(|| decide(step, &Request::proof(step, mask::is_secret_name), host, waivers));
        let proof = proof.transpose()?;
        let applier = equipment.cloud.clone().filter(|_| is_cloud);
        grants.insert(
            step.id.clone(),
            Grants { action, follow_up, proof, agent, applier, issue: None, review: None },
        );
    }
    Ok((grants, warnings))
}

/// What is there when a step comes: on the host already, or perhaps made by a step before it.
#[derive(Debug, Default)]
pub struct There {
    /// What steps may have written to.
    written: Vec<PathBuf>,
}

impl There {
    /// Demands that the paths of the next step's grant are there, or may be by then, and show nothing of autopilot's own.
    pub fn demand(&mut self, grant: &Grant) -> Result<(), Reason> {
        let is_missing = |path: &&PathBuf| {
            let is_made = self.written.iter().any(|written| path.starts_with(written));
            let found = path.symlink_metadata();
            !is_made && found.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
        };
        if let Some(path) = grant.read().iter().chain(grant.write()).find(is_missing) {
            return Err(Reason {
                what: format!("filesystem: {}", path.display()),
                why: "there is no such file or folder on this host".to_owned(),
                hint: "make it before the run, or take it out of the step's `filesystem`".to_owned(),
            });
        }
        self.written.extend(grant.write().iter().cloned());
        sandbox::demand_apart(grant)
    }
}

/// Returns what a step's action asks for: what the plan says, and what its agent needs to run at all.
fn request(step: &Step, equipment: &Equipment) -> Request {
    let mut request = Request::action(step);
    if let Some(found) = step.action.agent().and_then(|id| equipment.found.get(&id)) {
        request.of_agent.extend(found.agent.files().iter().cloned());
    }
    request
}

/// Says in a line how the steps of a run are confined: the weakest of them.
pub(super) fn enforcement<'a>(grants: impl Iterator<Item = &'a Grants> + Clone) -> String {
    let actions = || grants.clone().map(|grants| &grants.action);
    let namespaces = actions().all(|grant| matches!(grant.isolation(), Isolation::Namespaces { .. }));
    let landlock = actions().map(Grant::landlock).min().unwrap_or(0);
    let seccomp = actions().all(Grant::seccomp);
    let waived: BTreeSet<&String> = actions().flat_map(Grant::waived).collect();
    let mut layers = Vec::new();
    if landlock > 0 {
        layers.push(format!("Landlock {landlock}"));
    }
    layers.extend(namespaces.then(|| "namespaces".to_owned()));
    layers.extend(seccomp.then(|| "seccomp".to_owned()));
    layers.extend(actions().all(|grant| grant.cgroup().is_some()).then(|| "cgroup".to_owned()));
    let layers = layers.join(", ");
    if waived.is_empty() {
        let how = match namespaces {
            true if actions().all(|grant| grant.isolation().has_own_proc()) => "full",
            true => "without a /proc of a step's own",
            false => "without namespaces",
        };
        return format!("{how} ({layers})");
    }
    let waived: Vec<&str> = waived.into_iter().map(String::as_str).collect();
    format!("DEGRADED, without {} ({layers})", waived.join(", "))
}

fn decide(step: &Step, request: &Request, host: &HostFacts, waivers: &Waivers) -> Result<Grant, Refusal> {
    match policy::decide(request, host, waivers) {
        Decision::Allow(grant) => Ok(*grant),
        Decision::Deny(reason) => Err(Refusal::Policy { step: step.id.clone(), reason }),
    }
}

fn check_action(plan: &Plan, step: &Step) -> Result<(), Refusal> {
    let refuse =
        |what: String, hint: &str| Err(Refusal::Plan { step: step.id.clone(), what, hint: hint.to_owned() });
    match &step.action {
        Action::Apply(file) => {
            let path = plan.folder.join(file);
            match std::fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_file() => Ok(()),
                Ok(_) => {
                    refuse(format!("{} is not a regular file", path.display()), "lay the patch itself there")
                }
                Err(error) => refuse(
                    format!("{}: {error}", path.display()),
                    "`apply` names a file in the plan's folder",
                ),
            }
        }
        Action::Command(_) | Action::Agent(_) | Action::CloudTask(_) => Ok(()),
    }
}

fn register_secrets(step: &Step, host: &HostFacts, secrets: &Secrets) -> Result<(), Refusal> {
    for name in &step.secrets {
        let refuse = |what: String, hint: &str| {
            Err(Refusal::Missing { step: step.id.clone(), what, hint: hint.to_owned() })
        };
        let Some(value) = host.environment.get(name) else {
            return refuse(
                format!("secret {name} is not set"),
                "set it in the environment autopilot is started in",
            );
        };
        if let Err(error) = secrets.register(value.as_bytes()) {
            return refuse(format!("secret {name}: {error}"), "use a longer secret");
        }
    }
    Ok(())
}

fn register_environment(step: &Step, host: &HostFacts, secrets: &Secrets) -> Vec<String> {
    let value_of = |entry: &EnvEntry| match entry {
        EnvEntry::Set(name, value) => Some((name.clone(), value.clone())),
        EnvEntry::Inherit(name) => Some((name.clone(), host.environment.get(name)?.clone())),
    };
    let secret = step.env.iter().filter_map(value_of).filter(|(name, _)| mask::is_secret_name(name));
    let refused = secret.filter_map(|(name, value)| Some((name, secrets.register(value.as_bytes()).err()?)));
    refused.map(|(name, why)| format!("step {}: {name} is not masked: {why}", step.id)).collect()
}
