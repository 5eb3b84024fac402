//! The page of a run: verdict, what a reviewer and a security officer want to know first, then everything.

use maud::{Markup, html};

use crate::budget::{MOST_NODES, nodes};
use crate::fact::list;
use crate::frame::{self, Frame};
use crate::page::{Changed, Decision, Run};
use crate::words::Words;
use crate::{axis, log, steps};

/// Rows of a table; more of them are lines of text.
const ROWS: usize = 60;
/// Nodes of colours and chunks of a log at most, where steps want some, too.
const LOG: usize = 1500;
/// Nodes of the page that stand for themselves: `html`, `head` and texts that a browser adds.
const SPARE: usize = 40;

pub(crate) fn page(run: &Run) -> String {
    let none = html! {};
    let bare = whole(run, &none, &none);
    let room = MOST_NODES.saturating_sub(nodes(&bare) + SPARE);
    // What cannot be told in less: a text each.
    let (pieces, all) = (2 * run.log.len(), 5 * run.steps.len());
    let for_log = LOG.min(room.saturating_sub(all) / 2).max(pieces.min(room / 3)).max(2);
    let log = log::show(&run.log, for_log);
    let steps = steps::show(&run.steps, room.saturating_sub(nodes(&log.0)));
    whole(run, &steps, &log)
}

fn whole(run: &Run, steps: &Markup, log: &Markup) -> String {
    let title = format!("{} · {}", run.heading, run.name);
    frame::page(Frame { title: title.into(), life: run.life, is_run: true, main: main(run, steps, log) })
}

fn main(run: &Run, steps: &Markup, log: &Markup) -> Markup {
    html! {
        header {
            h1 class=(run.mark.class()) { (run.mark.sign()) " " (run.heading) }
            p { (run.title) }
            (list(&run.extent))
        }
        div class="first" {
            section aria-labelledby="review" { h2 id="review" { "For a reviewer" } (list(&run.review)) }
            section aria-labelledby="security" { h2 id="security" { "For a security officer" } (list(&run.security)) }
        }
        (files(&run.files))
        (axis::draw(&run.steps, &run.ticks))
        section aria-labelledby="steps" { h2 id="steps" { "Steps" } (steps) }
        (network(&run.network))
        section aria-labelledby="log" class="log" { h2 id="log" { "Log" } (search()) div id="lines" { (log) } }
        section aria-labelledby="check" { h2 id="check" { "How to check this" } (list(&run.check)) }
    }
}

/// A place to type into; of no use without the script, which shows it.
fn search() -> Markup {
    html! {
        form id="search" role="search" hidden {
            label for="wanted" { "Search" }
            input id="wanted" type="search" autocomplete="off" spellcheck="false";
            button type="button" id="back" { "Previous" }
            button type="submit" { "Next" }
            output id="found" for="wanted" {}
        }
    }
}

fn files(files: &[Changed]) -> Markup {
    if files.is_empty() {
        return html! {};
    }
    let (rows, more) = files.split_at(files.len().min(ROWS));
    let line = |file: &Changed| format!("{}  {}  {}\n", file.path, file.extent, file.why);
    let has_why = files.iter().any(|file| !file.why.is_empty());
    html! {
        section aria-labelledby="files" {
            h2 id="files" { (files.len()) @if files.len() == 1 { " file" } @else { " files" } }
            table {
                thead { tr {
                    th scope="col" { "path" }
                    th scope="col" { "lines" }
                    @if has_why { th scope="col" { "look at it, because" } }
                } }
                tbody {
                    @for file in rows {
                        tr {
                            td { code { (file.path) } }
                            td { (file.extent) }
                            @if has_why { td class="look" { (file.why) } }
                        }
                    }
                }
            }
            (rest(more.iter().map(line).collect()))
        }
    }
}

fn network(decisions: &[Decision]) -> Markup {
    let (rows, more) = decisions.split_at(decisions.len().min(ROWS));
    let line = |each: &Decision| {
        format!("{} {}  {}  {}  {}\n", each.mark.sign(), each.at, each.to, each.verdict, each.extent)
    };
    html! {
        section aria-labelledby="network" {
            h2 id="network" { "Network" }
            @if decisions.is_empty() { p { "No step asked for a connection." } } @else {
                table {
                    thead { tr {
                        th scope="col" { "verdict" } th scope="col" { "to" } th scope="col" { "step" } th scope="col" { "how much" }
                    } }
                    tbody {
                        @for each in rows {
                            tr {
                                td class=(each.mark.class()) { (each.mark.sign()) " " (each.verdict) }
                                td { code { (each.to) } }
                                td { (each.at) }
                                td { (each.extent) }
                            }
                        }
                    }
                }
                (rest(more.iter().map(line).collect()))
            }
        }
    }
}

fn rest(lines: String) -> Markup {
    html! { @if !lines.is_empty() { pre { (Words::from(lines)) } } }
}
