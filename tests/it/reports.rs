//! What people reported of agent runners, task runners, CI runners and sandboxes: `reports.tsv` names each report, the test that tries it here, and
//! what came of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nix::sys::signal::Signal;

use crate::common::{Ran, Repo, signal, wait_until};

/// What was tried before a verdict was written.
const TABLE: &str = include_str!("reports.tsv");

#[test]
fn each_report_is_another_one_and_has_a_test_that_is_there() {
    let mut sources = BTreeSet::new();
    let mut tests = String::new();
    all_tests(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it")), &mut tests);
    let rows: Vec<Vec<&str>> = TABLE.lines().skip(1).map(|line| line.split('\t').collect()).collect();
    assert!(rows.len() >= 30, "{}", rows.len());
    for row in rows {
        let [source, report, test, verdict] = row.as_slice() else { panic!("four columns: {row:?}") };
        assert!(sources.insert(source.to_owned()), "{source} twice");
        let (repository, number) = source.split_once('#').expect("OWNER/NAME#NUMBER");
        assert!(repository.split('/').count() == 2 && number.parse::<u64>().is_ok(), "{source}");
        assert!(!report.is_empty() && ["right", "mended"].contains(verdict), "{row:?}");
        assert!(tests.contains(&format!("fn {test}()")), "{test} is no test");
    }
}

fn all_tests(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            all_tests(&path, text);
        } else if path.extension().is_some_and(|end| end == "rs") {
            *text += &fs::read_to_string(path).unwrap();
        }
    }
}

/// Steps that do what other sandboxes refused: each has to end as it would outside.
const STEPS: &str = r#"  - {id: tmp, command: 'd=$(mktemp -d); test -d "$TMPDIR"; touch "$d/x" /tmp/zshAbc'}
  - id: semaphores
    command: |
      /usr/bin/python3 -c 'import multiprocessing as m; m.Semaphore(); print(m.Pool(2).map(abs, [-1, -2]))'
  - {id: devices, command: 'echo x > /dev/null; git status > /dev/null; head -c 1 /dev/zero | wc -c'}
  - id: sockets
    command: |
      /usr/bin/python3 -c '
      import os, socket
      for place in ("127.0.0.1", "0.0.0.0"):
          own = socket.socket(); own.bind((place, 0)); own.listen()
          socket.create_connection(("127.0.0.1", own.getsockname()[1]))
      for place in ("own.sock", os.environ["TMPDIR"] + "/own.sock"):
          own = socket.socket(socket.AF_UNIX); own.bind(place); own.listen()
          socket.socket(socket.AF_UNIX).connect(place); os.remove(place)
      socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
      '
  - {id: commit, command: 'git add -A; git commit --allow-empty -qm own; git stash list; git log -1 --format=%s | grep -x own'}
  - {id: login, command: 'test -z "$(bash -lc true 2>&1)"'}
  - {id: questions, command: 'if read -r x; then exit 1; fi; if (exec </dev/tty) 2>/dev/null; then exit 1; fi'}
  - {id: bytes, command: "printf '\\360\\303 no text \\n'"}
  - {id: names, command: "mkdir 'Aufträge' 'a b'; echo x > 'Aufträge/B1 — Ergebnis.md'; echo x > 'a b/c'; echo x >> tool.sh", expectation: {changes: {within: ['Aufträge/**', 'a b/**', tool.sh], min: 3, max: 3}}}
  - {id: pipe, shell: bash, command: 'false | cat', expectation: {exit_code: 1}}
  - {id: lines, command: "false\necho went on\n", expectation: {exit_code: 1, output_excludes: [went on]}}
  - {id: outside, command: 'for place in /usr/x /opt/x /srv/x /x; do if (echo x > $place) 2>/dev/null; then echo "written: $place"; exit 1; fi; done'}
  - {id: where, command: 'realpath "$(command -v sh)"; cd /; pwd'}
"#;

#[test]
fn steps_do_what_other_sandboxes_refused() {
    let repo = Repo::new();
    // Nobody can be asked for a passphrase.
    let settings = fs::read_to_string(repo.home().join(".gitconfig")).unwrap_or_default();
    fs::write(
        repo.home().join(".gitconfig"),
        settings + "[commit]\n\tgpgsign = true\n[gpg]\n\tprogram = false\n",
    )
    .unwrap();
    repo.commit_file("tool.sh", "#!/bin/sh\n");
    repo.git(["update-index", "--chmod=+x", "tool.sh"]);
    repo.git(["-c", "commit.gpgsign=false", "commit", "-qm", "executable"]);
    repo.git(["checkout", "--", "tool.sh"]);
    repo.plan(STEPS);
    let ran = repo.run();
    assert_eq!(ran.code, 0, "{}\n{}\n{}", ran.stdout, ran.stderr, repo.log());
    let branch = repo.branch();
    assert!(repo.git(["ls-tree", &branch, "tool.sh"]).starts_with("100755"), "an executable stays one");
    let listed = repo.git(["-c", "core.quotePath=false", "ls-tree", "-r", "--name-only", &branch]);
    assert!(listed.contains("Aufträge/B1 — Ergebnis.md") && listed.contains("a b/c"), "{listed}");
    assert!(repo.summary().contains("Aufträge/B1 — Ergebnis.md"), "{}", repo.summary());
}

#[test]
fn variables_of_git_lead_nothing_astray() {
    let (repo, decoy) = (Repo::new(), Repo::new());
    repo.plan("  - {id: a, command: 'echo x > made; git status --short'}\n");
    let before = decoy.fingerprint();
    let mut command = repo.command(["7"]);
    command.env("GIT_DIR", decoy.top().join(".git")).env("GIT_WORK_TREE", decoy.top());
    command.env("GIT_INDEX_FILE", decoy.top().join(".git/index"));
    Ran::of(&command.output().unwrap()).exits(0);
    assert_eq!(repo.on_branch("made"), "x");
    assert_eq!(decoy.fingerprint(), before);
}

#[test]
fn secrets_are_masked_whole_and_nothing_else_is() {
    let repo = Repo::new();
    let (plain, key) = (
        "s3cr3t-value-0123456789",
        "-----BEGIN-----\nMIIEowIBAAKCAQEAx0y1z2\nq9w8e7r6t5y4u3i2o1p0\n-----END-----",
    );
    let json = "{\n  \"key\": \"kkkk-llll-mmmm-nnnn\"\n}";
    repo.plan(
        r#"  - id: tell
    secrets: [PLAIN, KEY, JSON]
    command: |
      printf '%s\n' "$PLAIN" | base64
      printf '%s\n' "$KEY" | sed -n 3p
      printf '%s\n' "$JSON"
      echo 'fn f() { e } -> ew== --'
"#,
    );
    let mut command = repo.command(["7"]);
    command.env("PLAIN", plain).env("KEY", key).env("JSON", json);
    Ran::of(&command.output().unwrap()).exits(0);
    let log = repo.log();
    let encoded = STANDARD.encode(format!("{plain}\n"));
    assert!(!log.contains(&encoded[..24]), "with what was appended: {log}");
    assert!(!log.contains("q9w8e7r6t5y4u3i2o1p0"), "a line of a key: {log}");
    assert!(!log.contains("kkkk-llll"), "a line of JSON: {log}");
    assert!(log.contains("fn f() { e } -> ew== --"), "what is short is no secret: {log}");
}

#[test]
fn whoever_holds_the_output_open_holds_up_nothing_and_no_process_stays() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: holder, command: 'setsid sleep 600 & nohup sleep 600 & echo over'}
  - {id: late, timeout: 1s, on_failure: ignore, command: 'setsid sh -c \"trap : TERM; while :; do sleep 600; done\" & trap : TERM; while :; do sleep 600; done'}
  - {id: next, command: echo next}
",
    );
    repo.run().exits(0);
    // The confined side that is kept ready ends with its runner: a moment later.
    wait_until(|| repo.processes().is_empty());
    // Asked to end, it ends all that it started.
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'setsid sleep 600 & echo ready; sleep 600'}\n");
    let child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    signal(&child, Signal::SIGTERM);
    Ran::of(&child.wait_with_output().unwrap()).exits(143);
    // The confined side that is kept ready ends with its runner: a moment later.
    wait_until(|| repo.processes().is_empty());
}

#[test]
fn nothing_piles_up_and_what_others_left_is_in_nobodys_way() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo ready; test -e ~/go || sleep 600'}\n");
    locks(&repo, true);
    let mut child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    repo.kill(&mut child);
    // Somebody removes what the dead run left, by hand.
    let runs = repo.state().join("runs");
    // With what an overlay keeps closed.
    assert!(Command::new("chmod").args(["-R", "u+rwX"]).arg(&runs).status().unwrap().success());
    fs::remove_dir_all(runs).unwrap();
    locks(&repo, false);
    repo.plan("  - {id: a, command: echo x > x}\n");
    locks(&repo, true);
    repo.run().exits(0);
    locks(&repo, false);
    assert_eq!(repo.git(["worktree", "list"]).lines().count(), 1);
    let branch = repo.branch();
    repo.git(["branch", "-D", &branch]);
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
}

/// What a git that died leaves: a lock on its settings, its index, its HEAD.
fn locks(repo: &Repo, are_there: bool) {
    for name in ["config.lock", "index.lock", "HEAD.lock"] {
        let lock = repo.top().join(".git").join(name);
        if are_there { fs::write(lock, "").unwrap() } else { fs::remove_file(lock).unwrap() }
    }
}
