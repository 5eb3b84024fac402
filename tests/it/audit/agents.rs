//! What can be forged of an agent's part: an exit code, an end that it never had, what it used.

use serde_json::{Value, json};

use super::forge::Forge;
use crate::agents::{plan, repo, run};
use crate::common::Repo;

const DOES: &str = "begin; echo x > made; say done; end";

/// A run of one codex step that passed.
fn passed() -> (Repo, Forge) {
    let repo = repo(DOES);
    plan(&repo, "  - {id: a, codex: Do it., post: ['test -e made']}\n");
    run(&repo).exits(0);
    let run = repo.events()[0]["run"].as_str().unwrap().to_owned();
    let forge = Forge::new(&repo.top(), &run);
    (repo, forge)
}

#[test]
fn an_agent_that_did_not_exit_as_expected_has_not_passed() {
    let (repo, forge) = passed();
    forge.reseal();
    repo.autopilot(["audit"]).exits(0);
    let action = |event: &Value| event["role"] == "action";
    let timeout = json!({"ended_by": "the step's timeout", "cut": "step_timeout"});
    for how in [json!({"exit_code": 1}), timeout] {
        let was = forge.values();
        forge.edit_event("command.ended", action, |event| {
            // As autopilot writes it: `cut` stands behind `ended_by`.
            let mut changed = serde_json::Map::new();
            for (key, value) in event.as_object().unwrap() {
                changed.insert(key.clone(), how.get(key).unwrap_or(value).clone());
                if let Some(cut) = how.get("cut").filter(|_| key == "ended_by") {
                    changed.insert("cut".to_owned(), cut.clone());
                }
            }
            *event = Value::Object(changed);
        });
        repo.autopilot(["audit"]).exits(4).says("AP403 result-wrong");
        forge.edit(|lines| *lines = was);
        repo.autopilot(["audit"]).exits(0);
    }
}

#[test]
fn an_agent_whose_turn_never_ended_has_not_passed() {
    let (repo, forge) = passed();
    forge.edit(|lines| lines.retain(|line| line["event"]["type"] != "agent.ended"));
    repo.autopilot(["audit"]).exits(4).says("AP403 result-wrong");
}

#[test]
fn a_turn_has_not_used_less_than_it_had() {
    let (repo, forge) = passed();
    let was = forge.values();
    let at = |lines: &[Value], kind: &str| lines.iter().position(|l| l["event"]["type"] == kind).unwrap();
    let line = |output: u64| {
        let tokens = json!({"input": 100, "cached": 0, "output": output});
        let event = json!({"type": "agent.used", "step": "a", "attempt": 1, "requests": 1, "tokens": tokens});
        let mut line = was[at(&was, "command.started")].clone();
        line["event"] = event;
        line
    };
    // Each forgery: which event it follows, and how many tokens were written.
    let forgeries: [(&[(&str, u64)], &str); 3] = [
        (&[("command.started", 10)], "AP403 result-wrong"),
        (&[("command.started", 10), ("agent.used", 5)], "AP403 result-wrong"),
        (&[("command.ended", 10)], "AP402 out-of-order"),
    ];
    for (told, finding) in forgeries {
        forge.edit(|lines| {
            lines.clone_from(&was);
            for (after, output) in told {
                lines.insert(at(lines, after) + 1, line(*output));
            }
        });
        repo.autopilot(["audit"]).exits(4).says(finding);
    }
}

#[test]
fn no_turn_begins_after_the_tokens_are_used_up() {
    // Of the run, by two steps; of one step, by two attempts.
    let two =
        "  - {id: a, codex: Do it., post: ['test -e made']}\n  - {id: b, codex: More., post: ['true']}\n";
    let again = "  - {id: a, codex: {prompt: Do it., tokens: 110}, retries: 1, post: ['test -e ~/tried || { touch ~/tried; exit 1; }']}\n";
    over_the_limit("110", two);
    over_the_limit("unlimited", again);
}

fn over_the_limit(of_run: &str, steps: &str) {
    let repo = repo(DOES);
    let provider = "codex: {provider: {base_url: 'http://127.0.0.1:9/v1'}}";
    repo.plan_with(&format!("{provider}\nlimits: {{tokens: {of_run}}}"), steps);
    run(&repo).exits(0);
    let forge = Forge::new(&repo.top(), repo.events()[0]["run"].as_str().unwrap());
    for (output, code) in [(9, 0), (10, 4)] {
        forge.edit_event(
            "agent.ended",
            |event| event["step"] == "a",
            |event| event["tokens"] = json!({"input": 100, "cached": 0, "output": output}),
        );
        let ran = repo.autopilot(["audit"]);
        assert_eq!(ran.stdout.contains("AP404 plan-not-followed"), code == 4, "{}", ran.stdout);
    }
}
