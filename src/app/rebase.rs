//! Replays a run on the base as it is on the remote by now, before it is pushed: with the machinery of `autopilot replay --onto`, under
//! the lock that whoever publishes holds.

use std::sync::atomic::{AtomicBool, Ordering};

use super::replay::{Doing, Record};
use super::{Crashed, Error, Front, Note, Site};
use crate::evidence::{Files, RunState, Unwatched, Watch};
use crate::git::Oid;
use crate::plan::Plan;
use crate::policy::{Origin, Trust};
use crate::publish::{Replayed, Replayer, Replaying};
use crate::replay;
use crate::run::Interrupt;
use crate::worktree::Lock;

/// Whose word the record of a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// This process wrote it, of a plan that it was given.
    Own,
    /// It was read from a disk; whether its steps may reach the network.
    Found(Trust),
}

/// What runs are replayed with.
pub(super) struct Rebasing<'a> {
    pub(super) site: Site<'a>,
    pub(super) lock: &'a Lock,
    pub(super) interrupt: &'a Interrupt,
    pub(super) whose: Whose,
    pub(super) note: &'a dyn Fn(Note),
    /// One is under way: it ends by itself when it is to end, and takes away what it made.
    pub(super) under_way: AtomicBool,
}

impl Replayer for Rebasing<'_> {
    fn onto<'a>(&'a self, files: &'a Files, state: &'a RunState, onto: &'a Oid) -> Replaying<'a> {
        Box::pin(async move {
            let (run, base) = (files.run(), state.start.base.to_string());
            (self.note)(Note::Rebasing { run, base, onto: onto.clone() });
            self.under_way.store(true, Ordering::Relaxed);
            let replayed = self.replay(files, state, onto).await;
            self.under_way.store(false, Ordering::Relaxed);
            match replayed {
                Ok(replayed) => replayed,
                Err(error) if error.is_halt() => Replayed::BrokenOff,
                Err(error) => impossible(&error),
            }
        })
    }
}

impl Rebasing<'_> {
    /// Waits until none is under way.
    pub(super) async fn over(&self) {
        while self.under_way.load(Ordering::Relaxed) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    async fn replay(&self, files: &Files, state: &RunState, onto: &Oid) -> Result<Replayed, Error> {
        if let Some(hindered) = replay::hindered(state) {
            return Ok(Replayed::Impossible { why: hindered.to_string(), hint: hindered.hint() });
        }
        let repository = self.site.repository;
        let base = repository.base_then(state.start.base.as_str(), onto)?;
        let record = Record::read(repository, files, state, &base)?;
        if let Some(forged) = &record.forged {
            return Ok(Replayed::Differs(said(forged)));
        }
        let (origin, trust) = match self.whose {
            Whose::Own => (Origin::Own, Trust::Given),
            Whose::Found(trust) => (Origin::Record, trust),
        };
        let front = Behind(self.note);
        let (site, interrupt, lock) = (self.site, self.interrupt, self.lock);
        let doing = Doing { site, origin, trust, interrupt, front: &front, lock, record: &record };
        let Some(replayed) = Box::pin(doing.go(base)).await? else { return Ok(Replayed::BrokenOff) };
        if let Some(difference) = record.differs(&replayed, false)? {
            return Ok(Replayed::Differs(said(&difference)));
        }
        let commits = record.rebuilt(&replayed, onto)?;
        if let Some(last) = commits.last() {
            repository.take_rebased(record.aside(), &last.commit, onto)?;
        }
        Ok(Replayed::Held(commits))
    }
}

fn said(difference: &replay::Difference) -> String {
    let replay::Difference { step, what, recorded, replayed, .. } = difference;
    format!("step `{step}`, {what}: recorded {recorded}, there {replayed}")
}

/// Says why there is no replay, and what helps.
fn impossible(error: &Error) -> Replayed {
    let hint = match error {
        Error::Unreplayable { why, hint, .. } => {
            return Replayed::Impossible { why: why.clone(), hint: hint.clone() };
        }
        Error::Above(_) => "look at what it asks for; with a network alone: autopilot publish --trust RUN",
        _ => "mend that, then: autopilot publish",
    };
    Replayed::Impossible { why: error.to_string(), hint: hint.to_owned() }
}

/// The front of a replay that nobody looks at.
struct Behind<'a>(&'a dyn Fn(Note));

impl Front for Behind<'_> {
    fn note(&self, note: Note) {
        (self.0)(note);
    }

    fn ask(&self, _: &Crashed) -> Option<impl Future<Output = bool>> {
        None::<std::future::Ready<bool>>
    }

    fn watch(&self, _: &Plan) -> Box<dyn Watch> {
        Box::new(Unwatched)
    }
}
