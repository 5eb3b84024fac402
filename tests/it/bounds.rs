//! What bounds a run and its steps, also where it goes on after an end that was not its own: by what comes of it, not by what
//! is said of it.

use std::fs;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::common::{Ran, Repo, signal, wait_until};
use crate::resume::{release, resume_waiting};

/// Waits for what the test lets it go on by.
const WAIT: &str = "echo ready; while test ! -e ~/go; do sleep 0.05; done";

/// Kills the runner once its step waits.
fn killed_where_it_waits(repo: &Repo) {
    let mut child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    repo.kill(&mut child);
}

/// Returns how often attempts of a step ended so.
fn attempts(repo: &Repo, step: &str, result: &str) -> usize {
    repo.events_of("attempt.ended")
        .iter()
        .filter(|event| event["step"] == step && event["result"] == result)
        .count()
}

fn ms(event: &Value) -> u64 {
    event["ms"].as_u64().unwrap()
}

#[test]
fn failed_attempts_before_a_crash_count_as_retries_after_it_and_the_one_that_it_cut_does_not() {
    for retries in [1, 2] {
        let repo = Repo::new();
        repo.plan_with(
            "limits: {consecutive_failures: 9}",
            &format!("  - {{id: b, command: 'test -e ~/tried || {{ touch ~/tried; exit 3; }}; {WAIT}; exit 4', retries: {retries}}}\n"),
        );
        killed_where_it_waits(&repo);
        resume_waiting(&repo).exits(1);
        assert_eq!(attempts(&repo, "b", "failed"), retries + 1, "{:#?}", repo.events_of("attempt.ended"));
        assert_eq!(repo.events_of("attempt.started").len(), retries + 2);
        assert_eq!(repo.steps(), ["b:failed"]);
        repo.autopilot(["audit", "7"]).exits(0);
    }
}

#[test]
fn failures_in_a_row_are_counted_over_a_crash_and_a_step_that_passed_before_it_ends_the_row() {
    let fails = "{id: a, command: 'exit 3', on_failure: continue}";
    let waits = format!("command: '{WAIT}; test -e ~/again || {{ touch ~/again; exit 4; }}', retries: 5");
    // How often the step that waits fails: not once more than the row allows.
    for (before, passes) in
        [(fails.to_owned(), false), (format!("{fails}\n  - {{id: b, command: 'true'}}"), true)]
    {
        let repo = Repo::new();
        repo.plan_with(
            "limits: {consecutive_failures: 2}",
            &format!("  - {before}\n  - {{id: c, {waits}}}\n"),
        );
        killed_where_it_waits(&repo);
        resume_waiting(&repo).exits(1);
        assert_eq!(attempts(&repo, "c", "failed"), 1);
        assert_eq!(attempts(&repo, "c", "passed"), usize::from(passes), "{:#?}", repo.steps());
    }
}

#[test]
fn the_time_that_a_run_has_used_before_it_was_interrupted_is_gone_after_it() {
    let repo = Repo::new();
    repo.plan_with("limits: {timeout: 10s}", "  - {id: a, command: 'echo ready; sleep 600'}\n");
    let child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    std::thread::sleep(std::time::Duration::from_secs(5));
    signal(&child, Signal::SIGTERM);
    Ran::of(&child.wait_with_output().unwrap()).exits(143);
    let used = ms(&repo.events_of("run.ended")[0]);
    assert!(used >= 5_000, "{used}");
    repo.autopilot(["7", "--resume"]).exits(1);
    let in_all = ms(repo.events_of("run.ended").last().unwrap());
    assert!((10_000..10_000 + used - 1_000).contains(&in_all), "{in_all} ms, {used} of them before");
    assert_eq!(repo.events_of("attempt.ended").last().unwrap()["reason"]["kind"], "run_timeout");
    repo.autopilot(["audit", "7"]).exits(0);
}

#[test]
fn an_attempt_after_a_crash_has_the_steps_time_once_and_no_more() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo ready; sleep 600', timeout: 4s}\n");
    killed_where_it_waits(&repo);
    repo.autopilot(["7", "--resume"]).exits(1);
    let ended = repo.events_of("attempt.ended");
    let last = ended.last().unwrap();
    assert_eq!(
        (last["attempt"].as_u64(), &last["reason"]["kind"]),
        (Some(2), &Value::from("timeout")),
        "{last}"
    );
    assert!((4_000..30_000).contains(&ms(last)), "{last}");
}

/// It has a minute, and what undoes the rest is done all the same.
#[test]
fn a_rollback_that_does_not_end_is_ended_and_the_next_runs() {
    let repo = Repo::new();
    repo.plan(
        "  - id: a
    command: echo half > half; exit 3
    rollback: ['echo begun; exec sleep 600', echo undone]
  - {id: b, command: 'true'}\n",
    );
    let begun = std::time::Instant::now();
    repo.run().exits(1);
    assert!(begun.elapsed().as_secs() < 200, "{:?}", begun.elapsed());
    let ended = repo.events_of("command.ended");
    let rollbacks: Vec<&Value> = ended.iter().filter(|event| event["role"] == "rollback").collect();
    assert_eq!(rollbacks.len(), 2, "{ended:#?}");
    assert!((60_000..120_000).contains(&ms(rollbacks[0])), "{}", rollbacks[0]);
    assert_eq!(rollbacks[0]["cut"], "rollback_timeout", "{}", rollbacks[0]);
    assert_eq!(rollbacks[1]["exit_code"], 0, "{}", rollbacks[1]);
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    repo.autopilot(["audit", "7"]).exits(0);
}

/// Changes a word of the last line, which no line behind it vouches for.
fn last_as(lines: &[String], from: &str, to: &str) -> Vec<String> {
    let (last, before) = lines.split_last().unwrap();
    [before, &[last.replacen(from, to, 1)]].concat()
}

/// Somebody who may write the journal, and does.
#[test]
fn a_run_does_not_go_on_behind_a_line_that_was_altered() {
    type Alter = fn(&[String]) -> Vec<String>;
    let kinds: [(&str, Alter); 8] = [
        ("when the last line was written", |lines| last_as(lines, "\"ts\":\"20", "\"ts\":\"21")),
        ("of which step the last line is", |lines| last_as(lines, "\"step\":\"b\"", "\"step\":\"a\"")),
        ("the last line for one of another kind", |lines| {
            let (last, before) = lines.split_last().unwrap();
            let head = last.split_once("\"event\":").unwrap().0;
            let other = format!(
                r#"{head}"event":{{"type":"attempt.started","step":"b","attempt":2,"from":"{}","home":"run","layer":"run"}}}}"#,
                "0".repeat(40)
            );
            [before, &[other]].concat()
        }),
        ("a word of its first line", |lines| {
            let mut lines = lines.to_vec();
            lines[0] = lines[0].replace("\"title\":\"Try\"", "\"title\":\"Tri\"");
            lines
        }),
        ("a result", |lines| {
            lines.iter().map(|line| line.replace("\"result\":\"passed\"", "\"result\":\"failed\"")).collect()
        }),
        ("a line less", |lines| [&lines[..2], &lines[3..]].concat()),
        ("a line twice", |lines| [&lines[..3], &lines[2..]].concat()),
        ("two lines the other way round", |lines| {
            let mut lines = lines.to_vec();
            lines.swap(1, 2);
            lines
        }),
    ];
    for (what, alter) in kinds {
        let repo = Repo::new();
        repo.plan(&format!(
            "  - {{id: a, command: 'echo one > one'}}\n  - {{id: b, command: '{WAIT}; touch ../went'}}\n"
        ));
        killed_where_it_waits(&repo);
        let journal = repo.evidence("status-").pop().unwrap();
        let lines: Vec<String> = fs::read_to_string(&journal).unwrap().lines().map(str::to_owned).collect();
        let altered = alter(&lines).iter().map(|line| format!("{line}\n")).collect::<String>();
        assert_ne!(altered.lines().collect::<Vec<_>>(), lines, "{what}");
        fs::write(&journal, &altered).unwrap();
        release(&repo);
        let ran = repo.autopilot(["7", "--resume"]);
        assert_eq!(ran.code, 2, "{what}: {ran:?}");
        assert!(ran.stderr.contains("the journal of run"), "{what}: {ran:?}");
        // Nor does what clears up take it for the work of a run that it knows.
        repo.autopilot(["clean"]);
        assert_eq!(fs::read_to_string(&journal).unwrap(), altered, "{what}: a line was added: {ran:?}");
        assert!(
            repo.branches().is_empty() && repo.run_dir().join("worktree/one").exists(),
            "{what}: {ran:?}"
        );
    }
}

/// The second copy is not brought to the disk line by line: what a power loss leaves of it is no witness, and in nobody's way.
#[test]
fn a_copy_of_the_journal_that_a_power_loss_cut_keeps_no_run_from_going_on() {
    type Cut = fn(&mut Vec<u8>);
    let cuts: [(&str, Cut); 4] = [
        ("in the middle of a line", |copy| copy.truncate(copy.len() / 2)),
        ("at the end of a line", |copy| {
            copy.truncate(copy.iter().position(|byte| *byte == b'\n').unwrap() + 1);
        }),
        ("with zeros behind", |copy| {
            let half = copy.len() / 2;
            copy[half..].fill(0);
        }),
        ("with nothing in it", Vec::clear),
    ];
    for (what, cut) in cuts {
        let repo = Repo::new();
        repo.plan(&format!("  - {{id: a, command: 'echo one > one'}}\n  - {{id: b, command: '{WAIT}'}}\n"));
        killed_where_it_waits(&repo);
        let path = repo.run_dir().join("journal");
        let mut copy = fs::read(&path).unwrap();
        assert_eq!(copy, fs::read(repo.evidence("status-").pop().unwrap()).unwrap(), "{what}");
        cut(&mut copy);
        fs::write(&path, copy).unwrap();
        release(&repo);
        repo.autopilot(["7", "--resume"]).exits(0);
        assert_eq!(repo.steps(), ["a:passed", "b:passed"], "{what}");
    }
}
