//! What runs that have ended left behind: directories, locks, refs, processes, files of nobody.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::Host;
use super::code::Code;
use super::finding::Finding;
use crate::evidence::RunName;
use crate::worktree::Left;

/// Refs that a run holds only while it runs.
const PINS: &str = "refs/autopilot/";

/// Finds what is left of runs of a repository that are over.
pub(super) fn find(
    host: Host<'_>,
    left: &Left,
    checkouts: &[PathBuf],
    refs: Option<&HashMap<String, String>>,
) -> Vec<Finding> {
    let alive = alive(left);
    let mut findings = Vec::new();
    let mut wrong = |code, expected: &str, found: String| findings.push(Finding::new(code, expected, found));
    for (run, path) in left.dirs.iter().filter(|(run, _)| !alive.runs.contains(run)) {
        wrong(Code::StrayWorktree, "none", format!("{} of run {run}", path.display()));
    }
    for checkout in checkouts.iter().filter(|path| path.starts_with(host.state.root())) {
        wrong(Code::StrayWorktree, "none", format!("{}, a linked worktree", checkout.display()));
    }
    for (issue, path, holder) in &left.locks {
        if !alive.issues.contains(issue) {
            let who = holder.as_ref().map_or("nobody".to_owned(), |holder| format!("process {}", holder.pid));
            wrong(Code::StrayLock, "none", format!("{} of {who}, which is gone", path.display()));
        }
    }
    let mut pins: Vec<&String> =
        refs.into_iter().flat_map(HashMap::keys).filter(|name| name.starts_with(PINS)).collect();
    pins.sort();
    for name in pins {
        if !alive.runs.iter().any(|run| name.contains(run.as_str())) {
            wrong(Code::StrayRef, "none", name.clone());
        }
    }
    for (pid, run, what) in processes(&host.repository.key()) {
        if !alive.runs.contains(&run) {
            wrong(Code::StrayProcess, "none", format!("{pid} of run {run}: {what}"));
        }
    }
    findings
}

/// What still runs.
#[derive(Debug, Default)]
struct Alive {
    /// Names of runs.
    runs: HashSet<String>,
    issues: HashSet<u64>,
}

/// Finds the runs whose runner lives: the locks say so.
fn alive(left: &Left) -> Alive {
    let mut alive = Alive::default();
    for (issue, _, holder) in &left.locks {
        if let Some(holder) = holder.as_ref().filter(|holder| holder.may_be_alive()) {
            alive.runs.insert(holder.run.clone());
            alive.issues.insert(*issue);
        }
    }
    alive
}

/// Lists processes that have to do with a run of the repository: by command line, folder, or mounts, since a
/// confined process has the run's directories among its mounts, whatever it calls itself.
fn processes(key: &str) -> Vec<(u32, String, String)> {
    let own = std::process::id();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let folder = entry.path();
        if pid == own || is_zombie(&folder) {
            continue;
        }
        let command = text(&folder.join("cmdline")).replace('\0', " ");
        let cwd = fs::read_link(folder.join("cwd")).map(|path| path.to_string_lossy().into_owned());
        let texts = [command.clone(), cwd.unwrap_or_default(), text(&folder.join("mountinfo"))];
        let run = texts.iter().find_map(|text| run_in(text, key));
        found.extend(run.map(|run| (pid, run, command.trim().chars().take(120).collect())));
    }
    found.sort();
    found
}

fn text(path: &Path) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

fn is_zombie(folder: &Path) -> bool {
    text(&folder.join("stat")).rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z'))
}

/// Finds the name of a run's directory, `<run>-<key>`, in a text.
fn run_in(text: &str, key: &str) -> Option<String> {
    let suffix = format!("-{key}");
    text.match_indices(&suffix).find_map(|(at, _)| {
        let before = text.get(..at)?;
        let name = before.rsplit(['/', ' ']).next()?;
        name.parse::<RunName>().ok().map(|run| run.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_found_by_its_directory() {
        let text = "sleep 60 /s/runs/20261003T101500Z-653-0011aabbccdd/worktree";
        assert_eq!(run_in(text, "0011aabbccdd").as_deref(), Some("20261003T101500Z-653"));
        assert_eq!(run_in(text, "0011aabbccde"), None);
        assert_eq!(run_in("x-0011aabbccdd", "0011aabbccdd"), None);
    }
}
