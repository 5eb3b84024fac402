//! `autopilot check`: validates plans and prints, per step, what would run and under which policy.

mod clients;
mod programs;
mod text;
mod valid;

use clap::Args;
use serde_json::json;

use super::exit::{Cause, Exit, Failure};
use super::served::Served;
use super::{actions, answer, completions, notes, output, plans, shape, target};
use crate::app::plans::Found;
use crate::app::{self, ceiling, jobs};
use crate::evidence::mask::Secrets;
use crate::github::Environment;
use crate::plan::{self, Fault, Loaded, Plan, Step};
use crate::policy::{self, Ceilings, Decision, HostFacts, Reason, Request, Waivers};
use crate::publish;
use crate::run;
use crate::worktree::Repository;
use clients::{Asks, Clients};
use valid::{Answer, Denied, Valid};

/// What `check` takes.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Issues or plan files; without any, every plan of the repository
    #[arg(value_name = "ISSUE|FILE", add = completions::issues())]
    pub(super) targets: Vec<String>,
    /// Check the plans alone: ask nothing of this host
    #[arg(long)]
    pub(super) plan_only: bool,
    #[command(flatten)]
    pub(super) served: Served,
    /// Print JSON, faults and all
    #[arg(long)]
    pub(super) json: bool,
}

/// Checks plans: 0 if all are valid and this host can enforce them, 2 if one is invalid, 3 if one is refused.
pub(super) fn run(args: &CheckArgs) -> Result<Exit, Failure> {
    let found = find(&args.targets)?;
    let here = (!args.plan_only).then(Here::look).transpose()?;
    let checked: Vec<Checked> = found.iter().map(|found| check(found, &args.served, here.as_ref())).collect();
    if args.json {
        let plans = checked.iter().map(Checked::told).collect();
        output::pretty_json(&shape::Check { v: answer::V, plans })?;
    } else {
        for (index, checked) in checked.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n" };
            match &checked.result {
                Ok(valid) => output::print(&format!("{gap}{}", text::plan(valid)))?,
                Err(faults) => {
                    output::complain(&format!("{gap}{}", text::faults(&checked.found.path, faults)))?;
                }
            }
        }
    }
    Ok(worst(&checked))
}

fn find(targets: &[String]) -> Result<Vec<Found>, Failure> {
    if !targets.is_empty() {
        return targets.iter().map(|target| plans::find(target)).collect();
    }
    let all = plans::here().plans()?;
    if all.is_empty() {
        let failure =
            Failure::new(Cause::NoPlan, "there are no plans: no .ai/plans/<issue>/Autopilot.yaml here");
        return Err(failure.hint(
            "`autopilot init 1 --title 'What is to be done'` writes one; `autopilot check FILE` checks a file anywhere",
        ));
    }
    Ok(all)
}

/// A plan that was checked.
struct Checked<'a> {
    found: &'a Found,
    result: Result<Valid, plan::Faults>,
}

/// This host, and what no plan may exceed here.
struct Here {
    host: HostFacts,
    ceilings: Ceilings,
    /// Out of one nobody knows what the tests are, nor what is kept from run to run.
    repository: Option<Repository>,
}

impl Here {
    fn look() -> Result<Self, Failure> {
        let host = crate::sandbox::probe();
        let ceilings = ceiling::find(&host).map_err(app::Error::Plan)?;
        Ok(Self { host, ceilings, repository: target::repository().ok() })
    }
}

fn check<'a>(found: &'a Found, served: &Served, here: Option<&Here>) -> Checked<'a> {
    let result = found.load().map(|mut loaded| {
        served.apply(&mut loaded.plan);
        // What is unset here may be set where it runs.
        let warnings = here.map_or_else(|| loaded.warnings.clone(), |here| warnings(here, &loaded));
        let host = here.map(|here| ask(here, &mut loaded));
        let publishes = here.and_then(|here| publishes(here, &loaded.plan));
        Valid { publishes, host, plan: loaded.plan, warnings }
    });
    if let Err(faults) = &result {
        actions::faults(faults);
    }
    Checked { found, result }
}

/// Says what of a run would leave the machine: nobody outside is asked.
fn publishes(here: &Here, plan: &Plan) -> Option<String> {
    let repository = here.repository.as_ref()?;
    let environment = Environment::of_process();
    let intend = publish::intend(&plan.publish, repository, &environment);
    let intent = jobs::runtime().ok()?.block_on(intend);
    intent.announced(plan.issue).as_ref().map(notes::publishes)
}

fn warnings(here: &Here, loaded: &Loaded) -> Vec<Fault> {
    let mut warnings = loaded.warnings.clone();
    warnings.extend(loaded.unset(|name| std::env::var_os(name).is_some()));
    if let Some(repository) = &here.repository {
        warnings.extend(app::provable::look(repository, loaded));
    }
    warnings.sort_by_key(|warning| (warning.line, warning.column));
    warnings
}

/// Holds the plan to the ceilings, and asks the policy, for every step, whether this host could enforce what the step asks for.
fn ask(here: &Here, loaded: &mut Loaded) -> Answer {
    let mut host = here.host.clone();
    let held = ceiling::hold(&here.ceilings, &mut loaded.plan, &loaded.asked, &mut host);
    let plan = &loaded.plan;
    let mut answer = Answer {
        lowered: held.lowered,
        denied: held.above.into_iter().map(Denied::from).collect(),
        void: run::shut_hosts(plan),
        ..Answer::default()
    };
    let (mut there, mut clients) = (run::There::default(), Clients::default());
    for step in &plan.steps {
        match policy::decide(&Request::action(step), &host, &Waivers::default()) {
            Decision::Allow(grant) => match there.demand(&grant) {
                Ok(()) => {
                    answer.void.extend(run::void_writes(&step.id, &grant));
                    answer.programs.extend(programs::look(step, &host.path, &grant));
                    answer.clients.extend(clients.ask(plan, step, grant.env(), &host));
                    answer.granted.push((step.id.clone(), grant.describe()));
                }
                Err(reason) => answer.denied.push(Denied::by_policy(step, reason)),
            },
            Decision::Deny(reason) => answer.denied.push(Denied::by_policy(step, reason)),
        }
    }
    ask_of_cache(here, loaded, &host, &mut answer);
    answer.denied.extend(run::equip(plan, &host, &Secrets::default()).err().map(Denied::from));
    answer
}

/// Asks what a run would take of the folders that the plan keeps from run to run.
fn ask_of_cache(here: &Here, loaded: &Loaded, host: &HostFacts, answer: &mut Answer) {
    if loaded.plan.cache.is_empty() {
        return;
    }
    let Some(repository) = &here.repository else { return };
    match app::cached::ask(repository, &loaded.plan, &loaded.asked, host) {
        Ok(cache) => answer.cache = cache,
        Err(error) => {
            let Failure { cause, message: why, hints, .. } = Failure::from(&error);
            let reason = Reason { what: "not available".into(), why, hint: hints.join("; ") };
            answer.denied.push(Denied { step: None, reason, cause });
        }
    }
}

/// An invalid plan weighs more than one that another host could run.
fn worst(checked: &[Checked]) -> Exit {
    let of = |checked: &Checked<'_>| match &checked.result {
        Ok(valid) => valid.exits().collect(),
        Err(_) => vec![Exit::Usage],
    };
    let exits: Vec<Exit> = checked.iter().flat_map(of).collect();
    let is_invalid = exits.contains(&Exit::Usage);
    if is_invalid { Exit::Usage } else { exits.into_iter().max().unwrap_or(Exit::Done) }
}

impl Checked<'_> {
    fn told(&self) -> shape::Checked {
        let path = self.found.path.clone();
        match &self.result {
            Err(faults) => {
                shape::Checked::Invalid(shape::InvalidPlan { path, valid: false, faults: faults.clone() })
            }
            Ok(valid) => {
                let host = valid.host.as_ref();
                let steps = valid.plan.steps.iter().map(told).collect();
                shape::Checked::Valid(Box::new(shape::ValidPlan {
                    path,
                    valid: true,
                    steps,
                    longest: plan::units::duration(valid.plan.longest()),
                    warnings: valid.warnings.clone(),
                    granted: host.map(|answer| {
                        answer.granted.iter().map(|(step, grant)| (step.clone(), json!(grant))).collect()
                    }),
                    denied: host.map(|answer| answer.denied.iter().map(Denied::told).collect()),
                    cache: host.and_then(|answer| answer.cache.as_ref().map(text::cache)),
                    lowered: host.map(|answer| answer.lowered.iter().map(ToString::to_string).collect()),
                    publishes: valid.publishes.clone(),
                    void: host.map(|answer| answer.void.clone()),
                    programs: host.map(|answer| answer.programs.clone()),
                    clients: host.map(|answer| answer.clients.iter().map(Asks::told).collect()),
                    plan: valid.plan.resolved(),
                }))
            }
        }
    }
}

fn told(step: &Step) -> shape::Step {
    shape::Step {
        id: step.id.clone(),
        argv: text::argv(step),
        attempts: step.attempts(),
        proof_runs: step.expectation.proves.as_ref().map(|own| own.runs().into()),
    }
}
