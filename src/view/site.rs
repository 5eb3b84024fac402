//! What a server shows: the page of all runs, and that of each. Read anew whenever something changed.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use autopilot_view::Life;

use super::index::{self, Told};
use super::page::{Source, page};
use crate::app::{Error, runs};
use crate::evidence::{Files, RunName, Sha256};
use crate::worktree::{Repository, State};

/// Seconds after which a run that is under way is shown anew: its time goes on, whether or not it says something.
const ANEW: i64 = 10;

/// The pages of a checkout.
#[derive(Debug)]
pub struct Site {
    repository: Repository,
    state: State,
    /// What was told of runs that are over, and of which files that was read.
    known: Mutex<HashMap<RunName, (String, Told)>>,
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
        let states: Vec<(RunName, bool, String)> = runs
            .into_iter()
            .map(|run| {
                let (is_running, mark) = self.stands(run);
                (run, is_running, mark)
            })
            .collect();
        let marks: String = states.iter().map(|(run, _, mark)| format!("{run} {mark}\n")).collect();
        let mark = Sha256::of(marks.as_bytes()).to_string();
        let title = self.repository.toplevel.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let make = || {
            index::page(&format!("Runs of {title}"), states.iter().map(|state| self.told(state)).collect())
        };
        let page = if has == Some(&*mark) { None } else { Some(make()) };
        Ok(Answer { page, mark, life: Life::Live })
    }

    fn told(&self, (run, is_running, mark): &(RunName, bool, String)) -> Told {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, told)) = known().get(run).filter(|(own, _)| own == mark) {
            return told.clone();
        }
        let files = Files::of(&self.repository.toplevel, *run);
        let told = match files.read() {
            Ok(Some(state)) => index::told(&files, &state, *is_running),
            Ok(None) => index::unreadable(*run, "it has not begun, or its journal has no beginning"),
            Err(error) => index::unreadable(*run, &error.to_string()),
        };
        known().insert(*run, (mark.clone(), told.clone()));
        told
    }

    /// Makes the page of a run, unless whoever asks has it; nothing if there is no such run.
    pub(super) fn run(&self, name: &str, has: Option<&str>) -> Result<Option<Answer>, Error> {
        let Ok(run) = name.parse::<RunName>() else { return Ok(None) };
        let files = Files::of(&self.repository.toplevel, run);
        if !files.has_journal().map_err(Error::System)? {
            return Ok(None);
        }
        let (is_running, mark) = self.stands(run);
        let life = if is_running { Life::Live } else { Life::Still };
        if has == Some(&*mark) {
            return Ok(Some(Answer { mark, page: None, life }));
        }
        let Some(state) = files.read().map_err(Error::System)? else { return Ok(None) };
        let source = Source { repository: &self.repository, files: &files, state: &state, is_running, life };
        Ok(Some(Answer { page: Some(page(&source)?), mark, life }))
    }

    /// Tells whether somebody runs it, and how its files stand, in a word that is another one when they do otherwise.
    fn stands(&self, run: RunName) -> (bool, String) {
        let files = Files::of(&self.repository.toplevel, run);
        let is_running = is_running(&self.repository, &self.state, run);
        let spools = files.spools().unwrap_or_default();
        let paths =
            [files.journal(), files.log()].into_iter().chain(spools.into_iter().map(|(_, path)| path));
        let all: String = paths.map(|path| stamp(&path)).collect();
        let now = if is_running { chrono::Utc::now().timestamp() / ANEW } else { 0 };
        (is_running, Sha256::of(format!("{all}{is_running}{now}").as_bytes()).to_string())
    }
}

/// Tells whether somebody runs a run.
pub fn is_running(repository: &Repository, state: &State, run: RunName) -> bool {
    let holder = state.holder(&repository.common_dir, run.issue());
    matches!(holder, Ok(Some(holder)) if holder.run == run.to_string())
}

fn stamp(path: &Path) -> String {
    let there = path.symlink_metadata().map(|there| (there.len(), there.modified().ok()));
    format!("{there:?}\n")
}
