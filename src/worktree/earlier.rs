//! Going on with a run whose runner died or was interrupted: what it left is its directory, or, where that is
//! gone, its branch and its salvage bundle.

use super::changes::Snapshot;
use super::checkout::{BaseFacts, Ground, Ledger, Worktree};
use super::checkpoint::{Checkpoint, message};
use super::confined::ConfinedGit;
use super::error::WorktreeError;
use super::gitdirs::{self, Lent};
use super::layout::RESULT;
use super::part::Part;
use super::repository::Repository;
use super::rundir::{Record, RunDir};
use super::scripts::{DESCRIBE, GO_ON, TAKE_UP, TELL, UNLOCK};
use super::tree::{self, ObjectFormat};
use crate::git::{Oid, RefName};
use crate::plan::{Glob, Wrong};
use crate::policy::{HostFacts, Waivers};

impl RunDir {
    /// Demands what a worktree is taken up with.
    pub fn demand_whole(&self) -> Result<(), WorktreeError> {
        // A runner may have died while it looked whether the worktree could go.
        self.put_back_worktree()?;
        let needed = [self.checkpoints().join(RESULT), self.worktree()];
        let Some(missing) = needed.iter().find(|path| !path.exists()) else { return Ok(()) };
        let place = self.path().display();
        Err(WorktreeError::refused(
            format!("{} is gone, and what else is in {place} may be saved nowhere", missing.display()),
            format!("look through it, remove {place}, and run again"),
        ))
    }
}

impl Worktree {
    /// Opens what a dead runner left of a worktree that was whole, at the last checkpoint that was recorded: one that
    /// was made and not recorded is to be adopted, or salvaged.
    pub async fn take_up(
        dir: RunDir,
        record: &Record,
        last: Option<&str>,
        repository: &Repository,
        host: &HostFacts,
        waivers: &Waivers,
    ) -> Result<Self, WorktreeError> {
        dir.demand_whole()?;
        let mut git = ConfinedGit::new(&dir, host, waivers, repository)?;
        let mut base = repository.resolve(Some(record.base.as_str()))?;
        base.leave_out(&left_out(record)?);
        let lent = gitdirs::regain(&dir, repository, &base)?;
        let borrowed = Vec::from_iter(lent.is_some().then(|| dir.objects()));
        git.read_also(&borrowed);
        git.take_possession(&dir)?;
        let last = last.map_or_else(|| Ok(record.base.clone()), Oid::parse)?;
        let told = tell(&git, &[UNLOCK, TAKE_UP].concat(), &record.base, &last).await?;
        let facts = BaseFacts::of(&base)?;
        let snapshot = told.snapshot(&facts.parts, record.salvage, repository.format);
        let ledger = told.ledger(&record.base, &last);
        let ground = Ground { dir, record: record.clone(), git, borrowed };
        let mut worktree = Self::on(ground, repository, facts, snapshot, ledger)?;
        if let Some(Lent::Elsewhere(before)) = lent {
            worktree.lend_instead(&before)?;
        }
        worktree.fill_all().await?;
        Ok(worktree)
    }

    /// Goes on from what was fetched of an earlier part of the run.
    pub(super) async fn go_on(&mut self, last: &Oid) -> Result<(), WorktreeError> {
        let told = tell(&self.git, GO_ON, &self.ledger.base, last).await?;
        self.snapshot = told.snapshot(&self.base.parts, self.saving.left, self.repository.format);
        self.snapshot.believe(&self.root, &self.base.rules, true)?;
        self.ledger = told.ledger(&self.ledger.base, last);
        Ok(())
    }

    /// Takes the checkpoint that the dead runner had made and not recorded for its own: if its message is the
    /// one that this checkpoint would have, and the worktree still is what it holds.
    pub async fn adopt(
        &mut self,
        subject: &str,
        trailers: &[(&str, &str)],
    ) -> Result<Option<Checkpoint>, WorktreeError> {
        let Some(found) = self.ledger.unrecorded.take() else { return Ok(None) };
        let described = self.git.script("describe", DESCRIBE, &[("FOUND", (&found).into())]).await;
        // A commit that cannot be read, perhaps because power was lost, is none.
        let Ok(described) = described else { return Ok(None) };
        let text = String::from_utf8_lossy(&described).into_owned();
        let mut lines = text.splitn(3, '\n');
        let (parent, tree, said) = (lines.next(), lines.next(), lines.next().unwrap_or_default());
        let tree = tree.filter(|_| parent == Some(self.ledger.last.as_str())).map(Oid::parse);
        let Some(Ok(tree)) = tree else { return Ok(None) };
        if said.trim_end() != message(subject, trailers).trim_end() {
            return Ok(None);
        }
        match self.checkpoint_of(Some(&tree), subject, trailers).await {
            Ok(made) => Ok(made),
            // Another state than the commit's is what an attempt left: to be salvaged.
            Err(WorktreeError::Unfit(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Returns what the plan of a run leaves out, as the run's own record has it.
fn left_out(record: &Record) -> Result<Vec<Glob>, WorktreeError> {
    let read = |text: &String| {
        let no_pattern = |wrong: Wrong| {
            let what =
                format!("the record of the run {}: `{text}` of `exclude` {}", record.run, wrong.message);
            WorktreeError::refused(what, wrong.hint)
        };
        Glob::new(text).map_err(no_pattern)
    };
    record.exclude.iter().map(read).collect()
}

/// What the runner's git directory holds.
struct Told {
    found: Option<Oid>,
    commits: u64,
    salvaged: Vec<RefName>,
    entries: Vec<tree::Entry>,
}

impl Told {
    /// Takes over the commits that it tells of; one that the journal does not know is not recorded.
    fn ledger(self, base: &Oid, last: &Oid) -> Ledger {
        Ledger {
            base: base.clone(),
            last: last.clone(),
            commits: self.commits,
            bytes: 0,
            unrecorded: self.found.filter(|found| found != last),
            salvaged: self.salvaged,
        }
    }

    /// Takes the last checkpoint's files, and those of the submodules, none of them seen yet.
    fn snapshot(&self, parts: &[Part], largest: u64, format: ObjectFormat) -> Snapshot {
        let own = self.entries.iter().filter(|entry| entry.held.mode != tree::GITLINK).cloned();
        let all = own.chain(parts[1..].iter().flat_map(Part::files));
        Snapshot::of(all, parts, largest, format)
    }
}

async fn tell(git: &ConfinedGit, script: &str, base: &Oid, last: &Oid) -> Result<Told, WorktreeError> {
    let variables = [("BASE", base.into()), ("RESULT", RESULT.into()), ("LAST", last.into())];
    let told = git.script("take up", &format!("{script}{TELL}"), &variables).await?;
    let (head, listing) = told
        .windows(2)
        .position(|pair| pair == b"\n\n")
        .map(|at| (String::from_utf8_lossy(&told[..at]).into_owned(), &told[at + 2..]))
        .ok_or_else(|| WorktreeError::garbled("take up"))?;
    let mut lines = head.lines();
    Ok(Told {
        found: lines.next().filter(|line| *line != "none").map(Oid::parse).transpose()?,
        commits: lines.next().and_then(|line| line.parse().ok()).unwrap_or_default(),
        salvaged: lines.map(RefName::parse).collect::<Result<_, _>>()?,
        entries: tree::parse(listing)?,
    })
}
