//! `autopilot learn`: what a step needs is found out by doing it once with the network open, and nothing of that stays.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::host::Host;
use crate::common::{Repo, signal, wait_for};

#[test]
fn what_a_step_asks_for_comes_as_a_patch_that_git_applies_and_nothing_stays() {
    let repo = Repo::new();
    repo.plan(
        "  - id: fetch
    command: curl -sS http://nowhere.invalid/ https://other.invalid:8443/ || true; echo made > made; echo x > ~/kept
    network: {allow: [unused.invalid]}
",
    );
    let before = repo.fingerprint();
    let ran = repo.autopilot(["learn", "7/fetch"]).exits(0);
    let line = "+    network: {allow: [\"nowhere.invalid:80\", \"other.invalid:8443\"]}";
    assert!(
        ran.stdout.contains(line) && ran.stdout.contains("-    network: {allow: [unused.invalid]}"),
        "{ran:?}"
    );
    assert_eq!(repo.fingerprint(), before);
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    assert!(!repo.top().join("made").exists() && !repo.top().join(".ai/logs").exists());

    fs::write(repo.dir().join("patch"), &ran.stdout).unwrap();
    let patch = repo.dir().join("patch");
    let applied = Command::new("git").arg("apply").arg(&patch).current_dir(repo.top()).status().unwrap();
    assert!(applied.success(), "{}", ran.stdout);
    repo.autopilot(["check", "7"]).exits(0).says("nowhere.invalid:80");
    repo.autopilot(["learn", "7/fetch"]).exits(0).says("asked for nothing but what its plan allows");
}

#[test]
fn a_ceiling_that_forbids_an_open_network_refuses_to_learn() {
    let repo = Repo::new();
    repo.plan("  - {id: fetch, command: touch ~/ran; echo ran}\n");
    let folder = repo.home().join(".config/autopilot");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.yaml"), "network: {allow: [a.example.org]}\n").unwrap();
    repo.autopilot(["learn", "7/fetch"]).exits(3).says("network: full").hides("ran\n");
}

#[test]
fn what_is_private_stays_shut_and_is_told() {
    let host = Host::saying("from outside");
    let (repo, address) = (Repo::new(), host.address);
    repo.plan(&format!("  - id: fetch\n    command: curl -sS --noproxy none http://{address}/; curl -sS http://{address}/ || true\n"));
    repo.autopilot(["learn", "7/fetch"]).exits(0).says(&format!("refused: {address}")).hides("from outside");
    assert!(host.heads().is_empty());
}

#[test]
fn no_secret_goes_out_by_an_open_network() {
    let repo = Repo::new();
    let file = repo.dir().join("netrc");
    fs::write(&file, "machine example.org login me password geheim\n").unwrap();
    repo.plan(
        &"  - id: fetch
    command: test -z \"$DEPLOY_KEY$API_TOKEN$UPLOAD_TOKEN\" && test ! -e FILE
    secrets: [DEPLOY_KEY]
    env: [API_TOKEN, UPLOAD_TOKEN=fedcba9876543210]
    filesystem: {read: [FILE]}
"
        .replace("FILE", &file.display().to_string()),
    );
    let mut command = repo.command(["learn", "7/fetch"]);
    let output =
        command.env("DEPLOY_KEY", "0123456789abcdef").env("API_TOKEN", "0123456789abcdef").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let left = format!("DEPLOY_KEY, API_TOKEN, UPLOAD_TOKEN, {}", file.display());
    assert!(String::from_utf8_lossy(&output.stderr).contains(&left), "{output:?}");
}

#[test]
fn a_step_that_is_none_or_no_command_is_a_usage_error_and_a_failure_is_passed_on() {
    let repo = Repo::new();
    repo.plan("  - {id: fetch, command: exit 7}\n  - {id: think, codex: Think.}\n");
    repo.autopilot(["learn", "7"]).exits(2).says("write ISSUE/STEP");
    repo.autopilot(["learn", "7/none"]).exits(2).says("its steps are fetch, think");
    repo.autopilot(["learn", "7/think"]).exits(2).says("runs no command of its own");
    repo.autopilot(["learn", "7/fetch"]).exits(7).says("asked for nothing");
}

#[test]
fn a_signal_ends_the_step_and_nothing_stays() {
    for number in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM] {
        let repo = Repo::new();
        repo.plan("  - {id: fetch, command: echo ready; sleep 600}\n");
        let mut child = repo.start(["learn", "7/fetch"]);
        let mut told = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while line != "ready\n" {
            line.clear();
            assert!(told.read_line(&mut line).unwrap() > 0, "it ended before");
        }
        signal(&child, number);
        told.read_to_string(&mut line).unwrap();
        let ended = child.wait().unwrap();
        assert_eq!(ended.code(), Some(128 + number as i32), "{line}");
        assert!(line.contains("broken off"), "{line}");
        assert_eq!(repo.left_in_state(), Vec::<String>::new());
        // Its tree is gone by then; a confined side takes a moment to take its namespaces down.
        wait_for(Duration::from_secs(2), || repo.processes().is_empty());
    }
}
