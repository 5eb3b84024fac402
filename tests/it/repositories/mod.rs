//! Every kind of repository and every kind of step: the work arrives, the user's repository stays as it was.

mod base;
mod files;
mod hostile;
mod ignore;
mod kinds;
mod lacking;
mod lfs;
mod object_cache;
mod own_git;
mod processes;
mod property;
mod removal;
mod replays;
mod settings;
mod setup;
mod start;
mod steps;

use crate::common::{Ran, Repo};

/// Runs the plan and demands that nothing of it is left but branch and evidence.
#[track_caller]
pub(crate) fn run_without_trace(repo: &Repo, code: i32) -> Ran {
    let before = repo.fingerprint();
    let ran = repo.run().exits(code);
    assert_same(&before, &repo.fingerprint());
    assert_eq!(repo.left_in_state(), Vec::<String>::new(), "{}{}", ran.stdout, ran.stderr);
    ran
}

/// Runs the plan and demands that it is refused before anything is made.
#[track_caller]
pub(crate) fn refused(repo: &Repo) -> Ran {
    let before = repo.fingerprint();
    let ran = repo.run().exits(2);
    assert_same(&before, &repo.fingerprint());
    nothing_made(repo);
    ran
}

#[track_caller]
pub(crate) fn nothing_made(repo: &Repo) {
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    assert!(!repo.top().join(".ai/logs").exists(), "evidence of a run that never was");
}

#[track_caller]
pub(crate) fn assert_same(before: &str, after: &str) {
    let changed: Vec<String> =
        after.lines().filter(|line| !before.contains(line)).map(|l| format!("+{l}\n")).collect();
    let gone: Vec<String> =
        before.lines().filter(|line| !after.contains(line)).map(|l| format!("-{l}\n")).collect();
    assert!(before == after, "the repository changed:\n{}{}", gone.concat(), changed.concat());
}

/// Writes a step whose command is this script.
pub(crate) fn script(repo: &Repo, lines: &str) {
    let indented: Vec<String> = lines.lines().map(|line| format!("      {line}\n")).collect();
    repo.plan(&format!("  - id: a\n    command: |\n{}", indented.concat()));
}

/// Returns the paths of the result branch, raw.
pub(crate) fn names(repo: &Repo) -> Vec<Vec<u8>> {
    let listed = repo.git_bytes(["ls-tree", "-r", "-z", "--name-only", &repo.branch()]);
    listed.split(|&byte| byte == 0).filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect()
}

pub(crate) fn modes(repo: &Repo) -> String {
    repo.git(["ls-tree", "-r", "--format=%(objectmode) %(path)", &repo.branch()])
}

/// Tells whether the tests run as root.
pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}
