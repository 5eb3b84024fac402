//! The command line as people and programs use it.

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::common::{Ran, Repo, signal, wait_for, wait_until};

const WAITING: &str = "  - {id: a, command: 'echo ready; while test ! -e ~/go; do sleep 0.05; done; echo gone on', timeout: 30s}\n";

/// Lets the step of [`WAITING`] go on.
fn go(repo: &Repo) {
    let runs = fs::read_dir(repo.state().join("runs")).unwrap().map(|run| run.unwrap().path());
    runs.for_each(|run| fs::write(run.join("home/go"), "").unwrap());
}

#[test]
fn a_protection_of_an_unknown_name_is_not_given_up() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'true'}\n");
    for command in [&["7"][..], &["sandbox"]] {
        let args =
            [command, &["--allow-degraded", "landlok"], if command == ["7"] { &[] } else { &["--", "true"] }];
        repo.autopilot(args.concat()).exits(2).says("landlok").says("write landlock, seccomp, network");
    }
    assert!(repo.evidence("").is_empty(), "no run, no evidence");
}

// The lock.

#[test]
fn a_second_run_of_an_issue_is_turned_away_and_told_by_whom() {
    let repo = Repo::new();
    repo.plan(WAITING);
    let child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    let name = repo.events()[0]["run"].as_str().unwrap().to_owned();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    repo.run()
        .exits(5)
        .says(&format!("run {name} holds the lock: process {} on {host}, since 20", child.id()))
        .says("hint: wait for it");
    repo.autopilot(["status"]).exits(0).says("running").says("autopilot logs 7 -f");
    go(&repo);
    Ran::of(&child.wait_with_output().unwrap()).exits(0);
    assert_eq!(repo.evidence("status-").len(), 1, "the one turned away left nothing");
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
}

#[test]
fn the_lock_of_a_dead_holder_is_taken_over_and_said() {
    let repo = Repo::new();
    repo.plan(WAITING);
    let mut child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    signal(&child, Signal::SIGKILL);
    child.wait().unwrap();
    repo.plan("  - {id: a, command: 'true'}\n");
    repo.run().exits(0).says(&format!("took over the lock of process {}, which is gone", child.id()));
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
}

#[test]
fn runs_of_different_issues_go_side_by_side() {
    let repo = Repo::new();
    repo.plan_of(8, "", "  - {id: b, command: 'echo b > b'}\n");
    repo.plan(WAITING);
    let child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    repo.autopilot(["8"]).exits(0).says("worktree removed");
    assert!(repo.branch().contains("issue-8-"));
    repo.autopilot(["status"]).exits(0).says("running").says("done");
    go(&repo);
    Ran::of(&child.wait_with_output().unwrap()).exits(0);
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
}

#[test]
fn many_at_once_run_one_after_the_other_or_not_at_all() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo a > a; sleep 0.2'}\n");
    let before = repo.fingerprint();
    let children: Vec<_> = (0..4).map(|_| repo.start(["7"])).collect();
    let codes: Vec<i32> =
        children.into_iter().map(|child| Ran::of(&child.wait_with_output().unwrap()).code).collect();
    assert!(codes.iter().all(|code| [0, 5].contains(code)) && codes.contains(&0), "{codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == 0).count(), repo.branches().len());
    assert_eq!(repo.fingerprint(), before);
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
}

// Status and logs.

#[test]
fn status_is_a_table_or_json_of_the_latest_runs() {
    let repo = Repo::new();
    repo.autopilot(["status"]).exits(0).says("no runs here yet");
    repo.plan_of(8, "", "  - {id: a, command: 'true'}\n  - {id: b, command: 'true'}\n");
    repo.plan("  - {id: a, command: 'true'}\n  - {id: bad, command: 'exit 3'}\n");
    repo.run().exits(1).says("· 1/2 a  at most 10m").says("· 2/2 bad  at most 10m");
    repo.run().exits(1);
    repo.autopilot(["8"]).exits(0);
    let table = repo.autopilot(["status"]).exits(0).stdout;
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["ISSUE", "RUN", "RESULT", "STEP", "TIME", "AGE", "NEXT"]);
    assert_eq!(rows.len(), 4, "the latest of every issue, and their sum: {table}");
    assert_eq!(rows[3].join(" "), "1 of 2 wait for you");
    let lines = |args: &[&str]| repo.autopilot(args).exits(0).stdout.lines().count();
    assert_eq!(lines(&["status", "--all"]), 5, "every run of every issue");
    assert_eq!(lines(&["status", "--all", "--result", "failed"]), 4);
    repo.autopilot(["status", "--result", "crashed"]).exits(0).says("no run here is crashed");
    let narrow = Ran::of(&repo.command(["status"]).env("COLUMNS", "60").output().unwrap()).exits(0).stdout;
    assert!(narrow.lines().all(|line| line.chars().count() <= 60), "{narrow}");
    assert!(narrow.contains("\n    autopilot logs 7 --failed\n"), "{narrow}");
    let is_seconds = regex::Regex::new(r"^\w+ \S+ [0-9]+(\.[0-9])?s ").unwrap();
    let row = |issue: &str| rows.iter().find(|row| row[0] == issue).unwrap()[2..].join(" ");
    assert!(
        is_seconds.is_match(&row("7"))
            && row("7").starts_with("failed bad ")
            && row("7").ends_with("autopilot logs 7 --failed"),
        "{table}"
    );
    assert!(is_seconds.is_match(&row("8")) && row("8").starts_with("done 2/2 "), "{table}");
    assert_eq!(repo.autopilot(["status", "7"]).exits(0).stdout.lines().count(), 3, "all of one issue");
    let json = repo.autopilot(["status", "--json"]).exits(0).stdout;
    let runs: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(runs.len(), 2);
    let failed = runs.iter().find(|run| run["issue"] == 7).unwrap();
    assert_eq!((&failed["result"], &failed["step"]), (&"failed".into(), &"bad".into()));
    assert!(failed["seconds"].is_number() && failed["run"].as_str().unwrap().ends_with("-7"), "{failed}");
}

#[test]
fn logs_show_all_a_step_or_what_failed() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: one, command: echo first}
  - {id: two, command: 'echo tried; test -e ~/x || { touch ~/x; exit 1; }', retries: 1}
  - {id: three, command: echo third}\n",
    );
    repo.autopilot(["logs"]).exits(2).says("no run").says("hint: ");
    repo.run().exits(0);
    let name = repo.events()[0]["run"].as_str().unwrap().to_owned();
    for args in [&["logs"][..], &["logs", "7"], &["logs", &name], &["logs", "7", "-f"]] {
        let ran = repo.autopilot(args).exits(0);
        assert_eq!(ran.stdout, repo.log(), "{args:?}");
    }
    let step = repo.autopilot(["logs", "7", "--step", "two"]).exits(0);
    assert_eq!(step.stdout.lines().filter(|line| *line == "tried").count(), 2);
    step.hides("first").hides("third");
    let failed = repo.autopilot(["logs", "--failed"]).exits(0);
    assert_eq!(failed.stdout.lines().filter(|line| *line == "tried").count(), 1, "{}", failed.stdout);
    repo.autopilot(["logs", "7", "--step", "tow"]).exits(2).says("has no step `tow`").says("one two three");
    for unknown in ["8", "20200101T000000Z-7", "nonsense"] {
        repo.autopilot(["logs", unknown])
            .exits(2)
            .says(&format!("no run `{unknown}`"))
            .says("autopilot status");
    }
}

#[test]
fn logs_follow_until_the_end() {
    let repo = Repo::new();
    repo.plan(WAITING);
    let child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    let mut follower = repo.start(["logs", "7", "-f"]);
    let mut seen = vec![0; 64];
    let n = follower.stdout.as_mut().unwrap().read(&mut seen).unwrap();
    assert!(n > 0, "what is there comes at once");
    assert!(follower.try_wait().unwrap().is_none(), "it goes on while the run does");
    go(&repo);
    Ran::of(&child.wait_with_output().unwrap()).exits(0);
    let rest = Ran::of(&follower.wait_with_output().unwrap()).exits(0).stdout;
    assert!(rest.contains("gone on"), "{rest}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'seq 200000'}\n");
    let mut child = repo.start(["7"]);
    drop(child.stdout.take());
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut reader = repo.start(["logs"]);
    let mut byte = [0];
    reader.stdout.take().unwrap().read_exact(&mut byte).unwrap();
    assert_eq!(reader.wait().unwrap().code(), Some(0));
}

/// What has no end of its own ends when nobody reads it any more, whether or not there is anything new to say.
#[test]
fn what_has_no_end_ends_with_its_reader() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo ready; sleep 600'}\n");
    let mut run = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    for endless in [&["status", "--watch"][..], &["logs", "7", "-f"]] {
        let mut reader = repo.start(endless);
        let mut byte = [0];
        reader.stdout.as_mut().unwrap().read_exact(&mut byte).unwrap();
        assert!(reader.try_wait().unwrap().is_none(), "{endless:?} goes on as long as somebody reads it");
        drop(reader.stdout.take());
        wait_until(|| reader.try_wait().unwrap().is_some());
        assert_eq!(reader.wait().unwrap().code(), Some(0), "{endless:?}");
    }
    assert!(run.try_wait().unwrap().is_none(), "the run does not care");
    repo.kill(&mut run);
}

// What it is told.

#[test]
fn a_wrong_issue_lists_the_plans_there_are() {
    let repo = Repo::new();
    for issue in [7, 12, 653] {
        repo.plan_of(issue, "", "  - {id: a, command: 'true'}\n");
    }
    repo.autopilot(["8"])
        .exits(2)
        .says("there is no plan for issue 8: .ai/plans/8/Autopilot.yaml is missing")
        .says("there are plans for 7, 12, 653");
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
}

#[test]
fn help_and_versions_are_no_errors_and_nonsense_is() {
    let repo = Repo::new();
    for args in [
        &["--help"][..],
        &["-h"],
        &["run", "--help"],
        &["logs", "--help"],
        &["--version"],
        &["help", "status"],
    ] {
        assert!(!repo.autopilot(args).exits(0).stdout.is_empty());
    }
    repo.autopilot(["--help"]).says("  2      usage, or an invalid plan");
    for args in [&["nonsense"][..], &["run"], &["7", "--nonsense"], &["status", "x"], &["completions", "tcl"]]
    {
        let ran = repo.autopilot(args).exits(2);
        assert!(!ran.stderr.is_empty() && ran.stdout.is_empty(), "{args:?}");
    }
    repo.autopilot(["-C", "/nonexistent", "7"]).exits(2).says("-C /nonexistent: No such file");
    repo.autopilot(["7", "8", "--plan", "x"]).exits(2).says("--plan names one file");
}

#[test]
fn several_issues_end_with_the_worst_exit_code() {
    let repo = Repo::new();
    for (issue, command) in [(7, "true"), (8, "exit 3"), (9, "true")] {
        repo.plan_of(issue, "", &format!("  - {{id: a, command: '{command}'}}\n"));
    }
    repo.commit("plans");
    repo.autopilot(["7", "9"]).exits(0);
    let ran = repo.autopilot(["7", "8", "9"]).exits(1);
    assert_eq!(ran.stdout.matches("done in").count(), 2, "those after a failed one run: {}", ran.stdout);
    let ran = repo.autopilot(["7", "404", "9"]).exits(2).says("there is no plan for issue 404");
    assert_eq!(ran.stdout.matches("done in").count(), 2, "{}", ran.stdout);
    let json = repo.autopilot(["run", "7", "8", "--json"]).exits(1).stdout;
    let results: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(results.len(), 2, "{json}");
}

#[test]
fn an_interrupt_ends_all_of_several_issues() {
    let repo = Repo::new();
    repo.plan_of(8, "", "  - {id: a, command: 'true'}\n");
    repo.plan(WAITING);
    let child = repo.start(["7", "8"]);
    wait_until(|| repo.log().contains("ready"));
    signal(&child, Signal::SIGINT);
    Ran::of(&child.wait_with_output().unwrap()).exits(130);
    assert_eq!(repo.evidence("status-").len(), 1, "8 was not begun");
}

#[test]
fn a_plan_file_of_another_place_is_run_for_its_issue() {
    let repo = Repo::new();
    repo.file(
        "plans/mine.yaml",
        "version: 1\nissue: 12\ntitle: x\nsteps:\n  - {id: a, command: echo a > a}\n",
    );
    repo.commit("plan");
    repo.autopilot(["12", "--plan", "plans/mine.yaml"]).exits(0);
    assert!(repo.branch().contains("issue-12-"));
    repo.autopilot(["13", "--plan", "plans/mine.yaml"]).exits(2).says("12");
    repo.autopilot(["12", "--plan", "plans/none.yaml"]).exits(2).says("plans/none.yaml");
}

#[test]
fn what_a_step_may_write_and_its_identity_may_not_is_said_by_check_and_run() {
    use std::os::unix::fs::PermissionsExt;
    let repo = Repo::new();
    let folder = repo.dir().join("data");
    fs::create_dir(&folder).unwrap();
    let shown = folder.display();
    repo.plan(&format!("  - {{id: a, command: 'true', filesystem: {{write: [\"{shown}\"]}}}}\n"));
    for (mode, is_void) in [(0o555, true), (0o777, false)] {
        fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
        for call in [["check", "7"], ["run", "7"]] {
            let ran = repo.autopilot(call).exits(0);
            let says = format!("step `a`: `filesystem: {{write: [{shown}]}}` has no effect");
            if is_void {
                ran.says(&says).says("--run-as USER")
            } else {
                ran.hides("has no effect")
            };
        }
    }
}

#[test]
fn a_dry_run_is_a_check() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: touch made}\n");
    let before = repo.fingerprint();
    let checked = repo.autopilot(["check", "7"]).exits(0);
    let dry = repo.autopilot(["7", "--dry-run"]).exits(0);
    assert_eq!(dry.stdout, checked.stdout);
    assert_eq!(repo.autopilot(["run", "--dry-run", "--json", "7"]).exits(0).stdout.chars().next(), Some('{'));
    repo.autopilot(["7", "--dry-run", "--plan", ".ai/plans/7/Autopilot.yaml"]).exits(0);
    repo.autopilot(["8", "--dry-run"]).exits(2);
    assert_eq!(repo.fingerprint(), before);
    assert!(repo.evidence("").is_empty());
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
}

#[test]
fn a_kept_worktree_is_there_and_is_named() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo made > made'}\n");
    let ran = repo.autopilot(["run", "--keep-worktree", "--json", "7"]).exits(0);
    let result: Value = serde_json::from_str(&ran.stdout).unwrap();
    let worktree = std::path::PathBuf::from(result["worktree"].as_str().unwrap());
    assert_eq!(fs::read_to_string(worktree.join("worktree/made")).unwrap(), "made\n");
    repo.autopilot(["status"]).exits(0).says("look at ../state/runs/");
    assert_eq!(repo.on_branch("made"), "made");
}

#[test]
fn dash_c_names_the_checkout() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: echo made > made}\n");
    let at = |args: &[&str]| {
        let mut command = repo.command(["-C", repo.top().to_str().unwrap()]);
        Ran::of(&command.args(args).current_dir("/").output().unwrap())
    };
    at(&["7"]).exits(0);
    at(&["run", "7"]).exits(0);
    at(&["status"]).exits(0).says("done");
    at(&["check", "7"]).exits(0);
    assert_eq!(repo.branches().len(), 2);
}

// What programs and terminals get.

#[test]
fn json_is_on_standard_output_and_progress_aside() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo a > a'}\n  - {id: b, command: 'echo b > b; exit 3'}\n");
    let ran = repo.autopilot(["7", "--json"]).exits(1);
    let result: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(ran.stderr.contains("✓ a") && ran.stderr.contains("failed after"), "{}", ran.stderr);
    assert_eq!((&result["result"], &result["step"]), (&"failed".into(), &"b".into()));
    assert_eq!(result["reason"]["text"], "exit 3");
    assert_eq!(result["branch"], format!("refs/heads/{}", repo.branch()));
    assert_eq!(result["commit"], repo.git(["rev-parse", &repo.branch()]));
    for file in ["journal", "summary", "log", "failed", "salvage"] {
        assert!(repo.top().join(result[file].as_str().unwrap()).is_file(), "{file}: {result}");
    }
    repo.plan("  - {id: a, command: 'true'}\n");
    let ran = repo.autopilot(["7", "--json"]).exits(0);
    let result: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(
        result["failed"].is_null() && result["branch"].is_null() && result["worktree"].is_null(),
        "{result}"
    );
}

#[test]
fn without_a_terminal_there_are_no_escapes() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'printf \"\\033[31mred\\n\"; exit 1'}\n");
    repo.run().exits(1).hides("\u{1b}").hides("\r").says("    red");
    repo.autopilot(["status"]).exits(0).hides("\u{1b}");
    repo.autopilot(["check"]).exits(0).hides("\u{1b}");
    repo.autopilot(["--help"]).exits(0).hides("\u{1b}");
    repo.autopilot(["nonsense"]).exits(2).hides("\u{1b}");
}

/// Runs a command line under a terminal of its own; what came out of it.
fn on_a_terminal(repo: &Repo, line: &str, variables: &[(&str, &str)]) -> (String, i32) {
    let output = terminal(repo, line, variables).stdin(Stdio::null()).output();
    let output = output.expect("`script`, of util-linux or bsdutils, makes a terminal");
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code().unwrap_or(-1))
}

/// Prepares a command line under a terminal of its own.
pub(crate) fn terminal(repo: &Repo, line: &str, variables: &[(&str, &str)]) -> Command {
    let script = repo.command([""; 0]);
    let program = script.get_program().to_owned();
    let mut command = Command::new("script");
    command.args(["-qec", &format!("stty cols 100 2>/dev/null; {} {line}", program.display()), "/dev/null"]);
    command.env_clear().current_dir(repo.top());
    command.envs(script.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))));
    command.env("TERM", "xterm-256color").envs(variables.iter().copied());
    command
}

#[test]
fn on_a_terminal_a_line_moves_with_step_time_and_last_output() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: building, command: 'echo compiling one; sleep 1.3; echo compiling two; sleep 0.5'}\n",
    );
    let (text, code) = on_a_terminal(&repo, "7", &[]);
    assert_eq!(code, 0, "{text}");
    for part in
        ["1/1 building (at most 10m) 1.", "compiling one", "compiling two", "\u{1b}[", "✓", "done in "]
    {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
    assert!(text.matches("compiling one").count() >= 2, "it moves: {text:?}");
}

#[test]
fn no_color_is_heard_on_a_terminal() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo out; exit 1'}\n");
    let (colored, _) = on_a_terminal(&repo, "7", &[]);
    let (plain, code) = on_a_terminal(&repo, "7", &[("NO_COLOR", "1")]);
    assert_eq!(code, 1, "{plain}");
    let color = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
    let set = |text: &str| color.find_iter(text).filter(|found| found.as_str() != "\u{1b}[0m").count();
    assert!(set(&colored) > 0, "{colored:?}");
    assert_eq!(set(&plain), 0, "{plain:?}");
}

// What goes wrong around it.

#[test]
fn a_state_directory_that_cannot_be_is_an_error_that_says_what_to_do() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'true'}\n");
    let file = repo.home().join("file");
    fs::write(&file, "").unwrap();
    for (state, says) in [
        (file.to_str().unwrap(), "Not a directory"),
        ("/proc/nowhere", "/proc/nowhere"),
        ("relative", "absolute"),
    ] {
        let mut command = repo.command(["7"]);
        Ran::of(&command.env("AUTOPILOT_STATE_DIR", state).output().unwrap())
            .exits(2)
            .says(says)
            .says("AUTOPILOT_STATE_DIR");
    }
    assert!(repo.evidence("").is_empty());
}

#[test]
fn a_linked_or_taken_place_for_evidence_is_an_error_that_names_it() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'true'}\n");
    repo.file(".ai/logs", "a file\n");
    repo.run().exits(2).says(".ai/logs is not a folder");
    fs::remove_file(repo.top().join(".ai/logs")).unwrap();
    std::os::unix::fs::symlink("/tmp", repo.top().join(".ai/logs")).unwrap();
    let ran = repo.run().says(".ai/logs is not a folder");
    assert!(ran.code != 0);
    assert_eq!(repo.left_in_state(), Vec::<String>::new(), "not even a lock");
}

#[test]
fn a_hangup_and_a_second_signal_end_in_order() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'trap \"\" INT TERM; echo ready; sleep 60'}\n");
    let child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    signal(&child, Signal::SIGHUP);
    std::thread::sleep(Duration::from_millis(100));
    signal(&child, Signal::SIGINT);
    signal(&child, Signal::SIGTERM);
    Ran::of(&child.wait_with_output().unwrap()).exits(129).says("interrupted by SIGHUP");
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    wait_for(Duration::from_secs(2), || repo.processes().is_empty());
}

// What the rooms tell.

/// A step that is let out to a host, and has a secret.
fn let_out(folder: &std::path::Path) -> String {
    format!(
        "  - id: a\n    command: 'echo hello >a.txt'\n    secrets: [API_KEY]\n    \
         network: {{allow: [example.org]}}\n    filesystem: {{write: [{}]}}\n",
        folder.display()
    )
}

/// A value that is in no log.
const SECRET: &str = "sk-do-not-tell-0123456789abcdef";

#[test]
fn verbose_names_what_each_room_does_and_each_step_of_confinement() {
    let repo = Repo::new();
    let folder = tempfile::tempdir().unwrap();
    repo.plan(&let_out(folder.path()));
    let rooms = [
        "cli", "app", "plan", "policy", "sandbox", "network", "worktree", "evidence", "run", "report",
        "publish",
    ];
    let steps = [
        "namespaces",
        "loopback",
        "root",
        "rules",
        "listeners",
        "grants",
        "limits",
        "ruleset",
        "identity",
        "folder",
        "no_new_privs",
        "landlock",
        "seccomp",
        "death signal",
        "not dumpable",
        "proof",
    ];
    let by_option = repo.command(["-v", "7"]).env("API_KEY", SECRET).output().unwrap();
    let by_variable =
        repo.command(["7"]).env("API_KEY", SECRET).env("AUTOPILOT_LOG", "debug").output().unwrap();
    for output in [by_option, by_variable] {
        let told = String::from_utf8(output.stderr.clone()).unwrap();
        for room in rooms {
            assert!(told.contains(&format!("DEBUG autopilot::{room}")), "{room} tells nothing:\n{told}");
        }
        for step in steps {
            assert!(
                told.contains(&format!("confine{{step=\"{step}\"}}: done")),
                "{step} is not told:\n{told}"
            );
        }
        Ran::of(&output).exits(0).says("done in").hides(SECRET);
    }
}

#[test]
fn a_step_that_cannot_be_confined_shows_how_far_it_came() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'true', dir: not/there}\n");
    let output = repo.command(["-vv", "7"]).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    let (before, after) = told.split_once("confine{step=\"folder\"}: failed error=sandbox: ").unwrap();
    let steps = |text: &str| -> Vec<String> {
        text.lines().filter_map(|line| Some(line.split_once("confine{step=")?.1.to_owned())).collect()
    };
    let last: Vec<String> = steps(before).into_iter().rev().take(2).collect();
    assert_eq!(last, ["\"folder\"}: begins", "\"identity\"}: done"]);
    assert_eq!(steps(after)[0], "\"cgroup\"}: begins", "the next command's: nothing follows what failed");
    repo.run().exits(1).hides("confine{");
}

#[test]
fn quiet_says_nothing_of_a_run_that_is_done_and_why_one_failed() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo hello; echo hello >a.txt'}\n");
    let done = repo.command(["-q", "7"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&[done.stdout, done.stderr].concat()), "");
    assert!(done.status.success());

    let json = repo.command(["run", "7", "--quiet", "--json"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&json.stderr), "");
    assert_eq!(serde_json::from_slice::<Value>(&json.stdout).unwrap()["result"], "done");

    repo.plan("  - {id: a, command: 'exit 3'}\n");
    let failed = repo.command(["-q", "7"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&failed.stdout), "");
    Ran::of(&failed).exits(1).says("exit 3").hides("sandbox: full");

    repo.autopilot(["-q", "-v", "7"]).exits(2).says("cannot be used with");
}
