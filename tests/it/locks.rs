//! Locks whose holder cannot be made out: said, in time, and never taken.

use std::fs;
use std::path::PathBuf;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::common::{Ran, Repo, signal, wait_until};

/// Waits in its step until it is ended.
const WAITS: &str = "  - {id: a, command: 'echo ready; sleep 600'}\n";

fn lock_of(repo: &Repo) -> PathBuf {
    fs::read_dir(repo.state().join("locks")).unwrap().next().unwrap().unwrap().path()
}

#[test]
fn a_lock_is_held_whatever_its_holder_writes_into_it() {
    let repo = Repo::new();
    repo.plan(WAITS);
    let child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    let lock = lock_of(&repo);
    let text = fs::read_to_string(&lock).unwrap();

    // A later version says more of itself.
    let mut later: Value = serde_json::from_str(&text).unwrap();
    later["colour"] = "blue".into();
    fs::write(&lock, later.to_string()).unwrap();
    repo.autopilot(["status"]).exits(0).says("running");
    repo.autopilot(["7"]).exits(5).says(&format!("holds the lock: process {}", child.id()));

    // Or something that nobody can read.
    fs::write(&lock, "garbage").unwrap();
    let (nameless, place) = ("whose name cannot be read", lock.display().to_string());
    repo.autopilot(["7"]).exits(5).says(nameless).says(&place).says("fuser");
    repo.autopilot(["stop", "7"]).exits(5).says(nameless).says(&place);
    repo.autopilot(["clean"]).exits(5).says(nameless).says(&place);
    repo.autopilot(["status"]).exits(0).says("unknown").says(nameless).says(&place).hides("crashed");

    fs::write(&lock, text).unwrap();
    signal(&child, Signal::SIGTERM);
    Ran::of(&child.wait_with_output().unwrap()).exits(143);
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
}

#[test]
fn a_run_of_another_host_that_never_names_itself_is_not_waited_for() {
    let repo = Repo::new();
    repo.plan(WAITS);
    let mut child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    repo.kill(&mut child);
    let lock = lock_of(&repo);
    let mut holder: Value = serde_json::from_str(&fs::read_to_string(&lock).unwrap()).unwrap();
    holder["host"] = "another".into();
    holder["boot"] = "of-another-machine".into();
    holder["run"] = json!("");
    fs::write(&lock, holder.to_string()).unwrap();
    repo.autopilot(["stop", "7"])
        .exits(5)
        .says("on another")
        .says("cannot be seen from here")
        .says(&format!("remove {}", lock.display()));
}
