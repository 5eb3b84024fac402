//! What `check` prints for people.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::valid::{Answer, Denied, Valid};
use crate::agent::kind;
use crate::cli::output;
use crate::plan::{
    Action, AgentStep, CLOUD_AGENT, Changes, EnvEntry, Expectation, Fault, Faults, Glob, Invocation, Network,
    OnFailure, Plan, Resources, Step, Tier, units,
};
use crate::worktree::Choice;

/// Longer commands are cut: the plan itself has them in full.
const LONGEST: usize = 60;

/// Renders an invalid plan.
pub(super) fn faults(path: &Path, faults: &Faults) -> String {
    let count = match faults.count() {
        1 => "1 error".to_owned(),
        count => format!("{count} errors"),
    };
    format!("{faults}\n{}: invalid, {count}\n", path.display())
}

/// Renders a valid plan.
pub(super) fn plan(valid: &Valid) -> String {
    let plan = &valid.plan;
    let mut out = heading(plan);
    let commands: Vec<String> = plan.steps.iter().map(|step| cut(&command(step))).collect();
    let ids = plan.steps.iter().map(|step| step.id.len()).max().unwrap_or_default().max(10);
    let number = plan.steps.len().to_string().len();
    let width = commands.iter().map(|command| command.chars().count()).max().unwrap_or_default();
    for (index, (step, command)) in plan.steps.iter().zip(&commands).enumerate() {
        let pad = width - command.chars().count();
        let tries = format!("{} ×{}", units::duration(step.timeout), step.attempts());
        let after =
            if step.needs.is_empty() { String::new() } else { format!("  after {}", step.needs.join(", ")) };
        let _ =
            writeln!(out, "{:>number$} {:ids$}  {command}{:pad$}  {tries}{after}", index + 1, step.id, "");
        let lines = details(step, index == 0).into_iter().chain(proves(plan, step)).chain(home(plan, step));
        for (name, text) in lines {
            let _ = writeln!(out, "{:number$}   {name:w$}  {text}", "", w = ids - 2);
        }
    }
    for warning in &valid.warnings {
        warn(&mut out, warning);
    }
    match &valid.host {
        Some(answer) => host(&mut out, answer),
        None => out.push_str("this host: not asked\n"),
    }
    if let Some(publishes) = &valid.publishes {
        let _ = writeln!(out, "publish: {publishes}");
    }
    out
}

fn heading(plan: &Plan) -> String {
    let steps = match plan.steps.len() {
        1 => "1 step".to_owned(),
        count => format!("{count} steps"),
    };
    format!(
        "{}: valid, {steps}, at most {} (run limit {})\n",
        plan.path.display(),
        units::duration(plan.longest()),
        units::duration(plan.limits.timeout)
    )
}

/// Returns what is executed, as far as the plan tells it.
pub(super) fn argv(step: &Step) -> Vec<String> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    match &step.action {
        Action::Command(invocation) => invocation.argv(),
        Action::Apply(path) => words(&["git", "apply", &path.to_string_lossy()]),
        Action::Agent(asked) => words(kind(asked.agent).shown),
        Action::CloudTask(task) => words(&[CLOUD_AGENT.key(), "apply", task]),
    }
}

fn command(step: &Step) -> String {
    match &step.action {
        Action::Command(invocation) => invocation.to_string(),
        Action::Apply(path) => format!("git apply {}", path.display()),
        Action::Agent(asked) => {
            format!("{} … ({})", kind(asked.agent).shown.join(" "), model(asked))
        }
        Action::CloudTask(task) => CLOUD_AGENT.apply_shown(task),
    }
}

fn model(asked: &AgentStep) -> String {
    let parts = [Some(asked.provider.word()), asked.model.as_deref(), asked.effort.as_deref()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Returns the lines below a step: what it may and must, where that is not the plain default. The first step
/// shows the default too.
fn details(step: &Step, is_first: bool) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    let mut line = |name, text: String| {
        if !text.is_empty() {
            lines.push((name, text));
        }
    };
    line("dir", step.dir.display().to_string());
    line("network", network(step, is_first));
    line("read", paths(&step.filesystem.read));
    if is_first || !step.filesystem.write.is_empty() {
        line(
            "write",
            format!("worktree HOME TMPDIR {}", paths(&step.filesystem.write)).trim_end().to_owned(),
        );
    }
    line("env", step.env.iter().map(env).collect::<Vec<_>>().join(" "));
    line("secrets", step.secrets.join(" "));
    line("limits", resources(&step.resources));
    line("expects", expects(&step.expectation));
    line("post", commands(&step.post));
    line("rollback", commands(&step.rollback));
    line("failure", on_failure(step.on_failure).to_owned());
    lines
}

/// Says what is run to prove that a step's tests can fail, and how often.
fn proves(plan: &Plan, step: &Step) -> Option<(&'static str, String)> {
    let (own, base) = step.expectation.proves.as_ref().zip(plan.proof_base(step))?;
    let (fewest, most) = own.runs();
    let runs = if fewest == most { fewest.to_string() } else { format!("{fewest} to {most}") };
    let text = format!("{runs} runs of `{}`, on what stands before `{}`", own.command.short(), base.id);
    Some(("proves", text))
}

/// Says what a step finds in HOME and in ignored files, where that is not all that the steps before it left.
fn home(plan: &Plan, step: &Step) -> Option<(&'static str, String)> {
    let lower: Vec<String> = plan.lower_before(step).map(|other| format!("`{}`", other.id)).collect();
    let of = lower.join(", ");
    let text = match (lower.is_empty(), step.keeps_home()) {
        (true, _) => return None,
        (false, true) => {
            format!("kept, with what {of} left there ({} > {})", step.tier(), lowest(plan, step))
        }
        (false, false) => {
            format!("without what {of} left there, nor ignored files of theirs ({})", step.tier())
        }
    };
    Some(("HOME", text))
}

fn lowest(plan: &Plan, step: &Step) -> Tier {
    plan.lower_before(step).map(Step::tier).min().unwrap_or_else(|| step.tier())
}

fn network(step: &Step, is_first: bool) -> String {
    let agent = match step.action {
        Action::Agent(_) => " (+ model endpoint, key outside)".to_owned(),
        Action::CloudTask(_) => format!(" (+ {} cloud)", CLOUD_AGENT.title()),
        _ => String::new(),
    };
    match &step.network {
        Network::None if is_first || !agent.is_empty() => format!("none{agent}"),
        Network::None => String::new(),
        Network::Full => format!("full{agent}"),
        Network::Allow(hosts) => {
            let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
            format!("{}{agent}", hosts.join(" "))
        }
    }
}

fn env(entry: &EnvEntry) -> String {
    match entry {
        EnvEntry::Inherit(name) => name.clone(),
        EnvEntry::Set(name, _) => format!("{name}=…"),
    }
}

/// Names the bounds that are not the default.
fn resources(own: &Resources) -> String {
    let usual = Resources::of_runner();
    let differs =
        |name: &str, a: u64, b: u64, show: fn(u64) -> String| (a != b).then(|| format!("{name} {}", show(a)));
    let count = |n: u64| n.to_string();
    let parts = [
        differs("memory", own.memory, usual.memory, units::size),
        differs("processes", own.processes, usual.processes, count),
        differs("file size", own.file_size, usual.file_size, units::size),
        differs("open files", own.open_files, usual.open_files, count),
        differs("output", own.output, usual.output, units::size),
        own.cpu.map(|cpu| format!("cpu {}", units::duration(cpu))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn expects(expectation: &Expectation) -> String {
    let mut parts = vec![format!("exit {}", expectation.exit_code)];
    let mut part = |what: &str, text: String| {
        if !text.is_empty() {
            parts.push(format!("{what} {text}"));
        }
    };
    part("there:", paths(&expectation.files_exist));
    part("gone:", paths(&expectation.files_absent));
    for entry in &expectation.file_contains {
        part(&format!("{} has", entry.path.display()), format!("/{}/", entry.pattern));
    }
    for regex in &expectation.output_matches {
        part("output has", format!("/{regex}/"));
    }
    for regex in &expectation.output_excludes {
        part("output has no", format!("/{regex}/"));
    }
    part("changes", expectation.changes.as_ref().map(changes).unwrap_or_default());
    if parts.len() == 1 && expectation.exit_code == 0 { String::new() } else { parts.join("; ") }
}

fn changes(changes: &Changes) -> String {
    let globs = |what: &str, globs: &[Glob]| {
        let globs: Vec<&str> = globs.iter().map(Glob::as_str).collect();
        (!globs.is_empty()).then(|| format!("{what} {}", globs.join(" ")))
    };
    let parts = [
        changes.min.map(|min| format!("≥{min}")),
        changes.max.map(|max| format!("≤{max}")),
        globs("within", &changes.within),
        globs("not within", &changes.not_within),
        globs("keep", &changes.keep),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn on_failure(on_failure: OnFailure) -> &'static str {
    match on_failure {
        OnFailure::Abort => "",
        OnFailure::Continue => "the rest runs, the run is failed",
        OnFailure::Ignore => "ignored",
    }
}

fn commands(commands: &[Invocation]) -> String {
    commands.iter().map(|command| cut(&command.short())).collect::<Vec<_>>().join("; ")
}

fn paths(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ")
}

fn cut(text: &str) -> String {
    output::cut(text, LONGEST)
}

fn warn(out: &mut String, warning: &Fault) {
    let _ = writeln!(out, "warning: {} (line {})", warning.message, warning.line);
    if !warning.hint.is_empty() {
        let _ = writeln!(out, "    hint: {}", warning.hint);
    }
}

/// Says what a run would take of the folders that its plan keeps from run to run.
pub(super) fn cache(choice: &Choice) -> String {
    match choice {
        Choice::Hit { run, base, is_exact } => {
            let base: String = base.as_str().chars().take(12).collect();
            let which =
                if *is_exact { "this very base" } else { "the nearest base with the same lock files" };
            format!("hit: what run {run} left at {base}, {which}")
        }
        Choice::Miss(why) => format!("miss: {why}"),
    }
}

/// Says whether this host could run the plan, and what it would enforce; once for steps that are alike.
fn host(out: &mut String, answer: &Answer) {
    if answer.denied.is_empty() {
        out.push_str("this host: can enforce all of it\n");
    }
    for Denied { step, reason, .. } in &answer.denied {
        let what = step.as_ref().map_or_else(|| "the plan".to_owned(), |step| format!("step `{step}`"));
        let _ = writeln!(out, "this host: refuses {what}: {reason}");
        if !reason.hint.is_empty() {
            let _ = writeln!(out, "    hint: {}", reason.hint);
        }
    }
    for void in answer.void.iter().chain(&answer.programs) {
        let _ = writeln!(out, "warning: {void}");
    }
    for asks in &answer.clients {
        let _ = writeln!(out, "registry: {}", asks.text());
    }
    for lowered in &answer.lowered {
        let _ = writeln!(out, "ceiling: {lowered}");
    }
    if let Some(choice) = &answer.cache {
        let _ = writeln!(out, "cache: {}", cache(choice));
    }
    let mut alike: Vec<(&str, Vec<&str>)> = Vec::new();
    for (step, grant) in &answer.granted {
        match alike.iter_mut().find(|(other, _)| other == grant) {
            Some((_, steps)) => steps.push(step),
            None => alike.push((grant, vec![step])),
        }
    }
    for (grant, steps) in alike {
        let _ = writeln!(out, "this host: gives {}: {grant}", steps.join(", "));
    }
}
