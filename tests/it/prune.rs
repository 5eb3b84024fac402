//! `autopilot prune`: old runs go, never what is nowhere else, and nothing without a word.

use crate::common::Repo;

/// Runs issue 7 once more.
fn again(repo: &Repo, steps: &str, code: i32) {
    repo.plan(steps);
    repo.run().exits(code);
}

const MAKES: &str = "  - {id: a, command: 'date +%s%N > made'}\n";

#[test]
fn old_runs_go_that_are_merged_or_pushed_and_the_others_stay() {
    let repo = Repo::new();
    again(&repo, MAKES, 0);
    let merged = repo.branches().pop().unwrap();
    repo.git(["merge", "-q", "--no-edit", &merged]);
    again(&repo, "  - {id: a, command: 'echo other > other'}\n", 0);
    again(&repo, "  - {id: a, command: 'echo half > half; exit 3'}\n", 1);
    again(&repo, "  - {id: a, command: 'true'}\n", 0);
    let before = (repo.branches(), repo.evidence(""));

    repo.autopilot(["prune"]).exits(0).says("no run goes");
    let told = repo.autopilot(["prune", "--older", "0d"]).exits(0);
    told.says("(on refs/heads/main, too)").says("is neither merged nor pushed").says("it has a salvage");
    assert_eq!((repo.branches(), repo.evidence("")), before, "only told");

    repo.autopilot(["prune", "--older", "0d", "--yes"]).exits(0).says("1 gone");
    assert!(!repo.branches().contains(&merged), "{:?}", repo.branches());
    assert_eq!(repo.branches().len(), 1, "what is nowhere else stays");
    assert_eq!(repo.evidence("status-").len(), 3);
    repo.autopilot(["audit", "--all"]).exits(0);
    repo.autopilot(["prune", "--older", "0d", "--yes"]).exits(0).says("no run goes");
    for wrong in [&["--older", "old"][..], &["--keep", "0"]] {
        repo.autopilot([&["prune"], wrong].concat()).exits(2);
    }
}

#[test]
fn a_branch_that_somebody_went_on_with_is_no_longer_the_one_that_was_merged() {
    let repo = Repo::new();
    again(&repo, MAKES, 0);
    let branch = repo.branches().pop().unwrap();
    repo.git(["merge", "-q", "--no-edit", &branch]);
    again(&repo, "  - {id: a, command: 'true'}\n", 0);
    repo.git(["checkout", "-q", &branch]);
    repo.autopilot(["prune", "--older", "0d", "--yes"]).exits(0).says("is checked out at");
    repo.file("more", "more");
    repo.commit("more");
    repo.git(["checkout", "-q", "main"]);
    repo.autopilot(["prune", "--older", "0d", "--yes"]).exits(0).says("is neither merged nor pushed");
    assert!(repo.branches().contains(&branch));
}
