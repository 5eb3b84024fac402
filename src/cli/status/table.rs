//! Takes the rows of `status`, gives a table; where that is wider than the terminal, a line for each run with what to do next
//! below it.

use std::time::Duration;

use unicode_width::UnicodeWidthStr;

use crate::plan::units;
use crate::time;

/// What the table has of a run.
pub(super) struct Cells {
    pub(super) issue: String,
    pub(super) run: String,
    pub(super) result: String,
    pub(super) step: String,
    pub(super) time: Option<Duration>,
    pub(super) age: Option<Duration>,
    pub(super) cost: Option<u64>,
    pub(super) next: String,
}

/// Columns that may be left out.
const COST: usize = 6;
const RUN: usize = 1;
const NEXT: usize = 7;

/// Draws the rows on so many columns.
pub(super) fn draw(rows: &[Cells], width: usize) -> String {
    let head = ["ISSUE", "RUN", "RESULT", "STEP", "TIME", "AGE", "COST", "NEXT"].map(str::to_owned);
    // Nobody needs a column of dashes.
    let costs = rows.iter().any(|row| row.cost.is_some_and(|cost| cost > 0));
    let cells: Vec<[String; 8]> = std::iter::once(head).chain(rows.iter().map(texts)).collect();
    let columns: Vec<usize> = (0..8).filter(|column| costs || *column != COST).collect();
    let wide = lines(&cells, &columns);
    if wide.iter().all(|line| line.width() <= width) {
        return wide.join("\n");
    }
    // What comes next is a command that somebody copies: it has a line of its own rather than half of one.
    let narrow: Vec<usize> = columns.into_iter().filter(|column| ![RUN, NEXT].contains(column)).collect();
    let lines = lines(&cells, &narrow);
    let next = std::iter::once("").chain(rows.iter().map(|row| row.next.as_str()));
    let each = lines.into_iter().zip(next).map(|(line, next)| match next {
        "" => line,
        next => format!("{line}\n    {}", next.replace('\n', " ")),
    });
    each.collect::<Vec<_>>().join("\n")
}

fn texts(row: &Cells) -> [String; 8] {
    let dash = || "–".to_owned();
    [
        row.issue.clone(),
        row.run.clone(),
        row.result.clone(),
        row.step.clone(),
        row.time.map_or_else(dash, time::spoken),
        row.age.map_or_else(dash, time::age),
        row.cost.map_or_else(dash, units::dollars),
        // A line is a row, whatever is said of it.
        row.next.replace('\n', " "),
    ]
}

fn lines(cells: &[[String; 8]], columns: &[usize]) -> Vec<String> {
    let width = |column: &usize| cells.iter().map(|row| row[*column].width()).max().unwrap_or(0);
    let widths: Vec<usize> = columns.iter().map(width).collect();
    let line = |row: &[String; 8]| {
        let padded = columns.iter().zip(&widths).map(|(column, width)| {
            let cell = &row[*column];
            format!("{cell}{}", " ".repeat(width - cell.width()))
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    cells.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(issue: &str, cost: Option<u64>, next: &str) -> Cells {
        Cells {
            issue: issue.to_owned(),
            run: "20261003T101500Z".to_owned(),
            result: "failed".to_owned(),
            step: "implement 2/2".to_owned(),
            time: Some(Duration::from_secs(362)),
            age: Some(Duration::from_secs(7300)),
            cost,
            next: next.to_owned(),
        }
    }

    #[test]
    fn a_narrow_terminal_has_every_word_and_no_line_that_is_too_wide() {
        let rows = [row("653", Some(410_000), "autopilot logs 653 --failed"), row("7", None, "")];
        let wide = draw(&rows, 200);
        assert_eq!(wide.lines().count(), 3, "{wide}");
        assert!(
            wide.lines().nth(1).unwrap().ends_with("6m2s  2h   $0.41  autopilot logs 653 --failed"),
            "{wide}"
        );
        let narrow = draw(&rows, 60);
        assert!(narrow.lines().all(|line| line.width() <= 60), "{narrow}");
        assert_eq!(narrow.lines().nth(2), Some("    autopilot logs 653 --failed"), "{narrow}");
    }
}
