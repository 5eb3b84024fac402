//! Takes words that people write into fields, cells and marks, gives what they mean: nothing, done, how long, which tasks.

use std::time::Duration;

/// Takes backticks and stars off.
pub(super) fn plain(text: &str) -> &str {
    text.trim().trim_matches(['`', '*']).trim()
}

/// Tells whether a field says that there is nothing.
pub(super) fn is_nothing(text: &str) -> bool {
    const WORDS: [&str; 17] = [
        "", "-", "–", "—", "none", "no", "n/a", "na", "nil", "nothing", "なし", "無し", "无", "keine",
        "aucune", "ninguna", "nessuna",
    ];
    WORDS.contains(&plain(text).trim_end_matches('.').to_lowercase().as_str())
}

/// Tells whether a status says that nothing is left to do.
pub(super) fn is_done(status: &str) -> bool {
    const WORDS: [&str; 25] = [
        "x",
        "done",
        "complete",
        "completed",
        "finished",
        "closed",
        "cancelled",
        "canceled",
        "merged",
        "resolved",
        "skipped",
        "deferred",
        "完了",
        "済",
        "済み",
        "完成",
        "已完成",
        "erledigt",
        "fertig",
        "abgeschlossen",
        "terminé",
        "fait",
        "hecho",
        "completado",
        "fatto",
    ];
    const SIGNS: [char; 5] = ['✅', '☑', '✔', '✓', '🟢'];
    let status = plain(status);
    if status.starts_with(SIGNS) {
        return true;
    }
    let word = status.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let word = ["cc:", "pm:", "status:"].iter().find_map(|mark| word.strip_prefix(mark)).unwrap_or(&word);
    // `done [a1b2c3d]` and `done (2025-01-01)` have something behind the word.
    let first = word.split(|c: char| c.is_whitespace() || matches!(c, '[' | '(')).next().unwrap_or_default();
    WORDS.contains(&first)
}

/// Tells by its own words whether a task may be done without a change.
pub(super) fn only_looks(text: &str) -> bool {
    const BEGINNINGS: [&str; 11] = [
        "analy",
        "review",
        "investigat",
        "research",
        "audit",
        "evaluat",
        "assess",
        "explore",
        "分析",
        "調査",
        "レビュー",
    ];
    let text = text.to_lowercase();
    let mut words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.next().is_some_and(|first| BEGINNINGS.iter().any(|begins| first.starts_with(begins)))
}

/// Reads `30 min`, `1.5 hours (0.2 …)`; a number alone is minutes.
pub(super) fn estimate(text: &str) -> Option<Duration> {
    let text = plain(text);
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    let unit: String = text[end..].trim_start().chars().take_while(|c| c.is_alphabetic()).collect();
    let seconds = match unit.to_lowercase().as_str() {
        "" | "m" | "min" | "mins" | "minute" | "minutes" | "分" => 60.0,
        "h" | "hr" | "hrs" | "hour" | "hours" | "時間" => 3600.0,
        "s" | "sec" | "secs" | "second" | "seconds" | "秒" => 1.0,
        "ms" | "millisecond" | "milliseconds" => 0.001,
        "d" | "day" | "days" | "日" => 86_400.0,
        "w" | "wk" | "wks" | "week" | "weeks" | "週間" => 604_800.0,
        _ => return None,
    };
    // A number without a sign fails only by its size: it is longer than anything.
    Some(Duration::try_from_secs_f64(number * seconds).unwrap_or(Duration::MAX))
}

/// What stands before a list of tasks in a field or in brackets: `Depends on: Task 1, T002`.
pub(super) const DEPENDS: [&str; 24] = [
    "depends on",
    "depends",
    "dependencies",
    "dependency",
    "deps",
    "needs",
    "requires",
    "required",
    "prerequisites",
    "prerequisite",
    "blocked by",
    "after",
    "predecessors",
    "依存",
    "依存関係",
    "前提",
    "依赖",
    "abhängig von",
    "abhängigkeiten",
    "dépend de",
    "dépendances",
    "depende de",
    "dependencias",
    "dipende da",
];

/// Returns the names of tasks that a field lists: without the word `task`, numbers' marks and remarks in brackets.
pub(super) fn listed(text: &str) -> Vec<String> {
    let mut bare = String::new();
    let mut depth = 0_usize;
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => bare.push(c),
            _ => {}
        }
    }
    let bare = bare.replace(" and ", ",").replace(" und ", ",").replace(" et ", ",").replace(" y ", ",");
    let names = bare.split([',', ';', '、', '，', '&', '/', '+']).map(name).filter(|name| !is_nothing(name));
    names.flat_map(|name| range(&name).unwrap_or_else(|| vec![name])).collect()
}

/// Takes the word for a task off its name.
fn name(text: &str) -> String {
    const WORDS: [&str; 10] =
        ["tasks ", "task ", "steps ", "step ", "aufgabe ", "tâche ", "tarea ", "タスク", "story ", "任务"];
    let text = plain(text).trim_start_matches(['#', '[']).trim_end_matches([']', '.']).trim();
    let lower = text.to_lowercase();
    let word = WORDS.iter().find(|word| lower.starts_with(**word) && text.is_char_boundary(word.len()));
    let rest = word.and_then(|word| text.get(word.len()..)).unwrap_or(text);
    plain(rest).trim_start_matches('#').trim().to_owned()
}

/// Spells out `T001-T003` and `1–3`.
fn range(name: &str) -> Option<Vec<String>> {
    let (from, to) = ["–", "—", "..", "-"].iter().find_map(|mark| {
        let (from, to) = name.split_once(mark)?;
        Some((from.trim(), to.trim_start_matches('.').trim()))
    })?;
    let split = |text: &str| {
        let at = text.find(|c: char| c.is_ascii_digit())?;
        let digits = &text[at..];
        let number: usize = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())??;
        Some((text[..at].to_owned(), number, digits.len()))
    };
    let ((before, first, width), (prefix, last, _)) = (split(from)?, split(to)?);
    let alike = before == prefix || prefix.is_empty();
    // `AUTH-12` is a name, and so is `2-1`.
    (alike && first < last && last - first < 100 && !before.ends_with('-'))
        .then(|| (first..=last).map(|number| format!("{before}{number:0width$}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_tasks_are_read_as_people_write_them() {
        let table: [(&str, &[&str]); 12] = [
            ("Task 1, Task 2", &["1", "2"]),
            ("`T001`, T002 (the schema)", &["T001", "T002"]),
            ("none", &[]),
            ("—", &[]),
            ("T001-T003", &["T001", "T002", "T003"]),
            ("1–3", &["1", "2", "3"]),
            ("AUTH-12 and AUTH-13", &["AUTH-12", "AUTH-13"]),
            ("1.1、1.2", &["1.1", "1.2"]),
            ("#4 & #5", &["4", "5"]),
            ("タスク3", &["3"]),
            ("Tasks 9-11", &["9", "10", "11"]),
            ("[task-a]; [task-b]", &["task-a", "task-b"]),
        ];
        for (text, names) in table {
            assert_eq!(listed(text), names, "{text}");
        }
    }

    #[test]
    fn what_is_done_says_so() {
        for done in ["done", "✅", "cc:完了", "`cc:done [a1b2c3d]`", "Completed (2025-01-01)", "x", "pm:完了"]
        {
            assert!(is_done(done), "{done}");
        }
        for open in ["", "todo", "not done", "cc:TODO", "cc:WIP", "incomplete", "未完了", "in progress", "-"]
        {
            assert!(!is_done(open), "{open}");
        }
    }

    #[test]
    fn a_task_that_only_looks_begins_with_a_word_for_it() {
        for text in ["Analyze requirements", "Review code quality", "分析 of it", "Audit dependencies"] {
            assert!(only_looks(text), "{text}");
        }
        for text in ["Implement the review page", "Add an audit log", "Mend it"] {
            assert!(!only_looks(text), "{text}");
        }
    }
}
