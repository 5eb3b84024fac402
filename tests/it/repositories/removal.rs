//! Removal: what cannot go is named, what is mounted is not entered, and the next run finishes.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use super::{assert_same, script};
use crate::common::program::write_program;
use crate::common::{Ran, Repo, only_as_root, wait_until};

/// Waits for the step's files, lays a mount and an immutable file among them, runs on, and lists what is left.
const SCRIPT: &str = r#"
(
  until test -e "$STATE"/runs/*/worktree/target/file; do sleep 0.05; done
  cd "$STATE"/runs/*/worktree
  mount --bind "$OUTSIDE" target/mount
  chattr +i target/file
  touch target/go
) &
"$AUTOPILOT" 7
chattr -i "$STATE"/runs/*/withdrawn/target/file
# The control: by names alone, what is mounted goes with the tree.
mkdir -p "$CONTROL/tree/mount" "$CONTROL/outside"
touch "$CONTROL/outside/theirs"
mount --bind "$CONTROL/outside" "$CONTROL/tree/mount"
rm -rf "$CONTROL/tree" 2>/dev/null || true
test ! -e "$CONTROL/outside/theirs"
"#;

#[test]
fn what_is_mounted_or_immutable_stays_and_is_named_and_the_next_run_finishes() {
    if !only_as_root("only root can mount, or make a file immutable") {
        return;
    }
    let repo = Repo::new();
    let step = "mkdir -p target/mount; echo made > made; echo x > target/file; until test -e target/go; do sleep 0.05; done";
    repo.plan(&format!("  - {{id: a, command: '{step}'}}\n"));
    let outside = repo.dir().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("theirs"), "theirs\n").unwrap();
    let path = std::env::var_os("PATH").unwrap();
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-euc", SCRIPT])
        .current_dir(repo.top())
        .env_clear()
        .envs([("PATH", path.as_os_str()), ("GIT_CONFIG_GLOBAL", "/dev/null".as_ref())])
        .env("HOME", repo.home())
        .env("AUTOPILOT_STATE_DIR", repo.state())
        .env("STATE", repo.state())
        .env("OUTSIDE", &outside)
        .env("CONTROL", repo.dir().join("control"))
        .env("AUTOPILOT", env!("CARGO_BIN_EXE_autopilot"))
        .output()
        .unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("target/mount (something is mounted there)"), "{said}");
    assert!(said.contains("target/file (Operation not permitted"), "{said}");
    assert_eq!(fs::read_to_string(outside.join("theirs")).unwrap(), "theirs\n");
    assert_eq!(repo.on_branch("made"), "made");
    assert_eq!(repo.left_in_state().len(), 1);
    repo.plan("  - {id: a, command: 'echo again > again'}\n");
    repo.run().exits(0);
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
}

#[test]
fn a_crashed_run_salvages_no_more_than_its_plan_says() {
    let repo = Repo::new();
    let head = "limits: {salvage: 1MiB}";
    repo.plan_with(
        head,
        "  - {id: a, command: 'echo small > small; head -c 2M /dev/zero > large; echo ready; sleep 3600'}\n",
    );
    let mut child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    child.kill().unwrap();
    child.wait().unwrap();
    // The plan is another one by now, and was never that run's.
    repo.plan("  - {id: b, command: 'echo made > made'}\n");
    repo.run().exits(0);
    let lists = repo.evidence("not-salvaged-");
    let list = fs::read_to_string(&lists[0]).unwrap();
    assert!(list.contains("large: larger than `limits.salvage`; moved to "), "{list}");
    let bundle = &repo.evidence("salvage-")[0];
    repo.git(["fetch", "-q", bundle.to_str().unwrap(), "refs/salvage/*:refs/salvage/*"]);
    assert_eq!(repo.git(["show", "refs/salvage/a-1:small"]), "small");
    assert_eq!(repo.left_in_state().len(), 1, "the large file is still there");
}

#[test]
fn what_somebody_else_writes_between_salvage_and_reset_is_not_removed() {
    let repo = Repo::new();
    // So much that looking for secrets in it takes its time.
    script(&repo, "yes \"$(head -c 6K /dev/urandom | base64)\" | head -c 32M > much; exit 3");
    let child = repo.command(["7"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until(|| repo.log().contains("step a"));
    let run = repo.run_dir();
    wait_until(|| run.join("checkpoints.git/refs/salvage/a-1").exists());
    fs::write(run.join("worktree/late"), "by somebody else\n").unwrap();
    let ran = Ran::of(&child.wait_with_output().unwrap());
    if ran.code == 70 {
        ran.says("late was written after the attempt was salvaged").says("worktree kept at");
        repo.autopilot(["7", "--resume"]).exits(1);
    } else {
        // It came between the reset and the removal.
        ran.exits(1).says("late");
    }
    repo.autopilot(["clean", "--kept"]).exits(0);
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    let bundle = repo.evidence("salvage-").pop().unwrap();
    repo.git(["fetch", "-q", bundle.to_str().unwrap(), "refs/salvage/*:refs/salvage/*"]);
    let saved = repo.git(["for-each-ref", "--format=%(refname)", "refs/salvage"]);
    let holds = |name: &&str| repo.git(["ls-tree", "--name-only", name]).lines().any(|line| line == "late");
    assert!(saved.lines().any(|name| holds(&name)), "{saved}");
    repo.autopilot(["audit", "7"]).exits(0);
}

/// A git that, where the proof asks what is on the branch, waits until somebody has written into the worktree.
const SLOW_GIT: &str = r#"#!/bin/sh
PATH=${PATH#*:}
case " $* " in *" ls-tree "*) if test -d "$TOP/.git/refs/heads/autopilot"; then
  : > "$MARKS/proving"
  until test -e "$MARKS/written"; do sleep 0.05; done
fi ;; esac
exec git "$@"
"#;

/// Appends numbered lines to files of a folder until it is told to stop; returns each that the system took.
fn write_on(folder: &Path, stop: &AtomicBool, first: &Path) -> Vec<(String, String)> {
    let mut taken = Vec::new();
    for number in 0_u64.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let (name, line) = (format!("stray{}", number % 20), format!("line {number}"));
        let opened = fs::File::options().append(true).create(true).open(folder.join(&name));
        if opened.and_then(|mut file| writeln!(file, "{line}")).is_ok() {
            taken.push((name, line));
        }
        if number == 0 {
            fs::write(first, "").unwrap();
        }
        // Thousands a second are enough, and leave the processor to who is to lose none of them.
        std::thread::sleep(std::time::Duration::from_micros(100));
    }
    taken
}

/// Runs the plan until the proof asks what is on the branch; it goes on once there is a file `written` in the folder.
fn until_it_proves(repo: &Repo) -> (Child, PathBuf) {
    let [tools, marks] = ["tools", "marks"].map(|name| repo.dir().join(name));
    for folder in [&tools, &marks] {
        fs::create_dir(folder).unwrap();
    }
    write_program(&tools.join("git"), SLOW_GIT);
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
    let mut command = repo.command(["7"]);
    command.envs([("PATH", path.as_ref()), ("TOP", repo.top().as_os_str()), ("MARKS", marks.as_os_str())]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until(|| marks.join("proving").exists());
    (child, marks)
}

#[test]
fn a_committed_file_that_somebody_else_changes_before_the_worktree_goes_is_not_lost() {
    let repo = Repo::new();
    repo.file("base", "of the base\n");
    script(&repo, "echo made > made");
    let (child, marks) = until_it_proves(&repo);
    let run = repo.run_dir();
    for (name, text) in [("made", "mine\n"), ("base", "mine as well\n")] {
        fs::write(run.join("worktree").join(name), text).unwrap();
    }
    fs::write(marks.join("written"), "").unwrap();
    Ran::of(&child.wait_with_output().unwrap())
        .exits(0)
        .says(&format!("worktree kept at {}: ", run.display()))
        .says("is not on the branch as it is here");
    assert_eq!((&*repo.on_branch("made"), &*repo.on_branch("base")), ("made", "of the base"));
    repo.autopilot(["clean", "--kept"]).exits(0).says("in its salvage bundle");
    let bundle = repo.evidence("salvage-").pop().unwrap();
    repo.git(["fetch", "-q", bundle.to_str().unwrap(), "refs/salvage/*:refs/salvage/*"]);
    let saved = repo.git(["for-each-ref", "--format=%(refname)", "refs/salvage/"]);
    assert_eq!(repo.git(["show", &format!("{saved}:made")]), "mine");
    assert_eq!(repo.git(["show", &format!("{saved}:base")]), "mine as well");
}

#[test]
fn what_somebody_else_goes_on_writing_while_the_worktree_is_to_go_is_not_lost() {
    let repo = Repo::new();
    script(&repo, "echo made > made");
    let before = repo.fingerprint();
    let (child, marks) = until_it_proves(&repo);
    let run = repo.run_dir();
    let stop = AtomicBool::new(false);
    let (ran, taken) = std::thread::scope(|scope| {
        let worktree = run.join("worktree");
        let (stop, first) = (&stop, marks.join("written"));
        let writer = scope.spawn(move || write_on(&worktree, stop, &first));
        let ran = Ran::of(&child.wait_with_output().unwrap());
        stop.store(true, Ordering::Relaxed);
        (ran, writer.join().unwrap())
    });
    // The run is done, and says what stands in the way of the removal.
    ran.exits(0).says("done in").says(&format!("worktree kept at {}: ", run.display())).says("stray");
    assert_eq!(repo.on_branch("made"), "made");
    assert_same(&before, &repo.fingerprint());
    assert!(!taken.is_empty());
    let is_there = |read: &dyn Fn(&str) -> String| {
        let names: HashSet<&String> = taken.iter().map(|(name, _)| name).collect();
        let files: HashMap<&String, String> = names.into_iter().map(|name| (name, read(name))).collect();
        for (name, line) in &taken {
            assert!(files[name].lines().any(|other| other == line), "{line} is not in {name}");
        }
    };
    is_there(&|name| fs::read_to_string(run.join("worktree").join(name)).unwrap());
    // It is left alone until somebody says so, and then it is saved.
    repo.autopilot(["clean"])
        .exits(0)
        .says("was kept: `--kept` saves what is in it")
        .hides("nothing is left");
    assert_eq!(repo.left_in_state().len(), 1);
    repo.autopilot(["clean", "--kept"]).exits(0).says("in its salvage bundle");
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    let bundle = repo.evidence("salvage-").pop().unwrap();
    repo.git(["fetch", "-q", bundle.to_str().unwrap(), "refs/salvage/*:refs/salvage/*"]);
    let saved = repo.git(["for-each-ref", "--format=%(refname)", "refs/salvage/"]);
    is_there(&|name| repo.git(["show", &format!("{saved}:{name}")]));
}

#[test]
fn a_worktree_whose_runner_died_while_it_looked_once_more_is_put_back() {
    let repo = Repo::new();
    script(&repo, "echo work > work; echo ready; sleep 3600");
    let mut child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    repo.kill(&mut child);
    let run = repo.run_dir();
    fs::rename(run.join("worktree"), run.join("withdrawn")).unwrap();
    repo.autopilot(["clean"]).exits(0).says("in its salvage bundle");
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    let bundle = repo.evidence("salvage-").pop().unwrap();
    repo.git(["fetch", "-q", bundle.to_str().unwrap(), "refs/salvage/*:refs/salvage/*"]);
    assert_eq!(repo.git(["show", "refs/salvage/a-1:work"]), "work");
}
