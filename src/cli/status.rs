//! `autopilot status`: what runs, what ran, what to do next.

mod at;
mod next;
mod table;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{ErrorKind, IsTerminal};
use std::time::Duration;

use super::exit::{Exit, Failure};
use super::{answer, completions, number, output, shape, target};
use crate::app::fetched::Fetched;
use crate::app::runs;
use crate::evidence::RunState;
use crate::evidence::event::{Effect, RunResult};
use crate::evidence::{Files, RunName};
use crate::plan::units;
use crate::report;
use crate::worktree::{AtWork, LockError, Record, Repository, RunDir, State, Watched};
use at::At;
use next::{How, Next};
use table::Cells;

/// Show what runs, what ran, and what to do next.
#[derive(Debug, clap::Args)]
pub(super) struct StatusArgs {
    /// All runs of this issue, instead of the latest of every issue.
    #[arg(value_parser = number::read, add = completions::issues())]
    issue: Option<u64>,
    /// Every run of every issue.
    #[arg(long, conflicts_with = "issue")]
    all: bool,
    /// Only runs that stand so: running, done, failed, interrupted, crashed, … (repeatable).
    #[arg(long, value_name = "RESULT", value_parser = How::WORDS)]
    result: Vec<String>,
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
        let mut rows = rows(&repository, &state, args.issue, args.all)?;
        if let Some(issue) = args.issue.filter(|_| rows.is_empty()) {
            rows.push(elsewhere(&repository, issue)?);
        }
        rows.retain(|row| args.result.is_empty() || args.result.iter().any(|word| word == row.how.word()));
        if args.watch && std::io::stdout().is_terminal() {
            output::write(b"\x1b[H\x1b[2J")?;
        }
        if args.json {
            for row in &rows {
                output::json(&row.told())?;
            }
        } else {
            output::line(&shown(&rows, &args))?;
        }
        if !args.watch || output::reader_is_gone() {
            return Ok(Exit::Done);
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// One run.
struct Row {
    run: RunName,
    how: How,
    /// The run whose pull request it revises, if it does.
    revises: Option<String>,
    /// Where it runs, if that is another machine.
    host: Option<String>,
    at: Option<At>,
    took: Option<Duration>,
    /// Millionths of a US dollar.
    cost: Option<u64>,
    next: Next,
    to_publish: Vec<Effect>,
    /// Files in which the result conflicts with where the base is now, and the base.
    conflicts: Option<(String, Vec<String>)>,
}

impl Row {
    /// A run of which nothing can be read.
    fn unknown(run: RunName, how: How, next: Next) -> Self {
        let to_publish = Vec::new();
        Self {
            run,
            how,
            revises: None,
            host: None,
            at: None,
            took: None,
            cost: None,
            next,
            to_publish,
            conflicts: None,
        }
    }

    fn told(&self) -> shape::Status {
        let at = self.at.as_ref();
        shape::Status {
            v: answer::V,
            issue: self.run.issue(),
            run: self.run.to_string(),
            result: self.how.word(),
            revises: self.revises.clone(),
            host: self.host.clone(),
            seconds: self.took.map(|took| took.as_secs_f64()),
            cost: self.cost,
            next: self.next(),
            conflicts: self.conflicts.as_ref().map(|(_, files)| files.clone()),
            to_publish: self.to_publish.iter().copied().map(report::name_of).collect(),
            step: at.and_then(|at| at.step.clone()),
            attempt: at.and_then(|at| at.attempt),
            passed: at.map(|at| at.passed),
            steps: at.map(|at| at.steps),
        }
    }

    /// Says how it stands, and where, if that is not here.
    fn result(&self) -> String {
        let word = self.how.word();
        let host = self.host.as_ref().filter(|_| self.how == How::Running);
        let place = host.map(|host| format!(" on {host}")).unwrap_or_default();
        let chain = self.revises.as_ref().map(|run| format!(", revises {run}")).unwrap_or_default();
        format!("{word}{place}{chain}")
    }

    fn cells(&self) -> Cells {
        Cells {
            issue: self.run.issue().to_string(),
            run: self.run.timestamp(),
            result: self.result(),
            step: At::words(self.at.as_ref()),
            time: self.took,
            age: (chrono::Utc::now() - self.run.started()).to_std().ok(),
            cost: self.cost,
            next: self.next(),
        }
    }

    /// Says what to do next; empty if there is nothing.
    fn next(&self) -> String {
        let publish = (!self.to_publish.is_empty()).then(|| format!("autopilot publish {}", self.run));
        let conflicts = self.conflicts.as_ref().map(|(base, files)| in_conflict(base, files));
        self.next.text(self.run).into_iter().chain(publish).chain(conflicts).collect::<Vec<_>>().join("; ")
    }
}

/// Returns how the latest run of each issue stands, and what to do about it.
pub(super) fn latest(repository: &Repository, state: &State) -> Result<Vec<(u64, String, String)>, Failure> {
    let rows = rows(repository, state, None, false)?;
    Ok(rows.iter().map(|row| (row.run.issue(), row.result(), row.next())).collect())
}

/// Returns how the latest run of an issue stands that is not on this machine.
fn elsewhere(repository: &Repository, issue: u64) -> Result<Row, Failure> {
    let found = target::find(repository, Some(&issue.to_string()))?;
    let files = found.files();
    let (run, remote) = (files.run(), found.fetched().map(Fetched::remote).unwrap_or_default());
    let view = match files.read() {
        Ok(Some(view)) => view,
        Ok(None) => return Ok(Row::unknown(run, How::Ended(RunResult::Crashed), Next::Nothing)),
        Err(error) => return Ok(Row::unknown(run, How::Unreadable, Next::Mend(error.to_string()))),
    };
    let (how, at, host) =
        (How::of(&view, false), Some(At::of(&view)), Some(view.start.host.name.to_string()));
    let cost = view.cost();
    if !view.closed {
        let next = Next::Mend(format!(
            "its evidence on {remote} has no end: it runs there, or its runner is gone; `autopilot run {issue} --resume` goes on here"
        ));
        return Ok(Row { host, at, cost, ..Row::unknown(run, How::Unknown, next) });
    }
    let next = Next::of(&view, how);
    let took = view.end.as_ref().map(|end| end.took);
    Ok(Row { host, at, took, cost, to_publish: view.to_publish(), ..Row::unknown(run, how, next) })
}

/// Returns the rows, newest first.
fn rows(repository: &Repository, state: &State, issue: Option<u64>, all: bool) -> Result<Vec<Row>, Failure> {
    let mut runs = runs::of(repository, issue)?;
    let dirs = dirs(repository, state, issue)?;
    runs.extend(dirs.keys().copied());
    runs.sort_unstable();
    runs.dedup();
    runs.reverse();
    let mut seen = HashSet::new();
    let latest: HashSet<RunName> = runs.iter().copied().filter(|run| seen.insert(run.issue())).collect();
    runs.retain(|run| issue.is_some() || all || latest.contains(run));
    let mut all_at_work = HashMap::new();
    let refs = repository.refs().unwrap_or_default();
    let mut rows = Vec::new();
    for run in runs {
        let issue = run.issue();
        let at_work =
            all_at_work.entry(issue).or_insert_with(|| state.at_work(&repository.common_dir, issue));
        rows.push(row((repository, &refs), at_work, dirs.get(&run), run));
    }
    for row in rows.iter_mut().filter(|row| !latest.contains(&row.run)) {
        row.next = std::mem::replace(&mut row.next, Next::Nothing).of_older();
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
    (repository, refs): (&Repository, &HashMap<String, String>),
    at_work: &Result<Option<AtWork>, LockError>,
    dir: Option<&RunDir>,
    run: RunName,
) -> Row {
    let alive = matches!(at_work, Ok(Some(at_work)) if at_work.is_at(&run.to_string()));
    let read = read(repository, dir, run);
    let is_over = matches!(&read, Ok(Some(view)) if view.closed);
    if let Err(nameless) = at_work
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
    let elsewhere = match at_work {
        Ok(Some(AtWork::Elsewhere(watched))) if !is_over => Some(watched),
        _ => None,
    };
    if let Some(watched) = elsewhere.filter(|watched| !(alive && watched.seems_alive())) {
        return unheard(&view, run, watched);
    }
    let how = How::of(&view, alive);
    let took = match (&view.end, alive) {
        (Some(end), _) => Some(end.took),
        (None, true) => (chrono::Utc::now() - view.started).to_std().ok(),
        (None, false) => None,
    };
    let to_publish = if alive { Vec::new() } else { view.to_publish() };
    let host = elsewhere.and_then(|watched| Some(watched.holder.as_ref()?.host.clone()));
    let next = if host.is_some() { Next::Nothing } else { Next::of(&view, how) };
    let conflicts = conflicts(repository, refs, &view);
    let revises = view.start.revises.as_ref().map(|revises| revises.run.to_string());
    let (at, cost) = (Some(At::of(&view)), view.cost());
    Row { run, how, revises, host, at, took, cost, next, to_publish, conflicts }
}

/// Finds where the result of a run that is done conflicts with where its base is now; a branch that is gone was of use, or of none.
fn conflicts(
    repository: &Repository,
    refs: &HashMap<String, String>,
    view: &RunState,
) -> Option<(String, Vec<String>)> {
    let made = view.branch.as_ref().filter(|_| view.is_done())?;
    let base = view.start.base.as_str();
    let tip = |name: &str| refs.get(&format!("refs/heads/{name}"));
    let (now, base_now) = (tip(made.name())?, tip(base)?);
    if base_now == view.start.commit.as_str() {
        return None;
    }
    let conflicts = repository.in_conflict(base_now, now).ok()?;
    (!conflicts.is_empty()).then(|| (base.to_owned(), conflicts))
}

fn in_conflict(base: &str, files: &[String]) -> String {
    let more = files.len().saturating_sub(1);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let first = files.first().map(String::as_str).unwrap_or_default();
    format!("conflicts with {base} as it is now, in {first}{more}: merge it by hand, or run it again")
}

/// A run without an end, of an issue that another machine had claimed and not renewed of late by the clocks of both; or has
/// claimed without saying for which run.
fn unheard(view: &RunState, run: RunName, watched: &Watched) -> Row {
    let Watched { holder, path, lease } = watched;
    let host = holder.as_ref().map(|holder| holder.host.clone());
    let who = host.as_deref().unwrap_or("somebody");
    let next = Next::Mend(format!(
        "{who} has the claim {} and may be gone: `autopilot run {} --resume` waits {} to see",
        path.display(),
        run.issue(),
        units::duration(*lease)
    ));
    Row { host, at: Some(At::of(view)), cost: view.cost(), ..Row::unknown(run, How::Unknown, next) }
}

fn shown(rows: &[Row], args: &StatusArgs) -> String {
    if rows.is_empty() {
        return match args.issue {
            _ if !args.result.is_empty() => format!("no run here is {}", args.result.join(" or ")),
            _ => "no runs here yet; `autopilot` shows the plans there are".to_owned(),
        };
    }
    let cells: Vec<Cells> = rows.iter().map(Row::cells).collect();
    let table = table::draw(&cells, width());
    if args.issue.is_some() || rows.len() < 2 { table } else { format!("{table}\n{}", tally(rows)) }
}

/// Returns the columns there are: as many as anybody wants where nobody says.
fn width() -> usize {
    let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let seen = || console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
    said.or_else(seen).filter(|columns| *columns > 0).unwrap_or(usize::MAX)
}

/// Says how many runs wait for a person, and what all of them cost.
fn tally(rows: &[Row]) -> String {
    let has_next = |row: &Row| !matches!(row.next, Next::Nothing | Next::Follow);
    let waits = |row: &&Row| has_next(row) || !row.to_publish.is_empty() || row.conflicts.is_some();
    let running = rows.iter().filter(|row| matches!(row.how, How::Running | How::Starting)).count();
    let (waiting, all) = (rows.iter().filter(waits).count(), rows.len());
    let mut parts = vec![format!("{waiting} of {all} wait for you")];
    parts.extend((running > 0).then(|| format!("{running} running")));
    let cost = rows.iter().filter_map(|row| row.cost).fold(0, u64::saturating_add);
    parts.extend((cost > 0).then(|| units::dollars(cost)));
    parts.join(" · ")
}
