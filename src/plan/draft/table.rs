//! Takes Markdown in which tasks are the rows of tables, gives the tasks. What a column holds is told by its cells, and by
//! its head only where that is a word we know: tables are written in any language.

use std::collections::HashSet;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::headings;
use super::lines::Lines;
use super::words::{DEPENDS, estimate, is_done, is_nothing, listed, plain};
use super::{Document, Task};

/// Heads of columns, as they are usually written.
const IDS: [&str; 10] = ["id", "#", "no", "no.", "nr", "nr.", "task id", "番号", "编号", "タスクid"];
const TITLES: [&str; 18] = [
    "title",
    "task",
    "name",
    "description",
    "content",
    "what",
    "summary",
    "内容",
    "タスク",
    "任务",
    "标题",
    "aufgabe",
    "titel",
    "beschreibung",
    "tâche",
    "titre",
    "tarea",
    "título",
];
const STATES: [&str; 8] = ["status", "state", "done", "ステータス", "状態", "状态", "stand", "estado"];
const TIMES: [&str; 8] =
    ["estimate", "estimated duration", "duration", "effort", "時間", "見積", "aufwand", "dauer"];

/// A table: its head, and its rows with the line of each.
#[derive(Default)]
struct Table {
    head: Vec<String>,
    rows: Vec<(usize, Vec<String>)>,
}

/// Which column holds what.
struct Columns {
    id: usize,
    title: usize,
    needs: Option<usize>,
    state: Option<usize>,
    time: Option<usize>,
}

pub(super) fn read(text: &str) -> Document {
    let tables = tables(text);
    let headings = headings::of(text);
    let title = headings::title(&headings).map(|at| headings[at].text.clone());
    // One document's tables name each other's tasks.
    let ids: HashSet<String> = tables
        .iter()
        .filter_map(|table| Some((id_column(table)?, table)))
        .flat_map(|(id, table)| table.rows.iter().map(move |(_, row)| id_of(&row[id])))
        .collect();
    let mut document = Document { title, ..Document::default() };
    for table in &tables {
        let Some(columns) = columns(table, &ids) else { continue };
        document.tasks.extend(table.rows.iter().map(|(line, row)| task(table, &columns, *line, row)));
    }
    document
}

fn tables(text: &str) -> Vec<Table> {
    let lines = Lines::of(text);
    let mut tables = Vec::new();
    let mut table = Table::default();
    let (mut row, mut cell, mut line) = (Vec::new(), String::new(), 0);
    for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
        match event {
            Event::Start(Tag::TableHead | Tag::TableRow) => line = lines.at(range.start),
            Event::Start(Tag::TableCell) => cell.clear(),
            Event::Text(piece) | Event::Code(piece) | Event::InlineHtml(piece) => {
                cell.push_str(&piece);
            }
            Event::SoftBreak | Event::HardBreak => cell.push(' '),
            Event::End(TagEnd::TableCell) => row.push(cell.trim().to_owned()),
            Event::End(TagEnd::TableHead) => table.head = std::mem::take(&mut row),
            Event::End(TagEnd::TableRow) => table.rows.push((line, std::mem::take(&mut row))),
            Event::End(TagEnd::Table) => tables.push(std::mem::take(&mut table)),
            _ => {}
        }
    }
    tables
}

/// Finds the column of ids: each cell another one, and none with blanks in it.
fn id_column(table: &Table) -> Option<usize> {
    let holds_ids = |column: &usize| {
        let mut seen = HashSet::new();
        let cells = table.rows.iter().map(|(_, row)| id_of(&row[*column]));
        !table.rows.is_empty() && cells.into_iter().all(|cell| is_id(&cell) && seen.insert(cell))
    };
    let columns = 0..table.head.len();
    let named = columns.clone().find(|at| is_one_of(&table.head[*at], &IDS));
    named.filter(|at| holds_ids(at)).or_else(|| columns.take(2).find(holds_ids))
}

fn columns(table: &Table, ids: &HashSet<String>) -> Option<Columns> {
    let id = id_column(table)?;
    let others: Vec<usize> = (0..table.head.len()).filter(|at| *at != id).collect();
    let named = |words: &[&str]| others.iter().copied().find(|at| is_one_of(&table.head[*at], words));
    let cells = |at: usize| table.rows.iter().map(move |(_, row)| row[at].as_str());
    let names_tasks = |at: &usize| {
        let mut some = false;
        let all = cells(*at).all(|cell| {
            is_nothing(cell) || {
                some = true;
                listed(cell).iter().all(|name| ids.contains(name))
            }
        });
        all && some
    };
    let needs = named(&DEPENDS).or_else(|| others.iter().copied().find(names_tasks));
    let state = named(&STATES);
    let time = named(&TIMES);
    let free = |at: &usize| ![needs, state, time].contains(&Some(*at));
    let length = |at: &usize| cells(*at).map(|cell| cell.chars().count()).sum::<usize>();
    let title = named(&TITLES)
        .filter(free)
        .or_else(|| others.iter().copied().filter(free).max_by_key(|at| (length(at), usize::MAX - at)))?;
    // A table of figures has numbers in its first column, too: tasks have words.
    let has_words = cells(title).all(|cell| cell.chars().any(char::is_alphabetic));
    let is_list = named(&TITLES).is_some() || needs.is_some() || state.is_some();
    (has_words && is_list).then_some(Columns { id, title, needs, state, time })
}

fn task(table: &Table, columns: &Columns, line: usize, row: &[String]) -> Task {
    let taken = [Some(columns.id), Some(columns.title), columns.needs, columns.state, columns.time];
    let rest = (0..row.len()).filter(|at| !taken.contains(&Some(*at)) && !is_nothing(&row[*at]));
    let description: Vec<String> = rest.map(|at| format!("{}: {}", table.head[at], row[at])).collect();
    Task {
        id: id_of(&row[columns.id]),
        title: row[columns.title].clone(),
        description: description.join("\n"),
        estimate: columns.time.and_then(|at| estimate(&row[at])),
        needs: columns.needs.map(|at| listed(&row[at])).unwrap_or_default(),
        line,
        is_done: columns.state.is_some_and(|at| is_done(&row[at])),
        ..Task::default()
    }
}

fn id_of(cell: &str) -> String {
    listed(cell).into_iter().next().unwrap_or_default()
}

/// Tells whether a cell may be the id of a task: one word, with a digit or a mark in it.
fn is_id(cell: &str) -> bool {
    let is_word = !cell.is_empty() && cell.len() <= 64 && !cell.contains(char::is_whitespace);
    is_word && cell.contains(|c: char| c.is_ascii_digit() || matches!(c, '-' | '_'))
}

fn is_one_of(head: &str, words: &[&str]) -> bool {
    words.contains(&plain(head).to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(document: &Document) -> Vec<String> {
        let tasks = document.tasks.iter();
        tasks
            .map(|task| format!("{} {} <{}> {}", task.id, task.title, task.needs.join(" "), task.is_done))
            .collect()
    }

    #[test]
    fn a_table_of_any_language_is_told_by_its_cells() {
        let tables = [
            "| ID | Title | Depends on | Status |\n|---|---|---|---|\n| T1 | Add a | - | done |\n| T2 | Add b | T1 | todo |\n",
            "| Task | 内容 | DoD | Depends | Status |\n|---|---|---|---|---|\n| 1.1 | Add a | ok | - | cc:完了 |\n| 1.2 | Add b | ok | 1.1 | cc:TODO |\n",
            "| Nummer | Vorhaben | Wartet auf |\n|:-:|---|---|\n| A-1 | Etwas tun | – |\n| A-2 | Mehr tun | A-1 |\n",
            "| | Wat | Daarna |\n|---|---|---|\n| `x-1` | Eerst \\| dan | |\n| `x-2` | Later | `x-1` |\n",
        ];
        let expected = [
            ["T1 Add a <> true", "T2 Add b <T1> false"],
            ["1.1 Add a <> true", "1.2 Add b <1.1> false"],
            ["A-1 Etwas tun <> false", "A-2 Mehr tun <A-1> false"],
            ["x-1 Eerst | dan <> false", "x-2 Later <x-1> false"],
        ];
        for (text, tasks) in tables.iter().zip(expected) {
            assert_eq!(shown(&read(text)), tasks, "{text}");
        }
    }

    #[test]
    fn tables_of_one_document_name_each_others_tasks() {
        let text = "# All\n\n| # | Task | After |\n|-|-|-|\n| 1 | One | |\n\nMore\n\n| # | Task | After |\n|-|-|-|\n| 2 | Two | 1 |\n";
        let document = read(text);
        assert_eq!(document.title.as_deref(), Some("All"));
        assert_eq!(shown(&document), ["1 One <> false", "2 Two <1> false"]);
        assert_eq!(document.tasks[1].line, 11);
    }

    #[test]
    fn rows_of_other_lengths_than_the_head_are_read_as_github_shows_them() {
        let text = "| # | Task | After |\n|-|-|-|\n| 1 | One |\n| 2 | Two | 1 | more | and more |\n";
        assert_eq!(shown(&read(text)), ["1 One <> false", "2 Two <1> false"]);
    }

    #[test]
    fn a_table_of_something_else_holds_no_tasks() {
        let texts = [
            "| size | time |\n|---|---|\n| 10 | 2 ms |\n| 20 | 3 ms |\n",
            "| option | meaning |\n|---|---|\n| a | b |\n",
            "| year | sold |\n|---|---|\n| 2020 | none |\n",
        ];
        for text in texts {
            assert_eq!(read(text).tasks, [], "{text}");
        }
    }
}
