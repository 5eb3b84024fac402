//! What shells offer, by the scripts that the program prints: real shells, asked as they ask.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::{Ran, Repo};

#[test]
fn completions_are_scripts_that_their_shells_take() {
    let repo = Repo::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = repo.autopilot(["completions", shell]).exits(0).stdout;
        assert!(script.contains("AUTOPILOT_COMPLETE"), "{shell}");
        let file = repo.home().join("completions");
        fs::write(&file, script).unwrap();
        // Only where that shell is there.
        if let Ok(status) = Command::new(shell).arg("-n").arg(&file).status() {
            assert!(status.success(), "{shell}");
        }
    }
}

/// A checkout with plans of two issues, and a run of one.
fn completed() -> Repo {
    let repo = Repo::new();
    repo.plan_of(653, "", "  - {id: fetch, command: 'true'}\n  - {id: implement, command: 'true'}\n");
    repo.plan("  - {id: build, command: 'true'}\n");
    repo.run().exits(0);
    repo
}

/// Asks a shell what a line can end with.
fn offered(repo: &Repo, shell: &str, line: &str) -> Vec<String> {
    let file = repo.home().join(format!("completions.{shell}"));
    fs::write(&file, repo.autopilot(["completions", shell]).exits(0).stdout).unwrap();
    let of_bash = r#"source "$1"; words="$2"; COMP_WORDS=($words); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_TYPE=9
        if [[ "$words" == *' ' ]]; then COMP_WORDS+=(''); COMP_CWORD=$((COMP_CWORD + 1)); fi
        _clap_complete_autopilot autopilot "${COMP_WORDS[COMP_CWORD]}" x; printf '%s\n' "${COMPREPLY[@]}""#;
    let script = if shell == "fish" { "source $argv[1]; complete --do-complete=$argv[2]" } else { of_bash };
    let mut command = Command::new(shell);
    command.args(["-c", script]);
    if shell == "bash" {
        command.arg("bash");
    }
    command.arg(&file).arg(line).current_dir(repo.top());
    let like = repo.command(["status"]);
    command.env_clear().envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let bin = Path::new(env!("CARGO_BIN_EXE_autopilot")).parent().unwrap();
    command.env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()));
    let ran = Ran::of(&command.output().unwrap()).exits(0);
    ran.stdout.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
}

fn offers_what_there_is(shell: &str) {
    let repo = completed();
    let run = repo.run_names().pop().unwrap();
    // Where an option could stand, too, options come last.
    let offers = |line: &str| -> Vec<String> {
        offered(&repo, shell, line).into_iter().take_while(|word| !word.starts_with('-')).collect()
    };
    let has = |line: &str, word: &str| {
        let words = offered(&repo, shell, line);
        assert!(words.iter().any(|own| own == word), "{line}: {word}: {words:?}");
    };
    assert_eq!(offers("autopilot run "), ["7", "653"]);
    assert_eq!(offers("autopilot run 6"), ["653"]);
    assert_eq!(offers("autopilot logs "), ["7", run.as_str()]);
    assert_eq!(offers("autopilot logs 7 --step "), ["build", "fetch", "implement"]);
    assert_eq!(offers("autopilot learn 653/"), ["653/fetch", "653/implement"]);
    has("autopilot ", "653");
    has("autopilot ", "status");
    has("autopilot run 7 --run-as r", "root");
    has("autopilot run --keep", "--keep-worktree");
    has("autopilot status --result ", "failed");
    // Where there is nothing, nothing is offered, and nobody is told of an error.
    fs::remove_dir_all(repo.top().join(".ai")).unwrap();
    assert!(offers("autopilot run ").concat().is_empty());
}

#[test]
fn a_shell_offers_the_issues_runs_steps_and_users_that_there_are() {
    offers_what_there_is("bash");
}

#[test]
#[ignore = "needs fish"]
fn another_shell_offers_the_same() {
    offers_what_there_is("fish");
}
