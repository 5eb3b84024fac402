//! `autopilot status`: what runs, what ran, what to do next.

mod next;

use std::collections::{BTreeMap, HashMap};
use std::io::{ErrorKind, IsTerminal};
use std::time::Duration;

use serde_json::json;

use super::exit::{Exit, Failure};
use super::{number, output, target};
use crate::app::runs;
use crate::evidence::RunState;
use crate::evidence::event::{Effect, RunResult, StepResult};
use crate::evidence::{Files, RunName};
use crate::plan::units;
use crate::report;
use crate::worktree::{Holder, LockError, Record, Repository, RunDir, State};
use next::{How, Next};

/// Show what runs, what ran, and what to do next.
#[derive(Debug, clap::Args)]
pub(super) struct StatusArgs {
    /// All runs of this issue, instead of the latest of every issue.
    #[arg(value_parser = number::read)]
    issue: Option<u64>,
    /// Show it again every second, until interrupted.
    #[arg(long, conflicts_with = "json")]
    watch: bool,
    /// One JSON object a run.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: StatusArgs) -> Result<Exit, Failure> {
    let repository = target::repository()?;
    let state = State::find()?;
    loop {
        let rows = rows(&repository, &state, args.issue)?;
        if args.watch && std::io::stdout().is_terminal() {
            output::write(b"\x1b[H\x1b[2J")?;
        }
        if args.json {
            for row in &rows {
                output::line(&row.json().to_string())?;
            }
        } else {
            output::line(&table(&rows, args.issue))?;
        }
        if !args.watch {
            return Ok(Exit::Done);
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// One run.
struct Row {
    run: RunName,
    how: How,
    step: String,
    took: Option<Duration>,
    /// Millionths of a US dollar.
    cost: Option<u64>,
    next: Next,
    to_publish: Vec<Effect>,
}

impl Row {
    /// A run of which nothing can be read.
    fn unknown(run: RunName, how: How, next: Next) -> Self {
        Self { run, how, step: "–".into(), took: None, cost: None, next, to_publish: Vec::new() }
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "issue": self.run.issue(),
            "run": self.run.to_string(),
            "result": self.how.word(),
            "step": self.step,
            "seconds": self.took.map(|took| took.as_secs_f64()),
            "cost": self.cost,
            "next": self.next(),
            "to_publish": self.to_publish.iter().copied().map(report::name_of).collect::<Vec<_>>(),
        })
    }

    /// Says what to do next; empty if there is nothing.
    fn next(&self) -> String {
        let publish = (!self.to_publish.is_empty()).then(|| format!("autopilot publish {}", self.run));
        self.next.text(self.run).into_iter().chain(publish).collect::<Vec<_>>().join("; ")
    }
}

/// Returns the rows, newest first.
fn rows(repository: &Repository, state: &State, issue: Option<u64>) -> Result<Vec<Row>, Failure> {
    let mut runs = runs::of(repository, issue)?;
    let dirs = dirs(repository, state, issue)?;
    runs.extend(dirs.keys().copied());
    runs.sort_unstable();
    runs.dedup();
    runs.reverse();
    if issue.is_none() {
        let mut seen = std::collections::HashSet::new();
        runs.retain(|run| seen.insert(run.issue()));
    }
    let mut holders = HashMap::new();
    let mut rows = Vec::new();
    for run in runs {
        let issue = run.issue();
        let holder = holders.entry(issue).or_insert_with(|| state.holder(&repository.common_dir, issue));
        rows.push(row(repository, holder, dirs.get(&run), run));
    }
    if issue.is_some() {
        for row in rows.iter_mut().skip(1) {
            row.next = std::mem::replace(&mut row.next, Next::Nothing).of_older();
        }
    }
    Ok(rows)
}

/// Finds the directories of the runs of this checkout: of some there is nothing else, where somebody tidied up.
fn dirs(
    repository: &Repository,
    state: &State,
    issue: Option<u64>,
) -> Result<BTreeMap<RunName, RunDir>, Failure> {
    if !state.root().is_dir() {
        return Ok(BTreeMap::new());
    }
    let of_issue = |record: &Record| issue.is_none_or(|issue| record.issue == issue);
    let is_own = |record: &Record| record.toplevel == repository.toplevel && of_issue(record);
    let all = RunDir::of(state, &repository.common_dir)?.into_iter().filter(|(_, record)| is_own(record));
    Ok(all.filter_map(|(dir, record)| Some((record.run.parse().ok()?, dir))).collect())
}

/// Reads what there is to tell of a run: from its journal, or from the copy of it.
fn read(repository: &Repository, dir: Option<&RunDir>, run: RunName) -> std::io::Result<Option<RunState>> {
    match (Files::of(&repository.toplevel, run).read(), dir) {
        (Err(error), Some(dir)) if error.kind() == ErrorKind::NotFound => {
            let copy = dir.mirror();
            if copy.is_file() { crate::evidence::read(&copy) } else { Ok(None) }
        }
        (read, _) => read,
    }
}

fn row(
    repository: &Repository,
    holder: &Result<Option<Holder>, LockError>,
    dir: Option<&RunDir>,
    run: RunName,
) -> Row {
    let alive = matches!(holder, Ok(Some(holder)) if holder.run == run.to_string());
    let read = read(repository, dir, run);
    let is_over = matches!(&read, Ok(Some(view)) if view.closed);
    if let Err(nameless) = holder
        && !is_over
    {
        return Row::unknown(run, How::Unknown, Next::Mend(nameless.to_string()));
    }
    let view = match read {
        Ok(Some(view)) => view,
        Ok(None) if alive => return Row::unknown(run, How::Starting, Next::Nothing),
        Ok(None) => return Row::unknown(run, How::Ended(RunResult::Crashed), Next::GoOn),
        Err(error) => return Row::unknown(run, How::Unreadable, Next::Mend(error.to_string())),
    };
    let how = How::of(&view, alive);
    let took = match (&view.end, alive) {
        (Some(end), _) => Some(end.took),
        (None, true) => (chrono::Utc::now() - view.started).to_std().ok(),
        (None, false) => None,
    };
    let to_publish = if alive { Vec::new() } else { view.to_publish() };
    Row { run, how, step: step(&view), took, cost: view.cost(), next: Next::of(&view, how), to_publish }
}

fn step(view: &RunState) -> String {
    if view.end.as_ref().is_some_and(|end| end.result == RunResult::Done) {
        let passed = view.steps.iter().filter(|step| step.result == Some(StepResult::Passed)).count();
        return format!("{passed}/{}", view.steps.len());
    }
    let decided = view.end.as_ref().and_then(|end| end.step.clone());
    let current = view.steps.iter().rev().find(|step| !step.attempts.is_empty());
    match (decided, current) {
        (Some(step), _) => step.to_string(),
        (None, Some(step)) if step.allowed > 1 => {
            format!("{} {}/{}", step.id, step.attempts.len(), step.allowed)
        }
        (None, Some(step)) => step.id.to_string(),
        (None, None) => "–".to_owned(),
    }
}

fn table(rows: &[Row], issue: Option<u64>) -> String {
    if rows.is_empty() {
        return match issue {
            Some(issue) => format!("no runs of issue {issue} here yet: autopilot run {issue}"),
            None => "no runs here yet: autopilot run ISSUE".to_owned(),
        };
    }
    // Nobody needs a column of dashes.
    let costs = rows.iter().any(|row| row.cost.is_some_and(|cost| cost > 0));
    let head = ["ISSUE", "RUN", "RESULT", "STEP", "TIME", "COST", "NEXT"].map(str::to_owned);
    let cells = rows.iter().map(|row| {
        let time = row.took.map_or_else(|| "–".to_owned(), units::clock);
        let issue = row.run.issue().to_string();
        // A line is a row, whatever is said of it.
        let next = row.next().replace('\n', " ");
        let cost = row.cost.map_or_else(|| "–".to_owned(), units::dollars);
        [issue, row.run.timestamp(), row.how.word().to_owned(), row.step.clone(), time, cost, next]
    });
    let shown = |row: [String; 7]| -> Vec<String> {
        let cells = row.into_iter().enumerate().filter(|(column, _)| costs || *column != 5);
        cells.map(|(_, cell)| cell).collect()
    };
    let all: Vec<Vec<String>> = std::iter::once(head).chain(cells).map(shown).collect();
    let width = |column: usize| all.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..all[0].len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let padded = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    all.iter().map(line).collect::<Vec<_>>().join("\n")
}
