//! Nothing is found in a run that nobody touched, however it ended.

use std::fs;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::forge::Forge;
use crate::common::program::open_folder;
use crate::common::{Ran, Repo, signal, wait_until};

fn passes(repo: &Repo) {
    repo.autopilot(["audit", "--all"]).exits(0).says("AUDIT PASS").hides("FAIL");
    repo.autopilot(["audit", "--all", "--evidence-only"])
        .exits(0)
        .says("AUDIT PASS")
        .says("repository  not checked")
        .says("leftovers   not checked");
}

#[test]
fn success_failure_and_a_retry_pass() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: one, command: 'echo one > one; echo hello', post: ['test -e one', [test, -e, one]]}
  - {id: two, command: 'echo half > half; test -e ~/tried || { touch ~/tried; exit 3; }', retries: 1, rollback: [echo undone, 'exit 5']}
  - {id: three, command: 'rm README.md; mkdir \"a b\"; echo x > \"a b/ü\"', on_failure: ignore, expectation: {exit_code: 3}}
  - {id: four, needs: [three], command: 'true'}
  - {id: five, command: [sh, -c, 'rm README.md; mkdir \"a b\"; echo x > \"a b/ü\"']}\n",
    );
    repo.run().exits(0);
    passes(&repo);
    repo.plan("  - {id: a, command: 'echo x > x; exit 3'}\n  - {id: b, command: 'true'}\n");
    repo.run().exits(1);
    passes(&repo);
    repo.plan("  - {id: a, command: 'true'}\n");
    repo.run().exits(0);
    passes(&repo);
    repo.plan_with(
        "limits: {consecutive_failures: 2}",
        "  - {id: a, command: 'false', on_failure: continue}\n  - {id: b, command: 'false', retries: 1}\n",
    );
    repo.run().exits(1);
    passes(&repo);
    repo.plan_with("limits: {timeout: 1s}", "  - {id: a, command: sleep 60}\n  - {id: b, command: 'true'}\n");
    repo.run().exits(1);
    passes(&repo);
    repo.plan("  - {id: a, command: sleep 60, timeout: 1s, rollback: ['true']}\n");
    repo.run().exits(1);
    passes(&repo);
    repo.plan("  - {id: a, command: /no/such/program}\n  - {id: b, command: [/no/such/program]}\n");
    repo.run().exits(1);
    passes(&repo);
}

#[test]
fn an_interrupted_run_passes() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo x > x; echo ready; sleep 60'}\n  - {id: b, command: 'true'}\n");
    let child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    repo.autopilot(["audit"]).exits(4).says("AP105 run-unfinished");
    signal(&child, Signal::SIGTERM);
    Ran::of(&child.wait_with_output().unwrap()).exits(143);
    passes(&repo);
}

#[test]
fn a_crashed_run_is_found_and_passes_once_it_was_picked_up() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo x > x'}\n  - {id: b, command: 'echo y > y; test -e ~/b || { touch ~/b; echo ready; sleep 60; }'}\n");
    let mut child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    child.kill().unwrap();
    child.wait().unwrap();
    let ran = repo.autopilot(["audit"]).exits(4).says("AP105 run-unfinished").says("AP301 stray-worktree");
    assert!(ran.stdout.contains("AUDIT FAIL"), "{}", ran.stdout);
    let plan = repo.read(".ai/plans/7/Autopilot.yaml").replace("sleep 60", "true");
    repo.file(".ai/plans/7/Autopilot.yaml", &plan);
    repo.run().exits(0).says("had crashed");
    passes(&repo);
}

/// A step that waits for ever in its first attempt, and passes in the next.
const SECOND_TIME: &str = "  - {id: a, command: 'echo a > a'}
  - {id: b, command: 'echo b > b; test -e ~/b || { touch ~/b; echo ready; sleep 600; }', retries: 1}
  - {id: c, command: 'echo c > c; exit 3', on_failure: ignore}
  - {id: d, needs: [c], command: 'true'}\n";

#[test]
fn a_resumed_run_passes_whatever_had_ended_it() {
    for how in [Signal::SIGINT, Signal::SIGKILL] {
        let repo = Repo::new();
        // HOME goes with the run's directory where the run was closed: a marker that both attempts see.
        let marker = repo.dir().join("marker");
        fs::create_dir(&marker).unwrap();
        open_folder(&marker, 0o777);
        open_folder(repo.dir(), 0o755);
        let marked = SECOND_TIME.replace("~/b", &format!("{}/b", marker.display()));
        repo.plan_with(&format!("defaults: {{filesystem: {{write: [{}]}}}}", marker.display()), &marked);
        let mut child = repo.start(["7"]);
        wait_until(|| repo.log().contains("ready"));
        signal(&child, how);
        child.wait().unwrap();
        repo.autopilot(["7", "--resume"]).exits(0);
        assert!(repo.events_of("resumed").len() == 1);
        passes(&repo);
    }
}

/// What had failed for good before a run went on still has when that was cut short at once and it goes on again.
#[test]
fn a_run_that_goes_on_again_before_it_came_to_a_step_passes() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: a, command: 'exit 3', on_failure: ignore}
  - {id: b, command: 'echo b > b; test -e ~/b || { touch ~/b; echo ready; sleep 600; }'}\n",
    );
    let mut child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    repo.kill(&mut child);
    let mut child = repo.start(["7", "--resume"]);
    let journal = repo.evidence("status-").pop().unwrap();
    wait_until(|| fs::read_to_string(&journal).unwrap().contains(r#""type":"resumed""#));
    repo.kill(&mut child);
    repo.autopilot(["7", "--resume"]).exits(0);
    assert_eq!(repo.events_of("resumed").len(), 2);
    passes(&repo);
}

/// Whoever ends it, whoever goes on, whoever picks it up: interrupted → goes on → killed → picked up by a plain run.
#[test]
fn a_run_that_was_interrupted_went_on_was_killed_and_was_picked_up_passes() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: a, command: 'echo a > a'}
  - {id: b, command: 'echo half > half; echo ready; while test ! -e ~/go; do sleep 0.05; done'}\n",
    );
    let ready = |times: usize| wait_until(|| repo.log().matches("ready").count() == times);
    let child = repo.start(["7"]);
    ready(1);
    signal(&child, Signal::SIGINT);
    Ran::of(&child.wait_with_output().unwrap()).exits(130);
    passes(&repo);
    let mut child = repo.start(["7", "--resume"]);
    ready(2);
    signal(&child, Signal::SIGKILL);
    child.wait().unwrap();
    wait_until(|| repo.processes().is_empty());
    repo.autopilot(["audit"]).exits(4).says("AP105 run-unfinished").says("AP301 stray-worktree");
    // The end that it had before it went on is not the end of what went on: it gets another one.
    repo.plan("  - {id: a, command: 'true'}\n");
    repo.run().exits(0).says("had crashed; its end is recorded");
    passes(&repo);
    let journal = repo.evidence("status-").remove(0);
    let events = Repo::chain(&journal);
    let ends = events.iter().filter(|event| event["type"] == "run.ended");
    let ends: Vec<&str> = ends.map(|event| event["result"].as_str().unwrap()).collect();
    assert_eq!(ends, ["interrupted", "crashed"]);
    // What both attempts had at hand is in one bundle.
    let bundle = repo.evidence("salvage-").pop().unwrap();
    let heads = repo.git(["bundle", "list-heads", bundle.to_str().unwrap()]);
    assert!(heads.contains("refs/salvage/b-1") && heads.contains("refs/salvage/b-2"), "{heads}");
}

#[test]
fn a_run_that_left_what_no_bundle_holds_passes() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo half > half; mkfifo pipe; mkdir empty; exit 3'}\n");
    repo.run().exits(1);
    assert_eq!(repo.evidence("not-salvaged-").len(), 1);
    passes(&repo);
}

#[test]
fn a_run_whose_worktree_was_kept_passes_before_and_after_that_goes() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo one > one'}\n  - {id: b, command: 'echo half > half; exit 3'}\n");
    repo.autopilot(["7", "--keep-worktree"]).exits(1);
    repo.autopilot(["audit"]).exits(4).says("AP301 stray-worktree").says("--kept");
    repo.autopilot(["clean", "--kept"]).exits(0);
    passes(&repo);
}

#[test]
fn runs_of_shared_objects_of_patches_and_side_by_side_pass() {
    let repo = Repo::new();
    repo.file(".ai/plans/2/one.patch", "--- /dev/null\n+++ b/one\n@@ -0,0 +1 @@\n+one\n");
    repo.plan_of(1, "share_objects: true", "  - {id: a, command: 'echo one > one'}\n");
    repo.plan_of(2, "", "  - {id: a, apply: one.patch}\n");
    repo.plan_of(3, "", "  - {id: a, command: 'exit 3'}\n");
    repo.commit("plans");
    repo.autopilot(["1", "2", "3", "--jobs", "3"]).exits(1);
    passes(&repo);
}

#[test]
fn a_clock_that_went_back_is_a_note() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo x > x'}\n");
    repo.run().exits(0);
    let forge = Forge::new(&repo.top(), repo.events()[0]["run"].as_str().unwrap());
    forge.edit(|lines| lines[0]["ts"] = "2099-01-01T00:00:00.000Z".into());
    // Its provenance has the beginning as well: that is another finding, and the only one.
    forge.edit_provenance(|statement| {
        statement["predicate"]["runDetails"]["metadata"]["startedOn"] = "2099-01-01T00:00:00.000Z".into();
    });
    repo.autopilot(["audit"]).exits(0).says("the clock went back before line 2");
    repo.autopilot(["status"]).exits(0);
}

#[test]
fn a_run_that_anything_tells_of_is_missed() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo made > made'}\n");
    repo.run().exits(0);
    let name = repo.events()[0]["run"].as_str().unwrap().to_owned();
    let journal = repo.evidence("status-").pop().unwrap();
    fs::remove_file(&journal).unwrap();
    let missed = |args: &[&str]| drop(repo.autopilot(args).exits(4).says("AP108 evidence-missing"));
    let all: [&[&str]; 4] = [&["audit"], &["audit", "--all"], &["audit", "7"], &["audit", &name]];
    for args in all {
        missed(args);
    }
    missed(&["audit", "--evidence-only"]);
    // The branch alone tells of it as well.
    fs::remove_dir_all(repo.top().join(".ai/logs")).unwrap();
    for args in all {
        missed(args);
    }
    repo.autopilot(["audit", "8"]).exits(2).says("no run `8`");
}

#[test]
fn json_tells_each_check_and_each_finding() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo x > x'}\n");
    let run: Value = serde_json::from_str(&repo.autopilot(["7", "--json"]).exits(0).stdout).unwrap();
    let audit = |code| -> Value {
        serde_json::from_str(&repo.autopilot(["audit", "7", "--json"]).exits(code).stdout).unwrap()
    };
    let good = audit(0);
    assert_eq!((&good["v"], &good["verdict"]), (&1.into(), &"pass".into()));
    assert_eq!(good["runs"][0]["head"], run["head"]);
    let verdicts = good["runs"][0]["checks"].as_array().unwrap();
    assert!(verdicts.len() >= 6 && verdicts.iter().all(|check| check["verdict"] == "pass"), "{good:#}");

    fs::remove_file(repo.evidence("summary-").pop().unwrap()).unwrap();
    let bad = audit(4);
    assert_eq!((&bad["verdict"], &bad["findings"]), (&"fail".into(), &1.into()));
    let finding = &bad["runs"][0]["checks"][1]["findings"][0];
    assert_eq!((&finding["code"], &finding["name"]), (&"AP201".into(), &"file-missing".into()));
    assert!(finding["fix"].as_str().unwrap().len() > 10, "{finding}");
}

#[test]
fn heads_known_from_elsewhere_are_compared() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo x > x'}\n");
    let heads = |runs: &[&Value]| {
        let line =
            |run: &&Value| format!("{} {}\n", run["run"].as_str().unwrap(), run["head"].as_str().unwrap());
        repo.file("../heads", &runs.iter().map(line).collect::<String>());
        repo.autopilot(["audit", "--all", "--evidence-only", "--heads", "../heads"])
    };
    let run = || -> Value { serde_json::from_str(&repo.autopilot(["7", "--json"]).exits(0).stdout).unwrap() };
    let (one, two) = (run(), run());
    heads(&[&one, &two]).exits(0);
    heads(&[&one]).exits(4).says("AP211 head-unknown");
    let mut other = two.clone();
    other["head"] = one["head"].clone();
    heads(&[&one, &other]).exits(4).says("AP210 head-differs");
    other["run"] = "20261003T101500Z-653".into();
    heads(&[&one, &two, &other]).exits(4).says("AP108 evidence-missing");
    repo.file("../heads", "nonsense\n");
    repo.autopilot(["audit", "--heads", "../heads"]).exits(2).says("line 1");
}

/// From wherever a run is started, its plan is found where it is committed; changed since, it is in no commit.
#[test]
fn the_commit_that_holds_the_plan_is_told_and_holds_it() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'true'}\n");
    let head = repo.git(["rev-parse", "HEAD"]);
    let told = |repo: &Repo| {
        let journal = repo.evidence("status-").pop().unwrap();
        Repo::chain(&journal).swap_remove(0)["plan_commit"].as_str().unwrap().to_owned()
    };
    repo.run().exits(0);
    assert_eq!(told(&repo), head);
    repo.file("below/x", "x");
    let mut below = repo.command(["7", "--plan", "../.ai/plans/7/Autopilot.yaml"]);
    Ran::of(&below.current_dir(repo.top().join("below")).output().unwrap()).exits(0);
    assert_eq!(told(&repo), head);
    repo.plan_of(7, "", "  - {id: a, command: 'true && true'}\n");
    repo.run().exits(0);
    assert_eq!(told(&repo), "uncommitted");
    passes(&repo);
}
