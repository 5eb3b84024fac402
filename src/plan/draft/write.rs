//! Writes the plan of a graph: each task a codex step. What the document cannot know is left as a comment.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::time::Duration;

use super::{Graph, Task};
use crate::plan::units;

/// A task may take twice its estimate, and at least this long.
const SHORTEST: Duration = Duration::from_secs(600);
const RETRIES: u32 = 1;

impl Graph<'_> {
    /// Says in a line what the graph comes down to.
    pub fn describe(&self) -> String {
        let levels = self.levels.iter().max().map_or(0, |most| most + 1);
        let chain: Vec<&str> = self.critical_path.iter().map(|at| self.tasks[*at].id.as_str()).collect();
        format!(
            "{} tasks on {levels} levels; critical path {}: {}",
            self.tasks.len(),
            units::duration(self.longest),
            chain.join(" → ")
        )
    }

    /// Writes the plan.
    pub fn write(&self, issue: u64, title: &str) -> String {
        let ids = ids(&self.tasks);
        let timeouts: Vec<Duration> = self.tasks.iter().map(|task| timeout(task)).collect();
        let all = timeouts.iter().fold(Duration::ZERO, |all, one| all.saturating_add(*one * (RETRIES + 1)));
        let mut text = head(issue, title, all);
        let _ = writeln!(text, "# {}\nsteps:", comment(&self.describe()));
        for (at, task) in self.tasks.iter().enumerate() {
            let id = &ids[task.id.as_str()];
            let estimate = task.estimate.map_or("no estimate".to_owned(), units::duration);
            let _ = writeln!(text, "  - id: {id}   # level {}, {estimate}", self.levels[at]);
            let needs: Vec<&str> = task.needs.iter().map(|need| ids[need.as_str()].as_str()).collect();
            if !needs.is_empty() {
                let _ = writeln!(text, "    needs: [{}]", unique(&needs).join(", "));
            }
            text.push_str(&prompt(&format!("{}\n\n{}", task.title, task.description)));
            text.push_str(&rest(timeouts[at]));
        }
        text
    }
}

/// Writes a plan of one step for an issue that there is no task graph of; the issue itself is attached.
pub fn of_issue(issue: u64, title: &str) -> String {
    let timeout = Duration::from_secs(1800);
    let mut text = head(issue, title, timeout * (RETRIES + 1));
    text.push_str("steps:\n  - id: implement\n");
    text.push_str(&prompt(&format!("Implement what issue #{issue} asks for; it is attached.")));
    text.push_str("    context: [issue]\n");
    text + &rest(timeout)
}

fn head(issue: u64, title: &str, timeout: Duration) -> String {
    let limit = units::duration(timeout);
    format!(
        "# yaml-language-server: $schema=../../../docs/autopilot.schema.json\n\
         version: 1\nissue: {issue}\ntitle: {}\nlimits: {{timeout: {limit}, tokens: unlimited}}   # a number bounds them\n\
         codex:\n  provider: openai   # or ollama, lmstudio, {{base_url: …, env_key: …}}\n",
        quoted(&title.split_whitespace().collect::<Vec<_>>().join(" "))
    )
}

fn rest(timeout: Duration) -> String {
    format!(
        "    timeout: {}\n    retries: {RETRIES}\n    expectation: {{changes: {{min: 1}}}}\n    \
         # post: [cargo test --offline]   # what must pass before the runner commits\n",
        units::duration(timeout)
    )
}

fn timeout(task: &Task) -> Duration {
    let doubled = task.estimate.unwrap_or_default().saturating_mul(2);
    // Whole minutes read better.
    Duration::from_secs(doubled.max(SHORTEST).as_secs().div_ceil(60) * 60)
}

/// Writes the prompt so that it reads as it stands, if YAML can hold it so.
fn prompt(text: &str) -> String {
    let text = text.trim();
    let fits = !text.starts_with(char::is_whitespace)
        && text
            .chars()
            .all(|c| c == '\n' || (!c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')));
    if !fits {
        return format!("    codex: {}\n", quoted(text));
    }
    let lines = text.lines().map(|line| match line.trim_end() {
        "" => "\n".to_owned(),
        line => format!("      {line}\n"),
    });
    format!("    codex: |\n{}", lines.collect::<String>())
}

/// Writes a text as JSON, which YAML reads.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

fn comment(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// Makes an id of a step from each id of a task.
fn ids<'t>(tasks: &[&'t Task]) -> HashMap<&'t str, String> {
    let mut taken = HashSet::new();
    let mut ids = HashMap::new();
    for (at, task) in tasks.iter().enumerate() {
        let mut id = String::new();
        for c in task.id.to_lowercase().chars().take(56) {
            match c {
                'a'..='z' | '0'..='9' => id.push(c),
                _ if !id.is_empty() && !id.ends_with('-') => id.push('-'),
                _ => {}
            }
        }
        let id = id.trim_end_matches('-');
        let mut id = if id.is_empty() { format!("task-{}", at + 1) } else { id.to_owned() };
        if !taken.insert(id.clone()) {
            id = format!("{id}-{}", at + 1);
            taken.insert(id.clone());
        }
        ids.insert(task.id.as_str(), id);
    }
    ids
}

fn unique<'s>(names: &[&'s str]) -> Vec<&'s str> {
    let mut seen = HashSet::new();
    names.iter().copied().filter(|name| seen.insert(*name)).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Document;
    use super::*;
    use crate::plan::{self, Action, Prompt};

    #[test]
    fn what_is_written_is_a_plan_with_the_same_words() {
        let tasks = "### 1. Erste: \"Aufgabe\" #1\n- **ID**: `T-1 ü`\n- **Estimated Duration**: 30 min\n\
                     **Description**: ## Summary\n- one\n\n      indented: yes\n```yaml\na: |\n  b\n```\n\
                     ### 2. タスク\n- **ID**: 二\n- **Dependencies**: T-1 ü\n**Description**: \ttabs\tand \u{7} bells\n";
        let document = Document::read(tasks);
        let graph = document.graph().unwrap();
        let text = graph.write(653, "A: \"title\" — 題");
        let loaded = plan::parse(text.as_bytes(), Path::new("x"), Path::new("."), Some(653));
        let loaded = loaded.unwrap_or_else(|faults| panic!("{faults}\n{text}"));
        assert_eq!(loaded.plan.title, "A: \"title\" — 題");
        let steps = &loaded.plan.steps;
        assert_eq!(steps[0].id, "t-1");
        assert_eq!((steps[1].id.as_str(), &steps[1].needs), ("task-2", &vec!["t-1".to_owned()]));
        let words = |at: usize| match &steps[at].action {
            Action::Codex(codex) => match &codex.prompt {
                Prompt::Text(text) => text.trim().to_owned(),
                Prompt::File(_) => panic!("a file"),
            },
            _ => panic!("no codex step"),
        };
        assert_eq!(words(0), format!("{}\n\n{}", document.tasks[0].title, document.tasks[0].description));
        assert_eq!(words(1), format!("{}\n\n{}", document.tasks[1].title, document.tasks[1].description));
        assert!(!loaded.warnings.iter().any(|warning| warning.message.contains("may take")));
    }

    #[test]
    fn an_issue_alone_makes_a_plan() {
        let text = of_issue(7, "Try\nit");
        let loaded = plan::parse(text.as_bytes(), Path::new("x"), Path::new("."), Some(7)).unwrap();
        assert_eq!(loaded.plan.title, "Try it");
    }
}
