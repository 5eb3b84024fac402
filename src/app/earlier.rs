//! Earlier runs of an issue: each journal is read once, and what there is to do about it follows from that.

use std::io;

use super::note::Aside;
use super::{Error, Site, runs};
use crate::evidence::RunState;
use crate::evidence::state::WorktreeState;
use crate::evidence::{Files, RunName};
use crate::run;
use crate::worktree::{Record, Repository, RunDir, State};

/// An earlier run of an issue.
#[derive(Debug)]
pub(super) struct Earlier {
    pub(super) run: RunName,
    pub(super) files: Files,
    /// Its directory, if it has not been removed.
    pub(super) dir: Option<(RunDir, Record)>,
    pub(super) journal: Journal,
}

/// One whose journal has its beginning.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) run: RunName,
    pub(super) files: Files,
    /// Its directory, if it has not been removed.
    pub(super) dir: Option<(RunDir, Record)>,
    pub(super) state: Box<RunState>,
}

/// What its journal tells.
#[derive(Debug)]
pub(super) enum Journal {
    /// The run, from its beginning.
    Read(Box<RunState>),
    /// It was changed by somebody, or is of a newer program.
    Broken(io::Error),
    /// There is none, or nothing in it; or it cannot be read, which whoever needs it says.
    Unread,
}

/// What there is to do about an earlier run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// Nothing: it has come to its end, and left nothing.
    Nothing,
    /// Its journal has no end, or its directory is there and should not be.
    Unfinished,
    /// It has come to its end, and its worktree was kept.
    KeptWorktree,
    /// The same, and all that is left of the worktree is what no bundle can hold.
    MovedAside,
    /// Its journal was changed.
    Broken,
}

impl Journal {
    fn read(files: &Files) -> Self {
        match files.read() {
            Ok(Some(state)) => Self::Read(Box::new(state)),
            Err(error) if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::Unsupported) => {
                Self::Broken(error)
            }
            Ok(None) | Err(_) => Self::Unread,
        }
    }
}

impl From<Begun> for Earlier {
    fn from(Begun { run, files, dir, state }: Begun) -> Self {
        Self { run, files, dir, journal: Journal::Read(state) }
    }
}

impl Earlier {
    /// Returns it with its beginning, if it has one.
    pub(super) fn begun(self) -> Result<Box<Begun>, Box<Self>> {
        let Self { run, files, dir, journal } = self;
        match journal {
            Journal::Read(state) => Ok(Box::new(Begun { run, files, dir, state })),
            journal => Err(Box::new(Self { run, files, dir, journal })),
        }
    }

    /// Tells what is left of it.
    pub(super) fn left(&self) -> Left {
        match &self.journal {
            Journal::Read(state) if state.closed && self.dir.is_none() => Left::Nothing,
            Journal::Read(state) if state.closed && matches!(state.worktree, WorktreeState::Kept(..)) => {
                let is_over = self.dir.as_ref().is_some_and(|(dir, _)| dir.is_over());
                if is_over { Left::MovedAside } else { Left::KeptWorktree }
            }
            Journal::Read(_) | Journal::Unread => Left::Unfinished,
            Journal::Broken(_) => Left::Broken,
        }
    }

    /// Returns what of it no bundle can hold.
    pub(super) fn aside(&self) -> Aside {
        let place = self.dir.as_ref().map(|(dir, _)| dir.left()).unwrap_or_default();
        let list = self.files.relative(&self.files.not_salvaged());
        Aside { run: self.run, place, list }
    }

    /// Holds its journal against its second copy, if it has one: puts it back if it is gone.
    fn compare_journal(&mut self) -> Result<(), Error> {
        let Some((dir, _)) = &self.dir else { return Ok(()) };
        if let Journal::Unread = self.journal {
            run::restore_journal(&self.files, Some(dir)).map_err(|error| Error::pick_up(self.run, error))?;
            self.journal = Journal::read(&self.files);
        }
        if let Journal::Read(state) = &self.journal
            && let Err(error) = self.files.demand_as_copied(state, &dir.mirror())
        {
            self.journal = Journal::Broken(error);
        }
        Ok(())
    }
}

/// Lists the last run of an issue, the one that is named, and those that left something, and holds journals against their
/// second copies: those that are gone are put back. The caller holds the issue's lock.
pub(super) fn all(site: Site<'_>, issue: u64, named: Option<RunName>) -> Result<Vec<Earlier>, Error> {
    let mut all = listed(site, issue, named)?;
    all.iter_mut().try_for_each(Earlier::compare_journal)?;
    Ok(all)
}

/// Lists the same as it lies there: oldest first, with a journal here or a directory.
pub(super) fn listed(site: Site<'_>, issue: u64, named: Option<RunName>) -> Result<Vec<Earlier>, Error> {
    let repository = site.repository;
    let mut dirs: Vec<(RunDir, Record)> = RunDir::of(site.state, &repository.common_dir)?
        .into_iter()
        .filter(|(_, record)| record.issue == issue)
        .collect();
    let mut names = runs::of(repository, Some(issue))?;
    for (_, record) in &dirs {
        names.extend(record.run.parse::<RunName>().ok().filter(|name| !names.contains(name)));
    }
    names.sort();
    let mut all: Vec<Earlier> = Vec::new();
    for run in names {
        let dir = dirs.iter().position(|(_, record)| record.run == run.to_string());
        let dir = dir.map(|at| dirs.swap_remove(at));
        // The checkout that the run was started in: another worktree of the same repository, perhaps.
        // That one may be gone by now, too.
        let started_in = dir.as_ref().map(|(_, record)| &record.toplevel).filter(|top| top.is_dir());
        let files = Files::of(started_in.unwrap_or(&repository.toplevel), run);
        let journal = Journal::read(&files);
        // What is over is of no interest once there is a later one, and need not be kept in memory.
        all.pop_if(|before| before.left() == Left::Nothing && Some(before.run) != named);
        all.push(Earlier { run, files, dir, journal });
    }
    Ok(all)
}

/// Runs of an issue that are over, left no directory, and have a ref still.
pub(super) struct Stale {
    /// Their base is pinned.
    pub(super) pins: Vec<RunName>,
    /// Their last checkpoint is kept.
    pub(super) shared: Vec<RunName>,
}

/// Lists the runs of an issue that are over and have a ref still.
pub(super) fn stale(site: Site<'_>, issue: u64) -> Result<Stale, Error> {
    let refs = site.repository.refs_without_directory(site.state)?;
    let of_issue = |runs: &[String]| -> Vec<RunName> {
        runs.iter().filter_map(|run| run.parse().ok()).filter(|run: &RunName| run.issue() == issue).collect()
    };
    let (mut pins, mut shared) = (of_issue(&refs.pinned), of_issue(&refs.shared));
    // One with another state directory is known by its journal.
    pins.retain(|run| !Files::of(&site.repository.toplevel, *run).is_recorded());
    shared.retain(|run| match Journal::read(&Files::of(&site.repository.toplevel, *run)) {
        Journal::Read(state) => state.closed && state.branch.is_some(),
        Journal::Broken(_) | Journal::Unread => false,
    });
    Ok(Stale { pins, shared })
}

/// Lists the runs that pin their base and have no directory here.
pub(super) fn pinned(state: &State, repository: &Repository) -> Result<Vec<RunName>, Error> {
    Ok(repository.refs_without_directory(state)?.pinned.iter().filter_map(|run| run.parse().ok()).collect())
}
