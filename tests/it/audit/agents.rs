//! What can be forged of an agent's part: an exit code, an end that it never had.

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
    for (field, value) in [("exit_code", json!(1)), ("ended_by", json!("the step's timeout"))] {
        let was = forge.values();
        forge.edit_event("command.ended", action, |event| event[field] = value);
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
