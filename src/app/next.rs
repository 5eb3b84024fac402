//! Takes the earlier runs of an issue, gives what an order means: begin a new run, go on with the last, or nothing.

use std::io;

use super::earlier::{Begun, Earlier, Journal};
use super::{Crashed, Error, Front, Note, runs};
use crate::evidence::{Files, RunName, RunState};
use crate::plan::Plan;
use crate::run::{self, Changed, Interrupt};
use crate::worktree::Repository;

/// What is to be done about an issue.
#[derive(Debug)]
pub(super) enum Next {
    /// A new run.
    Begin,
    /// The last run goes on.
    GoOn(Box<Begun>),
    /// The last run has come to its own end, which stands.
    Stands(Files, Box<RunState>),
    /// Whoever was asked ended it all, by this signal.
    Interrupted(i32),
}

impl Next {
    /// Says it in a word.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Begin => "begin a run",
            Self::GoOn(_) => "go on with the last run",
            Self::Stands(..) => "the last run stands",
            Self::Interrupted(_) => "interrupted",
        }
    }
}

/// Tells what an order to go on with the last run, or the one that is named, means where these are the earlier runs; takes
/// out the one that goes on.
pub(super) fn asked_for(
    plan: &Plan,
    (named, repository): (Option<RunName>, &Repository),
    earlier: &mut Vec<Earlier>,
    note: &dyn Fn(Note),
) -> Result<Next, Error> {
    let issue = plan.issue;
    if let Some(run) = named {
        let Some(at) = earlier.iter().position(|one| one.run == run) else {
            return Err(runs::none(repository, Some(&run.to_string()))?);
        };
        // Behind all others, where the last one is expected.
        let named = earlier.remove(at);
        earlier.push(named);
    }
    let Some(last) = earlier.pop() else {
        note(Note::First { issue });
        return Ok(Next::Begin);
    };
    let last = match last.begun() {
        Ok(last) => last,
        Err(last) => {
            if let Journal::Broken(error) = &last.journal {
                let error = io::Error::new(error.kind(), error.to_string());
                let run = last.run;
                earlier.push(*last);
                return Err(Error::Broken { run, error });
            }
            // It died before its first event: there is nothing to go on with.
            earlier.push(*last);
            return Ok(Next::Begin);
        }
    };
    if can_go_on(&last.state) {
        return Ok(Next::GoOn(last));
    }
    let run = last.state.start.run.clone();
    // Its plan is made of the record, and no file that could have been changed.
    if last.state.start.revises.is_some() {
        earlier.push((*last).into());
        return Err(Error::Changed { issue, changed: Changed::Revision { run } });
    }
    if last.state.start.plan_sha256.as_str() != plan.digest {
        earlier.push((*last).into());
        return Err(Error::NewPlan { issue, run });
    }
    let stands = Next::Stands(last.files.clone(), last.state.clone());
    earlier.push((*last).into());
    Ok(stands)
}

/// Offers to go on with a run that crashed, where somebody is there to answer, and takes it out if so; says how where
/// nobody is. Until the answer is there, the interrupt ends it.
pub(super) async fn offered(
    plan: &Plan,
    repository: &Repository,
    earlier: &mut Vec<Earlier>,
    interrupt: &mut Interrupt,
    front: &impl Front,
) -> Next {
    let last = match earlier.pop().map(Earlier::begun) {
        None => return Next::Begin,
        Some(Ok(last)) => last,
        Some(Err(last)) => {
            earlier.push(*last);
            return Next::Begin;
        }
    };
    let is_unchanged = |state: &RunState| run::unchanged(&state.start, plan, repository).is_ok();
    let can_go_on = !last.state.closed && can_go_on(&last.state) && is_unchanged(&last.state);
    let agreed = if can_go_on { ask(&last.state, interrupt, front).await } else { Ok(false) };
    match agreed {
        Err(signal) => Next::Interrupted(signal),
        Ok(true) => Next::GoOn(last),
        Ok(false) => {
            earlier.push((*last).into());
            Next::Begin
        }
    }
}

/// Asks whether a crashed run goes on, if anybody is there to be asked; the signal that came instead is an error.
async fn ask(state: &RunState, interrupt: &mut Interrupt, front: &impl Front) -> Result<bool, i32> {
    let crashed = Crashed {
        issue: state.start.issue,
        run: state.start.run.clone(),
        passed: state.passed(),
        steps: state.steps.len(),
    };
    let Some(answer) = front.ask(&crashed) else {
        front.note(Note::Crashed(crashed));
        return Ok(false);
    };
    tokio::select! {
        biased;
        signal = interrupt.wait() => {
            front.note(Note::Unanswered);
            Err(signal)
        }
        agreed = answer => Ok(agreed),
    }
}

/// Tells whether what ended a run, if anything did, was no fault of its steps.
pub fn can_go_on(state: &RunState) -> bool {
    let end = state.end.as_ref();
    end.is_none_or(|end| run::can_go_on(end.result, end.reason.as_ref().map(|reason| reason.kind)))
}
