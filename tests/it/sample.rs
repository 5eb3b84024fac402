//! What the first user does: the sample plan on a fresh clone; and how a run looks that fails, or needs its retry.

use std::fs;
use std::path::Path;

use crate::common::{Repo, wait_until};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Clones this repository as it is committed; where it is none (a packaged source), makes one of its parts.
pub(crate) fn clone() -> Repo {
    if root().join(".git").exists()
        && let Some(repo) = Repo::cloned(root())
    {
        return repo;
    }
    eprintln!(
        "THIS IS NO GIT CHECKOUT: the sample plan runs in a scratch repository of its files, not in a clone"
    );
    let repo = Repo::new();
    for folder in ["docs/examples", ".ai/plans", "scripts"] {
        copy(&root().join(folder), &repo.top().join(folder));
    }
    repo.commit("the sample");
    repo
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn the_sample_plan_does_its_work_on_a_fresh_clone_and_leaves_no_trace() {
    let repo = clone();
    let before = repo.fingerprint();
    let head = repo.git(["rev-parse", "HEAD"]);
    repo.autopilot(["646"]).exits(0).says("done in").says("2 commits").says("worktree removed");

    let names: Vec<String> = repo.evidence("").iter().map(|path| name(path)).collect();
    let run = names[0].strip_prefix("provenance-").unwrap().strip_suffix(".json").unwrap();
    let stamp = run.strip_suffix("-646").unwrap();
    assert_eq!(
        names,
        [format!("provenance-{run}.json"), format!("status-{run}.log"), format!("summary-{run}.md"),]
    );
    assert!(repo.top().join(format!(".ai/logs/codex/autopilot-{run}.log")).is_file());
    assert!(repo.summary().starts_with("# ✅ #646 done"), "{}", repo.summary());

    assert_eq!(repo.branch(), format!("autopilot/issue-646-{stamp}"));
    let changed = repo.git(["diff", "--name-only", &head, &repo.branch()]);
    assert_eq!(changed, "docs/examples/roman/src/lib.rs");
    assert!(repo.on_branch("docs/examples/roman/src/lib.rs").contains("pub fn from_roman"));
    assert_eq!(
        repo.git(["merge-base", &head, &repo.branch()]),
        head,
        "the branch stands on what was checked out"
    );

    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    // The confined side that is kept ready ends with its runner: a moment later.
    wait_until(|| repo.processes().is_empty());
    assert_eq!(repo.fingerprint(), before);
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

fn fixture(which: &str) -> Repo {
    let repo = Repo::new();
    let plan = root().join("tests/fixtures/runs").join(which).join("Autopilot.yaml");
    repo.file(".ai/plans/7/Autopilot.yaml", &fs::read_to_string(plan).unwrap());
    repo.commit("plan");
    repo
}

#[test]
fn a_failing_run_says_which_step_and_why_and_saves_what_it_was_at() {
    let repo = fixture("failing");
    let before = repo.fingerprint();
    repo.run().exits(1).says("failed after").says("exit 3").says("it does not work");
    assert_eq!(repo.steps(), ["prepare:passed", "break:failed", "after:skipped"]);

    let failed = repo.failed();
    assert!(failed.starts_with("FAILED: run "), "{failed}");
    for part in
        ["step      break", "why       exit 3", "  it does not work", "skipped   after", "passed    prepare"]
    {
        assert!(failed.contains(part), "{part} is not in\n{failed}");
    }
    assert_eq!(repo.on_branch("fine"), "fine");

    // The commands that the report names bring back what the step left.
    let commands: Vec<&str> = failed.split("Take over\n").nth(1).unwrap().lines().map(str::trim).collect();
    for command in commands.iter().filter(|command| command.starts_with("git fetch")) {
        let words: Vec<&str> = command.split(' ').skip(1).map(|word| word.trim_matches('\'')).collect();
        repo.git(words);
    }
    assert_eq!(repo.git(["show", "refs/salvage/break-1:README.md"]), "broken");
    assert_eq!(repo.git(["show", "refs/salvage/break-1:half"]), "half");
    repo.git(["update-ref", "-d", "refs/salvage/break-1"]);
    let _ = fs::remove_file(repo.top().join(".git/FETCH_HEAD"));

    assert!(repo.summary().starts_with("# ❌ #7 failed at `break`"), "{}", repo.summary());
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    wait_until(|| repo.processes().is_empty());
    assert_eq!(repo.fingerprint(), before);
}

#[test]
fn a_run_that_needs_its_retry_is_done() {
    let repo = fixture("retrying");
    let before = repo.fingerprint();
    repo.run().exits(0).says("attempt 1/2").says("not yet").says("attempt 2/2");
    assert_eq!(repo.steps(), ["flaky:passed"]);
    assert_eq!(repo.events_of("attempt.ended").len(), 2);
    assert_eq!(repo.on_branch("whole"), "half");
    assert!(repo.evidence("FAILED-").is_empty());
    assert!(repo.summary().contains("`flaky` attempt 1 failed"), "{}", repo.summary());
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    assert_eq!(repo.fingerprint(), before);
}
