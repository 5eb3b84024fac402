//! Takes a `tasks.json`, as Task Master writes it, gives its tasks. A task's subtasks are part of its description.

use serde_json::{Map, Value};

use super::words::{is_done, listed};
use super::{Document, Task};

/// Reads a document that is JSON; nothing if it is none.
pub(super) fn read(text: &str) -> Option<Document> {
    text.trim_start()
        .starts_with(['{', '['])
        .then(|| match serde_json::from_str::<Value>(text) {
            Ok(value) => of(text, &value),
            // A text may begin with a bracket and be Markdown: `[ ] …`.
            Err(_) if text.trim_start().starts_with('[') => Document::default(),
            Err(error) => wrong(format!("line {}: this is no JSON: {error}", error.line())),
        })
        .filter(|document| !document.tasks.is_empty() || !document.wrong.is_empty())
}

fn wrong(why: String) -> Document {
    Document { wrong: vec![why], ..Document::default() }
}

fn of(text: &str, value: &Value) -> Document {
    let (list, title) = match lists(value).as_slice() {
        [] => {
            return wrong(
                "line 1: no task: a list `tasks` of objects with `id` and `title` is looked for".to_owned(),
            );
        }
        [(name, list)] => (*list, name.map(str::to_owned)),
        several => {
            let Some((_, list)) = several.iter().find(|(name, _)| *name == Some("master")) else {
                let names: Vec<&str> = several.iter().filter_map(|(name, _)| *name).collect();
                let names = names.join(", ");
                return wrong(format!(
                    "line 1: there are tasks under {names}, and none under master: leave one of them in"
                ));
            };
            (*list, None)
        }
    };
    let mut document = Document { title: title.filter(|name| name != "master"), ..Document::default() };
    for (at, item) in list.iter().enumerate() {
        match item.as_object().and_then(task) {
            Some(task) => document.tasks.push(Task { line: line_of(text, &task.title), ..task }),
            None => {
                document.wrong.push(format!("line 1: task {} of the list has no `id` or no `title`", at + 1));
            }
        }
    }
    document
}

/// Finds the lists of tasks: the document's own, or one under each tag.
fn lists(value: &Value) -> Vec<(Option<&str>, &Vec<Value>)> {
    let own = value.as_array().or_else(|| value.get("tasks")?.as_array());
    match (own, value.as_object()) {
        (Some(list), _) => vec![(None, list)],
        (None, Some(tags)) => tags
            .iter()
            .filter_map(|(tag, value)| Some((Some(tag.as_str()), value.get("tasks")?.as_array()?)))
            .collect(),
        (None, None) => Vec::new(),
    }
}

fn task(object: &Map<String, Value>) -> Option<Task> {
    let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default().trim();
    let id = word(object.get("id")?)?;
    let title = Some(text("title")).filter(|title| !title.is_empty())?;
    let mut parts = vec![text("description").to_owned(), text("details").to_owned()];
    let strategy = text("testStrategy");
    if !strategy.is_empty() {
        parts.push(format!("How to test it: {strategy}"));
    }
    parts.push(subtasks(object));
    parts.retain(|part| !part.is_empty());
    let needs = object.get("dependencies").and_then(Value::as_array).into_iter().flatten();
    // What waits for a part of a task waits for the task.
    let needs = needs.filter_map(word).map(|need| need.split('.').next().unwrap_or_default().to_owned());
    Some(Task {
        id,
        title: title.to_owned(),
        description: parts.join("\n\n"),
        needs: needs.flat_map(|need| listed(&need)).collect(),
        is_done: is_done(text("status")),
        ..Task::default()
    })
}

/// Lists what is left of a task's parts.
fn subtasks(object: &Map<String, Value>) -> String {
    let parts = object.get("subtasks").and_then(Value::as_array).into_iter().flatten();
    let line = |part: &Value| {
        let text = |key: &str| part.get(key).and_then(Value::as_str).unwrap_or_default().trim();
        let said: Vec<&str> = [text("title"), text("description"), text("details")]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect();
        (!is_done(text("status")) && !said.is_empty())
            .then(|| format!("- {}", said.join("\n").replace('\n', "\n  ")))
    };
    parts.filter_map(line).collect::<Vec<_>>().join("\n")
}

/// Returns an id, which may be a number.
fn word(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        _ => None,
    }
}

/// Finds the line that holds a title, as JSON spells it.
fn line_of(text: &str, title: &str) -> usize {
    let spelled = Value::from(title).to_string();
    text.find(&spelled).map_or(1, |at| 1 + text[..at].matches('\n').count())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASKS: &str = r#"{
      "master": {"tasks": [
        {"id": 1, "title": "Schema", "status": "done", "dependencies": []},
        {"id": 2, "title": "Query", "description": "Ask.", "testStrategy": "Run it.", "status": "pending",
         "dependencies": [1, "1.2"], "subtasks": [
           {"id": 1, "title": "Parse", "details": "a\nb", "status": "pending"}, {"id": 2, "title": "Old", "status": "done"}]}
      ]},
      "other": {"tasks": [{"id": 9, "title": "Else"}]}
    }"#;

    #[test]
    fn tasks_have_their_parts_in_their_description() {
        let document = read(TASKS).unwrap();
        let [schema, query] = document.tasks.as_slice() else { panic!("{document:?}") };
        assert!(schema.is_done && !query.is_done);
        assert_eq!((query.id.as_str(), query.line), ("2", 4));
        assert_eq!(query.needs, ["1", "1"]);
        assert_eq!(query.description, "Ask.\n\nHow to test it: Run it.\n\n- Parse\n  a\n  b");
    }

    #[test]
    fn what_cannot_be_read_is_said_with_its_line() {
        let said = |text: &str| read(text).map(|document| document.wrong.join("\n"));
        assert!(said("{\n \"tasks\": [,]}").unwrap().starts_with("line 2: this is no JSON"));
        assert!(said("{\"a\": 1}").unwrap().contains("a list `tasks`"));
        assert!(said("{\"tasks\": [{\"id\": 1}]}").unwrap().contains("task 1 of the list has no"));
        assert!(said("{\"a\": {\"tasks\": []}, \"b\": {\"tasks\": []}}").unwrap().contains("under a, b"));
        assert_eq!(said("[ ] not JSON"), None);
        assert_eq!(said("# Markdown"), None);
    }
}
