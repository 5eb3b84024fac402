//! Picks up what dead runners left of earlier runs, before a new one begins or for `clean`: nothing of it is lost.

use std::sync::atomic::AtomicBool;

use super::earlier::{self, Earlier, Journal, Left};
use super::note::{Discarded, PickedUp};
use super::rebase::{Rebasing, Whose};
use super::{Error, Note, Site, publish};
use crate::evidence::RunName;
use crate::evidence::RunState;
use crate::evidence::event::RunResult;
use crate::evidence::mask::Secrets;
use crate::evidence::state::WorktreeState;
use crate::github::Environment;
use crate::policy::Trust;
use crate::report;
use crate::run::{self, Interrupt, Known, Means, Recovered};
use crate::worktree::{Halt, Lock, RunDir};

/// What is to become of a worktree that was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It stays.
    Stays,
    /// It goes, once it is proved that nothing is lost.
    Goes,
}

/// How earlier runs are picked up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Picking<'a> {
    pub(super) kept: Kept,
    /// What they meant to publish is published, until this says to end; or not.
    pub(super) publishing: Option<&'a Interrupt>,
    /// Breaks off what takes long.
    pub(super) halt: &'a Halt,
    /// The right to do it.
    pub(super) lock: &'a Lock,
    /// What must not be seen, as far as whoever picks them up knows; what their plans name is added.
    pub(super) secrets: &'a Secrets,
}

/// A run whose evidence was closed.
#[derive(Debug)]
pub(super) struct Closed {
    pub(super) run: RunName,
    pub(super) state: RunState,
}

/// Recovers those that have no end, or left a directory that they had not meant to leave; returns those that it closed.
/// The caller holds the issue's lock.
pub(super) async fn recover(
    site: Site<'_>,
    issue: u64,
    earlier: Vec<Earlier>,
    picking: Picking<'_>,
    note: &dyn Fn(Note),
) -> Result<Vec<Closed>, Error> {
    clear_abandoned(site, issue, note)?;
    let mut closed = Vec::new();
    for earlier in earlier {
        match earlier.left() {
            Left::Nothing => {}
            Left::KeptWorktree | Left::MovedAside if picking.kept == Kept::Stays => {}
            Left::MovedAside => remove_aside(&earlier, note)?,
            Left::Broken => leave_broken(earlier, note),
            Left::Unfinished | Left::KeptWorktree => {
                closed.extend(Box::pin(recover_one(site, earlier, picking, note)).await?);
            }
        }
    }
    let stale = earlier::stale(site, issue)?;
    for run in stale.pins {
        site.repository.unpin(&run.to_string())?;
        note(Note::Unpinned(run));
    }
    for run in stale.shared {
        site.repository.unshare(&run.to_string())?;
    }
    Ok(closed)
}

/// Removes directories without a record: they hold nothing of worth.
fn clear_abandoned(site: Site<'_>, issue: u64, note: &dyn Fn(Note)) -> Result<(), Error> {
    for dir in RunDir::abandoned(site.state, &site.repository.common_dir, issue)? {
        let became = match dir.discard() {
            Ok(None) => Discarded::Gone,
            Ok(Some(left)) => Discarded::Left(left),
            Err(error) => Discarded::Stays(error),
        };
        note(Note::Abandoned { path: dir.path().to_owned(), became });
    }
    Ok(())
}

fn remove_aside(earlier: &Earlier, note: &dyn Fn(Note)) -> Result<(), Error> {
    let aside = earlier.aside();
    if let Some((dir, _)) = &earlier.dir {
        dir.discard_with_left()?;
    }
    note(Note::AsideRemoved(aside));
    Ok(())
}

/// Whatever broke its journal: nothing can be added to it, and a new run does not depend on it.
fn leave_broken(earlier: Earlier, note: &dyn Fn(Note)) {
    if let (Journal::Broken(error), Some((dir, _))) = (earlier.journal, earlier.dir) {
        note(Note::Broken { run: earlier.run, place: dir.path().to_owned(), error });
    }
}

async fn recover_one(
    site: Site<'_>,
    earlier: Earlier,
    picking: Picking<'_>,
    note: &dyn Fn(Note),
) -> Result<Option<Closed>, Error> {
    let Earlier { run, files, dir, journal } = earlier;
    let known = known(&journal, picking.secrets);
    let state = if let Journal::Read(state) = journal { Some(*state) } else { None };
    let aside = dir.as_ref().map(|(dir, _)| dir.left()).filter(|left| left.exists());
    let Site { repository, host, waivers, .. } = site;
    let with = Means { repository, host, waivers, halt: picking.halt, lock: picking.lock };
    let recovered = run::recover(files, state, dir, with, &known).await;
    let Some(Recovered { mut recorder }) = recovered.map_err(|error| Error::pick_up(run, error))? else {
        note(aside.map_or(Note::NeverBegan(run), |left| Note::Unjournaled { run, left }));
        return Ok(None);
    };
    let searched = Box::pin(publish::search(&mut recorder, site.repository, picking.publishing)).await;
    searched.map_err(|error| Error::pick_up(run, error))?;
    let today = crate::publish::today(site.repository, recorder.state());
    report::close(&mut recorder, today.as_ref()).map_err(|error| Error::pick_up(run, error))?;
    site.repository.hand_over(&recorder.files().all())?;
    if let Some(interrupt) = picking.publishing {
        let with = Rebasing {
            site,
            lock: picking.lock,
            interrupt,
            whose: Whose::Found(Trust::Withheld),
            note,
            under_way: AtomicBool::new(false),
        };
        publish::at_the_end(&mut recorder, &with).await?;
    }
    let state = recorder.state().clone();
    note(Note::PickedUp(picked_up(run, &state)));
    Ok(Some(Closed { run, state }))
}

/// Finds out what the plan of a run calls a secret.
fn known(journal: &Journal, secrets: &Secrets) -> Known {
    let environment = Environment::of_process();
    // What cannot be read is not picked up.
    let unknown = match journal {
        Journal::Read(state) => state.register_secrets(environment.variables(), secrets),
        Journal::Broken(_) | Journal::Unread => std::collections::BTreeSet::new(),
    };
    Known { secrets: secrets.clone(), unknown }
}

fn picked_up(run: RunName, state: &RunState) -> PickedUp {
    PickedUp {
        run,
        crashed: state.end.as_ref().is_some_and(|end| end.result == RunResult::Crashed),
        branch: state.branch.as_ref().map(|made| made.reference.to_string()),
        salvaged: !state.salvaged().is_empty(),
        stays: match &state.worktree {
            WorktreeState::Kept(path, why) => Some((path.clone(), why.clone())),
            WorktreeState::There | WorktreeState::Removed { .. } => None,
        },
    }
}
