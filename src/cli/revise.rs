//! `autopilot revise ISSUE|RUN`: answers what reviewers, checks and the base ask of a run's pull request.

use super::confined::Confined;
use super::exit::{Exit, Failure};
use super::front::Front;
use super::progress::{Board, Doing, Mode};
use super::{actions, completions, notes, output, run, target};
use crate::app::jobs::{self, Job};
use crate::app::revise::{self, Asked, PullRequestOf, Revised, Shown};
use crate::app::{Order, Outcome};
use crate::policy::Trust;
use crate::worktree::Repository;

/// Answer what a review asks of a run's pull request, on top of its branch.
#[derive(Debug, clap::Args)]
pub(super) struct ReviseArgs {
    /// An issue (the newest of its runs that has a pull request), or a run.
    #[arg(value_name = "ISSUE|RUN", add = completions::runs())]
    target: String,
    /// Only show what the agent would be given.
    #[arg(long)]
    dry_run: bool,
    /// Let steps reach the network that the record's plan says, where no plan file of yours says the same. Of a run that
    /// another machine left on the remote: revise what its record says.
    #[arg(long)]
    trust: bool,
    /// Neither push nor comment.
    #[arg(long)]
    no_publish: bool,
    #[command(flatten)]
    confined: Confined,
}

impl ReviseArgs {
    fn trust(&self) -> Trust {
        if self.trust { Trust::Given } else { Trust::Withheld }
    }
}

pub(super) fn run(args: &ReviseArgs) -> Result<Exit, Failure> {
    let repository = target::repository_to_commit_in()?;
    let note = |note| output::note(&notes::text(&note));
    let issue = revise::issue_of(&repository, &args.target, args.trust(), &note)?;
    let one = async |job: Job| one(args, &repository, job).await;
    let failed = |_, failure: Failure| failure.exit();
    let handled = jobs::each(&[issue], 1, one, failed)?;
    Ok(handled.each.into_iter().max().unwrap_or(Exit::Done))
}

async fn one(args: &ReviseArgs, repository: &Repository, job: Job) -> Result<Exit, Failure> {
    let front = Front {
        board: Board::new(1),
        doing: Doing::default(),
        mode: Mode::choose(false),
        alone: true,
        asks: false,
        top: repository.toplevel.clone(),
    };
    let _until_it_is_over = run::acknowledge(&front, &job);
    let order = args.confined.of(Order { publish: !args.no_publish, ..Order::of(job.issue) });
    let asked = Asked { named: &args.target, trust: args.trust(), dry_run: args.dry_run };
    match revise::revise(&asked, &order, repository, &job.interrupt, &front).await? {
        Revised::Nothing(PullRequestOf { run, number }) => {
            output::line(&format!(
                "nothing to revise: nothing new is asked of pull request #{number} of run {run}"
            ))?;
            Ok(Exit::Done)
        }
        Revised::Shown(of, shown) => show(&of, &shown),
        Revised::Ran(Outcome::Interrupted(signal)) => Err(run::not_begun(Some(Exit::Signal(signal)))),
        Revised::Ran(Outcome::Ended(ended) | Outcome::Stands(ended)) => {
            actions::finish(front.mode, &ended, repository);
            Ok(ended.verdict.into())
        }
    }
}

/// Shows what an agent would be given.
fn show(of: &PullRequestOf, shown: &Shown) -> Result<Exit, Failure> {
    let PullRequestOf { run, number } = of;
    let line = |text: &str| output::line(text);
    line(&format!("pull request #{number} of run {run}: step `{}` would be given", shown.step))?;
    for (name, text) in &shown.asked {
        line(&format!("\n{name}"))?;
        for text in text.lines() {
            line(&format!("  {text}"))?;
        }
    }
    line(&format!("\nsteps, of the plan that run {run} recorded: {}", shown.steps.join(", ")))?;
    Ok(Exit::Done)
}
