//! What happens around a run while it runs: each has the outcome that `docs/reliability.md` says.

use std::fs;
use std::process::{Child, Command};

use nix::sys::signal::Signal;

use crate::common::{Ran, Repo, signal, wait_until};

/// A run whose second step waits.
fn waiting() -> (Repo, Child) {
    let repo = Repo::new();
    repo.plan(
        "  - {id: a, command: 'echo one > one'}
  - {id: b, command: 'echo half > half; echo ready; while test ! -e ~/go; do sleep 0.05; done; rm half; cat one README.md > two'}
  - {id: c, command: 'git log --oneline; cat two > three'}\n",
    );
    let child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    (repo, child)
}

fn release(repo: &Repo) {
    for run in fs::read_dir(repo.state().join("runs")).unwrap() {
        fs::write(run.unwrap().path().join("home/go"), "").unwrap();
    }
}

fn resume(repo: &Repo) -> Ran {
    let seen = repo.log().matches("ready").count();
    let child = repo.start(["7", "--resume"]);
    wait_until(|| repo.log().matches("ready").count() > seen);
    release(repo);
    Ran::of(&child.wait_with_output().unwrap())
}

/// The run has done what it would have done undisturbed, and left nothing.
fn is_done(repo: &Repo) {
    assert_eq!(repo.on_branch("three"), "one\na scratch repository");
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    let events = Repo::chain(&repo.evidence("status-").pop().unwrap());
    assert_eq!(events.last().unwrap()["type"], "attested");
    repo.autopilot(["audit", "7"]).exits(0);
    repo.git(["fsck", "--strict", "--no-progress"]);
}

#[test]
fn a_user_who_goes_on_working_and_tidies_up_is_not_in_the_way() {
    let (repo, child) = waiting();
    let base = repo.git(["rev-parse", "main"]);
    repo.commit_file("README.md", "changed by the user\n");
    repo.git(["switch", "-qc", "elsewhere"]);
    repo.file(".ai/plans/7/Autopilot.yaml", "version: 1\nissue: 7\ntitle: Edited\nsteps: []\n");
    repo.commit("the plan is another one");
    repo.git(["reflog", "expire", "--expire=now", "--all"]);
    repo.git(["repack", "-qad"]);
    repo.git(["gc", "-q", "--prune=now"]);
    release(&repo);
    Ran::of(&child.wait_with_output().unwrap()).exits(0);
    is_done(&repo);
    assert_eq!(repo.git(["merge-base", &repo.branch(), "main"]), base);
    assert_eq!(repo.git(["symbolic-ref", "--short", "HEAD"]), "elsewhere");
}

#[test]
fn a_runner_that_is_suspended_goes_on() {
    let (repo, child) = waiting();
    signal(&child, Signal::SIGSTOP);
    release(&repo);
    repo.autopilot(["status"]).exits(0).says("running");
    signal(&child, Signal::SIGCONT);
    Ran::of(&child.wait_with_output().unwrap()).exits(0);
    is_done(&repo);
}

#[test]
fn a_repository_that_is_moved_away_ends_the_run_and_it_goes_on_when_it_is_back() {
    let (repo, child) = waiting();
    let away = repo.dir().join("away");
    fs::rename(repo.top(), &away).unwrap();
    release(&repo);
    Ran::of(&child.wait_with_output().unwrap()).exits(70);
    // Whatever was written at the old place is no checkout.
    let _ = fs::remove_dir_all(repo.top());
    fs::rename(&away, repo.top()).unwrap();
    repo.autopilot(["status"]).exits(0).says("autopilot run 7 --resume");
    resume(&repo).exits(0);
    is_done(&repo);
}

/// Runs issue 7 with limits of a shell's `ulimit`.
fn limited(repo: &Repo, ulimit: &str) -> Ran {
    let command = repo.command(["7"]);
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("ulimit {ulimit} && exec \"$0\" 7")).arg(command.get_program());
    shell.current_dir(repo.top()).env_clear();
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Ran::of(&shell.output().unwrap())
}

#[test]
fn a_file_that_may_not_grow_ends_the_runner_and_the_run_goes_on() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: a, command: 'echo one > one'}
  - {id: b, command: 'head -c 400000 /dev/zero | tr \"\\0\" x'}
  - {id: c, command: 'cat one README.md > three'}\n",
    );
    // The kernel ends whoever writes beyond it: in mid-log, here.
    let ran = limited(&repo, "-S -f 300");
    assert_ne!(ran.code, 0, "{}", ran.stdout);
    repo.autopilot(["status"]).exits(0).says("autopilot run 7 --resume");
    repo.autopilot(["7", "--resume"]).exits(0);
    is_done(&repo);
}

#[test]
fn too_few_descriptors_are_said_and_leave_nothing_in_the_way() {
    let repo = Repo::new();
    repo.plan("  - {id: c, command: 'echo one > one; cat one README.md > three'}\n");
    for descriptors in [8, 12, 16, 20, 24, 28, 32] {
        let ran = limited(&repo, &format!("-n {descriptors}"));
        assert!(
            ran.code == 0 || !ran.stderr.is_empty() || ran.stdout.contains("failed"),
            "{descriptors}: {ran:?}"
        );
        let failed = repo.branches().is_empty();
        assert_eq!(ran.code != 0, failed, "{descriptors}: {ran:?}");
        if !failed {
            break;
        }
    }
    repo.branches().iter().for_each(|branch| {
        repo.git(["branch", "-qD", branch]);
    });
    repo.run().exits(0);
    is_done(&repo);
}

#[test]
fn a_state_directory_that_cannot_be_written_to_is_refused_before_anything_is_begun() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'true'}\n");
    let ran = repo.command(["7"]).env("AUTOPILOT_STATE_DIR", "/proc/autopilot").output().unwrap();
    Ran::of(&ran).exits(2).says("no place for the state of runs").says("set AUTOPILOT_STATE_DIR");
    assert!(repo.evidence("status-").is_empty());
}

#[test]
fn a_salvage_that_cannot_be_written_keeps_the_worktree() {
    for again in [&["clean", "--kept"][..], &["7"]] {
        let repo = Repo::new();
        repo.plan("  - {id: a, command: 'echo half > half; echo ready; while test ! -e ~/go; do sleep 0.05; done; exit 3'}\n");
        let child = repo.start(["7"]);
        wait_until(|| repo.log().contains("ready"));
        let run = repo.run_names().remove(0);
        let bundle = repo.top().join(format!(".ai/logs/autopilot/salvage-{run}.bundle"));
        fs::create_dir(&bundle).unwrap();
        release(&repo);
        Ran::of(&child.wait_with_output().unwrap())
            .exits(70)
            .says(&format!("the evidence cannot be sealed: {}: Is a directory", bundle.display()))
            .says("move it away, then run again: what this run left is picked up first");
        assert_eq!(repo.left_in_state().len(), 1);
        fs::remove_dir(&bundle).unwrap();
        repo.plan("  - {id: a, command: 'true'}\n");
        repo.autopilot(again).exits(0);
        assert_eq!(repo.left_in_state(), Vec::<String>::new(), "{again:?}");
        repo.git(["fetch", "-q", bundle.to_str().unwrap(), "refs/salvage/*:refs/salvage/*"]);
        assert_eq!(repo.git(["show", "refs/salvage/a-1:half"]), "half", "{again:?}");
    }
}

/// A small filesystem, mounted for one test; it goes with the test.
struct Small(std::path::PathBuf);

impl Small {
    fn mount(at: &std::path::Path, size: &str) -> Self {
        fs::create_dir_all(at).unwrap();
        Self::call(&["-t", "tmpfs", "-o", &format!("size={size},mode=755"), "none"], at);
        Self(at.to_owned())
    }

    fn grow(&self) {
        Self::call(&["-o", "remount,size=64m"], &self.0);
    }

    fn call(args: &[&str], at: &std::path::Path) {
        let done = Command::new("mount").args(args).arg(at).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
#[ignore = "needs root, to mount a small filesystem"]
fn a_full_disk_loses_nothing_and_the_run_goes_on_when_there_is_space() {
    let steps = "  - {id: a, command: 'echo one > one'}
  - {id: b, command: 'echo half > half; head -c 30M /dev/zero > big || true; rm -f half; head -c 3000000 /dev/zero | tr \"\\0\" x'}
  - {id: c, command: 'cat one README.md > three'}\n";
    // The state directory: what a step writes, and the checkpoints.
    let repo = Repo::new();
    repo.plan(steps);
    let small = Small::mount(&repo.state(), "6m");
    repo.run().exits(70).says("worktree kept at");
    repo.autopilot(["status"]).exits(0).says("autopilot run 7 --resume");
    small.grow();
    repo.autopilot(["7", "--resume"]).exits(0);
    is_done(&repo);
    drop(small);
    // The checkout: the log, the journal in the middle of a line.
    let repo = Repo::new();
    let small = Small::mount(&repo.top().join(".ai/logs"), "1m");
    repo.plan(steps);
    repo.run().exits(70).says("No space left on device").says("make space");
    repo.autopilot(["status"]).exits(0).says("autopilot run 7 --resume");
    small.grow();
    repo.autopilot(["7", "--resume"]).exits(0);
    is_done(&repo);
    drop(small);
    // What steps print alone has no room: nothing else would tell that it is lost.
    let repo = Repo::new();
    let small = Small::mount(&repo.top().join(".ai/logs/codex"), "1m");
    repo.plan(steps);
    repo.run().exits(70).says("No space left on device");
    small.grow();
    repo.autopilot(["7", "--resume"]).exits(0);
    is_done(&repo);
}

/// Steps whose events are so long that nearly every page of the journal ends within a line.
fn talkative() -> String {
    let comment = "x".repeat(3000);
    let step = |id: &str, command: &str| format!("  - {{id: {id}, command: '{command} # {comment}'}}\n");
    step("a", "echo one > one") + &step("b", "echo two > two") + &step("c", "cat one README.md > three")
}

#[test]
#[ignore = "needs root, to mount a small filesystem"]
fn a_disk_that_is_full_within_a_line_of_the_journal_costs_that_line_alone() {
    const PAGE: u64 = 4096;
    let undisturbed = Repo::new();
    undisturbed.plan(&talkative());
    undisturbed.run().exits(0);
    let whole = fs::metadata(undisturbed.evidence("status-").pop().unwrap()).unwrap().len();
    assert!(whole > 5 * PAGE, "a journal of {whole} bytes");
    for pages in 1..=whole / PAGE {
        let repo = Repo::new();
        repo.plan(&talkative());
        let evidence = repo.top().join(".ai/logs/autopilot");
        let small = Small::mount(&evidence, "1m");
        let taken = (1 << 20) - pages * PAGE;
        fs::write(evidence.join("taken"), vec![0; usize::try_from(taken).unwrap()]).unwrap();
        repo.run().exits(70).says("No space left on device");
        let journal = fs::read(repo.evidence("status-").pop().unwrap()).unwrap();
        assert!(journal.is_empty() || journal.ends_with(b"\n"), "{pages} pages: half a line");
        fs::remove_file(evidence.join("taken")).unwrap();
        let ran = repo.autopilot(["7", "--resume"]).exits(0);
        is_done(&repo);
        assert_eq!(repo.steps(), ["a:passed", "b:passed", "c:passed"], "{pages} pages: {}", ran.stdout);
        drop(small);
    }
}

#[test]
#[ignore = "needs root, to mount something read-only"]
fn a_checkout_that_cannot_be_written_to_is_said_and_nothing_is_begun() {
    let repo = Repo::new();
    repo.plan("  - {id: c, command: 'echo one > one; cat one README.md > three'}\n");
    let top = repo.top();
    Small::call(&["--bind", top.to_str().unwrap()], &top);
    let bound = Small(top.clone());
    Small::call(&["-o", "remount,bind,ro"], &top);
    repo.run().exits(70).says("Read-only file system");
    drop(bound);
    assert!(repo.evidence("status-").is_empty());
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    repo.run().exits(0);
    is_done(&repo);
}
