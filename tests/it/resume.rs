//! A run that crashed or was interrupted goes on: after its last checkpoint, with what it had used up, and
//! with the result that it would have had.

use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::cli::terminal;
use crate::common::{Ran, Repo, signal, wait_until};

fn journal(repo: &Repo) -> PathBuf {
    repo.evidence("status-").pop().expect("no run")
}

/// How many runs have a log.
fn logs(repo: &Repo) -> usize {
    let entries = fs::read_dir(repo.top().join(".ai/logs/codex")).unwrap();
    entries.filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|end| end == "log")).count()
}

/// A run of which one step has passed, and the second waits.
fn waiting() -> (Repo, Child) {
    let repo = Repo::new();
    repo.plan(
        "  - {id: a, command: 'echo one > one; mkdir -p target; echo cache > target/cache'}
  - {id: b, command: 'cat one; echo half > half; echo ready; while test ! -e ~/go; do sleep 0.05; done; rm half; echo two > two'}\n",
    );
    let child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    (repo, child)
}

/// Lets the waiting step of whichever run there is pass.
pub(crate) fn release(repo: &Repo) {
    for run in fs::read_dir(repo.state().join("runs")).unwrap() {
        let home = run.unwrap().path().join("home");
        let _ = fs::write(home.join("go"), "");
    }
}

/// Goes on with a run that waits, and lets it pass.
pub(crate) fn resume_waiting(repo: &Repo) -> Ran {
    let seen = repo.log().matches("ready").count();
    let child = repo.start(["7", "--resume"]);
    wait_until(|| repo.log().matches("ready").count() > seen);
    release(repo);
    Ran::of(&child.wait_with_output().unwrap())
}

#[test]
fn an_interrupted_run_goes_on_from_its_branch() {
    let (repo, child) = waiting();
    signal(&child, Signal::SIGINT);
    Ran::of(&child.wait_with_output().unwrap()).exits(130);
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    repo.autopilot(["status"]).exits(0).says("interrupted").says("autopilot run 7 --resume");
    let first = repo.git(["rev-parse", &repo.branch()]);
    let head_then = repo.events_of("attested").len();

    resume_waiting(&repo).exits(0).says("goes on, 1 of 2 steps have passed").says("done in");
    assert_eq!(repo.evidence("status-").len(), 1);
    let events = Repo::chain(&journal(&repo));
    assert_eq!(events.iter().filter(|event| event["type"] == "attested").count(), head_then + 1);
    assert_eq!(repo.git(["merge-base", &first, &repo.branch()]), first, "the branch was added to");
    assert_eq!(repo.on_branch("one"), "one");
    assert_eq!(repo.on_branch("two"), "two");
    let attempts: Vec<_> = events.iter().filter(|event| event["type"] == "attempt.started").collect();
    let attempts: Vec<_> =
        attempts.iter().map(|event| format!("{}{}", event["step"], event["attempt"])).collect();
    assert_eq!(
        attempts,
        ["\"a\"1", "\"b\"1", "\"b\"2"],
        "a cut attempt costs no retry, and none is repeated"
    );
    // What the interrupted attempt had done is in the bundle still.
    let bundle = repo.evidence("salvage-").pop().unwrap();
    repo.git(["fetch", "-q", bundle.to_str().unwrap(), "refs/salvage/*:refs/salvage/*"]);
    assert_eq!(repo.git(["show", "refs/salvage/b-1:half"]), "half");
    assert!(repo.evidence("FAILED-").is_empty());
    assert!(repo.summary().contains("| b | ✅ | 2 |"), "{}", repo.summary());
    repo.autopilot(["7", "--resume"]).exits(0).says("is done: nothing to resume");
    assert_eq!(Repo::chain(&journal(&repo)).len(), events.len(), "nothing was added");
}

#[test]
fn a_crashed_run_goes_on_where_it_is_with_what_is_ignored() {
    let (repo, mut child) = waiting();
    repo.kill(&mut child);
    let run = repo.run_dir();
    // As if a git had been killed while it made the branch.
    let branch = repo.events()[0]["branch"].as_str().unwrap().to_owned();
    repo.file(&format!(".git/refs/heads/{branch}.lock"), "");
    resume_waiting(&repo).exits(0);
    assert!(!run.exists());
    let resumed = repo.events_of("resumed");
    assert_eq!(resumed.len(), 1);
    assert_eq!(resumed[0]["checkpoint"], repo.events_of("checkpoint.made")[0]["commit"]);
    assert_eq!(repo.events_of("worktree.ready").len(), 1, "the same worktree");
    assert_eq!(repo.on_branch("two"), "two");
    assert_eq!(
        repo.events_of("worktree.removed")[0]["ignored_files"],
        1,
        "target/cache was kept until the end"
    );
}

#[test]
fn on_a_terminal_a_crashed_run_is_offered() {
    for (answer, goes_on) in [("y\n", true), ("\n", true), ("n\n", false)] {
        let (repo, mut child) = waiting();
        repo.kill(&mut child);
        let mut command = terminal(&repo, "7", &[]);
        let mut asked =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script makes a terminal");
        // Kept open: a terminal that hangs up ends the run.
        let mut keys = asked.stdin.take().unwrap();
        keys.write_all(answer.as_bytes()).unwrap();
        let logs = || logs(&repo);
        let (runs, ready) = if goes_on { (1, 2) } else { (2, 1) };
        wait_until(|| logs() == runs && repo.log().matches("ready").count() == ready);
        release(&repo);
        wait_until(|| asked.try_wait().unwrap().is_some());
        drop(keys);
        let ran = Ran::of(&asked.wait_with_output().unwrap()).exits(0);
        ran.says("crashed with 1 of 2 steps passed. Go on with it? [Y/n]");
        assert_eq!(repo.evidence("status-").len(), runs, "{answer:?}");
        assert_eq!(repo.events_of("resumed").len(), usize::from(goes_on), "{answer:?}");
    }
}

/// A run that was interrupted, and left what no bundle can hold.
fn interrupted_with_too_much() -> Repo {
    let repo = Repo::new();
    repo.plan_with(
        "limits: {salvage: 1KiB}",
        "  - {id: a, command: 'echo one > one'}
  - {id: b, command: 'head -c 9000 /dev/zero > big; echo ready; while test ! -e ~/go; do sleep 0.05; done; rm big; echo two > two'}\n",
    );
    let child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    signal(&child, Signal::SIGTERM);
    Ran::of(&child.wait_with_output().unwrap())
        .exits(143)
        .says("left: no bundle can hold what was moved there");
    repo
}

fn moved_aside(repo: &Repo) -> Vec<String> {
    let entries = fs::read_dir(repo.run_dir().join("left")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Nothing is wrong with the run, and what it moved aside is there.
fn only_what_was_moved_aside_is_left(repo: &Repo) {
    let audit = repo.autopilot(["audit", "--all"]).exits(4);
    audit.says("AP301 stray-worktree").says("AUDIT FAIL  1 finding");
    let left = fs::read_dir(repo.run_dir()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut left: Vec<_> = left.collect();
    left.sort();
    assert_eq!(left, ["left", "run.json"]);
}

#[test]
fn what_no_bundle_can_hold_stays_and_is_in_nobodys_way() {
    let repo = interrupted_with_too_much();
    only_what_was_moved_aside_is_left(&repo);
    // Killed once more, with a worktree beside what was moved aside.
    let seen = repo.log().matches("ready").count();
    let mut child = repo.start(["7", "--resume"]);
    wait_until(|| repo.log().matches("ready").count() > seen);
    repo.kill(&mut child);
    resume_waiting(&repo).exits(0).says("no bundle can hold what was moved there");
    assert_eq!(repo.on_branch("two"), "two");
    assert_eq!(moved_aside(&repo), ["1", "2"]);
    for number in moved_aside(&repo) {
        assert_eq!(fs::metadata(repo.run_dir().join("left").join(number)).unwrap().len(), 9000);
    }
    only_what_was_moved_aside_is_left(&repo);
    let events = Repo::chain(&journal(&repo)).len();
    repo.autopilot(["7", "--resume"]).exits(0).says("is done: nothing to resume");
    assert_eq!(Repo::chain(&journal(&repo)).len(), events);
}

#[test]
fn what_somebody_took_of_it_gives_no_number_away() {
    let repo = interrupted_with_too_much();
    for _ in 0..2 {
        let seen = repo.log().matches("ready").count();
        let child = repo.start(["7", "--resume"]);
        wait_until(|| repo.log().matches("ready").count() > seen);
        signal(&child, Signal::SIGTERM);
        Ran::of(&child.wait_with_output().unwrap()).exits(143);
        let _ = fs::remove_file(repo.run_dir().join("left/1"));
    }
    assert_eq!(moved_aside(&repo), ["2", "3"]);
    // Nor is it lost with the journal.
    fs::remove_dir_all(repo.top().join(".ai/logs")).unwrap();
    repo.autopilot(["clean"]).exits(0).says("left stays, of run").says("remove it by hand");
    assert_eq!(moved_aside(&repo), ["2", "3"]);
}

/// As if the runner had died while it made the worktree beside what was moved aside, or before it had said that
/// this is all that is left.
#[test]
fn a_crash_beside_what_was_moved_aside_loses_nothing() {
    let cut = |repo: &Repo, kind: &str| {
        let text = fs::read_to_string(journal(repo)).unwrap();
        let at = text.lines().position(|line| line.contains(&format!("\"type\":\"{kind}\""))).unwrap();
        let whole: String = text.split_inclusive('\n').take(at).collect();
        fs::write(journal(repo), whole).unwrap();
    };
    for call in ["--resume", "clean"] {
        let repo = interrupted_with_too_much();
        cut(&repo, "worktree.kept");
        for half in ["worktree", "home", "checkpoints.git"] {
            fs::create_dir(repo.run_dir().join(half)).unwrap();
        }
        if call == "clean" {
            repo.autopilot(["clean"]).exits(0).says("left stays: no bundle can hold");
            assert_eq!(repo.events_of("worktree.kept").len(), 1);
        } else {
            resume_waiting(&repo).exits(0);
            assert_eq!(repo.on_branch("two"), "two");
        }
        assert_eq!(moved_aside(&repo), ["1"]);
        only_what_was_moved_aside_is_left(&repo);
    }
}

#[test]
fn a_log_that_was_lost_costs_the_run_nothing_else() {
    for call in [&["7", "--resume"][..], &["clean"]] {
        let (repo, mut child) = waiting();
        repo.kill(&mut child);
        fs::remove_dir_all(repo.top().join(".ai/logs/codex")).unwrap();
        if call.contains(&"--resume") {
            resume_waiting(&repo).exits(0);
            assert_eq!(repo.on_branch("two"), "two");
        } else {
            repo.autopilot(call).exits(0).says("had crashed; its end is recorded");
            let bundle = repo.evidence("salvage-").pop().unwrap();
            repo.git(["fetch", "-q", bundle.to_str().unwrap(), "refs/salvage/*:refs/salvage/*"]);
            assert_eq!(repo.git(["show", "refs/salvage/b-1:half"]), "half");
        }
        assert_eq!(repo.on_branch("one"), "one");
        assert_eq!(repo.left_in_state(), Vec::<String>::new());
        assert!(repo.log().starts_with("── the log was lost"), "{}", repo.log());
        // Nothing was forged, but part of the evidence is gone.
        let audit = repo.autopilot(["audit", "7"]).exits(4);
        audit.says("AP215 log-differs").says("found: “── the log was lost").says("1 finding");
    }
}

#[test]
fn a_run_whose_journal_is_lost_is_discarded_only_if_it_never_began() {
    for text in [None, Some(""), Some("{\"v\":1,")] {
        let lose = |repo: &Repo| match text {
            Some(text) => fs::write(journal(repo), text).unwrap(),
            None => fs::remove_dir_all(repo.top().join(".ai/logs")).unwrap(),
        };
        // From its copy.
        let (repo, mut child) = waiting();
        repo.kill(&mut child);
        lose(&repo);
        repo.autopilot(["clean"]).exits(0).says("is in its salvage bundle");
        assert_eq!(repo.on_branch("one"), "one");

        // The copy tells of nothing: of an end of the power, say.
        let (repo, mut child) = waiting();
        repo.kill(&mut child);
        lose(&repo);
        let run = repo.run_dir();
        fs::write(run.join("journal"), "").unwrap();
        for _ in 0..2 {
            let refused = repo.autopilot(["clean"]).exits(70).says("its journal is lost");
            refused.says(&format!("remove {}, and run again", run.display()));
        }
        assert_eq!(repo.read(run.join("worktree/half")), "half\n");

        // There is none: no step has run.
        fs::remove_file(run.join("journal")).unwrap();
        repo.autopilot(["clean"]).exits(0).says("had died before it began; cleared away");
        assert_eq!(repo.left_in_state(), Vec::<String>::new());
    }
}

/// A way to end what waits for an answer.
type End = fn(&Repo, &mut ChildStdin);

/// The process that holds the lock.
fn holder(repo: &Repo) -> Pid {
    let lock = fs::read_dir(repo.state().join("locks")).unwrap().next().unwrap().unwrap().path();
    let holder: Value = serde_json::from_str(&fs::read_to_string(lock).unwrap()).unwrap();
    Pid::from_raw(i32::try_from(holder["pid"].as_i64().unwrap()).unwrap())
}

#[test]
fn whoever_ends_it_at_the_question_is_heard_before_anything_is_touched() {
    let (repo, mut child) = waiting();
    repo.kill(&mut child);
    let before = fs::read(journal(&repo)).unwrap();
    let ways: [(i32, End); 3] = [
        (130, |_, keys| keys.write_all(b"\x03").unwrap()),
        (143, |repo, _| kill(holder(repo), Signal::SIGTERM).unwrap()),
        (143, |repo, _| drop(repo.autopilot(["stop", "7"]).exits(0).says("no run of issue 7 is running"))),
    ];
    for (code, end) in ways {
        let mut command = terminal(&repo, "7", &[]);
        let mut asked =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script makes a terminal");
        let mut keys = asked.stdin.take().unwrap();
        let (mut screen, mut seen) = (asked.stdout.take().unwrap(), Vec::new());
        while !seen.ends_with(b"[Y/n] ") {
            let mut byte = [0];
            screen.read_exact(&mut byte).expect("it asks");
            seen.extend(byte);
        }
        end(&repo, &mut keys);
        wait_until(|| asked.try_wait().unwrap().is_some());
        drop(keys);
        Ran::of(&asked.wait_with_output().unwrap()).exits(code);
        assert_eq!(fs::read(journal(&repo)).unwrap(), before, "the crashed run is as it was");
        assert_eq!(repo.evidence("status-").len(), 1, "no other has begun");
    }
    resume_waiting(&repo).exits(0);
}

#[test]
fn a_crashed_run_that_was_picked_up_goes_on_all_the_same() {
    let (repo, mut child) = waiting();
    repo.kill(&mut child);
    repo.autopilot(["clean"]).exits(0).says("had crashed; its end is recorded");
    repo.autopilot(["audit", "7"]).exits(0);
    let cut = repo.events_of("run.ended")[0]["ms"].as_u64().unwrap();
    resume_waiting(&repo).exits(0);
    assert_eq!(repo.on_branch("two"), "two");
    let used = repo.events_of("resumed")[0]["used"].as_u64().unwrap();
    assert!(used <= cut, "{used} ms of {cut}: nothing ran in between");
    repo.autopilot(["audit", "7"]).exits(0);
}

#[test]
fn a_run_that_is_interrupted_before_its_step_begins_again_is_audited_as_it_was() {
    let (repo, child) = waiting();
    signal(&child, Signal::SIGTERM);
    Ran::of(&child.wait_with_output().unwrap()).exits(143);
    let child = repo.start(["7", "--resume"]);
    wait_until(|| !repo.events_of("resumed").is_empty());
    signal(&child, Signal::SIGTERM);
    Ran::of(&child.wait_with_output().unwrap()).exits(143);
    repo.autopilot(["audit", "7"]).exits(0);
    resume_waiting(&repo).exits(0);
    repo.autopilot(["audit", "7"]).exits(0);
}

/// As if the runner had died while it made the worktree: it is made anew, whoever comes.
#[test]
fn a_worktree_that_was_not_whole_is_made_anew() {
    // The logs there are then, and how often the last one says that its step is ready.
    for (args, logs, ready) in [(&["7", "--resume"][..], 1, 2), (&["7"], 2, 1)] {
        let (repo, mut child) = waiting();
        repo.kill(&mut child);
        let journal = journal(&repo);
        let text = fs::read_to_string(&journal).unwrap();
        fs::write(&journal, format!("{}\n", text.lines().next().unwrap())).unwrap();
        let run = repo.run_dir();
        fs::remove_dir_all(run.join("worktree/.git")).unwrap();
        let child = repo.start(args);
        wait_until(|| self::logs(&repo) == logs && repo.log().matches("ready").count() == ready);
        release(&repo);
        Ran::of(&child.wait_with_output().unwrap()).exits(0);
        repo.autopilot(["audit", "--all"]).exits(0);
        assert_eq!(repo.events_of("worktree.ready").len(), 1);
        assert_eq!(repo.git(["show", &format!("{}:two", repo.branches().pop().unwrap())]), "two");
    }
}

#[test]
fn a_crash_that_a_later_run_picked_up_goes_on_from_its_branch() {
    let (repo, mut child) = waiting();
    repo.kill(&mut child);
    // A plain call offers it to nobody: no terminal is there. It says how instead.
    let plan = repo.read(".ai/plans/7/Autopilot.yaml");
    let again = repo.start(["7"]);
    wait_until(|| repo.evidence("status-").len() == 2 && repo.log().contains("ready"));
    signal(&again, Signal::SIGTERM);
    let ran = Ran::of(&again.wait_with_output().unwrap()).exits(143);
    ran.says("crashed with 1 of 2 steps passed")
        .says("autopilot run 7 --resume")
        .says("had crashed; its end is recorded");
    // The newest goes on, and the plan is what it was.
    assert_eq!(repo.read(".ai/plans/7/Autopilot.yaml"), plan);
    resume_waiting(&repo).exits(0);
    assert_eq!(repo.evidence("status-").len(), 2);
    assert_eq!(repo.branches().len(), 2);
    // So does the older one, by its name, whatever came after it.
    let runs = repo.run_names();
    repo.autopilot([&runs[0]]).exits(2).says("it can go on, and not begin").says("--resume");
    repo.autopilot(["7", &runs[0], "--resume"]).exits(2).says("named twice");
    let mut older = repo.start([&runs[0], "--resume"]);
    wait_until(|| {
        release(&repo);
        older.try_wait().unwrap().is_some()
    });
    Ran::of(&older.wait_with_output().unwrap()).exits(0).says("goes on, 1 of 2 steps have passed");
    assert_eq!(repo.run_names(), runs);
    let older = repo.branches().into_iter().min().unwrap();
    assert_eq!(repo.git(["show", &format!("{older}:two")]), "two");
    repo.autopilot([&runs[0], "--resume"]).exits(0).says("is done: nothing to resume");
    repo.autopilot(["20261003T101500Z-7", "--resume"]).exits(2);
    for run in &runs {
        repo.autopilot(["audit", run]).exits(0);
    }
}

#[test]
fn a_changed_plan_or_branch_is_refused_with_what_to_do_and_a_base_that_moved_is_none_of_its_business() {
    let began = |repo: &Repo| repo.events()[0]["commit"].as_str().unwrap().to_owned();
    let (repo, child) = waiting();
    signal(&child, Signal::SIGTERM);
    Ran::of(&child.wait_with_output().unwrap()).exits(143);
    let events = Repo::chain(&journal(&repo)).len();
    let refused = |what: &str| {
        repo.autopilot(["7", "--resume"])
            .exits(2)
            .says(what)
            .says("`autopilot run 7` saves what that run left");
        assert_eq!(Repo::chain(&journal(&repo)).len(), events, "{what}: nothing was touched");
    };
    let plan = repo.read(".ai/plans/7/Autopilot.yaml");
    repo.file(".ai/plans/7/Autopilot.yaml", &format!("{plan}\n# changed\n"));
    refused("the plan was changed");
    repo.file(".ai/plans/7/Autopilot.yaml", &plan);

    let branch = repo.branch();
    let was = repo.git(["rev-parse", &branch]);
    repo.git(["update-ref", &format!("refs/heads/{branch}"), "main"]);
    refused("was moved by somebody");
    repo.git(["update-ref", &format!("refs/heads/{branch}"), &was]);
    repo.git(["worktree", "add", "-q", "../side", &branch]);
    refused("is checked out at");
    repo.git(["worktree", "remove", "../side"]);
    repo.commit_file("mine", "the user goes on working\n");
    // Another branch is no other base.
    repo.git(["switch", "-qc", "elsewhere"]);
    resume_waiting(&repo).exits(0);
    assert_eq!(repo.git(["merge-base", "main", &branch]), began(&repo));
    assert_ne!(repo.git(["rev-parse", "main"]), began(&repo));
    repo.autopilot(["audit", "7"]).exits(0);
}

#[test]
fn an_engine_has_a_new_run_where_the_last_cannot_go_on_and_loses_nothing_of_it() {
    let (repo, child) = waiting();
    signal(&child, Signal::SIGTERM);
    Ran::of(&child.wait_with_output().unwrap()).exits(143);
    let first = repo.branch();
    repo.plan("  - {id: a, command: 'echo other > one'}\n");
    repo.autopilot(["7", "--resume"]).exits(2).says("the plan was changed");
    let ran = repo.autopilot(["7", "--resume-or-new"]).exits(0);
    ran.says("the plan was changed").says("a new run of issue 7 begins");
    assert_eq!((repo.evidence("status-").len(), repo.branches().len()), (2, 2));
    assert_eq!(repo.git(["show", &format!("{first}:one")]), "one");
    repo.autopilot(["7", "--resume-or-new"]).exits(0).says("nothing to resume");
    // A plan that is none is no reason to begin.
    repo.file(".ai/plans/7/Autopilot.yaml", "steps: 7\n");
    repo.autopilot(["7", "--resume-or-new"]).exits(2);
    assert_eq!(repo.evidence("status-").len(), 2);
}

#[test]
fn a_run_that_failed_by_itself_does_not_go_on() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo one > one'}\n  - {id: b, command: 'exit 3'}\n");
    repo.autopilot(["7", "--resume"])
        .exits(1)
        .says("there is no run of issue 7 to resume: this is its first");
    let lines = Repo::chain(&journal(&repo)).len();
    repo.autopilot(["7", "--resume"])
        .exits(1)
        .says("resuming would fail again")
        .says("Start over: `autopilot run 7`");
    assert_eq!(Repo::chain(&journal(&repo)).len(), lines);
    let json = repo.autopilot(["7", "--resume", "--json"]).exits(1);
    let result: Value = serde_json::from_str(json.stdout.trim()).unwrap();
    assert_eq!(result["result"], "failed");
    repo.plan("  - {id: a, command: 'echo one > one'}\n");
    repo.autopilot(["7", "--resume"]).exits(2).says("the plan was changed since").says("autopilot run 7");
}

#[test]
fn what_was_used_up_stays_used_up() {
    let repo = Repo::new();
    // Two failures are allowed in a row: one before the crash, one after it.
    repo.plan_with(
        "limits: {consecutive_failures: 2, timeout: 1h}",
        "  - {id: a, command: 'exit 3', on_failure: continue}
  - {id: b, command: 'echo ready; while test ! -e ~/go; do sleep 0.05; done; exit 4', retries: 5}
  - {id: c, command: 'true'}\n",
    );
    let mut child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    repo.kill(&mut child);
    resume_waiting(&repo).exits(1).says("2 failed attempts in a row (limit 2)");
    let resumed = &repo.events_of("resumed")[0];
    assert_eq!(resumed["consecutive"], 1);
    assert!(resumed["used"].as_u64().unwrap() > 0);
    assert_eq!(repo.steps(), ["a:failed", "b:failed", "c:skipped"]);
    let ended = &repo.events_of("run.ended")[0];
    assert!(ended["ms"].as_u64().unwrap() >= resumed["used"].as_u64().unwrap(), "active time goes on");
}

#[test]
fn however_the_users_git_keeps_refs_a_crash_loses_nothing() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo one > one'}\n  - {id: b, command: 'echo half > half; echo ready; sleep 600'}\n");
    let mut command = repo.command(["7"]);
    let command =
        command.env("GIT_DEFAULT_REF_FORMAT", "reftable").stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    wait_until(|| repo.log().contains("ready"));
    repo.kill(&mut child);
    // What should be there and is not, is no reason to throw away what is.
    let result = repo.run_dir().join("checkpoints.git/refs/autopilot/result");
    let away = result.with_extension("away");
    fs::rename(&result, &away).unwrap();
    repo.autopilot(["clean"]).exits(70).says("refs/autopilot/result is gone").says("look through it");
    fs::rename(&away, &result).unwrap();
    repo.autopilot(["clean"]).exits(0).says("is in its salvage bundle");
    assert_eq!(repo.on_branch("one"), "one");
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
}

#[test]
fn a_checkpoint_that_was_made_and_not_recorded_is_adopted() {
    let (repo, mut child) = waiting();
    repo.kill(&mut child);
    // As if the runner had died between the commit of step `a` and its line in the journal.
    let journal = journal(&repo);
    let text = fs::read_to_string(&journal).unwrap();
    let at = text.find("\"type\":\"checkpoint.made\"").unwrap();
    let line = text[..at].rfind('\n').unwrap() + 1;
    fs::write(&journal, &text[..line]).unwrap();
    let run = repo.run_dir();
    let half = run.join("worktree/half");
    fs::remove_file(&half).unwrap();
    resume_waiting(&repo).exits(0);
    let events = Repo::chain(&journal);
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let at = kinds.iter().position(|kind| *kind == "resumed").unwrap();
    assert_eq!(kinds[at + 1..at + 4], ["checkpoint.made", "attempt.ended", "step.ended"]);
    let attempts = events.iter().filter(|event| event["type"] == "attempt.started" && event["step"] == "a");
    assert_eq!(attempts.count(), 1, "it is not done again");

    // The same where the worktree is not what the commit holds: then it is what an attempt left.
    let (repo, mut child) = waiting();
    repo.kill(&mut child);
    let journal = self::journal(&repo);
    let text = fs::read_to_string(&journal).unwrap();
    let at = text.find("\"type\":\"checkpoint.made\"").unwrap();
    let line = text[..at].rfind('\n').unwrap() + 1;
    fs::write(&journal, &text[..line]).unwrap();
    resume_waiting(&repo).exits(0);
    let saved = &repo.events_of("salvaged")[0];
    assert_eq!((saved["step"].as_str(), saved["attempt"].as_u64()), (Some("a"), Some(1)));
    assert_eq!(repo.on_branch("one"), "one");
    assert_eq!(repo.on_branch("two"), "two");
}

/// A run whose step waits behind what it changed, and is to be proved.
fn waiting_for_a_proof(before: &str, change: &str, since: &str) -> (Repo, Child) {
    let repo = Repo::new();
    repo.file("look.sh", include_str!("../fixtures/proofs/lines.sh"));
    repo.file(".gitignore", "report.xml\n");
    repo.file("src/a.py", "import os\nx = 1\nw = f()\n");
    let wait = "echo ready; while test ! -e ~/go; do sleep 0.05; done";
    let proves = serde_json::json!({"tests": ["tests/**"], "command": "sh look.sh", "since": since, "mutants": 0,
        "report": {"format": "junit", "path": "report.xml"}});
    let steps = [
        serde_json::json!({"id": "a", "command": before}),
        serde_json::json!({"id": "b", "command": format!("{change}; {wait}"), "expectation": {"proves": proves}}),
    ];
    repo.plan(&steps.map(|step| format!("  - {step}\n")).concat());
    let child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    (repo, child)
}

const CHANGE: &str =
    "sed -i 's/^x = 1/x = 2/; s/^w = f()/w = i()/' src/a.py; mkdir -p tests; touch tests/new";

/// In a new worktree what stands before the step is held again.
#[test]
fn a_step_that_is_done_again_in_a_new_worktree_is_proved_there() {
    let (repo, child) = waiting_for_a_proof("true", CHANGE, "b");
    signal(&child, Signal::SIGINT);
    Ran::of(&child.wait_with_output().unwrap()).exits(130);
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    resume_waiting(&repo).exits(0);
    let judged = repo.events_of("expectation.judged");
    let proof = judged.iter().find(|event| event["kind"] == "proves").unwrap();
    assert!(proof["held"] == true && proof["saw"].as_str().unwrap().contains("look::one"), "{proof}");
    repo.autopilot(["audit", "7"]).exits(0);
}

/// What stood before a step that has passed went with its worktree: nothing is proved against something else instead.
#[test]
fn what_stood_before_a_step_that_has_passed_is_not_made_up_in_a_new_worktree() {
    let (repo, child) = waiting_for_a_proof(CHANGE, "true", "a");
    signal(&child, Signal::SIGINT);
    Ran::of(&child.wait_with_output().unwrap()).exits(130);
    resume_waiting(&repo).exits(1);
    let judged = repo.events_of("expectation.judged");
    let proof = judged.iter().find(|event| event["kind"] == "proves").unwrap();
    let saw = proof["saw"].as_str().unwrap();
    assert!(proof["held"] == false && saw.contains("begin the run anew"), "{proof}");
    assert!(repo.events_of("proof.ran").is_empty());
    repo.autopilot(["audit", "7"]).exits(0);
}
