//! `autopilot prune`: the room that old runs take.

use std::time::Duration;

use super::exit::{Exit, Failure};
use super::{output, target};
use crate::app::prune::{self, Pruned, Pruning};
use crate::plan::units;
use crate::worktree::State;

/// Remove evidence and branches of old runs that are merged or pushed. Only says so, unless `--yes` is given.
#[derive(Debug, clap::Args)]
pub(super) struct PruneArgs {
    /// Only runs that are older.
    #[arg(long, value_name = "AGE", default_value = "30d", value_parser = age)]
    older: Duration,
    /// So many runs of each issue stay, the latest.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    keep: u32,
    /// Do it.
    #[arg(long)]
    yes: bool,
}

fn age(text: &str) -> Result<Duration, String> {
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u64>().ok());
    let days = days.and_then(|days| days.checked_mul(86_400)).map(Duration::from_secs);
    days.or_else(|| units::read_duration(text).ok())
        .ok_or_else(|| "write an age, such as 30d or 12h".to_owned())
}

pub(super) fn run(args: &PruneArgs) -> Result<Exit, Failure> {
    let (repository, state) = (target::repository()?, State::find()?);
    let pruning = Pruning { older: args.older, keep: args.keep as usize, dry_run: !args.yes };
    let (mut lines, mut gone) = (Vec::new(), 0_usize);
    prune::prune(&repository, &state, pruning, &mut |pruned| {
        gone += usize::from(matches!(pruned, Pruned::Goes { .. }));
        lines.push(text(&pruned, args.yes));
    })?;
    lines.push(match (gone, args.yes) {
        (0, _) => "no run goes".to_owned(),
        (_, true) => format!("{gone} gone"),
        (_, false) => format!("{gone} would go; nothing was removed: add --yes"),
    });
    lines.iter().try_for_each(|line| output::line(line))?;
    Ok(Exit::Done)
}

fn text(pruned: &Pruned, is_done: bool) -> String {
    match pruned {
        Pruned::Stays { run, why } => format!("run {run} stays: {why}"),
        Pruned::Goes { run, files, branch } => {
            let what = if is_done { "is removed" } else { "would go" };
            let branch = branch.as_ref();
            let branch = branch.map(|(name, kept)| format!(", {name} (on {kept}, too)")).unwrap_or_default();
            format!("run {run} {what}: {files} files of evidence{branch}")
        }
    }
}
