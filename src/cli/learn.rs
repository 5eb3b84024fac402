//! `autopilot learn`: does a step's command once, in a checkout that goes again, with the network open, and prints what it asked for as a
//! patch of the plan. Opened by that word alone, where no ceiling forbids it; without the step's secrets; what is private stays shut.

mod open;
mod patch;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{PipeReader, Read, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

use super::exit::{Cause, Exit, Failure};
use super::sandbox::{refused, supervise, tell};
use super::{completions, output, plans, target};
use crate::app::{self, ceiling};
use crate::evidence::RunName;
use crate::network::{Decision, Gate, Verdict};
use crate::plan::{Action, Destination, Invocation, Loaded, Network, Plan, Step};
use crate::policy::{self, Ceilings, Grant, HostFacts, Request, Waivers};
use crate::run::Interrupt;
use crate::sandbox::{self, Command, Place};
use crate::worktree::{Comer, RunOf, State, Worktree};

/// Bytes of the last output that are looked at for paths that were refused.
const LOOKED_AT: usize = 64 << 10;

/// Do a step's command once with the network open, and print what it needed as a patch of the plan.
#[derive(Debug, clap::Args)]
pub(super) struct LearnArgs {
    /// The step, such as 653/fetch; or a plan's file and the step.
    #[arg(value_name = "ISSUE/STEP", add = completions::steps_of_issues())]
    step: String,
}

/// Does the step, and tells.
pub(super) fn run(args: &LearnArgs) -> Result<Exit, Failure> {
    let usage = |message: String, hint: &str| Failure::new(Cause::Usage, message).hint(hint);
    let (plan, id) = args.step.rsplit_once('/').ok_or_else(|| {
        usage(format!("{}: names no step", args.step), "write ISSUE/STEP, such as 653/fetch")
    })?;
    let loaded = plans::find(plan)?.load().map_err(app::Error::Plan)?;
    let step = loaded.plan.steps.iter().find(|step| step.id == id).cloned().ok_or_else(|| {
        let known: Vec<&str> = loaded.plan.steps.iter().map(|step| step.id.as_str()).collect();
        let message = format!("{} has no step `{id}`", loaded.plan.path.display());
        usage(message, &format!("its steps are {}", known.join(", ")))
    })?;
    let Action::Command(invocation) = &step.action else {
        let hint = "an agent reaches its model and what its step allows: learn what the commands need that it is to run";
        return Err(usage(format!("step `{id}` runs no command of its own"), hint));
    };
    let mut host = sandbox::probe();
    demand_open(&loaded, &step, &mut host)?;
    let grant = granted(&step, &host)?;
    let learned = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime")?
        .block_on(learn(&loaded.plan, &step, invocation, &grant, &host))?;
    learned.decisions.iter().filter(|decision| decision.verdict != Verdict::Allowed).for_each(tell);
    if let Some(denial) = &learned.denial {
        output::note(denial);
    }
    if let Exit::Signal(_) = learned.exit {
        output::note("the step was broken off: what it asked for until then is not all that it needs");
    }
    print(&loaded, &step, &learned.hosts())?;
    Ok(learned.exit)
}

/// Demands that no ceiling forbids the step an open network.
fn demand_open(loaded: &Loaded, step: &Step, host: &mut HostFacts) -> Result<(), Failure> {
    let ceilings: Ceilings = ceiling::find(host).map_err(app::Error::Plan)?;
    let mut plan = loaded.plan.clone();
    let own = plan.steps.iter_mut().find(|own| own.id == step.id);
    if let Some(own) = own {
        own.network = Network::Full;
    }
    let mut above = ceiling::hold(&ceilings, &mut plan, &loaded.asked, host).above;
    above.retain(|above| above.step.as_deref().is_none_or(|above| above == step.id));
    if above.is_empty() { Ok(()) } else { Err(app::Error::Above(above).into()) }
}

/// Returns what the step is granted, without its secrets, whatever they lie in: they would go wherever it likes.
fn granted(step: &Step, host: &HostFacts) -> Result<Grant, Failure> {
    let mut request = Request::action(step);
    let left = open::leave_out(&mut request, &host.environment);
    if !left.is_empty() {
        output::note(&format!(
            "left out, since with an open network secrets could go anywhere: {}",
            left.join(", ")
        ));
    }
    // Through the proxy alone, which lets through what is public and tells of it.
    if !matches!(request.network, Network::Allow(_)) {
        request.network = Network::Allow(Vec::new());
    }
    match policy::decide(&request, host, &Waivers::default()) {
        policy::Decision::Allow(grant) => Ok(*grant),
        policy::Decision::Deny(reason) => {
            Err(Failure::new(Cause::Policy, reason.to_string()).hint(reason.hint))
        }
    }
}

/// What a step asked for.
struct Learned {
    exit: Exit,
    decisions: Vec<Decision>,
    /// A path that was probably refused it.
    denial: Option<String>,
}

impl Learned {
    /// Of a step that a signal kept from its command.
    fn broken_off(number: i32) -> Self {
        Self { exit: Exit::Signal(number), decisions: Vec::new(), denial: None }
    }

    /// Returns the hosts that it asked for, whether they answered or not; what is private is not among them.
    fn hosts(&self) -> BTreeSet<String> {
        let asked = self
            .decisions
            .iter()
            .filter(|own| !matches!(own.verdict, Verdict::Refused { .. }) && own.port > 0);
        asked.map(|own| Destination { host: own.host.clone(), port: own.port }.in_plan()).collect()
    }
}

async fn learn(
    plan: &Plan,
    step: &Step,
    invocation: &Invocation,
    grant: &Grant,
    host: &HostFacts,
) -> Result<Learned, Failure> {
    let (repository, state) = (target::repository_to_commit_in()?, State::find()?);
    let mut base = repository.base(plan.base.as_deref())?;
    base.leave_out(&plan.exclude);
    let lock = state.hold(&repository, plan.issue, None)?;
    let run = RunName::new(chrono::Utc::now(), plan.issue);
    let (name, branch) = (run.to_string(), run.branch());
    let names = RunOf {
        run: &name,
        issue: plan.issue,
        branch: &branch,
        salvage: plan.limits.salvage,
        prepared: Duration::ZERO,
        earlier: None,
    };
    let waivers = Waivers::default();
    // From here on there is something to take away, however it ends.
    let mut interrupt = Interrupt::listen().context("signals")?;
    let made =
        Worktree::create(&state, &repository, &base, names, host, &waivers, &interrupt.at_once()).await;
    let mut worktree = match (made, interrupt.heard()) {
        (Ok(worktree), _) => worktree,
        (Err(_), Some(number)) => return Ok(Learned::broken_off(number)),
        (Err(error), None) => return Err(error.into()),
    };
    let learned = work(&mut worktree, step, invocation, grant, &mut interrupt).await;
    worktree.dir().discard()?;
    drop(lock);
    learned
}

/// Runs the command in a checkout of the base.
async fn work(
    worktree: &mut Worktree,
    step: &Step,
    invocation: &Invocation,
    grant: &Grant,
    interrupt: &mut Interrupt,
) -> Result<Learned, Failure> {
    let tier = step.tier();
    worktree.enter(Comer { tier, keeps: false, higher_follows: false }).await?;
    let place = worktree.place()?;
    let allowed = if let policy::Reach::Allow(hosts) = grant.network() { hosts.as_slice() } else { &[] };
    let gate = Gate::closed().allow(allowed).open();
    let (reader, writer) = std::io::pipe().context("a pipe")?;
    let streams = [writer.try_clone().context("a pipe")?, writer];
    let [stdout, stderr] = streams.map(Into::into);
    let env = gate.env(grant.env()).into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    let argv: Vec<OsString> = invocation.argv().into_iter().map(Into::into).collect();
    let command = Command {
        argv,
        dir: step.dir.clone(),
        env,
        listen: gate.listen(),
        connect: Vec::new(),
        stdin: None,
        stdout,
        stderr,
    };
    output::note(&format!(
        "step `{}` on a fresh checkout of the base, with the network open: {invocation}",
        step.id
    ));
    let shown = std::thread::spawn(move || show(reader));
    let mut confined = sandbox::spawn(grant, &place, command).await.map_err(refused)?;
    let serving = gate.serve(confined.take_listeners()).context("the proxy")?;
    let exit = supervise(confined, step.timeout, interrupt).await;
    let decisions = Decision::together(serving.end().decisions);
    let last = shown.join().unwrap_or_default();
    let denial = denied(&last, grant, &place);
    Ok(Learned { exit: exit?, decisions, denial })
}

/// Shows what the command prints, and keeps the last of it.
fn show(mut from: PipeReader) -> Vec<u8> {
    let (mut last, mut piece) = (Vec::new(), vec![0; 8 << 10]);
    while let Ok(read @ 1..) = from.read(&mut piece) {
        // Standard output is for the patch.
        let _ = std::io::stderr().write_all(&piece[..read]);
        last.extend_from_slice(&piece[..read]);
        let more = last.len().saturating_sub(LOOKED_AT);
        last.drain(..more);
    }
    last
}

fn denied(output: &[u8], grant: &Grant, place: &Place) -> Option<String> {
    let seen = place.seen(grant.isolation());
    let own = policy::Own { worktree: &seen.worktree, home: &seen.home, tmp: &seen.tmp };
    let denial = policy::explain_denial(output, grant, &own)?;
    Some(format!("refused, probably: {}: {}; to allow it: {}", denial.what, denial.why, denial.allow))
}

/// Prints what the plan has to say for the step to get what it asked for.
fn print(loaded: &Loaded, step: &Step, hosts: &BTreeSet<String>) -> Result<(), Failure> {
    let listed: BTreeSet<String> = match &step.network {
        Network::Allow(allowed) => allowed.iter().map(Destination::in_plan).collect(),
        Network::None | Network::Full => BTreeSet::new(),
    };
    let is_full = matches!(step.network, Network::Full);
    if *hosts == listed && !is_full {
        output::note(&format!("step `{}` asked for nothing but what its plan allows", step.id));
        return Ok(());
    }
    let line = if hosts.is_empty() { "network: none".to_owned() } else { Network::allowing(hosts) };
    let path: &Path = &loaded.plan.path;
    let text = std::fs::read_to_string(path).unwrap_or_default();
    if let Some(patch) = patch::of(&text, path, step.line, &line) {
        return output::print(&patch);
    }
    output::note(&format!("{}:{}: of step `{}`, write", path.display(), step.line, step.id));
    output::line(&line)
}
