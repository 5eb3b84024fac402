//! `autopilot completions SHELL`, and what the scripts that it prints ask this program for: the issues, runs, steps and users
//! that a word can be.

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap_complete::engine::{ArgValueCandidates, CompletionCandidate, SubcommandCandidates};
use clap_complete::env::{CompleteEnv, Shells};

use super::exit::{Cause, Exit, Failure};
use super::{output, plans, target};
use crate::app::runs;
use crate::evidence::RunName;

/// By which variable a script says what it is asking for, and for which shell.
const ASKED: &str = "AUTOPILOT_COMPLETE";
/// So many runs are offered, the newest first.
const OFFERED: usize = 20;
/// Who can be a user here.
const USERS: &str = "/etc/passwd";

/// Print completions for a shell: of commands and options, and of the issues, runs, steps and users that there are.
#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArgs {
    /// The shell.
    shell: clap_complete::Shell,
}

/// Prints the script by which a shell completes this command line. It calls the `autopilot` that is on PATH.
pub(super) fn run(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let name = args.shell.to_string();
    let shells = Shells::builtins();
    let shell = shells
        .completer(&name)
        .ok_or_else(|| Failure::new(Cause::Usage, format!("there are no completions for {name}")))?;
    let mut script = Vec::new();
    let written = shell.write_registration(ASKED, "autopilot", "autopilot", "autopilot", &mut script);
    written.map_err(|error| Failure::system(&error))?;
    output::write(&script)?;
    Ok(Exit::Done)
}

/// Answers a shell that asks what a word can be; tells whether one did. Without a command an issue can be meant, too.
pub(super) fn answer(args: &[OsString], line: fn() -> clap::Command) -> Result<bool, clap::Error> {
    let whole = || line().allow_external_subcommands(true).add(SubcommandCandidates::new(all_issues));
    let here = std::env::current_dir().ok();
    CompleteEnv::with_factory(whole).var(ASKED).try_complete(args.iter().cloned(), here.as_deref())
}

/// Offers the issues that have a plan, or a run.
pub(super) fn issues() -> ArgValueCandidates {
    ArgValueCandidates::new(all_issues)
}

/// Offers the issues that have a run, and the names of the latest runs.
pub(super) fn runs() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let runs = all_runs();
        let issues: BTreeSet<u64> = runs.iter().map(RunName::issue).collect();
        let latest = runs.iter().rev().take(OFFERED).map(ToString::to_string);
        in_order(issues.iter().map(ToString::to_string).chain(latest))
    })
}

/// Offers the steps of every plan.
pub(super) fn steps() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let ids: BTreeSet<String> = planned().into_iter().map(|(_, step)| step).collect();
        in_order(ids.into_iter())
    })
}

/// Offers them as `ISSUE/STEP`.
pub(super) fn steps_of_issues() -> ArgValueCandidates {
    ArgValueCandidates::new(|| in_order(planned().into_iter().map(|(issue, step)| format!("{issue}/{step}"))))
}

/// Offers the users of this host.
pub(super) fn users() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let table = std::fs::read_to_string(USERS).unwrap_or_default();
        let names: BTreeSet<&str> = table.lines().filter_map(|line| line.split(':').next()).collect();
        in_order(names.into_iter().filter(|name| !name.is_empty()).map(str::to_owned))
    })
}

fn all_issues() -> Vec<CompletionCandidate> {
    let planned = plans::here().plans().unwrap_or_default().into_iter().filter_map(|found| found.issue);
    let issues: BTreeSet<u64> = planned.chain(all_runs().iter().map(RunName::issue)).collect();
    in_order(issues.iter().map(ToString::to_string))
}

/// Every step of every valid plan, with its issue.
fn planned() -> Vec<(u64, String)> {
    let all = plans::here().plans().unwrap_or_default();
    let loaded = all.iter().filter_map(|found| found.load().ok());
    loaded
        .flat_map(|loaded| {
            let issue = loaded.plan.issue;
            loaded.plan.steps.into_iter().map(move |step| (issue, step.id))
        })
        .collect()
}

fn all_runs() -> Vec<RunName> {
    target::repository().ok().and_then(|own| runs::of(&own, None).ok()).unwrap_or_default()
}

/// Shells that sort by themselves are told the order.
fn in_order(words: impl Iterator<Item = String>) -> Vec<CompletionCandidate> {
    words.enumerate().map(|(at, word)| CompletionCandidate::new(word).display_order(Some(at))).collect()
}
