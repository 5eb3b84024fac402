//! What is kept, and until when: of a run that passed, before its first agent, patch or secret step.

use std::fs;

use serde_json::Value;

use super::{APPLY, caches, hits, left, looked, misses, pass, repo};
use crate::common::wait_until;

/// Writes down which run it is, once, and demands that nobody else has written there.
const BUILD: &str = "  - id: build
    command: |
      test ! -e target/late; test ! -e ~/.m2/late
      if test -e target/built; then echo warm; cat target/built ~/.m2/jar; else echo cold; fi
      mkdir -p target ~/.m2; echo build >> target/built; echo jar >> ~/.m2/jar
";

/// Writes where the build did.
const LATE: &str = "  - {id: late, command: 'echo late > target/late; echo late > target/built; echo late > ~/.m2/late; echo late > ~/.m2/jar'}\n";

const CACHE: &str = "cache: [target, ~/.m2]";

#[test]
fn a_run_finds_what_stood_before_the_patch_of_the_one_before() {
    let repo = repo();
    repo.plan_with(CACHE, &format!("{BUILD}{APPLY}{LATE}"));
    pass(&repo).says("cache miss: target, ~/.m2 begin empty, no run that passed has left one yet");
    assert!(repo.log().contains("cold"), "{}", repo.log());
    misses(&repo, "no run that passed has left one yet");
    let first = left(&repo);
    assert_eq!(first["why"], Value::Null);
    assert!(
        repo.summary().contains("begin empty, `no run that passed has left one yet`; kept, "),
        "{}",
        repo.summary()
    );
    assert_eq!(caches(&repo).len(), 1);

    pass(&repo).says("cache hit: target, ~/.m2 as run ");
    assert!(repo.log().contains("warm\nbuild\njar\n"), "{}", repo.log());
    let second = looked(&repo);
    assert_eq!(second["sha256"], first["sha256"]);
    assert_eq!(second["base"].as_str(), Some(repo.git(["rev-parse", "HEAD"]).as_str()));
    assert_eq!(second["run"].as_str().map(|run| run.ends_with("-7")), Some(true));
    assert!(repo.summary().contains("**Cache:** hit: `target`, `~/.m2` as run "), "{}", repo.summary());
    // The second one took the place of the first.
    assert_eq!(caches(&repo).len(), 1);
    pass(&repo);
    assert!(repo.log().contains("warm\nbuild\nbuild\njar\njar\n"), "{}", repo.log());
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
}

#[test]
fn what_no_step_changes_is_not_kept_anew() {
    let repo = repo();
    let steps = format!(
        "  - {{id: build, command: 'test -e target/built || {{ mkdir -p target ~/.m2; echo x > target/built; echo x > ~/.m2/x; }}'}}\n{APPLY}"
    );
    repo.plan_with(CACHE, &steps);
    pass(&repo);
    let (first, caches_before) = (left(&repo), caches(&repo));
    pass(&repo);
    assert_eq!(left(&repo)["sha256"], first["sha256"]);
    assert_eq!(left(&repo)["bytes"], 0);
    assert_eq!(caches(&repo), caches_before);
    assert!(repo.summary().contains("unchanged, kept as they were"), "{}", repo.summary());
}

#[test]
fn a_plan_of_commands_alone_keeps_what_stands_at_its_end() {
    let repo = repo();
    repo.plan_with("cache: [target]", "  - {id: a, command: 'mkdir -p target; echo a >> target/a'}\n  - {id: b, command: 'echo b >> target/a; cat target/a'}\n");
    pass(&repo);
    pass(&repo);
    assert!(repo.log().contains("a\nb\na\nb\n"), "{}", repo.log());
}

#[test]
fn without_the_key_nothing_is_kept_and_nothing_said() {
    let repo = repo();
    repo.plan(&format!("{BUILD}{APPLY}{LATE}"));
    pass(&repo);
    pass(&repo);
    assert!(repo.log().contains("cold"));
    assert!(!repo.state().join("caches").exists());
    assert!(!repo.summary().contains("**Cache:**"));
}

#[test]
fn a_run_that_fails_keeps_nothing() {
    let repo = repo();
    let fail = "  - {id: fail, command: 'test -e target/built; exit 3'}\n";
    repo.plan_with(CACHE, &format!("{BUILD}{APPLY}{fail}"));
    for _ in 0..2 {
        repo.run().exits(1);
        misses(&repo, "no run that passed");
        assert_eq!(repo.events_of("cache.kept"), Vec::<Value>::new());
        assert!(repo.summary().contains("; nothing kept"), "{}", repo.summary());
        assert_eq!(caches(&repo), Vec::<std::path::PathBuf>::new(), "nor is anything held");
    }
}

#[test]
fn what_a_secret_step_wrote_is_not_kept() {
    let repo = repo();
    let secret = "  - {id: login, secrets: [DEPLOY_TOKEN], command: 'mkdir -p target; echo $DEPLOY_TOKEN > target/token; echo x > ~/.m2x'}\n";
    repo.plan_with(CACHE, &format!("{BUILD}{secret}"));
    let run = || {
        let mut command = repo.command(["7"]);
        command.env("DEPLOY_TOKEN", "tok-4711-abcdefgh");
        crate::common::Ran::of(&command.output().unwrap()).exits(0)
    };
    run();
    run();
    assert!(repo.log().contains("warm\nbuild\njar\n"), "{}", repo.log());
    for cache in caches(&repo) {
        assert!(!cache.join("trees/0/token").exists() && !cache.join("trees/1/token").exists());
    }
    // A first step that holds one leaves nothing at all.
    let repo = super::repo();
    repo.plan_with(CACHE, secret);
    let mut command = repo.command(["7"]);
    command.env("DEPLOY_TOKEN", "tok-4711-abcdefgh");
    crate::common::Ran::of(&command.output().unwrap()).exits(0);
    assert!(left(&repo)["why"].as_str().unwrap().contains("there was nothing in them"));
}

#[test]
fn what_is_larger_than_the_plan_lets_it_be_is_not_kept() {
    let repo = repo();
    repo.plan_with(
        "cache: [target]\nlimits: {cache: 64KiB}",
        "  - {id: a, command: 'mkdir -p target; head -c 100000 /dev/zero > target/large'}\n",
    );
    pass(&repo);
    assert!(left(&repo)["why"].as_str().unwrap().contains("larger or deeper"), "{}", left(&repo));
    assert_eq!(caches(&repo).len(), 0);
}

#[test]
fn a_run_that_goes_on_has_what_it_began_with_and_keeps_what_it_should() {
    let repo = repo();
    repo.plan_with(CACHE, BUILD);
    pass(&repo);
    // In each of them the first attempt waits to be killed: one before what is kept is held, one behind.
    let wait = |id: &str| {
        format!(
            "  - {{id: {id}, command: 'cat target/built; if test ! -e ~/{id}; then touch ~/{id}; echo {id} ready; sleep 600; fi'}}\n"
        )
    };
    repo.plan_with(CACHE, &format!("{BUILD}{}{APPLY}{LATE}{}", wait("one"), wait("two")));
    for (at, args) in [("one ready", &["7"][..]), ("two ready", &["7", "--resume"])] {
        let mut child = repo.start(args);
        wait_until(|| repo.log().contains(at));
        repo.kill(&mut child);
        hits(&repo);
    }
    repo.autopilot(["7", "--resume"]).exits(0);
    repo.autopilot(["audit"]).exits(0);
    assert_eq!(repo.events_of("cache.looked").len(), 1, "in the same worktree there is nothing more to take");
    assert_eq!(left(&repo)["why"], Value::Null);
    repo.plan_with(CACHE, BUILD);
    pass(&repo);
    assert!(repo.log().contains("warm\nbuild\nbuild\njar\njar\n"), "{}", repo.log());
}

#[test]
fn a_run_that_goes_on_in_a_new_worktree_begins_as_at_first() {
    let repo = repo();
    repo.plan_with(CACHE, BUILD);
    pass(&repo);
    let wait = "  - {id: one, command: 'echo one > one'}\n  - {id: wait, command: 'cat target/built || true; echo ready; while test ! -e go; do sleep 0.05; done'}\n";
    repo.plan_with(CACHE, &format!("{wait}{APPLY}"));
    let mut child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    hits(&repo);
    let first = looked(&repo);
    repo.kill(&mut child);
    repo.autopilot(["clean"]).exits(0);
    // It is gone now, and the next invocation begins where that one ended.
    let child = repo.start(["7", "--resume"]);
    wait_until(|| repo.events_of("attempt.started").len() == 3);
    assert_eq!(repo.events_of("cache.looked").len(), 2);
    assert_eq!(looked(&repo)["sha256"], first["sha256"]);
    repo.autopilot(["stop", "7"]).exits(0);
    child.wait_with_output().unwrap();
    repo.autopilot(["audit"]).exits(0);
    // And where what it began with is gone, it says so.
    fs::remove_dir_all(repo.state().join("caches")).unwrap();
    let child = repo.start(["7", "--resume"]);
    wait_until(|| repo.events_of("attempt.started").len() == 4);
    repo.autopilot(["stop", "7"]).exits(0);
    child.wait_with_output().unwrap();
    misses(&repo, "what the run began with is gone");
    repo.autopilot(["audit"]).exits(0);
}
