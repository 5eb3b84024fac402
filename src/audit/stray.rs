//! Files in the folders of the evidence that belong to no run with a journal.

use std::fs;
use std::io;
use std::path::Path;

use super::code::Code;
use super::finding::Finding;
use crate::evidence::{LOGS_OF_STEPS, RunName};

/// Folder, and what stands before and behind a run's name in its files.
const NAMES: [(&str, &str, &str); 7] = [
    (LOGS_OF_STEPS, "autopilot-", ".log"),
    (".ai/logs/autopilot", "summary-", ".md"),
    (".ai/logs/autopilot", "FAILED-", ".log"),
    (".ai/logs/autopilot", "salvage-", ".bundle"),
    (".ai/logs/autopilot", "not-salvaged-", ".txt"),
    (".ai/logs/autopilot", "checkpoints-", ".bundle"),
    (".ai/logs/autopilot", "provenance-", ".json"),
];

/// Finds files of runs that have no journal; what has other names is a person's, and a note.
pub(super) fn find(top: &Path, runs: &[RunName], notes: &mut Vec<String>) -> io::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for folder in [LOGS_OF_STEPS, ".ai/logs/autopilot"] {
        for name in names(&top.join(folder))? {
            let path = format!("{folder}/{name}");
            match run_of(folder, &name) {
                Some(run) if runs.contains(&run) => {}
                Some(run) => {
                    let found = format!("{path}, and no journal of {run}");
                    findings.push(Finding::new(Code::FileStray, "no such file", found));
                }
                None if is_journal(&name) => {}
                None => notes.push(format!("{path} is not autopilot's")),
            }
        }
    }
    Ok(findings)
}

/// Returns the runs that files are named after, with a journal or without one.
pub(super) fn runs(top: &Path) -> io::Result<Vec<RunName>> {
    let mut runs = Vec::new();
    for folder in [LOGS_OF_STEPS, ".ai/logs/autopilot"] {
        runs.extend(names(&top.join(folder))?.iter().filter_map(|name| run_of(folder, name)));
    }
    Ok(runs)
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn run_of(folder: &str, name: &str) -> Option<RunName> {
    let of = |(own, prefix, suffix): &(&str, &str, &str)| {
        (*own == folder).then(|| name.strip_prefix(prefix)?.strip_suffix(suffix)?.parse().ok()).flatten()
    };
    NAMES.iter().find_map(of)
}

fn is_journal(name: &str) -> bool {
    let run = name.strip_prefix("status-").and_then(|name| name.strip_suffix(".log"));
    run.is_some_and(|run| run.parse::<RunName>().is_ok())
}
