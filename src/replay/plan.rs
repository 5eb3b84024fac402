//! Takes a run, gives the plan that replays it, as the text of a plan file: it is read, checked and held to ceilings as any plan is.
//! What is laid on is a step of its own, before one that does what is expected of it besides.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::way::{Again, Way};
use crate::evidence::RunState;
use crate::evidence::state::AttemptState;

/// Names the step that lays on what a step had changed.
pub fn laid_step(id: &str) -> String {
    format!("{id}.laid")
}

/// Writes the plan; nothing if the recorded one is none. `patches` has the file of each change that is laid on, by step.
pub fn plan(state: &RunState, steps: &[Again<'_>], patches: &BTreeMap<String, String>) -> Option<String> {
    let recorded = state.start.plan.value();
    let mut all = Vec::new();
    for own in steps {
        match own.way {
            Way::Real => all.push(real(own, steps, recorded)?),
            Way::Laid | Way::Outside => {
                all.push(laid(own, patches.get(own.id)));
                all.extend(checked(own, steps, recorded)?);
            }
        }
    }
    let mut plan = json!({
        "version": 1,
        "issue": state.start.issue,
        "title": recorded["title"],
        "limits": {
            "timeout": recorded["limits"]["timeout"],
            "consecutive_failures": recorded["limits"]["consecutive_failures"],
        },
        "publish": {"comment": false},
        "steps": all,
    });
    for key in ["exclude", "submodules"] {
        if let Some(value) = recorded.get(key) {
            plan[key] = value.clone();
        }
    }
    serde_json::to_string_pretty(&plan).ok()
}

/// A step that is done again.
fn real(own: &Again<'_>, steps: &[Again<'_>], recorded: &Value) -> Option<Value> {
    let step = own.step;
    let mut commands = Commands::default();
    let mut made = begun(own.id, step);
    made.insert("command".to_owned(), commands.take(&step["action"]["command"])?);
    made.insert("retries".to_owned(), step["retries"].clone());
    made.insert("retry_from".to_owned(), step["retry_from"].clone());
    for key in ["network", "home", "clean_ignored", "secrets"] {
        if let Some(value) = step.get(key) {
            made.insert(key.to_owned(), value.clone());
        }
    }
    rest(&mut made, step);
    let mut expected = expected(&step["expectation"]);
    put(&mut expected, "proves", &proves(own, steps, recorded, &mut commands)?);
    made.insert("expectation".to_owned(), Value::Object(expected));
    made.insert("post".to_owned(), commands.list(&step["post"])?);
    commands.say_shell(&mut made);
    Some(Value::Object(made))
}

/// A step that lays on what was recorded, and judges the files.
fn laid(own: &Again<'_>, patch: Option<&String>) -> Value {
    let mut made = begun(&laid_step(own.id), own.step);
    match patch {
        Some(patch) => made.insert("apply".to_owned(), json!(patch)),
        None => made.insert("command".to_owned(), json!(NOTHING)),
    };
    let mut expected = Map::new();
    let recorded = &own.step["expectation"];
    for key in ["files_exist", "files_absent"] {
        let listed = recorded[key].as_array().cloned().unwrap_or_default();
        let on_branch = |path: &Value| path.as_str().is_some_and(|path| !is_beside(path, own.attempt));
        put(&mut expected, key, &listed.into_iter().filter(on_branch).collect());
    }
    let contains = recorded["file_contains"].as_array().cloned().unwrap_or_default();
    let on_branch = |entry: &Value| entry["path"].as_str().is_some_and(|path| !is_beside(path, own.attempt));
    put(&mut expected, "file_contains", &contains.into_iter().filter(on_branch).collect());
    put(&mut expected, "changes", &bounds(&recorded["changes"]));
    made.insert("expectation".to_owned(), Value::Object(expected));
    Value::Object(made)
}

/// A step that does what is done again of one that was laid on: `post` and the proof.
fn checked(own: &Again<'_>, steps: &[Again<'_>], recorded: &Value) -> Option<Vec<Value>> {
    let step = own.step;
    let mut commands = Commands::default();
    let post = if own.way == Way::Laid { commands.list(&step["post"])? } else { json!([]) };
    let proves = proves(own, steps, recorded, &mut commands)?;
    if proves.is_null() && post == json!([]) {
        return Some(Vec::new());
    }
    let mut made = begun(own.id, step);
    made.insert("command".to_owned(), json!(NOTHING));
    if own.way == Way::Laid {
        rest(&mut made, step);
    } else {
        put(&mut made, "dir", &step["dir"]);
    }
    let mut expected = Map::new();
    put(&mut expected, "proves", &proves);
    made.insert("expectation".to_owned(), Value::Object(expected));
    made.insert("post".to_owned(), post);
    commands.say_shell(&mut made);
    Some(vec![Value::Object(made)])
}

/// A command that does nothing.
const NOTHING: [&str; 3] = ["sh", "-c", ":"];

/// What each step of a replay has of the recorded one.
pub(super) fn begun(id: &str, step: &Value) -> Map<String, Value> {
    let mut made = Map::new();
    made.insert("id".to_owned(), json!(id));
    made.insert("timeout".to_owned(), step["timeout"].clone());
    let bytes = |key: &str| json!(format!("{}B", step["resources"][key]));
    let mut resources = json!({
        "memory": bytes("memory"),
        "processes": step["resources"]["processes"],
        "file_size": bytes("file_size"),
        "open_files": step["resources"]["open_files"],
        "output": bytes("output"),
    });
    if let Some(cpu) = step["resources"]["cpu"].as_str() {
        resources["cpu"] = json!(cpu);
    }
    made.insert("resources".to_owned(), resources);
    made
}

/// What the commands of a step have besides.
pub(super) fn rest(made: &mut Map<String, Value>, step: &Value) {
    for key in ["dir", "env", "filesystem"] {
        put(made, key, &step[key]);
    }
}

/// Adds what is not empty: a plan says nothing of what it leaves open.
pub(super) fn put(to: &mut Map<String, Value>, key: &str, value: &Value) {
    let is_empty = match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    };
    if !is_empty {
        to.insert(key.to_owned(), value.clone());
    }
}

/// What is expected of a command, but for what is to be proved.
pub(super) fn expected(recorded: &Value) -> Map<String, Value> {
    let mut made = Map::new();
    for key in
        ["exit_code", "files_exist", "files_absent", "file_contains", "output_matches", "output_excludes"]
    {
        put(&mut made, key, &recorded[key]);
    }
    put(&mut made, "changes", &bounds(&recorded["changes"]));
    made
}

/// Bounds of what an attempt changes, without those that are open.
fn bounds(recorded: &Value) -> Value {
    let mut bounds = Map::new();
    for (key, value) in recorded.as_object().into_iter().flatten() {
        put(&mut bounds, key, value);
    }
    Value::Object(bounds)
}

/// What is to be proved. Its base is the step before which it stood in the run: what is laid on here is a patch to the plan of the
/// replay, and need not have been one.
fn proves(own: &Again<'_>, steps: &[Again<'_>], recorded: &Value, commands: &mut Commands) -> Option<Value> {
    let Some(asked) = own.step["expectation"]["proves"].as_object() else { return Some(Value::Null) };
    let mut made = proved(asked, &["tests", "may_change", "mutants", "report", "refactor"], commands)?;
    let planned = recorded["steps"].as_array()?;
    let at = planned.iter().position(|step| step["id"] == own.id)?;
    let since = asked.get("since").and_then(Value::as_str);
    let is_base = |step: &Value| match since {
        Some(since) => step["id"] == since,
        None => step["action"].get("command").is_none(),
    };
    let base = planned.iter().take(at + 1).position(is_base).unwrap_or(at);
    // One that did not pass left nothing behind: the next that did stood on the same.
    let stood = |step: &Value| steps.iter().find(|again| step["id"] == again.id);
    let first = planned.iter().skip(base).find_map(stood)?;
    let name = if first.way == Way::Real { first.id.to_owned() } else { laid_step(first.id) };
    made.insert("since".to_owned(), json!(name));
    Some(Value::Object(made))
}

/// Writes of a recorded proof what these keys say, its command, and which old tests may change.
pub(super) fn proved(
    asked: &Map<String, Value>,
    keys: &[&str],
    commands: &mut Commands,
) -> Option<Map<String, Value>> {
    let mut made = Map::new();
    for key in keys {
        put(&mut made, key, asked.get(*key).unwrap_or(&Value::Null));
    }
    made.insert("command".to_owned(), commands.take(asked.get("command")?)?);
    if let Some(except) = asked.get("except").and_then(Value::as_array).filter(|except| !except.is_empty()) {
        made.insert("old_tests".to_owned(), json!({"except": except}));
    }
    Some(made)
}

/// Tells whether a path is one that an attempt wrote beside its result: it is in no change that could be laid on.
fn is_beside(path: &str, attempt: &AttemptState) -> bool {
    let wrote = attempt.wrote.iter().flat_map(|wrote| wrote.ignored.iter().chain(&wrote.hidden));
    wrote.into_iter().any(|top| Path::new(path).starts_with(top.as_str().trim_end_matches('/')))
}

/// The commands of a step, of which all that are text have one shell.
#[derive(Debug, Default)]
pub(super) struct Commands {
    shell: Option<Value>,
}

impl Commands {
    /// Writes a recorded command as a plan does; nothing if it is none, or of another shell.
    pub(super) fn take(&mut self, recorded: &Value) -> Option<Value> {
        if let Some(words) = recorded.get("argv") {
            return Some(words.clone());
        }
        let script = recorded.get("script")?;
        let shell = script.get("shell")?;
        let is_same = self.shell.get_or_insert_with(|| shell.clone()) == shell;
        is_same.then(|| script.get("text").cloned())?
    }

    pub(super) fn list(&mut self, recorded: &Value) -> Option<Value> {
        recorded
            .as_array()?
            .iter()
            .map(|command| self.take(command))
            .collect::<Option<Vec<_>>>()
            .map(Value::Array)
    }

    pub(super) fn say_shell(self, made: &mut Map<String, Value>) {
        if let Some(shell) = self.shell {
            made.insert("shell".to_owned(), shell);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::evidence::Files;
    use crate::plan::parse;
    use crate::replay::steps;

    /// What released versions recorded is a plan for ever.
    #[test]
    fn what_any_version_recorded_is_a_plan_again() {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/journals");
        let mut read = 0;
        let of = |version: &str| fs::read_dir(fixtures.join(version)).unwrap();
        for fixture in of("v1").chain(of("v2")) {
            let top = tempfile::tempdir().unwrap();
            fs::create_dir(top.path().join(".ai")).unwrap();
            let logs = fixture.unwrap().path().join("logs");
            std::os::unix::fs::symlink(&logs, top.path().join(".ai/logs")).unwrap();
            let run = Files::runs(top.path()).unwrap()[0];
            let state = Files::of(top.path(), run).read().unwrap().unwrap();
            let steps = steps(&state);
            if steps.is_empty() {
                continue;
            }
            let laid = steps.iter().filter(|own| own.way != Way::Real && own.attempt.checkpoint.is_some());
            let patches = laid.map(|own| (own.id.to_owned(), "0.patch".to_owned())).collect();
            let text = plan(&state, &steps, &patches).unwrap();
            let loaded = parse(text.as_bytes(), Path::new("record"), Path::new("."), Some(run.issue()));
            let loaded = loaded.unwrap_or_else(|faults| panic!("{}: {faults}\n{text}", logs.display()));
            let known =
                |id: &str| loaded.plan.steps.iter().any(|step| step.id == id || step.id == laid_step(id));
            assert!(steps.iter().all(|own| known(own.id)), "{text}");
            read += 1;
        }
        assert!(read > 24, "{read}");
    }
}
