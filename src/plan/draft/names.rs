//! Makes ids of steps from ids of tasks: those that a plan takes stay, the others come close, and none is there twice.

use std::collections::{HashMap, HashSet};

use super::Task;
use crate::plan::{text, tree};

/// So much of a foreign id is kept: there is room for a number behind it.
const LONGEST: usize = 40;

/// Returns the id of the step of each task, by the task's own.
pub(super) fn ids<'t>(tasks: &[&'t Task]) -> HashMap<&'t str, String> {
    let stays = |task: &&&'t Task| text::is_id(&task.id) && !is_misread(&task.id);
    let mut ids: HashMap<&str, String> =
        tasks.iter().filter(stays).map(|task| (task.id.as_str(), task.id.clone())).collect();
    let mut taken: HashSet<String> = ids.values().cloned().collect();
    for (at, task) in tasks.iter().enumerate() {
        if ids.contains_key(task.id.as_str()) {
            continue;
        }
        let near = near(&task.id).unwrap_or_else(|| format!("task-{}", at + 1));
        let mut id = near.clone();
        let mut number = at + 1;
        while !taken.insert(id.clone()) {
            id = format!("{near}-{number}");
            number += 1;
        }
        ids.insert(&task.id, id);
    }
    ids
}

/// Tells whether a plan would take a text for a number although the library does not quote it: numbers beyond all
/// bounds, such as `1e400`.
pub(super) fn is_misread(text: &str) -> bool {
    tree::is_typed(text) && serde_yaml::to_string(text).is_ok_and(|written| written.trim_end() == text)
}

fn near(id: &str) -> Option<String> {
    let mut out = String::new();
    for c in id.to_lowercase().chars().take(LONGEST) {
        match c {
            'a'..='z' | '0'..='9' => out.push(c),
            _ if !out.is_empty() && !out.ends_with('-') => out.push('-'),
            _ => {}
        }
    }
    let out = out.trim_end_matches('-');
    let out = if is_misread(out) { format!("task-{out}") } else { out.to_owned() };
    (!out.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stay_or_come_close_and_are_there_once() {
        let names = ["a.b_c", "A", "a", "a-2", "a 2", "二", "1", "0x1f", "true", "1e400", "x.lock"];
        let tasks = names.map(|id| Task { id: id.to_owned(), ..Task::default() });
        let tasks: Vec<&Task> = tasks.iter().collect();
        let ids = ids(&tasks);
        let of: Vec<&str> = names.iter().map(|name| ids[name].as_str()).collect();
        assert_eq!(
            of,
            ["a.b_c", "a-3", "a", "a-2", "a-2-5", "task-6", "1", "0x1f", "true", "task-1e400", "x-lock"]
        );
    }
}
