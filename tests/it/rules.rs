//! The rules of a run (`docs/plan.md`), each with a test of its name.

use std::io::{BufRead, BufReader};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::common::program::open_folder;
use crate::common::{Ran, Repo, wait_until};

#[test]
fn steps_run_in_file_order_and_needs_only_reorder() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: c, needs: [a], command: 'true'}\n  - {id: b, command: 'true'}\n  - {id: a, command: 'true'}\n",
    );
    repo.run().exits(0);
    assert_eq!(repo.steps(), ["b:passed", "a:passed", "c:passed"]);
}

#[test]
fn a_step_whose_need_failed_or_was_skipped_is_skipped_and_says_because_of_which() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: a, command: 'false', on_failure: continue}
  - {id: b, needs: [a], command: 'true'}
  - {id: c, needs: [b], command: 'true'}
  - {id: d, command: 'true'}
",
    );
    repo.run().exits(1).says("needs a, which failed").says("needs b, which was skipped");
    assert_eq!(repo.steps(), ["a:failed", "b:skipped", "c:skipped", "d:passed"]);
}

#[test]
fn a_step_is_action_expectations_post_changes_once_more_checkpoint() {
    let repo = Repo::new();
    repo.plan(
        "  - id: a
    command: echo one > made
    expectation: {files_exist: [made], changes: {max: 1}}
    post: [\"test \\\"$(cat made)\\\" = one\", echo two > second]
",
    );
    repo.run().exits(1).says("after post: changes: 2 paths changed, at most 1 expected");
    let kinds: Vec<String> =
        repo.events().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect();
    let (started, ended, judged) = ("command.started", "command.ended", "expectation.judged");
    let expected = [
        &["attempt.started", started, ended, judged, judged, judged][..],
        &[started, ended, judged, started, ended, judged],
        &[judged, "attempt.ended"],
    ]
    .concat();
    assert!(kinds.windows(expected.len()).any(|window| window == expected), "{kinds:?}");
    let verdicts = repo.events_of("expectation.judged").into_iter();
    let verdicts: Vec<_> =
        verdicts.map(|event| format!("{} {} {}", event["kind"], event["index"], event["held"])).collect();
    let expected = [
        "\"exit_code\" 0 true",
        "\"files_exist\" 0 true",
        "\"changes\" 0 true",
        "\"post\" 0 true",
        "\"post\" 1 true",
        "\"changes\" 1 false",
    ];
    assert_eq!(verdicts, expected);
    assert!(repo.branches().is_empty());
}

#[test]
fn an_unchanged_tree_makes_no_commit_and_no_branch() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'touch README.md; mkdir empty'}\n");
    repo.run().exits(0).says("nothing changed: no branch");
    assert!(repo.events_of("checkpoint.made").is_empty());
    assert!(repo.branches().is_empty());
}

#[test]
fn no_signal_is_blocked_in_a_step() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: [grep, SigBlk, /proc/self/status], expectation: {output_matches: ['SigBlk:\\s+0+$']}}\n");
    repo.run().exits(0);
}

#[test]
fn each_passing_step_with_changes_is_one_commit_with_trailers() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: a, command: echo a > a, commit: 'feat: a'}\n  - {id: b, command: 'true'}\n  - {id: c, command: rm README.md}\n",
    );
    repo.run().exits(0).says("2 commits");
    let branch = repo.branch();
    let log = repo.git(["log", "--format=%s", &format!("main..{branch}")]);
    assert_eq!(log, "autopilot: c\nfeat: a");
    let body = repo.git(["log", "-1", "--format=%(trailers)", &branch]);
    assert!(body.contains("Autopilot-Step: c") && body.contains("Autopilot-Attempt: 1"), "{body}");
    let people = repo.git(["log", "-1", "--format=%an <%ae>, %cn <%ce>", &branch]);
    assert_eq!(people, "Somebody <somebody@example.org>, autopilot <autopilot@localhost>");
    assert_eq!(repo.on_branch("a"), "a");
}

#[test]
fn consecutive_failures_end_the_run_retries_left_or_not() {
    let repo = Repo::new();
    repo.plan_with(
        "limits: {consecutive_failures: 2}",
        "  - {id: a, command: 'false', retries: 5}\n  - {id: b, command: 'true'}\n",
    );
    repo.run().exits(1).says("2 failed attempts in a row (limit 2)");
    assert_eq!(repo.events_of("attempt.started").len(), 2);
    assert_eq!(repo.steps(), ["a:failed", "b:skipped"]);
}

#[test]
fn a_step_that_passes_sets_the_count_of_failures_to_zero() {
    let repo = Repo::new();
    repo.plan_with(
        "limits: {consecutive_failures: 2}",
        "  - {id: a, command: 'false', on_failure: ignore}
  - {id: b, command: 'true'}
  - {id: c, command: 'false', on_failure: ignore}
  - {id: d, command: 'true'}
",
    );
    repo.run().exits(0);
    assert_eq!(repo.steps(), ["a:failed", "b:passed", "c:failed", "d:passed"]);
}

#[test]
fn a_retry_from_the_checkpoint_starts_clean_and_keeps_what_is_ignored() {
    let repo = Repo::new();
    repo.plan(
        "  - id: a
    command: |
      test ! -e half || exit 9
      cat README.md | grep -q scratch || exit 8
      mkdir -p target
      if [ -e target/cache ]; then exit 0; fi
      echo x > target/cache; echo x > half; echo broken > README.md; exit 3
    retries: 1
",
    );
    repo.run().exits(0).says("exit 3");
    assert_eq!(repo.steps(), ["a:passed"]);
    assert!(repo.branches().is_empty());
}

#[test]
fn clean_ignored_drops_what_is_ignored_too() {
    let repo = Repo::new();
    repo.plan(
        "  - id: a
    command: 'test -e target/cache && exit 5; mkdir -p target; echo x > target/cache; exit 3'
    retries: 1
    clean_ignored: true
",
    );
    repo.run().exits(1);
    let reasons: Vec<String> =
        repo.events_of("attempt.ended").iter().map(|e| e["reason"]["text"].to_string()).collect();
    assert_eq!(reasons, ["\"exit 3\"", "\"exit 3\""]);
}

#[test]
fn a_retry_from_the_attempt_goes_on_where_the_failed_one_stopped() {
    let repo = Repo::new();
    repo.plan(
        "  - id: a
    command: 'if [ -e half ]; then echo done > half; else echo half > half; exit 3; fi'
    retries: 1
    retry_from: attempt
",
    );
    repo.run().exits(0);
    assert_eq!(repo.on_branch("half"), "done");
}

#[test]
fn before_a_reset_come_salvage_then_rollback_then_reset() {
    let repo = Repo::new();
    repo.plan(
        "  - id: a
    command: echo half > half; exit 3
    rollback: ['test -e half && echo undoing', exit 4]
",
    );
    repo.run().exits(1);
    let kinds: Vec<String> =
        repo.events().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect();
    let at = |kind: &str| kinds.iter().position(|own| own == kind).unwrap();
    assert!(at("attempt.ended") < at("salvaged"));
    assert!(at("salvaged") < at("reset.started"));
    let rollbacks: Vec<i64> = repo
        .events_of("command.ended")
        .iter()
        .filter(|event| event["role"] == "rollback")
        .map(|event| event["exit_code"].as_i64().unwrap())
        .collect();
    assert_eq!(rollbacks, [0, 4], "what fails is recorded and the reset still happens");
    assert!(repo.log().contains("undoing"));
}

#[test]
fn what_a_failed_attempt_left_is_in_the_salvage_bundle() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo half > half; rm README.md; ln -s /etc/passwd link; exit 3'}\n");
    repo.run().exits(1);
    let bundle = repo.evidence("salvage-").pop().unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&bundle).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    repo.git(["fetch", "-q", bundle.to_str().unwrap(), "refs/salvage/*:refs/salvage/*"]);
    let names = repo.git(["diff-tree", "-r", "--name-status", "main", "refs/salvage/a-1"]);
    assert_eq!(names, "D\tREADME.md\nA\thalf\nA\tlink");
    assert_eq!(repo.git(["show", "refs/salvage/a-1:link"]), "/etc/passwd");
    assert!(repo.branches().is_empty());
}

#[test]
fn the_home_is_one_per_run_and_the_tmpdir_one_per_attempt() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: a, command: 'echo x > ~/kept; echo x > \"$TMPDIR/gone\"'}
  - {id: b, command: 'test -e ~/kept && test ! -e \"$TMPDIR/gone\" && test -d \"$TMPDIR\"'}
",
    );
    repo.run().exits(0);
}

#[test]
fn continue_runs_the_rest_from_the_last_checkpoint_and_the_run_is_failed() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: a, command: echo a > a}
  - {id: b, command: 'echo b > b; exit 1', on_failure: continue}
  - {id: c, command: 'test -e a && test ! -e b'}
",
    );
    repo.run().exits(1);
    assert_eq!(repo.steps(), ["a:passed", "b:failed", "c:passed"]);
    assert!(repo.summary().starts_with("# ❌ #7 failed at `b`"), "{}", repo.summary());
    assert_eq!(repo.on_branch("a"), "a", "what passed is on the branch");
}

#[test]
fn ignore_runs_the_rest_and_the_run_is_not_failed_by_the_step() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'false', on_failure: ignore}\n  - {id: b, command: 'true'}\n");
    repo.run().exits(0);
    assert!(repo.evidence("FAILED-").is_empty());
    assert!(repo.summary().contains("| a | ❌"), "{}", repo.summary());
}

#[test]
fn abort_skips_the_rest() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'false'}\n  - {id: b, command: 'true'}\n");
    repo.run().exits(1).says("the run ended at a");
    assert_eq!(repo.steps(), ["a:failed", "b:skipped"]);
}

#[test]
fn a_step_timeout_fails_the_attempt() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: sleep 60, timeout: 1s}\n");
    repo.run().exits(1).says("the step's timeout");
}

#[test]
fn the_run_timeout_ends_the_attempt_and_skips_the_rest() {
    let repo = Repo::new();
    repo.plan_with(
        "limits: {timeout: 1s}",
        "  - {id: a, command: sleep 60, retries: 3}\n  - {id: b, command: 'true'}\n",
    );
    repo.run().exits(1).says("the run's timeout");
    assert_eq!(repo.steps(), ["a:failed", "b:skipped"]);
    assert_eq!(repo.events_of("attempt.started").len(), 1);
}

#[test]
fn the_whole_tree_is_ended_whatever_it_does_to_stay() {
    let repo = Repo::new();
    // setsid, a double fork, SIGTERM ignored, stdout held open.
    repo.plan(
        "  - id: a
    command: |
      setsid sh -c 'trap \"\" TERM; sleep 4711' &
      (setsid sh -c 'sleep 4712 & exit 0' &) 
      trap '' TERM
      sleep 4713
    timeout: 1s
",
    );
    repo.run().exits(1).says("0 processes left");
    let ended = &repo.events_of("command.ended")[0];
    assert_eq!(ended["survivors"], 0);
    assert!(!sleepers().contains("471"), "{}", sleepers());
}

fn sleepers() -> String {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    let sleeps = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    sleeps.filter(|line| line.starts_with("sleep 47")).collect()
}

#[test]
fn what_a_step_leaves_running_is_ended_with_it() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'setsid sleep 4720 & echo started'}\n");
    repo.run().exits(0);
    let ended = &repo.events_of("command.ended")[0];
    assert_eq!((&ended["killed"], &ended["survivors"]), (&1.into(), &0.into()));
    assert!(!sleepers().contains("4720"));
}

#[test]
fn what_the_runner_ends_with_a_step_is_counted() {
    for (rest, more) in [
        ("sleep 4722", "timeout: 1s"),
        ("yes", "resources: {output: 64KiB}"),
        ("for n in 1 2 3 4 5 6 7 8 9; do sleep 4722 & done; wait", "resources: {processes: 48}"),
    ] {
        let repo = Repo::new();
        repo.plan(&format!(
            "  - id: a\n    command: 'for n in $(seq 40); do sleep 4721 & done; {rest}'\n    {more}\n"
        ));
        repo.run().exits(1);
        let ended = &repo.events_of("command.ended")[0];
        let killed = ended["killed"].as_u64().unwrap();
        assert!((40..60).contains(&killed) && ended["survivors"] == 0, "{more}: {ended}");
    }
}

#[test]
fn interrupted_salvages_runs_no_rollback_and_exits_with_the_signal() {
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let repo = Repo::new();
        repo.plan(
            "  - id: a
    command: echo half > half; echo ready; sleep 60
    rollback: [echo undoing]
  - {id: b, command: 'true'}
",
        );
        let before = repo.fingerprint();
        let child = repo.start(["7"]);
        wait_until(|| repo.log().contains("ready"));
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
        let ran = Ran::of(&child.wait_with_output().unwrap());
        ran.exits(code).says("interrupted by SIG");
        assert_eq!(repo.steps(), ["a:interrupted", "b:skipped"]);
        assert!(!repo.log().contains("undoing"));
        assert_eq!(repo.events_of("salvaged").len(), 1);
        assert!(repo.summary().contains("interrupted"), "{}", repo.summary());
        assert_eq!(repo.left_in_state(), Vec::<String>::new());
        assert_eq!(repo.fingerprint(), before);
    }
}

#[test]
fn what_a_next_attempt_was_to_go_on_from_is_salvaged_when_there_is_none() {
    let steps = "  - id: a
    command: echo half >> half; exit 3
    retries: 9
    retry_from: attempt
    rollback: [echo undoing]
";
    for limit in ["24h", "5s"] {
        let repo = Repo::new();
        repo.plan_with(&format!("limits: {{consecutive_failures: 9, timeout: {limit}}}"), steps);
        let child = repo.start(["7"]);
        if limit == "24h" {
            let journal = || repo.evidence("status-").pop().map(std::fs::read_to_string);
            let waits = |text: String| text.matches("retry.waiting").count() == 3;
            wait_until(|| journal().is_some_and(|text| text.is_ok_and(waits)));
            kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
            Ran::of(&child.wait_with_output().unwrap()).exits(130);
            assert!(!repo.log().contains("undoing"));
        } else {
            Ran::of(&child.wait_with_output().unwrap()).exits(1);
            assert!(repo.log().contains("undoing"));
        }
        let saved = &repo.events_of("salvaged")[0];
        let bundle = repo.evidence("salvage-").pop().expect("a bundle");
        repo.git(["fetch", "-q", bundle.to_str().unwrap(), "refs/salvage/*:refs/salvage/*"]);
        let half = repo.git(["show", &format!("{}:half", saved["reference"].as_str().unwrap())]);
        assert!(half.lines().count() >= 3, "{half}");
        assert_eq!(repo.left_in_state(), Vec::<String>::new());
        repo.autopilot(["audit", "7"]).exits(0);
    }
}

#[test]
fn what_cannot_be_right_is_known_before_the_first_step() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: touch made}\n  - {id: b, apply: missing.patch}\n");
    repo.run().exits(2).says("missing.patch");
    repo.plan("  - {id: a, command: touch made}\n  - {id: b, codex: do it}\n");
    repo.run().exits(3).says("codex");
    repo.plan("  - {id: a, command: touch made}\n  - {id: b, command: 'true', secrets: [NOT_SET_TOKEN]}\n");
    repo.run().exits(3).says("NOT_SET_TOKEN");
    repo.plan(
        "  - {id: a, command: touch made}\n  - {id: b, command: 'true', filesystem: {read: [/not/there]}}\n",
    );
    repo.run().exits(3).says("/not/there: there is no such file or folder on this host");
    repo.autopilot(["check", "7"]).exits(3).says("/not/there: there is no such file or folder on this host");
    assert!(repo.evidence("").is_empty(), "no run, no evidence");
    // What a step before it may make is there in time.
    let out = repo.dir().join("out");
    std::fs::create_dir(&out).unwrap();
    open_folder(&out, 0o777);
    let (out, made) = (out.display().to_string(), out.join("made").display().to_string());
    repo.plan(&format!(
        "  - {{id: a, command: 'echo x > {made}', filesystem: {{write: [{out}]}}}}\n  - {{id: b, command: 'cat {made}', filesystem: {{read: [{made}]}}}}\n"
    ));
    repo.run().exits(0);
}

#[test]
fn the_output_of_an_attempt_is_that_of_all_its_commands() {
    let repo = Repo::new();
    let print = "head -c 40000 /dev/zero | tr \\\\0 x";
    repo.plan(&format!(
        "  - {{id: a, command: '{print}', post: ['{print}'], resources: {{output: 64KiB}}}}\n"
    ));
    repo.run().exits(1).says("output over its limit");
    assert_eq!(repo.events_of("command.ended").len(), 2);
}

#[test]
fn output_over_its_limit_is_cut_with_a_marker_and_fails_the_step() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: yes, timeout: 20s, resources: {output: 1MiB}}\n");
    repo.run().exits(1).says("output over its limit");
    let log = repo.log();
    assert!(log.contains("output cut here"));
    assert!(log.len() < (1 << 20) + 1000, "{}", log.len());
}

#[test]
fn output_streams_to_the_log_as_it_comes() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo first; printf prompt; sleep 60'}\n");
    let mut child = repo.start(["7"]);
    wait_until(|| repo.log().contains("first\n"));
    wait_until(|| repo.log().contains("prompt"));
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGTERM).unwrap();
    let first = BufReader::new(child.stdout.take().unwrap()).lines().next().unwrap().unwrap();
    assert!(first.starts_with("run "), "{first}");
    child.wait().unwrap();
}

#[test]
fn an_expectation_that_cannot_be_evaluated_fails() {
    let repo = Repo::new();
    repo.plan(
        "  - id: a
    command: ln -s README.md link; mkfifo pipe; mkdir folder
    expectation:
      file_contains:
        - {path: link, pattern: scratch}
        - {path: pipe, pattern: x}
        - {path: folder, pattern: x}
",
    );
    repo.run().exits(1);
    let reason = repo.events_of("attempt.ended")[0]["reason"]["text"].as_str().unwrap().to_owned();
    for path in ["link", "pipe", "folder"] {
        assert!(reason.contains(&format!("file_contains: {path}")), "{reason}");
    }
}

#[test]
fn expectations_on_changes_bound_where_and_how_much() {
    let repo = Repo::new();
    repo.file("tests/one", "1\n");
    repo.plan(
        "  - id: a
    command: rm tests/one; echo x > elsewhere; mkdir -p src .github; echo x > src/fine; echo x > .github/w
    expectation:
      changes: {within: ['src/**', 'tests/**', '.github/**'], not_within: ['.github/**'], keep: ['tests/**']}
",
    );
    repo.run().exits(1);
    let reason = repo.events_of("attempt.ended")[0]["reason"]["text"].as_str().unwrap().to_owned();
    for part in ["elsewhere is not within", ".github/w is within", "tests/one was deleted"] {
        assert!(reason.contains(part), "{part}: {reason}");
    }
    assert!(!reason.contains("src/fine"), "{reason}");
}

#[test]
fn the_base_commits_ignore_rules_hold_whatever_a_step_writes() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo \"*\" > .gitignore; echo x > hidden; git config core.excludesFile /dev/null; echo hidden >> .git/info/exclude'}\n");
    repo.run().exits(0);
    // What a step hides by rules of its own is no part of the commit, and neither lost nor unseen.
    let events = repo.events();
    let of = |kind: &str| events.iter().find(|event| event["type"] == kind).unwrap();
    assert!(
        of("attempt.ended")["wrote"]["hidden"].as_array().unwrap().iter().any(|path| path == "hidden"),
        "{events:?}"
    );
    let salvage = of("salvaged")["reference"].as_str().unwrap().to_owned();
    let bundle = repo.evidence("salvage-").pop().unwrap();
    repo.git(["fetch", "-q", bundle.to_str().unwrap(), &format!("{salvage}:refs/heads/saved")]);
    assert_eq!(repo.git(["show", "saved:hidden"]), "x");
}

#[test]
fn secrets_are_masked_in_every_sink_and_in_every_encoding() {
    let value = ["hunter", "2-but", "-longer"].concat();
    let repo = Repo::new();
    repo.plan(
        "  - id: a
    secrets: [MY_VALUE]
    env: [OTHER_TOKEN]
    command: |
      echo \"plain $MY_VALUE\"; printf %s \"$MY_VALUE\" | base64; echo \"$OTHER_TOKEN\"
      echo \"$MY_VALUE\" > leaked; exit 3
    expectation: {file_contains: [{path: leaked, pattern: never}]}
",
    );
    let other = ["another", "-one-", "12345"].concat();
    let output =
        repo.command(["7", "--json"]).env("MY_VALUE", &value).env("OTHER_TOKEN", &other).output().unwrap();
    let ran = Ran::of(&output).exits(1);
    let sinks =
        [repo.log(), repo.summary(), repo.failed(), ran.stdout, ran.stderr, format!("{:?}", repo.events())];
    for (sink, text) in sinks.iter().enumerate() {
        assert!(!text.contains(&value) && !text.contains(&other), "sink {sink}: {text}");
        assert!(!text.contains("aHVudGVyMi1idXQtbG9uZ2Vy"), "sink {sink}: {text}");
    }
    assert!(repo.log().contains("plain ***"), "{}", repo.log());
}
