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

#[test]
fn no_turn_begins_after_the_money_is_spent_and_none_goes_on_for_long() {
    let own = "codex: {prompt: Do it., budget: 1 USD}, retries: 1, post: ['test -e ~/tried || { touch ~/tried; exit 1; }']";
    for (of_run, step) in [("", own), ("budget: 1 USD", &own.replace(", budget: 1 USD", ""))] {
        let repo = repo(DOES);
        let provider = "codex: {model: m, provider: {base_url: 'http://127.0.0.1:9/v1'}}";
        repo.plan_with(
            &format!("{provider}\nlimits: {{timeout: 1h, {of_run}}}"),
            &format!("  - {{id: a, {step}}}\n"),
        );
        run(&repo).exits(0);
        let forge = Forge::new(&repo.top(), repo.events()[0]["run"].as_str().unwrap());
        let was = forge.values();
        // What the first turn is said to have cost; without that, the plan's word is not kept either.
        for (cost, code) in [(json!(999_999), 0), (json!(1_000_000), 4), (json!(null), 4)] {
            forge.edit(|lines| lines.clone_from(&was));
            let first = |event: &Value| event["attempt"] == 1;
            forge.edit_event("agent.ended", first, |event| *event = ended(1, &cost));
            let ran = repo.autopilot(["audit"]);
            assert_eq!(ran.stdout.contains("AP404 plan-not-followed"), code == 4, "{cost}: {}", ran.stdout);
        }
        // Four may be under way when the limit is reached.
        for (requests, code) in [(5, 0), (6, 4)] {
            forge.edit(|lines| {
                lines.clone_from(&was);
                let of = |kind: &str| {
                    let is = |line: &Value| line["event"]["type"] == kind && line["event"]["attempt"] == 2;
                    lines.iter().position(is).unwrap()
                };
                let (begun, over) = (of("command.started"), of("agent.ended"));
                lines[over]["event"] = ended(requests, &json!(2_000_000));
                lines[over]["event"]["attempt"] = 2.into();
                let mut used = lines[begun].clone();
                used["event"] = json!({"type": "agent.used", "step": "a", "attempt": 2, "requests": 1,
                    "tokens": {"input": 1, "cached": 0, "output": 1}, "cost": 1_000_000});
                lines.insert(begun + 1, used);
            });
            let ran = repo.autopilot(["audit"]);
            assert_eq!(
                ran.stdout.contains("AP404 plan-not-followed"),
                code == 4,
                "{requests}: {}",
                ran.stdout
            );
        }
    }
}

/// The end of a first turn.
fn ended(requests: u64, cost: &Value) -> Value {
    let mut event = json!({"type": "agent.ended", "step": "a", "attempt": 1, "message": "done",
        "tokens": {"input": 100, "cached": 0, "output": 10}, "requests": requests});
    if !cost.is_null() {
        event["cost"] = cost.clone();
    }
    event["acts"] = 1.into();
    event
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
