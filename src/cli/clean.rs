//! `autopilot clean`: what dead runners left is saved, and then removed.

use std::collections::BTreeSet;
use std::path::Path;

use super::exit::{Exit, Failure};
use super::leftovers::{self, Earlier, Kept, Left, Picking, Scene};
use super::{output, target};
use crate::evidence::mask::Secrets;
use crate::evidence::{Files, RunName};
use crate::policy::{Waiver, Waivers};
use crate::worktree::{LockError, Repository, RunDir, State};

/// Save and remove what runs of this repository left that crashed.
#[derive(Debug, clap::Args)]
pub(super) struct CleanArgs {
    /// Only say what there is to do.
    #[arg(long)]
    dry_run: bool,
    /// Also remove worktrees that were kept, once what is in them is saved; and what no bundle can hold, for good.
    #[arg(long)]
    kept: bool,
    /// A protection to go without where this host cannot give it: landlock, seccomp or network (repeatable).
    #[arg(long, value_name = "WHAT")]
    allow_degraded: Vec<Waiver>,
}

pub(super) fn run(args: CleanArgs) -> Result<Exit, Failure> {
    let repository = target::repository()?;
    let state = State::find()?;
    let host = crate::sandbox::probe();
    let waivers: Waivers = args.allow_degraded.iter().copied().collect();
    let scene = Scene { state: &state, repository: &repository, host: &host, waivers: &waivers };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Exit::Internal, format!("runtime: {error}")))?;
    let (mut told, mut worst, mut alive) = (Vec::new(), Exit::Done, false);
    for issue in issues(&state, &repository)? {
        let holder = state.holder(&repository.common_dir, issue);
        alive |= !matches!(holder, Ok(None));
        let done = match holder {
            Ok(Some(holder)) => {
                Ok(vec![format!("issue {issue}: {} is running on {}", holder.whose(), holder.host)])
            }
            Ok(None) if args.dry_run => would(scene, issue, args.kept),
            Ok(None) => runtime.block_on(clean(scene, issue, args.kept)),
            Err(nameless) => Err(nameless.into()),
        };
        match done {
            Ok(lines) => told.extend(lines),
            Err(failure) => {
                output::error(&failure);
                worst = worst.max(failure.exit);
            }
        }
    }
    // Whoever runs may be writing one just now.
    if !alive {
        told.extend(half_written(&repository.toplevel, args.dry_run)?);
    }
    for dir in RunDir::of_nobody(&state)? {
        told.push(format!(
            "{} is of a repository that is gone or was moved ({}): move it back and clean there, or remove it",
            dir.0.path().display(),
            dir.1.common_dir.display()
        ));
    }
    if told.is_empty() && worst == Exit::Done {
        told.push("nothing is left of any run".to_owned());
    }
    told.iter().try_for_each(|line| output::line(line))?;
    Ok(worst)
}

/// Lists the issues of which there is a run, a directory or a lock.
fn issues(state: &State, repository: &Repository) -> Result<BTreeSet<u64>, Failure> {
    let mut issues: BTreeSet<u64> = state.locked(&repository.common_dir).into_iter().collect();
    issues.extend(target::runs(repository, None)?.iter().map(RunName::issue));
    issues.extend(RunDir::issues(state, &repository.common_dir)?);
    issues.extend(leftovers::pinned(state, repository)?.iter().map(RunName::issue));
    Ok(issues)
}

/// Picks up what is left of an issue; its lock, of somebody dead, goes with that.
async fn clean(scene: Scene<'_>, issue: u64, kept: bool) -> Result<Vec<String>, Failure> {
    let lock = match scene.state.lock(&scene.repository.common_dir, issue) {
        Ok(lock) => lock,
        Err(LockError::Held { holder, .. }) => {
            return Ok(vec![format!("issue {issue}: {} is running on {}", holder.whose(), holder.host)]);
        }
        Err(error) => return Err(error.into()),
    };
    let mut told = Vec::new();
    if let Some(dead) = &lock.taken_over {
        told.push(format!("issue {issue}: the lock of process {}, which is gone, is removed", dead.pid));
    }
    let earlier = leftovers::earlier(scene, issue)?;
    if !kept {
        told.extend(earlier.iter().filter_map(stays));
    }
    let kept = if kept { Kept::Goes } else { Kept::Stays };
    let picking = Picking { kept, publishing: None, secrets: &Secrets::default() };
    told.extend(leftovers::recover(scene, issue, earlier, picking).await?);
    Ok(told)
}

/// Says what there is to do about an issue.
fn would(scene: Scene<'_>, issue: u64, kept: bool) -> Result<Vec<String>, Failure> {
    let mut told = Vec::new();
    if scene.state.locked(&scene.repository.common_dir).contains(&issue) {
        told.push(format!("issue {issue}: would remove the lock of a process that is gone"));
    }
    for dir in RunDir::abandoned(scene.state, &scene.repository.common_dir, issue)? {
        told.push(format!("would remove {}, which was never begun or is half removed", dir.path().display()));
    }
    for earlier in leftovers::listed(scene, issue)? {
        let name = earlier.name;
        let place = earlier.left.as_ref().map(|(dir, _)| format!(", then remove {}", dir.path().display()));
        let place = place.unwrap_or_default();
        match leftovers::standing(&earlier) {
            Left::Nothing => {}
            Left::Unfinished => told.push(format!("would save what run {name} left, record its end{place}")),
            Left::KeptWorktree if kept => told.push(format!("would save what run {name} kept{place}")),
            Left::MovedAside if kept => told.push(format!("would remove {} for good", earlier.moved_aside())),
            Left::KeptWorktree | Left::MovedAside => told.extend(stays(&earlier)),
            Left::Broken(error) => told.push(format!("run {name} cannot be picked up: {error}")),
        }
    }
    let unpinned = |run| format!("would not pin the base of run {run} any more, which is gone");
    told.extend(leftovers::stale_pins(scene, issue)?.into_iter().map(unpinned));
    Ok(told)
}

/// Says what stays, and what becomes of it with `--kept`, if anything does.
fn stays(earlier: &Earlier) -> Option<String> {
    let run = earlier.name;
    match leftovers::standing(earlier) {
        Left::KeptWorktree => {
            Some(format!("the worktree of run {run} was kept: `--kept` saves what is in it and removes it"))
        }
        Left::MovedAside => Some(format!(
            "{} stays: take what you need of it, `--kept` removes it for good",
            earlier.moved_aside()
        )),
        _ => None,
    }
}

/// Removes the files that a runner was writing when it died: they have another name until they are whole.
fn half_written(top: &Path, dry_run: bool) -> Result<Vec<String>, Failure> {
    let found = Files::half_written(top).map_err(|error| Failure::system(&error))?;
    let mut told = Vec::new();
    for path in found {
        let place = path.display();
        if dry_run {
            told.push(format!("would remove {place}, which is half written"));
        } else {
            std::fs::remove_file(&path).map_err(|error| Failure::system(&error))?;
            told.push(format!("{place} was half written; removed"));
        }
    }
    Ok(told)
}
