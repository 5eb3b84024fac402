//! The evidence of a run, checked from outside: names, chain, digests, provenance, and what reports may say.

use std::fs;
use std::path::Path;
use std::time::Duration;

use autopilot::evidence::{self, journal};
use nix::sys::signal::Signal;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::common::{Ran, Repo, signal, wait_until};

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// A run with everything in it: a failure, a retry, a salvage, a skipped step.
fn eventful() -> Repo {
    let repo = Repo::new();
    repo.plan(
        "  - {id: one, command: 'echo one > one; echo hello'}
  - {id: two, command: 'echo half > half; test -e ~/tried || { touch ~/tried; exit 3; }', retries: 1, rollback: [echo undone]}
  - {id: three, command: 'echo x > x; echo |||; exit 4', on_failure: continue}
  - {id: four, needs: [three], command: 'true'}\n",
    );
    repo.run().exits(1);
    repo
}

#[test]
fn the_files_have_their_names_and_places() {
    let repo = eventful();
    let run = repo.events()[0]["run"].as_str().unwrap().to_owned();
    let (stamp, issue) = run.split_once('-').unwrap();
    assert_eq!((stamp.len(), issue), (16, "7"), "{run}");
    assert!(stamp.ends_with('Z') && stamp.as_bytes()[8] == b'T', "{run}");
    let mut expected: Vec<String> = [
        ".ai/logs/.gitignore".to_owned(),
        format!(".ai/logs/codex/autopilot-{run}.log"),
        format!(".ai/logs/autopilot/status-{run}.log"),
        format!(".ai/logs/autopilot/summary-{run}.md"),
        format!(".ai/logs/autopilot/FAILED-{run}.log"),
        format!(".ai/logs/autopilot/salvage-{run}.bundle"),
        format!(".ai/logs/autopilot/checkpoints-{run}.bundle"),
        format!(".ai/logs/autopilot/provenance-{run}.json"),
    ]
    .into();
    expected.sort();
    let mut found = Vec::new();
    let mut open = vec![repo.top().join(".ai/logs")];
    while let Some(folder) = open.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path.strip_prefix(repo.top()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    assert_eq!(found, expected);
    assert_eq!(repo.read(".ai/logs/.gitignore"), "*\n");
    assert_eq!(repo.git(["status", "--porcelain"]), "");
}

#[test]
fn a_team_that_commits_its_evidence_is_left_alone() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'true'}\n");
    repo.file(".ai/logs/keep", "");
    repo.commit("we commit evidence");
    repo.run().exits(0);
    assert!(!repo.top().join(".ai/logs/.gitignore").exists());
    assert!(repo.git(["status", "--porcelain"]).contains("?? .ai/logs/autopilot/"));
}

#[test]
fn the_chain_holds_from_the_first_to_the_last_line_and_each_start_has_an_end() {
    let repo = eventful();
    let events = Repo::chain(&repo.evidence("status-").pop().unwrap());
    assert_eq!(events[0]["type"], "run.started");
    assert_eq!(events[0]["plan"]["steps"][1]["id"], "two", "event 0 holds the resolved plan");
    assert_eq!(events.last().unwrap()["type"], "attested");
    let mut open: Vec<(String, String)> = Vec::new();
    for event in &events {
        let kind = event["type"].as_str().unwrap();
        let of = format!("{}/{}/{}", event["step"], event["attempt"], event["role"]);
        match kind.rsplit_once('.') {
            Some((what, "started")) if what != "run" => open.push((what.to_owned(), of)),
            Some((what @ ("attempt" | "command"), "ended")) => {
                assert_eq!(open.pop(), Some((what.to_owned(), of)), "{kind} ends what began last");
            }
            Some(("reset", "done")) => assert_eq!(open.pop(), Some(("reset".to_owned(), of))),
            _ => {}
        }
    }
    assert!(open.is_empty(), "begun and not ended: {open:?}");
    let count = |kind: &str| events.iter().filter(|event| event["type"] == kind).count();
    assert_eq!((count("run.started"), count("run.ended"), count("step.ended")), (1, 1, 4));
    assert_eq!((count("attempt.started"), count("reset.done"), count("sealed")), (4, 2, 1));
    // Times only go on.
    let text = fs::read_to_string(repo.evidence("status-").pop().unwrap()).unwrap();
    let times: Vec<String> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["ts"].as_str().unwrap().to_owned())
        .collect();
    assert!(times.is_sorted(), "{times:?}");
}

#[test]
fn seal_provenance_and_head_are_what_they_say() {
    let repo = eventful();
    let ran = repo.autopilot(["7", "--json"]);
    let result: Value = serde_json::from_str(&ran.stdout).unwrap();
    let journal = repo.evidence("status-").pop().unwrap();
    let bytes = fs::read(&journal).unwrap();
    let lines: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
    let event = |line: &[u8]| serde_json::from_slice::<Value>(line).unwrap()["event"].clone();
    let at = lines.iter().position(|line| event(line)["type"] == "sealed").unwrap();

    let sealed = event(lines[at])["files"].as_array().unwrap().clone();
    assert_eq!(sealed.len(), 5, "log, summary, FAILED, salvage, checkpoints: {sealed:?}");
    for file in &sealed {
        let content = fs::read(repo.top().join(file["path"].as_str().unwrap())).unwrap();
        assert_eq!(file["sha256"], sha256(&content), "{file}");
        assert_eq!(file["size"], content.len());
    }

    let provenance = fs::read(repo.evidence("provenance-").pop().unwrap()).unwrap();
    assert_eq!(event(lines[at + 1]), serde_json::json!({"type": "attested", "sha256": sha256(&provenance)}));
    let statement: Value = serde_json::from_slice(&provenance).unwrap();
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(statement["predicateType"], "https://slsa.dev/provenance/v1");
    let subjects = statement["subject"].as_array().unwrap();
    let digest_of = |name: &str| {
        let subject = subjects.iter().find(|subject| subject["name"] == name);
        subject.unwrap_or_else(|| panic!("{name} is no subject"))["digest"].clone()
    };
    for file in &sealed {
        assert_eq!(digest_of(file["path"].as_str().unwrap())["sha256"], file["sha256"]);
    }
    let name = journal.strip_prefix(repo.top()).unwrap().to_str().unwrap();
    let prefix: Vec<u8> = lines[..=at].concat();
    assert_eq!(digest_of(name)["sha256"], sha256(&prefix), "the journal up to the line `sealed`");
    let branch = format!("refs/heads/{}", repo.branches().pop().unwrap());
    assert_eq!(digest_of(&branch)["gitCommit"], repo.git(["rev-parse", &branch]));
    assert_eq!(subjects.len(), 7);
    let definition = &statement["predicate"]["buildDefinition"];
    assert_eq!(definition["resolvedDependencies"][0]["digest"]["gitCommit"], repo.git(["rev-parse", "HEAD"]));
    let plan = fs::read(repo.top().join(".ai/plans/7/Autopilot.yaml")).unwrap();
    assert_eq!(definition["externalParameters"]["plan"]["sha256"], sha256(&plan));

    let last = lines.last().unwrap().strip_suffix(b"\n").unwrap();
    assert_eq!(result["head"], format!("{}:{}", lines.len() - 1, sha256(last)));
}

#[test]
fn a_summary_says_success_only_of_a_run_that_was_one() {
    let cases = [
        ("  - {id: a, command: 'true'}\n", 0, "# ✅ #7 done"),
        ("  - {id: a, command: 'false'}\n", 1, "# ❌ #7 failed at `a`"),
        (
            "  - {id: a, command: 'false', on_failure: continue}\n  - {id: b, command: 'true'}\n",
            1,
            "# ❌ #7 failed at `a`",
        ),
        (
            "  - {id: a, command: 'true', timeout: 1s, expectation: {exit_code: 3}}\n",
            1,
            "# ❌ #7 failed at `a`",
        ),
        (
            "  - {id: a, command: 'false', on_failure: ignore}\n  - {id: b, needs: [a], command: 'true'}\n",
            0,
            "# ✅ #7 done",
        ),
    ];
    for (steps, code, headline) in cases {
        let repo = Repo::new();
        repo.plan(steps);
        repo.run().exits(code);
        let summary = repo.summary();
        assert!(summary.starts_with(headline), "{summary}");
        assert_eq!(code == 0, repo.evidence("FAILED-").is_empty());
        if steps.contains("'false'") {
            assert!(summary.contains("| a | ❌"), "an ignored failure is no success of the step: {summary}");
            let told = if code == 0 { "`a` attempt 1 failed" } else { "**Why:** `exit 1`" };
            assert_eq!(summary.matches(told).count(), 1, "why is said once: {summary}");
        }
        if steps.contains("needs: [a]") {
            assert!(summary.contains("| b | ⏭ skipped: needs a, which failed"), "{summary}");
        }
    }
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo ready; sleep 60'}\n");
    let child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    signal(&child, Signal::SIGTERM);
    Ran::of(&child.wait_with_output().unwrap()).exits(143);
    assert!(repo.summary().starts_with("# ⏹ #7 interrupted"), "{}", repo.summary());
    assert!(!repo.summary().contains('✅'), "{}", repo.summary());
    assert!(repo.failed().starts_with("INTERRUPTED: "), "{}", repo.failed());
}

#[test]
fn the_gantt_keeps_to_what_every_renderer_draws() {
    let repo = eventful();
    let summary = repo.summary();
    let chart = summary.split("```mermaid\n").nth(1).unwrap().split("```").next().unwrap();
    let mut lines = chart.lines();
    assert_eq!(lines.next(), Some("gantt"));
    assert_eq!(lines.next(), Some("  dateFormat HH:mm:ss"));
    assert_eq!(lines.next(), Some("  axisFormat %H:%M:%S"));
    let task =
        regex::Regex::new(r"^  \d [a-z]+( \d/\d)? :(done|crit|active), \d\d:\d\d:\d\d, [1-9]\d*s$").unwrap();
    let tasks: Vec<&str> = lines.collect();
    assert_eq!(tasks.len(), 4, "an attempt each: {chart}");
    assert!(tasks.iter().all(|line| task.is_match(line)), "{chart}");
    assert!(
        tasks[1].starts_with("  2 two 1/2 :crit") && tasks[2].starts_with("  2 two 2/2 :done"),
        "{chart}"
    );
}

#[test]
fn what_a_step_prints_or_names_is_no_markup_in_the_reports() {
    let repo = Repo::new();
    repo.plan_with(
        "",
        "  - id: a
    command: |
      printf '\\033[2J\\033]0;owned\\007\\r# \\342\\234\\205 #7 done\\n@team </details> <img src=x> ```\\n'
      printf x > 'a|b`c`<img>@team
      # new headline'
      printf x > \"$(printf 'esc\\033[31m')\"
  - {id: b, command: 'echo \"</details>\"; exit 1'}\n",
    );
    repo.run().exits(1).hides("\u{1b}");
    for text in [repo.summary(), repo.failed()] {
        assert!(!text.contains('\u{1b}'), "{text}");
        assert!(!text.contains("\n# new headline") && !text.contains("\n      # new headline"), "{text}");
    }
    assert_eq!(repo.summary().matches("# ✅").count(), 0, "{}", repo.summary());
    assert_eq!(repo.summary().matches("\n# ").count(), 0, "{}", repo.summary());
}

#[test]
fn a_mask_ends_where_the_name_ends_that_it_is_in() {
    let repo = Repo::new();
    repo.plan(
        "  - id: a
    command: |
      echo x > 'Cookie: a=aB3'; echo x > 'D fixes #1, closes #2 @octocat'; echo x > 'password=\"'; echo x > 'z'\n",
    );
    repo.run().exits(0);
    let summary = repo.summary();
    for name in ["`Cookie: a=***`", "`D fixes #1, closes #2 @octocat`", "`z`"] {
        assert!(summary.contains(name), "{name} is not in {summary}");
    }
    repo.autopilot(["audit"]).exits(0);
}

#[test]
fn a_journal_of_version_1_parses_for_ever() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/journals/v1.log");
    let contents = journal::read(&path).unwrap();
    assert_eq!(contents.end.torn, 0);
    assert_eq!(Repo::chain(&path).len(), contents.lines.len());
    let view = evidence::read(&path).unwrap().expect("it begins with run.started");
    assert!(view.closed);
    assert_eq!(view.start.issue, 7);
    let ids: Vec<&str> = view.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids, ["one", "two", "three", "four"]);
    assert_eq!(view.steps[1].attempts.len(), 2);
    assert_eq!(view.salvaged(), ["refs/salvage/two-1", "refs/salvage/three-1"]);
    let kinds: std::collections::BTreeSet<String> =
        Repo::chain(&path).iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect();
    assert!(kinds.len() >= 17, "the fixture has every kind of event of an ordinary run: {kinds:?}");

    let view = evidence::read(&path.with_file_name("v1-crashed.log")).unwrap().unwrap();
    assert!(view.recovered && view.closed);
    assert_eq!(view.end.unwrap().result, evidence::event::RunResult::Crashed);
}

#[test]
fn memory_stays_flat_while_a_step_prints_much() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: a, command: 'yes \"a line that a chatty build prints again and again and again\" | head -c 200M', resources: {output: 300MiB}}\n",
    );
    let most = memory_of(repo.command(["7"]));
    let size = fs::metadata(repo.top().join(".ai/logs/codex")).and_then(|_| {
        let entry = fs::read_dir(repo.top().join(".ai/logs/codex"))?.next().unwrap()?;
        Ok(entry.metadata()?.len())
    });
    assert!(size.unwrap() >= 200 << 20);
    assert!(most > 0 && most < 120 << 10, "{most} KiB");
}

/// Runs a command that has to succeed, and returns the most memory that it had, in KiB.
fn memory_of(mut command: std::process::Command) -> u64 {
    let mut child = command.stdout(std::process::Stdio::null()).spawn().unwrap();
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
        most = most.max(line.trim().trim_end_matches(" kB").parse::<u64>().unwrap());
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(child.wait().unwrap().success());
    most
}

/// Five thousand files, or as many as `AUTOPILOT_TEST_FILES` says. How much the program itself takes depends on how
/// it was built: what comes on top does not.
#[test]
fn memory_is_in_proportion_to_the_files_that_a_step_changes() {
    let many = std::env::var("AUTOPILOT_TEST_FILES").map_or(5_000, |files| files.parse::<u64>().unwrap());
    let memory = [1, many].map(|files| {
        let repo = Repo::new();
        repo.plan(&format!("  - {{id: a, command: 'mkdir d; cd d; seq 1 {files} | xargs touch'}}\n"));
        let memory = memory_of(repo.command(["7"]));
        assert_eq!(
            repo.git(["ls-tree", "--name-only", &format!("{}:d", repo.branch())]).lines().count() as u64,
            files
        );
        memory
    });
    println!("{memory:?} KiB for 1 and {many} files");
    let more = memory[1].saturating_sub(memory[0]) << 10;
    assert!(memory[0] > 0 && more < many * 600, "{memory:?} KiB: {} bytes a file", more / many);
    if !cfg!(debug_assertions) && many <= 100_000 {
        assert!(memory[1] <= 64 << 10, "{memory:?} KiB");
    }
}

#[test]
fn the_value_of_a_secret_is_nowhere() {
    const VALUE: &str = "s3cr3t-Value+with/odd=chars";
    let repo = Repo::new();
    repo.plan(
        "  - id: a
    command: |
      echo \"token: $MY_TOKEN\"
      printf '%s' \"$MY_TOKEN\" | base64
      echo \"$MY_TOKEN\" >&2
      printf 'https://user:%s@example.org\\n' \"$MY_TOKEN\"
      echo x > \"named-$(printf '%s' \"$MY_TOKEN\" | tr / _)\"
      printf '%s' \"$MY_TOKEN\" | while read -r -n1 c 2>/dev/null; do :; done
      exit 3
    secrets: [MY_TOKEN]
    expectation: {output_excludes: [token]}
    rollback: ['echo rollback $MY_TOKEN']
",
    );
    let mut command = repo.command(["7"]);
    let ran = Ran::of(&command.env("MY_TOKEN", VALUE).output().unwrap()).exits(1);
    assert!(repo.log().contains("token: "), "{}", repo.log());
    let reports: Vec<String> = [repo.log(), repo.summary(), repo.failed(), ran.stdout, ran.stderr].into();
    let journal = fs::read_to_string(repo.evidence("status-").pop().unwrap()).unwrap();
    let provenance = fs::read_to_string(repo.evidence("provenance-").pop().unwrap()).unwrap();
    let base64 = "czNjcjN0LVZhbHVlK3dpdGgvb2RkPWNoYXJz";
    for text in reports.iter().chain([&journal, &provenance]) {
        assert!(!text.contains(VALUE), "{text}");
        assert!(!text.contains(base64), "{text}");
    }
}
