//! Several issues of one repository side by side.

use std::process::{Child, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use serde_json::Value;

use crate::common::{Ran, Repo, signal, wait_for, wait_until};

/// Waits in its second step until its HOME says go, after it has said so in the journal.
const WAITING: &str = "  - {id: a, command: 'echo one > one'}
  - {id: b, command: 'echo half > half; echo ready; while test ! -e ~/go; do sleep 0.05; done'}\n";

fn logs_that_say_ready(repo: &Repo) -> usize {
    let logs = std::fs::read_dir(repo.top().join(".ai/logs/codex")).into_iter().flatten();
    let text = |entry: &std::fs::DirEntry| std::fs::read_to_string(entry.path()).unwrap_or_default();
    logs.filter(|entry| text(entry.as_ref().unwrap()).contains("ready")).count()
}

/// Starts two runs side by side that wait in their second step.
fn two_that_wait() -> (Repo, Child) {
    let repo = Repo::new();
    for issue in 1..=2 {
        repo.plan_of(issue, "", WAITING);
    }
    repo.commit("plans");
    let child = repo.start(["1", "2", "--jobs", "2"]);
    wait_until(|| logs_that_say_ready(&repo) == 2);
    (repo, child)
}

fn result_of(repo: &Repo, issue: u64) -> String {
    let status = repo.autopilot(["status", &issue.to_string(), "--json"]).exits(0);
    let row: Value = serde_json::from_str(status.stdout.lines().next().unwrap()).unwrap();
    row["result"].as_str().unwrap().to_owned()
}

#[test]
fn the_failure_of_one_does_not_touch_another_and_the_worst_code_is_the_result() {
    let repo = Repo::new();
    for issue in 1..=6 {
        let command = if issue == 3 { "exit 3" } else { "echo x > x" };
        repo.plan_of(issue, "", &format!("  - {{id: a, command: '{command}'}}\n"));
    }
    repo.commit("plans");
    let ran = repo.autopilot(["1", "2", "3", "4", "5", "6", "2", "--jobs", "3"]).exits(1);
    for issue in 1..=6 {
        let expected = if issue == 3 { "failed" } else { "done" };
        assert_eq!(result_of(&repo, issue), expected);
        assert!(ran.stdout.contains(&format!("#{issue}  {expected}")), "{}", ran.stdout);
    }
    assert_eq!(repo.evidence("status-").len(), 6, "each once");
    assert_eq!(repo.branches().len(), 5);
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    // Wrong usage of one is its own, too.
    repo.autopilot(["1", "9", "--jobs", "2"]).exits(2).says("issue 9: there is no plan for issue 9");
    let json = repo.autopilot(["1", "2", "--jobs", "2", "--json"]).exits(0);
    let mut issues: Vec<u64> = json
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["issue"].as_u64().unwrap())
        .collect();
    issues.sort_unstable();
    assert_eq!(issues, [1, 2]);
}

#[test]
fn ctrl_c_ends_all_in_order_and_begins_no_other() {
    let repo = Repo::new();
    for issue in 1..=3 {
        repo.plan_of(issue, "", WAITING);
    }
    repo.commit("plans");
    let child = repo.start(["1", "2", "3", "--jobs", "2"]);
    wait_until(|| logs_that_say_ready(&repo) == 2);
    signal(&child, Signal::SIGINT);
    let ran = Ran::of(&child.wait_with_output().unwrap()).exits(130);
    assert_eq!(ran.stdout.matches("interrupted by SIGINT").count(), 2, "{}", ran.stdout);
    assert_eq!(ran.stdout.matches("; Ctrl-C again ends it at once").count(), 2, "{}", ran.stdout);
    assert!(
        ran.stdout.contains("0 of 3 issues done\n  interrupted  1 2\n  never begun  3\n"),
        "{}",
        ran.stdout
    );
    assert_eq!(repo.evidence("status-").len(), 2);
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    wait_until(|| repo.processes().is_empty());
}

/// `timeout`, a terminal and systemd send a signal to a whole process group: what helps the runner is in another one, and is
/// none of it.
#[test]
fn a_signal_to_the_whole_group_interrupts_and_is_no_failure() {
    use std::os::unix::process::CommandExt;
    let repo = Repo::new();
    let issues: Vec<String> = (1..=12).map(|issue| issue.to_string()).collect();
    for issue in 1..=12 {
        repo.plan_of(issue, "", "  - {id: a, command: 'echo a > a'}\n  - {id: b, command: 'echo b > b'}\n");
    }
    repo.commit("plans");
    let all = |more: &[&str]| {
        issues.iter().map(String::as_str).chain(more.iter().copied()).map(str::to_owned).collect::<Vec<_>>()
    };
    for after in [100, 300, 600, 900, 1300] {
        let mut command = repo.command(all(&["--jobs", "12"]));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.process_group(0).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(after));
        killpg(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGTERM).unwrap();
        let ran = Ran::of(&child.wait_with_output().unwrap());
        assert!(!ran.stdout.contains("  failed"), "after {after} ms: {}{}", ran.stdout, ran.stderr);
        assert_eq!(repo.left_in_state(), Vec::<String>::new(), "after {after} ms: {}", ran.stderr);
        // On a busy machine none may have begun by then.
        if !repo.evidence("status-").is_empty() {
            repo.autopilot(["audit", "--all"]).exits(0);
        }
    }
    repo.autopilot(all(&["--jobs", "4"])).exits(0);
}

/// A service manager that stops a unit signals each process of it: the runner's, its gits', the steps'.
#[test]
fn a_signal_to_every_process_interrupts_and_is_no_failure() {
    let (repo, child) = two_that_wait();
    for line in repo.processes() {
        let pid = line.split_whitespace().next().and_then(|pid| pid.parse().ok()).unwrap();
        // One that ended meanwhile was another's child.
        let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
    }
    let ran = Ran::of(&child.wait_with_output().unwrap()).exits(143);
    assert_eq!(ran.stdout.matches("interrupted by SIGTERM").count(), 2, "{}", ran.stdout);
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    repo.autopilot(["audit", "--all"]).exits(0);
}

#[test]
fn one_of_several_stops_and_the_others_go_on() {
    let (repo, child) = two_that_wait();
    repo.autopilot(["stop", "1"]).exits(0).says(": interrupted");
    assert_eq!(result_of(&repo, 2), "running");
    for run in std::fs::read_dir(repo.state().join("runs")).unwrap() {
        std::fs::write(run.unwrap().path().join("home/go"), "").unwrap();
    }
    Ran::of(&child.wait_with_output().unwrap()).exits(143);
    assert_eq!((result_of(&repo, 1), result_of(&repo, 2)), ("interrupted".to_owned(), "done".to_owned()));
}

#[test]
fn the_processes_of_one_do_not_count_for_another() {
    let repo = Repo::new();
    let crowd = "  - id: a
    resources: {processes: 200}
    command: 'for n in $(seq 170); do sleep 3600 & done; echo ready; while test ! -e ~/go; do sleep 0.05; done'\n";
    for issue in 1..=2 {
        repo.plan_of(issue, "", crowd);
    }
    repo.commit("plans");
    let mut child = repo.start(["1", "2", "--jobs", "2"]);
    wait_until(|| logs_that_say_ready(&repo) == 2 || child.try_wait().unwrap().is_some());
    for run in std::fs::read_dir(repo.state().join("runs")).unwrap() {
        std::fs::write(run.unwrap().path().join("home/go"), "").unwrap();
    }
    Ran::of(&child.wait_with_output().unwrap()).exits(0);
}

#[test]
fn many_issues_killed_in_the_middle_go_on_to_the_same_end() {
    let issues: u64 = std::env::var("AUTOPILOT_CRASH_ISSUES").map_or(8, |issues| issues.parse().unwrap());
    let repo = Repo::new();
    for issue in 1..=issues {
        let steps = format!(
            "  - {{id: a, command: 'echo {issue} > a'}}\n  - {{id: b, command: 'echo {issue} > b; sleep 0.3'}}\n  - {{id: c, command: 'cat a b > c'}}\n"
        );
        repo.plan_of(issue, "", &steps);
    }
    repo.commit("plans");
    let before = repo.fingerprint();
    let mut args: Vec<String> = (1..=issues).map(|issue| issue.to_string()).collect();
    args.extend(["--jobs".to_owned(), "8".to_owned(), "--resume".to_owned()]);
    let mut child = repo.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let done = |repo: &Repo| repo.evidence("summary-").len() as u64;
    wait_for(Duration::from_mins(5), || done(&repo) >= issues / 2 || child.try_wait().unwrap().is_some());
    repo.kill(&mut child);
    assert_eq!(repo.fingerprint(), before);
    // The same call again brings all of them to their end, each once.
    repo.autopilot(&args).exits(0);
    assert_eq!(repo.fingerprint(), before);
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    let branches = repo.branches();
    assert_eq!(branches.len() as u64, issues, "{branches:?}");
    assert_eq!(repo.evidence("status-").len() as u64, issues);
    for branch in branches {
        let issue = branch.split('-').nth(1).unwrap();
        assert_eq!(repo.git(["show", &format!("{branch}:c")]), format!("{issue}\n{issue}"));
    }
    for journal in repo.evidence("status-") {
        assert_eq!(Repo::chain(&journal).last().unwrap()["type"], "attested");
    }
    repo.git(["fsck", "--strict", "--no-progress"]);
}
