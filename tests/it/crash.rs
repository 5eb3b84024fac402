//! A runner that dies loses nothing and leaves nothing in the way: `kill -9` at random moments, and what else
//! happens to evidence while nobody looks.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::common::{Ran, Repo, signal, wait_until};

/// Steps that change files, fail, are ignored, and need a retry: a moment of every kind in two seconds.
const STEPS: &str = "  - {id: first, command: 'echo one > one; git add one; git commit -qm one'}
  - id: ignored
    command: 'echo half > half; rm README.md; mkdir -p target; echo cache > target/cache; exit 1'
    rollback: [echo undone]
    on_failure: ignore
  - id: retried
    command: 'echo two > two; test -e ~/tried || { touch ~/tried; sleep 0.1; exit 1; }'
    retries: 1
    post: ['test -e two']
  - {id: last, command: 'sleep 3601 & echo three > three; sleep 0.2; echo four > one'}
";

/// Numbers that differ from run to run of the test; the seed is told when it fails.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(lane: u64) -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let seed = std::env::var("AUTOPILOT_CRASH_SEED")
            .map_or(u64::from(now.subsec_nanos()), |seed| seed.parse().unwrap());
        eprintln!("AUTOPILOT_CRASH_SEED={seed} (lane {lane})");
        Self(seed.wrapping_add(lane))
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Kills autopilot after a while; whether it was still there.
fn start_and_kill(repo: &Repo, after: Duration) -> bool {
    let mut child = repo
        .command(["7"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while begun.elapsed() < after {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    true
}

fn journals(repo: &Repo) -> Vec<PathBuf> {
    repo.evidence("status-")
}

/// The type of a journal's last event, which says whether the run has come to its end.
fn last_event(journal: &PathBuf) -> String {
    let text = fs::read_to_string(journal).unwrap();
    let line = text.lines().rfind(|line| line.ends_with('}')).unwrap_or_default();
    let value: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
    value["event"]["type"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn kill_9_at_any_moment_loses_nothing_and_leaves_nothing_in_the_way() {
    let rounds = std::env::var("AUTOPILOT_CRASH_ROUNDS").map_or(9, |rounds| rounds.parse().unwrap());
    let lanes = 3;
    let crashed: u64 = std::thread::scope(|scope| {
        let of = |lane: u64| rounds / lanes + u64::from(lane < rounds % lanes);
        let all: Vec<_> =
            (0..lanes).map(|lane| scope.spawn(move || crash_again_and_again(lane, of(lane)))).collect();
        all.into_iter().map(|lane| lane.join().unwrap()).sum()
    });
    assert!(crashed > 0, "no round hit a run");
}

/// Returns how many rounds hit a run.
fn crash_again_and_again(lane: u64, rounds: u64) -> u64 {
    let mut random = Random::new(lane);
    let repo = Repo::new();
    repo.plan(STEPS);
    let before = repo.fingerprint();
    let begun = Instant::now();
    repo.run().exits(0);
    // Long enough for most of picking up the one before, too; short enough that most rounds hit one, however fast it is here.
    let longest = u64::try_from(begun.elapsed().as_millis()).unwrap() * 3 / 2;
    let mut crashed = 0;
    for round in 1..=rounds {
        let killed = start_and_kill(&repo, Duration::from_millis(random.below(longest)));
        crashed += u64::from(killed);
        wait_until(|| repo.processes().is_empty());
        assert_eq!(repo.fingerprint(), before);
        repo.git(["fsck", "--strict", "--no-progress"]);
        let status = repo.autopilot(["status"]).exits(0);
        if let Some(journal) = journals(&repo).last() {
            let closed = last_event(journal) == "attested";
            assert!(closed || status.stdout.contains("crashed"), "{}", status.stdout);
            assert!(!status.stdout.contains("running"), "{}", status.stdout);
        }
        // Sometimes the one that picks up is killed as well.
        if round % 4 == 0 || round == rounds {
            pick_up(&repo);
            assert_eq!(repo.fingerprint(), before);
        }
    }
    repo.git(["fsck", "--strict", "--no-progress"]);
    every_run_has_an_end(&repo);
    crashed
}

/// The next run says what it found, does its own work, and leaves nothing of any of them.
fn pick_up(repo: &Repo) {
    let open: Vec<PathBuf> =
        journals(repo).into_iter().filter(|journal| last_event(journal) != "attested").collect();
    let ran = repo.run().exits(0).says("worktree removed");
    for journal in open {
        let name = journal.file_name().unwrap().to_str().unwrap().to_owned();
        let run = name.strip_prefix("status-").unwrap().strip_suffix(".log").unwrap();
        // It died in the middle, before its first step, or after its last.
        let said = ["had crashed", "had died before it began", "had ended"]
            .iter()
            .any(|how| ran.stderr.contains(&format!("run {run} {how}")));
        assert!(said, "{run}:\n{}", ran.stderr);
    }
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
}

fn every_run_has_an_end(repo: &Repo) {
    let mut branches = Vec::new();
    for journal in journals(repo) {
        let events = Repo::chain(&journal);
        let of =
            |kind: &str| events.iter().filter(|event| event["type"] == kind).cloned().collect::<Vec<_>>();
        assert_eq!(events.last().unwrap()["type"], "attested", "{}", journal.display());
        let ended = of("run.ended");
        assert_eq!(ended.len(), 1, "{}", journal.display());
        let name = journal
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .replace("status-", "summary-")
            .replace(".log", ".md");
        let summary = fs::read_to_string(journal.with_file_name(name)).unwrap();
        match ended[0]["result"].as_str().unwrap() {
            "crashed" => {
                assert!(summary.starts_with("# 💥"), "{summary}");
                assert!(!of("recovered").is_empty());
            }
            "done" => assert!(summary.starts_with("# ✅"), "{summary}"),
            other => panic!("{other}"),
        }
        let made = of("branch.made");
        assert_eq!(
            made.is_empty(),
            of("checkpoint.made").is_empty(),
            "every checkpoint is on a branch: {}",
            journal.display()
        );
        branches.extend(made.iter().map(|event| event["reference"].as_str().unwrap().to_owned()));
        // What an attempt in flight had changed is in a bundle that holds what it says.
        for saved in of("salvaged") {
            let bundle = journal.with_file_name(
                journal
                    .file_name()
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .replace("status-", "salvage-")
                    .replace(".log", ".bundle"),
            );
            let heads = repo.git(["bundle", "list-heads", bundle.to_str().unwrap()]);
            assert!(heads.contains(saved["reference"].as_str().unwrap()), "{heads}");
        }
    }
    branches.sort();
    branches.dedup();
    let there = repo.git(["for-each-ref", "--format=%(refname)", "refs/heads/autopilot/"]);
    assert_eq!(there.lines().collect::<Vec<_>>(), branches);
}

/// Starts a run whose step waits, and kills it then.
fn crash_in_step(repo: &Repo) -> u32 {
    repo.plan("  - {id: a, command: 'echo one > one'}\n  - {id: b, command: 'echo half > half; echo ready; test -e ~/../never || sleep 3602'}\n");
    crash_when_ready(repo)
}

fn crash_when_ready(repo: &Repo) -> u32 {
    let mut child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    signal(&child, Signal::SIGKILL);
    child.wait().unwrap();
    wait_until(|| repo.processes().is_empty());
    child.id()
}

/// Replaces the waiting plan by one that passes.
fn mend(repo: &Repo) {
    repo.plan("  - {id: a, command: 'echo fine > fine'}\n");
}

#[test]
fn a_crashed_run_is_picked_up_and_what_it_was_at_is_saved() {
    let repo = Repo::new();
    let pid = crash_in_step(&repo);
    let before = repo.fingerprint();
    repo.autopilot(["status"]).exits(0).says("crashed").says("autopilot run 7");
    assert_eq!(repo.fingerprint(), before);
    mend(&repo);
    repo.run()
        .exits(0)
        .says(&format!("took over the lock of process {pid}"))
        .says("had crashed; its end is recorded");
    let events = Repo::chain(&journals(&repo)[0]);
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let end = [
        "salvaged",
        "reset.started",
        "reset.done",
        "run.ended",
        "branch.made",
        "worktree.removed",
        "branch.searched",
        "sealed",
        "attested",
    ];
    assert!(kinds.ends_with(&end), "{kinds:?}");
    let bundle = repo.evidence("salvage-").pop().unwrap();
    repo.git(["fetch", "-q", bundle.to_str().unwrap(), "refs/salvage/*:refs/salvage/*"]);
    assert_eq!(repo.git(["show", "refs/salvage/b-1:half"]), "half");
    let failed = repo.failed();
    assert!(failed.starts_with("CRASHED: run ") && failed.contains("ended by the crash"), "{failed}");
    assert_eq!(repo.branches().len(), 2, "the crashed run's checkpoint and the new one's");
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    repo.autopilot(["status", "7"]).exits(0).says("crashed").says("done");
}

#[test]
fn a_folder_for_logs_that_a_dead_runner_had_just_made_ignores_itself_all_the_same() {
    for half in ["mkdir -p .ai/logs", "mkdir -p .ai/logs; : > .ai/logs/.gitignore"] {
        let repo = Repo::new();
        repo.plan("  - {id: a, command: 'true'}\n");
        assert!(Command::new("sh").args(["-c", half]).current_dir(repo.top()).status().unwrap().success());
        repo.run().exits(0);
        assert_eq!(repo.git(["status", "--porcelain"]), "", "{half}");
    }
}

#[test]
fn evidence_that_is_cleaned_away_in_mid_run_is_put_back() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: a, command: 'echo before; echo a > a'}
  - {id: b, command: 'echo ready; while test ! -e ~/go; do sleep 0.05; done; echo after', expectation: {output_matches: [after]}}
  - {id: c, command: 'echo last > last'}\n",
    );
    for habit in
        ["git clean -qfdx", "rm -rf .ai/logs", "mv .ai/logs ../moved-logs", "rm .ai/logs/autopilot/status-*"]
    {
        let child = repo.start(["7"]);
        wait_until(|| repo.log().contains("ready"));
        let done = Command::new("sh").args(["-c", habit]).current_dir(repo.top()).status().unwrap();
        assert!(done.success());
        repo.autopilot(["status"]).exits(0).says("running");
        let homes =
            fs::read_dir(repo.state().join("runs")).unwrap().map(|run| run.unwrap().path().join("home"));
        homes.for_each(|home| fs::write(home.join("go"), "").unwrap());
        let ran = Ran::of(&child.wait_with_output().unwrap()).exits(0);
        assert!(ran.stdout.contains("done in"), "{habit}: {}", ran.stdout);
        let log = repo.log();
        for part in ["before", "ready", "after", "had been removed or replaced while the run ran"] {
            assert!(log.contains(part), "{habit}: {part} is not in\n{log}");
        }
        let events = Repo::chain(&repo.evidence("status-").pop().unwrap());
        assert_eq!(events.first().unwrap()["type"], "run.started");
        assert_eq!(events.last().unwrap()["type"], "attested");
        assert_eq!(repo.git(["status", "--porcelain"]), "", "{habit}: .ai/logs ignores itself again");
        assert_eq!(repo.left_in_state(), Vec::<String>::new());
        let _ = fs::remove_dir_all(repo.top().join(".ai/logs"));
    }
}

#[test]
fn a_crashed_run_whose_evidence_was_cleaned_away_comes_back_from_the_mirror() {
    let repo = Repo::new();
    crash_in_step(&repo);
    repo.git(["clean", "-qfdx"]);
    repo.autopilot(["status"]).exits(0).says("crashed").says("autopilot run 7 --resume");
    mend(&repo);
    repo.run().exits(0).says("had crashed; its end is recorded");
    assert_eq!(journals(&repo).len(), 2);
    let events = Repo::chain(&journals(&repo)[0]);
    assert_eq!(events[0]["type"], "run.started");
    assert_eq!(events.last().unwrap()["type"], "attested");
    assert_eq!(repo.evidence("salvage-").len(), 1);
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
}

#[test]
fn a_torn_last_line_is_cut_off_and_said() {
    let repo = Repo::new();
    crash_in_step(&repo);
    let journal = journals(&repo).pop().unwrap();
    let mut text = fs::read(&journal).unwrap();
    text.extend_from_slice(b"{\"v\":1,\"seq\":99,\"ts\":\"20");
    fs::write(&journal, text).unwrap();
    repo.autopilot(["status"]).exits(0).says("crashed");
    mend(&repo);
    repo.run().exits(0).says("had crashed");
    let events = Repo::chain(&journal);
    let recovered = events.iter().find(|event| event["type"] == "recovered").unwrap();
    assert_eq!(recovered["torn"], 24);
}

#[test]
fn an_empty_journal_is_cleared_away() {
    let repo = Repo::new();
    mend(&repo);
    repo.run().exits(0);
    // As if the runner had died right after it had claimed its name, or made its directory.
    let empty = repo.top().join(".ai/logs/autopilot/status-20260101T000000Z-7.log");
    fs::write(&empty, "").unwrap();
    let torn = repo.top().join(".ai/logs/autopilot/status-20260101T000001Z-7.log");
    fs::write(&torn, "{\"v\":1,").unwrap();
    repo.autopilot(["status", "7"]).exits(0).says("crashed");
    repo.run()
        .exits(0)
        .says("20260101T000000Z-7 had died before it began")
        .says("20260101T000001Z-7 had died before");
    assert!(!empty.exists() && !torn.exists());
}

#[test]
fn a_directory_without_journal_or_record_is_cleared_away() {
    let repo = Repo::new();
    crash_in_step(&repo);
    let dir = repo.run_dir();
    fs::remove_file(journals(&repo).pop().unwrap()).unwrap();
    fs::remove_file(dir.join("journal")).unwrap();
    mend(&repo);
    repo.run().exits(0).says("had died before it began");
    assert_eq!(repo.left_in_state(), Vec::<String>::new());

    let repo = Repo::new();
    // Without its record a directory is one that was not begun, or was proved and half removed.
    crash_in_step(&repo);
    let dir = repo.run_dir();
    fs::remove_file(dir.join("run.json")).unwrap();
    mend(&repo);
    repo.run().exits(0).says("had crashed");
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
}

#[test]
fn a_journal_that_somebody_broke_stops_no_later_run() {
    let repo = Repo::new();
    mend(&repo);
    repo.run().exits(0);
    let journal = journals(&repo).pop().unwrap();
    let text = fs::read_to_string(&journal).unwrap();
    fs::write(&journal, text.replacen("run.started", "run.sterted", 1)).unwrap();
    repo.autopilot(["status"]).exits(0).says("unreadable").says(":1:");
    repo.run().exits(0);
    assert_eq!(repo.left_in_state(), Vec::<String>::new());

    crash_in_step(&repo);
    let journal = journals(&repo).pop().unwrap();
    let text = fs::read_to_string(&journal).unwrap();
    fs::write(&journal, text.replacen("\"seq\":1,", "\"seq\":7,", 1)).unwrap();
    mend(&repo);
    repo.run().exits(0).says("cannot be picked up, it stays at").says("does not follow");
    assert_eq!(repo.left_in_state().len(), 1, "what the step had done is still there");
}

#[test]
fn a_crash_in_a_worktree_that_is_gone_is_picked_up_elsewhere() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: a, command: 'echo one > one'}\n  - {id: b, command: 'echo half > half; sleep 3603'}\n",
    );
    repo.git(["worktree", "add", "-q", "../linked", "-b", "side"]);
    let linked = repo.dir().join("linked");
    let mut child = repo.command(["7"]).current_dir(&linked).spawn().unwrap();
    wait_until(|| repo.processes().iter().any(|line| line.contains("sleep 3603")));
    child.kill().unwrap();
    child.wait().unwrap();
    repo.git(["worktree", "remove", "--force", "../linked"]);
    mend(&repo);
    let ran = repo.run().exits(0).says("had crashed");
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    let evidence = repo.evidence("");
    assert_eq!(repo.branches().len(), 2, "{:?} {evidence:?}\n{}{}", repo.branches(), ran.stdout, ran.stderr);
}

#[test]
fn a_kept_worktree_is_not_picked_up_even_if_its_evidence_is_gone() {
    let repo = Repo::new();
    mend(&repo);
    repo.autopilot(["7", "--keep-worktree"]).exits(0).says("worktree kept at");
    assert_eq!(repo.left_in_state().len(), 1);
    repo.git(["clean", "-qfdx"]);
    repo.run().exits(0).hides("crashed");
    assert_eq!(repo.left_in_state().len(), 1);
    assert_eq!(journals(&repo).len(), 2, "the mirror came back");
}

#[test]
fn what_git_was_at_when_the_runner_died_is_undone() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo one > README.md'}\n  - {id: b, command: 'echo half > README.md; echo x > new; echo ready; sleep 3604'}\n");
    crash_when_ready(&repo);
    // As if it had been committing: locks, an index ahead of the journal, a commit that nobody recorded.
    let run = repo.run_dir();
    let git = |args: &[&str]| {
        let done = Command::new("git")
            .arg(format!("--git-dir={}", run.join("checkpoints.git").display()))
            .arg(format!("--work-tree={}", run.join("worktree").display()))
            .args(["-c", "safe.directory=*", "-c", "user.name=x", "-c", "user.email=x"])
            .args(args)
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", "safe.directory")
            .env("GIT_CONFIG_VALUE_0", "*")
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    };
    git(&["update-index", "--add", "README.md", "new"]);
    let tree = git(&["write-tree"]);
    let commit = git(&["commit-tree", &tree, "-p", "refs/autopilot/result", "-m", "not recorded"]);
    git(&["update-ref", "refs/autopilot/result", &commit]);
    for lock in ["index.lock", "refs/autopilot/result.lock", "salvage-index", "salvage-index.lock"] {
        fs::write(run.join("checkpoints.git").join(lock), "").unwrap();
    }
    mend(&repo);
    repo.run().exits(0).says("had crashed");
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    let first = repo.branches().remove(0);
    assert_eq!(repo.git(["show", &format!("{first}:README.md")]), "one", "what was recorded, and no more");
    let bundle = repo.evidence("salvage-").pop().unwrap();
    repo.git(["fetch", "-q", bundle.to_str().unwrap(), "refs/salvage/*:refs/salvage/*"]);
    assert_eq!(repo.git(["show", "refs/salvage/b-1:README.md"]), "half");
    assert_eq!(repo.git(["show", "refs/salvage/b-1:new"]), "x");
}
