//! Reads `Plans.md`: headings with a list of `- **Key**: value` below, and descriptions that are Markdown themselves,
//! with headings and code of their own.

use std::time::Duration;

use super::words::{estimate, is_done, is_nothing, plain};
use super::{Document, Task};

/// Sections that come after the tasks. A heading of a description is none of them.
const AFTER: [&str; 4] = ["executionplan", "dependencygraph", "timelineestimation", "timeline"];

/// So many notes are given; a document with more is no document.
const NOTES: usize = 20;

pub(super) fn read(text: &str) -> Document {
    let lines: Vec<&str> = text.split('\n').collect();
    let mut reader =
        Reader { lines: &lines, document: Document::default(), state: State::Outside, fence: None };
    for at in 0..lines.len() {
        reader.line(at);
    }
    for task in &mut reader.document.tasks {
        task.description = task.description.trim().to_owned();
    }
    reader.document
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Outside,
    Fields,
    Description,
}

struct Reader<'a> {
    lines: &'a [&'a str],
    document: Document,
    state: State,
    /// The mark that ends the code block we are in.
    fence: Option<&'a str>,
}

impl<'a> Reader<'a> {
    fn line(&mut self, at: usize) {
        let line = self.lines[at];
        let in_code = self.fence.is_some();
        self.follow_fence(line);
        if !in_code && self.fence.is_none() && self.heading(at) {
            return;
        }
        match self.state {
            State::Outside => self.about_all(line, at),
            State::Fields => self.field(line, at),
            State::Description => self.describe(line),
        }
    }

    /// Keeps track of code blocks, in which nothing is a heading.
    fn follow_fence(&mut self, line: &'a str) {
        let trimmed = line.trim_start();
        let mark = |c: char| {
            let length = trimmed.len() - trimmed.trim_start_matches(c).len();
            (length >= 3).then(|| &trimmed[..length])
        };
        let Some(found) = mark('`').or_else(|| mark('~')) else { return };
        match self.fence {
            // "```code```" in a line is no block: what follows the mark of one holds no further backtick.
            None if found.starts_with('`') && trimmed[found.len()..].contains('`') => {}
            None => self.fence = Some(found),
            // A block ends with a mark of the same kind that is at least as long, and nothing behind it.
            Some(open) if found.starts_with(open) && trimmed.trim_end() == found => self.fence = None,
            Some(_) => {}
        }
    }

    /// Begins a task at its heading, or ends the tasks; whether the line was such a heading.
    fn heading(&mut self, at: usize) -> bool {
        let line = self.lines[at];
        let level = line.len() - line.trim_start_matches('#').len();
        let text = line[level..].trim();
        if !(1..=6).contains(&level) || text.is_empty() || !line[level..].starts_with(char::is_whitespace) {
            return false;
        }
        if self.names_an_id(at + 1) {
            self.document.tasks.push(Task { title: title(text), line: at + 1, ..Task::default() });
            self.state = State::Fields;
            return true;
        }
        let letters: String = text.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
        if level <= 2 && AFTER.iter().any(|after| letters.starts_with(after)) {
            self.state = State::Outside;
            return true;
        }
        false
    }

    /// Tells whether the next line that says something is `- **ID**: …`: so begins a task and nothing else.
    fn names_an_id(&self, from: usize) -> bool {
        let next = self.lines[from..].iter().find(|line| !line.trim().is_empty());
        next.and_then(|line| field(line)).is_some_and(|(key, _)| key == "id")
    }

    fn about_all(&mut self, line: &str, at: usize) {
        let Some((key, value)) = field(line).or_else(|| bold(line)) else { return };
        match key.as_str() {
            "title" => self.document.title = self.document.title.take().or(Some(value.to_owned())),
            key if key.contains("critical path") => self.document.critical_path = self.estimate(value, at),
            _ => {}
        }
    }

    /// Reads an estimate; one that says nothing to us is said.
    fn estimate(&mut self, value: &str, at: usize) -> Option<Duration> {
        let estimate = estimate(value);
        if estimate.is_none() && !is_nothing(plain(value)) && self.document.notes.len() < NOTES {
            let (line, shown) = (at + 1, value.chars().take(60).collect::<String>());
            self.document.notes.push(format!(
                "line {line}: `{shown}` is no estimate: write a number and a unit, such as `30 min` or `1.5 h`"
            ));
        }
        estimate
    }

    fn field(&mut self, line: &str, at: usize) {
        let estimated = ["estimated duration", "duration", "estimate"];
        let known = field(line).filter(|(key, _)| estimated.contains(&key.as_str()));
        let time = known.map(|(_, value)| self.estimate(value, at));
        let Some(task) = self.document.tasks.last_mut() else { return };
        if let Some(time) = time {
            task.estimate = time;
            return;
        }
        if let Some((key, value)) = bold(line) {
            if key == "description" {
                task.description = format!("{value}\n");
                self.state = State::Description;
            }
            return;
        }
        let Some((key, value)) = field(line) else { return };
        match key.as_str() {
            "id" => plain(value).clone_into(&mut task.id),
            "dependencies" | "depends on" => {
                let names = value.split([',', '、']).map(plain).filter(|name| !is_nothing(name));
                task.needs = names.map(str::to_owned).collect();
            }
            "description" => {
                task.description = format!("{value}\n");
                self.state = State::Description;
            }
            "status" => task.is_done = is_done(value),
            _ => {}
        }
    }

    fn describe(&mut self, line: &str) {
        if let Some(task) = self.document.tasks.last_mut() {
            task.description.push_str(line);
            task.description.push('\n');
        }
    }
}

/// Reads `- **Key**: value`.
pub(super) fn field(line: &str) -> Option<(String, &str)> {
    let item = line.trim_start().strip_prefix(['-', '*', '+'])?;
    bold(item.strip_prefix(char::is_whitespace)?)
}

/// Reads `**Key**: value` and `**Key:** value`.
pub(super) fn bold(line: &str) -> Option<(String, &str)> {
    let (key, value) = line.trim_start().strip_prefix("**")?.split_once("**")?;
    let value = value.trim_start();
    let (key, value) = match (value.strip_prefix([':', '：']), key.strip_suffix([':', '：'])) {
        (Some(value), _) => (key, value),
        (None, Some(key)) => (key, value),
        (None, None) => return None,
    };
    Some((key.trim().to_lowercase(), value.trim()))
}

/// Takes the number off a heading.
pub(super) fn title(text: &str) -> String {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = rest.len() < text.len();
    let rest = rest.strip_prefix(['.', ')']).filter(|_| numbered).unwrap_or(text);
    // A heading that is nothing but a number is a title, too.
    if rest.trim().is_empty() { text.to_owned() } else { rest.trim().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "# Plans for Issue #7\n\n**Title**: Übersicht — 実行計画\n\n## Task Breakdown\n\n\
        ### 1. 要件を分析する ✨\n\n- **ID**: `t1`\n- **Estimated Duration**: 1.5 h\n\n**Description**: ## Summary\n\
        Use this:\n\n````md\n### 9. Not a task\n\n- **ID**: `fake`\n```\n## Dependency Graph\n```\n````\n\n## Requirements\n1. One\n\n\
        ### Heading of the description\n\nText.\n\n\
        ### 2) Second\n- **ID**: t2\n- **Dependencies**: `t1`, None\n\n**Description:** Do it.\n\n\
        ## ⏱️ Timeline Estimation\n\n- **Parallel Execution (Critical Path)**: 10 minutes (0.2 hours)\n";

    fn check(document: &Document) {
        assert_eq!(document.title.as_deref(), Some("Übersicht — 実行計画"));
        assert_eq!(document.critical_path, Some(Duration::from_secs(600)));
        let [one, two] = document.tasks.as_slice() else { panic!("{document:?}") };
        assert_eq!((one.id.as_str(), one.title.as_str()), ("t1", "要件を分析する ✨"));
        assert_eq!(one.estimate, Some(Duration::from_secs(5400)));
        assert!(one.description.starts_with("## Summary\nUse this:\n\n````md\n### 9. Not a task"));
        assert!(one.description.ends_with("### Heading of the description\n\nText."));
        assert_eq!((two.id.as_str(), two.title.as_str(), two.line), ("t2", "Second", 31));
        assert_eq!(two.needs, ["t1"]);
        assert_eq!(two.description, "Do it.");
    }

    #[test]
    fn descriptions_are_markdown_and_titles_of_any_script() {
        check(&Document::read(HOSTILE));
    }

    #[test]
    fn line_ends_of_another_system_change_nothing() {
        check(&Document::read(&format!("\u{feff}{}", HOSTILE.replace('\n', "\r\n"))));
    }

    #[test]
    fn a_code_block_that_never_ends_swallows_no_more_than_its_task() {
        // It swallows the rest of the document, as every Markdown reader has it; nothing panics.
        let document = Document::read("### 1. A\n- **ID**: a\n**Description**: ```\n### 2. B\n- **ID**: b\n");
        assert_eq!(document.tasks.len(), 2, "the mark is not at the line's start: no block");
        assert_eq!(Document::read("").tasks, []);
    }
}
