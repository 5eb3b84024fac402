//! `autopilot doctor`: what this host enforces, which tools are there, what would make it better.

mod cached;
mod ceilings;
mod layers;
mod tools;

use std::fmt::Write as _;
use std::time::Instant;

use super::exit::{Exit, Failure};
use super::{answer, shape};
use crate::agent::{self, Kind};
use crate::plan::units;
use crate::policy::{self, Decision, Fact, HostFacts, Isolation, Request, Waivers};
use crate::sandbox;
use crate::worktree::State;
use ceilings::Found;
use layers::Tried;
use tools::Tool;

/// Tell what this host can enforce, which tools it has, and what to do about what is missing.
#[derive(Debug, clap::Args)]
pub(super) struct DoctorArgs {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Examines the host.
#[expect(clippy::unnecessary_wraps, reason = "the signature of every command")]
pub(super) fn run(args: DoctorArgs) -> Result<Exit, Failure> {
    let start = Instant::now();
    let host = sandbox::probe();
    let took = start.elapsed();
    let decision = policy::decide(&Request::git(), &host, &Waivers::default());
    let ceilings = ceilings::look(&host);
    let between = layers::tried(&decision);
    let text = if args.json {
        json(&host, &decision, &ceilings, &between)
    } else {
        let report = report(&host, &decision, &ceilings, &between);
        format!("{report}\nprobed in {:.1} ms\n", took.as_secs_f64() * 1000.0)
    };
    print(&text);
    Ok(match decision {
        _ if ceilings.iter().any(|ceiling| !ceiling.good) => Exit::Usage,
        Decision::Allow(_) => Exit::Done,
        Decision::Deny(_) => Exit::Refused,
    })
}

#[expect(clippy::print_stdout, reason = "the command's result")]
fn print(text: &str) {
    print!("{text}");
}

fn report(host: &HostFacts, decision: &Decision, ceilings: &[Found], between: &Tried) -> String {
    let mut text = String::from("What this host enforces\n");
    for (name, good, what) in enforced(host, between) {
        line(&mut text, good, name, &what);
    }
    text += "\nA step with the default policy\n";
    match decision {
        Decision::Allow(grant) => {
            line(&mut text, true, "runs", &grant.describe());
            for warning in grant.warnings() {
                line(&mut text, false, "warning", warning);
            }
        }
        Decision::Deny(reason) => {
            line(&mut text, false, "refused", &reason.to_string());
            line(&mut text, false, "hint", &reason.hint);
        }
    }
    text += "\nWhat no plan may exceed\n";
    for Found { name, good, what, .. } in ceilings {
        line(&mut text, *good, name, what);
    }
    text += "\nHow to improve it\n";
    let advice = advice(host);
    for each in &advice {
        line(&mut text, false, "do", each);
    }
    if advice.is_empty() {
        line(&mut text, true, "nothing", "every protection is there");
    }
    text += "\nAgents\n";
    for (name, good, what) in agents(host) {
        line(&mut text, good, name, &what);
    }
    text += "\nTools\n";
    for Tool { name, version, wrong } in tools::look(host, decision) {
        line(&mut text, wrong.is_none(), name, &wrong.or(version).unwrap_or_default());
    }
    if let Some(caches) = object_caches() {
        text += "\nObjects kept for runs\n";
        line(&mut text, true, "objects", &caches);
    }
    let kept = cached::lines();
    if !kept.is_empty() {
        text += "\nKept for plans with `cache`\n";
    }
    for (good, name, what) in kept {
        line(&mut text, good, name, &what);
    }
    text
}

/// Tells what is kept of the objects that runs borrow, and where.
fn object_caches() -> Option<String> {
    let state = State::find().ok()?;
    let all = state.object_caches().ok().filter(|all| !all.is_empty())?;
    let bytes = all.iter().map(|cache| cache.bytes).fold(0, u64::saturating_add);
    let place = state.root().join("objects");
    Some(format!("{}, one cache a base branch, {} in {}", all.len(), units::size(bytes), place.display()))
}

fn line(text: &mut String, good: bool, name: &str, what: &str) {
    let mark = if good { "ok" } else { "--" };
    // Writing to a string cannot fail.
    let _ = writeln!(text, "  {mark}  {name:<11} {what}");
}

fn enforced(host: &HostFacts, between: &Tried) -> Vec<(&'static str, bool, String)> {
    let namespaces = match &host.namespaces {
        Fact::Yes(namespaces) => {
            let how = if namespaces.user { " in a user namespace" } else { ", as root" };
            let proc = match &host.proc {
                Fact::No { why, .. } => format!("; steps have no /proc of their own: {why}"),
                Fact::Yes(()) => String::new(),
            };
            (namespaces.own_proc, format!("mount, pid, net, ipc, uts, cgroup{how}{proc}"))
        }
        Fact::No { why, .. } => (false, format!("none: {why}")),
    };
    let identity = match &host.identity {
        Fact::Yes(identity) => (true, format!("steps run as {} (uid {})", identity.name, identity.uid)),
        Fact::No { why, .. } => (false, why.clone()),
    };
    let landlock = match host.landlock {
        0 => (false, "none".into()),
        abi => (abi >= 6, format!("ABI {abi}")),
    };
    let seccomp = if host.seccomp { (true, "filters".into()) } else { (false, "none".into()) };
    let memory = match &host.cgroup {
        Fact::Yes(cgroup) => {
            let version = if cgroup.unified { 2 } else { 1 };
            (true, format!("control groups, version {version}: {}", cgroup.controllers().join(", ")))
        }
        Fact::No { why, .. } => (false, format!("what is resident is watched; no control group: {why}")),
    };
    let launcher = match sandbox::carrier() {
        Ok(what) => (true, what),
        Err(why) => (false, why),
    };
    [
        ("namespaces", namespaces),
        ("identity", identity),
        ("landlock", landlock),
        ("seccomp", seccomp),
        ("memory", memory),
        ("layers", between.clone()),
        ("launcher", launcher),
    ]
    .map(|(name, (good, what))| (name, good, what))
    .into()
}

fn advice(host: &HostFacts) -> Vec<String> {
    let mut advice = Vec::new();
    if let Fact::No { hint, .. } = &host.namespaces {
        advice.push(format!("{hint}: without namespaces a step has no loopback, and test suites notice"));
    }
    if let (Fact::Yes(_), Fact::No { hint, .. }) = (&host.namespaces, &host.proc) {
        advice
            .push(format!("{hint}: without a /proc of its own a step sees none of its own processes there"));
    }
    if let Fact::No { hint, .. } = &host.identity {
        advice.push(hint.clone());
    }
    if host.landlock == 0 && host.filtered {
        advice.push(format!("{}: this kernel may have Landlock all the same", policy::FILTER_HINT));
    } else if host.landlock < 6 {
        advice.push("boot Linux 6.12 or newer with lsm=landlock,…: from ABI 6 on signals and abstract sockets are scoped".into());
    }
    if !host.seccomp && host.filtered {
        advice.push(format!("{}: this kernel may have filters all the same", policy::FILTER_HINT));
    } else if !host.seccomp {
        advice.push("boot a kernel with CONFIG_SECCOMP_FILTER=y".into());
    }
    if let Fact::No { hint, .. } = &host.cgroup {
        advice.push(format!("{hint}: then `memory` bounds buffers of sockets and pipes, too"));
    }
    for (entry, why) in &host.path_refused {
        advice.push(format!("take {entry:?} out of PATH: {why}"));
    }
    advice
}

/// Tells whether agents' steps could run: each agent itself, and what lets one in where its models are.
fn agents(host: &HostFacts) -> Vec<(&'static str, bool, String)> {
    let of = |kind: &'static Kind| {
        let (good, what) = match (kind.find)(&host.path) {
            Ok(found) => match kind.warning(found.version()) {
                Some(warning) => (false, warning),
                None => (true, format!("{} ({})", found.version(), found.program().display())),
            },
            Err(error) => (false, format!("{error}: {}", error.hint)),
        };
        [(kind.id.key(), good, what), (kind.entry)(&host.environment)]
    };
    agent::kinds().flat_map(of).collect()
}

fn json(host: &HostFacts, decision: &Decision, ceilings: &[Found], between: &Tried) -> String {
    let layers: serde_json::Map<_, _> = enforced(host, between)
        .into_iter()
        .map(|(name, good, what)| (name.to_owned(), serde_json::json!({"ok": good, "what": what})))
        .collect();
    let found = tools::look(host, decision);
    let wrong: serde_json::Map<_, _> =
        found.iter().filter_map(|tool| Some((tool.name.to_owned(), tool.wrong.clone()?.into()))).collect();
    let tools: serde_json::Map<_, _> =
        found.into_iter().map(|tool| (tool.name.to_owned(), tool.version.into())).collect();
    let default = match decision {
        Decision::Allow(grant) => serde_json::json!({
            "allowed": true,
            "grant": grant.describe(),
            "namespaces": grant.isolation() != Isolation::Bare,
        }),
        Decision::Deny(reason) => {
            serde_json::json!({"allowed": false, "why": reason.to_string(), "hint": reason.hint})
        }
    };
    let agents: serde_json::Map<_, _> = agents(host)
        .into_iter()
        .map(|(name, good, what)| (name.to_owned(), serde_json::json!({"ok": good, "what": what})))
        .collect();
    let ceilings: serde_json::Map<_, _> =
        ceilings.iter().map(|found| (found.name.to_owned(), found.to_json())).collect();
    let all = shape::Doctor {
        v: answer::V,
        layers,
        agents,
        ceilings,
        default,
        advice: advice(host),
        tools,
        tools_wrong: wrong,
    };
    format!("{:#}\n", serde_json::json!(all))
}
