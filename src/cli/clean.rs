//! `autopilot clean`: what dead runners left is saved, and then removed.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;

use super::exit::{Exit, Failure};
use super::{notes, output, target};
use crate::app::clean::{self, Cleaning, Found, Todo};
use crate::app::{Error, Kept, Site, jobs};
use crate::plan::units::size;
use crate::policy::{Waiver, Waivers};
use crate::worktree::{Outdated, Stale, State};

/// Save and remove what runs of this repository left that crashed.
#[derive(Debug, clap::Args)]
pub(super) struct CleanArgs {
    /// Only say what there is to do.
    #[arg(long)]
    dry_run: bool,
    /// Also remove kept worktrees, after saving them. Deletes for good what no bundle can hold.
    #[arg(long)]
    kept: bool,
    /// Also remove all that plans of this repository keep from run to run (`cache`): builds begin from nothing.
    #[arg(long)]
    caches: bool,
    /// A protection to go without where this host cannot give it: landlock, seccomp or network (repeatable).
    #[arg(long, value_name = "WHAT")]
    allow_degraded: Vec<Waiver>,
}

pub(super) fn run(args: CleanArgs) -> Result<Exit, Failure> {
    let repository = target::repository_to_commit_in()?;
    let state = State::find()?;
    let host = crate::sandbox::probe();
    let waivers: Waivers = args.allow_degraded.iter().copied().collect();
    let site = Site { state: &state, repository: &repository, host: &host, waivers: &waivers };
    let kept = if args.kept { Kept::Goes } else { Kept::Stays };
    let cleaning = Cleaning { dry_run: args.dry_run, kept, caches: args.caches };
    let (lines, worst) = (RefCell::new(Vec::new()), Cell::new(Exit::Done));
    let stay = RefCell::new(Vec::new());
    let tell = |found: Result<Found, Error>| match found.map_err(Failure::from) {
        // What stays on purpose is no rest of a run.
        Ok(found @ (Found::ObjectCaches { .. } | Found::Caches { .. })) => {
            stay.borrow_mut().push(text(&found));
        }
        Ok(found) => lines.borrow_mut().push(text(&found)),
        Err(failure) => {
            output::error(&failure);
            worst.set(worst.get().max(failure.exit()));
        }
    };
    jobs::runtime()?.block_on(clean::clean(site, cleaning, &tell))?;
    let (mut lines, worst) = (lines.into_inner(), worst.get());
    if lines.is_empty() && worst == Exit::Done {
        lines.push("nothing is left of any run".to_owned());
    }
    lines.extend(stay.into_inner());
    lines.iter().try_for_each(|line| output::line(line))?;
    Ok(worst)
}

/// Says in a line what was found, and what becomes of it.
fn text(found: &Found) -> String {
    match found {
        Found::Running { issue, holder } => {
            format!("issue {issue}: {} is running on {}", holder.whose(), holder.host)
        }
        Found::Claimed { issue, watched } => format!(
            "issue {issue}: {} has claimed it with {}; `autopilot run {issue} --resume` waits to see whether that lives",
            notes::claimant(watched),
            watched.path.display()
        ),
        Found::LockRemoved { issue, pid } => {
            format!("issue {issue}: the lock of process {pid}, which is gone, is removed")
        }
        Found::Done(note) => notes::text(note),
        Found::KeptStays(run) => {
            format!("the worktree of run {run} was kept: `--kept` saves what is in it and removes it")
        }
        Found::AsideStays(aside) => {
            format!("{} stays: take what you need of it, `--kept` removes it for good", notes::aside(aside))
        }
        Found::Would(todo) => would(todo),
        Found::Broken { run, error } => format!("run {run} cannot be picked up: {error}"),
        Found::HalfWritten(path) => format!("{} was half written; removed", path.display()),
        Found::ObjectCacheRemoved(cache, why) => {
            format!(
                "the objects in {} are removed ({}): {}",
                cache.path.display(),
                size(cache.bytes),
                stale(*why)
            )
        }
        Found::ObjectCacheInUse(cache) => {
            format!("a run begins with the objects in {}: they stay", cache.path.display())
        }
        Found::ObjectCaches { count, bytes } => {
            let caches =
                if *count == 1 { "1 object cache".to_owned() } else { format!("{count} object caches") };
            format!("{caches}, {}, kept for the next runs", size(*bytes))
        }
        Found::CacheRemoved(cache, why) => {
            let (path, bytes) = (cache.path.display(), size(cache.bytes));
            format!("what a plan kept in {path} is removed ({bytes}): {}", outdated(*why))
        }
        Found::CacheInUse(cache) => {
            format!("a run is at what a plan kept in {}: it stays", cache.path.display())
        }
        Found::Caches { count, bytes } => {
            let caches = if *count == 1 { "1 cache".to_owned() } else { format!("{count} caches") };
            format!("{caches} of plans, {}, kept for the next runs", size(*bytes))
        }
        Found::OfNobody { path, common_dir } => format!(
            "{} is of a repository that is gone or was moved ({}): move it back and clean there, or remove it",
            path.display(),
            common_dir.display()
        ),
    }
}

/// Says why objects that runs borrowed can go.
fn stale(why: Stale) -> &'static str {
    match why {
        Stale::Unfinished => "they never came to be whole",
        Stale::NoRepository => "their repository is not where it was",
        Stale::NoBranch => "their branch is gone",
        Stale::Unused => "no run has used them for 30 days",
        Stale::Large => "those used later take 20 GiB already",
    }
}

/// Says why what a plan kept can go.
pub(super) fn outdated(why: Outdated) -> &'static str {
    match why {
        Outdated::Unfinished => "it never came to be whole",
        Outdated::NoRepository => "its repository is not where it was",
        Outdated::Replaced => "a later run has left the same anew",
        Outdated::Many => "four that were used later are of the same folders and lock files",
        Outdated::Unused => "no run has used it for 30 days",
        Outdated::Large => "those used later take 20 GiB already",
        Outdated::Unwanted => "`--caches`",
    }
}

/// Says what would be done.
fn would(todo: &Todo) -> String {
    let removed = |dir: &Option<PathBuf>| {
        dir.as_ref().map(|dir| format!(", then remove {}", dir.display())).unwrap_or_default()
    };
    match todo {
        Todo::RemoveLock { issue } => {
            format!("issue {issue}: would remove the lock of a process that is gone")
        }
        Todo::RemoveAbandoned(path) => {
            format!("would remove {}, which was never begun or is half removed", path.display())
        }
        Todo::PickUp { run, dir } => {
            format!("would save what run {run} left, record its end{}", removed(dir))
        }
        Todo::SaveKept { run, dir } => format!("would save what run {run} kept{}", removed(dir)),
        Todo::RemoveAside(aside) => format!("would remove {} for good", notes::aside(aside)),
        Todo::Unpin(run) => format!("would not pin the base of run {run} any more, which is gone"),
        Todo::Unshare(run) => {
            format!("would remove refs/autopilot/checkpoints/{run}: the branch of that run holds all of it")
        }
        Todo::RemoveObjectCache(cache, why) => {
            format!(
                "would remove the objects in {} ({}): {}",
                cache.path.display(),
                size(cache.bytes),
                stale(*why)
            )
        }
        Todo::RemoveCache(cache, why) => {
            let (path, bytes) = (cache.path.display(), size(cache.bytes));
            format!("would remove what a plan kept in {path} ({bytes}): {}", outdated(*why))
        }
        Todo::RemoveHalfWritten(path) => format!("would remove {}, which is half written", path.display()),
    }
}
