//! Takes an age and a number, gives the room that old runs take: their evidence and their branches go. Never what is neither
//! merged nor pushed, and nothing before it was only told.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::{Error, runs};
use crate::evidence::{Files, RunName, RunState};
use crate::worktree::{LockError, Repository, RunDir, Spent, State};

/// Which runs go.
#[derive(Debug, Clone, Copy)]
pub struct Pruning {
    /// Only older ones.
    pub older: Duration,
    /// So many of each issue stay, the latest.
    pub keep: usize,
    /// Nothing is touched, only told.
    pub dry_run: bool,
}

/// What becomes of an old run.
#[derive(Debug)]
pub enum Pruned {
    /// It goes, or would go: the files of its evidence, and its branch with the ref that has the same.
    Goes {
        /// The run.
        run: RunName,
        /// Files.
        files: usize,
        /// The branch, and where what is on it is, too.
        branch: Option<(String, String)>,
    },
    /// It stays, for this reason.
    Stays {
        /// The run.
        run: RunName,
        /// Why.
        why: String,
    },
}

/// Prunes the runs of a checkout, the oldest first, and tells what becomes of each that is old.
pub fn prune(
    repository: &Repository,
    state: &State,
    pruning: Pruning,
    tell: &mut dyn FnMut(Pruned),
) -> Result<(), Error> {
    for run in old(repository, pruning)? {
        let lock = match state.hold(repository, run.issue(), None) {
            Ok(lock) => lock,
            Err(LockError::Held { .. } | LockError::Claimed { .. }) => {
                tell(Pruned::Stays { run, why: "its issue is being run".to_owned() });
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        tell(one(repository, state, run, pruning.dry_run)?);
        drop(lock);
    }
    Ok(())
}

/// Lists the runs that are old, and not of the latest of their issue.
fn old(repository: &Repository, pruning: Pruning) -> Result<Vec<RunName>, Error> {
    let all = runs::of(repository, None)?;
    let later =
        |run: &RunName| all.iter().filter(|other| other.issue() == run.issue() && *other > run).count();
    let is_old = |run: &RunName| {
        let age = (chrono::Utc::now() - run.started()).to_std().unwrap_or_default();
        age >= pruning.older && later(run) >= pruning.keep
    };
    Ok(all.iter().copied().filter(is_old).collect())
}

fn one(repository: &Repository, state: &State, run: RunName, dry_run: bool) -> Result<Pruned, Error> {
    let files = Files::of(&repository.toplevel, run);
    let stays = |why: &str| Ok(Pruned::Stays { run, why: why.to_owned() });
    let known = match files.read() {
        Ok(Some(known)) if known.closed => known,
        Ok(_) => return stays("it has no end yet"),
        Err(error) => return stays(&format!("its journal cannot be read: {error}")),
    };
    if let Some(why) = holds_work(repository, state, &files, &known)? {
        return stays(&why);
    }
    let branch = match &known.branch {
        None => None,
        Some(made) => match repository.spent(made.name())? {
            Spent::Gone => None,
            Spent::Nowhere => return stays(&format!("{} is neither merged nor pushed", made.name())),
            Spent::CheckedOut(place) => {
                return stays(&format!("{} is checked out at {}", made.name(), place.display()));
            }
            Spent::On { reference, commit } => {
                if !dry_run {
                    repository.remove_branch(made.name(), &commit)?;
                }
                Some((made.name().to_owned(), reference))
            }
        },
    };
    let gone = remove(&files, dry_run).map_err(Error::System)?;
    Ok(Pruned::Goes { run, files: gone, branch })
}

/// Says what of a run is nowhere but in its evidence.
fn holds_work(
    repository: &Repository,
    state: &State,
    files: &Files,
    known: &RunState,
) -> Result<Option<String>, Error> {
    if files.salvage().symlink_metadata().is_ok() || files.not_salvaged().symlink_metadata().is_ok() {
        return Ok(Some("it has a salvage, which is nowhere else".to_owned()));
    }
    if !known.to_publish().is_empty() {
        return Ok(Some(format!("it is to be published yet: autopilot publish {}", files.run())));
    }
    let name = files.run().to_string();
    let dirs = if state.root().is_dir() { RunDir::of(state, &repository.common_dir)? } else { Vec::new() };
    let has_dir = dirs.iter().any(|(_, record)| record.run == name);
    Ok(has_dir.then(|| "it has a directory: autopilot clean".to_owned()))
}

/// Removes the files of a run, its journal last: until then it is known, and pruned again.
fn remove(files: &Files, dry_run: bool) -> io::Result<usize> {
    let kept = [files.checkpoints(), files.provenance(), files.journal()];
    let all = [files.log(), files.summary(), files.failed()].into_iter().chain(kept).collect::<Vec<_>>();
    let there: Vec<&Path> =
        all.iter().map(|file| &**file).filter(|file| file.symlink_metadata().is_ok()).collect();
    for file in there.iter().filter(|_| !dry_run) {
        std::fs::remove_file(file)?;
    }
    Ok(there.len())
}
