//! What a server shows: the page of all runs, and that of each. Read anew whenever something changed.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use autopilot_view::Life;

use super::index::{self, Told};
use super::page::{Source, page};
use crate::app::{Error, replayed, runs};
use crate::evidence::{Files, RunName, Sha256};
use crate::worktree::{AtWork, Repository, State};

/// Seconds after which a run that is under way is shown anew: its time goes on, whether or not it says something.
const ANEW: i64 = 10;

/// The pages of a checkout.
#[derive(Debug)]
pub struct Site {
    repository: Repository,
    state: State,
    /// What was told of runs, and how they stood then.
    known: Mutex<HashMap<RunName, (Stand, Told)>>,
}

/// How a run stands: what is told of it is the same as long as this is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stand {
    run: RunName,
    is_running: bool,
    /// No later run is of its issue.
    is_latest: bool,
    /// How its files stand.
    mark: String,
}

/// A page to be: what it is made of, by which it is known, and how long it stays so.
#[derive(Debug)]
pub(super) struct Answer {
    /// Another one when it would be another page.
    pub(super) mark: String,
    /// The page; nothing if whoever asks has it.
    pub(super) page: Option<String>,
    pub(super) life: Life,
}

impl Site {
    /// Shows the runs of a checkout.
    pub fn of(repository: Repository, state: State) -> Self {
        Self { repository, state, known: Mutex::default() }
    }

    /// Makes the page of all runs, unless whoever asks has it.
    pub(super) fn index(&self, has: Option<&str>) -> Result<Answer, Error> {
        let mut runs = runs::of(&self.repository, None)?;
        runs.reverse();
        let mut issues: HashMap<u64, Option<AtWork>> = HashMap::new();
        let mut stands = Vec::new();
        for run in runs {
            let issue = run.issue();
            let is_latest = !issues.contains_key(&issue);
            let at_work =
                issues.entry(issue).or_insert_with(|| at_work(&self.repository, &self.state, issue)).as_ref();
            let is_running = is_at(at_work, run);
            stands.push(Stand { run, is_running, is_latest, mark: self.mark(run, is_running) });
        }
        let marks: String = stands.iter().map(|Stand { run, mark, .. }| format!("{run} {mark}\n")).collect();
        let mark = Sha256::of(marks.as_bytes()).to_string();
        let title = self.repository.toplevel.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let make = || {
            index::page(&format!("Runs of {title}"), stands.iter().map(|stand| self.told(stand)).collect())
        };
        let page = if has == Some(&*mark) { None } else { Some(make()) };
        Ok(Answer { page, mark, life: Life::Live })
    }

    fn told(&self, stand: &Stand) -> Told {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Stand { run, is_running, is_latest, .. } = *stand;
        if let Some((_, told)) = known().get(&run).filter(|(own, _)| own == stand) {
            return told.clone();
        }
        let files = Files::of(&self.repository.toplevel, run);
        let told = match files.read() {
            Ok(Some(state)) => index::told(&files, &state, is_running, is_latest),
            Ok(None) => index::unreadable(run, "it has not begun, or its journal has no beginning"),
            Err(error) => index::unreadable(run, &error.to_string()),
        };
        known().insert(run, (stand.clone(), told.clone()));
        told
    }

    /// Makes the page of a run, unless whoever asks has it; nothing if there is no such run.
    pub(super) fn run(&self, name: &str, has: Option<&str>) -> Result<Option<Answer>, Error> {
        let Ok(run) = name.parse::<RunName>() else { return Ok(None) };
        let files = Files::of(&self.repository.toplevel, run);
        if !files.has_journal().map_err(Error::System)? {
            return Ok(None);
        }
        let is_running = is_running(&self.repository, &self.state, run);
        let mark = self.mark(run, is_running);
        let life = if is_running { Life::Live } else { Life::Still };
        if has == Some(&*mark) {
            return Ok(Some(Answer { mark, page: None, life }));
        }
        let Some(state) = files.read().map_err(Error::System)? else { return Ok(None) };
        let (repository, host) = (&self.repository, &self.state);
        let source = Source { repository, files: &files, host, state: &state, is_running, life };
        Ok(Some(Answer { page: Some(page(&source)?), mark, life }))
    }

    /// Tells how its files stand, and whether somebody runs it, in a word that is another one when they do otherwise.
    fn mark(&self, run: RunName, is_running: bool) -> String {
        let files = Files::of(&self.repository.toplevel, run);
        let spools = files.spools().unwrap_or_default();
        let paths = [files.journal(), files.log(), replayed::place(&files)]
            .into_iter()
            .chain(spools.into_iter().map(|(_, path)| path));
        let all: String = paths.map(|path| stamp(&path)).collect();
        let now = if is_running { chrono::Utc::now().timestamp() / ANEW } else { 0 };
        Sha256::of(format!("{all}{is_running}{now}").as_bytes()).to_string()
    }
}

/// Tells whether somebody runs a run: here, or on another machine, as long as that renews its claim.
pub fn is_running(repository: &Repository, state: &State, run: RunName) -> bool {
    is_at(at_work(repository, state, run.issue()).as_ref(), run)
}

fn at_work(repository: &Repository, state: &State, issue: u64) -> Option<AtWork> {
    state.at_work(&repository.common_dir, issue).ok().flatten()
}

fn is_at(at_work: Option<&AtWork>, run: RunName) -> bool {
    let is_alive = |at_work: &AtWork| match at_work {
        AtWork::Holder(_) => true,
        AtWork::Elsewhere(watched) => watched.seems_alive(),
    };
    at_work.is_some_and(|at_work| at_work.is_at(&run.to_string()) && is_alive(at_work))
}

fn stamp(path: &Path) -> String {
    let there = path.symlink_metadata().map(|there| (there.len(), there.modified().ok()));
    format!("{there:?}\n")
}
