//! What is told on the way, and who is told it: values, of which the caller makes sentences.

use std::any::Any;
use std::io;
use std::path::PathBuf;

use chrono::{DateTime, Utc};

use super::Error;
use crate::evidence::{RunName, Token, Watch};
use crate::git::Oid;
use crate::plan::{Fault, Plan};
use crate::policy::Lowered;
use crate::publish::Announced;
use crate::worktree::{Meter, Watched, WorktreeError};

/// The side of a run that faces people: it is told, asked, and shown what happens.
pub trait Front {
    /// Hears of something worth a word.
    fn note(&self, note: Note);

    /// Asks whether a crashed run goes on; nothing where nobody is there to answer.
    fn ask(&self, crashed: &Crashed) -> Option<impl Future<Output = bool>>;

    /// Shows that a run of this plan is being prepared, until what it returns first is dropped; the other hears how far
    /// that is.
    fn preparing(&self, plan: &Plan) -> (Box<dyn Any>, Meter) {
        let _ = plan;
        (Box::new(()), Meter::none())
    }

    /// Makes what sees the events of the run of this plan.
    fn watch(&self, plan: &Plan) -> Box<dyn Watch>;
}

/// Something worth a word.
#[derive(Debug)]
pub enum Note {
    /// The plan is valid, and perhaps not meant so.
    PlanWarning(Fault),
    /// This host, or what it hands to the steps, is perhaps not meant so.
    Warning(String),
    /// A bound of the plan was lowered to a ceiling of this host.
    Lowered(Lowered),
    /// The lock of a process that is gone was taken over.
    TookOver {
        /// The process.
        pid: u32,
        /// Its machine, if that is another one.
        host: Option<String>,
        /// Its run; empty if it had none yet.
        run: String,
    },
    /// A run of another machine has claimed the issue: it is watched whether that lives.
    Watching(Watched),
    /// A record that is trusted has a step reach the network.
    Reaches {
        /// The step.
        step: String,
        /// What of it.
        what: String,
    },
    /// A run is not on this machine, and is taken as the remote has it.
    Fetched {
        /// The run.
        run: RunName,
        /// The remote.
        remote: String,
    },
    /// A run of another machine is one of this machine from here on.
    Adopted {
        /// The run.
        run: RunName,
        /// The remote that its evidence is from.
        remote: String,
        /// The machine that it began on, as its evidence says.
        host: String,
        /// When the last of it happened.
        last: DateTime<Utc>,
    },
    /// Others have put commits on the branch that is revised: code of strangers.
    OthersCommits {
        /// The branch.
        branch: String,
        /// What the run had pushed is not on it any more.
        rewrote: bool,
    },
    /// What of the run leaves the machine.
    Publishes(Announced),
    /// There is no run to go on with.
    First {
        /// The issue.
        issue: u64,
    },
    /// The last run cannot go on, and a new one begins, as it was asked for.
    Anew {
        /// The issue.
        issue: u64,
        /// Why.
        why: Box<Error>,
    },
    /// The last run crashed and could go on; nobody was asked.
    Crashed(Crashed),
    /// A signal came instead of an answer.
    Unanswered,
    /// Submodules of the base are empty folders: they are not checked out here.
    EmptySubmodules(Vec<String>),
    /// Files of Git LFS lack their content.
    MissingContent(String),
    /// A directory without a record was found.
    Abandoned {
        /// The directory.
        path: PathBuf,
        /// What became of it.
        became: Discarded,
    },
    /// A run had died before its first event, and is cleared away.
    NeverBegan(RunName),
    /// A run without a journal left something that no bundle can hold.
    Unjournaled {
        /// The run.
        run: RunName,
        /// What stays.
        left: PathBuf,
    },
    /// A run cannot be picked up, since its journal was changed.
    Broken {
        /// The run.
        run: RunName,
        /// Where it stays.
        place: PathBuf,
        /// What is wrong with the journal.
        error: io::Error,
    },
    /// A run was picked up.
    PickedUp(PickedUp),
    /// What follows the steps took too long for whoever asked to stop, and was broken off: the run of this issue is as
    /// after a crash.
    BrokenOff(u64),
    /// What no bundle can hold was removed.
    AsideRemoved(Aside),
    /// The base of a run that is gone is not pinned any more.
    Unpinned(RunName),
    /// The base of a run has moved on the remote: the run is replayed there before it is pushed.
    Rebasing {
        /// The run.
        run: RunName,
        /// The base.
        base: String,
        /// Where it is by now.
        onto: Oid,
    },
    /// Publishing came to no end.
    Unpublished {
        /// The run.
        run: RunName,
        /// Why.
        why: Unpublished,
    },
}

/// A run that crashed and can go on.
#[derive(Debug, Clone)]
pub struct Crashed {
    /// Its issue.
    pub issue: u64,
    /// The run.
    pub run: Token,
    /// Steps that passed.
    pub passed: usize,
    /// All steps.
    pub steps: usize,
}

/// What became of a directory without a record.
#[derive(Debug)]
pub enum Discarded {
    /// It is cleared away.
    Gone,
    /// This stays of it.
    Left(PathBuf),
    /// It cannot be removed.
    Stays(WorktreeError),
}

/// A run that was picked up.
#[derive(Debug)]
pub struct PickedUp {
    /// The run.
    pub run: RunName,
    /// It had no end; otherwise it had left something behind.
    pub crashed: bool,
    /// The branch that holds its checkpoints (full ref).
    pub branch: Option<String>,
    /// What it was at is in its salvage bundle.
    pub salvaged: bool,
    /// What stays of its worktree, and why.
    pub stays: Option<(String, String)>,
}

/// What no bundle can hold of a run.
#[derive(Debug)]
pub struct Aside {
    /// The run.
    pub run: RunName,
    /// Where it was moved to.
    pub place: PathBuf,
    /// The list of it, relative to the checkout.
    pub list: String,
}

/// Why publishing came to no end.
#[derive(Debug)]
pub enum Unpublished {
    /// A signal came.
    BrokenOff,
    /// The journal could not be written.
    Failed(io::Error),
}
