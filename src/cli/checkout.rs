//! `autopilot checkout RUN|ISSUE [DIR]`: what a run came to, for a person to go on in.

use std::path::PathBuf;

use super::exit::{Cause, Exit, Failure};
use super::{completions, output, target};
use crate::app::checkout::{self, CheckedOut, Place};
use crate::plan::shell_word;

/// Check out what a run came to: its result, or what the step that failed had left. No hook and no filter runs.
#[derive(Debug, clap::Args)]
pub(super) struct CheckoutArgs {
    /// An issue (its latest run) or a run.
    #[arg(value_name = "ISSUE|RUN", add = completions::runs())]
    target: String,
    /// The new worktree. Default: beside the checkout, `../REPOSITORY-ISSUE`.
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Into this checkout, if it has no changes that are not committed.
    #[arg(long, conflicts_with = "folder")]
    here: bool,
}

pub(super) fn run(args: CheckoutArgs) -> Result<Exit, Failure> {
    let repository = target::repository()?;
    let absolute = |folder: PathBuf| {
        std::path::absolute(&folder)
            .map_err(|error| Failure::new(Cause::Usage, format!("{}: {error}", folder.display())))
    };
    let place = if args.here { Place::Here } else { Place::Beside(args.folder.map(absolute).transpose()?) };
    let CheckedOut { run, base, branch, folder, salvage, from } =
        checkout::check_out(&repository, &args.target, place)?;
    if let Some(from) = &from {
        output::note(&target::elsewhere(run, from));
    }
    match &salvage {
        Some(attempt) => output::line(&format!("what {attempt} of run {run} had left is checked out"))?,
        None => output::line(&format!("the result of run {run} is checked out"))?,
    }
    let place = shell_word(&target::from_here(&folder));
    let (base, branch) = (shell_word(&base), shell_word(&branch));
    output::line(&format!("  folder   {place}"))?;
    output::line(&format!("  branch   {branch}"))?;
    output::line(&format!("  review   git -C {place} diff {base}...{branch}"))?;
    if !args.here {
        output::line(&format!("  undo     git worktree remove {place}"))?;
    }
    Ok(Exit::Done)
}
