//! Takes Markdown in which each task is a section, `### Task 3: Title` or `## AUTH-12 — Title`, gives the tasks. Fields such as
//! `**Depends on:** Task 1` stand in lines of their own; the rest of the section is the description.

use pulldown_cmark::HeadingLevel;

use super::headings;
use super::lines::Lines;
use super::plans::{bold, field};
use super::words::{DEPENDS, estimate, is_done, is_nothing, listed, plain};
use super::{Document, Task};

/// What a section of a task begins with, in some languages.
const WORDS: [&str; 9] = ["task", "step", "story", "aufgabe", "tâche", "tarea", "タスク", "任务", "作業"];

pub(super) fn read(text: &str) -> Document {
    let (headings, lines) = (headings::of(text), Lines::of(text));
    let named: Vec<Option<(String, String)>> = headings.iter().map(|heading| name(&heading.text)).collect();
    let mut document = Document::default();
    for (at, heading) in headings.iter().enumerate() {
        let Some((id, title)) = &named[at] else {
            if heading.level == HeadingLevel::H1 && document.title.is_none() {
                document.title = Some(heading.text.clone());
            }
            continue;
        };
        // A task of a task is part of what it describes.
        let after = headings[at + 1..].iter().zip(&named[at + 1..]);
        let mut after = after.filter(|(next, named)| named.is_some() || next.level <= heading.level);
        let end = after.next().map_or(text.len(), |(next, _)| next.range.start);
        let line = lines.at(heading.range.start);
        let mut task = Task { id: id.clone(), title: title.clone(), line, ..Task::default() };
        body(&text[heading.range.end..end], &mut task);
        document.tasks.push(task);
    }
    document
}

/// Reads a heading that names a task: its id and its title.
fn name(heading: &str) -> Option<(String, String)> {
    let text = heading.trim().trim_start_matches(['✅', '☑', '⬜', '🔲', '🚧', ' ']).trim();
    let text = text.strip_prefix("[ ]").unwrap_or(text).trim();
    let lower = text.to_lowercase();
    let word = WORDS.iter().find(|word| lower.starts_with(**word) && text.is_char_boundary(word.len()));
    if let Some(rest) = word.and_then(|word| text.get(word.len()..)) {
        let rest = rest.trim_start().trim_start_matches('#');
        let (id, title) = split_id(rest)?;
        return has_digit(id).then(|| (id.to_owned(), titled(title, heading)));
    }
    let (id, title) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => split_id(text)?,
    };
    // `AUTH-12`, `T001`: letters in capitals, and a number. A number alone is a section's.
    let letters: String = id.chars().take_while(char::is_ascii_uppercase).collect();
    let number = id[letters.len()..].trim_start_matches(['-', '_']);
    let is_id = (1..=10).contains(&letters.len())
        && !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    (is_id && !title.trim().is_empty()).then(|| (id.to_owned(), titled(title, heading)))
}

/// Splits an id off what follows it.
fn split_id(text: &str) -> Option<(&str, &str)> {
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
        .unwrap_or(text.len());
    let (id, rest) = text.split_at(end);
    let id = id.trim_end_matches(['.', '-']);
    (!id.is_empty()).then_some((id, rest))
}

fn has_digit(id: &str) -> bool {
    id.bytes().any(|b| b.is_ascii_digit())
}

/// Returns a title without the mark before it; the whole heading, if there is nothing else.
fn titled(title: &str, heading: &str) -> String {
    let title = title.trim().trim_start_matches([':', '：', '.', ')', '-', '–', '—', '|', ']']).trim();
    if title.is_empty() { heading.trim().to_owned() } else { title.to_owned() }
}

/// Reads the fields of a section; what is none is described.
fn body(text: &str, task: &mut Task) {
    let mut fence = false;
    let mut description = String::new();
    for line in text.lines() {
        fence ^= line.trim_start().starts_with("```");
        let known =
            (!fence).then(|| pair(line)).flatten().is_some_and(|(key, value)| take(&key, value, task));
        if !known {
            description.push_str(line);
            description.push('\n');
        }
    }
    description.trim().clone_into(&mut task.description);
}

/// Reads `**Key:** value`, in a list or not, and `Depends on: …` without stars.
fn pair(line: &str) -> Option<(String, &str)> {
    field(line).or_else(|| bold(line)).or_else(|| {
        let line = line.trim().trim_start_matches(['-', '*', '+', '_', ' ']);
        let (key, value) = line.split_once([':', '：'])?;
        let key = key.trim().to_lowercase();
        DEPENDS.contains(&key.as_str()).then(|| (key, value.trim()))
    })
}

/// Takes a field that is known; whether it was one.
fn take(key: &str, value: &str, task: &mut Task) -> bool {
    match key {
        key if DEPENDS.contains(&key) => task.needs = listed(value),
        "id" | "task id" => plain(value).clone_into(&mut task.id),
        "status" | "state" | "ステータス" | "状態" => task.is_done = is_done(value),
        "estimate" | "estimated duration" | "duration" | "estimated time" | "effort" => match estimate(value)
        {
            Some(time) => task.estimate = Some(time),
            None if is_nothing(value) => {}
            None => return false,
        },
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn sections_are_tasks_with_their_fields() {
        let text = "# Rollout\n\nWords.\n\n## Overview\n\n### Task 1: Schema\n\n**Estimate:** 2 h\n\nAdd `users`.\n\n\
                    ```md\n### Task 9: no task\nDepends on: 8\n```\n\n#### Notes\n\nMore.\n\n### Task 2 — Query\n\
                    - **Depends on:** Task 1\n- **Status:** done\n\n### [API-3] Endpoint\nDepends on: Task 1, 2\n\n## After\nNot of it.\n";
        let document = read(text);
        assert_eq!(document.title.as_deref(), Some("Rollout"));
        let [one, two, three] = document.tasks.as_slice() else { panic!("{document:?}") };
        assert_eq!((one.id.as_str(), one.title.as_str(), one.line), ("1", "Schema", 7));
        assert_eq!(one.estimate, Some(Duration::from_secs(7200)));
        assert!(one.description.contains("### Task 9: no task\nDepends on: 8"), "{}", one.description);
        assert!(one.description.ends_with("#### Notes\n\nMore."), "{}", one.description);
        assert_eq!(
            (two.title.as_str(), two.needs.as_slice(), two.is_done),
            ("Query", &["1".to_owned()][..], true)
        );
        assert_eq!((three.id.as_str(), three.title.as_str()), ("API-3", "Endpoint"));
        assert_eq!(three.needs, ["1", "2"]);
        assert_eq!(three.description, "");
    }

    #[test]
    fn a_heading_of_prose_is_no_task() {
        for heading in
            ["Tasks", "Task breakdown", "1. Introduction", "Step by step", "API", "HTTP/2", "2025-01-01"]
        {
            assert_eq!(name(heading), None, "{heading}");
        }
    }
}
