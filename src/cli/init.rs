//! `autopilot init [ISSUE]`: writes a plan to begin with, from what is known of the work and of the repository's own tools.

mod graph;
mod template;

use std::cell::LazyCell;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::exit::{Cause, Exit, Failure};
use super::{number, output, plans, target};
use crate::agent;
use crate::app::{ceiling, issue, jobs, stack};
use crate::evidence::mask::Secrets;
use crate::network::is_priced;
use crate::plan::draft::{Around, Proving, Work, Worker};
use crate::plan::{self, AgentId, Plan, draft, units};
use crate::policy::HostFacts;
use crate::sandbox;
use crate::worktree::Repository;

/// Where a task graph lies, below the issue's folder, if none is named.
const GRAPHS: [&str; 2] = ["Plans-latest.md", "Plans.md"];
/// Where editors find the schema, beside the folders of plans.
const SCHEMA: &str = "autopilot.schema.json";

/// Write a plan to begin with: of a title, a command, a patch, a list of tasks, or the issue itself.
#[derive(Debug, clap::Args)]
pub(super) struct InitArgs {
    /// Number of the issue; without one, the next number that no plan has.
    #[arg(value_name = "ISSUE", value_parser = number::read)]
    issue: Option<u64>,
    /// What is to be done. GitHub is not asked then.
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// A command that does the work, instead of an agent.
    #[arg(long, value_name = "CMD", conflicts_with_all = ["patch", "from", "template", "model"])]
    command: Option<String>,
    /// A patch that is the work, instead of an agent; it is copied beside the plan.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from", "template", "model"])]
    patch: Option<PathBuf>,
    /// The tasks: Markdown with sections, a table or a checklist of tasks, or a tasks.json (default:
    /// .ai/plans/<ISSUE>/Plans-latest.md or Plans.md, else `gh issue view`).
    #[arg(long, value_name = "FILE", conflicts_with = "template")]
    from: Option<PathBuf>,
    /// A plan with {{issue}} and {{title}} in it: a file, or NAME.yaml in .ai/templates or ~/.config/autopilot/templates.
    #[arg(long, value_name = "FILE|NAME")]
    template: Option<String>,
    /// The agent that does the work, by its key in a plan.
    #[arg(long, value_name = "AGENT", default_value_t = AgentId::ALL[0])]
    agent: AgentId,
    /// Its model: where that has a price, the plan bounds money instead of tokens.
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
}

pub(super) fn run(args: InitArgs) -> Result<Exit, Failure> {
    let issue = args.issue.map_or_else(|| next(&args), Ok)?;
    let host = Host::new(sandbox::probe);
    let path = plans::here().place_of(issue)?;
    if path.symlink_metadata().is_ok() {
        let message = format!("{} is there already", path.display());
        return Err(Failure::new(Cause::Usage, message).hint("change it by hand, or move it away first"));
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let patch = args.patch.as_deref().map(|file| copied(file, folder)).transpose()?;
    let written =
        text(&args, issue, folder, patch.as_deref(), &host).and_then(|text| checked(&text, &path, issue));
    let (text, plan) = written.inspect_err(|_| {
        // Nothing stays of a plan that was not written.
        let _ = patch.as_ref().map(|name| fs::remove_file(folder.join(name)));
    })?;
    let wrong = |error: std::io::Error| Failure::new(Cause::Usage, format!("{}: {error}", path.display()));
    write(&path, &text).map_err(wrong)?;
    lay_schema(folder).map_err(wrong)?;
    tell(&plan, &path, &host)
}

/// What this host has, found out once, where it matters.
type Host = LazyCell<HostFacts>;

/// Returns the next number that no plan has: there need not be an issue anywhere.
fn next(args: &InitArgs) -> Result<u64, Failure> {
    let is_known =
        args.title.is_some() || args.command.is_some() || args.patch.is_some() || args.from.is_some();
    if !is_known {
        let what = "neither an issue is named, nor what is to be done";
        let hint = "`autopilot init 653` asks GitHub for the issue; `autopilot init --title 'Sort the list'` asks nobody";
        return Err(Failure::new(Cause::Usage, what).hint(hint));
    }
    let last = plans::here().plans()?.into_iter().filter_map(|found| found.issue).max();
    Ok(last.unwrap_or(0) + 1)
}

/// Makes the text of the plan.
fn text(
    args: &InitArgs,
    issue: u64,
    folder: &Path,
    patch: Option<&str>,
    host: &Host,
) -> Result<String, Failure> {
    let title = args.title.clone().unwrap_or_default();
    if let Some(template) = &args.template {
        let top = target::repository().map_or_else(|_| PathBuf::from("."), |own| own.toplevel);
        let title = if title.is_empty() { format!("Issue {issue}") } else { title };
        return template::plan(issue, &title, template, &top);
    }
    let work = match (&args.command, patch) {
        (Some(command), _) => Some(Work::Command(command)),
        (None, Some(name)) => Some(Work::Patch(name)),
        (None, None) => None,
    };
    let repository = target::repository().ok();
    let around = repository.as_ref().and_then(|repository| around(repository, host));
    // Who only edits adds no tests that could be shown to tell of anything.
    let proving = repository.as_ref().filter(|_| work.is_none()).and_then(proving);
    let worker = worker(args, proving.as_ref(), around.as_ref())?;
    let is_told = work.is_some() || args.title.is_some();
    let of_issue = || GRAPHS.iter().map(|name| folder.join(name)).find(|file| file.is_file());
    let tasks = args.from.clone().or_else(|| if is_told { None } else { of_issue() });
    match (tasks, work) {
        (Some(file), _) => graph::plan(issue, &file, worker),
        (None, Some(work)) => of_work(issue, &title, work, worker),
        (None, None) if is_told => of_work(issue, &title, Work::Title, worker),
        (None, None) => of_work(issue, &from_github(issue)?, Work::Issue, worker),
    }
}

fn of_work(issue: u64, title: &str, work: Work<'_>, worker: Worker<'_>) -> Result<String, Failure> {
    draft::of_work(issue, title, work, worker).map_err(|wrong| Failure::new(Cause::Usage, wrong.to_string()))
}

/// Demands that what is written is a plan, whatever it was made of.
fn checked(text: &str, path: &Path, issue: u64) -> Result<(String, Plan), Failure> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let loaded = plan::parse(text.as_bytes(), path, folder, Some(issue)).map_err(|faults| {
        let message = format!("what would be written is no plan:\n{faults}");
        Failure::new(Cause::Usage, message)
            .hint("take this out of what it was made of, or write the plan by hand")
    })?;
    Ok((text.to_owned(), loaded.plan))
}

/// Tells who is to do it, and whether it is known what that costs here.
fn worker<'a>(
    args: &'a InitArgs,
    proving: Option<&'a Proving>,
    around: Option<&'a Around>,
) -> Result<Worker<'a>, Failure> {
    let (agent, model) = (args.agent, args.model.as_deref());
    if let Some(model) = model
        && let Some(wrong) = agent.cannot_have(&agent.default_provider(), model)
    {
        let message = format!("--model {model} {}", wrong.message);
        return Err(Failure::new(Cause::Usage, message).hint(wrong.hint));
    }
    let prices =
        ceiling::of_caller().map_err(|faults| Failure::new(Cause::Plan, faults.to_string()))?.prices();
    let is_priced = model.is_some_and(|model| is_priced(model, &prices));
    Ok(Worker { agent, model, is_priced, proving, around })
}

/// Tells what the tools here need around the work. Where that cannot be told a plan is written all the same.
fn around(repository: &Repository, host: &HostFacts) -> Option<Around> {
    let found = stack::around(repository, host);
    found.inspect_err(|error| output::note(&format!("how the tests are run is not known: {error}"))).ok()
}

/// Tells how the tests of an agent's work are shown to tell of it.
fn proving(repository: &Repository) -> Option<Proving> {
    let found = stack::look(repository).ok().flatten();
    if found.is_none() {
        output::note("no `proves` is written: which command runs the tests here is not known beyond doubt");
    }
    found
}

fn from_github(number: u64) -> Result<String, Failure> {
    let repository = target::repository()?;
    let issue = jobs::runtime()?.block_on(issue::read(number, &repository, &Secrets::default()));
    let hint = format!("or say what is to be done: autopilot init {number} --title 'Sort the list'");
    Ok(issue.map_err(|error| Failure::from(error).hint(hint))?.title)
}

/// Copies a patch beside the plan, and returns its name there.
fn copied(file: &Path, folder: &Path) -> Result<String, Failure> {
    let wrong = |why: String| Failure::new(Cause::Usage, format!("--patch {}: {why}", file.display()));
    let name = file.file_name().and_then(|name| name.to_str()).ok_or_else(|| wrong("has no name".into()))?;
    let to = folder.join(name);
    let copy = || -> std::io::Result<()> {
        let text = fs::read(file)?;
        fs::create_dir_all(folder)?;
        fs::OpenOptions::new().write(true).create_new(true).open(&to)?.write_all(&text)
    };
    let is_there = fs::canonicalize(file).is_ok_and(|from| fs::canonicalize(&to).is_ok_and(|to| to == from));
    if !is_there {
        copy().map_err(|error| wrong(error.to_string()))?;
    }
    Ok(name.to_owned())
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    fs::OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

/// Lays the schema beside the folders of plans, where any editor finds it without a network.
fn lay_schema(folder: &Path) -> std::io::Result<()> {
    let path = folder.parent().unwrap_or(folder).join(SCHEMA);
    if path.symlink_metadata().is_ok() {
        return Ok(());
    }
    write(&path, &format!("{:#}\n", plan::schema()))
}

/// Says what was written, and what comes next.
fn tell(plan: &Plan, path: &Path, host: &Host) -> Result<Exit, Failure> {
    let ids: Vec<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
    let longest = units::duration(plan.longest());
    output::line(&format!("{}: {}, at most {longest}", target::from_here(path), ids.join(", ")))?;
    let issue = plan.issue;
    let agents = plan.steps.iter().find_map(|step| step.action.agent());
    let is_missing = |id: &AgentId| (agent::kind(*id).find)(&host.path).err();
    if let Some(missing) = agents.as_ref().and_then(is_missing) {
        output::line(&format!("  first  {}: {}", missing.what, missing.hint))?;
    }
    if agents.is_some() {
        output::line("  edit   prompts, expectations, `proves`, `post`")?;
    }
    output::line(&format!("  check  autopilot check {issue}"))?;
    output::line(&format!("  run    autopilot {issue}"))?;
    Ok(Exit::Done)
}
