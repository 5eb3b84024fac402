//! Takes a run's record, does the run again in a worktree of its own, and gives the first difference. With the machinery of a run, not
//! a second one: what an agent, a patch or a step with effects outside had changed is laid on, everything else is done. A record may
//! be anybody's: its plan gets no secret and nothing of the host, and a network only if it is trusted.

mod record;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use record::Record;

use super::outcome::ASKED;
use super::{Error, Front, Note, ceiling, runs};
use crate::evidence::event::{Publishing, ReasonKind, RunResult};
use crate::evidence::mask::Secrets;
use crate::evidence::state::End;
use crate::evidence::{Claim, Recorder, RunName, RunState};
use crate::plan::{self, Plan};
use crate::policy::{self, HostFacts, Origin, Trust, Waivers};
use crate::replay::{self, Difference, Way};
use crate::run::{self, Grants, Interrupt, Under};
use crate::sandbox;
use crate::worktree::{Base, Halt, Lock, Repository, RunOf, State, Worktree, WorktreeError};

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
    let files = runs::find(repository, Some(asked.run))?;
    let run = files.run();
    let state = files.read().map_err(|error| Error::Broken { run, error })?;
    let state = state.filter(|state| state.closed).ok_or(Error::NotEnded { run })?;
    if let Some(hindered) = replay::hindered(&state) {
        return Err(Error::Unreplayable { run, why: hindered.to_string(), hint: hindered.hint() });
    }
    let base = match asked.onto {
        Some(name) => repository.base(Some(name))?,
        None => repository.base_then(&state.start.base.to_string(), &state.start.commit)?,
    };
    let record = Record::read(repository, &files, &state, &base)?;
    let mut compared = Compared {
        run,
        base: base.commit.to_string(),
        same_base: base.commit == state.start.commit,
        steps: record.told(),
        difference: record.forged.clone(),
    };
    if compared.difference.is_none() {
        let done = Doing { asked, repository, interrupt, front, record: &record }.go(base).await;
        let done = if done.as_ref().is_err_and(Error::is_halt) { None } else { done? };
        let Some(replayed) = done else {
            return Ok(Replayed::Interrupted(interrupt.heard().unwrap_or(ASKED)));
        };
        compared.difference = record.differs(&replayed, compared.same_base)?;
    }
    Ok(Replayed::Ended(Box::new(compared)))
}

/// A replay that is done.
struct Doing<'a, F> {
    asked: Asked<'a>,
    repository: &'a Repository,
    interrupt: &'a Interrupt,
    front: &'a F,
    record: &'a Record<'a>,
}

/// What it is done with.
struct Ready {
    plan: Plan,
    grants: BTreeMap<String, Grants>,
    secrets: Secrets,
    host: HostFacts,
    under: Under,
}

impl<F: Front> Doing<'_, F> {
    /// Does it; nothing if it was asked to stop first.
    async fn go(&self, mut base: Base) -> Result<Option<RunState>, Error> {
        let state = State::find()?;
        let ready = self.prepare(&state)?;
        base.leave_out(&ready.plan.exclude);
        if ready.plan.submodules {
            base.demand_submodules()?;
        }
        let lock = state.hold(self.repository, ready.plan.issue, None)?;
        let mut recorder = self.recorder(&base, &ready)?;
        let name = recorder.files().run();
        let interrupt = self.interrupt.or_asked(lock.stop_file(), name.to_string(), Halt::never());
        let worktree = self.worktree(&state, &base, &ready, (name, &interrupt)).await;
        let mut worktree = match worktree {
            Err(error) if error.is_halt() => return Ok(None),
            worktree => worktree?,
        };
        let done = self.act(&mut worktree, &ready, &mut recorder, &interrupt).await;
        let gone = self.clear(worktree, name, lock);
        done?;
        gone?;
        let replayed = recorder.state().clone();
        match &replayed.end {
            Some(end) if end.result == RunResult::Interrupted => Ok(None),
            // What went wrong with the runner tells nothing of the record.
            Some(End { reason: Some(why), .. }) if why.kind == ReasonKind::Internal => {
                Err(std::io::Error::other(why.text.to_string()).into())
            }
            _ => Ok(Some(replayed)),
        }
    }

    /// Holds the plan of the record to what its author may ask for, and to the ceilings of this host.
    fn prepare(&self, state: &State) -> Result<Ready, Error> {
        let run = self.record.run();
        let unread = |why: String| Error::Unreplayable {
            run,
            why: format!("its recorded plan cannot be read: {why}"),
            hint: "a record that says so was not written by autopilot: autopilot audit".to_owned(),
        };
        let text = self.record.plan().ok_or_else(|| unread("it is no plan".to_owned()))?;
        let shown = PathBuf::from(format!("the record of run {run}"));
        let loaded = plan::parse(text.as_bytes(), &shown, self.record.folder(), Some(run.issue()));
        let mut loaded = loaded.map_err(|faults| unread(faults.to_string()))?;
        let above = policy::hold_origin(&mut loaded.plan, &loaded.asked, Origin::Record, self.asked.trust);
        if !above.is_empty() {
            return Err(Error::Above(above));
        }
        for (step, what) in policy::reached(&loaded.plan) {
            self.front.note(Note::Reaches { step, what });
        }
        let mut host = sandbox::probe();
        host.own.extend(sandbox::with_real([state.root().to_owned(), self.record.folder().to_owned()]));
        let plan = (&mut loaded.plan, &loaded.asked);
        let (under, _) = ceiling::under(&mut host, self.asked.waivers, plan)?;
        let secrets = Secrets::default();
        let (grants, warnings) = run::preflight(&loaded.plan, &host, self.asked.waivers, &secrets)?;
        for warning in warnings {
            self.front.note(Note::Warning(warning));
        }
        Ok(Ready { plan: loaded.plan, grants, secrets, host, under })
    }

    /// Opens evidence of its own for the replay, where nobody looks for any: it goes with the record's folder.
    fn recorder(&self, base: &Base, ready: &Ready) -> Result<Recorder, Error> {
        let watch = self.front.watch(&ready.plan);
        let top = self.record.folder().join("evidence");
        std::fs::create_dir_all(&top)?;
        let claim = Claim::new(&top, ready.plan.issue, &|_| false, &ready.secrets, watch)?;
        let nothing = Publishing { repository: None, effects: Vec::new(), hindered: None };
        let (plan, grants) = (&ready.plan, &ready.grants);
        Ok(run::begin(claim, plan, (base, false), self.repository, grants, nothing, &ready.under)?)
    }

    async fn worktree(
        &self,
        state: &State,
        base: &Base,
        ready: &Ready,
        (name, interrupt): (RunName, &Interrupt),
    ) -> Result<Worktree, WorktreeError> {
        let names = RunOf {
            run: &name.to_string(),
            issue: name.issue(),
            branch: &name.branch(),
            salvage: ready.plan.limits.salvage,
            prepared: Duration::ZERO,
            earlier: None,
        };
        let halt = interrupt.halt();
        Worktree::create(state, self.repository, base, names, &ready.host, self.asked.waivers, &halt).await
    }

    /// Does the steps, and hands what they came to where it is compared.
    async fn act(
        &self,
        worktree: &mut Worktree,
        ready: &Ready,
        recorder: &mut Recorder,
        interrupt: &Interrupt,
    ) -> Result<(), Error> {
        let acted = run::act_out(worktree, &ready.plan, &ready.grants, recorder, interrupt);
        Box::pin(acted).await?;
        worktree.heed(&Halt::never());
        Ok(worktree.hand_aside(self.record.aside()).await?)
    }

    /// Removes all of it: nothing of a replay is worth keeping.
    fn clear(&self, worktree: Worktree, name: RunName, lock: Lock) -> Result<(), Error> {
        let removed = worktree.dir().discard_with_left();
        self.repository.unshare(&name.to_string())?;
        drop(lock);
        Ok(removed?)
    }
}
