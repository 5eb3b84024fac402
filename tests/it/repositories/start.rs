//! The checkout a run is started in, and the base it starts from.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use serde_json::Value;

use super::{assert_same, nothing_made, refused, run_without_trace, script};
use crate::common::{Ran, Repo};

#[test]
fn changes_of_the_user_stay_and_are_no_part_of_the_run() {
    let repo = Repo::new();
    repo.file("tracked", "committed\n");
    repo.file("deleted", "x\n");
    script(&repo, "cat tracked\ntest -e deleted\ntest ! -e untracked\necho made > made");
    repo.file("tracked", "changed\n");
    repo.file("staged", "x\n");
    repo.git(["add", "staged"]);
    repo.file("untracked", "x\n");
    fs::remove_file(repo.top().join("deleted")).unwrap();
    let ran = run_without_trace(&repo, 0);
    let said = ran.stdout.matches("uncommitted").count();
    assert_eq!(said, 1, "said once:\n{}", ran.stdout);
    assert!(repo.log().contains("committed\n"));
    assert_eq!(repo.git(["diff", "--name-only", "main", &repo.branch()]), "made");
}

#[test]
fn a_clean_checkout_is_not_called_dirty() {
    let repo = Repo::new();
    script(&repo, "echo made > made");
    run_without_trace(&repo, 0).hides("uncommitted");
    repo.autopilot(["7"]).exits(0).hides("uncommitted");
}

#[test]
fn a_detached_head_is_a_base() {
    let repo = Repo::new();
    script(&repo, "git log -1 --format=%s; echo made > made");
    repo.git(["checkout", "-q", "--detach"]);
    repo.git(["commit", "-q", "--allow-empty", "-m", "detached"]);
    run_without_trace(&repo, 0).says("HEAD@");
    assert!(repo.log().contains("detached"));
    assert_eq!(repo.git(["rev-parse", &format!("{}^", repo.branch())]), repo.git(["rev-parse", "HEAD"]));
}

#[test]
fn an_unborn_branch_is_refused() {
    let repo = Repo::empty();
    repo.git(["init", "-q"]);
    repo.plan_of(7, "", "  - {id: a, command: 'true'}\n");
    refused(&repo).says("has no commit yet");
}

/// Everything in a bare repository but result branches, objects and evidence.
fn of_bare(repo: &Repo, bare: &std::path::Path) -> String {
    let listed = Command::new("find")
        .args([".", "-path", "./objects", "-prune", "-o", "-path", "./.ai", "-prune", "-o"])
        .args(["-type", "f", "-not", "-path", "./refs/heads/autopilot/*", "-print"])
        .current_dir(bare)
        .output()
        .unwrap();
    let text = String::from_utf8(listed.stdout).unwrap();
    let mut files: Vec<String> =
        text.lines().map(|file| format!("{file}: {:?}\n", fs::read(bare.join(file)).unwrap())).collect();
    files.sort();
    files.concat() + &repo.git(["-C", bare.to_str().unwrap(), "config", "--list", "--local"])
}

#[test]
fn a_bare_repository_is_a_starting_place() {
    let repo = Repo::new();
    repo.file(
        ".ai/plans/7/change.patch",
        "--- a/README.md\n+++ b/README.md\n@@ -1 +1 @@\n-a scratch repository\n+patched\n",
    );
    repo.plan(
        "  - {id: a, command: 'test -e README.md; git log --oneline main; echo made > made'}
  - {id: b, apply: change.patch}
  - {id: c, command: 'echo lost > lost; exit 1', on_failure: ignore}\n",
    );
    let bare = repo.dir().join("bare.git");
    repo.git(["clone", "-q", "--bare", ".", bare.to_str().unwrap()]);
    let before = of_bare(&repo, &bare);
    let autopilot = |folder: &std::path::Path, args: &[&str]| {
        Ran::of(&repo.command(args).current_dir(folder).output().unwrap())
    };
    autopilot(&bare, &["check", "7"]).exits(0).says(".ai/plans/7/Autopilot.yaml");
    autopilot(&bare, &["7"]).exits(0).says("main@").hides("uncommitted");
    // From any folder in it, as anywhere; the plan from a file, if one is named.
    autopilot(&bare.join("refs"), &["7"]).exits(0);
    let plan = repo.top().join(".ai/plans/7/Autopilot.yaml");
    autopilot(&bare, &["7", "--plan", plan.to_str().unwrap()]).exits(0);
    assert_eq!(of_bare(&repo, &bare), before);
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    let git = |args: &[&str]| repo.git([&["-C", bare.to_str().unwrap()], args].concat());
    let branches = git(&["for-each-ref", "--format=%(refname)", "refs/heads/autopilot/"]);
    assert_eq!(branches.lines().count(), 3);
    for branch in branches.lines() {
        assert_eq!(git(&["show", &format!("{branch}:made")]), "made");
        assert_eq!(git(&["show", &format!("{branch}:README.md")]), "patched");
    }
    assert!(bare.join(".ai/logs/autopilot").is_dir(), "evidence lies in it");
    autopilot(&bare, &["status"]).exits(0).says("done");
    autopilot(&bare, &["audit", "7"]).exits(0).says("PASS");
    autopilot(&bare, &["8"]).exits(2).says("there is no plan for issue 8");
    autopilot(&repo.top().join(".git"), &["7"]).exits(2).says("start autopilot in the checkout");
}

#[test]
fn plans_of_a_bare_repository_are_those_of_its_head() {
    let repo = Repo::new();
    repo.plan_of(7, "", "  - {id: seven, apply: change.patch}\n");
    repo.file(".ai/plans/7/change.patch", "--- a/README.md\n");
    repo.plan_of(10, "", "  - {id: ten, command: 'true'}\n");
    repo.file(".ai/plans/notes.md", "no plan\n");
    repo.git(["add", "."]);
    repo.git(["commit", "-q", "-m", "plans"]);
    repo.plan_of(11, "", "  - {id: eleven, command: 'true'}\n");
    // Inside of a checkout with plans of its own, which are none of the bare repository's.
    repo.git(["clone", "-q", "--bare", ".", "bare.git"]);
    let bare = repo.top().join("bare.git");
    let autopilot = |args: &[&str]| Ran::of(&repo.command(args).current_dir(&bare).output().unwrap());
    let ran = autopilot(&["check"]).exits(0).says("seven").says("ten").hides("eleven");
    assert!(ran.stdout.find("seven") < ran.stdout.find("ten"), "by issue: {}", ran.stdout);
    let checked: Value = serde_json::from_str(&autopilot(&["check", "--json"]).exits(0).stdout).unwrap();
    let paths: Vec<&str> =
        checked["plans"].as_array().unwrap().iter().map(|plan| plan["path"].as_str().unwrap()).collect();
    assert_eq!(paths, [".ai/plans/7/Autopilot.yaml", ".ai/plans/10/Autopilot.yaml"]);
    autopilot(&["11"])
        .exits(2)
        .says("there is no plan for issue 11: HEAD:.ai/plans/11/Autopilot.yaml is missing")
        .says("hint: there are plans for 7, 10");
    // One that is wrong is said with its place, as in a checkout.
    repo.file(".ai/plans/10/Autopilot.yaml", "version: 1\nissue: 10\ntitle: Ten\nstep: []\n");
    repo.git(["commit", "-q", "-am", "wrong"]);
    repo.git(["push", "-q", "bare.git", "main"]);
    autopilot(&["check"]).exits(2).says("seven").says(".ai/plans/10/Autopilot.yaml:4:1");
}

#[test]
fn a_bare_repository_without_a_commit_has_no_plan() {
    let repo = Repo::empty();
    repo.git(["init", "-q", "--bare"]);
    repo.autopilot(["7"]).exits(2).says("there is no plan for issue 7");
    repo.autopilot(["check"]).exits(2).says("there are no plans");
    repo.autopilot(["status"]).exits(0);
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
}

#[test]
fn a_plan_is_written_in_a_worktree_of_a_bare_repository_and_not_into_the_repository() {
    let repo = Repo::new();
    let bare = repo.dir().join("bare.git");
    repo.git(["clone", "-q", "--bare", ".", bare.to_str().unwrap()]);
    let graph = repo.dir().join("Plans.md");
    fs::write(&graph, "# Nine\n\n### 1. Look\n\n- **ID**: `a`\n").unwrap();
    let before = of_bare(&repo, &bare);
    let init = ["init", "9", "--from", graph.to_str().unwrap()];
    let autopilot = |folder: &std::path::Path, args: &[&str]| {
        Ran::of(&repo.command(args).current_dir(folder).output().unwrap())
    };
    let ran = autopilot(&bare, &init).exits(2).says("bare.git is a bare repository: there is no checkout");
    assert_eq!(of_bare(&repo, &bare), before);
    assert!(!bare.join(".ai").exists());
    // What the hint says, word for word.
    let hint = ran.stderr.lines().find_map(|line| line.split_once("read from HEAD here: ")).unwrap().1;
    let made = Command::new("sh").args(["-euc", hint]).current_dir(&bare).output().unwrap();
    assert!(made.status.success(), "{hint}: {}", String::from_utf8_lossy(&made.stderr));
    let checkout = repo.dir().join("checkout");
    autopilot(&checkout, &init).exits(0).says(".ai/plans/9/Autopilot.yaml");
    autopilot(&checkout, &["check", "--plan-only"]).exits(0).says(".ai/plans/9/Autopilot.yaml");
    autopilot(&bare, &["check"]).exits(2).says("there are no plans");
    let git = ["-C", "../checkout", "-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"];
    repo.git([&git[..], &["add", "."]].concat());
    repo.git([&git[..], &["commit", "-q", "-m", "plan"]].concat());
    autopilot(&bare, &["check", "--plan-only"]).exits(0).says(".ai/plans/9/Autopilot.yaml");
}

#[test]
fn outside_of_a_repository_nothing_is_made() {
    let repo = Repo::empty();
    for args in [&["7"][..], &["status"], &["logs"]] {
        repo.autopilot(args).exits(2).says("is not in a git repository").says("hint: start autopilot in");
    }
    nothing_made(&repo);
}

#[test]
fn a_linked_worktree_of_the_user_is_a_starting_place() {
    let repo = Repo::new();
    script(&repo, "echo made > made");
    repo.git(["worktree", "add", "-q", "../linked", "-b", "side"]);
    let linked = repo.dir().join("linked");
    fs::write(linked.join("README.md"), "on the side\n").unwrap();
    repo.git(["-C", "../linked", "commit", "-q", "-am", "side"]);
    let before = repo.fingerprint();
    Ran::of(&repo.command(["7"]).current_dir(&linked).output().unwrap()).exits(0).says("side@");
    assert_same(&before, &repo.fingerprint());
    assert!(linked.join(".ai/logs/autopilot").is_dir(), "evidence lies where the run was started");
    assert!(!repo.top().join(".ai/logs").exists());
    assert_eq!(repo.on_branch("README.md"), "on the side");
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    assert_eq!(repo.git(["-C", "../linked", "status", "--porcelain"]), "");
}

#[test]
fn a_subdirectory_is_a_starting_place() {
    let repo = Repo::new();
    repo.file("deep/er/file", "x\n");
    script(&repo, "pwd; test -e README.md; echo made > made");
    let before = repo.fingerprint();
    let sub = repo.top().join("deep/er");
    Ran::of(&repo.command(["7"]).current_dir(&sub).output().unwrap()).exits(0);
    Ran::of(&repo.command(["status"]).current_dir(&sub).output().unwrap()).exits(0).says("done");
    assert_same(&before, &repo.fingerprint());
    assert_eq!(repo.evidence("summary-").len(), 1);
}

#[test]
fn variables_of_a_git_that_called_autopilot_lead_nowhere() {
    let repo = Repo::new();
    script(&repo, "git rev-parse --show-toplevel; echo made > made");
    let before = repo.fingerprint();
    let mut command = repo.command(["7"]);
    command.env("GIT_DIR", "/nonexistent").env("GIT_INDEX_FILE", "/nonexistent").env("GIT_WORK_TREE", "/");
    Ran::of(&command.output().unwrap()).exits(0);
    assert_same(&before, &repo.fingerprint());
}

#[test]
fn a_branch_that_blocks_the_result_is_refused_before_the_first_step() {
    let repo = Repo::new();
    script(&repo, "echo made > made");
    repo.git(["branch", "autopilot"]);
    refused(&repo).says("branch `autopilot`").says("git branch -m autopilot");
    repo.git(["branch", "-m", "autopilot", "mine"]);
    run_without_trace(&repo, 0);
}

#[test]
fn a_branch_that_cannot_be_made_fails_the_run_and_nothing_is_lost() {
    let repo = Repo::new();
    // Only there once the run has begun: somebody makes a branch meanwhile.
    repo.plan("  - {id: a, command: 'echo made > made; echo ready; sleep 2'}\n");
    let child = repo.start(["7"]);
    crate::common::wait_until(|| repo.log().contains("ready"));
    repo.git(["branch", "autopilot"]);
    let ran = Ran::of(&child.wait_with_output().unwrap());
    assert!(ran.code != 0, "{}", ran.stdout);
    let ran = ran.says("worktree kept at").says("refs/heads/autopilot");
    assert!(!ran.stdout.contains("done in"), "{}", ran.stdout);
    assert!(!repo.summary().contains('✅') || !repo.summary().starts_with("# ✅"), "{}", repo.summary());
    assert_eq!(repo.left_in_state().len(), 1, "the worktree is still there");
    repo.autopilot(["status"]).exits(0).says("failed");
}

#[test]
fn the_base_is_a_branch_a_tag_or_a_commit() {
    let repo = Repo::new();
    let first = repo.git(["rev-parse", "HEAD"]);
    repo.git(["tag", "-a", "v1", "-m", "one"]);
    repo.git(["branch", "side"]);
    repo.commit_file("later", "x\n");
    // A tag may have a branch's name: the branch is meant.
    repo.git(["tag", "side"]);
    for base in ["side", "v1", &first, &first[..10], "main~1", "refs/heads/side"] {
        // An uncommitted plan is a plan.
        repo.plan_of(
            7,
            &format!("base: '{base}'"),
            "  - {id: a, command: 'test ! -e later; echo made > made'}\n",
        );
        let before = repo.fingerprint();
        repo.run().exits(0);
        assert_same(&before, &repo.fingerprint());
        let branch = repo.branches().pop().unwrap();
        assert_eq!(repo.git(["rev-parse", &format!("{branch}^")]), first, "{base}");
    }
}

#[test]
fn a_base_that_is_none_is_refused() {
    let repo = Repo::new();
    let blob = repo.git(["rev-parse", "HEAD:README.md"]);
    for base in [
        "nonsense",
        "--upload-pack=touch tripped",
        "-x",
        "HEAD:README.md",
        &blob,
        "0000000000000000000000000000000000000000",
    ] {
        repo.plan_of(7, &format!("base: '{base}'"), "  - {id: a, command: 'true'}\n");
        refused(&repo).says("base");
    }
}

#[test]
fn a_result_branch_can_be_the_base_of_the_next_run() {
    let repo = Repo::new();
    script(&repo, "echo made > made");
    run_without_trace(&repo, 0);
    let first = repo.branch();
    repo.git(["switch", "-q", &first]);
    repo.plan_of(7, "", "  - {id: a, command: 'test -e made; echo more > more'}\n");
    repo.run().exits(0).says(&format!("{first}@"));
    assert_eq!(repo.branches().len(), 2);
}

#[test]
fn a_folder_of_an_odd_name_is_a_place_to_work_in() {
    for (name, code) in [("spa ce, :=\\ 'quo\"te' ünï".as_bytes(), 0), (b"new\nline", 0), (b"r\xe9po", 2)] {
        let repo = Repo::new();
        let odd = repo.dir().join(std::ffi::OsStr::from_bytes(name));
        script(&repo, "echo made > made");
        fs::rename(repo.top(), &odd).unwrap();
        let ran = Ran::of(&repo.command(["7"]).current_dir(&odd).output().unwrap());
        fs::rename(&odd, repo.top()).unwrap();
        let ran = ran.exits(code);
        if code == 0 {
            assert_eq!(repo.on_branch("made"), "made");
        } else {
            ran.says("is not UTF-8").says("move it");
            nothing_made(&repo);
        }
    }
}
