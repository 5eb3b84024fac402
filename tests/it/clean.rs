//! `clean` and `stop`, and locks that no two runs of an issue get past.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Stdio};

use crate::common::{Ran, Repo, wait_until};

/// A run whose second step waits.
fn waiting() -> (Repo, Child) {
    let repo = Repo::new();
    repo.plan(
        "  - {id: a, command: 'echo one > one'}\n  - {id: b, command: 'echo half > half; echo ready; while test ! -e ~/go; do sleep 0.05; done'}\n",
    );
    let child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    (repo, child)
}

fn run_dirs(repo: &Repo) -> Vec<std::path::PathBuf> {
    fs::read_dir(repo.state().join("runs")).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn what_a_crash_left_is_saved_and_removed_once() {
    let (repo, mut child) = waiting();
    repo.kill(&mut child);
    let staged = repo.top().join(".ai/logs/autopilot/.writing-x1");
    fs::write(&staged, "half").unwrap();
    let left = repo.left_in_state();
    let journal = fs::read(repo.evidence("status-").pop().unwrap()).unwrap();

    let dry = repo.autopilot(["clean", "--dry-run"]).exits(0);
    let dry = dry.says("would save what run").says("would remove the lock of a process that is gone");
    dry.says("which is half written");
    assert_eq!(repo.left_in_state(), left);
    assert!(staged.exists());
    assert_eq!(fs::read(repo.evidence("status-").pop().unwrap()).unwrap(), journal);

    let done = repo.autopilot(["clean"]).exits(0).says("had crashed; its end is recorded");
    done.says("is in its salvage bundle").says("was half written; removed");
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    assert!(!staged.exists());
    assert_eq!(repo.on_branch("one"), "one");
    let bundle = repo.evidence("salvage-").pop().unwrap();
    repo.git(["fetch", "-q", bundle.to_str().unwrap(), "refs/salvage/*:refs/salvage/*"]);
    assert_eq!(repo.git(["show", "refs/salvage/b-1:half"]), "half");
    Repo::chain(&repo.evidence("status-").pop().unwrap());
    repo.autopilot(["clean"]).exits(0).says("nothing is left of any run");
}

#[test]
fn a_run_that_runs_is_left_alone_and_stops_when_asked() {
    let (repo, child) = waiting();
    repo.autopilot(["clean"]).exits(0).says("is running on");
    let held = repo.run().exits(5).says("holds the lock").says("autopilot stop");
    assert!(held.stdout.is_empty());
    repo.autopilot(["stop", "8"]).exits(2).says("no run `8`");
    repo.autopilot(["stop", "7"]).exits(0).says("is asked to stop").says(": interrupted");
    Ran::of(&child.wait_with_output().unwrap()).exits(143);
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    assert_eq!(repo.steps(), ["a:passed", "b:interrupted"]);
    repo.autopilot(["stop", "7"]).exits(0).says("no run of issue 7 is running");
}

#[test]
fn two_state_directories_do_not_run_one_issue_twice() {
    let (repo, mut child) = waiting();
    let other = repo.dir().join("other");
    let with_other =
        |args: &[&str]| Ran::of(&repo.command(args).env("AUTOPILOT_STATE_DIR", &other).output().unwrap());
    with_other(&["7"]).exits(5).says("is running").says("another state directory");
    with_other(&["7", "--resume"]).exits(5).says("is running");
    with_other(&["stop", "7"]).exits(5).says("is running with another state directory");
    assert_eq!(repo.evidence("status-").len(), 1);
    repo.kill(&mut child);
    // Dead, it is picked up by whoever comes; what lies in the first directory is saved when that is looked at.
    with_other(&["clean"]).exits(0).says("had crashed; its end is recorded");
    assert_eq!(run_dirs(&repo).len(), 1);
    repo.autopilot(["clean"]).exits(0).says("its checkpoints are on").says("is in its salvage bundle");
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    assert_eq!(repo.on_branch("one"), "one");
    Repo::chain(&repo.evidence("status-").pop().unwrap());
}

#[test]
fn of_two_that_begin_in_the_same_moment_one_runs() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo one > one; while test ! -e ~/go; do sleep 0.05; done'}\n");
    let folder = repo.top().join(".ai/logs/autopilot");
    fs::create_dir_all(&folder).unwrap();
    let held = fs::File::open(&folder).unwrap();
    rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let states = ["one", "two"].map(|name| repo.dir().join(name));
    let mut children = states.each_ref().map(|state| {
        let mut command = repo.command(["7"]);
        command
            .env("AUTOPILOT_STATE_DIR", state)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    });
    // One has claimed the issue and waits for its turn; the other has found the claim.
    let inode = format!(":{} ", held.metadata().unwrap().ino());
    let waits = |line: &&str| line.contains("-> FLOCK") && line.contains(&inode);
    wait_until(|| fs::read_to_string("/proc/locks").unwrap().lines().filter(waits).count() == 1);
    let mut over = || children.iter_mut().position(|child| child.try_wait().unwrap().is_some());
    wait_until(|| over().is_some());
    drop(held);
    let winner = 1 - over().unwrap();
    let [one, two] = children;
    let (loser, winner_child) = if winner == 0 { (two, one) } else { (one, two) };
    let loser = Ran::of(&loser.wait_with_output().unwrap()).exits(5);
    loser.says("is running").says("another state directory");
    let home = || Some(fs::read_dir(states[winner].join("runs")).ok()?.next()?.unwrap().path().join("home"));
    wait_until(|| home().is_some_and(|home| home.is_dir()));
    fs::write(home().unwrap().join("go"), "").unwrap();
    Ran::of(&winner_child.wait_with_output().unwrap()).exits(0);
    assert_eq!(repo.evidence("status-").len(), 1);
}

#[test]
fn a_lock_of_another_host_is_never_taken_and_names_its_file() {
    let (repo, mut child) = waiting();
    repo.kill(&mut child);
    let lock = fs::read_dir(repo.state().join("locks")).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(&lock).unwrap();
    let mut holder: serde_json::Value = serde_json::from_str(&text).unwrap();
    holder["host"] = "another".into();
    // The same kernel: a container that has another name now. Nobody holds the lock.
    let renamed = holder.to_string();
    holder["boot"] = "of-another-machine".into();
    fs::write(&lock, holder.to_string()).unwrap();
    repo.run().exits(5).says("on another").says(&format!("remove {}", lock.display()));
    repo.autopilot(["clean"]).exits(0).says("is running on another");
    assert_eq!(run_dirs(&repo).len(), 1);
    fs::write(&lock, renamed).unwrap();
    repo.autopilot(["clean"]).exits(0).says("had crashed; its end is recorded");
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
}

#[test]
fn a_kept_worktree_goes_when_that_is_asked_for() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo one > one'}\n");
    repo.autopilot(["7", "--keep-worktree"]).exits(0);
    repo.autopilot(["clean"]).exits(0);
    assert_eq!(run_dirs(&repo).len(), 1);
    repo.autopilot(["clean", "--dry-run"]).exits(0).says("was kept: `--kept` saves what is in it");
    // What somebody did in it since is not on the branch: it is saved first.
    fs::write(run_dirs(&repo)[0].join("worktree/later"), "by hand\n").unwrap();
    repo.autopilot(["clean", "--kept"]).exits(0).says("is in its salvage bundle");
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    let events = Repo::chain(&repo.evidence("status-").pop().unwrap());
    assert_eq!(events.last().unwrap()["type"], "attested");
}

#[test]
fn what_no_bundle_can_hold_goes_on_a_persons_word_alone() {
    let repo = Repo::new();
    repo.plan_with(
        "limits: {salvage: 1KiB}",
        "  - {id: a, command: 'echo one > one'}\n  - {id: b, command: 'head -c 9000 /dev/zero > big; exit 3'}\n",
    );
    repo.run().exits(1);
    let journal = repo.evidence("status-").pop().unwrap();
    let evidence = fs::read(&journal).unwrap();
    let left = run_dirs(&repo)[0].join("left");
    let named = format!("{}, listed in .ai/logs/autopilot/not-salvaged-", left.display());
    let stays = || repo.autopilot(["clean"]).exits(0).says(&named).says("`--kept` removes it for good");
    stays();
    repo.autopilot(["clean", "--dry-run"]).exits(0).says(&named).says("`--kept` removes it for good");
    repo.autopilot(["clean", "--dry-run", "--kept"]).exits(0).says(&named).says("would remove");
    // Nor is it in the way of another run of the issue, which leaves its own.
    repo.run().exits(1);
    stays();
    assert_eq!(run_dirs(&repo).len(), 2);
    assert_eq!(fs::metadata(left.join("1")).unwrap().len(), 9000);

    repo.autopilot(["clean", "--kept"]).exits(0).says(&named).says("is removed");
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    assert_eq!(fs::read(&journal).unwrap(), evidence, "what the run did is what it was");
    repo.autopilot(["audit", "--all"]).exits(0);
    repo.autopilot(["clean"]).exits(0).says("nothing is left of any run");
}

#[test]
fn what_is_moved_aside_while_no_step_is_done_is_named() {
    let repo = Repo::new();
    repo.plan_with("limits: {salvage: 1KiB}", "  - {id: a, command: 'echo one > one'}\n");
    repo.autopilot(["7", "--keep-worktree"]).exits(0);
    let token = ["ghp_0123456789abcdef", "0123456789abcdef0123"].concat();
    fs::write(run_dirs(&repo)[0].join("worktree/big"), [b'x'; 9000]).unwrap();
    fs::write(run_dirs(&repo)[0].join("worktree/note"), token).unwrap();
    repo.autopilot(["clean", "--kept"]).exits(0).says("left stays: no bundle can hold");
    let list = fs::read_to_string(repo.evidence("not-salvaged-").pop().unwrap()).unwrap();
    assert!(list.starts_with("crashed-1\tbig: larger than `limits.salvage`; moved to "), "{list}");
    let summary = repo.summary();
    assert!(summary.contains("not salvaged as it was: ``big: larger"), "{summary}");
    assert!(summary.contains("a secret in the salvage: `note: "), "{summary}");
    repo.autopilot(["clean", "--kept"]).exits(0).says("is removed");
    repo.autopilot(["audit", "--all"]).exits(0);
}

#[test]
fn a_known_secret_is_masked_by_whoever_picks_a_run_up_and_an_unknown_one_is_not_written() {
    const VALUE: &str = "zq81correcthorsebattery";
    // Who picks it up, with which secrets, and how the files are named.
    for (args, is_known, named) in [
        (&["clean"][..], true, "big-***: larger"),
        (&["7"], true, "big-***: larger"),
        (&["clean"], false, "a name that is not told, since NPM_TOKEN is not known here: larger"),
    ] {
        let repo = Repo::new();
        repo.plan_with(
            "limits: {salvage: 1KiB}",
            "  - {id: a, command: 'test -n \"$AGAIN\" || { head -c 9000 /dev/zero > big-$NPM_TOKEN; echo $NPM_TOKEN > note-$NPM_TOKEN; echo ready; sleep 600; }', secrets: [NPM_TOKEN], env: [AGAIN]}\n",
        );
        let mut command = repo.command(["7"]);
        let command = command.env("NPM_TOKEN", VALUE).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        wait_until(|| repo.log().contains("ready"));
        repo.kill(&mut child);
        let mut command = repo.command(args);
        if is_known {
            command.env("NPM_TOKEN", VALUE).env("AGAIN", "1");
        }
        Ran::of(&command.output().unwrap()).exits(0).hides(VALUE).says("had crashed; its end is recorded");
        let reports = ["status-", "summary-", "not-salvaged-", "FAILED-"].map(|kind| {
            let text = fs::read_to_string(&repo.evidence(kind)[0]).unwrap();
            assert!(!text.contains(VALUE), "{args:?}: {text}");
            text
        });
        for text in &reports[..3] {
            assert!(text.contains(named), "{args:?}: {text}");
        }
        assert!(reports[2].contains("left/1"), "{}", reports[2]);
        // The value alone, without a known one to compare it with, looks like no secret.
        assert_eq!(
            reports[3].contains("A secret, it seems, in the salvage: note-***: known-value"),
            is_known
        );
    }
}

#[test]
fn what_is_of_a_repository_that_was_moved_is_named_and_kept() {
    let (repo, mut child) = waiting();
    repo.kill(&mut child);
    let moved = repo.dir().join("moved");
    fs::rename(repo.top(), &moved).unwrap();
    let other = Repo::new();
    let ran = other.command(["clean"]).env("AUTOPILOT_STATE_DIR", repo.state()).output().unwrap();
    Ran::of(&ran).exits(0).says("is of a repository that is gone or was moved");
    assert_eq!(run_dirs(&repo).len(), 1);
    fs::rename(&moved, repo.top()).unwrap();
    repo.autopilot(["clean"]).exits(0).says("had crashed; its end is recorded");
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
}
