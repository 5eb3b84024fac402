//! Takes what a use case told, gives the sentence for it.

use std::fmt::Write as _;

use super::target;
use crate::app::{Aside, Crashed, Discarded, Note, PickedUp, Unpublished};
use crate::evidence::event::Effect;
use crate::plan::units;
use crate::publish::Announced;
use crate::time::moment;
use crate::worktree::Watched;

/// Says what of a run leaves the machine.
pub(super) fn publishes(announced: &Announced) -> String {
    let Announced { issue, repository, login, effects } = announced;
    let place = repository.as_deref().unwrap_or("the remote");
    let said = |effect: &Effect| match effect {
        Effect::Push => "push the result branch".to_owned(),
        Effect::PullRequest => "open a pull request".to_owned(),
        Effect::Evidence => "push its evidence".to_owned(),
        Effect::Comment => format!("comment on {place}#{issue}"),
    };
    let login = login.as_ref().map(|login| format!(" as {login}")).unwrap_or_default();
    format!("will {}{login}", effects.iter().map(said).collect::<Vec<_>>().join(", "))
}

/// Says something in a line.
pub(super) fn text(note: &Note) -> String {
    match note {
        Note::PlanWarning(warning) => format!("warning: {warning}"),
        Note::Warning(warning) => format!("warning: {warning}"),
        Note::Lowered(lowered) => format!("ceiling: {lowered}"),
        Note::TookOver { pid, host: None, run } => {
            format!("took over the lock of process {pid}, which is gone (run {run})")
        }
        Note::TookOver { host: Some(host), run, .. } => {
            format!(
                "took over the claim of {host}, which was not heard of for as long as it stands (run {run})"
            )
        }
        Note::Publishes(announced) => format!("{}; --no-publish: none of it", publishes(announced)),
        Note::Watching(watched) => watching(watched),
        Note::Reaches { step, what } => {
            format!("step `{step}` of the record reaches {what}, as it is trusted")
        }
        Note::Fetched { run, remote } => target::elsewhere(*run, remote),
        Note::Adopted { run, remote, host, last } => format!(
            "run {run} of {host}, last heard of at {}, is one of this machine now, by its evidence as {remote} has it; \
             where its runner lives still, that one does not know",
            moment(*last)
        ),
        Note::OthersCommits { branch, rewrote } => {
            let did = if *rewrote { "rewritten by others" } else { "gone on with by others" };
            format!("warning: {branch} was {did}: no step gets a secret, and nothing of a cache")
        }
        Note::First { issue } => {
            format!("there is no run of issue {issue} to resume: this is its first")
        }
        Note::Anew { issue, why } => format!("{why}: a new run of issue {issue} begins"),
        Note::Crashed(it) => {
            let issue = it.issue;
            format!("{}; `autopilot run {issue} --resume` goes on with such a run", crashed(it))
        }
        // The question stands in an unfinished line.
        Note::Unanswered => String::new(),
        Note::EmptySubmodules(paths) => empty_submodules(paths),
        Note::MissingContent(missing) => missing.clone(),
        Note::Abandoned { path, became } => {
            let path = path.display();
            match became {
                Discarded::Gone => format!("{path} was never begun, or half removed; cleared away"),
                Discarded::Left(left) => {
                    let left = left.display();
                    format!("warning: {left} stays, of a run without a record: remove it by hand")
                }
                Discarded::Stays(error) => format!("warning: {path} cannot be removed: {error}"),
            }
        }
        Note::Rebasing { run, base, onto } => {
            let onto = onto.abbreviated();
            format!("{base} is at {onto} by now: run {run} is replayed there before it is pushed")
        }
        Note::NeverBegan(run) => format!("run {run} had died before it began; cleared away"),
        Note::Unjournaled { run, left } => format!(
            "warning: {} stays, of run {run}, which has no journal: remove it by hand",
            left.display()
        ),
        Note::Broken { run, place, error } => {
            let place = place.display();
            format!("warning: run {run} cannot be picked up, it stays at {place}: {error}")
        }
        Note::PickedUp(it) => picked_up(it),
        Note::BrokenOff(issue) => {
            format!(
                "stopped before all was saved and cleared away; the rest: autopilot run {issue} --resume, or autopilot clean"
            )
        }
        Note::AsideRemoved(it) => format!("{} is removed", aside(it)),
        Note::Unpinned(run) => format!("run {run} is gone; its base is not pinned any more"),
        Note::Unpublished { run, why } => {
            let why = match why {
                Unpublished::BrokenOff => "broken off".to_owned(),
                Unpublished::Failed(error) => error.to_string(),
            };
            format!("publishing: {why}; later: autopilot publish {run}")
        }
    }
}

fn watching(watched: &Watched) -> String {
    format!(
        "{} has claimed the issue: watching for {} whether it renews {}",
        claimant(watched),
        units::duration(watched.lease),
        watched.path.display()
    )
}

/// Names who has a claim.
pub(super) fn claimant(watched: &Watched) -> String {
    let named = watched.holder.as_ref().map(|holder| format!("{} on {}", holder.whose(), holder.host));
    named.unwrap_or_else(|| "somebody".to_owned())
}

/// Says how far a run came that crashed.
pub(super) fn crashed(crashed: &Crashed) -> String {
    let Crashed { run, passed, steps, .. } = crashed;
    format!("run {run} crashed with {passed} of {steps} steps passed")
}

/// Names what no bundle can hold, and where it is.
pub(super) fn aside(aside: &Aside) -> String {
    let Aside { run, place, list } = aside;
    format!("what no bundle can hold of run {run}, {}, listed in {list},", place.display())
}

fn picked_up(it: &PickedUp) -> String {
    let how =
        if it.crashed { "had crashed; its end is recorded" } else { "had ended; what it left is picked up" };
    let mut text = format!("run {} {how}", it.run);
    if let Some(branch) = &it.branch {
        let _ = write!(text, ", its checkpoints are on {branch}");
    }
    if it.salvaged {
        text.push_str(", what it was at is in its salvage bundle");
    }
    if let Some((path, why)) = &it.stays {
        let _ = write!(text, ", {path} stays: {why}");
    }
    text
}

/// How many empty submodules are named.
const NAMED: usize = 5;

fn empty_submodules(paths: &[String]) -> String {
    let more = paths.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let named = paths[..paths.len().min(NAMED)].join(", ");
    let (what, is) = if paths.len() == 1 { ("submodule", "is") } else { ("submodules", "are") };
    format!(
        "the {what} {named}{more} {is} empty for the steps: `git submodule update --init --recursive` brings what they need, \
         `submodules: true` in the plan demands it"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_the_machine_is_said_with_its_place() {
        let announced = |effects: &[Effect], login: Option<&str>| Announced {
            issue: 7,
            repository: Some("o/r".to_owned()),
            login: login.map(str::to_owned),
            effects: effects.to_vec(),
        };
        let all = [Effect::Push, Effect::PullRequest, Effect::Comment];
        assert_eq!(
            publishes(&announced(&all, Some("me"))),
            "will push the result branch, open a pull request, comment on o/r#7 as me"
        );
        assert_eq!(publishes(&announced(&[Effect::Comment], None)), "will comment on o/r#7");
    }
}
