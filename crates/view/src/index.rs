//! The page of all runs: which need somebody, what they cost, how often the first try was enough.

use maud::{Markup, html};

use crate::fact::{Fact, Mark, list};
use crate::frame::{self, Frame, Life};
use crate::link::Link;
use crate::words::Words;

/// Runs that have rows; more of them are counted.
const ROWS: usize = 250;

/// All runs of a checkout. Their page is served, and follows them.
#[derive(Debug, Clone, Default)]
pub struct Index {
    /// Whose they are.
    pub title: Words,
    /// How many need somebody, what they cost, and the like.
    pub facts: Vec<Fact>,
    /// The runs, those first that are to be seen first.
    pub rows: Vec<Row>,
}

/// A run among others.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// How it stands.
    pub mark: Mark,
    /// The issue.
    pub issue: Words,
    /// The run's name.
    pub run: Words,
    /// Its page.
    pub page: Option<Link>,
    /// How it stands, in a word.
    pub result: Words,
    /// What is to be said of it: why it failed, what to look at.
    pub note: Words,
    /// How long it took.
    pub took: Words,
    /// What it cost.
    pub cost: Words,
    /// What to do next.
    pub next: Words,
}

pub(crate) fn page(index: &Index) -> String {
    frame::page(Frame { title: index.title.clone(), life: Life::Live, is_run: false, main: main(index) })
}

fn main(index: &Index) -> Markup {
    let more = index.rows.len().saturating_sub(ROWS);
    html! {
        header { h1 { (index.title) } (list(&index.facts)) }
        section aria-labelledby="runs" {
            h2 id="runs" { "Runs" }
            @if index.rows.is_empty() { p { "There are no runs here yet." } } @else { (table(index)) }
            @if more > 0 { p class="gap" { "and " (more) " more" } }
        }
    }
}

fn table(index: &Index) -> Markup {
    html! {
        table {
            thead { tr {
                @for name in ["issue", "run", "result", "", "time", "cost", "next"] {
                    @if name.is_empty() { td {} } @else { th scope="col" { (name) } }
                }
            } }
            tbody { @for row in index.rows.iter().take(ROWS) { (line(row)) } }
        }
    }
}

fn line(row: &Row) -> Markup {
    html! {
        tr {
            td { (row.issue) }
            td { @match &row.page { Some(page) => a href=(page.as_str()) { (row.run) }, None => (row.run) } }
            td class=(row.mark.class()) { (row.mark.sign()) " " (row.result) }
            td { (row.note) }
            td { (row.took) }
            td { (row.cost) }
            td { @if !row.next.is_empty() { kbd { (row.next) } } }
        }
    }
}
