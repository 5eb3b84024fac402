//! `autopilot audit`: PASS, or FAIL with findings.

mod text;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::{Cause, Exit, Failure};
use super::shape::{self, Verdict};
use super::{answer, completions, output, target};
use crate::app::audited::on_this_host;
use crate::app::runs::Found;
use crate::app::{jobs, runs};
use crate::audit::{Audit, Checked, Finding, Heads, Host, Outcome, Report, RunReport, Scope, online};
use crate::evidence::event::RunResult;
use crate::evidence::mask::Secrets;
use crate::evidence::{Files, RunName};
use crate::github::Environment;
use crate::worktree::{Repository, State};

/// Check what runs left: evidence, repository, and that nothing else is there.
#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    /// Runs, or issues (the latest run of each); without any, the latest run of all.
    #[arg(value_name = "ISSUE|RUN", conflicts_with = "all", add = completions::runs())]
    targets: Vec<String>,
    /// Every run, and traces of runs that have no evidence.
    #[arg(long)]
    all: bool,
    /// Only the evidence below the current directory: no repository, no host. Says what that leaves out.
    #[arg(long)]
    evidence_only: bool,
    /// Compare the head with the one in the issue's comment, through `gh`.
    #[arg(long, conflicts_with = "evidence_only")]
    online: bool,
    /// Heads known from elsewhere: a file with a line `RUN SEQ:HASH` for each run.
    #[arg(long, value_name = "FILE")]
    heads: Option<PathBuf>,
    /// Look for the value of this environment variable too, in all its encodings (repeatable).
    #[arg(long = "env", value_name = "NAME")]
    names: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Audits: 0 is PASS, 4 is FAIL.
pub(super) fn run(args: &AuditArgs) -> Result<Exit, Failure> {
    let secrets = secrets(&args.names)?;
    let heads = args.heads.as_deref().map(heads).transpose()?;
    let report = if args.evidence_only {
        let top = evidence_folder()?;
        let audit = Audit { top: &top, host: None, secrets: &secrets, heads: heads.as_ref() };
        audited(&audit, args)?
    } else {
        let repository = target::repository()?;
        let state = State::find()?;
        let top = &repository.toplevel;
        let mut report = on_this_host(&repository, &state, |host| {
            audited(&Audit { top, host: Some(host), secrets: &secrets, heads: heads.as_ref() }, args)
        })?;
        if args.online {
            compare_online(&mut report, &repository)?;
        }
        report
    };
    if args.json {
        output::pretty_json(&told(&report))?;
    } else {
        output::print(&text::report(&report))?;
    }
    Ok(if report.passes() { Exit::Done } else { Exit::AuditFail })
}

fn audited(audit: &Audit<'_>, args: &AuditArgs) -> Result<Report, Failure> {
    let there = Files::runs(audit.top).map_err(unreadable)?;
    let scope = match there.last() {
        _ if !args.targets.is_empty() => return named(audit, &there, &args.targets),
        Some(last) if !args.all => Scope::Runs(vec![*last]),
        None if told_of(audit)?.is_empty() => return Err(no_run(audit, None)),
        // Without any journal the whole is looked at: something tells of a run.
        _ => Scope::All,
    };
    audit.run(&scope).map_err(unreadable)
}

fn told_of(audit: &Audit<'_>) -> Result<BTreeSet<RunName>, Failure> {
    audit.told_of().map_err(unreadable)
}

/// Says that nothing here tells of such a run.
fn no_run(audit: &Audit<'_>, name: Option<&str>) -> Failure {
    if let Some(host) = audit.host {
        return runs::none(host.repository, name).unwrap_or_else(|error| error).into();
    }
    let what = name.map_or_else(|| "no run".to_owned(), |name| format!("no run `{name}`"));
    let hint = "call it above the folder `.ai/logs` that holds the evidence";
    Failure::new(Cause::NoRun, format!("{what} in {}", audit.top.display())).hint(hint)
}

fn compare_online(report: &mut Report, repository: &Repository) -> Result<(), Failure> {
    jobs::runtime()?.block_on(online::compare(report, repository, &Environment::of_process()));
    Ok(())
}

/// What cannot be read cannot be believed.
fn unreadable(error: std::io::Error) -> Failure {
    Failure::new(Cause::Evidence, format!("the evidence cannot be read: {error}"))
        .hint("audit as the user who ran it")
}

/// A run that is meant.
enum Meant {
    /// Here, or something here tells of it.
    Here(RunName),
    /// On the remote alone.
    Elsewhere(Box<Found>),
}

/// Audits the runs that are meant.
fn named(audit: &Audit<'_>, there: &[RunName], targets: &[String]) -> Result<Report, Failure> {
    let (mut here, mut elsewhere) = (Vec::new(), Vec::new());
    for target in targets {
        match one(audit, there, target)? {
            Meant::Here(run) => here.push(run),
            Meant::Elsewhere(found) => elsewhere.push(found),
        }
    }
    let mut report = audit.run(&Scope::Runs(here)).map_err(unreadable)?;
    for found in &elsewhere {
        let files = found.files();
        let host = audit.host.map(|host| Host { repository: found.repository(host.repository), ..host });
        let own = Audit { top: files.top(), host, ..*audit };
        report.runs.extend(own.run(&Scope::Runs(vec![files.run()])).map_err(unreadable)?.runs);
    }
    Ok(report)
}

/// Finds a run that has a journal, here or on the remote; or else one that anything here tells of: that its evidence is missing is the
/// audit's to tell.
fn one(audit: &Audit<'_>, there: &[RunName], target: &str) -> Result<Meant, Failure> {
    let issue = runs::issue(target);
    let is_it = |run: &&RunName| match issue {
        Some(issue) => run.issue() == issue,
        None => run.to_string() == target,
    };
    if let Some(run) = there.iter().rev().find(is_it) {
        return Ok(Meant::Here(*run));
    }
    let told = told_of(audit)?.iter().rev().find(is_it).copied();
    let elsewhere = match audit.host.map(|host| target::elsewhere_of(host.repository, target)) {
        Some(Err(_)) | None if told.is_some() => None,
        Some(found) => found?,
        None => None,
    };
    match (elsewhere, told) {
        (Some(found), _) => Ok(Meant::Elsewhere(Box::new(found))),
        (None, Some(run)) => Ok(Meant::Here(run)),
        (None, None) => Err(no_run(audit, Some(target))),
    }
}

/// Finds the folder that holds `.ai/logs`: the current one, or one above it.
fn evidence_folder() -> Result<PathBuf, Failure> {
    let here = std::env::current_dir()
        .map_err(|error| Failure::new(Cause::Usage, format!("the current directory: {error}")))?;
    let found = here.ancestors().find(|folder| folder.join(".ai/logs").symlink_metadata().is_ok());
    Ok(found.unwrap_or(&here).to_owned())
}

fn heads(path: &Path) -> Result<Heads, Failure> {
    let wrong = |what: String| {
        Failure::new(Cause::Usage, format!("--heads {}: {what}", path.display()))
            .hint("a line is `RUN SEQ:HASH`; `autopilot run --json` prints both as `run` and `head`")
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    Heads::parse(&text).map_err(wrong)
}

fn secrets(names: &[String]) -> Result<Secrets, Failure> {
    let secrets = Secrets::default();
    for name in names {
        let Some(value) = std::env::var_os(name) else {
            return Err(Failure::new(Cause::Usage, format!("--env {name}: it is not set"))
                .hint("export it, or leave out --env: what is not known cannot be looked for"));
        };
        secrets
            .register(value.as_encoded_bytes())
            .map_err(|refused| Failure::new(Cause::Usage, format!("--env {name}: {refused}")))?;
    }
    Ok(secrets)
}

fn told(report: &Report) -> shape::Audit {
    shape::Audit {
        v: answer::V,
        verdict: Verdict::of(report.passes()),
        findings: report.findings().count(),
        runs: report.runs.iter().map(told_of_run).collect(),
        checks: report.whole.iter().map(told_of_check).collect(),
        notes: report.notes.clone(),
    }
}

fn told_of_run(run: &RunReport) -> shape::AuditedRun {
    shape::AuditedRun {
        run: run.run.to_string(),
        issue: run.run.issue(),
        result: run.result.map(RunResult::word),
        head: run.head.as_ref().map(ToString::to_string),
        verdict: Verdict::of(run.findings().next().is_none()),
        checks: run.checks.iter().map(told_of_check).collect(),
        notes: run.notes.clone(),
    }
}

fn told_of_check(checked: &Checked) -> shape::AuditCheck {
    let (verdict, said) = match &checked.outcome {
        Outcome::Pass(said) => (Verdict::Pass, Some(said)),
        Outcome::Fail(_) => (Verdict::Fail, None),
        Outcome::NotChecked(why) => (Verdict::NotChecked, Some(why)),
    };
    shape::AuditCheck {
        check: checked.check.to_string(),
        verdict,
        said: said.cloned(),
        findings: checked.findings().iter().map(told_of_finding).collect(),
    }
}

fn told_of_finding(finding: &Finding) -> shape::AuditFinding {
    shape::AuditFinding {
        code: format!("AP{}", finding.code.number()),
        name: finding.code.slug(),
        meaning: finding.code.meaning(),
        expected: finding.expected.clone(),
        found: finding.found.clone(),
        fix: finding.code.fix(),
    }
}
