//! A step of a revision says what the record says of it.

use super::*;
use crate::plan::parse;

fn read(text: &str) -> Value {
    let parsed = parse(text.as_bytes(), Path::new("p.yaml"), Path::new("."), None);
    parsed.unwrap_or_else(|faults| panic!("{faults}\n{text}")).plan.resolved()
}

/// Writes the steps of a resolved plan again that an agent or a command does, and reads that.
fn again(resolved: &Value) -> Value {
    let steps: Vec<&Value> =
        resolved["steps"].as_array().unwrap().iter().filter(|step| is_chosen(step)).collect();
    let ids: Vec<&str> = steps.iter().map(|step| step["id"].as_str().unwrap()).collect();
    let written = steps.iter().map(|step| {
        let mut made = common(step, &ids).unwrap();
        if agent_of(step).is_some() {
            ask(&mut made, step, &|path| Some(format!("text of {}", path.display())), None).unwrap();
        }
        Value::Object(made)
    });
    let steps: Vec<Value> = written.collect();
    read(&json!({"version": 1, "issue": 7, "title": "x", "steps": steps}).to_string())
}

fn is_chosen(step: &Value) -> bool {
    agent_of(step).is_some() || step["action"].get("command").is_some()
}

/// What a revision says of a step otherwise than the record: its prompt, its proof, what other steps told, and where it stood.
fn without_what_differs(mut step: Value) -> Value {
    step["line"] = Value::Null;
    step["needs"] = Value::Null;
    if let Some(agent) = agent_of(&step) {
        let asked = &mut step["action"][agent.key()];
        asked["prompt"] = Value::Null;
        let context = asked["context"].as_array_mut().unwrap();
        context.retain(|context| context.get("step").is_none());
    }
    if let Some(proves) = step["expectation"]["proves"].as_object_mut() {
        for key in ["refactor", "mutants", "since"] {
            proves.remove(key);
        }
    }
    step
}

#[test]
fn a_step_of_a_revision_has_all_that_the_record_says_of_it() {
    let more = r#"{"version": 1, "issue": 7, "title": "x", "limits": {"tokens": "unlimited"}, "steps": [
        {"id": "a", "codex": {"prompt_file": "p.md", "tokens": "unlimited", "provider": "openai"}, "context": ["issue"]},
        {"id": "b", "codex": {"prompt": "p", "tokens": 5000, "provider": "lmstudio", "budget": "1 USD", "silence": "9m"}},
        {"id": "c", "claude": {"prompt": "p", "provider": {"base_url": "http://127.0.0.1:9", "env_key": "KEY"}, "mcp": ["m"]},
         "context": [{"issue": "everybody"}, {"step": "a"}, {"file": "f"}], "network": "full"},
        {"id": "d", "command": "x", "shell": "bash", "post": ["y"], "rollback": [["z"]], "home": "keep", "secrets": ["T"],
         "network": {"allow": ["a.example.org"]}, "outside": false, "varies": ["v/**"], "on_failure": "ignore"},
        {"id": "e", "command": ["cargo", "test"], "expectation": {"proves": {"tests": ["t/**"], "command": "cargo test",
         "old_tests": {"except": ["n"]}, "may_change": ["Cargo.toml"], "mutants": 3}}}]}"#;
    let full = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/plans/valid/full.yaml"),
    );
    let mut compared = 0;
    for text in [more, &full.unwrap()] {
        let resolved = read(text);
        let (again, steps) = (again(&resolved), resolved["steps"].as_array().unwrap());
        for (now, then) in
            again["steps"].as_array().unwrap().iter().zip(steps.iter().filter(|step| is_chosen(step)))
        {
            assert_eq!(without_what_differs(now.clone()), without_what_differs(then.clone()));
            let proves = &now["expectation"]["proves"];
            assert!(proves.is_null() || proves["refactor"] == true, "{proves}");
            compared += 1;
        }
    }
    assert!(compared > 8, "{compared}");
}

#[test]
fn an_agent_is_told_that_it_revises_and_held_to_leave_no_marker() {
    let told = |prompt: Value| {
        let step = json!({"id": "a", "action": {"codex": {"prompt": prompt, "tokens": "unset", "provider": "open_ai"}}});
        let mut made = Map::from_iter([("post".to_owned(), json!(["x"]))]);
        let files = ["a".to_owned(), "b c".to_owned()];
        let markers = Markers { files: &files, labels: ["1", "2"] };
        ask(&mut made, &step, &|_| None, Some(markers)).map(|()| made)
    };
    let made = told(json!({"text": "Do it.\n"})).unwrap();
    let prompt = made["codex"]["prompt"].as_str().unwrap();
    assert!(prompt.starts_with("Do it.\n\n# This is a revision\n"), "{prompt}");
    assert_eq!((&made["post"][0][3], &made["post"][0][5]), (&json!("sh"), &json!("b c")));
    assert_eq!(made["post"].as_array().unwrap().len(), 2);
    let lacking = Unrevisable::Prompt("p.md".into());
    assert_eq!(told(json!({"file": "p.md"})), Err(lacking));
}
