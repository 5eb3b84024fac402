//! Takes the text of a document, gives its tasks, by the first of the known forms in which it has any.

use std::borrow::Cow;
use std::collections::HashSet;

use super::visible::{spelling, visible};
use super::{Document, checklist, plans, sections, table, tasks_json};

/// So many notes are given; a document with more is no document.
const NOTES: usize = 20;

/// What reads a form of documents.
type Reader = fn(&str) -> Document;

/// The forms beside `Plans.md`, the most explicit one first: what names its tasks is not taken for a list.
const FORMS: [Reader; 3] = [sections::read, table::read, checklist::read];

pub(super) fn read(text: &str) -> Document {
    let (text, mut notes) = visible_of(text.strip_prefix('\u{feff}').unwrap_or(text));
    let mut document = match tasks_json::read(&text) {
        Some(document) => document,
        None => in_markdown(&text),
    };
    leave_out_done(&mut document);
    notes.append(&mut document.notes);
    notes.truncate(NOTES);
    document.notes = notes;
    document
}

fn in_markdown(text: &str) -> Document {
    let plans = plans::read(text);
    if !plans.tasks.is_empty() {
        return plans;
    }
    let found = FORMS.iter().map(|form| form(text)).find(|document| !document.tasks.is_empty());
    match found {
        // `**Title**: …` may stand there whatever the form of the tasks.
        Some(document) => Document { title: document.title.or(plans.title), ..document },
        None => plans,
    }
}

/// Takes out what is done, and every wait for it.
fn leave_out_done(document: &mut Document) {
    let done: HashSet<String> =
        document.tasks.iter().filter(|task| task.is_done).map(|task| task.id.clone()).collect();
    if done.is_empty() {
        return;
    }
    document.tasks.retain(|task| !task.is_done);
    for task in &mut document.tasks {
        task.needs.retain(|need| !done.contains(need));
    }
    let count = done.len();
    if document.tasks.is_empty() {
        document.wrong.push(format!("no task is left: all {count} of the document are done"));
    } else {
        let are = if count == 1 { "task is" } else { "tasks are" };
        document.notes.push(format!("{count} {are} done, and left out"));
    }
}

/// Makes the text one that a plan may hold, and says what had to be spelled.
fn visible_of(text: &str) -> (Cow<'_, str>, Vec<String>) {
    let plain = visible(text);
    let mut notes = Vec::new();
    if let Cow::Owned(_) = plain {
        let mut line = 1;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let is_end = c == '\n' || (c == '\r' && chars.peek() != Some(&'\n'));
            line += usize::from(is_end);
            if let Some(spelled) = spelling(c).filter(|_| notes.len() < NOTES) {
                notes.push(format!(
                    "line {line}: a plan holds no U+{:04X}, it is written as {spelled}: take it out",
                    u32::from(c)
                ));
            }
        }
    }
    (plain, notes)
}
