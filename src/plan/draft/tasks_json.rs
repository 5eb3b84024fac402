//! Takes a `tasks.json`, as Task Master writes it, gives its tasks. A task's subtasks are part of its description.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::lines::Lines;
use super::words::{is_done, listed};
use super::{Document, Task};

/// A list of tasks, each as it stands in the text.
type List<'a> = Vec<&'a RawValue>;

/// Reads a document that is JSON; nothing if it is none.
pub(super) fn read(text: &str) -> Option<Document> {
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    match serde_json::from_str::<&RawValue>(text) {
        Ok(whole) => Some(of(text, whole.get())),
        // A text may begin with a bracket and be Markdown: `[ ] …`.
        Err(_) if text.trim_start().starts_with('[') => None,
        Err(error) => Some(wrong(format!("line {}: this is no JSON: {error}", error.line()))),
    }
}

fn wrong(why: String) -> Document {
    Document { wrong: vec![why], ..Document::default() }
}

fn of(text: &str, whole: &str) -> Document {
    let mut lists = lists(whole);
    let (title, list) = match (lists.len(), lists.remove("master")) {
        (_, Some(list)) => (None, list),
        (1, None) => lists.pop_first().map_or((None, Vec::new()), |(tag, list)| (Some(tag), list)),
        (0, None) => {
            let why = "line 1: no task: a list `tasks` of objects with `id` and `title` is looked for";
            return wrong(why.to_owned());
        }
        (_, None) => {
            let tags: Vec<&str> = lists.keys().map(String::as_str).collect();
            let tags = tags.join(", ");
            return wrong(format!(
                "line 1: there are tasks under {tags}, and none under master: leave one of them in"
            ));
        }
    };
    let lines = Lines::of(text);
    let mut document = Document { title, ..Document::default() };
    for (at, item) in list.iter().enumerate() {
        let line = lines.at(item.get().as_ptr().addr() - text.as_ptr().addr());
        let object = serde_json::from_str::<Map<String, Value>>(item.get()).ok();
        if let Some(task) = object.as_ref().and_then(task) {
            document.tasks.push(Task { line, ..task });
        } else {
            let why = format!("line {line}: task {} of the list has no `id` or no `title`", at + 1);
            document.wrong.push(why);
        }
    }
    document
}

/// Finds the lists of tasks by their tags; the document's own list goes by the tag that is the first everywhere.
fn lists(whole: &str) -> BTreeMap<String, List<'_>> {
    if let Some(list) = serde_json::from_str(whole).ok().or_else(|| below(whole)) {
        return BTreeMap::from([("master".to_owned(), list)]);
    }
    let tags: BTreeMap<String, &RawValue> = serde_json::from_str(whole).unwrap_or_default();
    tags.into_iter().filter_map(|(tag, value)| Some((tag, below(value.get())?))).collect()
}

/// Returns the list that an object has under `tasks`.
fn below(object: &str) -> Option<List<'_>> {
    let keys: BTreeMap<String, &RawValue> = serde_json::from_str(object).ok()?;
    serde_json::from_str(keys.get("tasks")?.get()).ok()
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
