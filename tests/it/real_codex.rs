//! Codex steps with the real Codex, in every version that `AUTOPILOT_TEST_CODEX` names, against a stub model.
//!
//! Ignored unless asked for, since they need what cargo cannot bring: `bash .ci/codex` installs it and runs them.

use std::path::PathBuf;
use std::process::Command;

use crate::common::model::{Model, Reply, add_file, does, say, shell};
use crate::common::{Ran, Repo};

/// The folders that hold a `codex`, one for each version.
fn versions() -> Vec<PathBuf> {
    let named = std::env::var_os("AUTOPILOT_TEST_CODEX")
        .expect("AUTOPILOT_TEST_CODEX names no codex: run `bash .ci/codex`, which installs them");
    let folders: Vec<PathBuf> = std::env::split_paths(&named).collect();
    for folder in &folders {
        assert!(folder.join("codex").is_file(), "no codex in {}: run `bash .ci/codex`", folder.display());
    }
    folders
}

/// Runs issue 7 with this Codex first in PATH.
fn run(repo: &Repo, codex: &PathBuf) -> Ran {
    Ran::of(&command(repo, codex).output().unwrap())
}

fn command(repo: &Repo, codex: &PathBuf) -> Command {
    let mut command = repo.command(["7"]);
    let own = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(codex.clone()).chain(std::env::split_paths(&own));
    command.env("PATH", std::env::join_paths(path).unwrap());
    command
}

fn plan(repo: &Repo, model: &Model, steps: &str) {
    let head = format!("codex: {{model: gpt-5.5, provider: {{base_url: \"{}\"}}}}", model.base_url());
    repo.plan_with(&head, steps);
}

#[test]
#[ignore = "needs codex: bash .ci/codex"]
fn what_its_shell_and_apply_patch_make_lands_on_the_branch() {
    for codex in versions() {
        let repo = Repo::new();
        let model = Model::serve(vec![
            does(shell("echo by-shell > shell.txt; id -u; touch /usr/outside; cat /etc/shadow")),
            does(add_file("patched.txt", "by-patch")),
            does(say("I made two files.")),
        ]);
        plan(
            &repo,
            &model,
            "  - id: a
    codex: Make two files.
    network: full
    expectation: {output_matches: ['two files'], changes: {min: 2, max: 2}}
",
        );
        run(&repo, &codex).exits(0).says("330 tokens");
        assert_eq!(repo.on_branch("shell.txt"), "by-shell");
        assert_eq!(repo.on_branch("patched.txt"), "by-patch");
        let summary = repo.summary();
        assert!(summary.contains("**`a` says:** `I made two files.`"), "{summary}");
        assert!(summary.contains("| a | ✅ | 1 |") && summary.contains("| 330 |"), "{summary}");
        let ended = repo.events_of("agent.ended").remove(0);
        assert_eq!(ended["tokens"]["input"], 300);
        assert_eq!(ended["acts"], 2, "{}\n{}", repo.log(), model.turns()[1]);
        let log = repo.log();
        assert!(log.contains("/usr/outside") && !log.contains("\"type\""), "{log}");
        assert!(!log.contains("\n0\n"), "its shell is not root: {log}");
        assert!(model.asked().iter().all(|asked| !asked.headers.to_lowercase().contains("authorization")));
        assert!(repo.processes().is_empty());
        assert!(repo.left_in_state().is_empty());
    }
}

#[test]
#[ignore = "needs codex: bash .ci/codex"]
fn a_retry_is_told_why_the_attempt_before_failed() {
    for codex in versions() {
        let repo = Repo::new();
        let model = Model::serve(vec![
            does(shell("echo wrong > made")),
            does(say("done")),
            does(shell("cat made; echo right > made")),
            does(say("done")),
        ]);
        plan(
            &repo,
            &model,
            "  - id: a
    codex: Make it right.
    network: full
    retries: 1
    post: ['grep -q right made || { echo the-file-says $(cat made); exit 4; }']
",
        );
        run(&repo, &codex).exits(0);
        assert_eq!(repo.on_branch("made"), "right");
        let turns = model.turns();
        assert!(!turns[0].contains("The attempt before"), "{}", turns[0]);
        assert!(turns[2].contains("attempt 2 of 2"), "{}", turns[2]);
        assert!(turns[2].contains("exit 4") && turns[2].contains("the-file-says wrong"), "{}", turns[2]);
        assert!(turns[3].contains("wrong"), "the work of the first attempt was still there: {}", turns[3]);
    }
}

#[test]
#[ignore = "needs codex: bash .ci/codex"]
fn a_model_that_refuses_is_a_failed_attempt_with_its_reason() {
    let status = |status, message: &str| {
        Reply::Status(status, serde_json::json!({"error": {"message": message, "type": "x", "code": "x"}}))
    };
    for codex in versions() {
        for (reply, reason) in [
            (status(401, "Incorrect API key provided"), "the model's server refused the key"),
            (status(404, "The model `m` does not exist"), "there is no such model"),
            (Reply::Items(Vec::new(), None), "the model answered nothing"),
        ] {
            let repo = Repo::new();
            let model = Model::serve(vec![reply]);
            plan(&repo, &model, "  - {id: a, codex: Do it., network: full}\n");
            run(&repo, &codex).exits(1).says(reason);
            let ended = repo.events_of("attempt.ended").remove(0);
            assert_eq!(ended["reason"]["kind"], "agent");
        }
    }
}

#[test]
#[ignore = "needs codex: bash .ci/codex"]
fn a_rate_limit_is_waited_out_and_counts_as_no_failure() {
    for codex in versions() {
        let repo = Repo::new();
        let limit = Reply::Fails("rate_limit_exceeded", "Rate limit reached. Please try again in 1s.");
        let mut replies = vec![limit; 6];
        replies.extend([does(shell("echo x > made")), does(say("done"))]);
        let model = Model::serve(replies);
        plan(&repo, &model, "  - {id: a, codex: Do it., network: full}\n");
        run(&repo, &codex).exits(0).says("the model's rate limit");
        assert_eq!(repo.events_of("agent.waiting").len(), 1);
        assert_eq!(repo.events_of("attempt.started").len(), 1);
        assert_eq!(repo.on_branch("made"), "x");
    }
}
