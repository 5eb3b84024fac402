//! `autopilot checkout`: what a run came to, in a worktree of its own or here, and nothing of it runs.

use std::fs;
use std::path::Path;

use crate::common::Repo;
use crate::common::program::write_program;

/// What a file holds of the worktree of an issue, beside the checkout.
fn beside(repo: &Repo, issue: u64, file: &str) -> String {
    fs::read_to_string(repo.top().with_file_name(format!("repo-{issue}")).join(file)).unwrap()
}

#[test]
fn two_issues_with_a_failing_step_of_one_name_each_hand_out_their_own_work() {
    let repo = Repo::new();
    for issue in [7, 8] {
        repo.plan_of(issue, "", &format!("  - {{id: test, command: 'echo {issue} > work; exit 3'}}\n"));
        repo.autopilot([issue.to_string()]).exits(1);
    }
    for issue in [7, 8] {
        let ran = repo.autopilot(["checkout", &issue.to_string()]).exits(0);
        ran.says("what test-1 of run").says(&format!("folder   ../repo-{issue}"));
        assert_eq!(beside(&repo, issue, "work"), format!("{issue}\n"));
    }
    // So do the commands that the reports name.
    for report in repo.evidence("FAILED-") {
        let text = fs::read_to_string(&report).unwrap();
        let run = text.lines().next().unwrap().split(' ').nth(2).unwrap().to_owned();
        let fetch = text.lines().find(|line| line.trim().starts_with("git fetch")).unwrap();
        repo.git(fetch.split_whitespace().skip(1).map(|word| word.trim_matches('\'')));
        let issue = run.rsplit_once('-').unwrap().1;
        assert_eq!(repo.git(["show", &format!("refs/salvage/{run}/test-1:work")]), issue);
    }
}

#[test]
fn a_result_goes_beside_or_where_one_says_and_once() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo x > made'}\n");
    repo.run().exits(0);
    repo.autopilot(["checkout", "7"])
        .exits(0)
        .says("the result of run")
        .says("git worktree remove ../repo-7");
    assert_eq!(beside(&repo, 7, "made"), "x\n");
    repo.autopilot(["checkout", "7"]).exits(2).says("is there already");
    repo.autopilot(["checkout", "7", "../other"]).exits(2).says("is checked out already, at");
    repo.git(["worktree", "remove", "../repo-7"]);
    repo.autopilot(["checkout", "7", "../other"]).exits(0).says("folder   ../other");
    repo.autopilot(["checkout", "8"]).exits(2);
    repo.plan("  - {id: a, command: 'exit 3'}\n");
    repo.run().exits(1);
    repo.autopilot(["checkout", "7"]).exits(2).says("left nothing");
}

#[test]
fn the_users_own_checkout_is_taken_only_where_nothing_of_it_can_be_lost() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: a, command: 'echo x > made; mkdir target; echo theirs > target/x; git add -f target/x'}\n",
    );
    repo.run().exits(0);
    repo.git(["reset", "-q", "--hard"]);
    repo.file("mine", "mine");
    repo.autopilot(["checkout", "7", "--here"]).exits(2).says("files that git does not know");
    fs::remove_file(repo.top().join("mine")).unwrap();
    repo.file("README.md", "changed");
    repo.autopilot(["checkout", "7", "--here"]).exits(2).says("not committed");
    repo.git(["checkout", "-q", "README.md"]);
    repo.autopilot(["checkout", "7", "--here"]).exits(0).hides("worktree remove");
    assert_eq!(repo.read("made"), "x\n");
    repo.autopilot(["checkout", "7", "--here", "dir"]).exits(2);
}

/// A result may have any attribute, name and submodule: none of the user's programs looks at it.
#[test]
fn nothing_runs_over_what_is_checked_out() {
    let repo = Repo::new();
    let trace = repo.dir().join("trace");
    let touch = format!("touch {}", trace.display());
    repo.plan(
        r#"  - id: a
    command: |
      echo '* filter=own' > .gitattributes; echo raw > x; mkdir .githooks; echo bad > .githooks/post-checkout
      printf '[submodule "s"]\n\tpath = s\n\turl = ext::sh -c touch% %s\n' > .gitmodules
      exit 3
"#,
    );
    repo.run().exits(1);
    for key in ["smudge", "clean", "process"] {
        repo.git(["config", &format!("filter.own.{key}"), &format!("{touch}; cat")]);
    }
    repo.git(["config", "submodule.recurse", "true"]);
    repo.git(["config", "core.fsmonitor", &touch]);
    for hook in ["post-checkout", "reference-transaction", "post-index-change"] {
        write_program(&repo.top().join(".git/hooks").join(hook), &format!("#!/bin/sh\n{touch}\n"));
    }
    repo.autopilot(["checkout", "7"]).exits(0);
    assert!(!Path::new(&trace).exists(), "something ran");
    assert_eq!(beside(&repo, 7, "x"), "raw\n");
}
