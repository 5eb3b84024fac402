//! Takes Markdown with a list of things to tick off, `- [ ] T001 [P] Create the schema`, gives the tasks: those that are
//! ticked are done. What is indented below an item is its description.
//!
//! A list says nothing of what waits for what: its items follow one another, but for neighbours that are marked `[P]`.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::headings::{self, Heading};
use super::lines::Lines;
use super::words::{DEPENDS, is_done, listed, plain};
use super::{Document, Task};

const REMARK: &str = "the list does not say what this waits for: it follows what stands before it";

/// An item, and where it stands.
struct Item {
    range: Range<usize>,
    is_ticked: bool,
}

/// A task, and whether its neighbours may be done beside it.
struct Listed {
    task: Task,
    beside: bool,
    says_needs: bool,
}

pub(super) fn read(text: &str) -> Document {
    let (mut sections, lines) = (headings::of(text), Lines::of(text));
    let title = headings::title(&sections).map(|at| sections.remove(at).text);
    let taken = |(at, item): (usize, Item)| {
        let start = item.range.start;
        one(text, &item, lines.at(start), section_of(&sections, start), at + 1)
    };
    let mut all: Vec<Listed> = items(text).into_iter().enumerate().map(taken).collect();
    follow(&mut all);
    Document { title, tasks: all.into_iter().map(|listed| listed.task).collect(), ..Document::default() }
}

/// Finds the outermost items with a box.
fn items(text: &str) -> Vec<Item> {
    let mut open: Vec<Range<usize>> = Vec::new();
    let mut items: Vec<Item> = Vec::new();
    for (event, range) in Parser::new_ext(text, Options::ENABLE_TASKLISTS).into_offset_iter() {
        match event {
            Event::Start(Tag::Item) => open.push(range),
            Event::End(TagEnd::Item) => {
                open.pop();
            }
            Event::TaskListMarker(is_ticked) => {
                let Some(item) = open.last().cloned() else { continue };
                let is_within = items.last().is_some_and(|last| last.range.end >= item.end);
                if !is_within {
                    items.push(Item { range: item, is_ticked });
                }
            }
            _ => {}
        }
    }
    items
}

/// Returns what the last heading before a place says.
fn section_of(sections: &[Heading], place: usize) -> Option<&str> {
    let before = sections.partition_point(|heading| heading.range.start < place);
    Some(sections[..before].last()?.text.as_str())
}

fn one(text: &str, item: &Item, line: usize, section: Option<&str>, number: usize) -> Listed {
    let source = &text[item.range.clone()];
    let (first, rest) = source.split_once('\n').unwrap_or((source, ""));
    let words = first.split_once(']').map_or(first, |(_, words)| words).trim();
    let (words, marks) = without_marks(words);
    let (id, title) = split_id(&words);
    let id = id.map_or_else(|| format!("task-{number}"), str::to_owned);
    let needs = needs_in(title);
    let mut description = section.map(|name| format!("Part of: {name}\n\n")).unwrap_or_default();
    description.push_str(&dedented(rest));
    let task = Task {
        id,
        title: title.trim().trim_matches('*').trim().to_owned(),
        description: description.trim().to_owned(),
        needs: needs.clone().unwrap_or_default(),
        line,
        is_done: item.is_ticked || marks.iter().any(|mark| is_done(mark)),
        ..Task::default()
    };
    Listed { task, beside: marks.iter().any(|mark| mark == "P"), says_needs: needs.is_some() }
}

/// Takes marks out of an item: `[P]`, `[US1]`, `cc:TODO`.
fn without_marks(words: &str) -> (String, Vec<String>) {
    let mut marks = Vec::new();
    let kept = words.split(' ').filter(|word| {
        let bare = plain(word);
        let mark = match (bare.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')), bare) {
            (Some(inner), _)
                if inner.len() <= 4
                    && inner.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()) =>
            {
                Some(inner)
            }
            (None, bare) if bare.starts_with("cc:") || bare.starts_with("pm:") => Some(bare),
            _ => None,
        };
        marks.extend(mark.map(str::to_owned));
        mark.is_none()
    });
    let kept = kept.collect::<Vec<_>>().join(" ");
    (kept, marks)
}

/// Splits the id off an item: `T001 …`, `**1.2** …`, `AUTH-3: …`.
fn split_id(words: &str) -> (Option<&str>, &str) {
    let bare = words.trim_start_matches(['*', '`', '[', ' ']);
    let end = bare
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
        .unwrap_or(bare.len());
    let (id, rest) = bare.split_at(end);
    let id = id.trim_end_matches('.');
    let letters = id.len() - id.trim_start_matches(|c: char| c.is_ascii_uppercase()).len();
    let number = id[letters..].trim_start_matches(['-', '_']);
    let is_number = number.starts_with(|c: char| c.is_ascii_digit())
        && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let is_id = letters <= 10 && is_number;
    let title = rest.trim_start_matches(['*', '`', ']', ':', '：', ')', '-', '–', '—', '.', ' ']);
    if is_id && !title.is_empty() { (Some(id), title) } else { (None, words) }
}

/// Reads `(depends on T001, T002)` at an item's end.
fn needs_in(title: &str) -> Option<Vec<String>> {
    let lower = title.to_lowercase();
    let (word, at) = DEPENDS.iter().find_map(|word| Some((word, lower.rfind(&format!("({word}"))?)))?;
    // Case folding may move bytes; then the words are looked at no further.
    let inner = title.get(at + 1 + word.len()..)?.split(')').next()?;
    Some(listed(inner.trim_start_matches([':', '：', ' '])))
}

/// Has each item that says nothing wait for what stands before it.
fn follow(all: &mut [Listed]) {
    // The neighbours that may be done beside each other, and what they all wait for.
    let (mut group, mut base): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let mut beside = false;
    for listed in all {
        if !(listed.beside && beside) {
            base = std::mem::take(&mut group);
        }
        beside = listed.beside;
        group.push(listed.task.id.clone());
        if listed.says_needs {
            continue;
        }
        if !base.is_empty() {
            listed.task.remark = Some(REMARK.to_owned());
        }
        listed.task.needs.clone_from(&base);
    }
}

/// Takes off what all lines are indented by.
fn dedented(text: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let least = text.lines().filter(|line| !line.trim().is_empty()).map(indent).min().unwrap_or(0);
    text.lines().map(|line| line.get(least..).unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(document: &Document) -> Vec<(&str, Vec<&str>)> {
        let tasks = document.tasks.iter();
        tasks.map(|task| (task.id.as_str(), task.needs.iter().map(String::as_str).collect())).collect()
    }

    #[test]
    fn items_follow_one_another_but_for_marked_neighbours() {
        let text = "# Tasks: Login\n\n## Phase 1: Setup\n\n- [x] T001 Create the project\n- [ ] T002 [P] Lint in `a.toml`\n\
                    - [ ] T003 [P] [US1] Format\n- [ ] T004 Schema (depends on T001)\n- [ ] T005 Serve it\n\n\
                    ```\n- [ ] T009 no task\n```\n\n## Phase 2\n\n- [ ] T006 [P] Test\n";
        let document = read(text);
        assert_eq!(document.title.as_deref(), Some("Tasks: Login"));
        assert_eq!(
            needs(&document),
            [
                ("T001", vec![]),
                ("T002", vec!["T001"]),
                ("T003", vec!["T001"]),
                ("T004", vec!["T001"]),
                ("T005", vec!["T004"]),
                ("T006", vec!["T005"]),
            ]
        );
        let [one, two, three, ..] = document.tasks.as_slice() else { panic!("{document:?}") };
        assert!(one.is_done && !two.is_done);
        assert_eq!((two.title.as_str(), two.line), ("Lint in `a.toml`", 6));
        assert_eq!((three.title.as_str(), three.description.as_str()), ("Format", "Part of: Phase 1: Setup"));
    }

    #[test]
    fn what_is_indented_belongs_to_its_item() {
        let text = "- [ ] 1.1 Schema\n  - [ ] a column\n  - [x] an index\n\n  More of it.\n- [ ] 1.2 **Query** `cc:TODO`\n\
                    - [ ] `cc:完了` Old\n- [ ] Without a number\n- no task\n";
        let document = read(text);
        let [schema, query, old, plain] = document.tasks.as_slice() else { panic!("{document:?}") };
        assert_eq!(schema.description, "- [ ] a column\n- [x] an index\n\nMore of it.");
        assert_eq!((query.id.as_str(), query.title.as_str()), ("1.2", "Query"));
        assert!(old.is_done);
        assert_eq!((plain.id.as_str(), plain.title.as_str()), ("task-4", "Without a number"));
    }

    #[test]
    fn a_year_is_no_id_without_words_behind_it() {
        assert_eq!(split_id("2025"), (None, "2025"));
        assert_eq!(split_id("Add x"), (None, "Add x"));
        assert_eq!(split_id("**T1**: Add"), (Some("T1"), "Add"));
    }
}
