//! Takes evidence and a repository, gives findings: PASS or FAIL. Trusts neither runner nor step: it reads the raw
//! bytes for itself, follows no link, and takes nothing on anybody's word (`docs/audit.md`).
//!
//! ```text
//! journal ─ lines, one by one ─→ story ─→ steps, policy, seal, head ┐
//! log, reports, salvage ─ once ─→ digests, secrets ─────────────────┼─→ checks
//! repository, state directory, processes ───────────────────────────┘
//! ```

mod cached;
mod ceiling;
mod code;
mod content;
mod files;
mod finding;
mod heads;
mod journal;
mod leftovers;
mod log;
mod one;
pub mod online;
mod place;
mod plan;
mod policy;
mod provenance;
mod remotes;
mod reports;
mod repository;
mod salvage;
mod same;
mod spelled;
mod story;
mod stray;
mod strings;
mod told;
mod whole;

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

pub use ceiling::Ceilings;
pub use code::Code;
pub use finding::{Check, Checked, Finding, Outcome, Report, RunReport};
pub use heads::Heads;

use crate::evidence::mask::Secrets;
use crate::evidence::{Files, RunName};
use crate::worktree::{Repository, State, WorktreeError};
use cached::Caches;
use files::Modes;
use one::One;
use place::Top;
use repository::Known;
use story::Story;

/// What an audit may look at.
#[derive(Debug, Clone, Copy)]
pub struct Audit<'a> {
    /// The folder that holds `.ai/logs`.
    pub top: &'a Path,
    /// The repository and the state directory of this host; nothing where only evidence is at hand.
    pub host: Option<Host<'a>>,
    /// Values that must be nowhere, beside whatever looks like a secret.
    pub secrets: &'a Secrets,
    /// Heads that are known from elsewhere.
    pub heads: Option<&'a Heads>,
}

/// Where runs were made.
#[derive(Debug, Clone, Copy)]
pub struct Host<'a> {
    /// The repository.
    pub repository: &'a Repository,
    /// The state directory.
    pub state: &'a State,
    /// What no plan may exceed here now, if that is said and can be read.
    pub ceilings: Option<Ceilings<'a>>,
}

/// Which runs are audited.
#[derive(Debug, Clone)]
pub enum Scope {
    /// These.
    Runs(Vec<RunName>),
    /// All there are, and that there are no traces of others.
    All,
}

impl Audit<'_> {
    /// Audits runs and, where the host is known, what they left behind. An error means that not even the
    /// folder of the evidence can be read.
    pub fn run(&self, scope: &Scope) -> io::Result<Report> {
        let there = Files::runs(self.top)?;
        let runs = match scope {
            Scope::Runs(runs) => runs.clone(),
            Scope::All => there.clone(),
        };
        let top = Top::open(self.top)?;
        let audited = self.evidence_of(&top, &runs);
        let mut report = Report::default();
        let stories = || audited.iter().filter_map(|one| Some((one.report.run, one.story.as_ref()?)));
        let known = self.host.map(|host| Known::ask(host.repository, stories().map(|(_, story)| story)));
        let caches = Caches::of(stories());
        for One { report: mut run, story } in audited {
            let foreign = story.iter().flat_map(|story| caches.check(story)).collect();
            run.add(Check::Steps, foreign);
            let checked = repository(known.as_ref(), story.as_ref(), &mut run);
            run.checks.push(checked);
            report.runs.push(run);
        }
        let known = known.as_ref().and_then(|known| known.as_ref().ok());
        report.whole = self.whole(scope, &there, known, &mut report.notes);
        tracing::debug!(runs = report.runs.len(), of = there.len(), host = self.host.is_some(), "audited");
        Ok(report)
    }

    /// Audits the evidence of runs, as many at a time as there are processors.
    fn evidence_of(&self, top: &Top, runs: &[RunName]) -> Vec<One> {
        let modes = if self.host.is_some() { Modes::Checked } else { Modes::Lost };
        let one = |run: &RunName| {
            let files = Files::of(self.top, *run);
            one::audit(top, &files, self.secrets, self.heads, modes, self.host.and_then(|host| host.ceilings))
        };
        let workers = std::thread::available_parallelism().map_or(1, usize::from).min(runs.len());
        if workers <= 1 {
            return runs.iter().map(one).collect();
        }
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(run) = runs.get(at) else { return done };
                done.push(one(run));
            }
        };
        let mut all: Vec<One> = std::thread::scope(|scope| {
            let handles: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
            handles
                .into_iter()
                .flat_map(|handle| handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        all.sort_by_key(|one| one.report.run);
        all
    }
}

/// Compares what a run claims with the repository, where there is one and the run can be believed.
fn repository(
    known: Option<&Result<Known<'_>, WorktreeError>>,
    story: Option<&Story>,
    run: &mut RunReport,
) -> Checked {
    match (known, story) {
        (None, story) => {
            run.notes.extend(story.and_then(remotes::unknown));
            Checked::not(Check::Repository, "--evidence-only: no base, branch or commit was looked at")
        }
        (Some(_), None) => Checked::not(Check::Repository, "the journal does not hold"),
        (Some(Ok(known)), Some(story)) => known.check(story, run.run, &mut run.notes),
        (Some(Err(error)), Some(_)) => {
            let unreadable = Finding::new(Code::RepositoryUnreadable, "answers of git", error.to_string());
            Checked::of(Check::Repository, vec![unreadable], "")
        }
    }
}
