//! `autopilot init ISSUE`: writes a plan to begin with, from a task graph or from the issue itself.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::exit::{Exit, Failure};
use super::{number, output, plans, target};
use crate::app::{ceiling, issue, jobs, stack};
use crate::evidence::mask::Secrets;
use crate::network::is_priced;
use crate::plan::draft::{Proving, Worker};
use crate::plan::{self, AgentId, draft, units};
use crate::worktree::Repository;

/// Where a task graph lies, below the issue's folder, if none is named.
const GRAPHS: [&str; 2] = ["Plans-latest.md", "Plans.md"];

/// Documents are larger than what becomes a plan of them, but not by much.
const LARGEST: u64 = 4 << 20;

/// So many faults of a document are printed; the rest is counted.
const PRINTED: usize = 50;

/// Write a plan to begin with, from a list of tasks or from the issue itself.
#[derive(Debug, clap::Args)]
pub(super) struct InitArgs {
    /// Number of the issue.
    #[arg(value_name = "ISSUE", value_parser = number::read)]
    issue: u64,
    /// The tasks: Markdown with sections, a table or a checklist of tasks, or a tasks.json (default:
    /// .ai/plans/<ISSUE>/Plans-latest.md or Plans.md, else `gh issue view`).
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// The agent that does the work, by its key in a plan.
    #[arg(long, value_name = "AGENT", default_value_t = AgentId::ALL[0])]
    agent: AgentId,
    /// Its model: where that has a price, the plan bounds money instead of tokens.
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
}

pub(super) fn run(args: InitArgs) -> Result<Exit, Failure> {
    let path = plans::here().place_of(args.issue)?;
    if path.symlink_metadata().is_ok() {
        let message = format!("{} is there already", path.display());
        return Err(Failure::new(Exit::Usage, message).hint("change it by hand, or move it away first"));
    }
    let proving = target::repository().ok().and_then(|repository| proving(&repository));
    let worker = worker(&args, proving.as_ref())?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let graph =
        args.from.clone().or_else(|| GRAPHS.iter().map(|name| folder.join(name)).find(|file| file.is_file()));
    let text = match &graph {
        Some(file) => from_graph(args.issue, file, worker)?,
        None => from_issue(args.issue, worker)?,
    };
    // What is written has to be a plan, whatever the document held.
    let loaded = plan::parse(text.as_bytes(), &path, folder, Some(args.issue)).map_err(|faults| {
        let message = format!("what would be written is no plan:\n{faults}");
        Failure::new(Exit::Usage, message).hint("take this out of the document, or write the plan by hand")
    })?;
    write(&path, &text).map_err(|error| Failure::new(Exit::Usage, format!("{}: {error}", path.display())))?;
    let steps = loaded.plan.steps.len();
    output::line(&format!(
        "{}: {steps} step{}, at most {}",
        path.display(),
        if steps == 1 { "" } else { "s" },
        units::duration(loaded.plan.longest())
    ))?;
    output::line("look it over: prompts, expectations, `proves`, `post`; then `autopilot check` it")?;
    Ok(Exit::Done)
}

/// Tells who is to do it, and whether it is known what that costs here.
fn worker<'a>(args: &'a InitArgs, proving: Option<&'a Proving>) -> Result<Worker<'a>, Failure> {
    let (agent, model) = (args.agent, args.model.as_deref());
    if let Some(model) = model
        && let Some(wrong) = agent.cannot_have(&agent.default_provider(), model)
    {
        let message = format!("--model {model} {}", wrong.message);
        return Err(Failure::new(Exit::Usage, message).hint(wrong.hint));
    }
    let prices =
        ceiling::of_caller().map_err(|faults| Failure::new(Exit::Usage, faults.to_string()))?.prices();
    let is_priced = model.is_some_and(|model| is_priced(model, &prices));
    Ok(Worker { agent, model, is_priced, proving })
}

/// Tells how the tests here are run. Where that cannot be told a plan is written all the same.
fn proving(repository: &Repository) -> Option<Proving> {
    let found = stack::look(repository).unwrap_or_else(|error| {
        output::note(&format!("how the tests are run is not known: {error}"));
        None
    });
    if found.is_none() {
        output::note("no `proves` is written: which command runs the tests here is not known beyond doubt");
    }
    found
}

fn from_graph(issue: u64, file: &Path, worker: Worker<'_>) -> Result<String, Failure> {
    let document = draft::Document::read(&read(file)?);
    let wrong = |wrong: draft::Wrong| {
        let shown = wrong.0.iter().take(PRINTED).map(|line| format!("{}: {line}", file.display()));
        let more = wrong.0.len().saturating_sub(PRINTED);
        let lines: Vec<String> = shown.chain((more > 0).then(|| format!("… and {more} more"))).collect();
        Failure::new(Exit::Usage, lines.join("\n")).hint("correct the document, then run this again")
    };
    let graph = document.graph().map_err(wrong)?;
    for note in &document.notes {
        output::note(&format!("{}: {note}", file.display()));
    }
    output::note(&graph.describe());
    if let Some(claimed) = document.critical_path.filter(|claimed| *claimed != graph.longest) {
        output::note(&format!(
            "the document says that its critical path is {}; the longest chain takes {}",
            units::duration(claimed),
            units::duration(graph.longest)
        ));
    }
    let title = document.title.clone().unwrap_or_else(|| format!("Issue {issue}"));
    graph.write(issue, &title, worker).map_err(wrong)
}

/// Reads a document of a sane size.
fn read(file: &Path) -> Result<String, Failure> {
    let wrong = |why: String| Failure::new(Exit::Usage, format!("{}: {why}", file.display()));
    let mut bytes = Vec::new();
    fs::File::open(file)
        .and_then(|open| open.take(LARGEST + 1).read_to_end(&mut bytes))
        .map_err(|error| wrong(error.to_string()).hint("--from names a file of tasks"))?;
    if bytes.len() as u64 > LARGEST {
        let hint =
            "a plan holds at most 1MiB: move long descriptions to files of the repository and name them";
        return Err(wrong(format!("larger than {}", units::size(LARGEST))).hint(hint));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = 1 + memchr::memchr_iter(b'\n', &error.as_bytes()[..valid]).count();
        wrong(format!("line {line}: not UTF-8")).hint("save the file as UTF-8")
    })
}

fn from_issue(number: u64, worker: Worker<'_>) -> Result<String, Failure> {
    let repository = target::repository()?;
    let issue = jobs::runtime()?.block_on(issue::read(number, &repository, &Secrets::default()));
    let hint = "or name a file of tasks: --from Plans.md";
    let issue = issue.map_err(|error| Failure::from(error).hint(hint))?;
    draft::of_issue(number, &issue.title, worker)
        .map_err(|wrong| Failure::new(Exit::Usage, wrong.to_string()))
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    fs::OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}
