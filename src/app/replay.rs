//! Takes a run's record, does the run again in a worktree of its own, and gives the first difference. With the machinery of a run, not
//! a second one: what an agent, a patch or a step with effects outside had changed is laid on, everything else is done. A record may
//! be anybody's: its plan gets no secret and nothing of the host, and a network only if it is trusted.

mod again;
mod record;

pub(super) use again::Doing;
pub(super) use record::Record;

use super::outcome::ASKED;
use super::{Error, Front, Note, Site, replayed, runs};
use crate::evidence::RunName;
use crate::policy::{Origin, Trust, Waivers};
use crate::replay::{self, Difference, Way};
use crate::run::Interrupt;
use crate::sandbox;
use crate::worktree::{Repository, State};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The run, or an issue: its latest.
    pub run: &'a str,
    /// Another base than the record's.
    pub onto: Option<&'a str>,
    /// Whether its steps may reach what its plan says, having seen it.
    pub trust: Trust,
    /// Protections to go without where this host cannot give them.
    pub waivers: &'a Waivers,
}

/// What came of a replay.
#[derive(Debug)]
pub enum Replayed {
    /// It came to its end.
    Ended(Box<Compared>),
    /// A signal ended it.
    Interrupted(i32),
}

/// A replay beside its record.
#[derive(Debug)]
pub struct Compared {
    /// The run.
    pub run: RunName,
    /// The commit it was replayed on.
    pub base: String,
    /// That is the one of the record.
    pub same_base: bool,
    /// Each step that was replayed, how, and the tree that the record has of it.
    pub steps: Vec<(String, Way, Option<String>)>,
    /// The first difference, if there is one.
    pub difference: Option<Difference>,
}

/// Replays a run.
pub async fn replay<F: Front>(
    asked: Asked<'_>,
    repository: &Repository,
    interrupt: &Interrupt,
    front: &F,
) -> Result<Replayed, Error> {
    let found = runs::find(repository, Some(asked.run))?;
    let files = found.files();
    let run = files.run();
    if let Some(fetched) = found.fetched() {
        front.note(Note::Fetched { run, remote: fetched.remote().to_owned() });
    }
    let state = files.read().map_err(|error| Error::Broken { run, error })?;
    let state = state.filter(|state| state.closed).ok_or(Error::NotEnded { run })?;
    if let Some(hindered) = replay::hindered(&state) {
        return Err(Error::Unreplayable { run, why: hindered.to_string(), hint: hindered.hint() });
    }
    let base = match asked.onto {
        Some(name) => repository.base(Some(name))?,
        None => repository.base_then(&state.start.base.to_string(), &state.start.commit)?,
    };
    let record = Record::read(found.repository(repository), files, &state, &base)?;
    let mut compared = Compared {
        run,
        base: base.commit.to_string(),
        same_base: base.commit == state.start.commit,
        steps: record.told(),
        difference: record.forged.clone(),
    };
    if compared.difference.is_none() {
        let state = State::find()?;
        let lock = state.hold(repository, run.issue(), None)?;
        let host = sandbox::probe();
        let site = Site { state: &state, repository, host: &host, waivers: asked.waivers };
        let (origin, trust) = (Origin::Record, asked.trust);
        let done = Doing { site, origin, trust, interrupt, front, lock: &lock, record: &record };
        let done = done.go(base).await;
        let done = if done.as_ref().is_err_and(Error::is_halt) { None } else { done? };
        let Some(again) = done else {
            return Ok(Replayed::Interrupted(interrupt.heard().unwrap_or(ASKED)));
        };
        compared.difference = record.differs(&again, compared.same_base)?;
    }
    if found.fetched().is_none() && compared.same_base {
        replayed::keep(repository, files, &state, compared.difference.as_ref())?;
    }
    Ok(Replayed::Ended(Box::new(compared)))
}
