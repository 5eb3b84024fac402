//! `autopilot` alone: where one stands, and what there is to do, each with its command. Never fails.

use std::collections::BTreeMap;

use super::exit::Exit;
use super::{output, plans, status, target};
use crate::agent;
use crate::policy::{self, Decision, HostFacts, Isolation, Request, Waivers};
use crate::worktree::{Repository, State};

/// Columns of a title that are shown.
const TITLE: usize = 40;

/// One issue: what is planned, how its last run stands, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Row {
    title: String,
    stands: String,
    next: String,
}

/// Prints it.
pub(super) fn run() -> Exit {
    let repository = target::repository();
    let host = crate::sandbox::probe();
    let mut lines =
        vec![where_one_is(repository.as_ref().ok()), sandbox(&host), agents(&host), String::new()];
    let rows = repository.as_ref().map(rows).unwrap_or_default();
    lines.extend(table(&rows));
    if rows.is_empty() {
        lines.push("nothing is planned here".to_owned());
        lines.push("  look   autopilot demo                              a tour of one minute, in a folder of its own".to_owned());
        lines.push("  begin  autopilot init --title 'What is to be done'   writes a plan".to_owned());
    }
    lines.push("\nmore: autopilot help".to_owned());
    for line in lines {
        // A reader that went away needs no more.
        let _ = output::line(&line);
    }
    Exit::Done
}

fn where_one_is(repository: Option<&Repository>) -> String {
    let Some(repository) = repository else {
        return "repository  none here: plans are run in a checkout of git (`git init`)".to_owned();
    };
    let base = repository.base(None).map(|base| format!("  {}@{}", base.name, base.commit.short()));
    let base = base.unwrap_or_else(|_| "  without a commit: `git commit` first".to_owned());
    format!("repository  {}{base}", repository.toplevel.display())
}

fn sandbox(host: &HostFacts) -> String {
    match policy::decide(&Request::git(), host, &Waivers::default()) {
        Decision::Allow(grant) => {
            let how = if grant.isolation() == Isolation::Bare { "without namespaces" } else { "full" };
            format!("sandbox     {how} (Landlock {})", grant.landlock())
        }
        Decision::Deny(reason) => format!("sandbox     none: {reason}; autopilot doctor"),
    }
}

fn agents(host: &HostFacts) -> String {
    let of = |kind: &'static agent::Kind| match (kind.find)(&host.path) {
        Ok(found) => format!("{} {}", kind.id.key(), found.version()),
        Err(_) => format!("no {}", kind.id.key()),
    };
    format!("agents      {}", agent::kinds().map(of).collect::<Vec<_>>().join(", "))
}

/// Returns what there is to say of each issue that has a plan or a run.
fn rows(repository: &Repository) -> BTreeMap<u64, Row> {
    let mut rows = BTreeMap::new();
    for found in plans::here().plans().unwrap_or_default() {
        let Some(issue) = found.issue else { continue };
        let row = match found.load() {
            Ok(loaded) => Row {
                title: output::cut(&loaded.plan.title, TITLE),
                stands: "never run".into(),
                next: format!("autopilot {issue}"),
            },
            Err(_) => Row {
                title: "–".into(),
                stands: "invalid plan".into(),
                next: format!("autopilot check {issue}"),
            },
        };
        rows.insert(issue, row);
    }
    let stands =
        State::find().ok().and_then(|state| status::latest(repository, &state).ok()).unwrap_or_default();
    for (issue, stands, next) in stands {
        let row = rows.entry(issue).or_default();
        row.stands = stands;
        row.next = if next.is_empty() { format!("autopilot view {issue}") } else { next };
    }
    rows
}

fn table(rows: &BTreeMap<u64, Row>) -> Vec<String> {
    let widest = |of: fn(&Row) -> &str| rows.values().map(|row| of(row).chars().count()).max().unwrap_or(0);
    let (title, stands) = (widest(|row| &row.title), widest(|row| &row.stands));
    let number = rows.keys().map(|issue| issue.to_string().len()).max().unwrap_or(0);
    rows.iter()
        .rev()
        .map(|(issue, row)| {
            let Row { title: own, stands: how, next } = row;
            format!("{issue:<number$}  {own:<title$}  {how:<stands$}  {next}")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_issue_is_a_line_with_its_command_the_newest_first() {
        let row = |title: &str, stands: &str, next: &str| Row {
            title: title.into(),
            stands: stands.into(),
            next: next.into(),
        };
        let rows = BTreeMap::from([
            (7, row("One", "failed", "autopilot logs 7 --failed")),
            (12, row("Twelve", "never run", "autopilot 12")),
        ]);
        assert_eq!(
            table(&rows),
            ["12  Twelve  never run  autopilot 12", "7   One     failed     autopilot logs 7 --failed"]
        );
    }
}
