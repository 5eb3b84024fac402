//! Does a record again: its plan held to its author, a worktree of its own, evidence that goes with it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::record::Record;
use crate::app::error::FORGED;
use crate::app::{Error, Front, Note, Site, ceiling, plans};
use crate::evidence::event::{Publishing, ReasonKind, RunResult};
use crate::evidence::mask::Secrets;
use crate::evidence::state::End;
use crate::evidence::{Claim, Recorder, RunName, RunState};
use crate::plan::Plan;
use crate::policy::{self, HostFacts, Origin, Trust};
use crate::run::{self, Grants, Interrupt, Under};
use crate::sandbox;
use crate::worktree::{Base, Halt, Lock, RunOf, Worktree, WorktreeError};

/// A replay to be done.
pub(in crate::app) struct Doing<'a, F> {
    pub(in crate::app) site: Site<'a>,
    /// Who wrote the plan of the record, and whether it may reach the network.
    pub(in crate::app) origin: Origin,
    pub(in crate::app) trust: Trust,
    pub(in crate::app) interrupt: &'a Interrupt,
    pub(in crate::app) front: &'a F,
    /// The right to work on its issue.
    pub(in crate::app) lock: &'a Lock,
    pub(in crate::app) record: &'a Record<'a>,
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
    pub(in crate::app) async fn go(&self, mut base: Base) -> Result<Option<RunState>, Error> {
        let ready = self.prepare()?;
        base.leave_out(&ready.plan.exclude);
        if ready.plan.submodules {
            base.demand_submodules()?;
        }
        let mut recorder = self.recorder(&base, &ready)?;
        let name = recorder.files().run();
        let interrupt = self.interrupt.or_asked(self.lock.stop_file(), name.to_string(), Halt::never());
        let worktree = self.worktree(&base, &ready, (name, &interrupt)).await;
        let mut worktree = match worktree {
            Err(error) if error.is_halt() => return Ok(None),
            worktree => worktree?,
        };
        let done = self.act(&mut worktree, &ready, &mut recorder, &interrupt).await;
        let gone = self.clear(worktree, name);
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
    fn prepare(&self) -> Result<Ready, Error> {
        let run = self.record.run();
        let refuse = |why: String, hint: String| Error::Unreplayable { run, why, hint };
        let none = || refuse("its recorded plan cannot be read: it is no plan".to_owned(), FORGED.to_owned());
        let text = self.record.plan().ok_or_else(none)?;
        let by = (self.origin, self.trust);
        let mut loaded = plans::of_record(&text, self.record.folder(), run, by, refuse)?;
        if self.origin == Origin::Record {
            for (step, what) in policy::reached(&loaded.plan) {
                self.front.note(Note::Reaches { step, what });
            }
        }
        let mut host = self.site.host.clone();
        host.own
            .extend(sandbox::with_real([self.site.state.root().to_owned(), self.record.folder().to_owned()]));
        let plan = (&mut loaded.plan, &loaded.asked);
        let (under, _) = ceiling::under(&mut host, self.site.waivers, plan)?;
        let secrets = Secrets::default();
        let (grants, warnings) = run::preflight(&loaded.plan, &host, self.site.waivers, &secrets)?;
        for warning in warnings {
            self.front.note(Note::Warning(warning));
        }
        Ok(Ready { plan: loaded.plan, grants, secrets, host, under })
    }

    /// Opens evidence of its own for the replay, where nobody looks for any: it goes with the record's folder.
    fn recorder(&self, base: &Base, ready: &Ready) -> Result<Recorder, Error> {
        let watch = self.front.watch(&ready.plan);
        // The folder of the run itself may still be there.
        let taken = |run: RunName| run == self.record.run();
        let top = self.record.folder().join("evidence");
        std::fs::create_dir_all(&top)?;
        let claim = Claim::new(&top, ready.plan.issue, &taken, &ready.secrets, watch)?;
        let nothing = Publishing { repository: None, effects: Vec::new(), hindered: None, login: None };
        let (plan, grants) = (&ready.plan, &ready.grants);
        Ok(run::begin(
            claim,
            plan,
            (base, false),
            self.site.repository,
            grants,
            (nothing, None),
            &ready.under,
        )?)
    }

    async fn worktree(
        &self,
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
        let Site { state, repository, waivers, .. } = self.site;
        Worktree::create(state, repository, base, names, &ready.host, waivers, &halt).await
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
    fn clear(&self, worktree: Worktree, name: RunName) -> Result<(), Error> {
        let removed = worktree.dir().discard_with_left();
        self.site.repository.unshare(&name.to_string())?;
        Ok(removed?)
    }
}
