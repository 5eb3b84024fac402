//! `docs/autopilot.md` and `docs/audit.md`, command by command, on a fresh clone.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use crate::common::{Ran, Repo};
use crate::sample;

/// Lines of the blocks that are for a shell, without what is behind `#`.
fn commands(document: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join("docs").join(document)).unwrap();
    let blocks = text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let lines = blocks.flat_map(str::lines).map(|line| line.split(" #").next().unwrap().trim().to_owned());
    lines.filter(|line| !line.is_empty()).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a line as somebody at a shell in the checkout does, with autopilot on PATH.
fn at_a_shell(repo: &Repo, line: &str) -> Ran {
    let binary = Path::new(env!("CARGO_BIN_EXE_autopilot")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let own = repo.command([""; 0]);
    let mut shell = Command::new("sh");
    shell.args(["-euc", line]).current_dir(repo.top()).env_clear();
    shell.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.env("PATH", format!("{}:{path}", binary.display()));
    Ran::of(&shell.output().unwrap())
}

/// Returns a clone in which the sample ran, made once for all tests. It is copied, or read.
fn with_a_run() -> &'static Repo {
    static RAN: OnceLock<Repo> = OnceLock::new();
    RAN.get_or_init(|| {
        let repo = sample::clone();
        at_a_shell(&repo, "autopilot 646").exits(0);
        repo
    })
}

fn every_command_works(document: &str, repo: &Repo) {
    let commands = commands(document);
    assert!(commands.len() >= 4, "{commands:?}");
    for line in commands {
        let ran = at_a_shell(repo, &line);
        assert_eq!(ran.code, 0, "`{line}` of docs/{document}:\n{}\n{}", ran.stdout, ran.stderr);
    }
}

#[test]
fn every_command_of_the_guide_works() {
    every_command_works("autopilot.md", &sample::clone());
}

#[test]
fn every_command_of_the_audits_page_works() {
    every_command_works("audit.md", &with_a_run().copy());
}

#[test]
fn the_script_is_the_audit() {
    let repo = with_a_run();
    let script = root().join("scripts/audit/codex_autopilot_check.sh");
    let script = script.display();
    at_a_shell(&sample::clone(), &format!("{script} 646")).exits(2).says("no run `646`");
    at_a_shell(repo, &format!("{script} 646")).exits(0).says("AUDIT PASS");
    let direct = at_a_shell(repo, "autopilot audit --all --json").exits(0);
    assert_eq!(at_a_shell(repo, &format!("{script} --all --json")).exits(0).stdout, direct.stdout);
}
