//! Replays: a run is done again from its record alone, comes to the same or says the first difference, and leaves nothing behind.

use std::fs;

use serde_json::{Value, json};

use crate::agents;
use crate::common::program::open_folder;
use crate::common::{Ran, Repo, wait_until};

/// Runs the tests below `tests`, and reports them.
const TESTS: &str = r#"
mkdir -p out
{
  echo '<testsuites><testsuite name="t">'
  for test in tests/*; do
    if sh "$test"; then echo "<testcase classname='t' name='$test'/>"; else
      echo "<testcase classname='t' name='$test'><failure message='no'/></testcase>"; fi
  done
  echo '</testsuite></testsuites>'
} > out/report.xml
"#;

const PATCH: &str = "diff --git a/patched b/patched
new file mode 100755
index 0000000000000000000000000000000000000000..1269488f7fb1f4b56a8c0e5eb48cecbfadfa9219
--- /dev/null
+++ b/patched
@@ -0,0 +1 @@
+data
";

/// Steps of every kind: a command, a patch, an agent, retries, a failure that does not matter, effects outside.
fn every_kind(repo: &Repo) {
    repo.file(".gitignore", "out/\ntarget/\n");
    repo.file("tests/old", "test -e lib\n");
    repo.file(".ai/plans/7/change.patch", PATCH);
    let outside = repo.dir().join("outside");
    fs::create_dir(&outside).unwrap();
    open_folder(&outside, 0o777);
    let deploy = format!("echo once >> {}; echo deployed > deployed", outside.join("done").display());
    let steps = [
        json!({"id": "files", "post": ["test -x run"],
            "command": "head -c 3000 /dev/urandom > blob; printf '#!/bin/sh\\n' > run; chmod +x run; ln -s run link; rm README.md",
            "varies": ["blob"]}),
        json!({"id": "patch", "apply": "change.patch", "post": ["test -x patched"], "expectation": {"changes": {"max": 1}}}),
        json!({"id": "agent", "codex": "Do it", "dir": "tests", "post": ["test -e ../by-agent"],
            "expectation": {"files_exist": ["by-agent"]}}),
        json!({"id": "tried", "command": "test -e ~/tried || { touch ~/tried; exit 3; }; echo x > tried", "retries": 1,
            "rollback": ["echo undone"]}),
        json!({"id": "ignored", "command": "echo half > half; exit 4", "on_failure": "ignore", "rollback": ["echo undone"]}),
        json!({"id": "deploy", "command": deploy, "filesystem": {"write": [outside]}, "outside": true}),
        json!({"id": "last", "needs": ["deploy"], "command": "cat deployed patched > last", "expectation": {"exit_code": 0}}),
    ];
    let steps: String = steps.iter().map(|step| format!("  - {step}\n")).collect();
    let model = "codex: {model: m, provider: {base_url: \"http://127.0.0.1:9/v1\"}}";
    repo.plan_with(model, &steps);
}

fn replay(repo: &Repo, args: &[&str]) -> Ran {
    repo.autopilot([&["replay"][..], args].concat())
}

#[test]
fn every_kind_of_step_replays_to_the_same_files_when_its_branch_is_gone() {
    let repo = agents::repo("begin; echo agent > ../by-agent; printf 'a\\000b' > ../binary; say done; end");
    every_kind(&repo);
    Ran::of(&agents::command(&repo, &["7"]).output().unwrap()).exits(0);
    let run = repo.events()[0]["run"].as_str().unwrap().to_owned();
    let branch = repo.branch();
    repo.git(["branch", "-q", "-D", &branch]);
    repo.git(["reflog", "expire", "--expire=now", "--all"]);
    repo.git(["gc", "-q", "--prune=now"]);
    let before = repo.fingerprint();
    // No agent is there any more.
    let told = replay(&repo, &["7", "--json"]).exits(0);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!((told["run"].as_str(), told["verdict"].as_str()), (Some(&*run), Some("same")), "{told}");
    let ways: Vec<_> = told["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (step["id"].as_str().unwrap(), step["way"].as_str().unwrap()))
        .collect();
    let expected = [
        ("files", "done again"),
        ("patch", "as recorded"),
        ("agent", "as recorded"),
        ("tried", "done again"),
        ("deploy", "as recorded, outside"),
        ("last", "done again"),
    ];
    assert_eq!(ways, expected);
    assert_eq!(fs::read_to_string(repo.dir().join("outside/done")).unwrap(), "once\n");
    assert_eq!(repo.fingerprint(), before, "the replay left something in the checkout");
    assert_eq!(repo.left_in_state(), [""; 0]);
    assert_eq!(repo.branches(), [""; 0]);
    assert!(repo.summary().contains(&format!("**Replay:** `autopilot replay {run}`")), "{}", repo.summary());
}

#[test]
fn a_proof_is_made_again_on_what_is_laid_on() {
    let repo = Repo::new();
    repo.file("check.sh", TESTS);
    repo.file(".gitignore", "out/\n");
    repo.file("tests/old", "test ! -e broken\n");
    repo.file(".ai/plans/7/change.patch", PATCH);
    let proves = json!({"tests": ["tests/**"], "command": "sh check.sh", "refactor": true,
        "report": {"format": "junit", "path": "out/report.xml"}});
    let laid = json!({"id": "patch", "apply": "change.patch", "expectation": {"proves": proves}});
    repo.plan(&format!("  - {laid}\n"));
    repo.run().exits(0);
    assert!(!repo.events_of("proof.ran").is_empty());
    replay(&repo, &["7"]).exits(0).says("same verdicts, same files");
    // On a base where a test fails, the proof tells so.
    repo.commit_file("broken", "x\n");
    replay(&repo, &["7", "--onto", "main"]).exits(1).says("step `patch`");
}

#[test]
fn a_bundle_that_is_broken_is_refused_and_one_that_is_gone_is_done_without_while_the_branch_is_there() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: a, command: 'echo a > a', outside: true}
  - {id: b, command: 'echo b > b; exit 3', on_failure: continue}
  - {id: c, command: 'cat a > c'}\n",
    );
    repo.run().exits(1);
    replay(&repo, &["7"]).exits(0).says("same verdicts, same files");
    let bundle = repo.evidence("checkpoints-").pop().unwrap();
    let whole = fs::read(&bundle).unwrap();
    let branch = repo.branch();
    let tip = repo.git(["rev-parse", &branch]);
    repo.git(["branch", "-q", "-D", &branch]);
    repo.git(["reflog", "expire", "--expire=now", "--all"]);
    repo.git(["gc", "-q", "--prune=now"]);
    for bytes in [&b"no bundle"[..], &whole[..whole.len() - 30]] {
        fs::write(&bundle, bytes).unwrap();
        replay(&repo, &["7"]).exits(3).says("cannot be replayed");
    }
    fs::remove_file(&bundle).unwrap();
    replay(&repo, &["7"]).exits(3).says("is neither in a bundle beside its journal nor in the repository");
    fs::write(&bundle, &whole).unwrap();
    repo.git([
        "fetch",
        "-q",
        bundle.to_str().unwrap(),
        &format!("refs/autopilot/delivered:refs/heads/{branch}"),
    ]);
    assert_eq!(repo.git(["rev-parse", &branch]), tip);
    fs::remove_file(&bundle).unwrap();
    replay(&repo, &["7"]).exits(0).says("same verdicts, same files");
}

#[test]
fn a_step_that_comes_to_something_else_is_the_first_difference() {
    let repo = Repo::new();
    repo.plan("  - {id: same, command: 'echo 1 > one'}\n  - {id: other, command: 'head -c 8 /dev/urandom > two; echo x > dist'}\n");
    repo.run().exits(0);
    replay(&repo, &["7"])
        .exits(1)
        .says("does not replay: step `other`, files")
        .says("recorded  tree ")
        .says("differs   two");
    let told = replay(&repo, &["7", "--json"]).exits(1);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    let found = &told["difference"];
    assert_eq!((found["step"].as_str(), found["what"].as_str()), (Some("other"), Some("tree")), "{told}");
    assert_eq!(found["paths"], json!(["two"]));
}

#[test]
fn on_another_base_verdicts_are_compared_and_a_change_that_does_not_fit_is_said() {
    let repo = Repo::new();
    repo.file("lib", "old\n");
    repo.file(".ai/plans/7/change.patch", PATCH);
    repo.plan("  - {id: patch, apply: change.patch}\n  - {id: test, command: 'grep -q old lib'}\n");
    repo.run().exits(0);
    repo.git(["checkout", "-q", "-b", "later"]);
    repo.commit_file("beside", "x\n");
    replay(&repo, &["7", "--onto", "later"]).exits(0).says("same verdicts");
    repo.commit_file("lib", "new\n");
    replay(&repo, &["7", "--onto", "later"]).exits(1).says("step `test`, result").says("failed: exit 1");
    repo.commit_file("patched", "somebody's\n");
    replay(&repo, &["7", "--onto", "later"]).exits(1).says("step `patch`, result");
}

#[test]
fn what_cannot_be_replayed_is_known_when_the_run_ends() {
    let needs = [
        "  - {id: make, command: 'mkdir -p target; echo x > target/x', outside: true}
  - {id: use, command: 'test -e target/x'}\n",
        "  - {id: make, command: 'echo x > ~/h', network: {allow: [a.example.org]}}
  - {id: use, command: 'test -e ~/h'}\n",
    ];
    for steps in needs {
        let repo = Repo::new();
        repo.plan(steps);
        repo.run().exits(0);
        assert!(
            repo.summary().contains("not possible: step `use` is done again and needs `"),
            "{}",
            repo.summary()
        );
        replay(&repo, &["7"]).exits(3).says("cannot be replayed: step `use` is done again and needs `");
    }
    let repo = Repo::new();
    repo.plan(&format!("  - {{id: a, command: 'echo {}_{}'}}\n", "ghp", "a1B2".repeat(9)));
    repo.run().exits(0);
    assert!(repo.summary().contains("its plan is recorded masked"), "{}", repo.summary());
    replay(&repo, &["7"]).exits(3).says("its plan is recorded masked");
}

/// A record is anybody's: what its plan asks for beyond its worktree is not given, and its steps see nothing.
#[test]
fn a_hostile_record_gets_nothing_of_the_host() {
    let repo = Repo::new();
    let secret = repo.home().join(".ssh/id");
    fs::create_dir_all(secret.parent().unwrap()).unwrap();
    fs::write(&secret, "the-key").unwrap();
    let outside = repo.dir().join("outside");
    fs::create_dir(&outside).unwrap();
    open_folder(&outside, 0o777);
    let open = json!({"id": "a", "command": format!("cat {0}; echo x > {1}/x; true", secret.display(), outside.display()),
        "filesystem": {"read": [secret], "write": [outside]}});
    repo.plan(&format!("  - {open}\n"));
    repo.run().exits(0);
    assert!(outside.join("x").exists(), "the user's own run may");
    fs::remove_file(outside.join("x")).unwrap();
    replay(&repo, &["7"])
        .exits(3)
        .says("a plan that the author of a record wrote gets no path outside of its worktree");
    assert!(!outside.join("x").exists());
    let fetch = "  - {id: a, command: 'echo hi', network: {allow: [a.example.org]}, outside: false}\n";
    repo.plan(fetch);
    repo.run().exits(0);
    replay(&repo, &["7"]).exits(3).says("reaches no network unless it is trusted").says("--trust");
    replay(&repo, &["7", "--trust"]).exits(0).says("step `a` of the record reaches a.example.org:443");
    let inherited = "  - {id: a, command: 'echo hi', env: [LANG]}\n";
    repo.plan(inherited);
    repo.run().exits(0);
    replay(&repo, &["7"]).exits(3).says("gets nothing of the host's environment");
}

/// A run whose second step takes its time, killed in it so many times; what goes on with it is the last of these.
fn killed(times: usize) -> Repo {
    let repo = Repo::new();
    repo.plan(
        "  - {id: a, command: 'echo one > one', outside: true}
  - {id: b, command: 'test ! -e half; echo half > half; echo ready; sleep 8; rm half; cat one > two', clean_ignored: true}
  - {id: c, command: 'cat two > three'}\n",
    );
    let mut child = repo.start(["7"]);
    for time in 1..=times {
        wait_until(|| repo.evidence("status-").len() == 1 && repo.log().matches("ready").count() >= time);
        repo.kill(&mut child);
        if time < times {
            child = repo.start(["7", "--resume"]);
        }
    }
    repo
}

#[test]
fn a_run_that_was_killed_and_one_that_went_on_twice_replay_to_the_same_files() {
    for times in [1, 2] {
        let repo = killed(times);
        repo.autopilot(["7", "--resume"]).exits(0);
        assert_eq!(repo.events_of("resumed").len(), times);
        repo.autopilot(["audit", "7"]).exits(0);
        let branch = repo.branch();
        let tree = repo.git(["rev-parse", &format!("{branch}^{{tree}}")]);
        repo.git(["branch", "-q", "-D", &branch]);
        let told = replay(&repo, &["7", "--json"]).exits(0);
        let told: Value = serde_json::from_str(&told.stdout).unwrap();
        let steps = &told["steps"];
        assert_eq!((&told["verdict"], &steps[2]["tree"]), (&json!("same"), &json!(tree)), "{told}");
        assert_eq!(
            (&steps[0]["way"], &steps[1]["way"]),
            (&json!("as recorded, outside"), &json!("done again"))
        );
    }
}

#[test]
fn a_run_that_was_killed_and_picked_up_replays_as_far_as_it_had_come() {
    let repo = killed(1);
    replay(&repo, &["7"]).exits(2).says("has no end yet");
    repo.autopilot(["clean"]).exits(0);
    let told = replay(&repo, &["7", "--json"]).exits(0);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    let ids: Vec<_> =
        told["steps"].as_array().unwrap().iter().map(|step| step["id"].as_str().unwrap()).collect();
    assert_eq!((told["verdict"].as_str(), ids), (Some("same"), vec!["a"]), "{told}");
}
