//! The run of one issue, as a list: prepare → lock → list → decide → recover → begin or go on → carry out → close →
//! publish → let go.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use super::courier::Carrier;
use super::earlier::{self, Earlier};
use super::next::{self, Next};
use super::outcome::ASKED;
use super::plans::{Found, Shelf};
use super::rebase::{Rebasing, Whose};
use super::recover::{Closed, Kept, Picking, recover};
use super::{Ended, Error, Front, Note, Order, Outcome, Site, adopt, cached, ceiling, issue, publish};
use crate::evidence::RunState;
use crate::evidence::mask::Secrets;
use crate::evidence::{Files, Recorder};
use crate::plan::{Asked, Plan};
use crate::policy::HostFacts;
use crate::publish::Intent;
use crate::report;
use crate::run::{self, Checkout, Grants, Interrupt, Revising, Under};
use crate::worktree::{Base, Halt, Holder, Lock, Repository, State, Watched, Watching, WorktreeError};

/// Runs one issue from its plan to its closed evidence.
pub async fn run<F: Front>(
    order: &Order,
    repository: &Repository,
    interrupt: &Interrupt,
    front: &F,
) -> Result<Outcome, Error> {
    // All that a run holds while it waits is more than a caller wants on its stack.
    match Box::pin(whole(order, repository, interrupt, front)).await {
        Err(error) if error.is_halt() => {
            front.note(Note::BrokenOff(order.issue));
            Ok(Outcome::Interrupted(interrupt.heard().unwrap_or(ASKED)))
        }
        ran => ran,
    }
}

async fn whole<F: Front>(
    order: &Order,
    repository: &Repository,
    interrupt: &Interrupt,
    front: &F,
) -> Result<Outcome, Error> {
    let mut ready = prepare(order, repository, front).await?;
    let state = order.state()?;
    let mut lock = take_lock(&state, repository, order.issue, interrupt, front)?;
    let site = Site { state: &state, repository, host: &ready.host, waivers: &order.waivers };
    let call = Call { order, site, ready: &ready, interrupt, front };
    let mut earlier = earlier::all(site, order.issue, order.run)?;
    if call.is_elsewhere(&earlier)? {
        earlier = earlier::all(site, order.issue, order.run)?;
    }
    let next = call.decide(&mut earlier, &lock).await?;
    tracing::debug!(
        issue = order.issue,
        resume = order.resume,
        earlier = earlier.len(),
        next = next.word(),
        "decided"
    );
    if let Next::GoOn(last) = &next {
        run::hold_to_record(&mut ready.plan, &last.state.start);
    }
    let call = Call { order, site, ready: &ready, interrupt, front };
    let opened = match next {
        Next::Interrupted(signal) => return Ok(Outcome::Interrupted(signal)),
        Next::Stands(files, state) => {
            let closed = call.recover(earlier, &lock).await?;
            return call.stands(files, *state, closed);
        }
        Next::GoOn(last) => {
            call.recover(earlier, &lock).await?;
            call.go_on(*last, &mut lock).await?
        }
        Next::Begin => {
            call.recover(earlier, &lock).await?;
            call.begin(&mut lock).await?
        }
    };
    let Some(opened) = opened else {
        return Ok(Outcome::Interrupted(interrupt.heard().unwrap_or(ASKED)));
    };
    call.complete(opened, lock).await
}

/// What a run needs, before anything of it is begun.
pub(super) struct Ready {
    pub(super) plan: Plan,
    pub(super) base: Base,
    pub(super) host: HostFacts,
    pub(super) secrets: Secrets,
    pub(super) grants: BTreeMap<String, Grants>,
    pub(super) intent: Intent,
    pub(super) under: Under,
    /// The pull request that it goes on from, if it does.
    pub(super) revising: Option<Revising>,
    /// Where the plan was found: the files beside it are there for as long as this is.
    pub(super) _found: Option<Found>,
}

/// What carries out an order.
pub(super) struct Call<'a, F> {
    pub(super) order: &'a Order,
    pub(super) site: Site<'a>,
    pub(super) ready: &'a Ready,
    /// Tells when to end early; knows nothing yet of who asks this one run to stop.
    pub(super) interrupt: &'a Interrupt,
    pub(super) front: &'a F,
}

/// A run whose evidence is open.
pub(super) struct Opened {
    pub(super) recorder: Recorder,
    /// A worktree that could not be made is how the run ends.
    pub(super) worktree: Result<Checkout, WorktreeError>,
}

/// Finds out all that can be known beforehand: a run that cannot be right is not begun.
async fn prepare(order: &Order, repository: &Repository, front: &impl Front) -> Result<Ready, Error> {
    let (found, mut plan, asked) = load(order, repository, front)?;
    let mut base = repository.base(plan.base.as_deref())?;
    fit(&mut base, &plan, &asked)?;
    let empty = base.empty_submodules();
    if !empty.is_empty() {
        front.note(Note::EmptySubmodules(empty));
    }
    let secrets = Secrets::default();
    let held = (&mut plan, &asked);
    let Allowed { host, under, grants } = allow(order, repository, held, &secrets, front).await?;
    let intent = publish::intent(order, &plan, repository, &secrets).await?;
    if let Some(announced) = intent.announced(order.issue) {
        front.note(Note::Publishes(announced));
    }
    Ok(Ready { plan, base, host, secrets, grants, intent, under, revising: None, _found: Some(found) })
}

/// Takes of a base what a plan leaves out, and demands that it has what the plan asks for.
pub(super) fn fit(base: &mut Base, plan: &Plan, asked: &Asked) -> Result<(), WorktreeError> {
    base.leave_out(&plan.exclude);
    if plan.submodules {
        base.demand_submodules()?;
    }
    cached::demand(base, plan, asked)
}

/// What a plan gets on this host.
pub(super) struct Allowed {
    pub(super) host: HostFacts,
    pub(super) under: Under,
    pub(super) grants: BTreeMap<String, Grants>,
}

/// Holds a plan to this host and its ceilings, and gives its steps what they get.
pub(super) async fn allow(
    order: &Order,
    repository: &Repository,
    (plan, asked): (&mut Plan, &Asked),
    secrets: &Secrets,
    front: &impl Front,
) -> Result<Allowed, Error> {
    let mut host = order.host()?;
    let (under, lowered) = ceiling::under(&mut host, &order.waivers, (&mut *plan, asked))?;
    for lowered in lowered {
        front.note(Note::Lowered(lowered));
    }
    let (mut grants, warnings) = run::preflight(plan, &host, &order.waivers, secrets)?;
    for warning in warnings {
        front.note(Note::Warning(warning));
    }
    issue::attach(plan, repository, secrets, &mut grants).await?;
    Ok(Allowed { host, under, grants })
}

fn load(order: &Order, repository: &Repository, front: &impl Front) -> Result<(Found, Plan, Asked), Error> {
    let found = match &order.plan {
        Some(path) => Found::file(path.clone(), Some(order.issue)),
        None => Shelf::of(repository).issue(order.issue)?,
    };
    let loaded = found.load()?;
    for warning in loaded.warnings {
        front.note(Note::PlanWarning(warning));
    }
    let mut plan = loaded.plan;
    plan.serve_by(order.agent, order.provider.as_ref(), order.model.as_deref());
    Ok((found, plan, loaded.asked))
}

/// Takes the right to work on an issue. Where a run of another machine had it, that takes as long as its claim stands.
pub(super) fn take_lock(
    state: &State,
    repository: &Repository,
    issue: u64,
    interrupt: &Interrupt,
    front: &impl Front,
) -> Result<Lock, Error> {
    let (halt, tell) = (interrupt.at_once(), |watched: &Watched| front.note(Note::Watching(watched.clone())));
    let lock = state.hold(repository, issue, Some(Watching { halt: &halt, tell: &tell }))?;
    if let Some(Holder { pid, host, run, .. }) = &lock.taken_over {
        let host = (*host != state.host()).then(|| host.clone());
        front.note(Note::TookOver { pid: *pid, host, run: run.clone() });
    }
    Ok(lock)
}

impl<F: Front> Call<'_, F> {
    /// Takes an open run to its last word, and lets go of its issue.
    pub(super) async fn complete(&self, mut opened: Opened, lock: Lock) -> Result<Outcome, Error> {
        run::guard(&mut opened.recorder, &lock);
        let run = opened.recorder.files().run().to_string();
        let interrupt = self.asked(&lock, run);
        let mut recorder = Box::pin(self.carry_out(opened, &interrupt)).await?;
        Box::pin(publish::search(&mut recorder, self.site.repository, Some(&interrupt))).await?;
        self.close(&mut recorder)?;
        self.publish(&mut recorder, &interrupt, &lock).await?;
        drop(lock);
        Ok(Outcome::Ended(Box::new(Ended::of(&recorder, &interrupt)?)))
    }

    /// Hears also that the run of this name is asked to stop, and that it is not this process's any more.
    pub(super) fn asked(&self, lock: &Lock, run: String) -> Interrupt {
        let lost = lock.guard().map_or_else(Halt::never, |guard| guard.lost());
        self.interrupt.or_asked(lock.stop_file(), run, lost)
    }

    /// Makes the run that is to go on one of this machine, if it is not and the remote has it; whether that was so.
    fn is_elsewhere(&self, earlier: &[Earlier]) -> Result<bool, Error> {
        let Order { issue, resume, run, publish, .. } = *self.order;
        let is_here = run.map_or(!earlier.is_empty(), |run| earlier.iter().any(|own| own.run == run));
        if is_here || !resume || !publish || !self.ready.plan.publish.evidence {
            return Ok(false);
        }
        let (repository, plan) = (self.site.repository, &self.ready.plan);
        // Before anything of it is here: one that cannot go on here stays where it is.
        let demand = |state: &RunState| match run::unchanged(&state.start, plan, repository) {
            Err(why) if next::can_go_on(state) => Err(Error::refused(issue, why)),
            _ => Ok(()),
        };
        let name = run.map_or_else(|| issue.to_string(), |run| run.to_string());
        match adopt::to_go_on(repository, &name, &demand, &|note| self.front.note(note)) {
            Err(why) if self.order.or_new => self.anew(why).map(|_| false),
            adopted => adopted,
        }
    }

    /// Decides what the order means where these are the earlier runs; takes out the one that goes on.
    async fn decide(&self, earlier: &mut Vec<Earlier>, lock: &Lock) -> Result<Next, Error> {
        let plan = &self.ready.plan;
        if self.order.resume {
            let next = next::asked_for(plan, (self.order.run, self.site.repository), earlier, &|note| {
                self.front.note(note);
            })
            .and_then(|next| self.if_it_can(next, earlier));
            return next.or_else(|why| if self.order.or_new { self.anew(why) } else { Err(why) });
        }
        // A run that has no name yet is asked to stop by an empty one.
        let mut interrupt = self.asked(lock, String::new());
        Ok(next::offered(plan, self.site.repository, earlier, &mut interrupt, self.front).await)
    }

    /// Begins a new run instead of one that cannot go on. What is no fault of that run is one of this call.
    fn anew(&self, why: Error) -> Result<Next, Error> {
        if !matches!(
            why,
            Error::Changed { .. }
                | Error::NewPlan { .. }
                | Error::Broken { .. }
                | Error::Worktree(WorktreeError::Refused { .. })
        ) {
            return Err(why);
        }
        self.front.note(Note::Anew { issue: self.order.issue, why: Box::new(why) });
        Ok(Next::Begin)
    }

    /// Demands of a run that is to go on that it can, before anything of it is touched; one that cannot is put back.
    fn if_it_can(&self, next: Next, earlier: &mut Vec<Earlier>) -> Result<Next, Error> {
        let Next::GoOn(last) = next else { return Ok(next) };
        if let Err(why) = self.can_go_on(&last) {
            earlier.push((*last).into());
            return Err(why);
        }
        Ok(Next::GoOn(last))
    }

    /// Picks up what dead runners left.
    pub(super) async fn recover(&self, earlier: Vec<Earlier>, lock: &Lock) -> Result<Vec<Closed>, Error> {
        let publishing = self.order.publish.then_some(self.interrupt);
        let halt = &self.interrupt.halt();
        let picking = Picking { kept: Kept::Stays, publishing, halt, secrets: &self.ready.secrets, lock };
        recover(self.site, self.order.issue, earlier, picking, &|note| self.front.note(note)).await
    }

    /// Tells what became of a run that does not go on; it may have been closed just now.
    fn stands(&self, files: Files, state: RunState, closed: Vec<Closed>) -> Result<Outcome, Error> {
        let now = closed.into_iter().find(|closed| closed.run == files.run());
        let state = now.map_or(state, |closed| closed.state);
        Ok(Outcome::Stands(Box::new(Ended::new(files, state, self.interrupt)?)))
    }

    /// Runs the steps, takes the work out, removes the worktree.
    async fn carry_out(&self, opened: Opened, interrupt: &Interrupt) -> Result<Recorder, Error> {
        let Opened { mut recorder, worktree } = opened;
        if let Some(missing) = worktree.as_ref().ok().and_then(|made| made.worktree().lfs_files().missing()) {
            self.front.note(Note::MissingContent(missing));
        }
        let (plan, grants, ending) = (&self.ready.plan, &self.ready.grants, self.order.ending);
        let courier = Carrier { repository: self.site.repository, publishes: self.order.publish };
        let how = (ending, &courier as &dyn run::Courier);
        let whole = run::carry_out(worktree, plan, grants, &mut recorder, interrupt, how);
        // Its future is by far the largest.
        Box::pin(whole).await?;
        Ok(recorder)
    }

    /// Writes the reports and closes the evidence.
    fn close(&self, recorder: &mut Recorder) -> Result<(), Error> {
        let today = crate::publish::today(self.site.repository, recorder.state());
        report::close(recorder, today.as_ref())?;
        Ok(self.site.repository.hand_over(&recorder.files().all())?)
    }

    /// Publishes, if that is wanted.
    async fn publish(
        &self,
        recorder: &mut Recorder,
        interrupt: &Interrupt,
        lock: &Lock,
    ) -> Result<(), Error> {
        if !self.order.publish {
            return Ok(());
        }
        let note = |note| self.front.note(note);
        let with = Rebasing {
            site: self.site,
            lock,
            interrupt,
            whose: Whose::Own,
            note: &note,
            under_way: AtomicBool::new(false),
        };
        publish::at_the_end(recorder, &with).await
    }
}
