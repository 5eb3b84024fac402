//! Takes when each attempt was, gives a picture on a true time axis: attempts, and the waits between them.

use maud::{Markup, html};

use crate::fact::Mark;
use crate::page::{Span, Step};
use crate::steps::anchor;
use crate::words::Words;

/// Steps that have rows with their names; of more there is one picture.
const NAMED: usize = 60;
/// Bars of a picture at most, and of a row.
const BARS: usize = 600;
const OF_A_ROW: usize = 12;

/// Draws the steps of a run.
pub(crate) fn draw(steps: &[Step], ticks: &[Words]) -> Markup {
    let end =
        steps.iter().flat_map(|step| &step.attempts).map(|attempt| attempt.span.end()).max().unwrap_or(0);
    if end == 0 {
        return html! {};
    }
    html! {
        section aria-labelledby="when" {
            h2 id="when" { "When" }
            div class="axis" {
                @if steps.len() <= NAMED {
                    @for step in steps { (row(step, end)) }
                } @else {
                    (picture(steps, end, ticks.last()))
                }
                (labels(ticks, steps.len() <= NAMED))
            }
        }
    }
}

fn row(step: &Step, end: u64) -> Markup {
    let bars = bars(step);
    let last = bars.len().saturating_sub(OF_A_ROW);
    html! {
        a href={ "#" (anchor(&step.id)) } { (step.id) }
        svg role="img" aria-label=(step.when) height="16" width="100%" {
            @for (class, span) in &bars[last..] { (bar(class, *span, end, "1", "14")) }
        }
    }
}

/// Lists attempts and the waits between them.
fn bars(step: &Step) -> Vec<(&'static str, Span)> {
    let mut bars = Vec::new();
    let mut before: Option<u64> = None;
    for attempt in &step.attempts {
        let from = attempt.span.from;
        if let Some(end) = before.filter(|end| *end < from) {
            bars.push(("wait", Span { from: end, took: from - end }));
        }
        bars.push((if attempt.mark == Mark::Plain { "open" } else { attempt.mark.class() }, attempt.span));
        before = Some(attempt.span.end());
    }
    bars
}

fn bar(class: &str, span: Span, end: u64, y: &str, height: &str) -> Markup {
    // What took no time is seen all the same.
    let width = percent(span.took, end).max(0.2);
    html! {
        rect class=(class) x={ (format!("{:.3}", percent(span.from, end).min(99.8))) "%" } y=(y)
            width={ (format!("{width:.3}")) "%" } height=(height) {}
    }
}

#[expect(clippy::cast_precision_loss, reason = "a place in a picture")]
fn percent(part: u64, whole: u64) -> f64 {
    part as f64 * 100.0 / whole as f64
}

fn picture(steps: &[Step], end: u64, over: Option<&Words>) -> Markup {
    let height = 400 / steps.len().min(400);
    let rows = steps
        .iter()
        .enumerate()
        .flat_map(|(place, step)| bars(step).into_iter().map(move |(class, span)| (place, class, span)));
    let over = over.map(|over| format!(" of {over}")).unwrap_or_default();
    let label = format!("{} steps on a time axis{over}", steps.len());
    html! {
        svg class="all" role="img" aria-label=(label) width="100%" height=(steps.len() * height) {
            @for (place, class, span) in rows.take(BARS) {
                (bar(class, span, end, &(place * height).to_string(), &height.to_string()))
            }
        }
    }
}

/// Marks parts of the same length.
fn labels(ticks: &[Words], has_names: bool) -> Markup {
    let last = ticks.len().saturating_sub(1);
    html! {
        svg class=(if has_names { "ticks" } else { "ticks all" }) aria-hidden="true" height="16" width="100%" {
            @for (part, tick) in ticks.iter().enumerate() {
                text x={ (part * 100 / last.max(1)) "%" } y="12"
                    text-anchor=(if part == 0 { "start" } else if part == last { "end" } else { "middle" }) {
                    (tick)
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::Attempt;

    #[test]
    fn waits_are_between_attempts_and_places_are_true() {
        let attempt = |from, took, mark| Attempt { span: Span { from, took }, mark, ..Attempt::default() };
        let step = Step {
            id: "a".into(),
            when: "when it was".into(),
            attempts: vec![attempt(0, 1000, Mark::Bad), attempt(3000, 1000, Mark::Good)],
            ..Step::default()
        };
        let html = draw(&[step], &["0s".into(), "2s".into(), "4s".into()]).into_string();
        let rects: Vec<&str> =
            html.split("<rect ").skip(1).map(|rect| rect.split(" y=").next().unwrap()).collect();
        let expected =
            ["class=\"bad\" x=\"0.000%\"", "class=\"wait\" x=\"25.000%\"", "class=\"good\" x=\"75.000%\""];
        assert_eq!(rects, expected);
        assert!(html.contains("aria-label=\"when it was\"") && html.contains("x=\"50%\""), "{html}");
    }
}
